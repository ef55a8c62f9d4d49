// @hot
/**
 * Urgent data that comes: RFC 9293, 3.8.5, and 3.10.7.4, sixth step.
 *
 * It stays in the stream (RFC 6093, 4). What the pointer says is told and kept as a mark in the
 * stream: RCV.UP, counted in bytes as `bytesReceived` counts them. So counted, it does not wrap,
 * and an old mark needs no care, however much follows it: it lies behind what the owner has got.
 *
 * @module
 */

import { seqDiff } from '@tickwire/wire';
import type { Core, Segment } from './core.ts';
import { State } from './state.ts';
import { Flag, type Tcb } from './tcb.ts';

/** Where in the stream the owner stands: everything before it was delivered or read. */
function consumed(tcb: Tcb): number {
  return tcb.bytesReceived - tcb.rqBytes;
}

/**
 * A segment with URG has come. The owner hears of a mark that lies before it (MUST-32) and of each
 * that lies farther than the last; what is said again, and what is behind it, is nothing new. False
 * when the connection is over when it returns.
 */
export function urgentArrives(core: Core, tcb: Tcb, segment: Segment): boolean {
  const state = tcb.state;
  if (state !== State.Established && state !== State.FinWait1 && state !== State.FinWait2) {
    // After the peer's FIN there is nothing to be urgent about.
    return true;
  }
  if ((tcb.flags & Flag.ReceiveClosed) !== 0) return true;
  const mark = tcb.bytesReceived + seqDiff(segment.up, tcb.rcvNxt);
  if (mark <= tcb.rcvUp || mark <= consumed(tcb)) return true;
  tcb.rcvUp = mark;
  core.counters.urgentMarks += 1;
  const generation = tcb.generation;
  core.events.urgent(tcb);
  return tcb.generation === generation;
}

/** Bytes from where the owner stands to the end of urgent data (MUST-33); 0 when there are none. */
export function urgentBytes(tcb: Tcb): number {
  const left = tcb.rcvUp - consumed(tcb);
  if (left <= 0) return 0;
  // A mark behind the end of the stream is never reached.
  return (tcb.flags & Flag.FinReceived) !== 0 && left > tcb.rqBytes ? tcb.rqBytes : left;
}
