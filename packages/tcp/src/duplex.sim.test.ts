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

describe('both directions at once, with receivers that take their time', () => {
  for (const manners of ['pause', 'pull'] as const) {
    for (const loss of [0, 0.02, 0.1]) {
      test(`${manners}, loss ${loss * 100} %: closed windows open again`, () => {
        const seed = 31 + loss * 100;
        converse({ seed, delayNs: 2 * MS, loss, reorder: loss }, 200_000, manners);
      });
    }
  }

  test('crossed rings: receivers keep the sender`s very frames', () => {
    converse({ seed: 41, delayNs: MS, loss: 0.02, reorder: 0.05, shared: true }, 200_000, 'pause');
  });

  test('Nagle, delayed ACKs and small writes do not lock one another up', () => {
    const config = { nagle: true };
    converse({ seed: 42, delayNs: MS, loss: 0.01, a: { config }, b: { config } }, 100_000, 'pause');
  });

  test('small pools on both sides', () => {
    converse(
      { seed: 43, delayNs: MS, loss: 0.02, a: { frames: 128 }, b: { frames: 128 } },
      200_000,
      'pull',
    );
  });
});

describe('many connections', () => {
  test('open, talk and close by the hundred; everything returns to zero', () => {
    const COUNT = 400;
    const config = { connectionsMax: 1024, sendFramesTotalMax: 4096 };
    const link = new Link({
      seed: 51,
      delayNs: MS,
      loss: 0.01,
      a: { record: false, frames: 8192, config },
      b: { record: false, frames: 8192, config },
    });
    link.b.tcp.listen(0, 0, 0, 0, 80, { backlog: COUNT });
    let echoed = 0;
    let closed = 0;
    const request = new Uint8Array(100).fill(7);
    link.b.onData = (tcb, _frame, at, length): void => {
      link.b.tcp.write(tcb, link.b.arena.bytes, at, length);
    };
    link.b.onEnded = (tcb): void => {
      link.b.tcp.close(tcb, link.nowNs);
    };
    link.a.onOpened = (tcb): void => {
      link.a.tcp.write(tcb, request, 0, request.length);
    };
    link.a.onData = (tcb, _frame, _at, length): void => {
      echoed += length;
      link.a.tcp.shutdown(tcb);
    };
    link.a.onClosed = (_tcb, reason): void => {
      expect(reason).toBe(0);
      closed += 1;
    };
    for (let i = 0; i < COUNT; i += 1) {
      const flow = new IpFlow();
      flow.remote2 = 0xffff;
      flow.remote3 = link.b.address;
      expect(typeof link.a.tcp.connect(flow, 80, 0, link.nowNs)).toBe('object');
    }
    link.run(() => closed === COUNT, 600e9);
    expect(echoed).toBe(COUNT * 100);
    link.runFor(130e9);
    link.assertClean();
  });

  test('M3, smoltcp#170: idle connections are not visited', () => {
    const COUNT = 500;
    const config = { connectionsMax: 1024 };
    const link = new Link({ seed: 52, delayNs: MS, a: { config }, b: { config } });
    const { client } = link.connect();
    for (let i = 1; i < COUNT; i += 1) {
      const flow = new IpFlow();
      flow.remote2 = 0xffff;
      flow.remote3 = link.b.address;
      link.a.tcp.connect(flow, 80, 0, link.nowNs);
    }
    link.runFor(30e9);
    expect(link.b.tcp.connectionCount).toBe(COUNT);
    expect(link.a.tcp.wantsEgress()).toBe(false);
    expect(link.a.tcp.timersArmed).toBe(0);
    let looks = 0;
    const room = link.a.room.bind(link.a);
    link.a.room = (): number => {
      looks += 1;
      return room();
    };
    for (let i = 0; i < 100; i += 1) link.a.tcp.egress(link.nowNs);
    expect(looks).toBe(0);
    link.a.tcp.write(client, new Uint8Array(10), 0, 10);
    link.a.tcp.egress(link.nowNs);
    expect(looks).toBeLessThan(4);
  });
});
