// @hot
/**
 * Loss recovery: what is in flight, what is lost, and how fast it is sent again.
 *
 * The scoreboard is the send queue itself: each frame has its flags, and the connection keeps sums
 * in bytes (RFC 6675's pipe). A peer without SACK is treated by the same engine: each of its
 * duplicate ACKs says that one more segment has left the network.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqDiff, seqGe, seqGt } from '@tickwire/wire';
import { FIXED_WINDOW } from './congestion/congestion.ts';
import { controllerOf } from './congestion/registry.ts';
import { type Core, Tx } from './core.ts';
import { DUP_ACK_THRESHOLD, TAIL_PROBE_MIN_NS } from './limits.ts';
import { Recovery } from './recovery.ts';
import { backedOffRtoNs } from './rtt.ts';
import { Flag, NEVER, type Tcb } from './tcb.ts';

/** Values of `Tcb.retransmitKind`: what `retransmitAtNs` means. */
export const Retransmit = {
  None: 0,
  /** Retransmission timeout. */
  Timeout: 1,
  /** Zero-window probe, or override of silly window avoidance. */
  Persist: 2,
  /** Tail loss probe (RFC 8985, 7). */
  TailProbe: 3,
  /** RACK's reordering window ends (RFC 8985, 6.3). */
  Reorder: 4,
} as const;

/** Bytes of sequence space that are sent and not cumulatively acknowledged. */
export function flightBytes(tcb: Tcb): number {
  return seqDiff(tcb.sndNxt, tcb.sndUna);
}

/** Bytes that are thought to be in the network (pipe of RFC 6675). */
export function pipeBytes(tcb: Tcb): number {
  const pipe = seqDiff(tcb.sndNxt, tcb.sndUna) - tcb.sackedBytes - tcb.lostBytes + tcb.retransBytes;
  return pipe > 0 ? pipe : 0;
}

/** Sequence space of a queued frame: payload and FIN. */
export function frameSpan(core: Core, frame: number): number {
  return core.txLength[frame]! + (core.txFlags[frame]! & Tx.Fin);
}

/** Sets the retransmission timer; an earlier purpose is replaced. */
export function setRetransmit(core: Core, tcb: Tcb, kind: number, atNs: number): void {
  tcb.retransmitKind = kind;
  tcb.retransmitAtNs = atNs;
  core.armAt(tcb, atNs);
}

/** Clears the retransmission timer; the wheel finds out by itself. */
export function clearRetransmit(tcb: Tcb): void {
  tcb.retransmitKind = Retransmit.None;
  tcb.retransmitAtNs = NEVER;
  tcb.rtoAtNs = NEVER;
}

/** (Re)starts the retransmission timeout from now (RFC 6298, 5.1 and 5.3). */
export function restartRto(core: Core, tcb: Tcb, nowNs: number): void {
  tcb.rtoAtNs = nowNs + backedOffRtoNs(tcb, core.config);
  setRetransmit(core, tcb, Retransmit.Timeout, tcb.rtoAtNs);
}

/**
 * Data was sent, or acknowledged (`restart`): chooses between the tail loss probe (RFC 8985, 7.2)
 * and the timeout. A running reordering timer is earlier than both and stays.
 */
export function scheduleLossTimer(core: Core, tcb: Tcb, restart: boolean, nowNs: number): void {
  if (restart || tcb.rtoAtNs === NEVER) {
    tcb.rtoAtNs = nowNs + backedOffRtoNs(tcb, core.config);
  }
  if (tcb.retransmitKind === Retransmit.Reorder) return;
  if (
    (tcb.flags & (Flag.Sack | Flag.TlpOutstanding)) === Flag.Sack &&
    tcb.recovery === Recovery.Open &&
    tcb.sackedBytes === 0 &&
    tcb.srttNs > 0
  ) {
    let probeNs = 2 * tcb.srttNs;
    if (probeNs < TAIL_PROBE_MIN_NS) probeNs = TAIL_PROBE_MIN_NS;
    // A single segment may wait for the peer's delayed ACK (WCDelAckT); Linux allows its RTO.min.
    if (flightBytes(tcb) <= tcb.mss) probeNs += core.config.rtoMinNs;
    const atNs = Math.ceil(nowNs + probeNs);
    // With a timeout that comes no later the probe goes in its place, and the timeout starts anew.
    setRetransmit(core, tcb, Retransmit.TailProbe, atNs < tcb.rtoAtNs ? atNs : tcb.rtoAtNs);
    return;
  }
  setRetransmit(core, tcb, Retransmit.Timeout, tcb.rtoAtNs);
}

