// @hot
/**
 * Waiting for the slowest of several sequences.
 *
 * @module
 */

import { assert, type Clock, Status } from '@tickwire/base';
import { STATE_FINISHED, STATE_HALTED, STATE_OPEN, STATE_WORD } from './layout.ts';
import type { Sequence } from './sequence.ts';
import type { WaitStrategy } from './wait-strategy.ts';

/** What a barrier needs from its thread. */
export interface WaitContext {
  /** The control words of the ring: a halt is seen there. */
  readonly words: Int32Array;
  /** This thread's view of the producer's count: where a finished ring ends. */
  readonly producer: Sequence;
  /** What to do while waiting. */
  readonly strategy: WaitStrategy;
  /** Read only while waiting, never when there is work. */
  readonly clock: Clock;
}

/**
 * The minimum over the sequences that a stage depends on. A consumer's barrier stands on the
 * producer or on the consumers before it; the producer's gate is the same thing over the last
 * consumers.
 *
 * The loads of several sequences are not one atomic step. That is safe, because counts only grow: a
 * minimum of older values is below the true one, so the barrier may report less than there is,
 * never more.
 */
export class SequenceBarrier {
  /** What it is the minimum of. */
  readonly dependencies: readonly Sequence[];
  readonly #context: WaitContext;
  #slowest: Sequence;
  #available: number;

  constructor(dependencies: readonly Sequence[], context: WaitContext) {
    const first = dependencies[0];
    assert(first !== undefined, 'A barrier stands on at least one sequence');
    this.dependencies = dependencies;
    this.#context = context;
    this.#slowest = first;
    this.#available = 0;
    this.available();
  }

  /** The minimum as last seen; touches no shared memory. */
  get cached(): number {
    return this.#available;
  }

  /** The dependency that was the minimum when last looked at. */
  get slowest(): Sequence {
    return this.#slowest;
  }

  /** True while the ring is neither finished nor halted. */
  get open(): boolean {
    return Atomics.load(this.#context.words, STATE_WORD) === STATE_OPEN;
  }

  /** The minimum now; one atomic load per dependency. */
  available(): number {
    const dependencies = this.dependencies;
    let slowest = dependencies[0]!;
    let minimum = slowest.load();
    for (let i = 1; i < dependencies.length; i++) {
      const count = dependencies[i]!.load();
      if (count < minimum) {
        minimum = count;
        slowest = dependencies[i]!;
      }
    }
    this.#slowest = slowest;
    this.#available = minimum;
    return minimum;
  }

  /**
   * Waits until the minimum reaches `count`.
   *
   * @param timeoutNs 0 looks once; Infinity waits until the ring is finished or halted.
   * @returns the minimum (at least `count`); `Status.Again` when time is up; `Status.BadState` when
   * `count` is not reached and the ring is halted, or finished before `count`.
   */
  waitFor(count: number, timeoutNs: number): number {
    let minimum = this.available();
    if (minimum >= count) return minimum;
    const strategy = this.#context.strategy;
    const clock = this.#context.clock;
    const startNs = clock.nowNs();
    for (let round = 0; ; round++) {
      // Looked at before the counts: what was published before the end is still delivered.
      const state = Atomics.load(this.#context.words, STATE_WORD);
      minimum = this.available();
      if (minimum >= count) return minimum;
      if (state === STATE_HALTED) return Status.BadState;
      // Not the dependencies' counts: a stage before this one may still be draining.
      if (state === STATE_FINISHED && this.#context.producer.load() < count) {
        return Status.BadState;
      }
      if (clock.nowNs() - startNs >= timeoutNs) return Status.Again;
      strategy.idle(this.#slowest, round);
    }
  }
}
