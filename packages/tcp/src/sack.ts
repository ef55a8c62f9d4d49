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
  seqGe,
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

/**
 * Writes the SACK option with `count` blocks: a duplicate report first (RFC 2883, 4), then the block
 * of the latest arrival (RFC 2018, 4), then the others from the left.
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
  let recent = NO_FRAME;
  if (left > 0) {
    recent = recentBlock(core, tcb);
    if (recent !== NO_FRAME) {
      to = emitTcpSackBlock(view, to, core.rxSeq[recent]!, blockEnd(core, recent));
      left -= 1;
    }
  }
  for (let frame = tcb.ooHead; frame !== NO_FRAME && left > 0;) {
    const right = blockEnd(core, frame);
    if (frame !== recent) {
      to = emitTcpSackBlock(view, to, core.rxSeq[frame]!, right);
      left -= 1;
    }
    frame = nextBlock(core, frame);
  }
  return to;
}

/** First frame of the run that holds the latest out-of-order arrival, or NO_FRAME. */
function recentBlock(core: Core, tcb: Tcb): number {
  for (let frame = tcb.ooHead; frame !== NO_FRAME; frame = nextBlock(core, frame)) {
    if (seqGe(tcb.ooRecent, core.rxSeq[frame]!) && seqLt(tcb.ooRecent, blockEnd(core, frame))) {
      return frame;
    }
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
