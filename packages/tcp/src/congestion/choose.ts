/**
 * Changes the controller of a connection.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { Congestion } from '../config.ts';
import type { Core } from '../core.ts';
import { Recovery } from '../recovery.ts';
import { beginProportion, flightBytes } from '../retransmit.ts';
import type { Tcb } from '../tcb.ts';
import { atLeastTwoSegments } from './congestion.ts';
import { controllerOf } from './registry.ts';

/** The controller begins as on a new connection, with the window and the threshold of now. */
export function setController(core: Core, tcb: Tcb, congestion: Congestion, nowNs: number): void {
  const isLeft = tcb.congestion === Congestion.None && congestion !== Congestion.None;
  tcb.rateOn = 0;
  tcb.pacingRate = 0;
  tcb.sendQuantum = 0;
  tcb.congestion = congestion;
  // Until the handshake is complete there is no window; `establish` opens the controller.
  if (tcb.cwnd === 0) return;
  if (isLeft) leaveFixedWindow(core, tcb);
  // Who does not proportion has not counted what was delivered in this recovery.
  if (tcb.recovery === Recovery.Fast) beginProportion(tcb, 0);
  // What was sent without notes, or with those of another controller, gives no sample.
  for (let frame = tcb.sqHead; frame !== NO_FRAME; frame = core.txNext[frame]!) {
    core.txDeliveredNs[frame] = -1;
  }
  controllerOf(tcb).open(tcb, nowNs);
}

/**
 * A fixed window says nothing about the path: the next controller begins as on a new connection,
 * with an initial window and no threshold; a reduction that proves spurious leads back to that.
 *
 * In the middle of a recovery the loss, or the mark, is an event that nobody has answered yet. It
 * is answered as if the initial window had met it (RFC 5681, equation 4; RFC 3168, 6.1.2): the
 * recovery goes on, and leads to that threshold.
 */
function leaveFixedWindow(core: Core, tcb: Tcb): void {
  const initial = core.config.initialWindowSegments * tcb.mss;
  if (tcb.cwnd > initial) tcb.cwnd = initial;
  if (tcb.undoCwnd > initial) tcb.undoCwnd = initial;
  const { recovery } = tcb;
  if (recovery === Recovery.Open || recovery === Recovery.Repair) return;
  const flight = flightBytes(tcb);
  tcb.ssthresh = atLeastTwoSegments(tcb, (flight < initial ? flight : initial) / 2);
  // After a timeout the window is one segment, or grows from there (RFC 5681, 3.1).
  if (tcb.cwnd > tcb.ssthresh) tcb.cwnd = tcb.ssthresh;
}
