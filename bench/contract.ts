/**
 * What a benchmark is.
 *
 * A file in `bench/micro/*.bench.ts` or `bench/load/*.ts` exports `benchmark`. It runs when `run`
 * is called and at no other time, so that listing the benchmarks costs an import each.
 *
 * @module
 */

/** How to run. */
export interface BenchOptions {
  /** Sizes so small that a run takes a fraction of a second: does it still work? */
  readonly tiny: boolean;
  /** Aborts when the user has seen enough. */
  readonly signal: AbortSignal;
  /** Says what is going on, for long runs. */
  readonly note: (line: string) => void;
}

/** One measured thing. Percentiles are in `unit`; all of them come from `count` samples. */
export interface BenchCase {
  readonly name: string;
  /** Unit of the percentiles: `ns`. */
  readonly unit: 'ns';
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Things per second, where a rate is the point, and what they are. */
  readonly perSecond?: number;
  readonly rateOf?: string;
  /** What a reader has to know about this figure. */
  readonly remark?: string;
}

/** The figures of one benchmark. */
export interface BenchResult {
  readonly cases: readonly BenchCase[];
  /** Why there are none: no DPDK, no data. Not a failure. */
  readonly skipped?: string;
}

/** A benchmark. */
export interface Benchmark {
  /** What `npm run bench NAME` takes: lower case, with hyphens. */
  readonly name: string;
  /** One line: what is measured, over what, on how many threads. */
  readonly description: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

/** Makes a case from its samples, which are sorted in place. */
export function caseOf(
  name: string,
  samples: Float64Array,
  rest: Partial<Pick<BenchCase, 'perSecond' | 'rateOf' | 'remark'>> = {},
): BenchCase {
  samples.sort();
  const count = samples.length;
  const at = (share: number): number =>
    count === 0 ? 0 : samples[Math.min(count - 1, Math.ceil(share * count) - 1)]!;
  return {
    name,
    unit: 'ns',
    count,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max: count === 0 ? 0 : samples[count - 1]!,
    ...rest,
  };
}
