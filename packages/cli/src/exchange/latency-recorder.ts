// @hot
/**
 * Records latencies twice: in an HDR histogram for the percentiles, and in quarter octaves for the
 * drawing and for the running p99, which must not stop the loop for the 30 us that a percentile of
 * the large histogram takes.
 *
 * @module
 */

import { build, type Histogram } from 'hdr-histogram-js';
import type { HistogramBin } from '../render/histogram.ts';
import type { LatencySummary } from './result.ts';

/** Largest value that is kept as it is: ten minutes. Larger ones count as this. */
export const LATENCY_MAX_NS = 600_000_000_000;

/** Bins of a quarter octave: 40 octaves reach over {@link LATENCY_MAX_NS}. */
const BINS = 160;
const TWO_30 = 1073741824;

/** Index of the quarter octave of a value from 0 to {@link LATENCY_MAX_NS}. */
export function binOf(ns: number): number {
  if (ns < 4) return ns | 0;
  // Values beyond 32 bits lose their last ten, which decide about nothing.
  const isLarge = ns >= TWO_30;
  const value = isLarge ? Math.floor(ns / 1024) | 0 : ns | 0;
  const octave = 31 - Math.clz32(value);
  return (isLarge ? octave + 10 : octave) * 4 + ((value >>> (octave - 2)) & 3);
}

/** Smallest value of a bin. @cold */
export function binStart(bin: number): number {
  return bin < 4 ? bin : 2 ** (bin >> 2) * (1 + (bin & 3) / 4);
}

/** Percentiles of a histogram to its digits; zeros when it is empty or absent. @cold */
export function histogramSummary(histogram: Histogram | undefined): LatencySummary {
  const count = histogram?.totalCount ?? 0;
  const max = histogram === undefined || count === 0 ? 0 : histogram.maxValue;
  // A percentile is the upper edge of its bucket, which may lie beyond the exact maximum.
  const at = (percent: number): number =>
    max === 0 ? 0 : Math.min(max, histogram!.getValueAtPercentile(percent));
  return {
    count,
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    p9999: at(99.99),
    max,
  };
}

/** Latencies of one run. */
export class LatencyRecorder {
  readonly #hdr: Histogram;
  readonly #bins: Float64Array = new Float64Array(BINS);
  #count = 0;

  constructor() {
    this.#hdr = build({
      lowestDiscernibleValue: 1,
      highestTrackableValue: LATENCY_MAX_NS,
      numberOfSignificantValueDigits: 3,
      bitBucketSize: 64,
      autoResize: false,
      useWebAssembly: false,
    });
  }

  /** Values recorded. */
  get count(): number {
    return this.#count;
  }

  /** Records one value; negative ones (a clock that went back) count as 0. */
  record(ns: number): void {
    let value = ns;
    if (value < 0) value = 0;
    else if (value > LATENCY_MAX_NS) value = LATENCY_MAX_NS;
    this.#hdr.recordValue(value);
    const bin = binOf(value);
    this.#bins[bin] = this.#bins[bin]! + 1;
    this.#count += 1;
  }

  /** An upper bound of the percentile, a quarter octave wide; costs 160 additions. */
  roughPercentile(percent: number): number {
    const wanted = (this.#count * percent) / 100;
    let seen = 0;
    for (let bin = 0; bin < BINS; bin += 1) {
      seen += this.#bins[bin]!;
      if (seen >= wanted && seen > 0) return binStart(bin + 1);
    }
    return 0;
  }

  /** Forgets everything. */
  reset(): void {
    this.#hdr.reset();
    this.#bins.fill(0);
    this.#count = 0;
  }

  /** Percentiles to three digits. @cold */
  summary(): LatencySummary {
    return histogramSummary(this.#hdr);
  }

  /** The quarter octaves, for drawing. @cold */
  bins(): HistogramBin[] {
    return Array.from(this.#bins, (count, bin) => ({
      fromNs: binStart(bin),
      toNs: binStart(bin + 1),
      count,
    }));
  }
}
