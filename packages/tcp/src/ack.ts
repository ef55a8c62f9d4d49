// @hot
/**
 * What the ACK of an arriving segment does (RFC 9293, 3.10.7.4, fifth step; RFC 5681; RFC 6582).
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt } from '@tickwire/wire';
import { controllerOf } from './congestion/registry.ts';
import { type Core, type Segment, Tx } from './core.ts';
import {
  clearRetransmit,
  duplicateAck,
  flightBytes,
  frameSpan,
  leaveRecovery,
  markLost,
  proportionalRate,
  Recovery,
  renoAcked,
  restartRto,
  Retransmit,
} from './retransmit.ts';
import { sampleRtt } from './rtt.ts';
import { tellDrained } from './send.ts';
import { Flag, NEVER, type Tcb } from './tcb.ts';

/** RTT of the newest segment that the last {@link takeAcked} took off the queue; 0 for none. */
let sampleNs = 0;

/**
 * Processes an ACK that lies in the acceptable range. False when the connection is over when it
 * returns (the owner may close it in `drained`).
 */
export function ackArrives(core: Core, tcb: Tcb, segment: Segment, nowNs: number): boolean {
  const ack = segment.ack;
  if (seqLt(ack, tcb.sndUna)) return true;
  const windowBefore = tcb.sndWnd;
  updateSendWindow(core, tcb, segment);
  // The peer is there, closed window or not: it must not be given up (RFC 9293, 3.8.6.1).
  if (tcb.sndWnd === 0) tcb.unanswered = 0;
  if (ack === tcb.sndUna) {
    const duplicate =
      segment.length === 0 &&
      tcb.sqHead !== tcb.sqUnsent &&
      tcb.sndWnd === windowBefore &&
      tcb.sqHead !== NO_FRAME;
    if (duplicate) {
      const delivered = duplicateAck(core, tcb, nowNs);
      if (tcb.recovery === Recovery.Fast) proportionalRate(tcb, delivered, false);
    }
    return true;
  }
  return newAck(core, tcb, ack, nowNs);
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

/** An ACK of something new. */
function newAck(core: Core, tcb: Tcb, ack: number, nowNs: number): boolean {
  const flight = flightBytes(tcb);
  const acked = seqDiff(ack, tcb.sndUna);
  sampleNs = 0;
  takeAcked(core, tcb, ack, nowNs);
  tcb.sndUna = ack;
  tcb.bytesAcked += acked;
  tcb.unanswered = 0;
  if (sampleNs > 0) {
    sampleRtt(tcb, core.config, sampleNs, nowNs);
    controllerOf(tcb).rttSample(tcb, sampleNs, nowNs);
  }
  // Karn: the back-off stays until a segment that was sent once, or a timestamp, proves the path.
  if (sampleNs > 0 || (tcb.flags & Flag.Timestamps) !== 0) tcb.backoff = 0;
  const delivered = (tcb.flags & Flag.Sack) === 0 ? renoAcked(tcb, acked) : acked;

  if (tcb.recovery === Recovery.Fast) {
    if (seqGe(ack, tcb.recover)) leaveRecovery(tcb);
    else {
      // A partial ACK: the next segment is missing too (RFC 6582, 3.2 step 3).
      const head = tcb.sqHead;
      if (head !== NO_FRAME && (core.txFlags[head]! & Tx.Lost) === 0) markLost(core, tcb, head);
      proportionalRate(tcb, delivered, true);
    }
  } else {
    if (tcb.recovery !== Recovery.Open && seqGe(ack, tcb.recover)) leaveRecovery(tcb);
    if (windowWasLimit(tcb, flight)) controllerOf(tcb).acked(tcb, acked, nowNs);
  }

  if (tcb.sqHead === NO_FRAME || tcb.sqHead === tcb.sqUnsent) clearRetransmit(tcb);
  else restartRto(core, tcb, nowNs);
  if (tcb.userTimeoutNs > 0) {
    tcb.userTimeoutAtNs = tcb.sqHead === NO_FRAME ? NEVER : nowNs + tcb.userTimeoutNs;
  }
  if (tcb.sqHead !== NO_FRAME) core.needsEgress(tcb);
  return tellDrained(core, tcb);
}

/** The window may grow only when it was what held the sender back (RFC 7661; RFC 5681, 3.1). */
function windowWasLimit(tcb: Tcb, flight: number): boolean {
  if (flight + tcb.mss > tcb.cwnd) return true;
  return tcb.cwnd < tcb.ssthresh && flight * 2 > tcb.cwnd;
}

/** Takes what `ack` covers off the queue, and keeps the sums of the scoreboard right. */
function takeAcked(core: Core, tcb: Tcb, ack: number, nowNs: number): void {
  while (tcb.sqHead !== NO_FRAME && tcb.sqHead !== tcb.sqUnsent) {
    const frame = tcb.sqHead;
    const seq = core.txSeq[frame]!;
    const span = frameSpan(core, frame);
    if (seqGt(seqAdd(seq, span), ack)) {
      if (seqLt(seq, ack)) trimHead(core, tcb, frame, seqDiff(ack, seq));
      return;
    }
    const flags = core.txFlags[frame]!;
    forgetSent(tcb, flags, span);
    if ((flags & (Tx.Ever | Tx.Sacked)) === 0) sampleNs = nowNs - core.txTimeNs[frame]!;
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
function trimHead(core: Core, tcb: Tcb, frame: number, bytes: number): void {
  forgetSent(tcb, core.txFlags[frame]!, bytes);
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
