// @hot
/**
 * In-order data: delivered in place, or kept while the owner is paused or pulls.
 *
 * @module
 */

import { copyBytes, NO_FRAME, Status } from '@tickwire/base';
import { seqDiff } from '@tickwire/wire';
import { type Core, Rx } from './core.ts';
import { sendAck } from './emit.ts';
import { ACK_DELAY_MIN_NS, ACK_DELAY_PARTS, COALESCE_BYTES_MAX, QUICK_ACKS } from './limits.ts';
import { Flag, type Tcb } from './tcb.ts';
import { windowUpdateDue } from './window.ts';

/**
 * Hands `length` bytes at RCV.NXT to the owner, or keeps them. RCV.NXT has moved already. Does not
 * take over the caller's reference. False when the connection is over when it returns.
 */
export function deliver(core: Core, tcb: Tcb, frame: number, at: number, length: number): boolean {
  tcb.bytesReceived += length;
  if ((tcb.flags & (Flag.Paused | Flag.Pull)) !== 0 || tcb.rqHead !== NO_FRAME) {
    enqueue(core, tcb, frame, at, length);
    return true;
  }
  const generation = tcb.generation;
  core.events.data(tcb, frame, at, length);
  return tcb.generation === generation;
}

/**
 * Keeps in-order bytes: copied when they are few, so that a queue of small segments holds few
 * frames, else with their frame. `frame` is a real one (`acceptText` has seen to that).
 */
function enqueue(core: Core, tcb: Tcb, frame: number, at: number, length: number): void {
  if (length <= COALESCE_BYTES_MAX) {
    if (coalesce(core, tcb, at, length) || keepCopy(core, tcb, at, length)) return;
  }
  core.arena.retain(frame);
  link(core, tcb, frame, at, length);
}

/** Copies behind the last frame of the queue when there is room and nobody else reads it. */
function coalesce(core: Core, tcb: Tcb, at: number, length: number): boolean {
  const tail = tcb.rqTail;
  const arena = core.arena;
  if (tail === NO_FRAME || arena.refCount(tail) !== 1) return false;
  const to = core.rxAt[tail]! + core.rxLength[tail]!;
  if (to + length > arena.dataAt[tail]! + arena.dataRoom) return false;
  arena.bytes.copyWithin(to, at, at + length);
  core.rxLength[tail] = core.rxLength[tail]! + length;
  tcb.rqBytes += length;
  return true;
}

/** Copies into a fresh frame; false when the pool has none. */
function keepCopy(core: Core, tcb: Tcb, at: number, length: number): boolean {
  const frame = core.allocFrame();
  if (frame === NO_FRAME) return false;
  const to = core.arena.dataAt[frame]!;
  core.arena.bytes.copyWithin(to, at, at + length);
  link(core, tcb, frame, to, length);
  return true;
}

/** Puts a frame at the end of the queue; takes its reference. */
function link(core: Core, tcb: Tcb, frame: number, at: number, length: number): void {
  core.rxNext[frame] = NO_FRAME;
  core.rxAt[frame] = at;
  core.rxLength[frame] = length;
  core.rxFlags[frame] = Rx.Held;
  if (tcb.rqTail === NO_FRAME) tcb.rqHead = frame;
  else core.rxNext[tcb.rqTail] = frame;
  tcb.rqTail = frame;
  tcb.rqFrames += 1;
  core.rxFrames += 1;
  tcb.rqBytes += length;
}

/** Takes the first frame off the queue; its reference goes to the caller. */
function unlink(core: Core, tcb: Tcb): number {
  const frame = tcb.rqHead;
  tcb.rqHead = core.rxNext[frame]!;
  if (tcb.rqHead === NO_FRAME) tcb.rqTail = NO_FRAME;
  core.rxFlags[frame] = 0;
  tcb.rqFrames -= 1;
  core.rxFrames -= 1;
  tcb.rqBytes -= core.rxLength[frame]!;
  return frame;
}

/** Delivers the queue until it is empty or the owner pauses again. */
export function resumeDelivery(core: Core, tcb: Tcb): void {
  tcb.flags &= ~Flag.Paused;
  const generation = tcb.generation;
  while (tcb.rqHead !== NO_FRAME && (tcb.flags & (Flag.Paused | Flag.Pull)) === 0) {
    const frame = unlink(core, tcb);
    core.events.data(tcb, frame, core.rxAt[frame]!, core.rxLength[frame]!);
    core.arena.free(frame);
    if (tcb.generation !== generation) return;
  }
  tellEnd(core, tcb);
  if (tcb.generation === generation) updateWindow(core, tcb);
}

