// @hot
/**
 * The send queue: a list of frames, each of them one segment.
 *
 * Columns by frame number hold sequence number, place, length and flags. A frame stays with its
 * connection until its last byte is acknowledged; each transmission takes a reference of its own.
 *
 * @module
 */

import { copyBytes, NO_FRAME, Status } from '@tickwire/base';
import { seqAdd, seqDiff, TCP_HEADER_BYTES, TCP_TIMESTAMPS_BYTES } from '@tickwire/wire';
import { Acc } from './accecn.ts';
import { type Core, Tx } from './core.ts';
import { rateCopy } from './delivery-rate.ts';
import { ipHeaderBytes } from './emit.ts';
import { ACCECN_RESERVED_BYTES, MSS_MIN } from './limits.ts';
import { State } from './state.ts';
import { Flag, pathMtu, type Tcb } from './tcb.ts';

/** Bytes that are queued: unacknowledged and unsent. */
export function sendQueueBytes(tcb: Tcb): number {
  const fin = (tcb.flags & Flag.FinInQueue) !== 0 ? 1 : 0;
  const syn = tcb.state === State.SynSent || tcb.state === State.SynReceived ? 1 : 0;
  const bytes = seqDiff(tcb.sndEnd, tcb.sndUna) - fin - syn;
  return bytes > 0 ? bytes : 0;
}

/** Bytes that `write` would take now. */
export function sendRoom(core: Core, tcb: Tcb): number {
  if (!maySend(tcb)) return 0;
  const room = tcb.sndBufBytes - sendQueueBytes(tcb);
  if (room <= 0) return 0;
  return mayGrow(core, tcb) ? room : tailRoom(core, tcb, room);
}

/** Whether the queue may take one more frame. */
function mayGrow(core: Core, tcb: Tcb): boolean {
  return tcb.sqFrames < core.config.sendFramesMax && core.txFrames < core.txFramesMax;
}

/** Whether the owner may still queue data. */
export function maySend(tcb: Tcb): boolean {
  if ((tcb.flags & Flag.FinQueued) !== 0) return false;
  const state = tcb.state;
  return (
    state === State.Established ||
    state === State.CloseWait ||
    state === State.SynSent ||
    state === State.SynReceived
  );
}

/** Recomputes the effective MSS from the peer's option and the path (RFC 9293, 3.7.1). */
export function updateMss(core: Core, tcb: Tcb): void {
  tcb.mtuSeen = tcb.ipMtu;
  tcb.mss = mssAt(core, tcb, pathMtu(tcb));
}

/** The effective MSS on a path with this MTU. */
export function mssAt(core: Core, tcb: Tcb, mtu: number): number {
  const mss = payloadAt(core, tcb, mtu) - reservedBytes(tcb);
  return mss < MSS_MIN ? MSS_MIN : mss;
}

/**
 * Room that full-sized segments leave for the option of Accurate ECN. When all data goes without
 * it, the peer has to take every ACK of many packets for a wrap of the ACE field.
 */
export function reservedBytes(tcb: Tcb): number {
  return (tcb.accEcn & Acc.On) !== 0 ? ACCECN_RESERVED_BYTES : 0;
}

/** Payload of the largest segment on a path with this MTU, without room for more options. */
export function payloadAt(core: Core, tcb: Tcb, mtu: number): number {
  let mss = mtu - ipHeaderBytes(tcb.family) - TCP_HEADER_BYTES;
  if (mss > tcb.peerMss) mss = tcb.peerMss;
  if (mss > tcb.mssMax) mss = tcb.mssMax;
  if ((tcb.flags & Flag.Timestamps) !== 0) mss -= TCP_TIMESTAMPS_BYTES;
  if (mss > core.arena.dataRoom) mss = core.arena.dataRoom;
  return mss < MSS_MIN ? MSS_MIN : mss;
}

/** The MSS that an owner may ask for: between the least of any peer and what is configured. */
export function boundedMss(core: Core, bytes: number): number {
  if (bytes > core.config.mssMax) return core.config.mssMax;
  return bytes < MSS_MIN ? MSS_MIN : bytes;
}