/** Takes one frame for lost. */
export function markLost(core: Core, tcb: Tcb, frame: number): void {
  if ((core.txFlags[frame]! & Tx.Sacked) !== 0) return;
  // A probe for the path MTU that is lost was too large; that is no congestion (RFC 4821, 7.6.2).
  const note = tcb.rateOn !== 0 && frame !== tcb.mtuProbeFrame;
  if (note) noteLost(core, tcb, frame, frameSpan(core, frame));
  markForResend(core, tcb, frame);
}

/** Takes one frame out of the network, to be sent again. */
export function markForResend(core: Core, tcb: Tcb, frame: number): void {
  const flags = core.txFlags[frame]!;
  if ((flags & Tx.Sacked) !== 0) return;
  const span = frameSpan(core, frame);
  if ((flags & Tx.Lost) === 0) tcb.lostBytes += span;
  // A retransmission that is lost again leaves the network again.
  if ((flags & Tx.Retransmitted) !== 0) tcb.retransBytes -= span;
  core.txFlags[frame] = (flags & ~Tx.Retransmitted) | Tx.Lost;
  if (tcb.sqLost === NO_FRAME || seqGt(core.txSeq[tcb.sqLost]!, core.txSeq[frame]!)) {
    tcb.sqLost = frame;
  }
}

/** Tells a controller that works from delivery rates of a segment that has just got lost. */
function noteLost(core: Core, tcb: Tcb, frame: number, span: number): void {
  const flags = core.txFlags[frame]!;
  if ((flags & (Tx.Lost | Tx.Retransmitted)) === Tx.Lost || core.txDeliveredNs[frame]! < 0) return;
  tcb.lostTotal += span;
  const lost = tcb.lostTotal - core.txLost[frame]!;
  const appLimited = (flags & Tx.AppLimited) !== 0;
  controllerOf(tcb).rate!.lost(tcb, span, core.txInFlight[frame]!, lost, appLimited);
}

/** The first frame that is lost and not in the network again, or NO_FRAME. Moves the hint. */
export function nextLost(core: Core, tcb: Tcb): number {
  let frame = tcb.sqLost;
  while (frame !== NO_FRAME && frame !== tcb.sqUnsent) {
    if ((core.txFlags[frame]! & (Tx.Lost | Tx.Retransmitted | Tx.Sacked)) === Tx.Lost) {
      tcb.sqLost = frame;
      return frame;
    }
    frame = core.txNext[frame]!;
  }
  tcb.sqLost = NO_FRAME;
  return NO_FRAME;
}

/**
 * The window that met congestion: `flight`, without what limited transmit has put on top of it
 * (RFC 5681, 3.2). While a reordering window is waited for, that is as much again for every byte
 * SACKed, and a part of twice the window would be no reduction.
 */
function congestedBytes(tcb: Tcb, flight: number): number {
  return flight < tcb.cwnd ? flight : tcb.cwnd;
}

/** The next new data says that the window was reduced, for whatever reason (RFC 3168, 6.1.2). */
function sayReduced(tcb: Tcb): void {
  if ((tcb.flags & Flag.Ecn) !== 0) tcb.flags |= Flag.EcnCwr;
}

/**
 * Begins fast recovery: one congestion event, whatever the number of losses in this window.
 * `flight` is what was outstanding before the ACK that shows the loss, `delivered` what it reports.
 */
export function enterFastRecovery(
  core: Core,
  tcb: Tcb,
  flight: number,
  delivered: number,
  nowNs: number,
): void {
  rememberForUndo(tcb);
  forgetTailProbe(tcb);
  // An ECN reduction in this window was the same event (RFC 3168, 6.1.2).
  if (tcb.recovery !== Recovery.Reduced) {
    controllerOf(tcb).congestion(tcb, congestedBytes(tcb, flight), nowNs);
    sayReduced(tcb);
  }
  tcb.recovery = Recovery.Fast;
  tcb.recover = tcb.sndNxt;
  beginProportion(tcb, delivered);
  tcb.flags |= Flag.ForceOne;
  core.counters.fastRetransmits += 1;
  core.needsEgress(tcb);
}

/**
 * The loss that a tail loss probe was about is being repaired, and has reduced the window: the
 * probe must not reduce it again (RFC 8985, 7.4.2), nor keep another from being sent (7.3).
 */
function forgetTailProbe(tcb: Tcb): void {
  tcb.flags &= ~(Flag.TlpOutstanding | Flag.TlpRetransmit | Flag.TlpDue);
}

/** Remembers the window as it was before a reduction that may prove spurious. */
export function rememberForUndo(tcb: Tcb): void {
  tcb.undoSeq = tcb.sndUna;
  tcb.undoCwnd = tcb.cwnd;
  tcb.undoSsthresh = tcb.ssthresh;
  // A tail loss probe that is out may be reported as a duplicate, too. The ACK of an older
  // retransmission would look like one of an original.
  tcb.undoCount = (tcb.flags & Flag.TlpRetransmit) !== 0 ? 1 : 0;
  if (tcb.retransBytes > 0) tcb.undoCount = -1;
  tcb.undoTs = 0;
}

