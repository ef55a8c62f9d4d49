import { expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { IpFlow, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '@tickwire/wire';
import type { TcpConfig } from './config.ts';
import { IcmpKind } from './icmp-error.ts';
import type { Listener } from './listener.ts';
import { State } from './state.ts';
import { type Inject, Script } from './testing/scripted-peer.ts';

const SECOND = 1_000_000_000;
const STEPS = 4000;
const PORTS = 6;

/** Half-open connections that listeners count, and those that there are. */
function counted(s: Script, listeners: readonly Listener[]): [number, number, number, number] {
  const { tcp } = s.host;
  let early = 0;
  let pending = 0;
  for (let slot = tcp.firstConnection(); slot >= 0; slot = tcp.nextConnection(slot)) {
    const tcb = tcp.connection(slot);
    if (tcb.state !== State.SynReceived || tcb.listener < 0) continue;
    early += 1;
    if (tcb.fastOpen !== 0) pending += 1;
  }
  const sum = (of: (listener: Listener) => number): number =>
    listeners.reduce((total, listener) => total + of(listener), 0);
  return [
    sum(({ embryonic }) => embryonic) - tcp.halfOpenCount - early,
    sum(({ fastOpenPending, fastOpenHeld }) => fastOpenPending - fastOpenHeld) - pending,
    Math.min(...listeners.map(({ embryonic }) => embryonic)),
    Math.min(...listeners.map(({ fastOpenPending }) => fastOpenPending)),
  ];
}

/** Plausible segments and owners' whims in random order; the books must balance at every step. */
function play(seed: number, config: Partial<TcpConfig>): void {
  const random = new Prng(seed);
  const s = new Script({ seed, config: { connectionsMax: 8, synAckRetriesMax: 2, ...config } });
  s.timestamps = false;
  const options = { reusePort: true, fastOpen: 2, halfOpenMax: 5, backlog: 2 };
  const listeners = [0, 1].map(() => s.host.tcp.listen(0, 0, 0, 0, 80, options));
  const cookies: Uint8Array[] = [new Uint8Array(0), new Uint8Array(8)];
  const flow = new IpFlow();
  flow.local2 = 0xffff;
  flow.local3 = s.host.address;
  flow.remote2 = 0xffff;
  flow.remote3 = s.peerAddress;
  const pick = <T>(from: readonly T[]): T => from[random.nextBelow(from.length)]!;
  for (let step = 0; step < STEPS; step += 1) {
    const port = 1 + random.nextBelow(PORTS);
    const near = random.nextBelow(3);
    const what = random.nextBelow(14);
    let segment: Inject | undefined;
    if (what < 4) segment = { flags: TCP_SYN, seq: near === 2 ? 900 : 0, mss: 1460 };
    else if (what < 6) segment = { flags: TCP_ACK, seq: 1, ack: 1 + (near >> 1), data: near };
    else if (what === 6) segment = { flags: TCP_RST, seq: near };
    else if (what === 7) segment = { flags: TCP_ACK | TCP_FIN, seq: 1 + near, ack: 1 };
    else if (what === 8) {
      segment = { flags: TCP_SYN, seq: 0, mss: 1460, data: 9, fastOpen: pick(cookies) };
    } else if (what === 9) {
      const seq = (s.hostIsn + near) | 0;
      s.host.tcp.icmpError(flow, 80, port, seq, pick(Object.values(IcmpKind)), 1000);
    } else if (what === 10) pick(listeners).queued = random.nextBelow(3);
    else if (what === 11 && random.nextBelow(8) === 0) {
      const index = random.nextBelow(2);
      s.host.tcp.unlisten(listeners[index]!, s.nowNs);
      expect(listeners[index]!.embryonic).toBe(0);
      listeners[index] = s.host.tcp.listen(0, 0, 0, 0, 80, options);
    } else if (what === 12) {
      const slot = s.host.tcp.firstConnection();
      if (slot >= 0) s.host.tcp.abort(s.host.tcp.connection(slot), s.nowNs);
    } else s.advance(random.nextBelow(SECOND));
    const sent = segment === undefined ? s.egress() : s.send({ ...segment, port });
    for (const { fastOpen } of sent) if (fastOpen !== undefined) cookies[1] = fastOpen;
    const [half, pending, least, leastPending] = counted(s, listeners);
    expect([step, half, pending]).toEqual([step, 0, 0]);
    expect(Math.min(least, leastPending)).toBeGreaterThanOrEqual(0);
    expect(s.host.tcp.halfOpenCount).toBeLessThanOrEqual(10);
  }
  while (s.host.tcp.connectionCount > 0) s.host.tcp.abort(s.tcb(), s.nowNs);
  s.advance(60 * SECOND);
  expect(s.host.tcp.halfOpenCount).toBe(0);
  expect(listeners.map(({ embryonic }) => embryonic)).toEqual([0, 0]);
  const opened = s.host.log.filter((line) => line === 'opened').length;
  expect(s.host.log.filter((line) => line.startsWith('closed'))).toHaveLength(opened);
  expect(opened).toBeGreaterThan(20);
  s.assertClean();
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])('handshakes at random, seed %d: the books balance', (seed) => {
  const synCookies = ([0, 1, 2, 1] as const)[seed & 3]!;
  play(seed, { synCookies, synCacheMax: 16, rfc5961: seed % 3 !== 0 });
});
