import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_ECE } from '@tickwire/wire';
import { Congestion } from './config.ts';
import { Recovery } from './recovery.ts';
import { inFlight, seqs } from './testing/in-flight.ts';

const MS = 1_000_000;

/** Twelve segments in flight, reordering seen: RACK waits before it takes anything for lost. */
function reordered(congestion: 0 | 1): ReturnType<typeof inFlight> {
  const { s, tcb } = inFlight(10, { config: { congestion } });
  s.write(tcb, 10_000, 60_000);
  tcb.ssthresh = 12_000;
  s.send({ seq: 1, ack: 1, sack: [[1001, 2001]] });
  s.nowNs += MS;
  s.send({ seq: 1, ack: 10_001 });
  s.nowNs += 20 * MS;
  return { s, tcb };
}

describe('what the window is reduced from', () => {
  for (const [name, congestion, beta] of [
    ['reno', Congestion.NewReno, 0.5],
    ['cubic', Congestion.Cubic, 0.7],
  ] as const) {
    test(`${name}: not what left for SACKed bytes (RFC 5681, 3.2; RFC 9438, 4.6)`, () => {
      const { s, tcb } = reordered(congestion);
      const una = 10_001;
      const { cwnd } = tcb;
      s.nowNs += 20 * MS;
      // The first segment is lost. Each SACK lets a new one out while RACK waits.
      for (let right = una + 2000; right <= tcb.sndNxt - tcb.iss - 1; right += 1000) {
        s.send({ seq: 1, ack: una, sack: [[una + 1000, right]] });
        if (right >= una + 12_000) break;
      }
      expect(tcb.recovery).toBe(Recovery.Open);
      expect(tcb.sndNxt - tcb.sndUna).toBeGreaterThan(1.5 * cwnd);
      s.advance(8 * MS);
      expect(tcb.recovery).toBe(Recovery.Fast);
      expect(tcb.ssthresh).toBe(Math.floor(cwnd * beta));
    });
  }

  test('enterFastRecovery() takes what was in flight before a stretch ACK (RFC 5681, 3.2)', () => {
    const { s, tcb } = inFlight(20);
    s.send({ seq: 1, ack: 15_001, sack: [[16_001, 20_001]] });
    expect(tcb.recovery).toBe(Recovery.Fast);
    expect(tcb.ssthresh).toBe(14_000);
  });

  test('a loss that a tail probe repaired reduces from the whole flight (RFC 8985, 7.4.2)', () => {
    const { s, tcb } = inFlight(10);
    s.advance(41 * MS);
    expect(s.host.tcp.counters.tailLossProbes).toBe(1);
    s.write(tcb, 10_000, 1000);
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 10_001 });
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 11_001 });
    expect(tcb.ssthresh).toBe(7000);
  });

  test('a probe that began fast recovery reduces no second time (RFC 8985, 7.4.2)', () => {
    const { s, tcb } = inFlight(10);
    s.advance(41 * MS);
    expect(s.host.tcp.counters.tailLossProbes).toBe(1);
    // Three were lost; the report of the probe shows the others.
    s.send({ seq: 1, ack: 7001, sack: [[9001, 10_001]] });
    expect(tcb.recovery).toBe(Recovery.Fast);
    const { ssthresh } = tcb;
    s.nowNs += 20 * MS;
    s.write(tcb, 10_000, 2000);
    s.send({ seq: 1, ack: 10_001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 12_001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    expect(tcb.ssthresh).toBe(ssthresh);
  });

  test('a probe before a timeout reduces no second time, and another may follow (7.4.2)', () => {
    const { s, tcb } = inFlight(10);
    s.advance(300 * MS);
    expect(s.host.tcp.counters.tailLossProbes).toBe(1);
    expect(s.host.tcp.counters.timeouts).toBe(1);
    const { ssthresh } = tcb;
    s.send({ seq: 1, ack: 1001 });
    s.send({ seq: 1, ack: 10_001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    s.write(tcb, 10_000, 2000);
    s.egress();
    s.advance(50 * MS);
    expect(s.host.tcp.counters.tailLossProbes).toBe(2);
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 11_001 });
    expect(tcb.ssthresh).toBe(ssthresh);
  });

  test('the duplicate of a probe does not undo what another loss began (RFC 3708)', () => {
    const { s, tcb } = inFlight(10);
    s.advance(41 * MS);
    expect(s.host.tcp.counters.tailLossProbes).toBe(1);
    // Late, but all is there except the first.
    expect(seqs(s.send({ seq: 1, ack: 1, sack: [[1001, 10_001]] }))).toEqual([1]);
    expect(tcb.recovery).toBe(Recovery.Fast);
    s.nowNs += MS;
    s.send({
      seq: 1,
      ack: 1,
      sack: [
        [9001, 10_001],
        [1001, 10_001],
      ],
    });
    expect(s.host.tcp.counters.dsackReceived).toBe(1);
    expect(s.host.tcp.counters.spuriousUndone).toBe(0);
    expect(tcb.recovery).toBe(Recovery.Fast);
    expect(tcb.ssthresh).toBe(7000);
  });

  test('a bare duplicate ACK says that the probe was not needed (RFC 8985, 7.4.2)', () => {
    const { s, tcb } = inFlight(5);
    s.advance(41 * MS);
    expect(s.host.tcp.counters.tailLossProbes).toBe(1);
    s.write(tcb, 5000, 1000);
    s.send({ seq: 1, ack: 5001 });
    s.send({ seq: 1, ack: 5001 });
    const { cwnd } = tcb;
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 6001 });
    expect(tcb.cwnd).toBeGreaterThanOrEqual(cwnd);
  });

  test('an echo that comes with the last ACK reduces from what it acknowledges (RFC 3168)', () => {
    const { s, tcb } = inFlight(10, { ecn: true, config: { ecn: 2 } });
    s.send({ flags: TCP_ACK | TCP_ECE, seq: 1, ack: 10_001 });
    expect(tcb.ssthresh).toBe(7000);
  });

  test('a timeout in fast recovery lowers the threshold again (RFC 5681, 4.3)', () => {
    const { s, tcb } = inFlight(20);
    s.write(tcb, 20_000, 60_000);
    s.send({ seq: 1, ack: 1, sack: [[1001, 5001]] });
    const first = tcb.ssthresh;
    expect(first).toBe(14_000);
    for (let right = 6001; right <= 20_001; right += 1000) {
      s.send({ seq: 1, ack: 1, sack: [[1001, right]] });
    }
    s.advance(400 * MS);
    expect(s.host.tcp.counters.timeouts).toBe(1);
    expect(tcb.ssthresh).toBeLessThanOrEqual(first * 0.7);
  });
});

