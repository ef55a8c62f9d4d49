// @hot
/**
 * RACK: time-based loss detection (RFC 8985, 6).
 *
 * A segment is lost when something that was sent later has been delivered, and a round trip plus a
 * reordering window has passed since it was sent. Times are those of the burst in which an ACK
 * arrived and of the egress round in which a segment left, in nanoseconds: on a 20 microsecond
 * network a millisecond clock declares everything lost at once (gvisor#9778).
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqAdd, seqGe, seqGt, seqLt } from '@tickwire/wire';
import { type Core, Tx } from './core.ts';
import { timestampNow } from './emit.ts';
import { CLOCK_GRANULARITY_NS, DUP_ACK_THRESHOLD } from './limits.ts';
import { Recovery } from './recovery.ts';
import { frameSpan, markLost, Retransmit, setRetransmit } from './retransmit.ts';
import { Flag, type Tcb } from './tcb.ts';

/** Recoveries for which a widened reordering window is kept (RFC 8985, 6.2, step 4). */
const REO_PERSIST = 16;

/** Step 2: a segment was delivered. To be called before its flags change. */
export function rackDelivered(core: Core, tcb: Tcb, frame: number, nowNs: number): void {
  const sentNs = core.txTimeNs[frame]!;
  const rttNs = nowNs - sentNs;
  // Faster than any round trip, or in answer to an older timestamp: it is the first transmission
  // that was delivered, and nobody knows when that was sent.
  if ((core.txFlags[frame]! & Tx.Ever) !== 0) {
    if (rttNs < tcb.minRttNs) return;
    if ((tcb.flags & Flag.Timestamps) !== 0 && core.options.hasTimestamps === 1) {
      if (seqLt(core.options.tsEcr, timestampNow(tcb, sentNs))) return;
    }
  }
  const end = seqAdd(core.txSeq[frame]!, frameSpan(core, frame));
  if (sentNs > tcb.rackSentNs || (sentNs === tcb.rackSentNs && seqGt(end, tcb.rackEnd))) {
    tcb.rackSentNs = sentNs;
    tcb.rackEnd = end;
    tcb.rackRttNs = rttNs;
  }
}

/** Step 4: the reordering window adapts to duplicate reports. */
export function rackAdapt(tcb: Tcb, dsack: boolean): void {
  if (tcb.rackRound !== 0 && seqGe(tcb.sndUna, tcb.rackRoundEnd)) tcb.rackRound = 0;
  if (dsack && tcb.rackRound === 0) {
    tcb.rackRound = 1;
    tcb.rackRoundEnd = tcb.sndNxt;
    tcb.rackReoMult += 1;
    tcb.rackReoPersist = REO_PERSIST;
  }
}

/** Step 4: a recovery has ended without further duplicates. */
export function rackRecovered(tcb: Tcb): void {
  if (tcb.rackReoPersist === 0) return;
  tcb.rackReoPersist -= 1;
  if (tcb.rackReoPersist === 0) tcb.rackReoMult = 1;
}

/**
 * Whether so many segments are SACKed that, without reordering, something is lost. RACK counts
 * segments (RACK.segs_sacked of RFC 8985, 6.2, step 4), not the bytes that RFC 6675 also allows: a
 * stream of small messages would wait for a timer else.
 */
function hasManySacked(core: Core, tcb: Tcb): boolean {
  // So many bytes are so many segments at least.
  if (tcb.sackedBytes >= DUP_ACK_THRESHOLD * tcb.mss) return true;
  let count = 0;
  for (
    let frame = tcb.sqHead;
    frame !== NO_FRAME && frame !== tcb.sqUnsent;
    frame = core.txNext[frame]!
  ) {
    if ((core.txFlags[frame]! & Tx.Sacked) === 0) continue;
    count += 1;
    if (count === DUP_ACK_THRESHOLD) return true;
  }
  return false;
}

/** Step 4: how much later than expected a segment may be. */
export function reorderWindowNs(core: Core, tcb: Tcb): number {
  if ((tcb.flags & Flag.ReorderingSeen) === 0) {
    if (tcb.recovery === Recovery.Fast || tcb.recovery === Recovery.Loss) return 0;
    if (hasManySacked(core, tcb)) return 0;
  }
  let windowNs = (tcb.rackReoMult * tcb.minRttNs) / 4;
  if (windowNs > tcb.srttNs) windowNs = tcb.srttNs;
  return windowNs < CLOCK_GRANULARITY_NS ? CLOCK_GRANULARITY_NS : windowNs;
}

/**
 * Step 5: marks what is lost by now and sets a timer for what may be lost soon. Returns whether
 * something was marked.
 */
export function rackDetect(core: Core, tcb: Tcb, nowNs: number): boolean {
  if (tcb.rackSentNs === 0) return false;
  const windowNs = reorderWindowNs(core, tcb);
  let marked = false;
  let waitNs = 0;
  for (
    let frame = tcb.sqHead;
    frame !== NO_FRAME && frame !== tcb.sqUnsent;
    frame = core.txNext[frame]!
  ) {
    const flags = core.txFlags[frame]!;
    const sentNs = core.txTimeNs[frame]!;
    if (!sentBefore(core, tcb, frame, sentNs)) {
      // First transmissions are in order of time: nothing behind this one was sent earlier.
      if ((flags & Tx.Ever) === 0) break;
      continue;
    }
    if ((flags & Tx.Sacked) !== 0) continue;
    if ((flags & (Tx.Lost | Tx.Retransmitted)) === Tx.Lost) continue;
    const leftNs = sentNs + tcb.rackRttNs + windowNs - nowNs;
    if (leftNs <= 0) {
      markLost(core, tcb, frame);
      marked = true;
    } else if (leftNs > waitNs) waitNs = leftNs;
  }
  if (waitNs > 0) setRetransmit(core, tcb, Retransmit.Reorder, Math.ceil(nowNs + waitNs));
  return marked;
}

/** Whether a frame was sent before the latest one that is known to be delivered. */
function sentBefore(core: Core, tcb: Tcb, frame: number, sentNs: number): boolean {
  if (sentNs !== tcb.rackSentNs) return sentNs < tcb.rackSentNs;
  return seqGt(tcb.rackEnd, seqAdd(core.txSeq[frame]!, frameSpan(core, frame)));
}
