/**
 * When each message is due: the open-loop schedule.
 *
 * A schedule is fixed before the first message leaves and never bends to what the venue does; a
 * latency that counts from it has no coordinated omission.
 *
 * @module
 */

import { NetError, Prng } from '@tickwire/base';
import { createOrderFlow, FlowGenerator } from '@tickwire/protocol';
import type { Arrivals } from '../flags.ts';

const NS_PER_SECOND = 1e9;
/** Rows of the scratch columns that arrival times of the generator are copied from. */
const SCRATCH_ROWS = 4096;

/** What a schedule is made of. */
export interface ScheduleOptions {
  readonly arrivals: Arrivals;
  /** Messages. */
  readonly count: number;
  /** Mean messages per second. */
  readonly rate: number;
  readonly seed: number;
  /** Times of a recorded flow, for `recorded`. */
  readonly recordedNs?: Float64Array;
}

/**
 * Offsets in nanoseconds from the start, never decreasing.
 *
 * - `constant`: one every 1/rate;
 * - `poisson`: exponential gaps, the superposition of many independent senders;
 * - `hawkes`: bursts, by the generator of `@tickwire/protocol`;
 * - `recorded`: the recorded times, stretched or compressed to the mean rate.
 *
 * @throws NetError `ERR_TW_CONFIG` for `recorded` where there are no times.
 */
export function makeSchedule(options: ScheduleOptions): Float64Array {
  const { arrivals, count, rate, seed, recordedNs } = options;
  const gapNs = NS_PER_SECOND / rate;
  const dueNs = new Float64Array(count);
  if (arrivals === 'constant') {
    for (let i = 0; i < count; i += 1) dueNs[i] = Math.round(i * gapNs);
  } else if (arrivals === 'poisson') {
    const prng = new Prng(seed);
    let at = 0;
    for (let i = 0; i < count; i += 1) {
      dueNs[i] = Math.round(at);
      at += prng.nextExponential(gapNs);
    }
  } else if (arrivals === 'hawkes') {
    const generator = new FlowGenerator({ seed, meanGapNs: gapNs, arrivals: 'hawkes' });
    const scratch = createOrderFlow(SCRATCH_ROWS);
    for (let i = 0; i < count; i += SCRATCH_ROWS) {
      generator.next(scratch);
      dueNs.set(scratch.timeNs.subarray(0, Math.min(SCRATCH_ROWS, count - i)), i);
    }
  } else {
    stretch(dueNs, recordedNs ?? new Float64Array(0), gapNs);
  }
  return dueNs;
}

/** Writes recorded times, from 0 and at the wanted mean gap. */
function stretch(dueNs: Float64Array, recordedNs: Float64Array, gapNs: number): void {
  const count = dueNs.length;
  const first = recordedNs[0] ?? 0;
  const span = (recordedNs[count - 1] ?? 0) - first;
  if (!(span > 0)) {
    throw new NetError(
      'ERR_TW_CONFIG',
      'The flow has no recorded times; choose --arrivals poisson or constant',
    );
  }
  const factor = ((count - 1) * gapNs) / span;
  let latest = 0;
  for (let i = 0; i < count; i += 1) {
    // Receipt order is not always time order: a message is never due before the one ahead of it.
    latest = Math.max(latest, Math.round((recordedNs[i]! - first) * factor));
    dueNs[i] = latest;
  }
}