/** Tells the owner of the peer's FIN when everything before it is delivered. */
export function tellEnd(core: Core, tcb: Tcb): void {
  if ((tcb.flags & (Flag.FinReceived | Flag.EndTold)) !== Flag.FinReceived) return;
  if (tcb.rqHead !== NO_FRAME) return;
  tcb.flags |= Flag.EndTold;
  core.events.ended(tcb);
}

/** Asks for an ACK when the owner has made so much room that the peer should know at once. */
function updateWindow(core: Core, tcb: Tcb): void {
  if ((tcb.flags & Flag.FinReceived) !== 0 || !windowUpdateDue(core, tcb)) return;
  tcb.flags |= Flag.AckNow;
  core.counters.windowUpdates += 1;
  core.needsEgress(tcb);
}

/**
 * Copies up to `length` queued bytes to `into[at..]`; `consume` removes them. Returns the number;
 * 0 at the end of the stream or when nothing is there yet (see `Flag.FinReceived`).
 */
export function readBytes(
  core: Core,
  tcb: Tcb,
  into: Uint8Array,
  at: number,
  length: number,
  consume: boolean,
): number {
  if (length < 0) return Status.OutOfRange;
  let copied = 0;
  let frame = tcb.rqHead;
  while (copied < length && frame !== NO_FRAME) {
    let part = core.rxLength[frame]!;
    if (part > length - copied) part = length - copied;
    copyBytes(core.arena.bytes, core.rxAt[frame]!, into, at + copied, part);
    copied += part;
    const next = core.rxNext[frame]!;
    if (consume) {
      if (part === core.rxLength[frame]) core.arena.free(unlink(core, tcb));
      else {
        core.rxAt[frame] = core.rxAt[frame]! + part;
        core.rxLength[frame] = core.rxLength[frame]! - part;
        tcb.rqBytes -= part;
      }
    }
    frame = next;
  }
  if (consume && copied > 0) {
    updateWindow(core, tcb);
    tellEnd(core, tcb);
  }
  return copied;
}

/** Frees the receive queue. */
export function dropReceiveQueue(core: Core, tcb: Tcb): void {
  while (tcb.rqHead !== NO_FRAME) core.arena.free(unlink(core, tcb));
  tcb.rqBytes = 0;
}

/**
 * Decides about the ACK of in-order data (RFC 9293, 3.8.6.3; RFC 5681, 4.2): at once for every
 * second full-sized segment or a window that moved, else after a short wait for data to ride on.
 * With runs "at once" is the end of the burst, so that a run has one ACK.
 *
 * A peer that repairs a loss has a small window, which a wait would stop: it has the next
 * `quickAcks` at once.
 */
export function ackInOrder(core: Core, tcb: Tcb, nowNs: number): void {
  const pending = seqDiff(tcb.rcvNxt, tcb.rcvAcked);
  if (pending >= 2 * tcb.rcvMss || core.config.delayedAckNs === 0) {
    if (!core.config.receiveRuns && core.output.room() > 0 && sendAck(core, tcb, nowNs)) return;
    tcb.flags |= Flag.AckNow;
    core.needsEgress(tcb);
    return;
  }
  if (windowUpdateDue(core, tcb)) {
    tcb.flags |= Flag.AckNow;
    core.needsEgress(tcb);
    return;
  }
  if (tcb.quickAcks > 0) {
    tcb.quickAcks -= 1;
    tcb.flags |= Flag.AckNow;
    core.needsEgress(tcb);
    return;
  }
  const at = nowNs + ackDelayNs(core, tcb);
  if (at < tcb.ackAtNs) {
    tcb.ackAtNs = at;
    core.armAt(tcb, at);
  }
}

/**
 * How long an ACK waits. Data rides on it in an exchange of requests and responses. Where the last
 * wait was in vain, because the owner only receives, an ACK waits for the next segment, and that
 * comes within a small part of the round trip or not before the ACK has arrived.
 */
function ackDelayNs(core: Core, tcb: Tcb): number {
  const { delayedAckNs } = core.config;
  if (tcb.ackAlone === 0 || tcb.srttNs === 0) return delayedAckNs;
  let delayNs = Math.ceil(tcb.srttNs / ACK_DELAY_PARTS);
  if (delayNs < ACK_DELAY_MIN_NS) delayNs = ACK_DELAY_MIN_NS;
  return delayNs < delayedAckNs ? delayNs : delayedAckNs;
}

/**
 * A hole has appeared, or something came twice: see {@link ackInOrder}. Nothing is used up of it
 * before the hole is filled.
 */
export function grantQuickAcks(tcb: Tcb): void {
  tcb.quickAcks = QUICK_ACKS;
}
