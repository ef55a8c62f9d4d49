/**
 * What a thread does while it has nothing to do.
 *
 * | name    | wake-up            | cost of waiting         | use                     |
 * | ------- | ------------------ | ----------------------- | ----------------------- |
 * | `spin`  | tens of ns         | one whole core          | a pinned, isolated core |
 * | `yield` | up to about 70 us  | some per cent of a core | more threads than cores |
 * | `block` | futex, 5 to 50 us  | 100 wake-ups per second | default                 |
 *
 * Whether the other side wants a wake-up is written in shared memory (`waiters`), so the two ends
 * of a ring may choose differently, and the publisher pays one load per batch and no system call
 * when nobody sleeps.
 *
 * @module
 */

import type { Sequence } from './sequence.ts';

/** Names of the strategies, as they stand in a ring's descriptor. */
export type WaitStrategyName = 'spin' | 'yield' | 'block';

/** One way of waiting. Stateless, so one instance serves all waits. */
export interface WaitStrategy {
  readonly name: WaitStrategyName;
  /**
   * One round of waiting for `sequence` to move on from what this side last saw of it. `round`
   * counts from 0 since the wait began. Returns after a bounded time whatever happens, so that the
   * caller sees a halt or its deadline.
   */
  idle(sequence: Sequence, round: number): void;
}

/**
 * Rounds of spinning before `yield` and `block` sleep: a few microseconds, the time a busy peer
 * needs for a batch.
 */
export const SPIN_ROUNDS = 200;
/**
 * Longest sleep of `block` in one round: the delay with which a halt whose wake-up was missed is
 * noticed.
 */
export const PARK_MS = 10;
/** Sleep of `yield` in one round. The kernel's timer slack of 50 us makes it about 70 us. */
export const NAP_MS = 0.001;

/**
 * A word on which nobody ever notifies: waiting on it is sleeping. Private to the thread that
 * loaded this module.
 */
const NAP_WORDS = new Int32Array(new SharedArrayBuffer(4));

/** Burns the core. The pause instruction leaves the pipeline to the sibling hyper-thread. */
export const spinWait: WaitStrategy = {
  name: 'spin',
  idle(): void {
    Atomics.pause();
  },
};

/**
 * Spins, then naps for the shortest time the kernel offers. Needs no wake-up from the other side.
 */
export const yieldWait: WaitStrategy = {
  name: 'yield',
  idle(_sequence: Sequence, round: number): void {
    if (round < SPIN_ROUNDS) Atomics.pause();
    else Atomics.wait(NAP_WORDS, 0, 0, NAP_MS);
  },
};

/** Spins, then parks on the sequence until its owner moves it. */
export const blockWait: WaitStrategy = {
  name: 'block',
  idle(sequence: Sequence, round: number): void {
    if (round < SPIN_ROUNDS) Atomics.pause();
    else sequence.park(PARK_MS);
  },
};

/** The strategy of that name. */
export function waitStrategy(name: WaitStrategyName): WaitStrategy {
  if (name === 'spin') return spinWait;
  if (name === 'yield') return yieldWait;
  return blockWait;
}
