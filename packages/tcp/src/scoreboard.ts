// @hot
/**
 * What the peer's SACK blocks say about the send queue (RFC 2018, RFC 2883, RFC 6675).
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, type TcpOptions } from '@tickwire/wire';
import { type Core, type Segment, Tx } from './core.ts';
import { rateDelivered } from './delivery-rate.ts';
import { rackDelivered } from './rack.ts';
import { frameSpan } from './retransmit.ts';
import { Flag, type Tcb } from './tcb.ts';

/** What the last {@link takeSack} found; one result, because nothing here is reentrant. */
export const found: {
  newlySacked: number;
  frames: number;
  original: number;
  dsack: number;
  /** Round trip of the last segment that was sent once; 0 is none. */
  sampleNs: number;
  /** 1 when a segment that was sent more than once is among them. */
  again: number;
} = {
  newlySacked: 0,
  frames: 0,
  original: 0,
  dsack: 0,
  sampleNs: 0,
  again: 0,
};

/**
 * Marks what the blocks of the segment cover. Returns nothing: see {@link found}. `unaBefore` is
 * SND.UNA before this ACK: duplicate reports refer to what was acknowledged by then.
 */
export function takeSack(
  core: Core,
  tcb: Tcb,
  segment: Segment,
  unaBefore: number,
  nowNs: number,
): void {
  found.newlySacked = 0;
  found.frames = 0;
  found.original = 0;
  found.dsack = 0;
  found.sampleNs = 0;
  found.again = 0;
  const options = core.options;
  let from = 0;
  if (isDuplicateReport(options, segment.ack)) {
    from = 1;
    noteDsack(core, tcb, options, unaBefore);
  }
  let highest = tcb.sndUna;
  let lowest = tcb.sndNxt;
  let valid = 0;
  for (let i = from; i < options.sackCount; i += 1) {
    const left = options.sackLeft[i]!;
    const right = options.sackRight[i]!;
    // Nonsense, and old news that lies before SND.UNA, marks nothing: it becomes a block without
    // length where all segments are near. An edge half the circle away lies before and behind one.
    if (!seqLt(left, right) || seqGt(right, tcb.sndNxt) || seqLe(right, tcb.sndUna)) {
      options.sackLeft[i] = tcb.sndUna;
      options.sackRight[i] = tcb.sndUna;
      continue;
    }
    valid += 1;
    if (seqGt(right, highest)) highest = right;
    if (seqLt(left, lowest)) lowest = left;
  }
  if (valid === 0) return;
  markFrames(core, tcb, options, from, lowest, highest, nowNs);
  // What came by a retransmission may bring old news with it, whose first report was lost.
  if (found.again === 1) found.sampleNs = 0;
  if (seqGt(highest, tcb.sackHigh)) tcb.sackHigh = highest;
}

/** RFC 2883, 4: the first block lies below the ACK, or inside the second block. */
function isDuplicateReport(options: TcpOptions, ack: number): boolean {
  const left = options.sackLeft[0]!;
  const right = options.sackRight[0]!;
  if (seqLe(right, ack)) return true;
  return (
    options.sackCount > 1 &&
    seqGe(left, options.sackLeft[1]!) &&
    seqLe(right, options.sackRight[1]!)
  );
}

function noteDsack(core: Core, tcb: Tcb, options: TcpOptions, unaBefore: number): void {
  const left = options.sackLeft[0]!;
  const right = options.sackRight[0]!;
  // Only what we did send: a duplicate of the network's making or a lie otherwise.
  if (!seqLt(left, right) || seqGt(right, tcb.sndNxt)) return;
  if (seqDiff(unaBefore, left) > tcb.sndWndMax + tcb.sndBufBytes) return;
  core.counters.dsackReceived += 1;
  found.dsack = 1;
  // One of our retransmissions was not needed. What was sent once and came twice was doubled by the
  // network and proves nothing (RFC 3708, 3).
  if (tcb.undoCount > 0 && seqGe(left, tcb.undoLeft) && seqLe(right, tcb.undoRight)) {
    tcb.undoCount -= 1;
  }
}

function markFrames(
  core: Core,
  tcb: Tcb,
  options: TcpOptions,
  from: number,
  lowest: number,
  highest: number,
  nowNs: number,
): void {
  for (
    let frame = tcb.sqHead;
    frame !== NO_FRAME && frame !== tcb.sqUnsent;
    frame = core.txNext[frame]!
  ) {
    const seq = core.txSeq[frame]!;
    if (seqLt(seq, lowest)) continue;
    if (seqGe(seq, highest)) return;
    const flags = core.txFlags[frame]!;
    if ((flags & Tx.Sacked) !== 0) continue;
    const span = frameSpan(core, frame);
    if (!covered(options, from, seq, seqAdd(seq, span))) continue;
    // Delivered behind something that was delivered before it, and sent once: reordering
    // (RFC 8985, 6.2, step 3).
    if ((flags & Tx.Ever) === 0 && seqLt(seq, tcb.sackHigh)) tcb.flags |= Flag.ReorderingSeen;
    if ((flags & Tx.Lost) !== 0) tcb.lostBytes -= span;
    if ((flags & Tx.Retransmitted) !== 0) tcb.retransBytes -= span;
    tcb.sackedBytes += span;
    found.newlySacked += span;
    found.frames += 1;
    if ((flags & Tx.Ever) === 0) {
      found.sampleNs = nowNs - core.txTimeNs[frame]!;
      if (seqLe(seqAdd(seq, span), tcb.recover)) found.original += span;
    } else found.again = 1;
    rackDelivered(core, tcb, frame, nowNs);
    if (tcb.rateOn !== 0) rateDelivered(core, tcb, frame, nowNs);
    core.txFlags[frame] = (flags & ~(Tx.Lost | Tx.Retransmitted)) | Tx.Sacked;
  }
}

function covered(options: TcpOptions, from: number, seq: number, end: number): boolean {
  for (let i = from; i < options.sackCount; i += 1) {
    if (seqGe(seq, options.sackLeft[i]!) && seqLe(end, options.sackRight[i]!)) return true;
  }
  return false;
}
