import { describe, expect, test } from 'bun:test';
import { NO_FRAME } from '@tickwire/base';
import { IpFlow, TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '@tickwire/wire';
import type { TcpConfig } from './config.ts';
import { HalfOpenInfo } from './half-open.ts';
import { IcmpKind } from './icmp-error.ts';
import { State } from './state.ts';
import { Flag } from './tcb.ts';
import { Script } from './testing/scripted-peer.ts';

const MS = 1_000_000;
const SECOND = 1000 * MS;
const OPTIONS = { mss: 1400, scale: 7, sackPermitted: true, tsVal: 50 };

/** A listener with one half-open connection. */
function halfOpen(config: Partial<TcpConfig> = {}, syn: object = { mss: 1460 }): Script {
  const s = new Script({ config });
  s.listener = s.host.tcp.listen(0, 0, 0, 0, 80);
  expect(s.send({ flags: TCP_SYN, seq: 0, ...syn })).toHaveLength(1);
  expect([s.host.tcp.halfOpenCount, s.host.tcp.connectionCount]).toEqual([1, 0]);
  return s;
}

const flowOf = (s: Script): IpFlow => {
  const flow = new IpFlow();
  flow.local2 = 0xffff;
  flow.local3 = s.host.address;
  flow.remote2 = 0xffff;
  flow.remote3 = s.peerAddress;
  return flow;
};

describe('half-open connection', () => {
  test('takes a row and no Tcb; the last ACK makes one (RFC 4987, 3.3)', () => {
    const s = halfOpen({}, OPTIONS);
    s.nowNs += 20 * MS;
    s.timestamps = true;
    s.send({ flags: TCP_ACK, seq: 1, ack: 1, tsVal: 51 });
    expect(s.host.tcp.halfOpenCount).toBe(0);
    const tcb = s.tcb();
    expect(tcb.state).toBe(State.Established);
    expect([tcb.mss, tcb.sndShift, tcb.flags & Flag.Sack]).toEqual([1388, 7, Flag.Sack]);
    expect(tcb.srttNs).toBe(20 * MS);
    expect(s.listener).toMatchObject({ embryonic: 0, accepted: 1 });
    s.host.tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });

  test('is listed with its addresses and deadline', () => {
    const s = halfOpen();
    const row = s.host.tcp.firstHalfOpen();
    expect(s.host.tcp.nextHalfOpen(row)).toBe(-1);
    const info = new HalfOpenInfo();
    s.host.tcp.halfOpen(row, info);
    expect(info).toMatchObject({ localPort: 80, remotePort: 5000, retries: 0 });
    expect(info.flow).toMatchObject({ family: 4, remote3: s.peerAddress });
    expect(info.deadlineNs).toBe(s.nowNs + SECOND);
  });

  test('a RST with exactly the right number ends it (RFC 5961, 3.2)', () => {
    const s = halfOpen();
    expect(s.send({ flags: TCP_RST, seq: 1 })).toEqual([]);
    expect(s.host.tcp.halfOpenCount).toBe(0);
    expect(s.host.tcp.counters.attemptFails).toBe(1);
    s.assertClean();
  });

  test('a RST inside the window is challenged, one outside is dropped (RFC 5961, 3.2)', () => {
    const s = halfOpen();
    expect(s.send({ flags: TCP_RST, seq: 100 })).toMatchObject([{ flags: '.', seq: 1, ack: 1 }]);
    expect(s.send({ flags: TCP_RST, seq: 70_000 })).toEqual([]);
    expect(s.send({ flags: TCP_RST, seq: 0 })).toEqual([]);
    expect(s.host.tcp.halfOpenCount).toBe(1);
    expect(s.host.tcp.counters.challengeAcks).toBe(1);
  });

  test('challenge ACKs are limited with those of open connections (RFC 5961, 7)', () => {
    const s = halfOpen({ challengeAcksPerSecond: 10 });
    let answers = 0;
    for (let i = 0; i < 100; i += 1) answers += s.send({ flags: TCP_RST, seq: 100 }).length;
    expect(answers).toBeLessThanOrEqual(15);
    expect(s.host.tcp.counters.challengeAcksLimited).toBe(100 - answers);
  });

  test('a SYN with another number is challenged, wherever it lies (RFC 5961, 4.2)', () => {
    const s = halfOpen();
    expect(s.send({ flags: TCP_SYN, seq: 100 })).toMatchObject([{ flags: '.', seq: 1, ack: 1 }]);
    expect(s.send({ flags: TCP_SYN, seq: 1_000_000 })).toMatchObject([{ flags: '.', ack: 1 }]);
    expect(s.host.tcp.halfOpenCount).toBe(1);
  });

  test('without RFC 5961 a SYN or RST in the window ends it (RFC 9293, 3.10.7.4)', () => {
    const s = halfOpen({ rfc5961: false });
    s.send({ flags: TCP_SYN, seq: 100 });
    expect(s.host.tcp.halfOpenCount).toBe(0);
    s.send({ flags: TCP_SYN, seq: 0 });
    s.send({ flags: TCP_RST, seq: 100 });
    expect(s.host.tcp.halfOpenCount).toBe(0);
  });

  test('an ACK outside the window is answered and changes nothing (RFC 9293, 3.10.7.4)', () => {
    const s = halfOpen();
    expect(s.send({ flags: TCP_ACK, seq: 70_000, ack: 1 })).toMatchObject([{ flags: '.', ack: 1 }]);
    expect(s.host.tcp.halfOpenCount).toBe(1);
  });

  test('an old duplicate is dropped by PAWS before its ACK counts (RFC 7323, 5.3)', () => {
    const s = halfOpen({}, OPTIONS);
    s.timestamps = true;
    expect(s.send({ flags: TCP_ACK, seq: 1, ack: 1, tsVal: 49 })).toMatchObject([{ flags: '.' }]);
    expect([s.host.tcp.halfOpenCount, s.host.tcp.counters.pawsRejected]).toEqual([1, 1]);
    s.send({ flags: TCP_ACK, seq: 1, ack: 1, tsVal: 51 });
    expect(s.host.tcp.connectionCount).toBe(1);
  });

  test('segments without ACK are dropped (RFC 9293, 3.10.7.4)', () => {
    const s = halfOpen();
    expect(s.send({ flags: TCP_PSH, seq: 1, data: 5 })).toEqual([]);
    expect(s.host.tcp.counters.missingAcks).toBe(1);
  });

  test('ICMP ends it only with the sequence number of the SYN-ACK (RFC 5927, 4.1 and 5.2)', () => {
    const s = halfOpen();
    const say = (seq: number, kind: number): number =>
      s.host.tcp.icmpError(flowOf(s), 80, s.peerPort, (s.hostIsn + seq) | 0, kind, 0);
    say(1, IcmpKind.Hard);
    say(0, IcmpKind.Soft);
    expect(s.host.tcp.halfOpenCount).toBe(1);
    say(0, IcmpKind.Hard);
    expect(s.host.tcp.halfOpenCount).toBe(0);
    s.assertClean();
  });

  test('nextDeadlineNs() is exact, and the SYN-ACK goes again just then (RFC 6298, 5.5)', () => {
    const s = halfOpen({ synAckRetriesMax: 2 });
    const t0 = s.nowNs;
    const deadlines: number[] = [];
    while (s.host.tcp.nextDeadlineNs() !== Number.POSITIVE_INFINITY) {
      const atNs = s.host.tcp.nextDeadlineNs();
      deadlines.push((atNs - t0) / SECOND);
      s.host.tcp.timers(atNs - 1);
      expect(s.take()).toEqual([]);
      s.host.tcp.timers(atNs);
      expect(s.take()).toHaveLength(deadlines.length < 3 ? 1 : 0);
    }
    expect(deadlines).toEqual([1, 3, 7]);
    s.assertClean();
  });

  test('a repeated SYN-ACK halves nothing but says nothing about the round trip (Karn)', () => {
    const s = halfOpen();
    s.advance(500 * MS);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    s.send({ flags: TCP_ACK, seq: 1, ack: 1 });
    expect(s.tcb().srttNs).toBe(0);
    expect(s.tcb().cwnd).toBe(10 * 1460);
  });

  test('after a SYN-ACK that was lost the window begins with one segment (RFC 5681, 3.1)', () => {
    const s = halfOpen();
    s.advance(1500 * MS);
    s.send({ flags: TCP_ACK, seq: 1, ack: 1 });
    expect(s.tcb().cwnd).toBe(1460);
  });

  test('M4: a SYN-ACK that finds no frame goes a millisecond later', () => {
    const s = new Script({ frames: 8 });
    s.host.tcp.listen(0, 0, 0, 0, 80);
    const held: number[] = [];
    const { arena } = s.host;
    // One frame is left, for the SYN itself.
    while (arena.available() > 1) held.push(arena.alloc());
    expect(held).not.toContain(NO_FRAME);
    expect(s.send({ flags: TCP_SYN, seq: 0, mss: 1460 })).toEqual([]);
    for (const frame of held) arena.free(frame);
    const [synAck] = s.advance(2 * MS);
    expect(synAck).toMatchObject({ flags: 'S.', ack: 1 });
    expect(s.host.tcp.counters.synTimeouts).toBe(0);
    expect(s.advance(998 * MS)).toEqual([]);
    expect(s.advance(2 * MS)).toMatchObject([{ flags: 'S.' }]);
  });

  test('a lost last ACK does not matter: the first data completes it, in order or not', () => {
    const s = halfOpen();
    s.send({ flags: TCP_ACK, seq: 11, ack: 1, data: 10 });
    expect(s.host.log).toEqual(['opened']);
    s.send({ flags: TCP_ACK, seq: 1, ack: 1, data: 10 });
    expect(s.host.log).toEqual(['opened', 'data 10', 'data 10']);
  });

  test('data and FIN on the last ACK are taken (fastcp M5)', () => {
    const s = halfOpen();
    s.send({ flags: TCP_ACK | TCP_FIN, seq: 1, ack: 1, data: 10 });
    expect(s.host.log).toEqual(['opened', 'data 10', 'ended']);
  });

  test('a SYN in TIME-WAIT leads to a half-open connection (RFC 9293, 3.6.1)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1460 });
    s.host.tcp.close(tcb, s.nowNs);
    s.egress();
    s.send({ flags: TCP_ACK | TCP_FIN, seq: 1, ack: 2 });
    expect(tcb.state).toBe(State.TimeWait);
    // A lookup that finds nothing lies between: the row must not be filed under its hash.
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460, port: 7 });
    expect(s.send({ flags: TCP_SYN, seq: 5000, mss: 1460 })).toMatchObject([{ flags: 'S.' }]);
    expect([s.host.tcp.halfOpenCount, s.host.tcp.connectionCount]).toEqual([2, 0]);
    expect(s.send({ flags: TCP_ACK, seq: 5001, ack: 1 })).toEqual([]);
    expect(s.tcb().state).toBe(State.Established);
  });

  test('an ISS in place of TIME-WAIT lies behind what was sent before (RFC 9293, 3.6.1)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1460 });
    // 300 kB in no time: the clock of the sequence numbers has not moved.
    for (let sent = 0; sent < 300_000; sent += 10_000) {
      s.write(tcb, sent, 10_000);
      s.egress();
      s.send({ flags: TCP_ACK, seq: 1, ack: 1 + sent + 10_000 });
    }
    s.host.tcp.close(tcb, s.nowNs);
    s.egress();
    s.send({ flags: TCP_ACK | TCP_FIN, seq: 1, ack: 300_002 });
    const before = tcb.sndNxt;
    const [synAck] = s.send({ flags: TCP_SYN, seq: 5000, mss: 1460 });
    expect(synAck!.flags).toBe('S.');
    expect((s.hostIsn - before) | 0).toBe(65_537);
  });

  test('without a free Tcb it waits for one', () => {
    const s = halfOpen({ connectionsMax: 1 });
    const busy = s.host.tcp.connect(flowOf(s), 9, 9, s.nowNs);
    expect(typeof busy).toBe('object');
    const isn = s.hostIsn;
    s.send({ flags: TCP_ACK, seq: 1, ack: 1 });
    expect(s.host.tcp.halfOpenCount).toBe(1);
    s.hostIsn = isn;
    if (typeof busy !== 'number') s.host.tcp.abort(busy, s.nowNs);
    s.send({ flags: TCP_ACK, seq: 1, ack: 1 });
    expect(s.host.tcp.connectionCount).toBe(1);
  });

  test('timers() sends a bounded number of SYN-ACKs in one call, the others stay due', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    for (let port = 1; port <= 200; port += 1) {
      s.inject({ flags: TCP_SYN, seq: 0, mss: 1460, port });
    }
    s.take();
    s.nowNs += SECOND;
    const calls: number[] = [];
    while (s.host.tcp.nextDeadlineNs() <= s.nowNs) {
      s.host.tcp.timers(s.nowNs);
      calls.push(s.take().length);
    }
    expect(calls).toEqual([64, 64, 64, 8]);
  });
});

