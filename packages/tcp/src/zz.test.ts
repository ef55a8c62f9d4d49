import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { IpFlow } from '@tickwire/wire';
import type { Tcb } from './tcb.ts';
import type { Host } from './testing/host.ts';
import { Link, type LinkOptions } from './testing/link.ts';
import { patternByte } from './testing/scripted-peer.ts';

const MS = 1_000_000;

/** One direction of a conversation: writes a pattern, and checks what the other side gets. */
class Direction {
  written = 0;
  received = 0;
  wrong = 0;
  ended = false;
  readonly from: Host;
  readonly sender: Tcb;
  readonly total: number;
  readonly #chunk = new Uint8Array(4096);

  constructor(from: Host, sender: Tcb, total: number) {
    this.from = from;
    this.sender = sender;
    this.total = total;
  }

  fill(random: Prng): void {
    while (this.written < this.total) {
      const want = Math.min(1 + random.nextBelow(4096), this.total - this.written);
      for (let i = 0; i < want; i += 1) this.#chunk[i] = patternByte(this.written + i);
      const taken = this.from.tcp.write(this.sender, this.#chunk, 0, want);
      if (taken < 0) throw new Error(`write: ${taken}`);
      this.written += taken;
      if (taken < want) return;
    }
    this.from.tcp.shutdown(this.sender);
  }

  take(bytes: Uint8Array, at: number, length: number): void {
    for (let i = 0; i < length; i += 1) {
      if (bytes[at + i] !== patternByte(this.received + i)) this.wrong += 1;
    }
    this.received += length;
  }
}

/** Both directions at once; receivers pause, pull and read as they like. */
function converse(options: LinkOptions, total: number, manners: 'pause' | 'pull'): Link {
  const small = { receiveBufferBytes: 16_384, receiveBufferBytesMax: 65_536 };
  const link = new Link({
    ...options,
    a: { record: false, ...options.a, config: { ...small, ...options.a?.config } },
    b: { record: false, ...options.b, config: { ...small, ...options.b?.config } },
  });
  const { client, server } = link.connect();
  const random = new Prng(options.seed);
  const up = new Direction(link.a, client, total);
  const down = new Direction(link.b, server, total);
  const hook = (host: Host, tcb: Tcb, incoming: Direction, outgoing: Direction): void => {
    if (manners === 'pull') host.tcp.setPull(tcb);
    host.onDrained = (): void => outgoing.fill(random);
    host.onData = (_tcb, _frame, at, length): void => {
      incoming.take(host.arena.bytes, at, length);
      if (random.nextBelow(10) === 0) host.tcp.pause(tcb);
    };
    host.onEnded = (): void => {
      incoming.ended = true;
    };
  };
  hook(link.a, client, down, up);
  hook(link.b, server, up, down);
  up.fill(random);
  down.fill(random);
  const into = new Uint8Array(8192);
  const endNs = link.nowNs + 3600e9;
  const open = (host: Host, tcb: Tcb): boolean => host.of(tcb).closed === '';
  while ((open(link.a, client) || open(link.b, server)) && link.nowNs < endNs) {
    // The owners look after their connections every now and then.
    link.runFor(1 + random.nextBelow(40 * MS));
    for (const [host, tcb, incoming] of [
      [link.a, client, down],
      [link.b, server, up],
    ] as const) {
      if (!open(host, tcb)) continue;
      if (manners === 'pause') host.tcp.resume(tcb);
      else {
        const want = random.nextBelow(into.length);
        const count = host.tcp.read(tcb, into, 0, want);
        if (count > 0) incoming.take(into, 0, count);
      }
    }
  }
  for (const direction of [up, down]) {
    expect(direction.wrong).toBe(0);
    expect(direction.received).toBe(total);
    expect(direction.ended).toBe(true);
  }
  expect(link.a.of(client).closed).toBe('finished');
  expect(link.b.of(server).closed).toBe('finished');
  link.runFor(130e9);
  link.assertClean();
  return link;
}

test('stress', () => {
  const r = new Prng(Number(process.env.SEED ?? 1));
  const t0 = performance.now(); let n = 0;
  while (performance.now() - t0 < 50_000) {
    const seed = r.nextUint32();
    const q = new Prng(seed);
    const cfg = (): object => ({ sack: q.nextBelow(4) > 0, timestamps: q.nextBelow(3) > 0, congestion: q.nextBelow(2), nagle: q.nextBelow(4) === 0, pacing: q.nextBelow(4) === 0, ecn: q.nextBelow(3), windowScaling: q.nextBelow(4) > 0, rtoMinNs: q.nextBelow(2) ? 200 * MS : 2 * MS, rtoMaxNs: 2000 * MS, rtoInitialNs: 1000*MS, retriesMax: 100, synRetriesMax: 50, mssMax: [1460, 536, 100, 64][q.nextBelow(4)], delayedAckNs: q.nextBelow(3) * 20 * MS, receiveBufferBytes: 2048 + q.nextBelow(16000), receiveBufferBytesMax: 20000 + q.nextBelow(100000), finWait2Ns: 1e12 });
    const sh = q.nextBelow(3) === 0;
    const fr = q.nextBelow(3) === 0 && !sh ? 128 : 2048;
    const o: LinkOptions = { seed, delayNs: [10_000, MS, 20 * MS][q.nextBelow(3)]!, loss: [0, 0.01, 0.05, 0.2][q.nextBelow(4)]!, reorder: [0, 0.05, 0.3][q.nextBelow(3)]!, duplicate: [0, 0.05][q.nextBelow(2)]!, mark: [0, 0.05][q.nextBelow(2)]!, shared: sh, a: { frames: fr, config: cfg() as never, mtu: [1500, 600][q.nextBelow(2)]! }, b: { frames: fr, config: cfg() as never }, ...(q.nextBelow(2) ? { bitsPerSecond: 10e6, queueBytes: 20000 } : {}) };
    try { converse(o, 30_000, q.nextBelow(2) ? 'pause' : 'pull'); n++; } catch (e) { console.log('FAIL seed', seed, JSON.stringify(o), String((e as Error).stack).split('\n').slice(0, 6).join(' | ')); if (++bad > 4) break; }
  }
  console.log(n, 'runs ok');
}, 100_000);
let bad = 0;
