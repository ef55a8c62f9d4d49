import { describe, expect, test } from 'bun:test';
import { TCP_SYN } from '@tickwire/wire';
import { Recovery } from '../recovery.ts';
import { inFlight, seqs } from '../testing/in-flight.ts';
import { type Captured, Script } from '../testing/scripted-peer.ts';

const MS = 1_000_000;
const US = 1000;
const SECOND = 1_000_000_000;

/** Both controllers that work from losses. */
const CONTROLLERS = [
  ['NewReno', 0],
  ['CUBIC', 1],
] as const;

/** Sequence numbers of what carried data. */
function dataSeqs(sent: readonly Captured[]): number[] {
  return seqs(sent.filter((c) => c.length > 0));
}

/** An open connection whose round trips take `rttNs`, after `rounds` of them. */
function quick(rttNs: number, rounds: number): Script {
  const s = new Script({ config: { rtoMinNs: MS } });
  s.host.tcp.listen(0, 0, 0, 0, 80);
  s.send({ flags: TCP_SYN, seq: 0, mss: 1000, sackPermitted: true });
  s.nowNs += rttNs;
  s.send({ seq: 1, ack: 1 });
  const tcb = s.tcb();
  for (let i = 0; i < rounds; i += 1) {
    s.write(tcb, i * 1000, 1000);
    s.egress();
    s.nowNs += rttNs;
    s.send({ seq: 1, ack: 1 + (i + 1) * 1000 });
  }
  return s;
}

describe('gvisor#6113: round trips that the clock is too coarse for', () => {
  test('20 us are measured as 20 us, and time out soon (RFC 6298, 2.2)', () => {
    const s = quick(20 * US, 40);
    const tcb = s.tcb();
    expect(tcb.minRttNs).toBe(20 * US);
    expect(Math.abs(tcb.srttNs - 20 * US)).toBeLessThan(2 * US);
    expect(tcb.rtoNs).toBe(MS);
  });

  test('a round trip of no time at all is one tick, never zero (RFC 6298, 2.3)', () => {
    const s = quick(0, 40);
    const tcb = s.tcb();
    expect(tcb.srttNs).toBeGreaterThanOrEqual(US);
    expect(tcb.minRttNs).toBeGreaterThanOrEqual(US);
    expect(tcb.rtoNs).toBeGreaterThanOrEqual(MS);
    // With such a path data is still probed for (in the place of the first timeout) and sent again,
    // at a distance.
    s.write(tcb, 40_000, 1000);
    s.egress();
    const startNs = s.nowNs;
    const times = s.advance(40 * MS).map((c) => (c.atNs - startNs) / MS);
    expect(times).toEqual([1, 2, 4, 8, 16, 32]);
  });

  test('the reordering window has a floor of one tick of the clock (RFC 8985, 6.2)', () => {
    const s = quick(400, 40);
    const tcb = s.tcb();
    s.write(tcb, 40_000, 2000);
    expect(s.egress()).toHaveLength(2);
    // The second overtakes the first by less than a microsecond.
    s.nowNs += 400;
    expect(s.send({ seq: 1, ack: 40_001, sack: [[41_001, 42_001]] })).toEqual([]);
    expect(s.advance(900)).toEqual([]);
    s.send({ seq: 1, ack: 42_001 });
    expect(s.host.tcp.counters.retransSegs).toBe(0);
    expect(tcb.recovery).toBe(Recovery.Open);
  });
});

describe('gvisor#7406: segments and ACKs of one tick of a coarse clock', () => {
  test('reordering inside one tick is not taken for loss (RFC 8985, 6.2)', () => {
    const s = new Script({ config: { rtoMinNs: MS } });
    const tcb = s.accept({ mss: 1000, sackPermitted: true });
    tcb.cwnd = 50_000;
    let at = 0;
    // The clock moves by a millisecond, or not at all, between a segment and its ACK.
    for (let round = 0; round < 50; round += 1) {
      s.write(tcb, at, 4000);
      expect(s.egress()).toHaveLength(4);
      if (round % 3 !== 0) s.nowNs += MS;
      expect(dataSeqs(s.send({ seq: 1, ack: at + 1, sack: [[at + 1001, at + 2001]] }))).toEqual([]);
      s.send({ seq: 1, ack: at + 2001 });
      s.send({ seq: 1, ack: at + 2001, sack: [[at + 3001, at + 4001]] });
      at += 4000;
      s.send({ seq: 1, ack: at + 1 });
    }
    expect(s.host.tcp.counters.retransSegs).toBe(0);
    expect(tcb.recovery).toBe(Recovery.Open);
  });

  test('segments of one instant are told apart by their numbers (RFC 8985, 6.2, step 2)', () => {
    const { s, tcb } = inFlight(8);
    // All eight left at one instant. Four of them arrive: those before are lost, those behind not.
    const sent = s.send({ seq: 1, ack: 1, sack: [[3001, 7001]] });
    expect(tcb.recovery).toBe(Recovery.Fast);
    s.advance(MS);
    expect(tcb.lostBytes).toBe(3000);
    expect(dataSeqs(sent)).not.toContain(7001);
  });
});

