// @hot
/**
 * The pacer: spreads a window over its round trip, in quanta that a poll round can serve.
 *
 * @module
 */

import type { Core } from './core.ts';
import { PACE_GAIN, PACE_GAIN_SLOW_START, PACE_SLACK_NS, SLOW_START_SEGMENTS } from './limits.ts';
import type { Tcb } from './tcb.ts';

const SECOND = 1_000_000_000;

/**
 * Whether new data is paced: by configuration, by a controller that works from rates, and in slow
 * start towards a receiver whose ACKs cover long runs (`stretched`), so that a window that opens
 * by a run does not leave as one (RFC 9406, 4.2).
 */
export function isPaced(core: Core, tcb: Tcb): boolean {
  if (core.config.pacing || tcb.rateOn !== 0) return true;
  return tcb.stretched !== 0 && tcb.cwnd < tcb.ssthresh;
}

/** Whether the pacer lets a segment go now; else it wakes the connection when it does. */
export function paceAllows(core: Core, tcb: Tcb, nowNs: number): boolean {
  if (tcb.paceNextNs <= nowNs + paceSlackNs(core, tcb)) return true;
  if (tcb.paceNextNs < tcb.paceAtNs) {
    tcb.paceAtNs = Math.ceil(tcb.paceNextNs);
    core.armAt(tcb, tcb.paceAtNs);
  }
  return false;
}

/** How far the pacer may run ahead: a poll round, or what leaves in one go. */
function paceSlackNs(core: Core, tcb: Tcb): number {
  let quantumNs = 0;
  if (tcb.pacingRate > 0) {
    quantumNs = ((tcb.sendQuantum - tcb.mss) * SECOND) / tcb.pacingRate;
  } else if (!core.config.pacing) {
    quantumNs = windowNs(tcb, (SLOW_START_SEGMENTS - 1) * tcb.mss);
  }
  return quantumNs < PACE_SLACK_NS ? PACE_SLACK_NS : quantumNs;
}

/** How long `bytes` of a window take that is spread over its round trip. */
function windowNs(tcb: Tcb, bytes: number): number {
  const gain = tcb.cwnd < tcb.ssthresh / 2 ? PACE_GAIN_SLOW_START : PACE_GAIN;
  return (bytes * tcb.srttNs) / (gain * tcb.cwnd);
}

/**
 * One window per round trip, faster in slow start, so that pacing is not what limits growth; or the
 * rate that the controller wants.
 */
export function paceSent(core: Core, tcb: Tcb, span: number, nowNs: number): void {
  if (tcb.pacingRate > 0) {
    // A timer that fires late must not lower the rate: what it missed, up to a burst, is made up.
    const earliestNs = nowNs - paceSlackNs(core, tcb);
    const fromNs = tcb.paceNextNs > earliestNs ? tcb.paceNextNs : earliestNs;
    tcb.paceNextNs = fromNs + (span * SECOND) / tcb.pacingRate;
    return;
  }
  const from = tcb.paceNextNs > nowNs ? tcb.paceNextNs : nowNs;
  tcb.paceNextNs = from + windowNs(tcb, span);
}
