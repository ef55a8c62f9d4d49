import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_PSH, TCP_SYN } from '@tickwire/wire';
import { RawClient, RawHost } from './testing/raw-host.ts';

const IDLE = 65_536;

/** Opens a connection from each of `count` addresses; returns what the host said of the last. */
function populate(host: RawHost, count: number): void {
  const client = new RawClient(host, 0, 4000, 80);
  for (let i = 0; i < count; i += 1) {
    host.clients.delete(client.address);
    Object.assign(client, { address: (0x0c000000 + i) | 0 });
    host.clients.set(client.address, client);
    client.tsVal = 1000;
    if (!client.open(i * 77)) throw new Error(`connection ${i} did not open`);
  }
  host.clients.clear();
}

describe('65,536 connections (smoltcp#19, fastcp M3)', () => {
  test('a round visits who has work, not who is idle', () => {
    const host = new RawHost({ connectionsMax: IDLE + 16 });
    host.tcp.listen(0, 0, 0, 0, 80);
    populate(host, IDLE);
    expect(host.tcp.connectionCount).toBe(IDLE);
    const { counters } = host.tcp;
    const active = [0, 1, 2, 3].map((i) => new RawClient(host, 0x0a000010 + i, 5000, 80));
    for (const [i, client] of active.entries()) expect(client.open(i)).toBe(true);
    host.nowNs += 1_000_000_000;
    host.round();
    let before = counters.connectionsVisited;
    for (let i = 0; i < 1000; i += 1) {
      host.nowNs += 10_000;
      host.round();
    }
    expect(counters.connectionsVisited - before).toBe(0);
    before = counters.connectionsVisited;
    for (let i = 0; i < 1000; i += 1) {
      host.nowNs += 10_000;
      for (const client of active) expect(client.ping(48)).toBe(true);
    }
    // Each ping is one visit, and its acknowledgement perhaps one more.
    expect(counters.connectionsVisited - before).toBeLessThanOrEqual(2 * 4000);
    // Half full, under a keyed hash: runs stay short.
    expect(host.tcp.longestProbe()).toBeLessThan(100);
  });

  test('32 of them active at once: a round of egress visits each of the burst once', () => {
    const host = new RawHost({ connectionsMax: IDLE });
    host.tcp.listen(0, 0, 0, 0, 80);
    populate(host, IDLE);
    const { counters } = host.tcp;
    const before = counters.connectionsVisited;
    const tcbs = Array.from({ length: 32 }, (_, i) => host.tcp.connection(i * 2048));
    for (let round = 0; round < 100; round += 1) {
      host.nowNs += 10_000;
      for (const tcb of tcbs) {
        const seq = tcb.rcvNxt;
        const { remote3 } = tcb;
        const flags = TCP_ACK | TCP_PSH;
        host.inject(remote3, 4000, 80, flags, seq, tcb.sndNxt, 2000, 0, 10);
        host.inject(remote3, 4000, 80, flags, seq + 10, tcb.sndNxt, 2000, 0, 10);
      }
      host.round();
    }
    expect(host.received).toBe(100 * 32 * 20);
    expect(counters.connectionsVisited - before).toBeLessThanOrEqual(100 * 32 * 2);
  });

  test('all of them active in turn: an exchange costs as many visits as among few', () => {
    const BLOCK = 4096;
    /** Visits of each block of exchanges, and the most of one round, among `connections`. */
    const visits = (connections: number, passes: number): { blocks: number[]; most: number } => {
      const host = new RawHost({ connectionsMax: connections });
      host.tcp.listen(0, 0, 0, 0, 80);
      populate(host, connections);
      const { counters } = host.tcp;
      const blocks: number[] = [];
      let most = 0;
      let before = counters.connectionsVisited;
      const round = (): void => {
        const visited = counters.connectionsVisited;
        host.nowNs += 5000;
        host.round();
        most = Math.max(most, counters.connectionsVisited - visited);
      };
      for (let i = 0; i < connections * passes; i += 1) {
        const tcb = host.tcp.connection(i % connections);
        const { remote3, sndNxt, rcvNxt } = tcb;
        host.inject(remote3, 4000, 80, TCP_ACK | TCP_PSH, rcvNxt, sndNxt, 2000, 0, 48);
        round();
        // The echo is out, with the ACK; and now it is acknowledged.
        expect([(tcb.sndNxt - sndNxt) | 0, (tcb.rcvAcked - rcvNxt) | 0]).toEqual([48, 48]);
        host.inject(remote3, 4000, 80, TCP_ACK, tcb.rcvNxt, tcb.sndNxt, 2000, 0, 0);
        round();
        expect(tcb.sndUna).toBe(tcb.sndNxt);
        if ((i + 1) % BLOCK !== 0) continue;
        blocks.push(counters.connectionsVisited - before);
        before = counters.connectionsVisited;
      }
      expect(host.received).toBe(connections * passes * 48);
      expect(host.tcp.connectionCount).toBe(connections);
      expect(host.arena.available()).toBe(host.arena.capacity);
      return { blocks, most };
    };
    // One visit sends the echo. Two at most find that a timer has moved: that of the exchange, and
    // that of the one before. A share of those that are idle would be thousands.
    const few = visits(512, 64);
    const many = visits(IDLE, 2);
    expect([few.most, many.most]).toEqual([1, 2]);
    for (const visited of [...few.blocks, ...many.blocks]) {
      expect(visited).toBeGreaterThanOrEqual(BLOCK);
      expect(visited).toBeLessThanOrEqual(3 * BLOCK);
    }
  }, 30_000);
});