/**
 * The counts of {@link proportionalRate} begin: what is still to be delivered in this recovery is
 * the divisor of the proportion. What was SACKed before is no part of it (RFC 6937bis, 6), but for
 * `delivered`, which the ACK of now reports.
 */
export function beginProportion(tcb: Tcb, delivered: number): void {
  tcb.recoverFlight = flightBytes(tcb) - tcb.sackedBytes + delivered;
  tcb.prrDelivered = 0;
  tcb.prrOut = 0;
}

/**
 * Proportional rate reduction (RFC 6937): sends in proportion to what is delivered, so that the
 * window arrives at `ssthresh` by the end of the recovery and never stalls on the way.
 */
export function proportionalRate(tcb: Tcb, delivered: number, progress: boolean): void {
  // Who paces by the rate of the path sends no burst that would have to be spread.
  if (tcb.rateOn !== 0) return;
  // Nor is there anything to proportion where the window was not reduced (RFC 6937, 3).
  if (tcb.ssthresh >= FIXED_WINDOW) return;
  tcb.prrDelivered += delivered;
  const pipe = pipeBytes(tcb);
  let send = 0;
  if (pipe > tcb.ssthresh) {
    const flight = tcb.recoverFlight > 0 ? tcb.recoverFlight : tcb.mss;
    send = Math.ceil((tcb.prrDelivered * tcb.ssthresh) / flight) - tcb.prrOut;
  } else {
    let limit = tcb.prrDelivered - tcb.prrOut;
    if (limit < delivered) limit = delivered;
    if (progress) limit += tcb.mss;
    send = tcb.ssthresh - pipe;
    if (limit < send) send = limit;
  }
  if (send < 0) send = 0;
  tcb.cwnd = pipe + send;
  if (tcb.cwnd < tcb.mss) tcb.cwnd = tcb.mss;
}

/** Ends fast recovery or the phase after a timeout. */
export function leaveRecovery(tcb: Tcb): void {
  // After a timeout late duplicate ACKs may still come: `recover` guards against them (RFC 6582,
  // 3.2 step 2). Otherwise none are outstanding.
  if (tcb.recovery === Recovery.Fast) tcb.cwnd = tcb.ssthresh;
  if (tcb.recovery !== Recovery.Loss) tcb.recover = (tcb.sndUna - 1) | 0;
  tcb.recovery = Recovery.Open;
  tcb.dupAcks = 0;
  tcb.flags &= ~(Flag.Frto | Flag.FrtoNew);
  if ((tcb.flags & Flag.Sack) === 0) tcb.sackedBytes = 0;
}

/** The same for a timeout. In fast recovery `cwnd` follows the pipe; the window is `ssthresh`. */
function timedOutBytes(tcb: Tcb): number {
  const flight = flightBytes(tcb);
  if (tcb.recovery !== Recovery.Fast || tcb.cwnd > tcb.ssthresh) return congestedBytes(tcb, flight);
  return flight < tcb.ssthresh ? flight : tcb.ssthresh;
}

/**
 * A retransmission timeout (RFC 6298, 5.4 to 5.6; RFC 5681, 3.1). `reorderNs` is RACK's reordering
 * window.
 */
export function retransmissionTimeout(
  core: Core,
  tcb: Tcb,
  reorderNs: number,
  nowNs: number,
): void {
  core.counters.timeouts += 1;
  if (tcb.recovery !== Recovery.Loss || seqGe(tcb.sndUna, tcb.recover)) {
    if (tcb.recovery !== Recovery.Fast) rememberForUndo(tcb);
    // Only the first timeout of a series reduces the threshold (RFC 5681, equation 4).
    if (tcb.backoff === 0) controllerOf(tcb).timeout(tcb, timedOutBytes(tcb), nowNs);
  }
  // A timeout out of the blue may be a delay: F-RTO finds out (RFC 5682).
  if (tcb.recovery === Recovery.Open || tcb.recovery === Recovery.Reduced) tcb.flags |= Flag.Frto;
  else tcb.flags &= ~(Flag.Frto | Flag.FrtoNew);
  sayReduced(tcb);
  forgetTailProbe(tcb);
  tcb.recovery = Recovery.Loss;
  tcb.recover = tcb.sndNxt;
  tcb.cwnd = tcb.mss;
  tcb.cwndAcked = 0;
  tcb.dupAcks = 0;
  markTimedOut(core, tcb, reorderNs, nowNs);
  tcb.backoff += 1;
  tcb.flags |= Flag.ForceOne;
  restartRto(core, tcb, nowNs);
  core.needsEgress(tcb);
}