describe('accept queue', () => {
  test('while it is full the last ACK is put off and completes later (as Linux)', () => {
    const s = new Script();
    const listener = s.host.tcp.listen(0, 0, 0, 0, 80, { backlog: 1 });
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    listener.queued = 1;
    expect(s.send({ flags: TCP_ACK, seq: 1, ack: 1 })).toEqual([]);
    expect([s.host.log, s.host.tcp.counters.acceptOverflows]).toEqual([[], 1]);
    listener.queued = 0;
    const [again] = s.advance(1100 * MS);
    expect(again!.flags).toBe('S.');
    s.send({ flags: TCP_ACK, seq: 1, ack: 1 });
    expect(s.host.log).toEqual(['opened']);
  });

  test('halfOpenMax bounds one listener and leaves room for the others', () => {
    const s = new Script({ config: { synCookies: 0 } });
    const first = s.host.tcp.listen(0, 0, 0, 0, 80, { halfOpenMax: 4 });
    for (let port = 1; port <= 20; port += 1) {
      s.inject({ flags: TCP_SYN, seq: 0, mss: 1460, port });
    }
    expect(first.embryonic).toBe(4);
    expect(first.overflows).toBe(16);
    expect(s.host.tcp.halfOpenCount).toBe(4);
  });
});

test("a listener beyond its share evicts its own half-open connections, not others'", () => {
  const s = new Script({ config: { synCookies: 0, synCacheMax: 16 } });
  const flooded = s.host.tcp.listen(0, 0, 0, 0, 80, { halfOpenMax: 2 });
  const quiet = s.host.tcp.listen(0, 0, 0, 0, 81);
  for (let port = 1; port <= 4; port += 1) {
    s.inject({ flags: TCP_SYN, seq: 0, mss: 1460, port, to: 81 });
  }
  for (let port = 10; port < 200; port += 1) s.inject({ flags: TCP_SYN, seq: 0, mss: 1460, port });
  expect([flooded.embryonic, quiet.embryonic]).toEqual([2, 4]);
});

