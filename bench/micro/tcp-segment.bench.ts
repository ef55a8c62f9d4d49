/**
 * The fast path alone: what an in-order data segment costs when it is received and acknowledged,
 * and what it costs to send one, by the length of the burst in which it comes, with runs and bursts
 * (software GRO and TSO) and without.
 *
 * TCP against TCP over crossed rings, one thread: no device, no IP, no checksum over the payload. A
 * sample is the mean over 64 segments, handed over in bursts of 1 to 64, so that the clock (30 ns)
 * does not count; the ACK is part of it, what the peer does with it is not.
 *
 * ```text
 * bun run bench tcp-segment
 * ```
 *
 * @module
 */

import { Congestion, type TcpConfig } from '../../packages/tcp/src/index.ts';
import { Crossed } from '../../packages/tcp/src/testing/crossed.ts';
import { type BenchCase, type Benchmark, type BenchOptions, caseOf } from '../contract.ts';

/** Segments of a sample: the largest burst of a device. */
const SEGMENTS = 64;
const SEGMENT_BYTES = 1448;
const BURSTS = [1, 4, 16, 64] as const;
const SAMPLES = 20_000;
const SAMPLES_TINY = 20;
const WARM_UP_SHARE = 1;
const STEP_NS = 20_000;

/** Queues full-sized segments on `a`, whose windows are open far enough. */
function queue(pair: Crossed, count: number): void {
  const { a } = pair;
  for (let i = 0; i < count; i += 1) {
    const at = a.tcp.reserve(a.tcb!, SEGMENT_BYTES);
    if (at < 0) throw new Error(`reserve: ${at}`);
    a.tcp.commit(a.tcb!, SEGMENT_BYTES);
  }
}

/** A pair whose congestion window has room for more than a sample. */
function openPair(config: Partial<TcpConfig>): Crossed {
  const pair = new Crossed({ congestion: Congestion.NewReno, ...config });
  pair.open();
  for (let i = 0; i < 200; i += 1) {
    queue(pair, SEGMENTS);
    while (pair.round(STEP_NS) > 0);
  }
  return pair;
}

/** Segments arrive in bursts of `burst`, each followed by its egress round. */
function receiving(burst: number, receiveRuns: boolean, samples: number): BenchCase {
  // A single segment would wait for the delayed ACK: here it is acknowledged, too.
  const pair = openPair(burst === 1 ? { receiveRuns, delayedAckNs: 0 } : { receiveRuns });
  const { a, b } = pair;
  const ns = new Float64Array(samples);
  let acks = 0;
  for (let i = -samples * WARM_UP_SHARE; i < samples; i += 1) {
    pair.nowNs += STEP_NS;
    queue(pair, SEGMENTS);
    a.tcp.egress(pair.nowNs);
    if (a.tail - a.head !== SEGMENTS) throw new Error('the windows are not open');
    const { outSegs } = b.tcp.counters;
    const start = Bun.nanoseconds();
    for (let left = SEGMENTS; left > 0; left -= burst) {
      pair.deliver(a, b, burst);
      b.tcp.egress(pair.nowNs);
    }
    const end = Bun.nanoseconds();
    pair.deliver(b, a);
    a.tcp.timers(pair.nowNs);
    b.tcp.timers(pair.nowNs);
    if (i < 0) continue;
    ns[i] = (end - start) / SEGMENTS;
    acks += b.tcp.counters.outSegs - outSegs;
  }
  const knob = receiveRuns ? 'runs on' : 'runs off';
  const each = (acks / (samples * SEGMENTS)).toFixed(3);
  return caseOf(`received and acknowledged, bursts of ${burst}, ${knob}`, ns, {
    remark: `${each} ACKs per segment`,
  });
}

/** Queued segments leave in one egress round. */
function sending(burst: number, sendBursts: boolean, samples: number): BenchCase {
  const pair = openPair({ sendBursts });
  const { a } = pair;
  const ns = new Float64Array(samples);
  for (let i = -samples * WARM_UP_SHARE; i < samples; i += 1) {
    pair.nowNs += STEP_NS;
    let elapsedNs = 0;
    for (let left = SEGMENTS; left > 0; left -= burst) {
      queue(pair, burst);
      const start = Bun.nanoseconds();
      a.tcp.egress(pair.nowNs);
      elapsedNs += Bun.nanoseconds() - start;
    }
    if (i >= 0) ns[i] = elapsedNs / SEGMENTS;
    while (pair.round(STEP_NS) > 0);
  }
  return caseOf(`sent, bursts of ${burst}, bursts ${sendBursts ? 'on' : 'off'}`, ns, {
    remark: `a reading of the clock is in each burst: ${Math.round(30 / burst)} ns per segment`,
  });
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'tcp-segment',
  description: 'TCP fast path: a segment received and acknowledged, and sent, by length of burst',
  run({ tiny, note, signal }: BenchOptions) {
    const samples = tiny ? SAMPLES_TINY : SAMPLES;
    const cases: BenchCase[] = [];
    for (const body of [receiving, sending]) {
      for (const isOn of [true, false]) {
        for (const burst of BURSTS) {
          if (signal.aborted) break;
          note(`${body.name}, bursts of ${burst}, ${isOn ? 'on' : 'off'}`);
          cases.push(body(burst, isOn, samples));
        }
      }
    }
    return Promise.resolve({ cases });
  },
};