describe('proportionalRate()', () => {
  test('halves evenly when half was SACKed before (RFC 6937, 3.1)', () => {
    const { s, tcb } = reordered(Congestion.NewReno);
    const una = 10_001;
    s.nowNs += 20 * MS;
    let right = una + 2000;
    for (; right <= una + 10_000; right += 1000) {
      s.send({ seq: 1, ack: una, sack: [[una + 1000, right]] });
    }
    s.advance(8 * MS);
    expect(tcb.recovery).toBe(Recovery.Fast);
    // Twelve in the network, six allowed. The retransmission was the first to leave; one follows
    // for every two that arrive, and one for one as soon as half is left.
    const counts: number[] = [];
    for (; right <= una + 21_000; right += 1000) {
      counts.push(s.send({ seq: 1, ack: una, sack: [[una + 1000, right]] }).length);
    }
    expect(counts).toEqual([0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1]);
  });
});

describe('ECN and loss (RFC 3168, 6.1.2)', () => {
  test('duplicateAck() repairs a loss in the window of an ECN reduction, without SACK', () => {
    const { s, tcb } = inFlight(10, { sack: false, ecn: true });
    s.send({ flags: TCP_ACK | TCP_ECE, seq: 1, ack: 1001 });
    expect(tcb.recovery).toBe(Recovery.Reduced);
    const { ssthresh } = tcb;
    s.send({ seq: 1, ack: 1001 });
    s.send({ seq: 1, ack: 1001 });
    expect(seqs(s.send({ seq: 1, ack: 1001 }))).toEqual([1001]);
    expect(tcb.recovery).toBe(Recovery.Fast);
    // One event.
    expect(tcb.ssthresh).toBe(ssthresh);
  });

  test('duplicateAck() repairs the first loss behind an ECN reduction, no SACK', () => {
    const { s, tcb } = inFlight(6, { sack: false, ecn: true, cwnd: 20 });
    s.send({ flags: TCP_ACK | TCP_ECE, seq: 1, ack: 1001 });
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 6001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    s.write(tcb, 6000, 4000);
    s.egress();
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 6001 });
    s.send({ seq: 1, ack: 6001 });
    expect(seqs(s.send({ seq: 1, ack: 6001 }))).toEqual([6001]);
  });

  for (const [name, lose] of [
    ['a fast retransmit', 0],
    ['a timeout', 1],
  ] as const) {
    test(`the first new data after ${name} says CWR, too`, () => {
      const { s, tcb } = inFlight(10, { ecn: true });
      s.write(tcb, 10_000, 20_000);
      const sent =
        lose === 0 ? s.send({ seq: 1, ack: 1, sack: [[1001, 9001]] }) : s.advance(300 * MS);
      for (let ack = 8001; ack <= 10_001; ack += 1000) {
        s.nowNs += 20 * MS;
        sent.push(...s.send({ seq: 1, ack }));
      }
      // The timeout comes behind a tail loss probe of new data.
      const fresh = sent.filter((c) => c.seq > (lose === 0 ? 10_000 : 11_000));
      expect(fresh.map((c) => c.flags.includes('W')).slice(0, 2)).toEqual([true, false]);
      expect(s.host.tcp.counters.ecnReductions).toBe(0);
    });
  }
});
