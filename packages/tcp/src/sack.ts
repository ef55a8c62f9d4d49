// @hot
/**
 * Selective acknowledgment: the blocks that we report (RFC 2018, RFC 2883).
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import {
  emitTcpSackBlock,
  emitTcpSackHeader,
  seqAdd,
  seqLt,
  TCP_SACK_BLOCKS_MAX,
} from '@tickwire/wire';
import type { Core } from './core.ts';
import { Flag, type Tcb } from './tcb.ts';

const HEADER_BYTES = 4;
const BLOCK_BYTES = 8;

/** Blocks that wait to be reported, at most as many as fit into `room` bytes of options. */
export function sackBlockCount(core: Core, tcb: Tcb, room: number): number {
  if ((tcb.flags & Flag.Sack) === 0) return 0;
  let fit = Math.floor((room - HEADER_BYTES) / BLOCK_BYTES);
  if (fit > TCP_SACK_BLOCKS_MAX) fit = TCP_SACK_BLOCKS_MAX;
  if (fit <= 0) return 0;
  let count = tcb.dsackLeft === tcb.dsackRight ? 0 : 1;
  let end = 0;
  for (let frame = tcb.ooHead; frame !== NO_FRAME && count < fit; frame = core.rxNext[frame]!) {
    const seq = core.rxSeq[frame]!;
    if (frame === tcb.ooHead || seq !== end) count += 1;
    end = seqAdd(seq, core.rxLength[frame]!);
  }
  return count;
}

/** Bytes of options that `count` blocks take. */
export function sackOptionBytes(count: number): number {
  return count === 0 ? 0 : HEADER_BYTES + count * BLOCK_BYTES;
}

/** First frames of the blocks in the option that is being written. */
const written = new Int32Array(TCP_SACK_BLOCKS_MAX);

/**
 * Writes the SACK option with `count` blocks: a duplicate report first (RFC 2883, 4), then the block
 * of the latest arrival, then those that were reported latest (RFC 2018, 4: each block is repeated,
 * so that the loss of an ACK does no harm), then what room is left from the left.
 */
export function emitSack(core: Core, tcb: Tcb, at: number, count: number): number {
  const view = core.arena.view;
  let left = count;
  let to = emitTcpSackHeader(view, at, count);
  if (tcb.dsackLeft !== tcb.dsackRight) {
    to = emitTcpSackBlock(view, to, tcb.dsackLeft, tcb.dsackRight);
    tcb.dsackLeft = 0;
    tcb.dsackRight = 0;
    core.counters.dsackSent += 1;
    left -= 1;
  }
  let blocks = 0;
  let fallback = tcb.ooHead;
  for (let choice = 0; blocks < left; choice += 1) {
    let frame = NO_FRAME;
    if (choice < 4) frame = blockOf(core, tcb, recentSeq(tcb, choice));
    else {
      if (fallback === NO_FRAME) break;
      frame = fallback;
      fallback = nextBlock(core, fallback);
    }
    if (frame === NO_FRAME || isWritten(frame, blocks)) continue;
    written[blocks] = frame;
    blocks += 1;
    to = emitTcpSackBlock(view, to, core.rxSeq[frame]!, blockEnd(core, frame));
  }
  return to;
}

function recentSeq(tcb: Tcb, choice: number): number {
  if (choice === 0) return tcb.ooRecent;
  if (choice === 1) return tcb.ooRecent1;
  return choice === 2 ? tcb.ooRecent2 : tcb.ooRecent3;
}

function isWritten(frame: number, blocks: number): boolean {
  for (let i = 0; i < blocks; i += 1) if (written[i] === frame) return true;
  return false;
}

/** Remembers where an out-of-order segment went. */
export function noteRecent(tcb: Tcb, seq: number, end: number): void {
  // What continues the latest arrival belongs to the same block.
  if (seq !== tcb.ooRecentEnd) {
    tcb.ooRecent3 = tcb.ooRecent2;
    tcb.ooRecent2 = tcb.ooRecent1;
    tcb.ooRecent1 = tcb.ooRecent;
    tcb.ooRecent = seq;
  }
  tcb.ooRecentEnd = end;
}

/** First frame of the run that holds `seq`, or NO_FRAME. */
function blockOf(core: Core, tcb: Tcb, seq: number): number {
  for (let frame = tcb.ooHead; frame !== NO_FRAME; frame = nextBlock(core, frame)) {
    if (seqLt(seq, core.rxSeq[frame]!)) return NO_FRAME;
    if (seqLt(seq, blockEnd(core, frame))) return frame;
  }
  return NO_FRAME;
}

/** Right edge of the contiguous run that begins with `frame`. */
function blockEnd(core: Core, frame: number): number {
  let end = seqAdd(core.rxSeq[frame]!, core.rxLength[frame]!);
  for (let next = core.rxNext[frame]!; next !== NO_FRAME; next = core.rxNext[next]!) {
    if (core.rxSeq[next] !== end) break;
    end = seqAdd(end, core.rxLength[next]!);
  }
  return end;
}

/** First frame of the next run. */
function nextBlock(core: Core, frame: number): number {
  let end = seqAdd(core.rxSeq[frame]!, core.rxLength[frame]!);
  let next = core.rxNext[frame]!;
  while (next !== NO_FRAME && core.rxSeq[next] === end) {
    end = seqAdd(end, core.rxLength[next]!);
    next = core.rxNext[next]!;
  }
  return next;
}