describe('tailscale#9707: time that passes after the ACK has come', () => {
  test('one late ACK does not make RACK take the rest for lost (RFC 8985, 6.2)', () => {
    const { s, tcb } = inFlight(8);
    s.send({ seq: 1, ack: 1001 });
    // Our own loop was away for 100 ms: everything is read at once, in any order.
    s.nowNs += 100 * MS;
    for (const segment of [
      { seq: 1, ack: 1001, sack: [[2001, 3001]] },
      { seq: 1, ack: 3001 },
      { seq: 1, ack: 3001, sack: [[4001, 5001]] },
      { seq: 1, ack: 8001 },
    ] as const) {
      expect(dataSeqs(s.send(segment))).toEqual([]);
    }
    expect(s.host.tcp.counters.fastRetransmits).toBe(0);
    expect(tcb.minRttNs).toBe(20 * MS);
    expect(s.host.tcp.counters.retransSegs).toBe(0);
    expect(tcb.recovery).toBe(Recovery.Open);
  });
});

describe.each(CONTROLLERS)(
  'smoltcp#1023: losses reach the controller wrongly: %s',
  (_, congestion) => {
    const config = { congestion };

    test.each([true, false])(
      'one window, one reduction; SACK %p (RFC 5681, 3.2; RFC 6582)',
      (sack) => {
        const { s, tcb } = inFlight(20, { sack, config });
        const beta = congestion === 0 ? 0.5 : 0.7;
        // Segments 1, 5 and 9 are lost; everything else comes, one ACK each.
        const blocks: [number, number][] = [];
        for (let i = 1; i < 20; i += 1) {
          if (i === 4 || i === 8) continue;
          const left = 1 + i * 1000;
          const last = blocks.at(-1);
          if (last !== undefined && last[1] === left) last[1] = left + 1000;
          else blocks.push([left, left + 1000]);
          s.send(sack ? { seq: 1, ack: 1, sack: blocks.toReversed() } : { seq: 1, ack: 1 });
        }
        expect(tcb.ssthresh).toBe(20_000 * beta);
        // The holes close one after the other.
        for (const ack of [4001, 8001]) {
          s.nowNs += 20 * MS;
          const rest = blocks.filter(([left]) => left > ack);
          s.send(sack ? { seq: 1, ack, sack: rest } : { seq: 1, ack });
          expect(tcb.ssthresh).toBe(20_000 * beta);
        }
        s.nowNs += 20 * MS;
        s.send({ seq: 1, ack: 20_001 });
        expect(tcb.recovery).toBe(Recovery.Open);
        // What this ACK delivers anew counts as any ACK does, and is less than a segment.
        expect(tcb.cwnd).toBeWithin(20_000 * beta, 20_000 * beta + 1000);
        expect(s.host.tcp.counters.fastRetransmits).toBe(1);
        expect(s.host.tcp.counters.retransSegs).toBe(3);
      },
    );

    test('a series of timeouts is one reduction (RFC 5681, equation 4)', () => {
      const { s, tcb } = inFlight(20, { config });
      s.advance(250 * MS);
      const { ssthresh } = tcb;
      expect(ssthresh).toBe(20_000 * (congestion === 0 ? 0.5 : 0.7));
      s.advance(10 * SECOND);
      expect(s.host.tcp.counters.timeouts).toBeGreaterThan(3);
      expect(tcb.ssthresh).toBe(ssthresh);
      expect(tcb.cwnd).toBe(1000);
    });

    test('the window does not grow by duplicate ACKs, nor in recovery (RFC 5681, 3.2)', () => {
      const { s, tcb } = inFlight(10, { config });
      for (let i = 2; i <= 10; i += 1) {
        s.send({ seq: 1, ack: 1, sack: [[1001, 1 + i * 1000]] });
        expect(tcb.cwnd).toBeLessThanOrEqual(10_000);
      }
      s.nowNs += 20 * MS;
      s.send({ seq: 1, ack: 10_001 });
      expect(tcb.cwnd - tcb.ssthresh).toBeLessThan(1000);
    });
  },
);

