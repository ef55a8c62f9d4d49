// @hot
/**
 * What the ACK of an arriving segment does (RFC 9293, 3.10.7.4, fifth step; RFC 5681; RFC 6582).
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, TCP_ECE, TCP_FIN } from '@tickwire/wire';
import { takeFeedback } from './accecn-send.ts';
import { controllerOf } from './congestion/registry.ts';
import { type Core, type Segment, Tx } from './core.ts';
import {
  isCwndLimited,
  markAppLimited,
  rateBegins,
  rateDelivered,
  rateEnds,
  ratePartly,
} from './delivery-rate.ts';
import { reactToMarks } from './ecn-reaction.ts';
import { timestampNow } from './emit.ts';
import { MTU_MAX, TIMESTAMP_TICK_NS, UNDO_REACH_BYTES } from './limits.ts';
import { lossIsCongestion, probeAcked } from './path-mtu.ts';
import { rackAdapt, rackDelivered, rackDetect, rackRecovered } from './rack.ts';
import { Recovery } from './recovery.ts';
import {
  clearRetransmit,
  duplicateAck,
  enterFastRecovery,
  flightBytes,
  frameSpan,
  leaveRecovery,
  markLost,
  proportionalRate,
  reduceWindow,
  renoAcked,
  Retransmit,
  scheduleLossTimer,
} from './retransmit.ts';
import { sampleRtt } from './rtt.ts';
import { found, takeSack } from './scoreboard.ts';
import { tellDrained } from './send.ts';
import { Flag, NEVER, type Tcb } from './tcb.ts';
import { ackProvesSpurious, duplicatesProveSpurious, forwardRto, undo } from './undo.ts';
import { mayGrow } from './window-use.ts';

/** What {@link takeAcked} found; module state, because nothing here is reentrant. */
let sampleNs = 0;
let deliveredBytes = 0;
let deliveredFrames = 0;
let originalBytes = 0;
let retransmittedNs = 0;

/**
 * Processes an ACK that lies in the acceptable range. False when the connection is over when it
 * returns (the owner may close it in `drained`).
 */
export function ackArrives(core: Core, tcb: Tcb, segment: Segment, nowNs: number): boolean {
  const ack = segment.ack;
  const una = tcb.sndUna;
  if (seqLt(ack, una)) return true;
  const windowBefore = tcb.sndWnd;
  updateSendWindow(core, tcb, segment);
  // The peer is there, closed window or not: it must not be given up (RFC 9293, 3.8.6.1).
  if (tcb.sndWnd === 0) tcb.unanswered = 0;
  const flight = flightBytes(tcb);
  const acked = seqDiff(ack, una);
  sampleNs = 0;
  deliveredBytes = 0;
  deliveredFrames = 0;
  originalBytes = 0;
  retransmittedNs = 0;
  if (tcb.rateOn !== 0) rateBegins(tcb);
  if (acked > 0) {
    takeAcked(core, tcb, ack, nowNs);
    // What was held back behind a hole tells how long the hole was, not the path.
    if (retransmittedNs !== 0) {
      sampleNs = 0;
      originalBytes = 0;
    }
    tcb.sndUna = ack;
    if (tcb.mtuProbe !== 0) probeAcked(core, tcb, nowNs);
    tcb.bytesAcked += acked;
    tcb.unanswered = 0;
  }
  if ((tcb.flags & Flag.Ecn) !== 0 && (segment.flags & TCP_ECE) !== 0)
    reactToMarks(core, tcb, flight, nowNs);
  if ((tcb.flags & Flag.Sack) !== 0) return sackAck(core, tcb, segment, una, acked, flight, nowNs);
  if (tcb.accEcn !== 0) {
    // What duplicates have told of came with feedback of its own.
    const told = Math.floor(tcb.sackedBytes / tcb.mss);
    accurateEcho(core, tcb, segment, -told, 0, flight, nowNs);
  }
  if (acked > 0) return renoAck(core, tcb, una, acked, nowNs);
  if (
    segment.length === 0 &&
    (segment.flags & TCP_FIN) === 0 &&
    tcb.sndWnd === windowBefore &&
    tcb.sqHead !== NO_FRAME &&
    tcb.sqHead !== tcb.sqUnsent
  ) {
    // A duplicate ACK by the definition of RFC 5681, 2.
    if (inFrto(tcb)) forwardRto(core, tcb, 0, 0, true);
    const delivered = duplicateAck(core, tcb, flight, nowNs);
    if (tcb.recovery === Recovery.Fast) proportionalRate(tcb, delivered, false);
  }
  return true;
}

function inFrto(tcb: Tcb): boolean {
  return (tcb.flags & Flag.Frto) !== 0 && tcb.recovery === Recovery.Loss;
}

