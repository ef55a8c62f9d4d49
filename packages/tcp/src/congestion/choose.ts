/**
 * Changes the controller of a connection.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import type { Congestion } from '../config.ts';
import type { Core } from '../core.ts';
import type { Tcb } from '../tcb.ts';
import { FIXED_WINDOW } from './congestion.ts';
import { controllerOf } from './registry.ts';

/** The controller begins as on a new connection, with the window and the threshold of now. */
export function setController(core: Core, tcb: Tcb, congestion: Congestion, nowNs: number): void {
  tcb.rateOn = 0;
  tcb.pacingRate = 0;
  tcb.sendQuantum = 0;
  tcb.congestion = congestion;
  // Until the handshake is complete there is no window; `establish` opens the controller.
  if (tcb.cwnd === 0) return;
  // A fixed window says nothing about the path: the next controller begins as on a new connection.
  if (tcb.cwnd >= FIXED_WINDOW) tcb.cwnd = core.config.initialWindowSegments * tcb.mss;
  // What was sent without notes, or with those of another controller, gives no sample.
  for (let frame = tcb.sqHead; frame !== NO_FRAME; frame = core.txNext[frame]!) {
    core.txDeliveredNs[frame] = -1;
  }
  controllerOf(tcb).open(tcb, nowNs);
}