/** Room behind the payload of an unsent tail, at most `most`. */
function tailRoom(core: Core, tcb: Tcb, most: number): number {
  const tail = tcb.sqTail;
  if (tcb.sqUnsent === NO_FRAME || (core.txFlags[tail]! & Tx.Fin) !== 0) return 0;
  const length = core.txLength[tail]!;
  let room = tcb.mss - length;
  const behind = core.arena.dataAt[tail]! + core.arena.dataRoom - core.txAt[tail]! - length;
  if (behind < room) room = behind;
  if (most < room) room = most;
  return room > 0 ? room : 0;
}

/** Puts a frame at the end of the queue; takes its reference. */
function append(
  core: Core,
  tcb: Tcb,
  frame: number,
  at: number,
  length: number,
  flags: number,
): void {
  core.txNext[frame] = NO_FRAME;
  core.txSeq[frame] = tcb.sndEnd;
  core.txAt[frame] = at;
  core.txLength[frame] = length;
  core.txFlags[frame] = flags;
  core.txDeliveredNs[frame] = -1;
  if (tcb.sqTail === NO_FRAME) tcb.sqHead = frame;
  else core.txNext[tcb.sqTail] = frame;
  tcb.sqTail = frame;
  if (tcb.sqUnsent === NO_FRAME) tcb.sqUnsent = frame;
  tcb.sqFrames += 1;
  core.txFrames += 1;
  tcb.sndEnd = seqAdd(tcb.sndEnd, length + (flags & Tx.Fin));
}

/** The owner came up short. With an empty queue no ACK will wake it: egress looks after it. */
function wantRoom(core: Core, tcb: Tcb): void {
  tcb.flags |= Flag.WantsRoom;
  if (tcb.sqHead === NO_FRAME) core.needsEgress(tcb);
}

/**
 * Whether the owner should write now: when a third of the buffer is free, as Linux does, and when
 * all that is queued is in flight and a segment has room. Then the buffer is what limits the flow,
 * and each ACK that brings no new data out leaves the pipe emptier.
 */
function isDrained(core: Core, tcb: Tcb): boolean {
  const room = sendRoom(core, tcb);
  if (room * 3 >= tcb.sndBufBytes) return true;
  if (room === 0) return false;
  return tcb.sqHead === NO_FRAME || (tcb.sqUnsent === NO_FRAME && room >= tcb.mss);
}

/**
 * Tells an owner that came up short that it can write again. False when the connection is over when
 * it returns.
 */
export function tellDrained(core: Core, tcb: Tcb): boolean {
  if ((tcb.flags & Flag.WantsRoom) === 0) return true;
  if (!maySend(tcb)) {
    // After `shutdown` there is nothing to wait for.
    tcb.flags &= ~Flag.WantsRoom;
    return true;
  }
  if (!isDrained(core, tcb)) return true;
  tcb.flags &= ~Flag.WantsRoom;
  const generation = tcb.generation;
  core.events.drained(tcb);
  return tcb.generation === generation;
}

/**
 * Copies bytes straight into frames: first behind the unsent tail, then into fresh ones. Returns
 * the number taken; less than `length` when the buffer or the pool is full.
 */
export function writeBytes(
  core: Core,
  tcb: Tcb,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  if (!maySend(tcb)) return Status.BadState;
  let room = tcb.sndBufBytes - sendQueueBytes(tcb);
  if (room > length) room = length;
  let taken = 0;
  while (taken < room) {
    let frame = tcb.sqTail;
    let part = tailRoom(core, tcb, room - taken);
    if (part === 0) {
      if (!mayGrow(core, tcb)) break;
      frame = core.allocFrame();
      if (frame === NO_FRAME) break;
      part = room - taken;
      if (part > tcb.mss) part = tcb.mss;
      append(core, tcb, frame, core.arena.dataAt[frame]!, 0, 0);
    }
    const length0 = core.txLength[frame]!;
    copyBytes(bytes, at + taken, core.arena.bytes, core.txAt[frame]! + length0, part);
    core.txLength[frame] = length0 + part;
    tcb.sndEnd = seqAdd(tcb.sndEnd, part);
    taken += part;
  }
  if (taken < length) wantRoom(core, tcb);
  if (taken > 0) core.needsEgress(tcb);
  return taken;
}

