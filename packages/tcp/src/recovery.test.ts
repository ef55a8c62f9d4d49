import { describe, expect, test } from 'bun:test';
import { Recovery } from './recovery.ts';
import { reduceWindow } from './retransmit.ts';
import { inFlight, seqs } from './testing/in-flight.ts';
import { Script } from './testing/scripted-peer.ts';

const MS = 1_000_000;

describe('retransmission timeout (RFC 6298)', () => {
  test('the first timeout is one second, or what the handshake measured allows', () => {
    const { s, tcb } = inFlight(1);
    expect(tcb.srttNs).toBe(20 * MS);
    expect(tcb.rtoNs).toBe(200 * MS);
    const sent = s.advance(10_000 * MS);
    // A tail loss probe waits for the delayed ACK, longer than the timeout: it goes in its place.
    const times = sent.map((c) => Math.round((c.atNs - 1_020 * MS) / MS));
    expect(times.slice(0, 4)).toEqual([200, 400, 800, 1600]);
  });

  test('the timer runs from the last ACK of new data, not from any ACK (smoltcp#62)', () => {
    const { s } = inFlight(2, { sack: false });
    s.advance(100 * MS);
    for (let i = 0; i < 2; i += 1) {
      s.send({ seq: 1, ack: 1, data: 1 });
      s.advance(20 * MS);
    }
    const sent = s.advance(100 * MS);
    expect(seqs(sent.filter((c) => c.length > 0))).toEqual([1]);
  });

  test('after a timeout one segment goes, then two per ACK (RFC 5681, 3.1)', () => {
    const { s, tcb } = inFlight(8);
    const first = s.advance(400 * MS).filter((c) => c.length > 0);
    expect(tcb.recovery).toBe(Recovery.Loss);
    expect(seqs(first)).toContain(1);
    expect(tcb.cwnd).toBe(1000);
    expect(tcb.ssthresh).toBeGreaterThanOrEqual(2000);
    const second = s.send({ seq: 1, ack: 1001 });
    expect(seqs(second)).toEqual([1001, 2001]);
  });

  test('Karn: the back-off stays until a segment that was sent once is acknowledged', () => {
    const { s, tcb } = inFlight(1, { sack: false });
    s.advance(1000 * MS);
    expect(tcb.backoff).toBeGreaterThanOrEqual(2);
    const { backoff } = tcb;
    s.send({ seq: 1, ack: 1001 });
    expect(tcb.backoff).toBe(backoff);
    s.write(tcb, 1000, 1000);
    s.egress();
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 2001 });
    expect(tcb.backoff).toBe(0);
  });

  test('a report that got lost does not inflate the round-trip time (RFC 7323, 4.1)', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: 2, seq: 0, mss: 1012, sackPermitted: true, tsVal: 1 });
    s.timestamps = true;
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1 });
    const tcb = s.tcb();
    s.write(tcb, 0, 5000);
    s.egress();
    // The first and the third are lost, and so is every ACK for the others, until the timeout.
    const sent = s.advance(260 * MS);
    expect(sent.at(-1)!.seq).toBe(1);
    s.nowNs = sent.at(-1)!.atNs + 20 * MS;
    s.send({ seq: 1, ack: 2001, sack: [[3001, 5001]] });
    expect(tcb.srttNs).toBeGreaterThanOrEqual(20 * MS);
    expect(tcb.srttNs).toBeLessThan(21 * MS);
    expect(tcb.rtoNs).toBe(200 * MS);
  });

  test('an echo measures what was sent twice, when that is news (RFC 6298, 3)', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: 2, seq: 0, mss: 1012, sackPermitted: true, tsVal: 1 });
    s.timestamps = true;
    s.nowNs += 500 * MS;
    s.send({ seq: 1, ack: 1 });
    const tcb = s.tcb();
    expect(tcb.srttNs).toBe(500 * MS);
    s.write(tcb, 0, 1000);
    s.egress();
    const sent = s.advance(1600 * MS);
    s.nowNs = sent.at(-1)!.atNs + 20 * MS;
    s.send({ seq: 1, ack: 1001 });
    // An eighth of 21 ms.
    expect(tcb.srttNs).toBeLessThan(441 * MS);
  });

  test('a hole that took long to fill does not inflate the round-trip time', () => {
    const { s, tcb } = inFlight(4, { sack: false });
    s.advance(3000 * MS);
    s.send({ seq: 1, ack: 4001 });
    expect(tcb.srttNs).toBe(20 * MS);
  });

  test('a report that comes with the answer to a retransmission is old (RFC 6298, 3)', () => {
    const { s, tcb } = inFlight(4);
    const { srttNs, rtoNs } = tcb;
    // Only the first two are lost, but so are the ACKs of the others.
    s.advance(500 * MS);
    expect(tcb.recovery).toBe(Recovery.Loss);
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1001, sack: [[2001, 3001]] });
    expect(tcb.sackedBytes).toBe(1000);
    expect(tcb.srttNs).toBe(srttNs);
    expect(tcb.rtoNs).toBe(rtoNs);
  });

  test('so is one that comes with the report of a retransmission (RFC 6298, 3)', () => {
    const { s, tcb } = inFlight(8);
    s.send({ seq: 1, ack: 1, sack: [[3001, 8001]] });
    expect(s.host.tcp.counters.retransSegs).toBeGreaterThan(1);
    const { srttNs } = tcb;
    s.write(tcb, 8000, 1000);
    s.egress();
    s.nowNs += 150 * MS;
    // The second hole was filled. The new segment was there long before.
    s.inject({ seq: 1, ack: 1, sack: [[1001, 9001]] });
    expect(tcb.sackedBytes).toBeGreaterThan(6000);
    expect(tcb.srttNs).toBe(srttNs);
  });
});

