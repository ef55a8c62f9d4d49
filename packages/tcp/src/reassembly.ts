// @hot
/**
 * Out-of-order segments: a sorted list of frames that do not overlap, in runs without holes.
 *
 * The first frame of a run knows its last one (`rxRunTail`), so that finding a place, and writing
 * SACK blocks, costs as many steps as there are holes, not frames. The list is bounded in frames
 * (and, by the window, in bytes). The segment at the left edge never comes here, so it always finds
 * room: a full list can delay, but not stall, a connection (M2).
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqAdd, seqDiff, seqGt, seqLe, seqLt } from '@tickwire/wire';
import { type Core, Rx, type Segment } from './core.ts';
import { COALESCE_BYTES_MAX } from './limits.ts';
import { noteRecent } from './sack.ts';
import type { Tcb } from './tcb.ts';

/** What {@link insertOutOfOrder} did. */
export const Inserted = { Kept: 0, Duplicate: 1, Dropped: 2 } as const;

/** Sequence number behind a held frame: payload and FIN. */
function endOf(core: Core, frame: number): number {
  return seqAdd(core.rxSeq[frame]!, core.rxLength[frame]! + (core.rxFlags[frame]! & Rx.Fin));
}

/** The last run that begins at or before `seq`, or NO_FRAME. Almost always the last of all. */
function runBefore(core: Core, tcb: Tcb, seq: number): number {
  const last = tcb.ooLastRun;
  if (last !== NO_FRAME && seqLe(core.rxSeq[last]!, seq)) return last;
  let before = NO_FRAME;
  let run = tcb.ooHead;
  while (run !== NO_FRAME && seqLe(core.rxSeq[run]!, seq)) {
    before = run;
    run = core.rxNext[core.rxRunTail[run]!]!;
  }
  return before;
}

/**
 * Keeps the part of a segment that is new. The segment lies inside the window and behind RCV.NXT.
 * Takes a reference of its own to the frame when it keeps it.
 */
export function insertOutOfOrder(
  core: Core,
  tcb: Tcb,
  segment: Segment,
  seq: number,
  at: number,
  length: number,
  fin: number,
): number {
  let left = seq;
  let from = at;
  let bytes = length;
  let withFin = fin;

  // Cut from the left what the run before it has. Runs have holes between them: only one can.
  const run = runBefore(core, tcb, left);
  let end = left;
  if (run !== NO_FRAME) {
    end = endOf(core, core.rxRunTail[run]!);
    const have = seqDiff(end, left);
    if (have >= bytes + withFin) return Inserted.Duplicate;
    if (have > 0) {
      left = end;
      from += have;
      bytes -= have;
      if (bytes < 0) bytes = 0;
    }
  }
  if (
    tcb.ooFrames + tcb.rqFrames >= core.config.receiveFramesMax - 1 ||
    core.rxFrames >= core.rxFramesMax
  ) {
    return Inserted.Dropped;
  }
  // Swallow the runs that it covers whole, then cut from the right what the next one has.
  const right = seqAdd(left, bytes + withFin);
  let next = run === NO_FRAME ? tcb.ooHead : core.rxNext[core.rxRunTail[run]!]!;
  while (next !== NO_FRAME && seqLe(endOf(core, core.rxRunTail[next]!), right)) {
    next = forgetRun(core, tcb, next);
  }
  let stop = right;
  if (next !== NO_FRAME && seqLt(core.rxSeq[next]!, right)) {
    stop = core.rxSeq[next]!;
    bytes = seqDiff(stop, left);
    withFin = 0;
  }
  noteRecent(tcb, left, stop);
  const extended = run !== NO_FRAME && end === left ? run : NO_FRAME;
  const before = run === NO_FRAME ? NO_FRAME : core.rxRunTail[run]!;
  const own = keep(core, tcb, before, next, extended, segment.frame, left, from, bytes, withFin);
  if ((core.rxFlags[own]! & Rx.Fresh) === 0) tcb.ooFresh += 1;
  core.rxFlags[own] = core.rxFlags[own]! | Rx.Fresh;
  // The hole behind it may be closed too.
  if (next !== NO_FRAME && stop === core.rxSeq[next]) {
    core.rxRunTail[own] = core.rxRunTail[next]!;
    noLongerFresh(core, tcb, next);
    if (tcb.ooLastRun === next) tcb.ooLastRun = own;
  } else if (next === NO_FRAME) tcb.ooLastRun = own;
  return Inserted.Kept;
}

/**
 * Links a frame between `before` and `next`, or copies a small payload behind `before`. `run` is
 * the run that it extends, or NO_FRAME. Returns the first frame of the run that it is in now.
 */
