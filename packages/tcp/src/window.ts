// @hot
/**
 * The receive window: what is promised to the peer, and when the promise is renewed.
 *
 * The window counts bytes *and* frames: a peer that sends single bytes must not be able to pin a
 * frame with each of them while the window still looks open (fastcp's M2). The right edge that was
 * promised once is accepted for ever (RFC 9293, 3.8.6; RFC 7323, 2.4).
 *
 * @module
 */

import { seqAdd, seqDiff, seqGt, TCP_MSS_DEFAULT_IPV4 } from '@tickwire/wire';
import type { Core } from './core.ts';
import { COALESCE_BYTES_MAX } from './limits.ts';
import { Flag, type Tcb } from './tcb.ts';

/** The part of the receive buffer by which rounding may exceed it; see {@link wholeUnits}. */
const BEYOND_PART = 16;

/** Bytes that the receive queue could still take. */
export function receiveSpace(core: Core, tcb: Tcb): number {
  let space = tcb.rcvBufBytes - tcb.rqBytes;
  // One frame is kept for the left edge. What is lost there makes all that follows wait in frames:
  // what there are no frames for would come in vain, and again.
  const { receiveFramesMax } = core.config;
  let frames = receiveFramesMax < core.rxFramesMax ? receiveFramesMax : core.rxFramesMax;
  frames -= tcb.rqFrames + 1;
  let bytesEach = COALESCE_BYTES_MAX;
  if (tcb.rqFrames > 0) {
    // The owner is slow: the pool counts. Without that it is a window for all others to wait for.
    const total = core.rxFramesMax - core.rxFrames;
    if (total < frames) frames = total;
  } else if (tcb.rcvMss > bytesEach) bytesEach = tcb.rcvMss;
  // Frames hold at least COALESCE_BYTES_MAX each on average, in the queue and in reassembly.
  const byFrames = frames * bytesEach;
  if (byFrames < space) space = byFrames;
  const fieldMax = 0xffff * 2 ** tcb.rcvShift;
  if (space > fieldMax) space = fieldMax;
  return space > 0 ? space : 0;
}

/** Bytes that the peer may still send under the last promise. */
export function promisedWindow(tcb: Tcb): number {
  const window = seqDiff(tcb.rcvAdv, tcb.rcvNxt);
  return window > 0 ? window : 0;
}

/** Whether an opening of `gain` bytes is worth telling (RFC 9293, 3.8.6.2.2). */
function worthTelling(tcb: Tcb, gain: number, segments: number): boolean {
  const half = tcb.rcvBufBytes / 2;
  const least = segments * tcb.rcvMss;
  return gain >= (least < half ? least : half);
}

/** Whether the window has opened so far that the peer should hear of it without delay. */
export function windowUpdateDue(core: Core, tcb: Tcb): boolean {
  const promised = promisedWindow(tcb);
  const space = receiveSpace(core, tcb);
  // A closed window opens as soon as one segment fits: nobody else would tell the peer.
  return worthTelling(tcb, space - promised, promised < tcb.rcvMss ? 1 : 2);
}

/**
 * The field has a granularity, and the promised edge seldom lies on it: who rounds down moves the
 * edge left, who rounds up moves it on. It is rounded up, so that it never moves left, while the
 * buffer has room, and a little beyond: full-sized segments close a window before they have pushed
 * it on so far. Without a bound single bytes would, for ever, and the window would never close.
 * Past the bound the edge moves left by less than a unit, and what was promised is still taken
 * (RFC 7323, 2.4).
 */
function wholeUnits(
  tcb: Tcb,
  window: number,
  promised: number,
  space: number,
  unit: number,
): number {
  const down = Math.floor(window / unit) * unit;
  if (down === window || down >= promised) return down;
  // Where frames, not bytes, are short, there is nothing beyond.
  const free = tcb.rcvBufBytes - tcb.rqBytes;
  const most = space < free ? space : free + tcb.rcvBufBytes / BEYOND_PART;
  return down + unit <= most ? down + unit : down;
}

/** The window that a segment of now says, in whole units of its field. */
function windowOfNow(core: Core, tcb: Tcb, unit: number): number {
  const promised = promisedWindow(tcb);
  const space = receiveSpace(core, tcb);
  // Receiver side of silly window avoidance: hold the right edge until it can move by a segment.
  const wanted = worthTelling(tcb, space - promised, 1) ? space : promised;
  const window = wholeUnits(tcb, wanted, promised, space, unit);
  const fieldMax = 0xffff * unit;
  return window < fieldMax ? window : fieldMax;
}

/**
 * The window field of a segment that is about to leave, unscaled, and the promise that goes with
 * it. `shift` is 0 on SYN segments (RFC 7323, 2.2).
 */
export function advertiseWindow(core: Core, tcb: Tcb, shift: number): number {
  const unit = 2 ** shift;
  const window = windowOfNow(core, tcb, unit);
  const edge = seqAdd(tcb.rcvNxt, window);
  if (seqGt(edge, tcb.rcvAdv)) tcb.rcvAdv = edge;
  return window / unit;
}

/** Whether a segment of now would tell the peer something: an ACK, or a window that has moved. */
export function isAckOwed(core: Core, tcb: Tcb): boolean {
  if ((tcb.flags & Flag.AckNow) !== 0 || tcb.rcvAcked !== tcb.rcvNxt) return true;
  // Nothing comes behind a FIN.
  if ((tcb.flags & Flag.FinReceived) !== 0) return false;
  return seqGt(seqAdd(tcb.rcvNxt, windowOfNow(core, tcb, 2 ** tcb.rcvShift)), tcb.rcvAdv);
}

/**
 * Once per round trip: what is full-sized follows the peer down, too. A path that has shrunk, or a
 * peer that does not fill its segments, would wait for a delayed ACK else. Small messages now and
 * then are no measure: below the default MSS nothing is told.
 */
function measureSegments(tcb: Tcb): void {
  const least = tcb.mss < TCP_MSS_DEFAULT_IPV4 ? tcb.mss : TCP_MSS_DEFAULT_IPV4;
  tcb.rcvMss = tcb.rcvMssNext > least ? tcb.rcvMssNext : least;
  tcb.rcvMssNext = 0;
}

/**
 * Dynamic right-sizing: once per round trip. A sender that delivers half a buffer in that time is
 * held back by the window soon: it gets twice what it used, within the limit of the handshake's
 * scale. A buffer that its owner has set, or does not empty, stays.
 */
export function tuneReceiveBuffer(core: Core, tcb: Tcb, nowNs: number): void {
  measureSegments(tcb);
  const delivered = seqDiff(tcb.rcvNxt, tcb.drsSeq);
  tcb.drsSeq = tcb.rcvNxt;
  tcb.drsNs = nowNs;
  if (delivered * 2 <= tcb.rcvBufBytes || tcb.rqBytes > 0) return;
  if ((tcb.flags & Flag.FixedReceiveBuffer) !== 0) return;
  const most = core.config.receiveBufferBytesMax;
  const wanted = delivered * 4;
  tcb.rcvBufBytes = wanted < most ? wanted : most;
}
