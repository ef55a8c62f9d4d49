// @hot
/**
 * The phases of loss recovery.
 *
 * @module
 */

/** Values of `Tcb.recovery`. */
export const Recovery = {
  /** Nothing is known to be missing. */
  Open: 0,
  /** Fast recovery (RFC 5681, 3.2; RFC 6675). */
  Fast: 1,
  /** After a retransmission timeout. */
  Loss: 2,
  /** The window was reduced for ECN (RFC 3168, 6.1.2). */
  Reduced: 3,
  /** Segments that were too large for the path go again; nothing was congested (RFC 4821, 7.6). */
  Repair: 4,
} as const;