/**
 * Like {@link writeBytes}; what is taken is urgent. The peer hears of it at once, even when the
 * data itself has to wait for a window (RFC 9293, 3.10.3).
 */
export function writeUrgent(
  core: Core,
  tcb: Tcb,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  const taken = writeBytes(core, tcb, bytes, at, length);
  if (taken <= 0) return taken;
  tcb.sndUp = tcb.sndEnd;
  // Data that leaves now carries the pointer; else an ACK does.
  if (tcb.state >= State.Established) tcb.flags |= Flag.AckNow;
  return taken;
}

/**
 * Hands out room for at least `minBytes` in one piece, behind the unsent tail or in a fresh frame.
 * Returns its arena offset; `tcb.reservedBytes` is its size.
 */
export function reserveBytes(core: Core, tcb: Tcb, minBytes: number): number {
  if (!maySend(tcb)) return Status.BadState;
  if (minBytes > tcb.mss) return Status.TooLong;
  const room = tcb.sndBufBytes - sendQueueBytes(tcb);
  const behind = tailRoom(core, tcb, room);
  if (behind >= minBytes && behind > 0) {
    releaseReserved(core, tcb);
    tcb.reservedAt = core.txAt[tcb.sqTail]! + core.txLength[tcb.sqTail]!;
    tcb.reservedBytes = behind;
    return tcb.reservedAt;
  }
  if (room < minBytes || room <= 0 || !mayGrow(core, tcb)) {
    wantRoom(core, tcb);
    return Status.Again;
  }
  if (tcb.reservedFrame === NO_FRAME) tcb.reservedFrame = core.allocFrame();
  if (tcb.reservedFrame === NO_FRAME) {
    wantRoom(core, tcb);
    return Status.Again;
  }
  tcb.reservedAt = core.arena.dataAt[tcb.reservedFrame]!;
  tcb.reservedBytes = room < tcb.mss ? room : tcb.mss;
  return tcb.reservedAt;
}

/** Queues the first `bytes` of the reserved room. */
export function commitBytes(core: Core, tcb: Tcb, bytes: number): number {
  if (bytes < 0 || bytes > tcb.reservedBytes) return Status.OutOfRange;
  if (!maySend(tcb)) return Status.BadState;
  tcb.reservedBytes = 0;
  if (bytes === 0) return Status.Ok;
  const frame = tcb.reservedFrame;
  if (frame !== NO_FRAME) {
    tcb.reservedFrame = NO_FRAME;
    append(core, tcb, frame, tcb.reservedAt, bytes, 0);
  } else {
    const tail = tcb.sqTail;
    // Between reserve and commit nothing may have gone out or come in behind the tail.
    if (tcb.sqUnsent === NO_FRAME || core.txAt[tail]! + core.txLength[tail]! !== tcb.reservedAt) {
      return Status.BadState;
    }
    core.txLength[tail] = core.txLength[tail]! + bytes;
    tcb.sndEnd = seqAdd(tcb.sndEnd, bytes);
  }
  core.needsEgress(tcb);
  return bytes;
}

/** Gives back a frame that was reserved and not committed. */
export function releaseReserved(core: Core, tcb: Tcb): void {
  if (tcb.reservedFrame !== NO_FRAME) {
    core.arena.free(tcb.reservedFrame);
    tcb.reservedFrame = NO_FRAME;
  }
  tcb.reservedBytes = 0;
}

/** Puts the FIN behind the queued data; false when it needs a frame and there is none. */
export function queueFin(core: Core, tcb: Tcb): boolean {
  if (tcb.sqUnsent !== NO_FRAME) {
    const tail = tcb.sqTail;
    core.txFlags[tail] = core.txFlags[tail]! | Tx.Fin;
    tcb.sndEnd = seqAdd(tcb.sndEnd, 1);
  } else {
    const frame = core.allocFrame();
    if (frame === NO_FRAME) return false;
    append(core, tcb, frame, core.arena.dataAt[frame]!, 0, Tx.Fin);
  }
  tcb.flags |= Flag.FinInQueue;
  return true;
}

