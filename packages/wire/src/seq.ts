// @hot
/**
 * Sequence number arithmetic (RFC 9293, 3.4): 32-bit, modulo 2^32, as int32 numbers.
 *
 * A sequence number is held as an int32 and advanced by `seqAdd`. `a` is before `b` when the signed
 * difference `(a - b) | 0` is negative, which is right as long as they are less than 2^31 apart.
 * This file is the only place that compares sequence numbers; every `<` on them elsewhere is a bug.
 *
 * @module
 */

/** A TCP sequence number, timestamp or other serial number: an int32 that wraps. */
export type Seq = number;

/** `a` advanced by `delta` bytes, which may be negative. */
export function seqAdd(a: Seq, delta: number): Seq {
  return (a + delta) | 0;
}

/** Signed distance from `b` to `a`, in [-2^31, 2^31). */
export function seqDiff(a: Seq, b: Seq): number {
  return (a - b) | 0;
}

/** Whether `a` is before `b`. */
export function seqLt(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether `a` is before or at `b`. */
export function seqLe(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) <= 0;
}

/** Whether `a` is after `b`. */
export function seqGt(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) > 0;
}

/** Whether `a` is at or after `b`. */
export function seqGe(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) >= 0;
}

/** The later of the two. */
export function seqMax(a: Seq, b: Seq): Seq {
  return ((a - b) | 0) >= 0 ? a : b;
}

/** The earlier of the two. */
export function seqMin(a: Seq, b: Seq): Seq {
  return ((a - b) | 0) <= 0 ? a : b;
}

/**
 * Whether `a` lies in the window `[left, left + size)`, for 0 <= size < 2^32. The unsigned
 * comparison makes windows up to the whole sequence space right.
 */
export function seqInWindow(a: Seq, left: Seq, size: number): boolean {
  return (a - left) >>> 0 < size;
}

/** Whether `a` lies in `(left, right]`, the acceptable range of an ACK (RFC 9293, 3.4). */
export function seqInAckRange(a: Seq, left: Seq, right: Seq): boolean {
  return ((a - left) | 0) > 0 && ((a - right) | 0) <= 0;
}

/** The unsigned form, for printing. */
export function seqText(a: Seq): string {
  return String(a >>> 0);
}