describe('churn (fastcp M1)', () => {
  test('200,000 opens and closes leave nothing behind, and lookups stay short', () => {
    const host = new RawHost({ connectionsMax: 64 });
    host.tcp.listen(0, 0, 0, 0, 80);
    const client = new RawClient(host, 0x0a000002, 0, 80);
    let longest = 0;
    for (let i = 0; i < 200_000; i += 1) {
      client.port = 1 + (i % 65_000);
      host.nowNs += 20_000;
      client.tsVal = 1000 + i;
      if (!client.open(i * 1000) || !client.ping(20) || !client.close()) {
        throw new Error(`connection ${i} failed`);
      }
      if (i % 10_000 === 0) longest = Math.max(longest, host.tcp.longestProbe());
    }
    expect([host.opened0, host.closed0]).toEqual([200_000, 200_000]);
    expect(host.tcp.connectionCount).toBe(0);
    expect(host.tcp.halfOpenCount).toBe(0);
    expect(host.tcp.timersArmed).toBe(0);
    expect(host.arena.available()).toBe(host.arena.capacity);
    expect(longest).toBeLessThanOrEqual(1);
  });

  test('this side closing first: TIME-WAIT fills the pool, and the oldest give way', () => {
    const host = new RawHost({ connectionsMax: 64 });
    host.tcp.listen(0, 0, 0, 0, 80);
    const client = new RawClient(host, 0x0a000002, 0, 80);
    for (let i = 0; i < 20_000; i += 1) {
      client.port = 1 + (i % 65_000);
      host.nowNs += 20_000;
      client.tsVal = 1000 + i;
      if (!client.open(i * 1000)) throw new Error(`connection ${i} failed`);
      host.tcp.close(host.last!, host.nowNs);
      host.round();
      client.close();
      client.send(TCP_ACK);
    }
    expect(host.tcp.counters.timeWaitRecycled).toBe(20_000 - 64);
    expect(host.tcp.connectionCount).toBe(64);
    expect(host.tcp.longestProbe()).toBeLessThan(32);
    host.nowNs += 61_000_000_000;
    host.round();
    expect(host.tcp.connectionCount).toBe(0);
    expect(host.tcp.timersArmed).toBe(0);
  });

  test('half-open connections come and go without a trace', () => {
    const host = new RawHost({ connectionsMax: 16, synCacheMax: 64, synAckRetriesMax: 1 });
    host.tcp.listen(0, 0, 0, 0, 80);
    for (let i = 0; i < 100_000; i += 1) {
      host.nowNs += 100_000_000;
      host.inject(0x0c000000 + i, 5000, 80, TCP_SYN, i, 0, 0, 0, 0);
      host.round();
    }
    expect(host.tcp.counters.synCacheOverflows).toBe(0);
    while (host.tcp.nextDeadlineNs() !== Number.POSITIVE_INFINITY) {
      host.nowNs = Math.max(host.nowNs, host.tcp.nextDeadlineNs());
      host.round();
    }
    expect(host.tcp.halfOpenCount).toBe(0);
    expect(host.tcp.timersArmed).toBe(0);
    expect(host.tcp.counters.attemptFails).toBe(100_000);
  });
});
