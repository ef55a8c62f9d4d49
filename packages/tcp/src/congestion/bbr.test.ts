import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { Congestion } from '../config.ts';
import { Recovery } from '../recovery.ts';
import type { Tcb } from '../tcb.ts';
import { Flows } from '../testing/flows.ts';
import { loneTcbs } from '../testing/lone-tcb.ts';
import { bbr } from './bbr.ts';
import { BbrMode, type BbrState } from './bbr-state.ts';
import { rate } from './rate-sample.ts';

const MS = 1_000_000;
const MSS = 1000;
const RTT = 20 * MS;
/** 10 MB/s for 20 ms. */
const BANDWIDTH = 10_000_000;
const BDP = 200_000;

/** A connection whose ACKs are made by hand. */
class Bench {
  readonly tcb: Tcb = loneTcbs(1)[0]!;
  readonly random: Prng = new Prng(1);
  nowNs = 0;

  constructor() {
    const { tcb } = this;
    tcb.mss = MSS;
    tcb.cwnd = 10 * MSS;
    tcb.ssthresh = 2 ** 30;
    tcb.srttNs = RTT;
    tcb.minRttNs = RTT;
    bbr.open(tcb, 0);
  }

  get state(): BbrState {
    return this.tcb.bbr!;
  }

  /** One ACK that ends a round: `bandwidth`, `inFlight`, and what was lost since. */
  round(bandwidth: number, inFlight: number, lost = 0, appLimited = 0): void {
    const { tcb } = this;
    this.nowNs += RTT;
    rate.valid = 1;
    rate.priorDelivered = tcb.delivered;
    rate.newlyAcked = (bandwidth * RTT) / 1e9;
    tcb.delivered += rate.newlyAcked;
    rate.delivered = rate.newlyAcked;
    rate.intervalNs = RTT;
    rate.bytesPerSecond = bandwidth;
    rate.txInFlight = inFlight;
    rate.inFlight = inFlight;
    rate.lost = lost;
    rate.newlyLost = lost;
    rate.rttNs = RTT;
    rate.appLimited = appLimited;
    bbr.rate!.sampled(tcb, true, this.random, this.nowNs);
  }

  /** Through STARTUP and DRAIN to CRUISE. */
  cruise(): void {
    for (let bandwidth = BANDWIDTH / 32; bandwidth < BANDWIDTH; bandwidth *= 2) {
      this.round(bandwidth, this.tcb.cwnd);
    }
    for (let i = 0; i < 4; i += 1) this.round(BANDWIDTH, 2 * BDP);
    this.round(BANDWIDTH, BDP / 2);
    this.round(BANDWIDTH, BDP / 2);
    expect(this.state.mode).toBe(BbrMode.ProbeBwCruise);
  }

  /** On to the first ACKs of a bandwidth probe. */
  up(): void {
    this.cruise();
    this.nowNs += 3e9;
    this.round(BANDWIDTH, BDP);
    expect(this.state.mode).toBe(BbrMode.ProbeBwRefill);
    this.round(BANDWIDTH, BDP);
    expect(this.state.mode).toBe(BbrMode.ProbeBwUp);
  }
}

