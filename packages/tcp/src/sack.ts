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

/**
 * Whether one ACK cannot report all that a burst has brought: an ACK for each segment would have
 * (RFC 2018, 4; RFC 2883, 4), so a second one is due.
 */
export function needsSecondReport(tcb: Tcb): boolean {
  if ((tcb.flags & Flag.Sack) === 0) return false;
  if (tcb.dsackLeft1 !== tcb.dsackRight1) return true;
  const most = (tcb.flags & Flag.Timestamps) === 0 ? TCP_SACK_BLOCKS_MAX : TCP_SACK_BLOCKS_MAX - 1;
  // A duplicate report takes two: behind it comes the run that holds it.
  return tcb.ooFresh > (tcb.dsackLeft === tcb.dsackRight ? most : most - 2);
}

/** Notes that `left` to `right` came twice. Beyond four in a burst the peer learns of the first. */
export function noteDsack(tcb: Tcb, left: number, right: number): void {
  if (tcb.dsackLeft === tcb.dsackRight) {
    tcb.dsackLeft = left;
    tcb.dsackRight = right;
  } else if (tcb.dsackLeft1 === tcb.dsackRight1) {
    tcb.dsackLeft1 = left;
    tcb.dsackRight1 = right;
  } else if (tcb.dsackLeft2 === tcb.dsackRight2) {
    tcb.dsackLeft2 = left;
    tcb.dsackRight2 = right;
  } else if (tcb.dsackLeft3 === tcb.dsackRight3) {
    tcb.dsackLeft3 = left;
    tcb.dsackRight3 = right;
  }
}

/** The first duplicate report is in a segment. */
function shiftDsack(tcb: Tcb): void {
  tcb.dsackLeft = tcb.dsackLeft1;
  tcb.dsackRight = tcb.dsackRight1;
  tcb.dsackLeft1 = tcb.dsackLeft2;
  tcb.dsackRight1 = tcb.dsackRight2;
  tcb.dsackLeft2 = tcb.dsackLeft3;
  tcb.dsackRight2 = tcb.dsackRight3;
  tcb.dsackLeft3 = 0;
  tcb.dsackRight3 = 0;
}

/** Runs of the blocks in the option that is being written. */
const written = new Int32Array(TCP_SACK_BLOCKS_MAX);

/**
 * Writes the SACK option with `count` blocks: a duplicate report first, with the run that holds it
 * (RFC 2883, 4), then the run of the latest arrival, then what is new, then what was reported
 * latest (RFC 2018, 4: each block is repeated, so that the loss of an ACK does no harm), then what
 * room is left from the left. When more is new than fits, it is the ACK of an earlier segment of
 * the burst: see {@link needsSecondReport}.
 */
export function emitSack(core: Core, tcb: Tcb, at: number, count: number): number {
  const view = core.arena.view;
  let left = count;
  let to = emitTcpSackHeader(view, at, count);
  let blocks = 0;
  if (tcb.dsackLeft !== tcb.dsackRight) {
    to = emitTcpSackBlock(view, to, tcb.dsackLeft, tcb.dsackRight);
    core.counters.dsackSent += 1;
    left -= 1;
    const run = runOf(core, tcb, tcb.dsackLeft);
    if (run !== NO_FRAME && left > 0) blocks = choose(core, tcb, run, blocks);
    shiftDsack(tcb);
  }
  if (tcb.ooFresh > left - blocks) blocks = chooseEarlier(core, tcb, blocks, left);
  else blocks = chooseLatest(core, tcb, blocks, left);
  // An option has as many blocks as it says.
  for (let run = tcb.ooHead; run !== NO_FRAME && blocks < left; run = nextRun(core, run)) {
    blocks = choose(core, tcb, run, blocks);
  }
  for (let i = 0; i < blocks; i += 1) {
    const run = written[i]!;
    to = emitTcpSackBlock(view, to, core.rxSeq[run]!, runEnd(core, run));
  }
  return to;
}

/** Takes a run for the option, once. Returns the number of runs there are now. */
function choose(core: Core, tcb: Tcb, run: number, blocks: number): number {
  for (let i = 0; i < blocks; i += 1) if (written[i] === run) return blocks;
  written[blocks] = run;
  reported(core, tcb, run);
  return blocks + 1;
}

/** Chooses the first runs that are new, the last first; the latest of all has its turn yet. */
function chooseEarlier(core: Core, tcb: Tcb, from: number, most: number): number {
  let blocks = from;
  const latest = runOf(core, tcb, tcb.ooRecent);
  for (let run = tcb.ooHead; run !== NO_FRAME && blocks < most; run = nextRun(core, run)) {
    if (run !== latest && isFresh(core, run)) blocks = choose(core, tcb, run, blocks);
  }
  for (let low = from, high = blocks - 1; low < high; low += 1, high -= 1) {
    const run = written[low]!;
    written[low] = written[high]!;
    written[high] = run;
  }
  return blocks;
}

/** Chooses the latest run, all that are new, and those that were reported latest. */
function chooseLatest(core: Core, tcb: Tcb, from: number, most: number): number {
  let blocks = from;
  const latest = runOf(core, tcb, tcb.ooRecent);
  // What is new goes before the run of a duplicate.
  if (latest !== NO_FRAME && (isFresh(core, latest) || tcb.ooFresh < most - blocks)) {
    blocks = choose(core, tcb, latest, blocks);
  }
  for (let run = tcb.ooHead; run !== NO_FRAME && tcb.ooFresh > 0; run = nextRun(core, run)) {
    if (blocks < most && isFresh(core, run)) blocks = choose(core, tcb, run, blocks);
  }
  for (let i = 1; i < 4 && blocks < most; i += 1) {
    const run = runOf(core, tcb, recentSeq(tcb, i));
    if (run !== NO_FRAME) blocks = choose(core, tcb, run, blocks);
  }
  return blocks;
}

function isFresh(core: Core, run: number): boolean {
  return (core.rxFlags[run]! & Rx.Fresh) !== 0;
}

function reported(core: Core, tcb: Tcb, run: number): void {
  const flags = core.rxFlags[run]!;
  if ((flags & Rx.Fresh) === 0) return;
  core.rxFlags[run] = flags & ~Rx.Fresh;
  tcb.ooFresh -= 1;
}

/** Where the arrival before the latest went, and those before it. */
function recentSeq(tcb: Tcb, choice: number): number {
  if (choice === 1) return tcb.ooRecent1;
  return choice === 2 ? tcb.ooRecent2 : tcb.ooRecent3;
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