describe('SYN cookies (RFC 4987, 3.6)', () => {
  const overflowing = { synCookies: 1, synCacheMax: 16 } as const;

  /** A script whose cache has overflowed; the next SYN gets a cookie. */
  function overflowed(config: Partial<TcpConfig> = overflowing): Script {
    const s = new Script({ config });
    s.listener = s.host.tcp.listen(0, 0, 0, 0, 80);
    for (let port = 1; port <= 12; port += 1) {
      s.inject({ flags: TCP_SYN, seq: 0, mss: 1460, port });
    }
    s.take();
    expect(s.host.tcp.halfOpenCount).toBe(8);
    return s;
  }

  test('nothing is kept, and the last ACK opens the connection with all options', () => {
    const s = overflowed();
    const [synAck] = s.send({ flags: TCP_SYN, seq: 0, ...OPTIONS, mss: 1460 });
    expect(synAck!.options).toMatchObject({ sackPermitted: 1, hasTimestamps: 1, tsEcr: 50 });
    expect(s.host.tcp.halfOpenCount).toBe(8);
    s.nowNs += 30 * SECOND;
    s.timestamps = true;
    s.inject({ flags: TCP_ACK | TCP_PSH, seq: 1, ack: 1, data: 10, tsVal: 60 });
    expect(s.host.log).toEqual(['opened', 'data 10']);
    const tcb = s.tcb();
    expect([tcb.mss, tcb.sndShift, tcb.flags & Flag.Sack]).toEqual([1448, 7, Flag.Sack]);
    expect(tcb.srttNs).toBe(0);
    expect(s.listener!.accepted).toBe(1);
    s.write(tcb, 0, 100);
    expect(s.egress()).toMatchObject([{ seq: 1, ack: 11, length: 100 }]);
  });

  test('a peer without timestamps keeps its MSS and loses scale and SACK', () => {
    const s = overflowed();
    const [synAck] = s.send({ flags: TCP_SYN, seq: 0, mss: 1400, scale: 7, sackPermitted: true });
    expect(synAck!.options).toMatchObject({ sackPermitted: 0, windowScale: -1, mss: 1460 });
    s.send({ flags: TCP_ACK, seq: 1, ack: 1, window: 5000 });
    const tcb = s.tcb();
    expect([tcb.mss, tcb.sndShift, tcb.flags & Flag.Sack]).toEqual([1360, 0, 0]);
    expect(tcb.sndWnd).toBe(5000);
  });

  test('a wrong ACK is reset, and so is a right one after two epochs', () => {
    const s = overflowed();
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(s.send({ flags: TCP_ACK, seq: 1, ack: 1000 })).toMatchObject([{ flags: 'R' }]);
    expect(s.send({ flags: TCP_ACK, seq: 6, ack: 1 })).toMatchObject([{ flags: 'R' }]);
    s.nowNs += 128 * SECOND;
    expect(s.send({ flags: TCP_ACK, seq: 1, ack: 1 })).toMatchObject([{ flags: 'R' }]);
    expect(s.host.tcp.counters.synCookiesFailed).toBeGreaterThan(0);
    expect(s.host.tcp.connectionCount).toBe(0);
  });

  test('without a recent overflow a cookie is neither sent nor believed', () => {
    // Two instances with one secret: what the first has made, the second could check.
    const secret = [1, 2, 3, 4];
    const maker = new Script({ config: { synCookies: 2, secret } });
    maker.host.tcp.listen(0, 0, 0, 0, 80);
    maker.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(maker.host.tcp.counters.synCookiesSent).toBe(1);
    expect(maker.host.tcp.halfOpenCount).toBe(0);
    const quiet = new Script({ config: { synCookies: 1, secret } });
    quiet.host.tcp.listen(0, 0, 0, 0, 80);
    quiet.hostIsn = maker.hostIsn;
    expect(quiet.send({ flags: TCP_ACK, seq: 1, ack: 1 })).toMatchObject([{ flags: 'R' }]);
    expect(quiet.host.tcp.counters.synCookiesFailed).toBe(0);
    maker.send({ flags: TCP_ACK, seq: 1, ack: 1 });
    expect(maker.host.log).toEqual(['opened']);
  });

  test('the answer to a cookie counts although a repeated SYN has found room meanwhile', () => {
    const s = overflowed();
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    const cookie = s.hostIsn;
    for (let port = 1; port <= 8; port += 1) s.inject({ flags: TCP_RST, seq: 1, port });
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(s.host.tcp.halfOpenCount).toBe(1);
    expect(s.hostIsn).not.toBe(cookie);
    s.hostIsn = cookie;
    expect(s.send({ flags: TCP_ACK, seq: 1, ack: 1 })).toEqual([]);
    expect(s.host.log).toEqual(['opened']);
    expect(s.host.tcp.halfOpenCount).toBe(0);
    expect(s.listener!.embryonic).toBe(0);
  });

  test('with a full accept queue a good cookie waits', () => {
    const s = overflowed();
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    s.listener!.queued = 128;
    expect(s.send({ flags: TCP_ACK, seq: 1, ack: 1 })).toEqual([]);
    s.listener!.queued = 0;
    s.send({ flags: TCP_ACK, seq: 1, ack: 1, data: 5 });
    expect(s.host.log).toEqual(['opened', 'data 5']);
  });

  test('off: the oldest half-open connection gives way', () => {
    const s = overflowed({ synCookies: 0, synCacheMax: 16 });
    expect(s.host.tcp.counters.synCookiesSent).toBe(0);
    expect(s.send({ flags: TCP_SYN, seq: 0, mss: 1460 })).toHaveLength(1);
    expect(s.host.tcp.halfOpenCount).toBe(8);
    s.send({ flags: TCP_ACK, seq: 1, ack: 1 });
    expect(s.host.log).toEqual(['opened']);
  });
});