/**
 * Accurate ECN's feedback in an ACK: new marks are a sign of congestion (RFC 9768, 3.1.5). What the
 * ACK delivers besides what it covers are `frames` of `bytes`.
 */
function accurateEcho(
  core: Core,
  tcb: Tcb,
  segment: Segment,
  frames: number,
  bytes: number,
  flight: number,
  nowNs: number,
): void {
  const packets = deliveredFrames + frames;
  const marks = takeFeedback(core, tcb, segment, packets, deliveredBytes + bytes);
  if (marks > 0) reactToMarks(core, tcb, flight, nowNs);
}

/**
 * What an ACK that moves SND.UNA says of the round trip. The segment that it answers left when its
 * echo says, or later (RFC 7323, 4.1): a report that got lost, and came again with this ACK, does
 * not make the path longer. The echo counts milliseconds, so it is an upper bound and no sample,
 * and says something of a segment that was sent twice (RFC 6298, 3) only when that is news.
 */
function boundSample(core: Core, tcb: Tcb, nowNs: number): void {
  const knownNs = sampleNs === 0 ? tcb.srttNs : sampleNs;
  if (knownNs <= TIMESTAMP_TICK_NS || (tcb.flags & Flag.Timestamps) === 0) return;
  if (core.options.hasTimestamps === 0) return;
  const ticks = seqDiff(timestampNow(tcb, nowNs), core.options.tsEcr);
  const mostNs = (ticks + 1) * TIMESTAMP_TICK_NS;
  if (ticks >= 0 && mostNs < knownNs) sampleNs = mostNs;
}

/** Karn: the back-off stays until a segment that was sent once, or a timestamp, proves the path. */
function takeSample(core: Core, tcb: Tcb, rttNs: number, nowNs: number): void {
  if (rttNs > 0) {
    sampleRtt(tcb, core.config, rttNs, nowNs);
    controllerOf(tcb).rttSample(tcb, rttNs, nowNs);
  }
  if (rttNs > 0 || (tcb.flags & Flag.Timestamps) !== 0) tcb.backoff = 0;
}

/** New data acknowledged by a peer without SACK (RFC 6582). */
function renoAck(core: Core, tcb: Tcb, una: number, acked: number, nowNs: number): boolean {
  boundSample(core, tcb, nowNs);
  takeSample(core, tcb, sampleNs, nowNs);
  if (ackProvesSpurious(core, tcb, retransmittedNs, nowNs)) undo(core, tcb);
  if (inFrto(tcb) && forwardRto(core, tcb, acked, originalBytes, false)) undo(core, tcb);
  const delivered = renoAcked(tcb, acked);
  let isFirst = true;
  if (tcb.recovery === Recovery.Fast) {
    if (seqGe(tcb.sndUna, tcb.recover)) leaveRecovery(tcb);
    else {
      // A partial ACK: the next segment is missing too (RFC 6582, 3.2 step 3).
      const head = tcb.sqHead;
      if (head !== NO_FRAME && (core.txFlags[head]! & Tx.Lost) === 0) markLost(core, tcb, head);
      proportionalRate(tcb, delivered, true);
      // Only the first one restarts the timer: with many holes a timeout is faster than one round
      // trip for each of them (RFC 6582, 3.2 step 3 and 4: the impatient variant).
      isFirst = una === tcb.undoSeq;
    }
  } else {
    let counts = acked;
    if (tcb.recovery !== Recovery.Open && seqGe(tcb.sndUna, tcb.recover)) {
      counts = delivered;
      leaveRecovery(tcb);
    }
    if (tcb.rateOn === 0 && mayGrow(tcb)) controllerOf(tcb).acked(tcb, counts, nowNs);
  }
  if (tcb.rateOn !== 0) rateSampled(core, tcb, nowNs);
  return progressed(core, tcb, isFirst, nowNs);
}