describe('fast retransmit without SACK (RFC 5681, 3.2; RFC 6582)', () => {
  test('smoltcp#1155: three duplicate ACKs send the one missing segment, not the window', () => {
    const { s, tcb } = inFlight(8, { sack: false });
    expect(s.send({ seq: 1, ack: 1 })).toEqual([]);
    expect(s.send({ seq: 1, ack: 1 })).toEqual([]);
    expect(seqs(s.send({ seq: 1, ack: 1 }))).toEqual([1]);
    expect(tcb.recovery).toBe(Recovery.Fast);
    expect(s.host.tcp.counters.fastRetransmits).toBe(1);
  });

  test('smoltcp#1149: further duplicate ACKs are no further loss events', () => {
    const { s, tcb } = inFlight(10, { sack: false });
    for (let i = 0; i < 9; i += 1) s.send({ seq: 1, ack: 1 });
    expect(tcb.ssthresh).toBe(7000);
    expect(s.host.tcp.counters.fastRetransmits).toBe(1);
    expect(s.host.tcp.counters.retransSegs).toBe(1);
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 10_001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    expect(tcb.cwnd).toBe(7000);
  });

  test('a partial ACK sends the next hole at once (RFC 6582, 3.2)', () => {
    const { s, tcb } = inFlight(8, { sack: false });
    for (let i = 0; i < 3; i += 1) s.send({ seq: 1, ack: 1 });
    s.nowNs += 20 * MS;
    expect(seqs(s.send({ seq: 1, ack: 3001 }))).toContain(3001);
    expect(tcb.recovery).toBe(Recovery.Fast);
    s.send({ seq: 1, ack: 8001 });
    expect(tcb.recovery).toBe(Recovery.Open);
  });

  test('only the first partial ACK restarts the timer (RFC 6582, 3.2 step 3)', () => {
    const { s, tcb } = inFlight(10, { sack: false });
    for (let i = 0; i < 3; i += 1) s.send({ seq: 1, ack: 1 });
    s.nowNs += 100 * MS;
    s.send({ seq: 1, ack: 1001 });
    const rtoAtNs = s.nowNs + 200 * MS;
    for (let ack = 2001; ack <= 3001; ack += 1000) {
      s.nowNs += 80 * MS;
      expect(seqs(s.send({ seq: 1, ack }))).toContain(ack);
    }
    s.advanceTo(rtoAtNs - MS);
    expect(s.host.tcp.counters.timeouts).toBe(0);
    s.advanceTo(rtoAtNs + MS);
    expect(s.host.tcp.counters.timeouts).toBe(1);
    expect(tcb.recovery).toBe(Recovery.Loss);
  });

  test('data, window updates and FINs are no duplicate ACKs (RFC 5681, 2)', () => {
    const { s, tcb } = inFlight(8, { sack: false });
    for (let i = 0; i < 4; i += 1) s.send({ seq: 1 + i * 10, ack: 1, data: 10 });
    for (let i = 0; i < 4; i += 1) s.send({ seq: 41, ack: 1, window: 60_000 - i });
    expect(tcb.recovery).toBe(Recovery.Open);
    expect(tcb.dupAcks).toBe(0);
  });

  test('limited transmit: the first two duplicate ACKs send new data (RFC 3042)', () => {
    const { s, tcb } = inFlight(4, { sack: false });
    s.write(tcb, 4000, 3000);
    expect(s.egress()).toEqual([]);
    expect(seqs(s.send({ seq: 1, ack: 1 }))).toEqual([4001]);
    expect(seqs(s.send({ seq: 1, ack: 1 }))).toEqual([5001]);
  });

  test('late duplicate ACKs after a timeout begin no recovery (RFC 6582, 3.2 step 2)', () => {
    const { s, tcb } = inFlight(4, { sack: false });
    s.advance(300 * MS);
    s.send({ seq: 1, ack: 4001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    s.write(tcb, 4000, 1000);
    s.egress();
    for (let i = 0; i < 4; i += 1) s.send({ seq: 1, ack: 4001 });
    expect(tcb.recovery).toBe(Recovery.Open);
  });
});

describe('SACK and RACK (RFC 6675, RFC 8985)', () => {
  test('only what is missing is sent again', () => {
    const { s, tcb } = inFlight(10);
    s.send({ seq: 1, ack: 1, sack: [[1001, 2001]] });
    s.send({ seq: 1, ack: 1, sack: [[1001, 3001]] });
    const sent = s.send({
      seq: 1,
      ack: 1,
      sack: [
        [4001, 6001],
        [1001, 3001],
      ],
    });
    expect(seqs(sent)).toEqual([1, 3001]);
    expect(tcb.sackedBytes).toBe(4000);
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 10_001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    expect([tcb.sackedBytes, tcb.lostBytes, tcb.retransBytes]).toEqual([0, 0, 0]);
  });

  test('one segment out of order is waited for a quarter of a round trip', () => {
    const { s, tcb } = inFlight(5);
    s.send({ seq: 1, ack: 1, sack: [[1001, 2001]] });
    expect(tcb.recovery).toBe(Recovery.Open);
    expect(s.advance(4 * MS)).toEqual([]);
    const sent = s.advance(2 * MS);
    expect(seqs(sent)).toEqual([1]);
    expect(sent[0]!.atNs).toBe(1_045 * MS);
    expect(tcb.recovery).toBe(Recovery.Fast);
  });

  test("RACK's timer leaves the window of slow start alone after a timeout (RFC 6937, 3)", () => {
    const { s, tcb } = inFlight(10);
    s.send({ seq: 1, ack: 1, sack: [[1001, 2001]] });
    s.nowNs += MS;
    // It was only late: RACK waits from now on before it takes anything for lost.
    s.send({ seq: 1, ack: 10_001 });
    s.write(tcb, 10_000, 10_000);
    s.egress();
    s.advance(300 * MS);
    expect(tcb.recovery).toBe(Recovery.Loss);
    s.send({ seq: 1, ack: 11_001 });
    s.nowNs += 20 * MS;
    expect(s.send({ seq: 1, ack: 13_001 })).toHaveLength(4);
    expect(tcb.cwnd).toBe(4000);
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 13_001, sack: [[14_001, 15_001]] });
    s.advance(20 * MS);
    expect(tcb.recovery).toBe(Recovery.Loss);
    expect(tcb.cwnd).toBe(4000);
  });

  test('a lost retransmission is found without a timeout', () => {
    const { s, tcb } = inFlight(10);
    s.write(tcb, 10_000, 5000);
    expect(seqs(s.send({ seq: 1, ack: 1, sack: [[1001, 5001]] }))[0]).toBe(1);
    const fresh: number[] = [];
    s.nowNs += MS;
    fresh.push(...seqs(s.send({ seq: 1, ack: 1, sack: [[1001, 10_001]] })));
    expect(fresh.length).toBeGreaterThan(0);
    s.nowNs += 20 * MS;
    // New data sent after the retransmission arrives, the retransmission does not.
    const sent = s.send({ seq: 1, ack: 1, sack: [[1001, fresh.at(-1)! + 1000]] });
    const later = [...seqs(sent), ...seqs(s.advance(10 * MS))];
    expect(later).toContain(1);
    expect(s.host.tcp.counters.timeouts).toBe(0);
  });

  test('a lost tail is probed after two round trips (RFC 8985, 7)', () => {
    const { s, tcb } = inFlight(5);
    const sent = s.advance(100 * MS);
    expect(seqs(sent)).toEqual([4001]);
    expect(sent[0]!.atNs).toBe(1_060 * MS);
    expect(s.host.tcp.counters.tailLossProbes).toBe(1);
    // Its SACK shows the loss, and recovery begins without a timeout.
    expect(seqs(s.send({ seq: 1, ack: 1, sack: [[4001, 5001]] }))[0]).toBe(1);
    expect(tcb.recovery).toBe(Recovery.Fast);
    expect(s.host.tcp.counters.timeouts).toBe(0);
  });

  test('a probe due no sooner than the timeout goes in its place (RFC 8985, 7.2)', () => {
    const { s, tcb } = inFlight(1);
    const { cwnd } = tcb;
    // Two round trips and the delayed ACK are 240 ms, the timeout is 200 ms.
    expect(s.advance(200 * MS)).toHaveLength(1);
    expect(s.host.tcp.counters.tailLossProbes).toBe(1);
    expect(s.host.tcp.counters.timeouts).toBe(0);
    expect(tcb.recovery).toBe(Recovery.Open);
    expect(tcb.cwnd).toBe(cwnd);
    // The timeout starts anew behind the probe (7.3), without a back-off.
    expect(s.advance(200 * MS)).toHaveLength(1);
    expect(s.host.tcp.counters.timeouts).toBe(1);
  });

  test('a probe that repaired the loss by itself counts as congestion (RFC 8985, 7.4.2)', () => {
    const { s, tcb } = inFlight(5);
    s.advance(41 * MS);
    expect(s.host.tcp.counters.tailLossProbes).toBe(1);
    s.write(tcb, 5000, 1000);
    s.send({ seq: 1, ack: 5001 });
    const { cwnd } = tcb;
    s.egress();
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 6001 });
    expect(tcb.cwnd).toBeLessThan(cwnd);
  });

  test('a duplicate report takes the reduction back (RFC 3708)', () => {
    const { s, tcb } = inFlight(10);
    s.send({ seq: 1, ack: 1, sack: [[1001, 5001]] });
    expect(tcb.recovery).toBe(Recovery.Fast);
    expect(tcb.ssthresh).toBe(7000);
    s.nowNs += 20 * MS;
    // The original was only late: all is there, and the retransmission came twice.
    s.send({ seq: 1, ack: 5001, sack: [[1, 1001]] });
    expect(s.host.tcp.counters.dsackReceived).toBe(1);
    expect(s.host.tcp.counters.spuriousUndone).toBe(1);
    expect(tcb.recovery).toBe(Recovery.Open);
    expect(tcb.cwnd).toBeGreaterThanOrEqual(10_000);
  });

  test('a duplicate report after the recovery takes the reduction back, too (RFC 3708, 3)', () => {
    const { s, tcb } = inFlight(10);
    s.send({ seq: 1, ack: 1, sack: [[1001, 5001]] });
    s.nowNs += 20 * MS;
    // The retransmission overtakes the original, which is later than a round trip.
    s.send({ seq: 1, ack: 10_001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    expect(tcb.cwnd).toBeLessThan(8000);
    s.nowNs += 10 * MS;
    s.send({ seq: 1, ack: 10_001, sack: [[1, 1001]] });
    expect(s.host.tcp.counters.spuriousUndone).toBe(1);
    expect(tcb.cwnd).toBeGreaterThanOrEqual(10_000);
    // Said twice, it is no news.
    tcb.cwnd = 5000;
    s.send({ seq: 1, ack: 10_001, sack: [[1, 1001]] });
    expect(s.host.tcp.counters.spuriousUndone).toBe(1);
    expect(tcb.cwnd).toBe(5000);
  });

  test('what was sent once and came twice takes no reduction back (RFC 3708, 3)', () => {
    const { s, tcb } = inFlight(10);
    s.send({ seq: 1, ack: 1, sack: [[1001, 5001]] });
    s.nowNs += 20 * MS;
    // The retransmission has filled the hole, and the network has doubled another segment.
    s.send({ seq: 1, ack: 5001, sack: [[2001, 3001]] });
    s.send({ seq: 1, ack: 6001, sack: [[5001, 6001]] });
    s.send({ seq: 1, ack: 10_001, sack: [[2001, 3001]] });
    expect(s.host.tcp.counters.dsackReceived).toBe(3);
    expect(s.host.tcp.counters.spuriousUndone).toBe(0);
    // The reduced window was full when these ACKs came in one burst: it grows by CUBIC's steps.
    expect(tcb.cwnd).toBeGreaterThanOrEqual(7000);
    expect(tcb.cwnd).toBeLessThan(7500);
  });

  test('a report from before the latest reduction takes nothing back (RFC 3708, 3)', () => {
    const { s, tcb } = inFlight(10);
    s.send({ seq: 1, ack: 1, sack: [[1001, 5001]] });
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 10_001 });
    expect(tcb.undoCount).toBe(1);
    // An ECN reduction or a tail loss probe has reduced a window of its own since.
    reduceWindow(tcb, tcb.cwnd, s.nowNs);
    const { cwnd } = tcb;
    s.send({ seq: 1, ack: 10_001, sack: [[1, 1001]] });
    expect(s.host.tcp.counters.spuriousUndone).toBe(0);
    expect(tcb.cwnd).toBe(cwnd);
  });

  test('an older timestamp takes the reduction back (Eifel, RFC 3522)', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: 2, seq: 0, mss: 1012, sackPermitted: true, tsVal: 1 });
    s.timestamps = true;
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1 });
    const tcb = s.tcb();
    s.write(tcb, 0, 8000);
    s.egress();
    const original = s.lastTsEcr;
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1, sack: [[1001, 6001]] });
    expect(tcb.recovery).toBe(Recovery.Fast);
    s.nowNs += 5 * MS;
    s.send({ seq: 1, ack: 8001, tsEcr: original });
    expect(s.host.tcp.counters.spuriousUndone).toBe(1);
    expect(tcb.cwnd).toBeGreaterThanOrEqual(8000);
  });

  test('a report of something older undoes nothing before a retransmission left (RFC 3708)', () => {
    const { s, tcb } = inFlight(10);
    // One burst: the loss is found, and then a duplicate of the network's making is reported.
    s.inject({ seq: 1, ack: 1, sack: [[1001, 5001]] });
    expect(tcb.recovery).toBe(Recovery.Fast);
    s.inject({
      seq: 1,
      ack: 1,
      sack: [
        [2001, 3001],
        [1001, 6001],
      ],
    });
    expect(s.host.tcp.counters.dsackReceived).toBe(1);
    expect(s.host.tcp.counters.spuriousUndone).toBe(0);
    expect(tcb.recovery).toBe(Recovery.Fast);
    expect(seqs(s.egress())[0]).toBe(1);
  });

  test('what was SACKed in a fast recovery does not grow the window (RFC 3465, 2.1)', () => {
    const { s, tcb } = inFlight(20, { config: { congestion: 0 } });
    s.write(tcb, 20_000, 60_000);
    s.send({ seq: 1, ack: 1, sack: [[1001, 20_001]] });
    const { ssthresh } = tcb;
    s.nowNs += 20 * MS;
    // Twenty segments, a window and more: but only one of them is news.
    s.send({ seq: 1, ack: 20_001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    expect(tcb.cwnd).toBe(ssthresh);
    expect(tcb.cwndAcked).toBe(1000);
  });

  test('an answer to an original says nothing about its copy (RFC 8985, 6.2 step 2)', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: 2, seq: 0, mss: 1012, sackPermitted: true, tsVal: 1 });
    s.timestamps = true;
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1 });
    const tcb = s.tcb();
    s.write(tcb, 0, 10_000);
    s.egress();
    const original = s.lastTsEcr;
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1, sack: [[1001, 5001]] });
    expect(s.host.tcp.counters.retransSegs).toBe(1);
    // The original was late; the rest is on its way, and not older than it was.
    s.nowNs += 2 * MS;
    s.send({ seq: 1, ack: 1, sack: [[1001, 6001]] });
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 6001, sack: [[7001, 8001]], tsEcr: original });
    expect(s.host.tcp.counters.spuriousUndone).toBe(1);
    expect(s.host.tcp.counters.retransSegs).toBe(1);
    expect(tcb.lostBytes).toBe(0);
  });

  test('nonsense in SACK blocks marks nothing', () => {
    const { s, tcb } = inFlight(4);
    for (const sack of [
      [[3001, 1001]],
      [[1001, 99_001]],
      [[-5000, 2001]],
      [[2001, 2001]],
      [
        [-9000, -8000],
        [5001, 6001],
      ],
    ] as [number, number][][]) {
      s.send({ seq: 1, ack: 1, sack });
    }
    expect(tcb.lostBytes).toBe(0);
    expect(tcb.sackedBytes).toBeLessThanOrEqual(2000);
    s.send({ seq: 1, ack: 4001 });
    expect(tcb.sqFrames).toBe(0);
  });

  test('a receiver may forget what it reported (RFC 2018, 8)', () => {
    const { s, tcb } = inFlight(4);
    s.send({ seq: 1, ack: 1, sack: [[1001, 4001]] });
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1001 });
    expect(tcb.sackedBytes).toBe(3000);
    s.advance(500 * MS);
    expect(s.host.tcp.counters.sackReneged).toBe(1);
    expect(tcb.sackedBytes).toBe(0);
    for (let ack = 2001; ack <= 4001; ack += 1000) s.send({ seq: 1, ack });
    expect(tcb.sqFrames).toBe(0);
  });

  test('proportional rate reduction never stalls and ends at ssthresh (RFC 6937)', () => {
    const { s, tcb } = inFlight(20);
    s.write(tcb, 20_000, 40_000);
    let sent = s.send({ seq: 1, ack: 1, sack: [[1001, 4001]] }).length;
    for (let right = 5001; right <= 20_001; right += 1000) {
      sent += s.send({ seq: 1, ack: 1, sack: [[1001, right]] }).length;
    }
    // 14 of 20 is 0.7 of the flight: about that many leave while 20 arrive.
    expect(tcb.ssthresh).toBe(14_000);
    expect(sent).toBeGreaterThanOrEqual(12);
    expect(sent).toBeLessThanOrEqual(15);
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 20_001 });
    expect(tcb.cwnd).toBeLessThanOrEqual(14_000 + 8000);
  });
});

