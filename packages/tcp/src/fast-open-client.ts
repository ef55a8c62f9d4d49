// @hot
/**
 * Connections that are opened by data in their SYN (RFC 7413), the client's side.
 *
 * The SYN carries a copy of the first bytes of the send queue, which themselves stay unsent. When
 * the SYN-ACK covers some of them they leave the queue; all others go as usual. So a SYN that is
 * refused, lost or stripped on the way needs no case of its own.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqAdd, seqDiff } from '@tickwire/wire';
import type { Core, Segment } from './core.ts';
import { FastOpen } from './fast-open.ts';
import { updateMss } from './send.ts';
import type { Tcb } from './tcb.ts';

/** Makes a connection in SYN-SENT try fast open: with the cookie if there is one, else for one. */
export function wantFastOpen(core: Core, tcb: Tcb, nowNs: number): void {
  if (!core.fastOpenCache.lookup(core.flowOf(tcb), nowNs)) return;
  tcb.fastOpen = FastOpen.Client;
  if (core.fastOpenCache.mss === 0) return;
  tcb.peerMss = core.fastOpenCache.mss;
  updateMss(core, tcb);
}

/**
 * The SYN-ACK of a connection that tried fast open. Keeps its cookie, takes the acknowledged bytes
 * off the queue, and learns whether data in a SYN gets through here.
 */
export function fastOpenAnswered(core: Core, tcb: Tcb, segment: Segment, nowNs: number): void {
  const { options, fastOpenCache: cache } = core;
  if (options.fastOpenAt >= 0) {
    cache.store(
      core.flowOf(tcb),
      tcb.peerMss,
      core.arena.view,
      options.fastOpenAt,
      options.fastOpenLength,
    );
  }
  const taken = seqDiff(segment.ack, tcb.sndNxt);
  if (taken > 0) dropHead(core, tcb, taken);
  else if (tcb.fastOpenBytes > 0) {
    core.counters.fastOpenActiveFails += 1;
    // The SYN got through only without its data.
    if (tcb.backoff > 0) cache.avoid(core.flowOf(tcb), nowNs);
  }
  tcb.sndNxt = segment.ack;
  tcb.sndUna = segment.ack;
  tcb.sndSmall = segment.ack;
  tcb.bytesAcked += taken;
  tcb.fastOpen = FastOpen.None;
  tcb.fastOpenBytes = 0;
}

/** Takes bytes that were never sent as segments off the head of the queue. */
function dropHead(core: Core, tcb: Tcb, count: number): void {
  let left = count;
  while (left > 0 && tcb.sqHead !== NO_FRAME) {
    const frame = tcb.sqHead;
    const length = core.txLength[frame]!;
    if (length > left) {
      core.txAt[frame] = core.txAt[frame]! + left;
      core.txLength[frame] = length - left;
      core.txSeq[frame] = seqAdd(core.txSeq[frame]!, left);
      return;
    }
    left -= length;
    tcb.sqHead = core.txNext[frame]!;
    tcb.sqUnsent = tcb.sqHead;
    if (tcb.sqHead === NO_FRAME) tcb.sqTail = NO_FRAME;
    tcb.sqFrames -= 1;
    core.txFrames -= 1;
    core.arena.free(frame);
  }
}
