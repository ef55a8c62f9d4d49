// @hot
/**
 * The pacer: spreads a window over its round trip, in quanta that a poll round can serve.
 *
 * @module
 */

import type { Core } from './core.ts';
import { PACE_GAIN, PACE_GAIN_SLOW_START, PACE_SLACK_NS } from './limits.ts';
import type { Tcb } from './tcb.ts';

const SECOND = 1_000_000_000;

/** Whether the pacer lets a segment go now; else it wakes the connection when it does. */
export function paceAllows(core: Core, tcb: Tcb, nowNs: number): boolean {
  if (tcb.paceNextNs <= nowNs + paceSlackNs(tcb)) return true;
  if (tcb.paceNextNs < tcb.paceAtNs) {
    tcb.paceAtNs = Math.ceil(tcb.paceNextNs);
    core.armAt(tcb, tcb.paceAtNs);
  }
  return false;
}

/** How far the pacer may run ahead: a poll round, or what leaves in one go. */
function paceSlackNs(tcb: Tcb): number {
  if (tcb.pacingRate === 0) return PACE_SLACK_NS;
  const quantumNs = ((tcb.sendQuantum - tcb.mss) * SECOND) / tcb.pacingRate;
  return quantumNs < PACE_SLACK_NS ? PACE_SLACK_NS : quantumNs;
}

/**
 * One window per round trip, faster in slow start, so that pacing is not what limits growth; or the
 * rate that the controller wants.
 */
export function paceSent(tcb: Tcb, span: number, nowNs: number): void {
  if (tcb.pacingRate > 0) {
    // A timer that fires late must not lower the rate: what it missed, up to a burst, is made up.
    const earliestNs = nowNs - paceSlackNs(tcb);
    const fromNs = tcb.paceNextNs > earliestNs ? tcb.paceNextNs : earliestNs;
    tcb.paceNextNs = fromNs + (span * SECOND) / tcb.pacingRate;
    return;
  }
  if (tcb.srttNs === 0) return;
  const gain = tcb.cwnd < tcb.ssthresh / 2 ? PACE_GAIN_SLOW_START : PACE_GAIN;
  const from = tcb.paceNextNs > nowNs ? tcb.paceNextNs : nowNs;
  tcb.paceNextNs = from + (span * tcb.srttNs) / (gain * tcb.cwnd);
}
