/**
 * What the garbage collector had to do during a run.
 *
 * Two figures, and what they mean:
 * - *collections* counts finalised canaries: an object without references is dropped by the next
 *   collection, which arms the next canary. Small (eden) and full collections count alike. Bun
 *   starts one about every second by a timer, garbage or not; with `BUN_GC_TIMER_DISABLE=1` in the
 *   environment only those remain that garbage causes. Zero then says that less was allocated than
 *   the collector waits for (8 to 32 MB), not that nothing was;
 * - *growth* is the heap after a full collection at the end less the same at the beginning: what
 *   stayed. A loop that leaks shows here, one that only makes garbage does not.
 *
 * Heaps of worker threads are not seen.
 *
 * @module
 */

import { fullGC, heapStats } from 'bun:jsc';
import type { RunResult } from './result.ts';

/** Measures between `start` and `stop`. */
export class MemoryMeter {
  #registry: FinalizationRegistry<number> | undefined;
  #collections = 0;
  #heapBytes = 0;
  #objects = 0;

  /** Collects everything and begins to count. */
  start(): void {
    fullGC();
    const { heapSize, objectCount } = heapStats();
    this.#heapBytes = heapSize;
    this.#objects = objectCount;
    this.#collections = 0;
    this.#registry = new FinalizationRegistry(() => {
      this.#collections += 1;
      this.#arm();
    });
    this.#arm();
  }

  /** Ends counting, collects everything and returns the figures; zeros when it never started. */
  stop(): RunResult['memory'] {
    const collections = this.#collections;
    if (this.#registry === undefined) {
      return { collections: 0, heapGrowthBytes: 0, objectGrowth: 0 };
    }
    this.#registry = undefined;
    fullGC();
    const { heapSize, objectCount } = heapStats();
    return {
      collections,
      heapGrowthBytes: heapSize - this.#heapBytes,
      objectGrowth: objectCount - this.#objects,
    };
  }

  #arm(): void {
    this.#registry?.register({ canary: true }, 0);
  }
}
