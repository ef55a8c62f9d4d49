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
import { type Core, Rx } from './core.ts';
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
  for (let run = tcb.ooHead; run !== NO_FRAME && count < fit; run = nextRun(core, run)) count += 1;
  return count;
}

/** Bytes of options that `count` blocks take. */
export function sackOptionBytes(count: number): number {
  return count === 0 ? 0 : HEADER_BYTES + count * BLOCK_BYTES;
}

/** Runs of the blocks in the option that is being written. */
const written = new Int32Array(TCP_SACK_BLOCKS_MAX);

/**
 * Writes the SACK option with `count` blocks: a duplicate report first (RFC 2883, 4), then the one
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
    let run = NO_FRAME;
    if (choice < 4) run = runOf(core, tcb, recentSeq(tcb, choice));
    else {
      if (fallback === NO_FRAME) break;
      run = fallback;
      fallback = nextRun(core, fallback);
    }
    if (run === NO_FRAME || isWritten(run, blocks)) continue;
    written[blocks] = run;
    blocks += 1;
    to = emitTcpSackBlock(view, to, core.rxSeq[run]!, runEnd(core, run));
  }
  return to;
}

function recentSeq(tcb: Tcb, choice: number): number {
  if (choice === 0) return tcb.ooRecent;
  if (choice === 1) return tcb.ooRecent1;
  return choice === 2 ? tcb.ooRecent2 : tcb.ooRecent3;
}

function isWritten(run: number, blocks: number): boolean {
  for (let i = 0; i < blocks; i += 1) if (written[i] === run) return true;
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

/** The run that holds `seq`, or NO_FRAME. */
function runOf(core: Core, tcb: Tcb, seq: number): number {
  for (let run = tcb.ooHead; run !== NO_FRAME; run = nextRun(core, run)) {
    if (seqLt(seq, core.rxSeq[run]!)) return NO_FRAME;
    if (seqLt(seq, runEnd(core, run))) return run;
  }
  return NO_FRAME;
}

/** Sequence number behind the run that begins with frame `run`. */
function runEnd(core: Core, run: number): number {
  const tail = core.rxRunTail[run]!;
  return seqAdd(core.rxSeq[tail]!, core.rxLength[tail]! + (core.rxFlags[tail]! & Rx.Fin));
}

/** First frame of the run behind `run`, or NO_FRAME. */
function nextRun(core: Core, run: number): number {
  return core.rxNext[core.rxRunTail[run]!]!;
}
