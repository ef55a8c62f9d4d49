import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { TCP_ACK, TCP_CWR, TCP_ECE, TCP_FIN, TCP_PSH, TCP_SYN, TCP_URG } from '@tickwire/wire';
import { State } from './state.ts';
import type { Tcb } from './tcb.ts';
import { type Inject, pattern, Script, type ScriptOptions } from './testing/scripted-peer.ts';

const MSS = 1000;

/** Injects full-sized segments without egress; returns the sequence number behind them. */
function burst(s: Script, seq: number, count: number, more: Inject = {}): number {
  for (let i = 0; i < count; i += 1) s.inject({ seq: seq + i * MSS, ack: 1, data: MSS, ...more });
  return seq + count * MSS;
}

describe('a run of segments in one burst', () => {
  test('a run of segments has one ACK, that of its end (RFC 9293, 3.8.6.3)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS });
    const end = burst(s, 1, 16);
    const acks = s.egress();
    expect(acks).toHaveLength(1);
    expect(acks[0]).toMatchObject({ ack: end, length: 0 });
    expect(s.host.tcp.counters.inExpected).toBe(16);
    expect(s.host.of(tcb).bytes).toEqual([...pattern(0, 16 * MSS)]);
  });

  test('without runs each second segment is acknowledged (RFC 5681, 4.2)', () => {
    const s = new Script({ config: { receiveRuns: false } });
    s.accept({ mss: MSS });
    burst(s, 1, 16);
    const acks = s.egress();
    expect(acks.map(({ ack }) => ack)).toEqual(
      [2, 4, 6, 8, 10, 12, 14, 16].map((n) => 1 + n * MSS),
    );
    expect(s.host.tcp.counters.inExpected).toBe(0);
  });

  test('without runs an ACK that finds no room is left to the next egress', () => {
    const s = new Script({ config: { receiveRuns: false } });
    s.accept({ mss: MSS });
    s.host.roomLeft = 1;
    burst(s, 1, 8);
    expect(s.take().map(({ ack }) => ack)).toEqual([1 + 2 * MSS]);
    s.host.roomLeft = 10;
    expect(s.egress().map(({ ack }) => ack)).toEqual([1 + 8 * MSS]);
  });

  test('a run of one segment waits for the delayed ACK (RFC 9293, 3.8.6.3)', () => {
    const s = new Script();
    s.accept({ mss: MSS });
    burst(s, 1, 1);
    expect(s.egress()).toHaveLength(0);
    expect(s.advance(s.host.tcp.config.delayedAckNs)).toHaveLength(1);
  });

  test('a run gives its owner data() for each frame, in order', () => {
    const s = new Script();
    s.accept({ mss: MSS });
    burst(s, 1, 3);
    expect(s.host.log.slice(-3)).toEqual([`data ${MSS}`, `data ${MSS}`, `data ${MSS}`]);
  });

  test('a run gives an owner that pulls one readable(), at the end of the burst', () => {
    for (const receiveRuns of [true, false]) {
      const s = new Script({ config: { receiveRuns } });
      const tcb = s.accept({ mss: MSS });
      s.host.tcp.setPull(tcb);
      let atEnd = 0;
      s.host.onReadable = () => {
        atEnd = s.host.tcp.receiveQueueBytes(tcb);
      };
      burst(s, 1, 5);
      expect(s.host.of(tcb).readable).toBe(receiveRuns ? 0 : 5);
      if (receiveRuns) expect(s.host.tcp.wantsEgress()).toBe(true);
      s.egress();
      expect(s.host.of(tcb).readable).toBe(receiveRuns ? 1 : 5);
      expect(atEnd).toBe(5 * MSS);
    }
  });

  test('a run ends with the segment of another connection: readable() keeps their order', () => {
    const s = new Script();
    const first = s.accept({ mss: MSS });
    s.host.tcp.setPull(first);
    const isn = s.hostIsn;
    s.send({ flags: TCP_SYN, seq: 0, mss: MSS, port: 6000 });
    s.inject({ seq: 1, ack: 1, port: 6000 });
    const second = s.host.tcp.connection(s.host.tcp.nextConnection(first.slot));
    s.host.tcp.setPull(second);
    const order: string[] = [];
    s.host.onReadable = (tcb) => void order.push(tcb === first ? 'first' : 'second');
    const isnOfSecond = s.hostIsn;
    s.hostIsn = isn;
    burst(s, 1, 2);
    s.hostIsn = isnOfSecond;
    burst(s, 1, 2, { port: 6000 });
    expect(order).toEqual(['first']);
    s.hostIsn = isn;
    burst(s, 2 * MSS + 1, 2);
    expect(order).toEqual(['first', 'second']);
    s.host.tcp.timers(s.nowNs);
    expect(order).toEqual(['first', 'second', 'first']);
  });

  /** A connection of the script's port that pulls, and one of port 6000 that does not. */
  function pullAndPush(s: Script): { pull: Tcb; push: Tcb; toPush: (segment: Inject) => void } {
    const pull = s.accept({ mss: MSS });
    s.host.tcp.setPull(pull);
    const isn = s.hostIsn;
    s.send({ flags: TCP_SYN, seq: 0, mss: MSS, port: 6000 });
    s.inject({ seq: 1, ack: 1, port: 6000 });
    const isnOfPush = s.hostIsn;
    s.hostIsn = isn;
    const toPush = (segment: Inject): void => {
      s.hostIsn = isnOfPush;
      s.inject({ ack: 1, port: 6000, ...segment });
      s.hostIsn = isn;
    };
    return { pull, push: s.host.tcp.connection(s.host.tcp.nextConnection(pull.slot)), toPush };
  }

  test('a run ends with the data of another connection: readable() comes before data()', () => {
    const s = new Script();
    const { pull, push, toPush } = pullAndPush(s);
    const order: string[] = [];
    s.host.onReadable = (tcb) => void order.push(tcb === pull ? 'readable' : '?');
    s.host.onData = (tcb) => void order.push(tcb === push ? 'data' : '?');
    burst(s, 1, 2);
    toPush({ seq: 1, data: MSS });
    toPush({ seq: 1 + MSS, data: MSS });
    // Both ways, and both are those of a segment that follows.
    expect(s.host.tcp.counters.inExpected).toBe(4);
    expect(order).toEqual(['readable', 'data', 'data']);
    s.egress();
    expect(order).toEqual(['readable', 'data', 'data']);
  });

  test('a run whose owner ends the connection of the next segment: that is none of it', () => {
    for (const flags of [TCP_ACK, TCP_FIN | TCP_ACK, TCP_SYN | TCP_ACK]) {
      const s = new Script();
      const { push, toPush } = pullAndPush(s);
      s.host.onReadable = () => {
        if (push.state !== State.Closed) s.host.tcp.abort(push, s.nowNs);
      };
      burst(s, 1, 1);
      s.take();
      toPush({ flags, seq: 1, data: MSS });
      expect(s.host.of(push)).toMatchObject({ closed: 'aborted', ended: 0, bytes: [] });
      // The reset of the owner, and that for a segment of no connection (RFC 9293, 3.10.7.1).
      expect(s.take().map((sent) => sent.flags)).toEqual(['R.', 'R']);
      expect(s.host.tcp.connectionCount).toBe(1);
    }
  });

  test('a run whose owner ends its connection at a FIN: nothing comes after closed()', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS });
    s.host.tcp.setPull(tcb);
    s.host.onReadable = () => void s.host.tcp.abort(tcb, s.nowNs);
    const end = burst(s, 1, 1);
    s.inject({ flags: TCP_FIN | TCP_ACK, seq: end, ack: 1, data: MSS });
    expect(s.host.log.at(-1)).toBe('closed aborted');
    expect(s.take().map((sent) => sent.flags)).toEqual(['R.', 'R']);
    s.assertClean();
  });

  test('a run is told before a FIN, and before a RST that follows it', () => {
    for (const flags of [TCP_FIN | TCP_ACK, 0x04]) {
      const s = new Script();
      const tcb = s.accept({ mss: MSS });
      s.host.tcp.setPull(tcb);
      const into = new Uint8Array(10_000);
      let read = 0;
      s.host.onReadable = () => {
        read += s.host.tcp.read(tcb, into, 0, into.length);
      };
      const end = burst(s, 1, 3);
      s.inject({ flags, seq: end, ack: 1 });
      expect(read).toBe(3 * MSS);
      expect(s.host.log.at(-1)).toBe(flags === 0x04 ? 'closed reset' : 'ended');
    }
  });

  test('a run is forgotten when somebody else ends the connection first', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS });
    s.host.tcp.setPull(tcb);
    burst(s, 1, 2);
    s.host.tcp.abort(tcb, s.nowNs);
    s.egress();
    expect(s.host.of(tcb).readable).toBe(0);
    s.assertClean();
  });
});

