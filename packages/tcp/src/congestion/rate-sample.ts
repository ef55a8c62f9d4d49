// @hot
/**
 * The sample of the delivery rate that an ACK gives, filled by delivery-rate.ts.
 *
 * @module
 */

/** What one ACK says about the rate; the terms of the draft, in bytes and nanoseconds. */
export class RateSample {
  /** 1 when the ACK delivered a segment that carries a sample. */
  valid = 0;
  /** `Tcb.delivered` when the newest segment of this ACK was sent. */
  priorDelivered = 0;
  /** Delivered between then and now. */
  delivered = 0;
  /** The time that took; 0 when it is shorter than any round trip, and means nothing. */
  intervalNs = 0;
  /** Bytes per second; 0 when there is no interval. */
  bytesPerSecond = 0;
  /** In flight when that segment was sent, itself included. */
  txInFlight = 0;
  /** Marked lost between then and now. */
  lost = 0;
  /** 1 when the application had no more to send: the path may be faster than this. */
  appLimited = 0;
  /** Delivered and marked lost by this ACK. */
  newlyAcked = 0;
  newlyLost = 0;
  /** In flight now. */
  inFlight = 0;
  /** Round-trip time of a segment that was sent once, or 0. */
  rttNs = 0;
}

/** The sample of the ACK that is being processed; one, because nothing here is reentrant. */
export const rate: RateSample = new RateSample();
