// @hot
/**
 * Out-of-order segments: a sorted list of frames that do not overlap.
 *
 * The list is bounded in frames (and, by the window, in bytes). The segment at the left edge never
 * comes here, so it always finds room: a full list can delay, but not stall, a connection (M2).
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt } from '@tickwire/wire';
import { type Core, Rx, type Segment } from './core.ts';
import { COALESCE_BYTES_MAX } from './limits.ts';
import { noteRecent } from './sack.ts';
import type { Tcb } from './tcb.ts';

/** What {@link insertOutOfOrder} did. */
export const Inserted = { Kept: 0, Duplicate: 1, Dropped: 2 } as const;

/** Sequence space of a held frame: payload and FIN. */
function spanOf(core: Core, frame: number): number {
  return core.rxLength[frame]! + (core.rxFlags[frame]! & Rx.Fin);
}

function endOf(core: Core, frame: number): number {
  return seqAdd(core.rxSeq[frame]!, spanOf(core, frame));
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

  // The place: behind `before`, in front of the first frame that begins after `left`. Almost all
  // arrivals go to the end.
  let before = NO_FRAME;
  if (tcb.ooTail !== NO_FRAME && seqGe(left, core.rxSeq[tcb.ooTail]!)) before = tcb.ooTail;
  else {
    for (
      let frame = tcb.ooHead;
      frame !== NO_FRAME && seqLe(core.rxSeq[frame]!, left);
      frame = core.rxNext[frame]!
    ) {
      before = frame;
    }
  }
  // Cut from the left what the frames before it have.
  for (let frame = before; frame !== NO_FRAME; frame = core.rxNext[frame]!) {
    if (seqGt(core.rxSeq[frame]!, left)) break;
    before = frame;
    const have = seqDiff(endOf(core, frame), left);
    if (have <= 0) continue;
    if (have >= bytes + withFin) return Inserted.Duplicate;
    left = seqAdd(left, have);
    from += have;
    bytes -= have;
    if (bytes < 0) bytes = 0;
  }
  if (
    tcb.ooFrames + tcb.rqFrames >= core.config.receiveFramesMax - 1 ||
    core.rxFrames >= core.rxFramesMax
  ) {
    return Inserted.Dropped;
  }
  // Swallow what it covers whole, then cut from the right what the next frame has.
  const right = seqAdd(left, bytes + withFin);
  let next = before === NO_FRAME ? tcb.ooHead : core.rxNext[before]!;
  while (next !== NO_FRAME && seqLe(endOf(core, next), right)) {
    const behind = core.rxNext[next]!;
    forget(core, tcb, next);
    next = behind;
    if (before === NO_FRAME) tcb.ooHead = next;
    else core.rxNext[before] = next;
  }
  if (next === NO_FRAME) tcb.ooTail = before;
  if (next !== NO_FRAME && seqLt(core.rxSeq[next]!, right)) {
    bytes = seqDiff(core.rxSeq[next]!, left);
    withFin = 0;
  }
  noteRecent(tcb, left, right);
  keep(core, tcb, before, next, segment.frame, left, from, bytes, withFin);
  return Inserted.Kept;
}

/** Links a frame, or copies a small payload behind the frame before it. */
function keep(
  core: Core,
  tcb: Tcb,
  before: number,
  next: number,
  frame: number,
  seq: number,
  at: number,
  length: number,
  fin: number,
): void {
  const arena = core.arena;
  tcb.ooBytes += length;
  if (
    before !== NO_FRAME &&
    length <= COALESCE_BYTES_MAX &&
    (core.rxFlags[before]! & Rx.Fin) === 0 &&
    endOf(core, before) === seq &&
    arena.refCount(before) === 1
  ) {
    const to = core.rxAt[before]! + core.rxLength[before]!;
    if (to + length <= arena.dataAt[before]! + arena.dataRoom) {
      arena.bytes.copyWithin(to, at, at + length);
      core.rxLength[before] = core.rxLength[before]! + length;
      core.rxFlags[before] = Rx.Held | fin;
      return;
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
  if (next === NO_FRAME) tcb.ooTail = frame;
  tcb.ooFrames += 1;
  core.rxFrames += 1;
}

function forget(core: Core, tcb: Tcb, frame: number): void {
  tcb.ooFrames -= 1;
  core.rxFrames -= 1;
  tcb.ooBytes -= core.rxLength[frame]!;
  core.rxFlags[frame] = 0;
  core.arena.free(frame);
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
    tcb.ooHead = core.rxNext[frame]!;
    if (tcb.ooHead === NO_FRAME) tcb.ooTail = NO_FRAME;
    tcb.ooFrames -= 1;
    core.rxFrames -= 1;
    tcb.ooBytes -= core.rxLength[frame]!;
    const old = seqDiff(tcb.rcvNxt, core.rxSeq[frame]!);
    const fin = core.rxFlags[frame]! & Rx.Fin;
    if (old >= core.rxLength[frame]! + fin) {
      core.rxFlags[frame] = 0;
      core.arena.free(frame);
      continue;
    }
    core.rxFlags[frame] = fin;
    const cut = old < core.rxLength[frame]! ? old : core.rxLength[frame]!;
    core.rxSeq[frame] = tcb.rcvNxt;
    core.rxAt[frame] = core.rxAt[frame]! + cut;
    core.rxLength[frame] = core.rxLength[frame]! - cut;
    return frame;
  }
}

/** Frees the whole list. */
export function dropOutOfOrder(core: Core, tcb: Tcb): void {
  let frame = tcb.ooHead;
  while (frame !== NO_FRAME) {
    const next = core.rxNext[frame]!;
    core.rxFlags[frame] = 0;
    core.arena.free(frame);
    frame = next;
  }
  tcb.ooHead = NO_FRAME;
  tcb.ooTail = NO_FRAME;
  core.rxFrames -= tcb.ooFrames;
  tcb.ooBytes = 0;
  tcb.ooFrames = 0;
}
