/**
 * Latency of reports, in nanoseconds, by stage.
 *
 * @module
 */

import { build, type Histogram } from 'hdr-histogram-js';

/** Largest latency recorded as it is; larger ones count as this: one minute. */
export const LATENCY_MAX_NS = 60_000_000_000;

/**
 * Histograms of the way of an order through the exchange. Each value starts at the poll round in
 * which the order's bytes arrived.
 */
export class LatencyHistograms {
  /** Until the report came out of the book. */
  readonly matched: Histogram = makeHistogram();
  /** Until the report was written to its session: behind the journal's gate. */
  readonly replied: Histogram = makeHistogram();

  /** Records a latency in one of the two; beyond {@link LATENCY_MAX_NS} it counts as that. */
  record(histogram: Histogram, ns: number): void {
    histogram.recordValue(ns < LATENCY_MAX_NS ? (ns > 0 ? ns : 0) : LATENCY_MAX_NS);
  }

  /** Forgets everything. */
  reset(): void {
    this.matched.reset();
    this.replied.reset();
  }
}

function makeHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_MAX_NS,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 64,
    autoResize: false,
    useWebAssembly: false,
  });
}