/** Any ACK of a peer with SACK (RFC 6675, RFC 8985, RFC 6937). */
function sackAck(
  core: Core,
  tcb: Tcb,
  segment: Segment,
  una: number,
  acked: number,
  flight: number,
  nowNs: number,
): boolean {
  found.newlySacked = 0;
  found.frames = 0;
  found.original = 0;
  found.dsack = 0;
  if (core.options.sackCount > 0) {
    takeSack(core, tcb, segment, una, nowNs);
    // Nor does what was reported before, in ACKs that were lost, and again only now that a
    // retransmission has brought an answer: that is the age of a timeout.
    if (sampleNs === 0 && retransmittedNs === 0) sampleNs = found.sampleNs;
  }
  if (tcb.accEcn !== 0) {
    accurateEcho(core, tcb, segment, found.frames, found.newlySacked, flight, nowNs);
  }
  const dsack = found.dsack === 1;
  const delivered = deliveredBytes + found.newlySacked;
  if (acked === 0 && delivered === 0 && !dsack) {
    tailProbeDuplicate(tcb, segment, core.options.sackCount);
    return true;
  }
  if (acked > 0) boundSample(core, tcb, nowNs);
  if (acked > 0 || found.newlySacked > 0) takeSample(core, tcb, sampleNs, nowNs);
  rackAdapt(tcb, dsack);
  if (
    (acked > 0 && ackProvesSpurious(core, tcb, retransmittedNs, nowNs)) ||
    duplicatesProveSpurious(tcb, dsack)
  ) {
    undo(core, tcb);
  }
  if (inFrto(tcb)) {
    const original = originalBytes + found.original;
    if (forwardRto(core, tcb, acked, original, found.newlySacked > 0)) undo(core, tcb);
  }
  if ((tcb.flags & Flag.TlpOutstanding) !== 0) tailProbeAck(tcb, dsack, nowNs);
  // What was SACKed in a recovery was paced by it, or left the network long ago (RFC 3465, 2.3).
  let counts = acked;
  if (acked > 0 && tcb.recovery !== Recovery.Open && seqGe(tcb.sndUna, tcb.recover)) {
    counts = delivered;
    leaveRecovery(tcb);
    rackRecovered(tcb);
  }
  let lost = false;
  if (tcb.sackedBytes > 0 || tcb.recovery !== Recovery.Open) {
    if (tcb.retransmitKind === Retransmit.Reorder) tcb.retransmitKind = Retransmit.Timeout;
    lost = rackDetect(core, tcb, nowNs);
    // What was lost behind the last recovery point is an event of its own.
    if (lossIsCongestion(core, tcb, lost, nowNs)) {
      enterFastRecovery(core, tcb, flight, delivered, nowNs);
    }
  }
  if (tcb.rateOn !== 0) rateSampled(core, tcb, nowNs);
  else if (tcb.recovery === Recovery.Fast) proportionalRate(tcb, delivered, acked > 0 && !lost);
  else if (acked > 0 && mayGrow(tcb)) controllerOf(tcb).acked(tcb, counts, nowNs);
  if (acked > 0) return progressed(core, tcb, true, nowNs);
  // With nothing in flight the timer belongs to the window probe.
  if (flight > 0) scheduleLossTimer(core, tcb, false, nowNs);
  core.needsEgress(tcb);
  return true;
}

/** The controller works from delivery rates: it gets the sample of this ACK. */
function rateSampled(core: Core, tcb: Tcb, nowNs: number): void {
  rateEnds(tcb, sampleNs, nowNs);
  const { rate } = controllerOf(tcb);
  if (rate!.sampled(tcb, isCwndLimited(tcb), core.random, nowNs)) markAppLimited(tcb);
}

/** What the ACK says about a tail loss probe (RFC 8985, 7.4.2). */
function tailProbeAck(tcb: Tcb, dsack: boolean, nowNs: number): void {
  if (seqLt(tcb.sndUna, tcb.tlpEnd)) return;
  const again = (tcb.flags & Flag.TlpRetransmit) !== 0;
  if (again && !dsack && tcb.sndUna === tcb.tlpEnd) return;
  tcb.flags &= ~(Flag.TlpOutstanding | Flag.TlpRetransmit);
  // The probe has filled a hole that nobody else has noticed: that was congestion too, in what was
  // in flight when it left. What is in flight now came later.
  if (again && !dsack) reduceWindow(tcb, tcb.recoverFlight, nowNs);
}

/** A peer that sends no DSACK says by a bare duplicate ACK that the probe came twice (7.4.2). */
function tailProbeDuplicate(tcb: Tcb, segment: Segment, sackCount: number): void {
  if ((tcb.flags & Flag.TlpRetransmit) === 0 || tcb.sndUna !== tcb.tlpEnd) return;
  if (segment.length > 0 || sackCount > 0) return;
  tcb.flags &= ~(Flag.TlpOutstanding | Flag.TlpRetransmit);
}

/**
 * Marks behind SND.UNA move along with it: sequence numbers compare within 2^31 bytes only, and a
 * mark that is left behind would seem to lie ahead two gigabytes later.
 */
function moveMarks(tcb: Tcb): void {
  const una = tcb.sndUna;
  if (seqLt(tcb.sndSmall, una)) tcb.sndSmall = una;
  if (seqLt(tcb.sndUp, una)) tcb.sndUp = una;
  if (seqLt(tcb.sackHigh, una)) tcb.sackHigh = una;
  if (seqLt(tcb.ecnRecover, una)) tcb.ecnRecover = una;
  // Nothing is late by a gigabyte: what was sent again then can be forgotten.
  if (tcb.undoCount > 0 && seqDiff(una, tcb.undoRight) > UNDO_REACH_BYTES) tcb.undoCount = -1;
  // One behind: `duplicateAck` asks whether SND.UNA has passed it.
  if (seqLt(tcb.recover, una)) tcb.recover = (una - 1) | 0;
}