describe('bbr', () => {
  test('begins with the initial window in a round trip, 2.77 times as fast (4.6.2)', () => {
    const { tcb } = new Bench();
    expect(tcb.pacingRate).toBeCloseTo((2.77 * 10 * MSS) / 0.02, 0);
    expect(tcb.rateOn).toBe(1);
  });

  test('STARTUP ends after three rounds without a quarter more bandwidth (4.3.1.2)', () => {
    const bench = new Bench();
    for (const bandwidth of [1e6, 2e6, 4e6]) bench.round(bandwidth, 100_000);
    bench.round(4.9e6, 100_000);
    bench.round(4.9e6, 100_000);
    expect(bench.state.mode).toBe(BbrMode.Startup);
    bench.round(4.9e6, 200_000);
    expect(bench.state.mode).toBe(BbrMode.Drain);
    expect(bench.state.fullBwReached).toBe(true);
  });

  test('rounds in which the application was the limit do not end STARTUP', () => {
    const bench = new Bench();
    for (let i = 0; i < 20; i += 1) bench.round(1e6, 20_000, 0, 1);
    expect(bench.state.mode).toBe(BbrMode.Startup);
  });

  test('a slow application leaves no trace in the bandwidth filter', () => {
    const bench = new Bench();
    bench.cruise();
    for (let i = 0; i < 400; i += 1) bench.round(BANDWIDTH / 50, BDP / 50, 0, 1);
    expect(bench.state.maxBw).toBe(BANDWIDTH);
    expect(bench.state.bwNew === 0 || bench.state.bwNew === BANDWIDTH).toBe(true);
  });

  test('STARTUP ends when six ACKs of a round come with losses above 2 % (4.3.1.3)', () => {
    const bench = new Bench();
    bench.round(1e6, 20_000);
    const { tcb, state } = bench;
    tcb.recovery = Recovery.Fast;
    // Six ACKs within one round.
    for (let i = 0; i < 6; i += 1) {
      bbr.rate!.lost(tcb, MSS, 40_000, (i + 1) * MSS, false);
      rate.priorDelivered = 0;
      rate.newlyLost = MSS;
      rate.bytesPerSecond = 2e6 * (i + 1);
      bbr.rate!.sampled(tcb, true, bench.random, bench.nowNs);
    }
    expect(state.mode).toBe(BbrMode.Startup);
    bench.round(3e7, 40_000, 6 * MSS);
    expect(state.fullBwReached).toBe(true);
    expect(state.inflightHi).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test('cruises at 99 % of the bandwidth with two bandwidth-delay products', () => {
    const bench = new Bench();
    bench.cruise();
    for (let i = 0; i < 5; i += 1) bench.round(BANDWIDTH, BDP);
    expect(bench.tcb.pacingRate).toBeCloseTo(0.99 * BANDWIDTH, 0);
    expect(bench.tcb.cwnd).toBeGreaterThanOrEqual(2 * BDP);
    expect(bench.tcb.cwnd).toBeLessThan(3.2 * BDP);
  });

  test('a lossy round outside a probe keeps 70 %, or what is delivered (4.5.10.4)', () => {
    const bench = new Bench();
    bench.cruise();
    bbr.rate!.lost(bench.tcb, MSS, BDP, MSS, false);
    bench.round(BANDWIDTH / 2, BDP);
    bench.round(BANDWIDTH / 2, BDP);
    expect(bench.state.bwLo).toBeGreaterThanOrEqual(0.7 * BANDWIDTH);
    expect(bench.state.bwLo).toBeLessThan(BANDWIDTH * 1.01);
    expect(bench.state.inflightLo).toBeLessThan(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 20; i += 1) {
      bbr.rate!.lost(bench.tcb, MSS, BDP, MSS, false);
      bench.round(BANDWIDTH / 2, BDP);
    }
    expect(bench.tcb.cwnd).toBeLessThanOrEqual(bench.state.inflightLo);
    // Never below what the path delivers.
    expect(bench.state.bwLo).toBeCloseTo(BANDWIDTH / 2, 0);
  });

  test('losses above 2 % in a probe set the long-term bound and end it (4.5.10.2)', () => {
    const bench = new Bench();
    bench.up();
    bench.round(BANDWIDTH, 1.2 * BDP, 0.01 * BDP);
    expect(bench.state.inflightHi).toBe(Number.POSITIVE_INFINITY);
    bench.round(BANDWIDTH, 1.2 * BDP, 0.03 * BDP);
    expect(bench.state.inflightHi).toBe(1.2 * BDP);
    expect(bench.state.mode).toBe(BbrMode.ProbeBwDown);
  });

  test('the bound is where within the lost segment 2 % were crossed', () => {
    const bench = new Bench();
    bench.up();
    // 100 segments in flight, the third of them lost: 2 % were crossed with it.
    bbr.rate!.lost(bench.tcb, MSS, 100 * MSS, 3 * MSS, false);
    bench.round(BANDWIDTH, 100 * MSS);
    const floor = 0.7 * BDP;
    expect(bench.state.inflightHi).toBe(floor);
    const other = new Bench();
    other.up();
    bbr.rate!.lost(other.tcb, MSS, 200 * MSS, 5 * MSS, false);
    other.round(BANDWIDTH, 190 * MSS);
    // 199 segments, 4 lost: (0.02 * 199 - 4) / 0.98 is below none, so none of the fifth.
    expect(other.state.inflightHi).toBe(199 * MSS);
  });

  test('losses at the same rate outside a probe do not move the long-term bound', () => {
    const bench = new Bench();
    bench.cruise();
    bench.round(BANDWIDTH, BDP, 0.1 * BDP);
    expect(bench.state.inflightHi).toBe(Number.POSITIVE_INFINITY);
  });

  test('a probe that is bounded raises the bound, twice as fast each round', () => {
    const bench = new Bench();
    bench.up();
    bench.state.inflightHi = 300_000;
    bench.tcb.cwnd = 300_000;
    const growth: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const before = bench.state.inflightHi;
      // The window follows the bound only as far as the model wants it.
      bench.state.cwndGain = 10;
      bench.round(BANDWIDTH, BDP);
      growth.push(bench.state.inflightHi - before);
      // One more ACK of the same round: the window is at the bound again, so the probe goes on.
      rate.priorDelivered = 0;
      rate.newlyAcked = MSS;
      bbr.rate!.sampled(bench.tcb, true, bench.random, bench.nowNs);
    }
    for (let i = 2; i < growth.length; i += 1) {
      expect(growth[i]!).toBeGreaterThanOrEqual(growth[i - 1]!);
    }
    expect(growth.at(-1)!).toBeGreaterThan(2 * MSS);
    expect(bench.state.mode).toBe(BbrMode.ProbeBwUp);
  });

  test('an ECN mark in a probe ends it, and counts as a lossy round elsewhere', () => {
    const bench = new Bench();
    bench.up();
    bbr.congestion(bench.tcb, BDP, bench.nowNs);
    expect(bench.tcb.ssthresh).toBe(bench.tcb.cwnd);
    bench.round(BANDWIDTH, BDP);
    expect(bench.state.mode).not.toBe(BbrMode.ProbeBwUp);
    expect(bench.state.inflightHi).toBeLessThan(Number.POSITIVE_INFINITY);
    bbr.congestion(bench.tcb, BDP, bench.nowNs);
    for (let i = 0; i < 3; i += 1) bench.round(BANDWIDTH, BDP / 2);
    expect(bench.state.bwLo).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test('a spurious loss gives the bounds and the state back (4.5.10.5)', () => {
    const bench = new Bench();
    bench.up();
    bbr.rate!.lost(bench.tcb, MSS, 200 * MSS, 50 * MSS, false);
    bbr.congestion(bench.tcb, BDP, bench.nowNs);
    bench.round(BANDWIDTH, BDP);
    expect(bench.state.mode).toBe(BbrMode.ProbeBwDown);
    bbr.undone(bench.tcb);
    expect(bench.state.mode).toBe(BbrMode.ProbeBwUp);
    expect(bench.state.inflightHi).toBe(Number.POSITIVE_INFINITY);
  });

  test('after a timeout the window comes back to what it was', () => {
    const bench = new Bench();
    bench.cruise();
    for (let i = 0; i < 5; i += 1) bench.round(BANDWIDTH, BDP);
    const { cwnd } = bench.tcb;
    bbr.timeout(bench.tcb, BDP, bench.nowNs);
    bench.tcb.recovery = Recovery.Loss;
    bench.tcb.cwnd = MSS;
    bench.round(BANDWIDTH / 100, MSS);
    expect(bench.tcb.cwnd).toBeLessThan(cwnd / 2);
    bench.tcb.recovery = Recovery.Open;
    bench.round(BANDWIDTH, BDP);
    expect(bench.tcb.cwnd).toBeGreaterThan(0.9 * cwnd);
  });

  test('the window is a whole number of bytes, and four segments at least', () => {
    const bench = new Bench();
    const random = new Prng(7);
    for (let i = 0; i < 5000; i += 1) {
      const inFlight = 1 + random.nextBelow(3 * BDP);
      const isLossy = random.nextBelow(5) === 0;
      if (isLossy) bbr.rate!.lost(bench.tcb, MSS, inFlight, MSS * random.nextBelow(20), false);
      if (random.nextBelow(50) === 0) bbr.congestion(bench.tcb, inFlight, bench.nowNs);
      bench.round(1 + random.nextBelow(BANDWIDTH), inFlight, 0, random.nextBelow(2));
      expect(Number.isInteger(bench.tcb.cwnd)).toBe(true);
      expect(bench.tcb.cwnd).toBeGreaterThanOrEqual(4 * MSS);
      expect(bench.tcb.pacingRate).toBeGreaterThan(0);
    }
  });

  test('a bottleneck is used, and its queue is not flooded', () => {
    // The conformance suite's last test; the others are about windows that follow losses.
    const flows = new Flows({
      seed: 5,
      delayNs: 10 * MS,
      bitsPerSecond: 50e6,
      queueBytes: 125_000,
    });
    const flow = flows.open(Congestion.Bbr);
    flows.link.runFor(10e9);
    expect(flow.received).toBeGreaterThan(0.85 * 62.5e6 * (1448 / 1500));
    expect(flows.link.dropped / flows.link.packets).toBeLessThan(0.01);
    expect(flows.link.a.tcp.counters.timeouts).toBe(0);
  });
});
