// @hot
/**
 * What a congestion controller is.
 *
 * Loss recovery (retransmit.ts) decides *that* something was lost and how many bytes are in flight;
 * the controller decides only how large the window is and, when it works from delivery rates, how
 * fast it is sent. A controller has no state: what it knows of a connection lies in `cwnd`,
 * `ssthresh`, `cwndAcked` and fields of its own in the Tcb.
 *
 * @module
 */

import type { Prng } from '@tickwire/base';
import type { Tcb } from '../tcb.ts';

/**
 * What a controller has in addition when it works from delivery rates, not from losses. It sets
 * `Tcb.rateOn` in `open`, owns `cwnd` (recovery does not reduce it in proportion), and sets
 * `pacingRate` and `sendQuantum`.
 */
export interface RateControl {
  /**
   * An ACK that delivered data, or a sign of congestion, is processed; `rate` of rate-sample.ts is
   * its sample. Sets window, rate and quantum. True when the controller holds the flow back on
   * purpose, so that samples of now say nothing about the path.
   */
  sampled(tcb: Tcb, cwndLimited: boolean, random: Prng, nowNs: number): boolean;
  /**
   * A segment of `bytes` was marked lost. When it was sent, `txInFlight` bytes were in flight,
   * itself included; `lost` have been marked since then, itself included.
   */
  lost(tcb: Tcb, bytes: number, txInFlight: number, lost: number, appLimited: boolean): void;
}

/**
 * A window, or a threshold, that limits nothing: the largest unscaled-to-scaled window of a peer
 * (RFC 7323, 2.3). A threshold that was never set has this value, too.
 */
export const FIXED_WINDOW: number = 2 ** 30;

/** A congestion controller; one object serves all connections. */
export interface CongestionControl {
  /** Name in the registry of Linux: `reno`, `cubic`, `bbr`; and `none`. */
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
   * `cwnd`. `flight` is the amount outstanding in bytes, `cwnd` at most.
   */
  congestion(tcb: Tcb, flight: number, nowNs: number): void;
  /** A retransmission timeout. Sets `ssthresh`; the caller sets `cwnd` to one segment. */
  timeout(tcb: Tcb, flight: number, nowNs: number): void;
  /** The last event proved spurious; `cwnd` and `ssthresh` are back to what they were. */
  undone(tcb: Tcb): void;
  /** Nothing was sent for a retransmission timeout; `cwnd` was reduced (RFC 5681, 4.1). */
  idle(tcb: Tcb, nowNs: number): void;
  /** Present when the controller works from delivery rates. */
  readonly rate?: RateControl;
}

/** Smallest slow start threshold: two segments (RFC 5681, equation 4). */
export function atLeastTwoSegments(tcb: Tcb, bytes: number): number {
  const least = 2 * tcb.mss;
  return bytes < least ? least : Math.floor(bytes);
}
