// @hot
/**
 * Segment text and FIN: RFC 9293, 3.10.7.4, seventh and eighth step.
 *
 * Every byte, and the FIN, is delivered exactly once and in order, whatever shape the segments have
 * in which it comes.
 *
 * @module
 */

import { NO_FRAME, Status } from '@tickwire/base';
import { ECN_CE, seqAdd, seqDiff, seqGt, TCP_CWR, TCP_FIN } from '@tickwire/wire';
import { enterTimeWait } from './close.ts';
import { ackAtOnce, type Core, Rx, type Segment } from './core.ts';
import { DUP_ACKS_OWED_MAX } from './limits.ts';
import { Inserted, insertOutOfOrder, takeInOrder } from './reassembly.ts';
import { ackInOrder, deliver, grantQuickAcks, tellEnd } from './receive.ts';
import { tellReadable } from './run.ts';
import { noteDsack, noteRecent } from './sack.ts';
import { State } from './state.ts';
import { Flag, NEVER, type Tcb } from './tcb.ts';
import { promisedWindow, tuneReceiveBuffer } from './window.ts';

/** `BadState` when data came after `close`; else `Ok`. The connection may be over afterwards. */
export function textArrives(core: Core, tcb: Tcb, segment: Segment, nowNs: number): number {
  // After the peer's FIN nothing new can come (seventh step, CLOSE-WAIT and later).
  if (tcb.state !== State.Established && tcb.state !== State.FinWait1) {
    // Text in SYN-RECEIVED comes here with fast open only (RFC 7413, 4.2.2).
    if (tcb.state !== State.FinWait2 && tcb.state !== State.SynReceived) {
      if (tcb.state === State.TimeWait || (tcb.flags & Flag.FinReceived) !== 0) {
        ackAtOnce(core, tcb);
      }
      return Status.Ok;
    }
  }
  if ((tcb.flags & Flag.Ecn) !== 0) noteCongestion(core, tcb, segment);
  let seq = segment.seq;
  let at = segment.at;
  let length = segment.length;
  let fin = segment.flags & TCP_FIN;

  // A frame that is held already has come again: whatever it holds is known.
  if (segment.frame >= 0 && (core.rxFlags[segment.frame]! & Rx.Held) !== 0) {
    core.counters.duplicates += 1;
    grantQuickAcks(tcb);
    ackAtOnce(core, tcb);
    return Status.Ok;
  }

  // Trim to the window.
  const old = seqDiff(tcb.rcvNxt, seq);
  if (old > 0) {
    grantQuickAcks(tcb);
    if ((tcb.flags & Flag.Sack) !== 0) {
      noteDsack(tcb, seq, old < length ? tcb.rcvNxt : seqAdd(seq, length));
    }
    if (old >= length + fin) {
      core.counters.duplicates += 1;
      ackAtOnce(core, tcb);
      return Status.Ok;
    }
    // Somebody repeats himself: he should hear soon that he need not.
    ackAtOnce(core, tcb);
    const cut = old < length ? old : length;
    seq = tcb.rcvNxt;
    at += cut;
    length -= cut;
  }
  const window = promisedWindow(tcb);
  const over = seqDiff(seq, tcb.rcvNxt) + length - window;
  if (over > 0) {
    length -= over;
    fin = 0;
    if (length <= 0) {
      ackAtOnce(core, tcb);
      return Status.Ok;
    }
  }
  if (length > 0 && (tcb.flags & Flag.ReceiveClosed) !== 0) return Status.BadState;
  if (length > tcb.rcvMss) tcb.rcvMss = length;
  if (length > tcb.rcvMssNext) tcb.rcvMssNext = length;

  if (seqGt(seq, tcb.rcvNxt)) {
    outOfOrder(core, tcb, segment, seq, at, length, fin);
    return Status.Ok;
  }
  return inOrder(core, tcb, segment.frame, at, length, fin, nowNs);
}

/** The network marked this segment: say so until the peer has reduced (RFC 3168, 6.1.3). */
function noteCongestion(core: Core, tcb: Tcb, segment: Segment): void {
  if ((segment.flags & TCP_CWR) !== 0) tcb.flags &= ~Flag.EcnEcho;
  if (segment.ecn !== ECN_CE) return;
  if ((tcb.flags & Flag.EcnEcho) === 0) ackAtOnce(core, tcb);
  tcb.flags |= Flag.EcnEcho;
}