/**
 * Cuts a frame after `keep` bytes; the rest, with the FIN, moves into a new frame behind it. The
 * bytes of the first part are not touched, so somebody may still be reading them. False when there
 * is no frame.
 */
export function splitFrame(core: Core, tcb: Tcb, frame: number, keep: number): boolean {
  const rest = core.allocFrame();
  if (rest === NO_FRAME) return false;
  // A probe for the path MTU that is cut proves nothing.
  if (frame === tcb.mtuProbeFrame) tcb.mtuProbeFrame = NO_FRAME;
  const length = core.txLength[frame]! - keep;
  const flags = core.txFlags[frame]!;
  const at = core.arena.dataAt[rest]!;
  const from = core.txAt[frame]! + keep;
  core.arena.bytes.copyWithin(at, from, from + length);
  core.txNext[rest] = core.txNext[frame]!;
  core.txSeq[rest] = seqAdd(core.txSeq[frame]!, keep);
  core.txAt[rest] = at;
  core.txLength[rest] = length;
  core.txFlags[rest] = flags;
  core.txTimeNs[rest] = core.txTimeNs[frame]!;
  rateCopy(core, frame, rest);
  core.txNext[frame] = rest;
  core.txLength[frame] = keep;
  core.txFlags[frame] = flags & ~Tx.Fin;
  if (tcb.sqTail === frame) tcb.sqTail = rest;
  tcb.sqFrames += 1;
  core.txFrames += 1;
  return true;
}

/**
 * Fills an unsent frame from those behind it, up to `most` bytes: the rest of a segment that was
 * cut at the peer's window must not go alone for ever. Costs a copy of what moves.
 */
export function fillFrame(core: Core, tcb: Tcb, frame: number, most: number): void {
  const arena = core.arena;
  let length = core.txLength[frame]!;
  let to = core.txAt[frame]! + length;
  const end = arena.dataAt[frame]! + arena.dataRoom;
  let room = end - to < most - length ? end - to : most - length;
  for (;;) {
    const next = core.txNext[frame]!;
    if (room <= 0 || next === NO_FRAME) break;
    // A bare FIN stays as it is, and so does a tail behind which the owner has reserved room.
    const has = core.txLength[next]!;
    if (has === 0 || next === tcb.mtuProbeFrame) break;
    if (next === tcb.sqTail && tcb.reservedBytes > 0 && tcb.reservedFrame === NO_FRAME) break;
    const part = has < room ? has : room;
    const from = core.txAt[next]!;
    arena.bytes.copyWithin(to, from, from + part);
    to += part;
    length += part;
    room -= part;
    if (part < has) {
      core.txSeq[next] = seqAdd(core.txSeq[next]!, part);
      core.txAt[next] = from + part;
      core.txLength[next] = has - part;
      break;
    }
    core.txFlags[frame] = core.txFlags[frame]! | (core.txFlags[next]! & Tx.Fin);
    core.txNext[frame] = core.txNext[next]!;
    if (tcb.sqTail === next) tcb.sqTail = frame;
    tcb.sqFrames -= 1;
    core.txFrames -= 1;
    arena.free(next);
  }
  core.txLength[frame] = length;
}

/** Frees the whole queue. */
export function dropSendQueue(core: Core, tcb: Tcb): void {
  releaseReserved(core, tcb);
  let frame = tcb.sqHead;
  while (frame !== NO_FRAME) {
    const next = core.txNext[frame]!;
    core.arena.free(frame);
    frame = next;
  }
  tcb.sqHead = NO_FRAME;
  tcb.sqTail = NO_FRAME;
  tcb.sqUnsent = NO_FRAME;
  tcb.sqLost = NO_FRAME;
  core.txFrames -= tcb.sqFrames;
  tcb.sqFrames = 0;
  tcb.sackedBytes = 0;
  tcb.lostBytes = 0;
  tcb.retransBytes = 0;
}
