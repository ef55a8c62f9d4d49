import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_RST, TCP_SYN } from '@tickwire/wire';
import type { TcpConfig } from './config.ts';
import { Flag } from './tcb.ts';
import { RawClient, RawHost, SynFlood } from './testing/raw-host.ts';

/** 32 SYNs in 160 us are 200,000 in a second. */
const BURST = 32;
const BURST_NS = 160_000;
const SYNS = 1_000_000;

interface Outcome {
  host: RawHost;
  pings: number;
  tries: number;
  opened: number;
  halfOpenMost: number;
  connectionsMost: number;
}

/**
 * A flood of `syns` in virtual time beside an established connection that plays ping-pong each
 * round, and a client 20 ms away that connects every 100 ms, sends a request and goes.
 */
function flood(syns: number, config: Partial<TcpConfig>): Outcome {
  const host = new RawHost({ connectionsMax: 256, ...config });
  host.nowNs = 1_000_000_000;
  host.tcp.listen(0, 0, 0, 0, 80);
  const established = new RawClient(host, 0x0a000002, 2000, 80);
  expect(established.open(7)).toBe(true);
  const client = new RawClient(host, 0x0a000003, 0, 80);
  const attack = new SynFlood(host, 80, 9);
  const outcome = { host, pings: 0, tries: 0, opened: 0, halfOpenMost: 0, connectionsMost: 0 };
  let port = 10_000;
  let synAckNs = -1;
  let nextTryNs = host.nowNs;
  let legit = client;
  // Who begins later cannot finish.
  const lastTryNs = host.nowNs + (syns / BURST) * BURST_NS - 40_000_000;
  for (let i = 0; i < syns; i += BURST) {
    host.nowNs += BURST_NS;
    attack.burst(BURST);
    host.round();
    if (established.ping(48)) outcome.pings += 1;
    if (host.nowNs >= nextTryNs && host.nowNs < lastTryNs) {
      nextTryNs += 100_000_000;
      outcome.tries += 1;
      port += 1;
      legit = new RawClient(host, 0x0a000003, port, 80);
      legit.sndNxt = port * 1000;
      legit.send(TCP_SYN);
      host.round();
      synAckNs = (legit.flags & TCP_SYN) === 0 ? -1 : host.nowNs;
    }
    if (synAckNs >= 0 && host.nowNs - synAckNs >= 20_000_000) {
      synAckNs = -1;
      legit.send(TCP_ACK);
      if (legit.ping(100)) {
        outcome.opened += 1;
        const tcb = host.last!;
        expect(tcb.remotePort).toBe(port);
        // MSS 1460 less the timestamps; nothing of what the SYN offered is lost.
        expect([tcb.mss, tcb.sndShift, tcb.flags & Flag.Sack]).toEqual([1448, 7, Flag.Sack]);
      }
      legit.send(TCP_RST | TCP_ACK);
    }
    outcome.halfOpenMost = Math.max(outcome.halfOpenMost, host.tcp.halfOpenCount);
    outcome.connectionsMost = Math.max(outcome.connectionsMost, host.tcp.connectionCount);
  }
  return outcome;
}

describe('SYN flood: 1,000,000 SYNs at 200,000/s in virtual time, seed 9 (RFC 4987)', () => {
  test('memory is bounded, nobody else notices, clients connect through cookies', () => {
    const result = flood(SYNS, { synCacheMax: 1024 });
    expect(result.pings).toBe(SYNS / BURST);
    expect(result.tries).toBe(50);
    expect(result.opened).toBe(result.tries);
    expect(result.halfOpenMost).toBe(512);
    expect(result.connectionsMost).toBeLessThanOrEqual(2);
    const { counters } = result.host.tcp;
    expect(counters.synCookiesReceived).toBeGreaterThanOrEqual(result.tries - 1);
    expect(counters.synCookiesSent).toBeGreaterThan(SYNS - 2000);
    // One answer for one SYN, and few repetitions: no amplifier.
    expect(result.host.synAcks).toBeLessThan(SYNS * 1.01);
    expect(counters.connectionsExhausted).toBe(0);
  }, 60_000);

  test('without cookies the oldest give way, and who is near enough still gets in', () => {
    const near = flood(SYNS / 10, { synCacheMax: 65_536, synCookies: 0 });
    expect(near.pings).toBe(SYNS / 10 / BURST);
    expect(near.opened).toBe(near.tries);
    expect(near.halfOpenMost).toBeLessThanOrEqual(65_536);
    expect(near.host.tcp.counters.synCacheEvictions).toBeGreaterThan(SYNS / 10 - 66_000);
    const far = flood(SYNS / 10, { synCacheMax: 1024, synCookies: 0 });
    expect(far.opened).toBe(0);
    expect(far.pings).toBe(SYNS / 10 / BURST);
  }, 60_000);

  test('after the flood everything goes back to its pool', () => {
    const { host } = flood(SYNS / 50, { synCacheMax: 1024, synAckRetriesMax: 2 });
    host.tcp.abort(host.tcp.connection(host.tcp.firstConnection()), host.nowNs);
    while (host.tcp.nextDeadlineNs() !== Number.POSITIVE_INFINITY) {
      host.nowNs = Math.max(host.nowNs, host.tcp.nextDeadlineNs());
      host.round();
    }
    expect(host.tcp.halfOpenCount).toBe(0);
    expect(host.tcp.connectionCount).toBe(0);
    expect(host.tcp.timersArmed).toBe(0);
    expect(host.arena.available()).toBe(host.arena.capacity);
  });
});
