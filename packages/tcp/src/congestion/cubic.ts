// @hot
/**
 * CUBIC (RFC 9438) with HyStart++ (RFC 9406).
 *
 * The window grows with the time since the last reduction, not with round trips, so that flows of
 * different round trips share a line fairly. Slow start ends when the delay grows, before the queue
 * of the bottleneck overflows.
 *
 * @module
 */

import { seqGe } from '@tickwire/wire';
import { SLOW_START_SEGMENTS } from '../limits.ts';
import { Recovery } from '../recovery.ts';
import type { Tcb } from '../tcb.ts';
import { atLeastTwoSegments, type CongestionControl } from './congestion.ts';

/** RFC 9438, 5: C, in segments per second cubed. */
const C = 0.4;
/** RFC 9438, 4.6: multiplicative decrease. */
const BETA = 0.7;
/** RFC 9438, 4.3: additive increase that makes the estimate as fair as Reno. */
const ALPHA: number = (3 * (1 - BETA)) / (1 + BETA);

/** RFC 9406, 4.3: constants of HyStart++, with its names. */
const MIN_RTT_THRESH_NS = 4_000_000;
const MAX_RTT_THRESH_NS = 16_000_000;
const MIN_RTT_DIVISOR = 8;
const N_RTT_SAMPLE = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

/** `ssthresh` at or above this has never been set: the first slow start. */
const SSTHRESH_UNSET: number = 2 ** 30;
const NONE: number = Number.POSITIVE_INFINITY;

/** RFC 9438, as one stateless object. */
export const cubic: CongestionControl = {
  name: 'cubic',

  open(tcb: Tcb): void {
    tcb.cubicWMax = 0;
    tcb.cubicK = 0;
    tcb.cubicEpochNs = 0;
    tcb.cubicWEst = 0;
    tcb.cubicPrior = 0;
    tcb.hyRoundEnd = tcb.sndNxt;
    tcb.hyLastMinNs = NONE;
    tcb.hyMinNs = NONE;
    tcb.hySamples = 0;
    tcb.hyCssRounds = 0;
    tcb.hyBaselineNs = NONE;
  },

  acked(tcb: Tcb, bytes: number, nowNs: number): void {
    if (tcb.cwnd < tcb.ssthresh) slowStart(tcb, bytes);
    else avoid(tcb, bytes, nowNs);
  },

  rttSample(tcb: Tcb, rttNs: number): void {
    // HyStart++ is for the first slow start only (RFC 9406, 4.2).
    if (tcb.ssthresh < SSTHRESH_UNSET) return;
    if (seqGe(tcb.sndUna, tcb.hyRoundEnd)) newRound(tcb);
    if (tcb.hySamples < N_RTT_SAMPLE) tcb.hySamples += 1;
    if (rttNs < tcb.hyMinNs) tcb.hyMinNs = rttNs;
    if (tcb.hySamples < N_RTT_SAMPLE) return;
    if (tcb.hyCssRounds === 0) {
      if (tcb.hyLastMinNs === NONE) return;
      let threshNs = tcb.hyLastMinNs / MIN_RTT_DIVISOR;
      if (threshNs > MAX_RTT_THRESH_NS) threshNs = MAX_RTT_THRESH_NS;
      if (threshNs < MIN_RTT_THRESH_NS) threshNs = MIN_RTT_THRESH_NS;
      if (tcb.hyMinNs < tcb.hyLastMinNs + threshNs) return;
      tcb.hyBaselineNs = tcb.hyMinNs;
      tcb.hyCssRounds = 1;
    } else if (tcb.hyMinNs < tcb.hyBaselineNs) {
      // The delay went away: it was no queue of ours.
      tcb.hyBaselineNs = NONE;
      tcb.hyCssRounds = 0;
    }
  },

  congestion(tcb: Tcb, flight: number): void {
    reduce(tcb, flight);
  },

  timeout(tcb: Tcb, flight: number): void {
    reduce(tcb, flight);
  },

  undone(tcb: Tcb): void {
    // The reduction never was: the curve begins again at the window of before.
    if (tcb.cubicWMax < tcb.cwnd) tcb.cubicWMax = tcb.cwnd;
    tcb.cubicEpochNs = 0;
  },

  idle(tcb: Tcb): void {
    // Time without data does not count (RFC 9438, 5.8).
    tcb.cubicEpochNs = 0;
  },
};