test('a duplicate report does not take the place of a window probe', () => {
  const { s, tcb } = inFlight(2);
  s.write(tcb, 2000, 1000);
  s.send({ seq: 1, ack: 2001, window: 0 });
  // A copy of the last ACK with a duplicate report, while the window is closed.
  s.send({ seq: 1, ack: 2001, window: 0, sack: [[1, 1001]] });
  expect(s.host.tcp.counters.dsackReceived).toBe(1);
  for (let i = 0; i < 4; i += 1) {
    expect(s.advance(70_000 * MS).length).toBeGreaterThan(0);
    s.send({ seq: 1, ack: 2001, window: 0 });
  }
  expect(seqs(s.send({ seq: 1, ack: 2001, window: 5000 }))).toEqual([2001]);
});

describe('F-RTO (RFC 5682)', () => {
  for (const sack of [true, false]) {
    test(`a delay spike is no loss, ${sack ? 'with' : 'without'} SACK`, () => {
      const { s, tcb } = inFlight(8, { sack });
      s.write(tcb, 8000, 8000);
      s.egress();
      s.advance(300 * MS);
      expect(tcb.recovery).toBe(Recovery.Loss);
      // The originals arrive at last: the ACK of the first, then of the second.
      s.nowNs += 15 * MS;
      const after = s.send({ seq: 1, ack: 1001 });
      expect(seqs(after).every((seq) => seq > 8000)).toBe(true);
      s.send({ seq: 1, ack: 2001 });
      expect(s.host.tcp.counters.spuriousUndone).toBe(1);
      expect(tcb.recovery).toBe(Recovery.Open);
      expect(tcb.cwnd).toBeGreaterThanOrEqual(8000);
      expect(tcb.lostBytes).toBe(0);
    });
  }

  test('at most two new segments ask (RFC 5682, 2.1 step 2b)', () => {
    const { s, tcb } = inFlight(8);
    s.write(tcb, 8000, 8000);
    s.egress();
    s.advance(300 * MS);
    const from = tcb.sndNxt - tcb.iss;
    s.nowNs += 20 * MS;
    expect(seqs(s.send({ seq: 1, ack: 1001 }))).toEqual([from, from + 1000]);
    // Duplicates of the answer bring out no more of them.
    expect(s.egress()).toEqual([]);
  });

  test('a real loss is recovered after one round trip more', () => {
    const { s, tcb } = inFlight(8);
    s.write(tcb, 8000, 8000);
    s.egress();
    s.advance(300 * MS);
    s.nowNs += 20 * MS;
    const fresh = s.send({ seq: 1, ack: 1001 });
    expect(seqs(fresh).every((seq) => seq > 8000)).toBe(true);
    s.nowNs += 20 * MS;
    const last = seqs(fresh).at(-1)!;
    const sent = s.send({ seq: 1, ack: 1001, sack: [[last, last + 1000]] });
    expect(seqs(sent)).toContain(1001);
    expect(s.host.tcp.counters.spuriousUndone).toBe(0);
  });
});

