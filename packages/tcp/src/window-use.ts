// @hot
/**
 * Whether the congestion window is what holds a sender back (RFC 7661, 4.2; RFC 5681, 3.1): a
 * window that is not used says nothing about the path, and does not grow.
 *
 * What is asked for is the largest flight of a round trip, as in Linux, not that of an ACK: several
 * ACKs in one burst have no egress between them, so the flight shrinks from one to the next while
 * the sender would have filled the window after each.
 *
 * @module
 */

import { seqDiff, seqLt } from '@tickwire/wire';
import { Recovery } from './recovery.ts';
import type { Tcb } from './tcb.ts';

/**
 * What the windows and the owner allow has left: notes how much of the window that uses. A flight
 * that fills the window lets it grow for as long as it takes to be acknowledged, so by itself at
 * most. In slow start one of more than half of it does, as far as twice the flight.
 */
export function noteFlight(tcb: Tcb): void {
  const flight = seqDiff(tcb.sndNxt, tcb.sndUna);
  let most = 0;
  if (flight + tcb.mss > tcb.cwnd) most = tcb.cwnd + flight;
  else if (tcb.cwnd < tcb.ssthresh) most = 2 * flight;
  if (most < tcb.growthMax && seqLt(tcb.sndUna, tcb.growthEnd)) return;
  tcb.growthMax = most;
  tcb.growthEnd = tcb.sndNxt;
}

/** Whether an ACK may open the window; not in the round trip in which it was reduced. */
export function mayGrow(tcb: Tcb): boolean {
  return tcb.recovery !== Recovery.Reduced && tcb.cwnd < tcb.growthMax;
}
