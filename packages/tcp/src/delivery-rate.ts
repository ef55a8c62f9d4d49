// @hot
/**
 * Delivery rate estimation (draft-ietf-ccwg-bbr, 4.1): at which rate the network delivered data
 * between the transmission of a segment and its acknowledgment.
 *
 * Each transmission notes how much had been delivered by then; each ACK compares. The interval is
 * the longer one of sending and acknowledging, so neither a burst of ACKs nor a burst of segments
 * looks like bandwidth. It costs five stores a segment, and only where a controller wants it
 * (`Tcb.rateOn`).
 *
 * @module
 */

import { seqAdd, seqGt } from '@tickwire/wire';
import { rate } from './congestion/rate-sample.ts';
import { type Core, Tx } from './core.ts';
import { flightBytes, frameSpan, pipeBytes } from './retransmit.ts';
import type { Tcb } from './tcb.ts';

const SECOND = 1_000_000_000;

let priorNs = 0;
let sendElapsedNs = 0;
let newestSentNs = 0;
let newestEnd = 0;
let priorLost = 0;
let deliveredBefore = 0;
let lostBefore = 0;

/** A segment of `span` bytes is about to leave, for the first time or again. */
export function rateSent(core: Core, tcb: Tcb, frame: number, span: number, nowNs: number): void {
  if (flightBytes(tcb) === 0) {
    // The line was silent: intervals begin with this segment.
    tcb.firstSentNs = nowNs;
    tcb.deliveredNs = nowNs;
  }
  core.txDelivered[frame] = tcb.delivered;
  core.txDeliveredNs[frame] = tcb.deliveredNs;
  core.txFirstSentNs[frame] = tcb.firstSentNs;
  core.txInFlight[frame] = pipeBytes(tcb) + span;
  core.txLost[frame] = tcb.lostTotal;
  const flags = core.txFlags[frame]! & ~Tx.AppLimited;
  core.txFlags[frame] = tcb.appLimitedUntil > 0 ? flags | Tx.AppLimited : flags;
}

/** The second part of a segment that is cut in two was sent with the first. */
export function rateCopy(core: Core, from: number, to: number): void {
  core.txDelivered[to] = core.txDelivered[from]!;
  core.txDeliveredNs[to] = core.txDeliveredNs[from]!;
  core.txFirstSentNs[to] = core.txFirstSentNs[from]!;
  core.txInFlight[to] = core.txInFlight[from]!;
  core.txLost[to] = core.txLost[from]!;
}

/** An ACK begins. */
export function rateBegins(tcb: Tcb): void {
  rate.valid = 0;
  deliveredBefore = tcb.delivered;
  lostBefore = tcb.lostTotal;
}

/** A segment that is still in the queue was delivered (cumulatively or selectively). */
export function rateDelivered(core: Core, tcb: Tcb, frame: number, nowNs: number): void {
  const span = frameSpan(core, frame);
  tcb.delivered += span;
  tcb.deliveredNs = nowNs;
  const sentNs = core.txTimeNs[frame]!;
  const end = seqAdd(core.txSeq[frame]!, span);
  // The newest segment of the ACK gives the shortest, freshest interval (4.1.2.3).
  if (rate.valid === 1) {
    if (sentNs < newestSentNs || (sentNs === newestSentNs && !seqGt(end, newestEnd))) return;
  }
  if (core.txDeliveredNs[frame]! < 0) return;
  rate.valid = 1;
  newestSentNs = sentNs;
  newestEnd = end;
  priorNs = core.txDeliveredNs[frame]!;
  priorLost = core.txLost[frame]!;
  sendElapsedNs = sentNs - core.txFirstSentNs[frame]!;
  rate.priorDelivered = core.txDelivered[frame]!;
  rate.txInFlight = core.txInFlight[frame]!;
  rate.appLimited = (core.txFlags[frame]! & Tx.AppLimited) !== 0 ? 1 : 0;
}

/** Part of a segment was delivered: it counts, and gives no sample. */
export function ratePartly(tcb: Tcb, bytes: number, nowNs: number): void {
  tcb.delivered += bytes;
  tcb.deliveredNs = nowNs;
}

/** The ACK is processed, its losses are marked: computes the sample (4.1.2.3). */
export function rateEnds(tcb: Tcb, rttNs: number, nowNs: number): void {
  if (tcb.appLimitedUntil > 0 && tcb.delivered > tcb.appLimitedUntil) tcb.appLimitedUntil = 0;
  rate.rttNs = rttNs;
  rate.inFlight = pipeBytes(tcb);
  rate.newlyAcked = tcb.delivered - deliveredBefore;
  rate.newlyLost = tcb.lostTotal - lostBefore;
  rate.bytesPerSecond = 0;
  rate.intervalNs = 0;
  rate.delivered = 0;
  rate.lost = 0;
  if (rate.valid === 0) return;
  if (newestSentNs > tcb.firstSentNs) tcb.firstSentNs = newestSentNs;
  rate.delivered = tcb.delivered - rate.priorDelivered;
  rate.lost = tcb.lostTotal - priorLost;
  const ackElapsedNs = nowNs - priorNs;
  const intervalNs = sendElapsedNs > ackElapsedNs ? sendElapsedNs : ackElapsedNs;
  // Nothing travels faster than the shortest round trip: the segment was lost and sent again, and
  // the ACK is that of its first copy.
  if (intervalNs < tcb.minRttNs || intervalNs <= 0) return;
  rate.intervalNs = intervalNs;
  rate.bytesPerSecond = (rate.delivered * SECOND) / intervalNs;
}

/** The application has nothing more to send though the window would let it (4.1.2.4). */
export function markAppLimited(tcb: Tcb): void {
  const until = tcb.delivered + pipeBytes(tcb);
  tcb.appLimitedUntil = until > 0 ? until : 1;
}

/** Whether the congestion window has held the sender back within the last round trip. */
export function isCwndLimited(tcb: Tcb): boolean {
  return tcb.delivered < tcb.cwndLimitedUntil;
}

/** The congestion window holds the sender back now. */
export function markCwndLimited(tcb: Tcb): void {
  tcb.cwndLimitedUntil = tcb.delivered + flightBytes(tcb);
}
