import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { Congestion } from '../config.ts';
import type { LinkOptions } from '../testing/link.ts';
import { type Flow, Flows, jain } from '../testing/flows.ts';
import { BbrMode } from './bbr-state.ts';

// Minutes of virtual time; a loaded machine is no reason to fail.
setDefaultTimeout(60_000);

const MS = 1_000_000;
const LINE = 100e6;
/** 40 ms there and back at 100 Mbit/s. */
const BDP_BYTES = 500_000;

const PATH: LinkOptions = { seed: 1, delayNs: 20 * MS, bitsPerSecond: LINE };

/** A state that BBR was in. */
interface Visit {
  readonly mode: number;
  readonly pacingGain: number;
  readonly cwndGain: number;
  readonly atNs: number;
  /** Volume in flight when it began, and the least of it. */
  leastInFlight: number;
  cwndMin: number;
}

/** Runs one flow and writes down which states it visits. */
function visits(flows: Flows, flow: Flow, durationNs: number): Visit[] {
  const list: Visit[] = [];
  flows.watch(durationNs, () => {
    const { bbr, cwnd, sndNxt, sndUna } = flow.client;
    const inFlight = (sndNxt - sndUna) | 0;
    let visit = list.at(-1);
    if (visit?.mode !== bbr!.mode) {
      visit = {
        mode: bbr!.mode,
        pacingGain: bbr!.pacingGain,
        cwndGain: bbr!.cwndGain,
        atNs: flows.link.nowNs,
        leastInFlight: inFlight,
        cwndMin: cwnd,
      };
      list.push(visit);
    }
    if (inFlight < visit.leastInFlight) visit.leastInFlight = inFlight;
    if (cwnd < visit.cwndMin) visit.cwndMin = cwnd;
  });
  return list;
}

/** Bits per second and mean smoothed round trip of one flow after `warmNs`. */
function run(
  options: LinkOptions,
  congestion: Congestion,
  warmNs: number,
  durationNs: number,
): { bps: number; rttNs: number; flow: Flow } {
  const flows = new Flows(options);
  const flow = flows.open(congestion);
  flows.link.runFor(warmNs);
  const before = flow.received;
  let sum = 0;
  let count = 0;
  flows.watch(durationNs, () => {
    sum += flow.client.srttNs;
    count += 1;
  });
  const bps = ((flow.received - before) * 8e9) / durationNs;
  return { bps, rttNs: sum / count, flow };
}

describe('BBR on a line of 100 Mbit/s and 40 ms', () => {
  test('uses more than 90 % of it from the start on, and leaves the queue empty', () => {
    const deep = { ...PATH, queueBytes: 2 * BDP_BYTES };
    const ours = run(deep, Congestion.Bbr, 0, 10e9);
    expect(ours.bps).toBeGreaterThan(0.9 * LINE);
    expect(ours.rttNs).toBeLessThan(48 * MS);
    expect(ours.flow.client.retransmits).toBe(0);
    // CUBIC fills the same queue: 80 ms more.
    const theirs = run(deep, Congestion.Cubic, 5e9, 10e9);
    expect(theirs.rttNs).toBeGreaterThan(2 * ours.rttNs);
  });

  test('needs no deep queue: a tenth of the bandwidth-delay product is enough', () => {
    const { bps } = run({ ...PATH, queueBytes: BDP_BYTES / 10 }, Congestion.Bbr, 2e9, 10e9);
    expect(bps).toBeGreaterThan(0.85 * LINE);
  });

  for (const [loss, least] of [
    [0.005, 0.7],
    [0.01, 0.45],
    [0.02, 0.25],
  ] as const) {
    test(`tolerates ${loss * 100} % of random loss, where CUBIC collapses`, () => {
      const lossy = { ...PATH, queueBytes: BDP_BYTES, loss };
      const ours = run(lossy, Congestion.Bbr, 2e9, 15e9);
      const theirs = run(lossy, Congestion.Cubic, 2e9, 15e9);
      expect(ours.bps).toBeGreaterThan(least * LINE);
      expect(theirs.bps).toBeLessThan(0.1 * LINE);
    });
  }

  test('ECN marks bound it as losses do', () => {
    const marked = {
      ...PATH,
      queueBytes: BDP_BYTES,
      mark: 0.02,
      a: { config: { ecn: 1 as const } },
    };
    const flows = new Flows(marked);
    const flow = flows.open();
    let bounded = false;
    flows.watch(8e9, () => {
      if (flow.client.bbr!.bwLo !== Number.POSITIVE_INFINITY) bounded = true;
    });
    expect(flows.link.a.tcp.counters.ecnReductions).toBeGreaterThan(10);
    expect(flow.client.retransmits).toBe(0);
    expect(bounded).toBe(true);
    expect(flow.client.bbr!.inflightHi).toBeLessThan(4 * BDP_BYTES);
    // Each reduction keeps 70 % at least, and what is delivered bounds it from below.
    expect(flow.received).toBeGreaterThan(0.1 * LINE);
  });
});

