/**
 * Micro benchmarks by mitata, in the shape of the contract.
 *
 * A suite registers its cases as mitata's own `bench` and `group` do, but nothing is measured at
 * import. Each sample of mitata is the mean over a batch that is long enough for the clock.
 *
 * @module
 */

import { measure } from 'mitata';
import { type BenchCase, type Benchmark, type BenchOptions, caseOf } from './contract.ts';

/** Registers the cases of a suite; the functions need no `this`. */
export interface SuiteBuilder {
  /** A case: `body` is what is measured. */
  readonly bench: (name: string, body: () => void) => void;
  /** Puts a name before those of the cases that `body` registers. */
  readonly group: (name: string, body: () => void) => void;
  /** Whether only tiny sizes are wanted. */
  readonly tiny: boolean;
}

interface Registered {
  readonly name: string;
  readonly body: () => void;
}

/** Nanoseconds of measuring per case: mitata's default of 642 ms, and a blink. */
const CPU_TIME_NS = 642e6;
const CPU_TIME_TINY_NS = 1e5;

function collect(tiny: boolean, register: (builder: SuiteBuilder) => void): Registered[] {
  const cases: Registered[] = [];
  let prefix = '';
  register({
    tiny,
    bench: (name, body) => void cases.push({ name: prefix + name, body }),
    group: (name, body) => {
      const outer = prefix;
      prefix = `${outer}${name}: `;
      body();
      prefix = outer;
    },
  });
  return cases;
}

async function measureCase(each: Registered, options: BenchOptions): Promise<BenchCase> {
  const { tiny } = options;
  const stats = await measure(each.body, {
    min_cpu_time: tiny ? CPU_TIME_TINY_NS : CPU_TIME_NS,
    min_samples: tiny ? 2 : 12,
    warmup_samples: tiny ? 0 : 2,
    batch_samples: tiny ? 64 : 4096,
  });
  const remark = `mean of ${stats.ticks} calls in ${stats.samples.length} batches`;
  return caseOf(each.name, Float64Array.from(stats.samples), { remark });
}

/**
 * A benchmark of several cases.
 *
 * @example
 * ```ts
 * export const benchmark = suite('codec', 'Encoding, one thread', ({ bench }) => {
 *   bench('a header', () => emit(view, 0));
 * });
 * ```
 */
export function suite(
  name: string,
  description: string,
  register: (builder: SuiteBuilder) => void,
): Benchmark {
  return {
    name,
    description,
    async run(options) {
      const cases: BenchCase[] = [];
      for (const each of collect(options.tiny, register)) {
        if (options.signal.aborted) break;
        options.note(each.name);
        // One after the other: two at once would measure each other.
        cases.push(await measureCase(each, options));
      }
      return { cases };
    },
  };
}
