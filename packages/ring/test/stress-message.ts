/**
 * A 64-byte message whose every word depends on its sequence, so that a torn, stale or misplaced
 * one is found.
 */

const WORDS = 14;

function wordOf(sequence: number, index: number): number {
  return Math.imul((sequence | 0) ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b);
}

/** Writes the message of `sequence`. */
export function fillMessage(view: DataView, at: number, sequence: number): void {
  view.setFloat64(at, sequence, true);
  for (let i = 0; i < WORDS; i++) view.setInt32(at + 8 + i * 4, wordOf(sequence, i), true);
}

/** True when the slot holds exactly the message of `sequence`. */
export function checkMessage(view: DataView, at: number, sequence: number): boolean {
  let differs = 0;
  for (let i = 0; i < WORDS; i++) {
    differs |= view.getInt32(at + 8 + i * 4, true) ^ wordOf(sequence, i);
  }
  return differs === 0 && view.getFloat64(at, true) === sequence;
}