describe('listeners that share a port', () => {
  const config = { synCookies: 0, synCacheMax: 4096 } as const;

  /** Connects from `count` ports; returns the listener of each. */
  function spread(s: Script, from: number, count: number): number[] {
    const ids: number[] = [];
    s.host.onOpened = (tcb) => ids.push(tcb.listener);
    for (let port = from; port < from + count; port += 1) {
      s.inject({ flags: TCP_SYN, seq: 0, mss: 1460, port });
      s.egress();
      s.inject({ flags: TCP_ACK, seq: 1, ack: 1, port });
    }
    expect(ids).toHaveLength(count);
    while (s.host.tcp.connectionCount > 0) s.host.tcp.abort(s.tcb(), s.nowNs);
    s.take();
    return ids;
  }

  test('spread connections evenly, each always to the same', () => {
    const s = new Script({ config: { ...config, connectionsMax: 1024 } });
    const group = [0, 1, 2, 3].map(() => s.host.tcp.listen(0, 0, 0, 0, 80, { reusePort: true }));
    const ids = spread(s, 1000, 400);
    expect(spread(s, 1000, 400)).toEqual(ids);
    for (const { id } of group) {
      expect(ids.filter((other) => other === id).length).toBeGreaterThan(60);
    }
  });

  test('when a member leaves only its own move', () => {
    const s = new Script({ config: { ...config, connectionsMax: 1024 } });
    const group = [0, 1, 2, 3].map(() => s.host.tcp.listen(0, 0, 0, 0, 80, { reusePort: true }));
    const before = spread(s, 1000, 200);
    s.host.tcp.unlisten(group[2]!, s.nowNs);
    const after = spread(s, 1000, 200);
    for (let i = 0; i < 200; i += 1) {
      if (before[i] === group[2]!.id) expect(after[i]).not.toBe(group[2]!.id);
      else expect(after[i]).toBe(before[i]);
    }
  });

  test('half-open connections of a member that leaves go to the others', () => {
    const s = new Script({ config });
    const group = [0, 1].map(() => s.host.tcp.listen(0, 0, 0, 0, 80, { reusePort: true }));
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    const owner = group.find(({ embryonic }) => embryonic === 1)!;
    const heir = group.find(({ embryonic }) => embryonic === 0)!;
    s.host.tcp.unlisten(owner, s.nowNs);
    expect(s.take()).toEqual([]);
    expect([owner.embryonic, heir.embryonic]).toEqual([0, 1]);
    s.send({ flags: TCP_ACK, seq: 1, ack: 1 });
    expect(s.tcb().listener).toBe(heir.id);
    expect(heir.accepted).toBe(1);
  });

  test('who does not say reusePort gets EADDRINUSE, in either order', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80, { reusePort: true });
    expect(() => s.host.tcp.listen(0, 0, 0, 0, 80)).toThrow('already listening');
    s.host.tcp.listen(0, 0, 0, 0, 81);
    expect(() => s.host.tcp.listen(0, 0, 0, 0, 81, { reusePort: true })).toThrow();
  });
});