/**
 * What a timeout takes for lost (RFC 8985, 6.3, RACK_mark_losses_on_RTO): the first segment, and
 * those that are late by RACK's measure. What left within the last round trip is in the network
 * still; it counts there, and is found out by later ACKs or the next timeout. Without SACK nothing
 * is known of single segments: all are lost, and slow start sends them again (RFC 5681, 3.1).
 */
function markTimedOut(core: Core, tcb: Tcb, reorderNs: number, nowNs: number): void {
  const head = tcb.sqHead;
  let sentUntilNs = nowNs - tcb.rackRttNs - reorderNs;
  if ((tcb.flags & Flag.Sack) === 0) {
    tcb.sackedBytes = 0;
    sentUntilNs = nowNs;
  } else if (head !== NO_FRAME && (core.txFlags[head]! & Tx.Sacked) !== 0) {
    forgetSack(core, tcb);
    sentUntilNs = nowNs;
  }
  for (
    let frame = head;
    frame !== NO_FRAME && frame !== tcb.sqUnsent;
    frame = core.txNext[frame]!
  ) {
    if ((core.txFlags[frame]! & Tx.Sacked) !== 0) continue;
    if (frame !== head && core.txTimeNs[frame]! > sentUntilNs) continue;
    if (tcb.rateOn !== 0) noteLost(core, tcb, frame, frameSpan(core, frame));
    markForResend(core, tcb, frame);
  }
}

/**
 * The head of the queue is SACKed and yet not acknowledged: the receiver has thrown away what it
 * had reported, as it may (RFC 2018, 8). Forget all reports.
 */
function forgetSack(core: Core, tcb: Tcb): void {
  for (
    let frame = tcb.sqHead;
    frame !== NO_FRAME && frame !== tcb.sqUnsent;
    frame = core.txNext[frame]!
  ) {
    core.txFlags[frame] = core.txFlags[frame]! & ~Tx.Sacked;
  }
  tcb.sackedBytes = 0;
  core.counters.sackReneged += 1;
}

/**
 * Reduces the window for one congestion event without a retransmission: ECN, or a masked loss.
 * `flight` is what was outstanding before the ACK that tells of it.
 */
export function reduceWindow(tcb: Tcb, flight: number, nowNs: number): void {
  if (tcb.recovery !== Recovery.Open) return;
  controllerOf(tcb).congestion(tcb, congestedBytes(tcb, flight), nowNs);
  sayReduced(tcb);
  tcb.cwnd = tcb.ssthresh;
  // What was remembered is the window before an older reduction.
  tcb.undoCount = -1;
  tcb.recovery = Recovery.Reduced;
  tcb.recover = tcb.sndNxt;
}

/**
 * One duplicate ACK of a peer without SACK (RFC 5681, 3.2). Returns the bytes that it says have
 * left the network.
 */
export function duplicateAck(core: Core, tcb: Tcb, flight: number, nowNs: number): number {
  if (tcb.recovery === Recovery.Loss) return 0;
  tcb.dupAcks += 1;
  // Limited transmit (RFC 3042) and the inflation of fast recovery are both this: less in the pipe.
  const most = flightBytes(tcb) - tcb.lostBytes - (tcb.lostBytes === 0 ? tcb.mss : 0);
  let left = tcb.mss;
  if (tcb.sackedBytes + left > most) left = most - tcb.sackedBytes;
  if (left < 0) left = 0;
  tcb.sackedBytes += left;
  core.needsEgress(tcb);
  if (
    tcb.recovery !== Recovery.Fast &&
    tcb.dupAcks >= DUP_ACK_THRESHOLD &&
    // A reduction for ECN has sent nothing again that duplicates could be of.
    (tcb.recovery === Recovery.Reduced || seqGt(tcb.sndUna, tcb.recover))
  ) {
    markLost(core, tcb, tcb.sqHead);
    enterFastRecovery(core, tcb, flight, left, nowNs);
  }
  return left;
}

/** A cumulative ACK of a peer without SACK takes `acked` bytes off the queue. */
export function renoAcked(tcb: Tcb, acked: number): number {
  // One segment of it filled the hole, the others were counted by duplicate ACKs.
  let counted = acked - tcb.mss;
  if (counted > tcb.sackedBytes) counted = tcb.sackedBytes;
  if (counted < 0) counted = 0;
  tcb.sackedBytes -= counted;
  const most = flightBytes(tcb) - tcb.lostBytes;
  if (tcb.sackedBytes > most) tcb.sackedBytes = most > 0 ? most : 0;
  tcb.dupAcks = 0;
  return acked - counted;
}
