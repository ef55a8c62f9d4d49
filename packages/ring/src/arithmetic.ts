// @hot
/**
 * The arithmetic of the ring as pure functions, so that a test can enumerate interleavings with the
 * very code that runs.
 *
 * A *count* is the number of messages published or released since the ring began: an integer below
 * 2^53 that never wraps (285 years at a million messages a second). A *cursor* is its low 32 bits,
 * the only part that other threads read on the hot path. Sequence `s` is the message that makes the
 * count `s + 1`.
 *
 * @module
 */

import { EPOCH_COUNT } from './layout.ts';

/** Largest count. */
export const COUNT_MAX: number = Number.MAX_SAFE_INTEGER;

/** The cursor that stands for `count`. */
export function toCursor(count: number): number {
  return count | 0;
}

/**
 * How far a cursor moved from `last` to `seen`. Right across the wrap from 2^31 - 1 to -2^31, as
 * long as the true distance is below 2^31; in a ring it is at most the number of slots.
 */
export function distance(last: number, seen: number): number {
  return (seen - last) | 0;
}

/** The epoch that stands for `count`. */
export function toEpoch(count: number): number {
  return Math.floor(count / EPOCH_COUNT);
}

/**
 * The count behind a cursor, given an epoch read *before* the cursor. The writer stores cursor,
 * then epoch, so the two may disagree by a few messages; the result is exact while they disagree by
 * less than 2^31 - 2^24.
 */
export function fromEpoch(epoch: number, cursor: number): number {
  const base = epoch * EPOCH_COUNT;
  return base + distance(base | 0, cursor);
}

/**
 * Slots that the producer may still claim when `claimed` are claimed and the slowest consumer has
 * released `released`.
 */
export function freeSlots(claimed: number, released: number, slots: number): number {
  return slots - (claimed - released);
}

/**
 * What the slowest consumer must have released before `n` more slots may be claimed. LMAX calls it
 * the wrap point. Negative when the ring has not gone round yet.
 */
export function wrapPoint(claimed: number, n: number, slots: number): number {
  return claimed + n - slots;
}

/**
 * The slot of `sequence` in a ring of `slots`, a power of two whose reciprocal is `perSlot`. Exact:
 * both factors are.
 */
export function slotIndex(sequence: number, slots: number, perSlot: number): number {
  // `sequence & mask` leaves int32 above 2^31 and costs 6 ns there; this stays in doubles: 2.3 ns
  // (bench/micro/ring).
  return sequence - Math.floor(sequence * perSlot) * slots;
}