describe('BBR state machine (draft-ietf-ccwg-bbr, 4.3)', () => {
  test('visits the states in order, with their gains', () => {
    const flows = new Flows({ ...PATH, queueBytes: 2 * BDP_BYTES });
    const list = visits(flows, flows.open(), 15e9);
    const M = BbrMode;
    const allowed = new Map<number, readonly number[]>([
      [M.Startup, [M.Drain]],
      // An empty queue needs no DOWN: DRAIN and DOWN may end with the same ACK.
      [M.Drain, [M.ProbeBwDown, M.ProbeBwCruise]],
      [M.ProbeBwDown, [M.ProbeBwCruise, M.ProbeBwRefill, M.ProbeRtt]],
      [M.ProbeBwCruise, [M.ProbeBwRefill, M.ProbeRtt]],
      [M.ProbeBwRefill, [M.ProbeBwUp, M.ProbeRtt]],
      [M.ProbeBwUp, [M.ProbeBwDown, M.ProbeRtt]],
      [M.ProbeRtt, [M.ProbeBwCruise]],
    ]);
    expect(list[0]!.mode).toBe(M.Startup);
    for (let i = 1; i < list.length; i += 1) {
      expect(allowed.get(list[i - 1]!.mode)).toContain(list[i]!.mode);
    }
    const gains = new Map<number, readonly [number, number]>([
      [M.Startup, [2.77, 2]],
      [M.Drain, [0.5, 2]],
      [M.ProbeBwDown, [0.9, 2]],
      [M.ProbeBwCruise, [1, 2]],
      [M.ProbeBwRefill, [1, 2]],
      [M.ProbeBwUp, [1.25, 2.25]],
      [M.ProbeRtt, [1, 0.5]],
    ]);
    for (const { mode, pacingGain, cwndGain } of list) {
      expect([pacingGain, cwndGain]).toEqual([...gains.get(mode)!]);
    }
    const seen = new Set(list.map(({ mode }) => mode));
    expect(seen.size).toBe(gains.size);
  });

  test('probes for bandwidth every two to three seconds', () => {
    const flows = new Flows({ ...PATH, seed: 5, queueBytes: 2 * BDP_BYTES });
    const list = visits(flows, flows.open(), 30e9);
    const probes = list.filter(({ mode }) => mode === BbrMode.ProbeBwRefill);
    expect(probes.length).toBeGreaterThan(6);
    const gaps: number[] = [];
    for (let i = 1; i < probes.length; i += 1) gaps.push(probes[i]!.atNs - probes[i - 1]!.atNs);
    // PROBE_RTT begins a wait anew.
    for (const gap of gaps) {
      expect(gap).toBeGreaterThan(2e9);
      expect(gap).toBeLessThan(6e9);
    }
    // Drawn, not fixed.
    expect(new Set(gaps.map((gap) => Math.round(gap / (10 * MS)))).size).toBeGreaterThan(3);
  });

  test('probes after as many rounds as Reno needs on a small line', () => {
    const flows = new Flows({ seed: 6, delayNs: 5 * MS, bitsPerSecond: 10e6 });
    const list = visits(flows, flows.open(), 4e9);
    const probes = list.filter(({ mode }) => mode === BbrMode.ProbeBwRefill);
    // 12,500 bytes are 8.6 segments: a probe each 9 rounds and what the probe itself takes.
    const gap = probes[3]!.atNs - probes[2]!.atNs;
    expect(gap).toBeLessThan(400 * MS);
  });

  test('PROBE_RTT: every five seconds, half a pipe, 200 ms', () => {
    const flows = new Flows({ ...PATH, queueBytes: 2 * BDP_BYTES });
    const flow = flows.open();
    const list = visits(flows, flow, 16e9);
    const at: number[] = [];
    for (const [i, visit] of list.entries()) {
      if (visit.mode !== BbrMode.ProbeRtt) continue;
      at.push(visit.atNs);
      expect(visit.cwndMin).toBeLessThan(0.55 * BDP_BYTES);
      expect(visit.cwndMin).toBeGreaterThan(0.3 * BDP_BYTES);
      expect(visit.leastInFlight).toBeLessThan(0.55 * BDP_BYTES);
      const length = list[i + 1]!.atNs - visit.atNs;
      expect(length).toBeGreaterThan(200 * MS);
      expect(length).toBeLessThan(330 * MS);
    }
    expect(at.length).toBe(3);
    expect(at[1]! - at[0]!).toBeGreaterThan(5e9);
    expect(at[1]! - at[0]!).toBeLessThan(5.5e9);
    expect(flow.client.bbr!.minRttNs).toBeLessThan(41 * MS);
  });

  /** Runs until the first PROBE_RTT has `leftNs` to go. */
  function inProbeRtt(leftNs: number): { flows: Flows; flow: Flow } {
    const flows = new Flows({ ...PATH, queueBytes: BDP_BYTES });
    const flow = flows.open();
    const state = flow.client.bbr!;
    const { link } = flows;
    link.run(() => state.mode === BbrMode.ProbeRtt && state.probeRttDoneNs > 0, 10e9);
    link.runFor(state.probeRttDoneNs - leftNs - link.nowNs);
    expect(state.mode).toBe(BbrMode.ProbeRtt);
    return { flows, flow };
  }

  /** What leaves next is lost: a quantum, or two. */
  function loseQuantum(flows: Flows): void {
    const { link } = flows;
    const { dropped } = link;
    link.pathMtu = 1000;
    link.run(() => link.dropped > dropped, 1e9);
    link.pathMtu = Number.POSITIVE_INFINITY;
    expect(link.dropped).toBeLessThanOrEqual(dropped + 4);
  }

  // What was sent in its last round trip is missed when the pipe has been filled for half of one.
  for (const leftMs of [35, 20, 5]) {
    test(`a loss ${leftMs} ms before the end of PROBE_RTT is no proof of a slower path`, () => {
      const { flows, flow } = inProbeRtt(leftMs * MS);
      const { retransmits } = flow.client;
      loseQuantum(flows);
      flows.link.runFor(500 * MS);
      expect(flow.client.retransmits).toBeGreaterThan(retransmits);
      expect(flow.client.bbr!.mode).toBe(BbrMode.ProbeBwCruise);
      expect(flow.client.pacingRate * 8).toBeGreaterThan(0.9 * LINE);
    });
  }

  test('losses that go on after PROBE_RTT set the short-term bounds', () => {
    const { flows, flow } = inProbeRtt(5 * MS);
    for (let i = 0; i < 8; i += 1) {
      loseQuantum(flows);
      flows.link.runFor(40 * MS);
    }
    expect(flow.client.bbr!.bwLo).toBeLessThan(flow.client.bbr!.maxBw);
    expect(flow.client.bbr!.inflightLo).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test('PROBE_RTT is not needed by who was silent', () => {
    const flows = new Flows(PATH);
    const flow = flows.open(Congestion.Bbr, false);
    let probed = false;
    for (let i = 0; i < 40; i += 1) {
      flows.write(flow, 100_000);
      // Five seconds end in a pause: the first ACK after it measures the empty pipe.
      flows.watch(700 * MS, () => {
        if (flow.client.bbr!.mode === BbrMode.ProbeRtt) probed = true;
      });
    }
    expect(flow.received).toBe(4_000_000);
    expect(probed).toBe(false);
  });
});

describe('BBR and others', () => {
  for (const pipes of [0.5, 2]) {
    test(`two flows share a line with a queue of ${pipes} pipes fairly`, () => {
      const half = { ...PATH, bitsPerSecond: LINE / 2, queueBytes: (pipes * BDP_BYTES) / 2 };
      const flows = new Flows(half);
      const first = flows.open();
      flows.link.runFor(2e9);
      const second = flows.open();
      flows.link.runFor(25e9);
      const rates = flows.measure(15e9);
      const shares = [rates.get(first)!, rates.get(second)!];
      expect(shares[0]! + shares[1]!).toBeGreaterThan((0.88 * LINE) / 2);
      expect(jain(shares)).toBeGreaterThan(0.85);
    });
  }

  for (const pipes of [0.25, 1, 4]) {
    test(`BBR and CUBIC live with each other on a queue of ${pipes} pipes`, () => {
      const half = { ...PATH, bitsPerSecond: LINE / 2, queueBytes: (pipes * BDP_BYTES) / 2 };
      const flows = new Flows(half);
      const ours = flows.open(Congestion.Bbr);
      const theirs = flows.open(Congestion.Cubic);
      flows.link.runFor(10e9);
      const rates = flows.measure(15e9);
      const share = rates.get(ours)! / (rates.get(ours)! + rates.get(theirs)!);
      expect(share).toBeGreaterThan(0.2);
      expect(share).toBeLessThan(0.8);
    });
  }

  test('an application that pauses does not make the path look slow', () => {
    const flows = new Flows({ ...PATH, queueBytes: 2 * BDP_BYTES });
    const flow = flows.open();
    flows.link.runFor(8e9);
    const known = flow.client.bbr!.maxBw;
    expect(known * 8).toBeGreaterThan(0.9 * LINE);
    flow.greedy = false;
    flows.link.runFor(2e9);
    for (let i = 0; i < 100; i += 1) {
      flows.write(flow, 4000);
      flows.link.runFor(100 * MS);
    }
    expect(flow.client.bbr!.maxBw).toBeGreaterThan(0.9 * known);
    expect(flow.client.pacingRate).toBeGreaterThan(0.8 * known);
    // And it comes back at full speed: a megabyte in little more than its time on the line.
    const before = flow.received;
    flows.write(flow, 65_536);
    const start = flows.link.nowNs;
    for (let i = 0; i < 15; i += 1) flows.write(flow, 65_536);
    flows.link.run(() => flow.received - before >= 16 * 65_536, 2e9);
    expect(flows.link.nowNs - start).toBeLessThan(200 * MS);
  });
});

describe('BBR from 20 us to 100 ms', () => {
  for (const [name, delayNs, bitsPerSecond, durationNs, least] of [
    ['20 us at 10 Gbit/s', 10_000, 10e9, 100 * MS, 0.9],
    ['20 us at 1 Gbit/s', 10_000, 1e9, 300 * MS, 0.9],
    ['2 ms at 1 Gbit/s', MS, 1e9, 1e9, 0.9],
    ['100 ms at 5 Mbit/s', 50 * MS, 5e6, 20e9, 0.85],
    ['100 ms at 100 Mbit/s', 50 * MS, 100e6, 10e9, 0.85],
  ] as const) {
    test(name, () => {
      const bdp = (bitsPerSecond * 2 * delayNs) / 8e9;
      const queueBytes = Math.max(4 * bdp, 100_000);
      const hosts = { config: { rtoMinNs: MS, delayedAckNs: MS } };
      const flows = new Flows({
        seed: 7,
        delayNs,
        bitsPerSecond,
        queueBytes,
        a: hosts,
        b: hosts,
      });
      const flow = flows.open();
      flows.link.runFor(durationNs / 4);
      const rate = flows.measure(durationNs).get(flow)!;
      expect(rate).toBeGreaterThan(least * bitsPerSecond);
      expect(flows.link.a.tcp.counters.timeouts).toBe(0);
      // Not more than the window of two bandwidth-delay products, and what bursts need.
      const queueNs = flow.client.srttNs - 2 * delayNs;
      expect(queueNs).toBeLessThan(2 * delayNs + (20 * 1514 * 8e9) / bitsPerSecond + 60_000);
    });
  }
});

describe('BBR over bad links of every kind', () => {
  for (let seed = 1; seed <= 24; seed += 1) {
    test(`goes on and keeps its sums, seed ${seed}`, () => {
      const random = new Prng(seed);
      const flows = new Flows({
        seed,
        delayNs: 10_000 + random.nextBelow(50 * MS),
        bitsPerSecond: 1e6 * (1 + random.nextBelow(500)),
        queueBytes: 5000 + random.nextBelow(1_000_000),
        loss: random.nextFloat() * 0.08,
        reorder: random.nextFloat() * 0.1,
        reorderNs: random.nextBelow(20 * MS),
        duplicate: random.nextFloat() * 0.03,
        mark: random.nextFloat() * 0.1,
        a: {
          config: {
            ecn: 1,
            sack: random.nextBelow(4) > 0,
            timestamps: random.nextBelow(3) > 0,
            mtuProbing: seed % 2 === 0 ? 2 : 1,
          },
        },
      });
      const flow = flows.open(Congestion.Bbr, false);
      const { client } = flow;
      const total = 300_000;
      flows.write(flow, total);
      const startNs = flows.link.nowNs;
      while (flow.received < total && flows.link.nowNs - startNs < 1200e9) {
        flows.watch(1e9, () => {
          expect(client.lostBytes).toBeGreaterThanOrEqual(0);
          expect(client.sackedBytes).toBeGreaterThanOrEqual(0);
          expect(client.retransBytes).toBeGreaterThanOrEqual(0);
          expect(Number.isInteger(client.cwnd) && client.cwnd > 0).toBe(true);
          expect(Number.isFinite(client.pacingRate) && client.pacingRate > 0).toBe(true);
        });
      }
      expect(flow.received).toBe(total);
      expect(client.delivered).toBeGreaterThanOrEqual(client.bytesAcked);
    });
  }
});