/** SND.UNA has moved: timers (`restart` of the timeout), egress, and an owner that waits. */
function progressed(core: Core, tcb: Tcb, restart: boolean, nowNs: number): boolean {
  moveMarks(tcb);
  tcb.flags &= ~Flag.SoftError;
  if (tcb.sqHead === NO_FRAME || tcb.sqHead === tcb.sqUnsent) clearRetransmit(tcb);
  else scheduleLossTimer(core, tcb, restart, nowNs);
  if (tcb.userTimeoutNs > 0) {
    tcb.userTimeoutAtNs = tcb.sqHead === NO_FRAME ? NEVER : nowNs + tcb.userTimeoutNs;
  }
  if (tcb.sqHead !== NO_FRAME) core.needsEgress(tcb);
  return tellDrained(core, tcb);
}

/** RFC 9293, 3.10.7.4: the window moves by the newest segment only. */
function updateSendWindow(core: Core, tcb: Tcb, segment: Segment): void {
  if (
    !seqLt(tcb.sndWl1, segment.seq) &&
    !(tcb.sndWl1 === segment.seq && seqLe(tcb.sndWl2, segment.ack))
  ) {
    return;
  }
  const window = segment.window * 2 ** tcb.sndShift;
  const opened = window > tcb.sndWnd;
  tcb.sndWnd = window;
  tcb.sndWl1 = segment.seq;
  tcb.sndWl2 = segment.ack;
  if (window > tcb.sndWndMax) tcb.sndWndMax = window;
  if (opened && tcb.sqUnsent !== NO_FRAME) {
    if (tcb.retransmitKind === Retransmit.Persist) {
      clearRetransmit(tcb);
      tcb.backoff = 0;
      tcb.unanswered = 0;
    }
    core.needsEgress(tcb);
  }
}

/** Takes what `ack` covers off the queue, and keeps the sums of the scoreboard right. */
function takeAcked(core: Core, tcb: Tcb, ack: number, nowNs: number): void {
  const sack = (tcb.flags & Flag.Sack) !== 0;
  while (tcb.sqHead !== NO_FRAME && tcb.sqHead !== tcb.sqUnsent) {
    const frame = tcb.sqHead;
    const seq = core.txSeq[frame]!;
    const span = frameSpan(core, frame);
    if (seqGt(seqAdd(seq, span), ack)) {
      if (seqLt(seq, ack)) trimHead(core, tcb, frame, seqDiff(ack, seq), nowNs);
      return;
    }
    const flags = core.txFlags[frame]!;
    forgetSent(tcb, flags, span);
    if ((flags & Tx.Sacked) === 0) {
      deliveredBytes += span;
      deliveredFrames += 1;
      if (span >= tcb.mtuSuspect) tcb.mtuSuspect = MTU_MAX;
      if (tcb.rateOn !== 0) rateDelivered(core, tcb, frame, nowNs);
      if ((flags & Tx.Ever) === 0) {
        sampleNs = nowNs - core.txTimeNs[frame]!;
        if (seqLe(seqAdd(seq, span), tcb.recover)) originalBytes += span;
      } else if (retransmittedNs === 0) retransmittedNs = core.txTimeNs[frame]!;
      if (sack) {
        if ((flags & Tx.Ever) === 0 && seqLt(seq, tcb.sackHigh)) tcb.flags |= Flag.ReorderingSeen;
        rackDelivered(core, tcb, frame, nowNs);
      }
    }
    const next = core.txNext[frame]!;
    tcb.sqHead = next;
    if (tcb.sqLost === frame) tcb.sqLost = next;
    if (next === NO_FRAME) tcb.sqTail = NO_FRAME;
    tcb.sqFrames -= 1;
    core.txFrames -= 1;
    core.arena.free(frame);
  }
}

/** Part of the first frame is acknowledged. */
function trimHead(core: Core, tcb: Tcb, frame: number, bytes: number, nowNs: number): void {
  const flags = core.txFlags[frame]!;
  if ((flags & Tx.Sacked) === 0) {
    deliveredBytes += bytes;
    if (tcb.rateOn !== 0) ratePartly(tcb, bytes, nowNs);
  }
  forgetSent(tcb, flags, bytes);
  core.txSeq[frame] = seqAdd(core.txSeq[frame]!, bytes);
  core.txAt[frame] = core.txAt[frame]! + bytes;
  core.txLength[frame] = core.txLength[frame]! - bytes;
}

function forgetSent(tcb: Tcb, flags: number, bytes: number): void {
  if ((flags & Tx.Sacked) !== 0) tcb.sackedBytes -= bytes;
  else {
    if ((flags & Tx.Lost) !== 0) tcb.lostBytes -= bytes;
    if ((flags & Tx.Retransmitted) !== 0) tcb.retransBytes -= bytes;
  }
}
