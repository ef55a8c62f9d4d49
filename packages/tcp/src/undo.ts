// @hot
/**
 * Takes back a reduction of the window that proves to have been for nothing.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqAdd, seqDiff, seqGe, seqGt, seqLt } from '@tickwire/wire';
import { controllerOf } from './congestion/registry.ts';
import { type Core, Tx } from './core.ts';
import { timestampNow } from './emit.ts';
import { Recovery } from './recovery.ts';
import { leaveRecovery } from './retransmit.ts';
import { Flag, type Tcb } from './tcb.ts';

/** A segment was sent again. In a recovery an answer to the original may prove it spurious. */
export function noteForUndo(tcb: Tcb, seq: number, span: number, nowNs: number): void {
  if (tcb.undoCount < 0 || !inRecovery(tcb)) return;
  const end = seqAdd(seq, span);
  if (tcb.undoTs === 0) {
    tcb.undoTs = timestampNow(tcb, nowNs);
    tcb.undoLeft = seq;
    tcb.undoRight = end;
  } else {
    if (seqLt(seq, tcb.undoLeft)) tcb.undoLeft = seq;
    if (seqGt(end, tcb.undoRight)) tcb.undoRight = end;
  }
  tcb.undoCount += 1;
}

/**
 * Whether all that was sent again was sent for nothing: the peer reports each of the
 * retransmissions as a duplicate (RFC 3708). In a burst a report of something older may come before
 * the first of them has left: `undoTs` tells. A segment that is later than a round trip is reported
 * when the recovery is over, and that is soon enough.
 */
export function duplicatesProveSpurious(tcb: Tcb, dsack: boolean): boolean {
  return dsack && tcb.undoCount === 0 && tcb.undoTs !== 0 && tcb.recovery !== Recovery.Repair;
}

/**
 * Whether the first ACK after a retransmission answers the original: it echoes an older timestamp
 * (Eifel, RFC 3522), or it comes sooner than any round trip could take. `headSentNs` is when the
 * first segment that it acknowledges, and that was sent more than once, was sent last; 0 is none,
 * and then it proves nothing.
 */
export function ackProvesSpurious(
  core: Core,
  tcb: Tcb,
  headSentNs: number,
  nowNs: number,
): boolean {
  if (tcb.undoCount <= 0 || headSentNs === 0 || !inRecovery(tcb)) return false;
  if ((tcb.flags & Flag.Timestamps) !== 0 && core.options.hasTimestamps === 1) {
    if (tcb.undoTs !== 0 && seqLt(core.options.tsEcr, tcb.undoTs)) return true;
  }
  return tcb.undoCount === 1 && nowNs - headSentNs < tcb.minRttNs / 2;
}

function inRecovery(tcb: Tcb): boolean {
  return tcb.recovery === Recovery.Fast || tcb.recovery === Recovery.Loss;
}

/**
 * F-RTO (RFC 5682, 3.1): was the timeout for nothing? After the first ACK new data goes out instead
 * of what is thought lost; if then something is delivered that was sent once, it was.
 *
 * `original` are the bytes delivered now that were never sent again, `evidence` says that the ACK
 * reports something missing. Returns whether the timeout proves spurious.
 */
export function forwardRto(
  core: Core,
  tcb: Tcb,
  acked: number,
  original: number,
  evidence: boolean,
): boolean {
  if (original > 0) return true;
  if (seqGt(tcb.sndNxt, tcb.recover)) {
    // Step 3a: new data was sent, and the answer is about a hole.
    if (evidence) tcb.flags &= ~(Flag.Frto | Flag.FrtoNew);
    return false;
  }
  if (acked === 0 || seqGe(tcb.sndUna, tcb.recover)) return false;
  // Step 2b: go on with new data, if there is any that may be sent.
  tcb.recover = tcb.sndNxt;
  const usable = seqDiff(seqAdd(tcb.sndUna, tcb.sndWnd), tcb.sndNxt);
  if (tcb.sqUnsent !== NO_FRAME && usable > 0) {
    tcb.flags |= Flag.FrtoNew;
    core.needsEgress(tcb);
  } else tcb.flags &= ~Flag.Frto;
  return false;
}

/** Nothing was lost: the window is what it was, and nothing is sent again. */
export function undo(core: Core, tcb: Tcb): void {
  core.counters.spuriousUndone += 1;
  // A fast retransmit for nothing is reordering, though RACK's own step 3 cannot see it: the late
  // segment had been sent again by then.
  if (tcb.recovery !== Recovery.Loss) tcb.flags |= Flag.ReorderingSeen;
  for (
    let frame = tcb.sqHead;
    frame !== NO_FRAME && frame !== tcb.sqUnsent;
    frame = core.txNext[frame]!
  ) {
    core.txFlags[frame] = core.txFlags[frame]! & ~(Tx.Lost | Tx.Retransmitted);
  }
  tcb.lostBytes = 0;
  tcb.retransBytes = 0;
  tcb.sqLost = NO_FRAME;
  leaveRecovery(tcb);
  tcb.undoCount = -1;
  if (tcb.cwnd < tcb.undoCwnd) tcb.cwnd = tcb.undoCwnd;
  if (tcb.ssthresh < tcb.undoSsthresh) tcb.ssthresh = tcb.undoSsthresh;
  tcb.backoff = 0;
  controllerOf(tcb).undone(tcb);
  core.needsEgress(tcb);
}