function keep(
  core: Core,
  tcb: Tcb,
  before: number,
  next: number,
  run: number,
  frame: number,
  seq: number,
  at: number,
  length: number,
  fin: number,
): number {
  const arena = core.arena;
  tcb.ooBytes += length;
  // What was swallowed behind `before` is gone.
  if (before === NO_FRAME) tcb.ooHead = next;
  else core.rxNext[before] = next;
  if (
    run !== NO_FRAME &&
    length <= COALESCE_BYTES_MAX &&
    (core.rxFlags[before]! & Rx.Fin) === 0 &&
    arena.refCount(before) === 1
  ) {
    const to = core.rxAt[before]! + core.rxLength[before]!;
    if (to + length <= arena.dataAt[before]! + arena.dataRoom) {
      arena.bytes.copyWithin(to, at, at + length);
      core.rxLength[before] = core.rxLength[before]! + length;
      core.rxFlags[before] = (core.rxFlags[before]! & Rx.Fresh) | Rx.Held | fin;
      return run;
    }
  }
  arena.retain(frame);
  core.rxSeq[frame] = seq;
  core.rxAt[frame] = at;
  core.rxLength[frame] = length;
  core.rxFlags[frame] = Rx.Held | fin;
  core.rxNext[frame] = next;
  if (before === NO_FRAME) tcb.ooHead = frame;
  else core.rxNext[before] = frame;
  tcb.ooFrames += 1;
  core.rxFrames += 1;
  if (run === NO_FRAME) {
    core.rxRunTail[frame] = frame;
    return frame;
  }
  core.rxRunTail[run] = frame;
  return run;
}

/** A run ends, or is no run of its own any more. */
function noLongerFresh(core: Core, tcb: Tcb, run: number): void {
  const flags = core.rxFlags[run]!;
  if ((flags & Rx.Fresh) === 0) return;
  core.rxFlags[run] = flags & ~Rx.Fresh;
  tcb.ooFresh -= 1;
}

/** Frees a run; returns the next one. The caller mends the list before it. */
function forgetRun(core: Core, tcb: Tcb, run: number): number {
  noLongerFresh(core, tcb, run);
  const behind = core.rxNext[core.rxRunTail[run]!]!;
  let frame = run;
  while (frame !== behind) {
    const next = core.rxNext[frame]!;
    tcb.ooFrames -= 1;
    core.rxFrames -= 1;
    tcb.ooBytes -= core.rxLength[frame]!;
    core.rxFlags[frame] = 0;
    core.arena.free(frame);
    frame = next;
  }
  return behind;
}

/**
 * Takes the first frame off the list when it begins at or before RCV.NXT. The reference goes to the
 * caller; what was delivered already is cut off in the columns. Returns NO_FRAME when there is a
 * hole.
 */
export function takeInOrder(core: Core, tcb: Tcb): number {
  for (;;) {
    const frame = tcb.ooHead;
    if (frame === NO_FRAME || seqGt(core.rxSeq[frame]!, tcb.rcvNxt)) return NO_FRAME;
    const next = core.rxNext[frame]!;
    noLongerFresh(core, tcb, frame);
    tcb.ooHead = next;
    const tail = core.rxRunTail[frame]!;
    if (tail !== frame) {
      // The run goes on with the next frame.
      core.rxRunTail[next] = tail;
      if (tcb.ooLastRun === frame) tcb.ooLastRun = next;
    } else if (next === NO_FRAME) tcb.ooLastRun = NO_FRAME;
    tcb.ooFrames -= 1;
    core.rxFrames -= 1;
    tcb.ooBytes -= core.rxLength[frame]!;
    const old = seqDiff(tcb.rcvNxt, core.rxSeq[frame]!);
    const fin = core.rxFlags[frame]! & Rx.Fin;
    core.rxFlags[frame] = fin;
    if (old >= core.rxLength[frame]! + fin) {
      core.rxFlags[frame] = 0;
      core.arena.free(frame);
      continue;
    }
    const cut = old < core.rxLength[frame]! ? old : core.rxLength[frame]!;
    core.rxSeq[frame] = tcb.rcvNxt;
    core.rxAt[frame] = core.rxAt[frame]! + cut;
    core.rxLength[frame] = core.rxLength[frame]! - cut;
    return frame;
  }
}

/** Frees the whole list. */
export function dropOutOfOrder(core: Core, tcb: Tcb): void {
  let run = tcb.ooHead;
  while (run !== NO_FRAME) run = forgetRun(core, tcb, run);
  tcb.ooHead = NO_FRAME;
  tcb.ooLastRun = NO_FRAME;
}
