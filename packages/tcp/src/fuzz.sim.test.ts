import { describe, expect, test } from 'bun:test';
import { NO_FRAME, Prng } from '@tickwire/base';
import { emitTcp, IpMeta } from '@tickwire/wire';
import { Ecn } from './config.ts';
import { State } from './state.ts';
import type { Host } from './testing/host.ts';
import { Link } from './testing/link.ts';
import { pattern, patternByte, Script } from './testing/scripted-peer.ts';

const MS = 1_000_000;

/** Injects a segment whose every field may be nonsense, from any of a few addresses. */
function injectNoise(host: Host, random: Prng, ports: readonly number[], base: number): void {
  const frame = host.arena.alloc();
  if (frame === NO_FRAME) return;
  const { view, bytes } = host.arena;
  const at = host.arena.dataAt[frame]!;
  const near = random.nextBelow(2) === 0 ? base : random.nextUint32();
  const headerBytes =
    random.nextBelow(4) === 0 ? 4 * random.nextBelow(16) : 20 + 4 * random.nextBelow(11);
  for (let i = 0; i < 64; i += 1) bytes[at + i] = random.nextUint32() & 0xff;
  emitTcp(
    view,
    at,
    ports[random.nextBelow(ports.length)]!,
    ports[random.nextBelow(ports.length)]!,
    (near + random.nextBelow(4000) - 2000) | 0,
    random.nextUint32() | 0,
    headerBytes,
    random.nextBelow(512),
    random.nextBelow(65_536),
    0,
  );
  // Options that look like options.
  let to = at + 20;
  while (to < at + headerBytes - 2) {
    const kind = [0, 1, 2, 3, 4, 5, 8, 34, 172, 174, 254][random.nextBelow(11)]!;
    bytes[to] = kind;
    bytes[to + 1] = random.nextBelow(12);
    to += 1 + random.nextBelow(12);
  }
  const meta = new IpMeta();
  meta.src2 = 0xffff;
  meta.src3 = 0x0a000002 + random.nextBelow(2);
  meta.dst2 = 0xffff;
  meta.dst3 = host.address;
  meta.protocol = 6;
  meta.trafficClass = random.nextBelow(4);
  meta.at = at;
  meta.length =
    random.nextBelow(8) === 0 ? random.nextBelow(30) : headerBytes + random.nextBelow(600);
  meta.frame = frame;
  meta.linkDst = random.nextBelow(20) === 0 ? 2 : 0;
  host.tcp.segmentArrives(meta, host.arena.capacity > 0 ? nowOf(host) : 0);
}

const clocks = new WeakMap<Host, number>();
function nowOf(host: Host): number {
  return clocks.get(host) ?? 1_000_000_000;
}

describe('random segments', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`smoltcp#1048: never throw, never leak; seed ${seed}`, () => {
      const random = new Prng(seed);
      const s = new Script({
        seed,
        config: {
          timeWaitNs: 1000 * MS,
          synRetriesMax: 2,
          synAckRetriesMax: 2,
          retriesMax: 4,
          ecn: seed > 4 ? Ecn.Accurate : Ecn.ClassicPassive,
        },
      });
      const { host } = s;
      host.tcp.listen(0, 0, 0, 0, 80);
      host.tcp.listen(0, 0, 0, 0, 5000);
      const into = new Uint8Array(100);
      for (let i = 0; i < 30_000; i += 1) {
        clocks.set(host, s.nowNs);
        const first = host.tcp.firstConnection();
        const base = first < 0 ? 0 : host.tcp.connection(first).rcvNxt;
        injectNoise(host, random, [80, 5000, 5001], base);
        if (random.nextBelow(3) === 0) s.egress();
        if (random.nextBelow(10) === 0) s.advance(random.nextBelow(100) * MS);
        if (random.nextBelow(50) === 0 && first >= 0) {
          const tcb = host.tcp.connection(first);
          const verb = random.nextBelow(9);
          if (verb === 0) host.tcp.abort(tcb, s.nowNs);
          else if (verb === 1) host.tcp.close(tcb, s.nowNs);
          else if (verb === 2) host.tcp.shutdown(tcb);
          else if (verb === 3) host.tcp.pause(tcb);
          else if (verb === 4 && tcb.state !== State.Closed) host.tcp.resume(tcb);
          else if (verb === 5) host.tcp.setPull(tcb);
          else if (verb === 6) host.tcp.read(tcb, into, 0, 100);
          else host.tcp.write(tcb, into, 0, 100);
        }
        if (i % 1000 === 0 && host.tcp.connectionCount < 100) {
          try {
            s.connect(6000 + i / 1000);
          } catch {
            // The 4-tuple is taken: fine.
          }
        }
        host.log.length = 0;
      }
      for (let slot = host.tcp.firstConnection(); slot >= 0; slot = host.tcp.nextConnection(slot)) {
        host.tcp.abort(host.tcp.connection(slot), s.nowNs);
      }
      s.advance(100_000 * MS);
      s.assertClean();
    });
  }

  test('one live connection stays bit-exact in the noise', () => {
    const link = new Link({ seed: 11, delayNs: MS, a: { record: false }, b: { record: false } });
    const { client } = link.connect();
    const random = new Prng(11);
    const total = 300_000;
    let written = 0;
    let received = 0;
    let wrong = 0;
    link.b.onData = (tcb, _frame, at, length): void => {
      if (tcb.remotePort !== client.localPort) return;
      for (let i = 0; i < length; i += 1) {
        if (link.b.arena.bytes[at + i] !== patternByte(received + i)) wrong += 1;
      }
      received += length;
    };
    link.run(() => {
      clocks.set(link.b, link.nowNs);
      clocks.set(link.a, link.nowNs);
      for (let i = 0; i < 4; i += 1) {
        // Ports of others: a blind attacker does not know the 4-tuple.
        injectNoise(link.b, random, [80, 5000], 0);
        injectNoise(link.a, random, [80, 5000], 0);
      }
      const want = Math.min(5000, total - written);
      written += link.a.tcp.write(client, pattern(written, want), 0, want);
      return received >= total;
    }, 100e9);
    expect(received).toBe(total);
    expect(wrong).toBe(0);
  });

  test('blind segments in the right 4-tuple do not disturb it (RFC 5961)', () => {
    const s = new Script({ seed: 3 });
    const tcb = s.accept({ mss: 1460, sackPermitted: true });
    const random = new Prng(5);
    let sent = 0;
    for (let i = 0; i < 5000; i += 1) {
      // RST, SYN and ACK with random numbers: one in 2^16 lies in the window.
      s.inject({
        flags: [4, 2, 16, 20, 18][random.nextBelow(5)]!,
        seq: random.nextUint32() | 0,
        ack: random.nextUint32() | 0,
      });
      s.egress();
      if (i % 50 === 0) {
        s.send({ seq: 1 + sent, ack: 1, data: 100 });
        sent += 100;
      }
    }
    expect(tcb.state).toBe(State.Established);
    expect(Buffer.from(s.host.of(tcb).bytes)).toEqual(Buffer.from(pattern(0, sent)));
  });
});