describe('frames that somebody still holds', () => {
  test('a retransmission of a held frame is a copy, and the held one is untouched', () => {
    const { s, tcb } = inFlight(1);
    s.take();
    const frame = tcb.sqHead;
    s.host.arena.retain(frame);
    const at = s.host.arena.dataAt[frame]!;
    const before = s.host.arena.bytes.slice(at - 64, at + 1000);
    expect(s.advance(500 * MS).length).toBeGreaterThan(0);
    expect(s.host.tcp.counters.retransmitCopies).toBeGreaterThan(0);
    expect(s.host.arena.bytes.slice(at - 64, at + 1000)).toEqual(before);
    s.host.arena.free(frame);
    s.host.tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });

  test('M4: an empty pool puts work off and loses nothing', () => {
    const { s, tcb } = inFlight(2, { frames: 64 });
    const held: number[] = [];
    for (let f = s.host.arena.alloc(); f >= 0; f = s.host.arena.alloc()) held.push(f);
    s.host.tcp.shutdown(tcb);
    expect(s.egress()).toEqual([]);
    expect(s.write(tcb, 2000, 10)).toBeLessThan(0);
    expect(s.host.tcp.counters.allocFailures).toBeGreaterThan(0);
    for (const f of held) s.host.arena.free(f);
    const sent = s.advance(5 * MS);
    expect(sent.map((c) => c.flags)).toContain('F.');
  });

  test('seastar#365: a closed device stops output, and nothing is lost', () => {
    const { s, tcb } = inFlight(1, { cwnd: 10 });
    s.host.roomLeft = 2;
    s.write(tcb, 1000, 5000);
    expect(s.egress()).toHaveLength(2);
    expect(s.host.tcp.wantsEgress()).toBe(true);
    s.host.roomLeft = 100;
    expect(seqs(s.egress())).toEqual([3001, 4001, 5001]);
  });
});