/**
 * One ACK opens the window by L segments at most when nothing is paced, and by all that it covers
 * when slow start is (RFC 9406, 4.2 and 4.3). A receiver that acknowledges a run at once (GRO)
 * would make slow start linear with L: its first long ACK is what begins the pacing.
 *
 * While data is missing L stays: an ACK that closes a hole covers what left the network long ago
 * (RFC 3465, 2.3).
 */
function slowStart(tcb: Tcb, bytes: number): void {
  const limit = SLOW_START_SEGMENTS * tcb.mss;
  let growth = bytes;
  if (bytes > limit) {
    if (tcb.recovery === Recovery.Open) tcb.stretched = 1;
    else growth = limit;
  }
  // Conservative slow start (RFC 9406, 4.2).
  if (tcb.hyCssRounds > 0) growth = Math.ceil(growth / CSS_GROWTH_DIVISOR);
  const room = tcb.ssthresh - tcb.cwnd;
  tcb.cwnd += growth < room ? growth : room;
}

function newRound(tcb: Tcb): void {
  tcb.hyRoundEnd = tcb.sndNxt;
  tcb.hyLastMinNs = tcb.hyMinNs;
  tcb.hyMinNs = NONE;
  tcb.hySamples = 0;
  if (tcb.hyCssRounds === 0) return;
  tcb.hyCssRounds += 1;
  if (tcb.hyCssRounds > CSS_ROUNDS) {
    tcb.ssthresh = tcb.cwnd;
    tcb.hyCssRounds = 0;
  }
}

/** RFC 9438, 4.6 and 4.7. */
function reduce(tcb: Tcb, flight: number): void {
  tcb.cubicEpochNs = 0;
  tcb.hyCssRounds = 0;
  // Fast convergence: who loses before the old maximum leaves room for newcomers.
  tcb.cubicWMax = tcb.cwnd < tcb.cubicWMax ? (tcb.cwnd * (1 + BETA)) / 2 : tcb.cwnd;
  tcb.cubicPrior = tcb.cwnd;
  tcb.ssthresh = atLeastTwoSegments(tcb, flight * BETA);
}

/** Congestion avoidance: RFC 9438, 4.2 to 4.5. */
function avoid(tcb: Tcb, bytes: number, nowNs: number): void {
  const mss = tcb.mss;
  if (tcb.cubicEpochNs === 0) {
    tcb.cubicEpochNs = nowNs;
    tcb.cubicWEst = tcb.cwnd;
    if (tcb.cwnd < tcb.cubicWMax) {
      tcb.cubicK = Math.cbrt((tcb.cubicWMax - tcb.cwnd) / mss / C);
    } else {
      tcb.cubicK = 0;
      tcb.cubicWMax = tcb.cwnd;
    }
  }
  const seconds = (nowNs - tcb.cubicEpochNs) / 1e9;
  const alpha = tcb.cubicWEst >= tcb.cubicPrior ? 1 : ALPHA;
  tcb.cubicWEst += alpha * (bytes / tcb.cwnd) * mss;
  const now = seconds - tcb.cubicK;
  const wCubic = C * now * now * now * mss + tcb.cubicWMax;
  if (wCubic < tcb.cubicWEst) {
    // Reno would be faster here: be as fast (RFC 9438, 4.3).
    if (tcb.cubicWEst > tcb.cwnd) tcb.cwnd = Math.floor(tcb.cubicWEst);
    return;
  }
  const then = now + tcb.srttNs / 1e9;
  let target = C * then * then * then * mss + tcb.cubicWMax;
  if (target > 1.5 * tcb.cwnd) target = 1.5 * tcb.cwnd;
  if (target <= tcb.cwnd) return;
  // Fractions of a byte are kept, so that slow growth is not rounded away.
  tcb.cwndAcked += ((target - tcb.cwnd) / tcb.cwnd) * bytes;
  const whole = Math.floor(tcb.cwndAcked);
  tcb.cwndAcked -= whole;
  tcb.cwnd += whole;
}