function outOfOrder(
  core: Core,
  tcb: Tcb,
  segment: Segment,
  seq: number,
  at: number,
  length: number,
  fin: number,
): void {
  ackAtOnce(core, tcb);
  grantQuickAcks(tcb);
  if (tcb.dupAcksOwed < DUP_ACKS_OWED_MAX && (tcb.flags & Flag.Sack) === 0) tcb.dupAcksOwed += 1;
  const result =
    segment.frame < 0
      ? Inserted.Dropped
      : insertOutOfOrder(core, tcb, segment, seq, at, length, fin);
  if (result === Inserted.Kept) core.counters.outOfOrder += 1;
  else if (result === Inserted.Dropped) core.counters.outOfOrderDropped += 1;
  else {
    core.counters.duplicates += 1;
    if ((tcb.flags & Flag.Sack) !== 0) {
      noteDsack(tcb, seq, seqAdd(seq, length));
      noteRecent(tcb, seq, seqAdd(seq, length));
    }
  }
}

/** The segment begins at RCV.NXT: deliver it, and what was waiting behind it. */
function inOrder(
  core: Core,
  tcb: Tcb,
  frame: number,
  at: number,
  length: number,
  fin: number,
  nowNs: number,
): number {
  const held = (tcb.flags & (Flag.Paused | Flag.Pull)) !== 0 || tcb.rqHead !== NO_FRAME;
  if (frame < 0 && held && length > 0) {
    // Reassembled by IP and in no frame that could be kept. Not acknowledged, so it comes again.
    core.counters.outOfOrderDropped += 1;
    return Status.Ok;
  }
  const gap = tcb.ooHead !== NO_FRAME;
  tcb.dupAcksOwed = 0;
  tcb.rcvNxt = seqAdd(tcb.rcvNxt, length + fin);
  if (nowNs - tcb.drsNs >= tcb.srttNs) tuneReceiveBuffer(core, tcb, nowNs);
  if (gap || fin !== 0) ackAtOnce(core, tcb);
  else ackInOrder(core, tcb, nowNs);
  if (fin !== 0) tcb.flags |= Flag.FinReceived;
  if (length > 0 && !deliver(core, tcb, frame, at, length)) return Status.Ok;
  if (gap && fin === 0 && !deliverHeld(core, tcb)) return Status.Ok;
  const generation = tcb.generation;
  const isEnd = (tcb.flags & Flag.FinReceived) !== 0;
  tellReadable(core, tcb, isEnd);
  if (isEnd && tcb.generation === generation) finArrives(core, tcb, nowNs);
  return Status.Ok;
}

/** Delivers out-of-order frames whose turn has come. False when the connection is over. */
function deliverHeld(core: Core, tcb: Tcb): boolean {
  for (;;) {
    const frame = takeInOrder(core, tcb);
    if (frame === NO_FRAME) return true;
    const length = core.rxLength[frame]!;
    const fin = core.rxFlags[frame]! & Rx.Fin;
    core.rxFlags[frame] = 0;
    tcb.rcvNxt = seqAdd(tcb.rcvNxt, length + fin);
    if (fin !== 0) tcb.flags |= Flag.FinReceived;
    const alive = length === 0 || deliver(core, tcb, frame, core.rxAt[frame]!, length);
    core.arena.free(frame);
    if (!alive) return false;
    if (fin !== 0) return true;
  }
}

/** Eighth step: the peer's FIN. */
function finArrives(core: Core, tcb: Tcb, nowNs: number): void {
  switch (tcb.state) {
    case State.Established:
      tcb.state = State.CloseWait;
      break;
    case State.FinWait1:
      // Our FIN is not acknowledged, else the state were FIN-WAIT-2 by now.
      tcb.state = State.Closing;
      break;
    case State.FinWait2:
      tcb.lingerAtNs = NEVER;
      enterTimeWait(core, tcb, nowNs);
      break;
    default:
      return;
  }
  ackAtOnce(core, tcb);
  tellEnd(core, tcb);
}