describe('a segment goes the whole way', () => {
  const cases: readonly (readonly [string, ScriptOptions, Inject])[] = [
    ['with FIN', {}, { flags: TCP_FIN | TCP_ACK }],
    ['with URG', {}, { flags: TCP_URG | TCP_ACK }],
    ['with ECE', {}, { flags: TCP_ECE | TCP_ACK }],
    ['with CWR', {}, { flags: TCP_CWR | TCP_ACK }],
    ['marked by the network', {}, { ce: true }],
    ['with another window', {}, { window: 50_000 }],
    ['behind a hole', {}, { seq: 1 + 3 * MSS }],
    ['that repeats bytes', {}, { seq: 1 + MSS }],
    ['with SACK blocks', {}, { sack: [[1, 2]] }],
    ['of more than the window', { config: { receiveBufferBytes: 2500 } }, {}],
  ];
  for (const [what, options, more] of cases) {
    test(what, () => {
      const s = new Script(options);
      s.accept({ mss: MSS, sackPermitted: true });
      s.inject({ seq: 1, ack: 1, data: MSS });
      s.inject({ seq: 1 + MSS, ack: 1, data: MSS });
      expect(s.host.tcp.counters.inExpected).toBe(2);
      s.inject({ seq: 1 + 2 * MSS, ack: 1, data: MSS, ...more });
      expect(s.host.tcp.counters.inExpected).toBe(2);
    });
  }

  test('PSH does not matter', () => {
    const s = new Script();
    s.accept({ mss: MSS });
    burst(s, 1, 2, { flags: TCP_ACK | TCP_PSH });
    expect(s.host.tcp.counters.inExpected).toBe(2);
  });

  test('with an ACK of new data, whose owner hears of it', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS });
    s.write(tcb, 0, 100);
    s.egress();
    s.inject({ seq: 1, ack: 101, data: MSS });
    expect(s.host.tcp.counters.inExpected).toBe(0);
    expect(s.host.tcp.sendQueueBytes(tcb)).toBe(0);
    s.inject({ seq: 1 + MSS, ack: 101, data: MSS });
    expect(s.host.tcp.counters.inExpected).toBe(1);
  });

  test('a segment of a run with an older timestamp is dropped (RFC 7323, 5.3)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS, tsVal: 1000 });
    s.inject({ seq: 1, ack: 1, data: MSS, tsVal: 2000 });
    s.inject({ seq: 1 + MSS, ack: 1, data: MSS, tsVal: 1999 });
    expect(s.host.tcp.counters).toMatchObject({ inExpected: 1, pawsRejected: 1 });
    expect(s.host.of(tcb).bytes).toHaveLength(MSS);
  });

  test('a segment of a run without timestamps is dropped (RFC 7323, 3.2)', () => {
    const s = new Script();
    s.accept({ mss: MSS, tsVal: 1000 });
    s.timestamps = false;
    s.inject({ seq: 1, ack: 1, data: MSS });
    expect(s.host.tcp.counters).toMatchObject({ inExpected: 0, timestampsMissing: 1 });
  });

  test('TS.Recent in a run is that of the segment at the last ACK (RFC 7323, 4.3)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS, tsVal: 1000 });
    s.inject({ seq: 1, ack: 1, data: MSS, tsVal: 2000 });
    s.inject({ seq: 1 + MSS, ack: 1, data: MSS, tsVal: 2001 });
    expect(s.host.tcp.counters.inExpected).toBe(2);
    expect(tcb.tsRecent).toBe(2000);
    expect(s.egress()[0]!.options.tsEcr).toBe(2000);
  });

  test('the window in a run is known from its last segment (RFC 9293, 3.10.7.4)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS });
    burst(s, 1, 4);
    expect(s.host.tcp.counters.inExpected).toBe(4);
    // Begins before the last segment: older, so its window does not count.
    s.inject({ seq: 1 + 2500, ack: 1, data: 2000, window: 100 });
    expect(tcb.sndWnd).toBe(65_535);
    expect(s.host.of(tcb).bytes).toHaveLength(4500);
  });

  test('a segment of a run proves that the peer is there (RFC 9293, 3.8.4)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS });
    s.host.tcp.setKeepalive(tcb, 1e9, 1e9, 3, s.nowNs);
    s.advance(1.5e9);
    expect(tcb.keepaliveProbes).toBe(1);
    burst(s, 1, 1);
    expect(s.host.tcp.counters.inExpected).toBe(1);
    expect(tcb.keepaliveProbes).toBe(0);
    expect(tcb.lastReceivedNs).toBe(s.nowNs);
  });

  test('data of a run after close() resets the connection (RFC 9293, 3.6.1)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS });
    s.host.onData = () => void s.host.tcp.close(tcb, s.nowNs);
    burst(s, 1, 2);
    expect(s.host.tcp.counters).toMatchObject({ inExpected: 1, dataAfterClose: 1 });
  });
});

