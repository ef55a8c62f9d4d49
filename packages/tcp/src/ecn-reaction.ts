// @hot
/**
 * The sender's answer to marks, of whichever feedback they were told by.
 *
 * @module
 */

import { seqLt } from '@tickwire/wire';
import type { Core } from './core.ts';
import { Recovery } from './recovery.ts';
import { reduceWindow } from './retransmit.ts';
import type { Tcb } from './tcb.ts';

/**
 * The network marks instead of dropping (RFC 3168, 6.1.2): one reduction per window of data.
 * `flight` is what was outstanding before the ACK that tells of it.
 */
export function reactToMarks(core: Core, tcb: Tcb, flight: number, nowNs: number): void {
  if (tcb.recovery !== Recovery.Open || seqLt(tcb.sndUna, tcb.ecnRecover)) return;
  core.counters.ecnReductions += 1;
  tcb.ecnRecover = tcb.sndNxt;
  tcb.undoCount = -1;
  reduceWindow(tcb, flight, nowNs);
}