describe('smoltcp#1018: the back-off is lost', () => {
  test('each timeout doubles, whatever says nothing new (RFC 6298, 5.5)', () => {
    const { s, tcb } = inFlight(2, { sack: false });
    const times: number[] = [];
    let seq = 1;
    for (let i = 0; i < 200; i += 1) {
      for (const c of s.advance(50 * MS)) if (c.length > 0) times.push(c.atNs);
      // Data, window updates and duplicate ACKs of the peer go on all the while.
      if (i % 3 === 0) {
        s.send({ seq, ack: 1, data: 10 });
        seq += 10;
      } else s.send({ seq, ack: 1, window: 60_000 + (i % 3) });
    }
    const gaps = times.slice(1).map((at, i) => Math.round((at - times[i]!) / MS));
    expect(gaps.slice(0, 4)).toEqual([400, 800, 1600, 3200]);
    expect(tcb.backoff).toBeGreaterThanOrEqual(5);
  });

  test('an ACK of what was sent again leaves it, one of new data ends it (RFC 6298, 3)', () => {
    const { s, tcb } = inFlight(2, { sack: false });
    s.advance(1000 * MS);
    const { backoff } = tcb;
    expect(backoff).toBeGreaterThanOrEqual(2);
    s.send({ seq: 1, ack: 1001 });
    expect(tcb.backoff).toBe(backoff);
    s.send({ seq: 1, ack: 2001 });
    expect(tcb.backoff).toBe(backoff);
    s.write(tcb, 2000, 1000);
    expect(s.egress()).toHaveLength(1);
    // The next timeout still waits for as long as the last one would have.
    const [again] = s.advance(10 * SECOND);
    expect(again!.atNs - s.nowNs + 10 * SECOND).toBe(200 * MS * 2 ** backoff);
    s.send({ seq: 1, ack: 3001 });
    s.write(tcb, 3000, 1000);
    s.egress();
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 4001 });
    expect(tcb.backoff).toBe(0);
  });
});

describe('mtcp#189: after a timeout everything goes again', () => {
  test.each([true, false])('what arrived meanwhile is not sent twice; SACK %p', (sack) => {
    const { s, tcb } = inFlight(10, { sack });
    const first = dataSeqs(s.advance(250 * MS));
    // The first once, and with SACK the last as a probe: the others are not sent at once.
    expect(first).toEqual(sack ? [9001, 1] : [1]);
    // Only the first had been lost: its retransmission acknowledges all of the window.
    const after = s.send({ seq: 1, ack: 10_001 });
    expect(dataSeqs(after)).toEqual([]);
    expect(dataSeqs(s.advance(10 * SECOND))).toEqual([]);
    s.write(tcb, 10_000, 1000);
    expect(dataSeqs(s.egress())).toEqual([10_001]);
  });

  test('an ACK beyond what was sent since the timeout is good (RFC 9293, 3.10.7.4)', () => {
    const { s, tcb } = inFlight(10, { sack: false });
    s.advance(250 * MS);
    // SND.NXT never went back: an ACK of the middle of the old flight is no ACK of the future.
    s.send({ seq: 1, ack: 7001 });
    expect(s.host.tcp.counters.badAcks).toBe(0);
    expect((tcb.sndUna - tcb.iss) | 0).toBe(7001);
  });
});

describe('demikernel#195: the retransmission timer of data that is acknowledged', () => {
  test('it stops with the last ACK (RFC 6298, 5.2)', () => {
    const { s, tcb } = inFlight(3);
    expect(tcb.retransmitAtNs).toBeLessThan(Infinity);
    s.send({ seq: 1, ack: 3001 });
    expect(tcb.retransmitAtNs).toBe(Infinity);
    expect(s.advance(100 * SECOND)).toEqual([]);
    expect(s.host.tcp.counters.timeouts).toBe(0);
    expect(s.host.tcp.timersArmed).toBe(0);
  });

  test('it starts again with each ACK of new data (RFC 6298, 5.3)', () => {
    const { s } = inFlight(5, { sack: false });
    for (let i = 1; i < 5; i += 1) {
      s.nowNs += 150 * MS;
      expect(dataSeqs(s.send({ seq: 1, ack: 1 + i * 1000 }))).toEqual([]);
      expect(dataSeqs(s.advance(0))).toEqual([]);
    }
    expect(s.host.tcp.counters.timeouts).toBe(0);
    expect(dataSeqs(s.advance(2 * SECOND))[0]).toBe(4001);
  });
});