/** One random peer, in two lives that differ in the knob only. */
function life(seed: number, receiveRuns: boolean): unknown[] {
  const q = new Prng(seed);
  const s = new Script({ config: { receiveRuns, ecn: 0 }, seed: 7 });
  const isStamped = q.nextBelow(2) === 0;
  const tcb = s.accept({ mss: MSS, sackPermitted: true, ...(isStamped ? { tsVal: 1000 } : {}) });
  const isPull = q.nextBelow(3) === 0;
  const into = new Uint8Array(65_536);
  const stream: number[] = [];
  if (isPull) {
    s.host.tcp.setPull(tcb);
    s.host.onReadable = () => {
      const count = s.host.tcp.read(tcb, into, 0, into.length);
      for (let i = 0; i < count; i += 1) stream.push(into[i]!);
    };
  }
  let next = 1;
  let tsVal = 1000;
  for (let i = 0; i < 60; i += 1) {
    const length = q.nextBelow(4) === 0 ? 1 + q.nextBelow(MSS) : MSS;
    const what = q.nextBelow(16);
    const segment: Inject = {
      seq: next,
      ack: 1,
      data: length,
      flags: q.nextBelow(3) === 0 ? TCP_ACK | TCP_PSH : TCP_ACK,
      ...(isStamped ? { tsVal } : {}),
    };
    if (what === 0) s.inject({ ...segment, seq: next + 500 });
    else if (what === 1 && next > 2000) s.inject({ ...segment, seq: next - 1500 });
    else if (what === 2) s.inject({ ...segment, window: 30_000 + q.nextBelow(30_000) });
    else if (what === 3 && isStamped) s.inject({ ...segment, tsVal: 900 });
    else if (what === 4) s.inject({ ...segment, flags: TCP_URG | TCP_ACK });
    else s.inject(segment);
    next = 1 + s.host.tcp.connection(tcb.slot).rcvNxt - (s.peerIsn + 1);
    tsVal += q.nextBelow(2);
    if (q.nextBelow(5) === 0) {
      s.nowNs += q.nextBelow(1000) * 1000;
      s.egress();
    }
  }
  s.send({ flags: TCP_FIN | TCP_ACK, seq: next, ack: 1, ...(isStamped ? { tsVal } : {}) });
  expect(tcb.state).toBe(State.CloseWait);
  const bytes = isPull ? stream : s.host.of(tcb).bytes;
  expect(s.host.tcp.counters.inExpected > 10).toBe(receiveRuns);
  const { rcvNxt, sndUna, sndWnd, sndWl1, sndWl2, rcvMss, bytesReceived, segmentsIn } = tcb;
  const state = { rcvNxt, sndUna, sndWnd, sndWl1, sndWl2, rcvMss, bytesReceived, segmentsIn };
  const { inSegs, outOfOrder, duplicates, pawsRejected } = s.host.tcp.counters;
  return [
    Bun.hash(new Uint8Array(bytes)),
    bytes.length,
    state,
    s.host.of(tcb).ended,
    { inSegs, outOfOrder, duplicates, pawsRejected },
  ];
}

test('runs and single segments leave the same stream and the same connection', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const on = life(seed, true);
    expect([seed, ...on]).toEqual([seed, ...life(seed, false)]);
  }
}, 30_000);
