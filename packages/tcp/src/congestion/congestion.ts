// @hot
/**
 * What a congestion controller is.
 *
 * Loss recovery (retransmit.ts) decides *that* something was lost and how many bytes are in flight;
 * the controller decides only how large the window is. A controller has no state: what it knows of
 * a connection lies in `cwnd`, `ssthresh`, `cwndAcked` and fields of its own in the Tcb.
 *
 * @module
 */

import type { Tcb } from '../tcb.ts';

/** A congestion controller; one object serves all connections. */
export interface CongestionControl {
  /** Name in the registry of Linux: `reno`, `cubic`. */
  readonly name: string;
  /** A connection opens: `mss` and `cwnd` are set. */
  open(tcb: Tcb, nowNs: number): void;
  /**
   * `bytes` were newly acknowledged outside fast recovery. Grows `cwnd`, when it was the limit.
   */
  acked(tcb: Tcb, bytes: number, nowNs: number): void;
  /** A round-trip time sample of a segment that was sent once. */
  rttSample(tcb: Tcb, rttNs: number, nowNs: number): void;
  /**
   * One congestion event (loss found by the ACK clock, or ECN). Sets `ssthresh`; the caller moves
   * `cwnd`. `flight` is the amount outstanding in bytes.
   */
  congestion(tcb: Tcb, flight: number, nowNs: number): void;
  /** A retransmission timeout. Sets `ssthresh`; the caller sets `cwnd` to one segment. */
  timeout(tcb: Tcb, flight: number, nowNs: number): void;
  /** The last event proved spurious; `cwnd` and `ssthresh` are back to what they were. */
  undone(tcb: Tcb): void;
  /** Nothing was sent for a retransmission timeout; `cwnd` was reduced (RFC 5681, 4.1). */
  idle(tcb: Tcb, nowNs: number): void;
}

/** Smallest slow start threshold: two segments (RFC 5681, equation 4). */
export function atLeastTwoSegments(tcb: Tcb, bytes: number): number {
  const least = 2 * tcb.mss;
  return bytes < least ? least : Math.floor(bytes);
}
