// @hot
/**
 * BBR's state machine (draft-ietf-ccwg-bbr, 4.3): STARTUP, DRAIN, the four phases of PROBE_BW,
 * PROBE_RTT; and the long-term bound of the volume in flight that the probes learn.
 *
 * @module
 */

import type { Prng } from '@tickwire/base';
import { Recovery } from '../recovery.ts';
import type { Tcb } from '../tcb.ts';
import {
  advanceMaxBw,
  BETA,
  checkFullBw,
  inflightAt,
  inflightWithHeadroom,
  isInflightTooHigh,
  isProbingCycle,
  PROBE_RTT_CWND_GAIN,
  probeRttCwnd,
  resetCongestionSignals,
  resetFullBw,
  resetShortTermModel,
  startRound,
  targetInflight,
} from './bbr-model.ts';
import { AckPhase, BbrMode, type BbrState } from './bbr-state.ts';
import { rate } from './rate-sample.ts';

const MS = 1_000_000;
const SECOND = 1_000_000_000;

/** Pacing gains (2.4, 4.3): 4 ln 2 doubles the rate each round trip. */
export const STARTUP_PACING_GAIN = 2.77;
const DRAIN_PACING_GAIN = 0.5;
const DOWN_PACING_GAIN = 0.9;
const UP_PACING_GAIN = 1.25;
/** Window in bandwidth-delay products, against delayed and aggregated ACKs. */
const CWND_GAIN = 2;
const UP_CWND_GAIN = 2.25;
/** ACKs with new losses in a round that end STARTUP (BBR.StartupFullLossCnt). */
const STARTUP_LOSS_EVENTS = 6;
/** Rounds in a row with ECN marks that end STARTUP. */
const STARTUP_MARKED_ROUNDS = 2;
/** Time between probes: two seconds and up to one more (4.3.3.5.3). */
const PROBE_WAIT_NS: number = 2 * SECOND;
const PROBE_WAIT_RANDOM_NS: number = SECOND;
/** Round trips after which Reno on a line of this size would have probed: 25 Mbit/s at 30 ms. */
const RENO_ROUNDS_MAX = 63;
/** Growth of `inflightHi` doubles each round of a probe, up to this power. */
const PROBE_UP_ROUNDS_MAX = 30;
/** How long the queue stays empty (BBR.ProbeRTTDuration). */
const PROBE_RTT_NS: number = 200 * MS;
/** One round trip fills the pipe after PROBE_RTT, and one brings the ACKs of what filled it. */
const REFILLING_ROUNDS = 2;

/** BBREnterStartup. */
export function enterStartup(bbr: BbrState): void {
  bbr.mode = BbrMode.Startup;
  bbr.pacingGain = STARTUP_PACING_GAIN;
  bbr.cwndGain = CWND_GAIN;
}

/** BBRCheckFullBWReached, BBRCheckStartupDone and BBRCheckDrainDone. */
export function checkStartupAndDrain(tcb: Tcb, bbr: BbrState, random: Prng, nowNs: number): void {
  checkFullBw(bbr);
  if (bbr.mode === BbrMode.Startup) {
    checkStartupCongestion(tcb, bbr);
    if (bbr.fullBwReached) {
      bbr.mode = BbrMode.Drain;
      bbr.pacingGain = DRAIN_PACING_GAIN;
      bbr.cwndGain = CWND_GAIN;
      resetFullBw(bbr);
    }
  }
  if (bbr.mode === BbrMode.Drain && rate.inFlight <= inflightAt(tcb, bbr, bbr.maxBw, 1)) {
    startDown(tcb, bbr, random, nowNs);
  }
}

/** The queue overflows, or marks, before the rate stops growing (4.3.1.3). */
function checkStartupCongestion(tcb: Tcb, bbr: BbrState): void {
  if (rate.newlyLost > 0) bbr.lossEventsInRound += 1;
  if (bbr.fullBwReached) return;
  const lossy =
    bbr.lossRoundStart &&
    tcb.recovery === Recovery.Fast &&
    bbr.lossEventsInRound >= STARTUP_LOSS_EVENTS &&
    isInflightTooHigh(rate.lost, rate.txInFlight);
  if (lossy || bbr.markedRounds >= STARTUP_MARKED_ROUNDS) {
    bbr.fullBwReached = true;
    const bdp = inflightAt(tcb, bbr, bbr.maxBw, 1);
    bbr.inflightHi = Math.floor(bdp > bbr.inflightLatest ? bdp : bbr.inflightLatest);
  }
  if (bbr.lossRoundStart) bbr.lossEventsInRound = 0;
}

/** BBRStartProbeBW_DOWN: empties the queue that a probe has left. */
export function startDown(tcb: Tcb, bbr: BbrState, random: Prng, nowNs: number): void {
  resetCongestionSignals(bbr);
  bbr.probeUpCount = Number.POSITIVE_INFINITY;
  // Randomness keeps flows from probing together (4.3.3.5.3).
  bbr.roundsSinceProbe = random.nextBelow(2);
  bbr.probeWaitNs = PROBE_WAIT_NS + random.nextBelow(PROBE_WAIT_RANDOM_NS);
  bbr.cycleAtNs = nowNs;
  bbr.ackPhase = AckPhase.Stopping;
  startRound(tcb, bbr);
  bbr.mode = BbrMode.ProbeBwDown;
  bbr.pacingGain = DOWN_PACING_GAIN;
  bbr.cwndGain = CWND_GAIN;
}

function startCruise(bbr: BbrState): void {
  bbr.mode = BbrMode.ProbeBwCruise;
  bbr.pacingGain = 1;
  bbr.cwndGain = CWND_GAIN;
}

/** BBRStartProbeBW_REFILL: fills the pipe, without a queue, before the probe. */
function startRefill(tcb: Tcb, bbr: BbrState): void {
  resetShortTermModel(bbr);
  bbr.probeUpRounds = 0;
  bbr.probeUpAcks = 0;
  bbr.ackPhase = AckPhase.Refilling;
  startRound(tcb, bbr);
  bbr.mode = BbrMode.ProbeBwRefill;
  bbr.pacingGain = 1;
  bbr.cwndGain = CWND_GAIN;
}

/** BBRStartProbeBW_UP. */
export function startUp(tcb: Tcb, bbr: BbrState, nowNs: number): void {
  bbr.ackPhase = AckPhase.Starting;
  startRound(tcb, bbr);
  resetFullBw(bbr);
  bbr.fullBw = rate.bytesPerSecond;
  bbr.cycleAtNs = nowNs;
  bbr.mode = BbrMode.ProbeBwUp;
  bbr.pacingGain = UP_PACING_GAIN;
  bbr.cwndGain = UP_CWND_GAIN;
  raiseSlope(tcb, bbr);
}

/** BBRUpdateProbeBWCyclePhase. */
export function updateCycle(
  tcb: Tcb,
  bbr: BbrState,
  cwndLimited: boolean,
  random: Prng,
  nowNs: number,
): void {
  if (!bbr.fullBwReached) return;
  adaptLongTermModel(tcb, bbr, cwndLimited, random, nowNs);
  switch (bbr.mode) {
    case BbrMode.ProbeBwDown:
      if (isTimeToProbe(tcb, bbr, nowNs)) startRefill(tcb, bbr);
      else if (
        rate.inFlight <= inflightWithHeadroom(tcb, bbr) &&
        rate.inFlight <= inflightAt(tcb, bbr, bbr.maxBw, 1)
      ) {
        startCruise(bbr);
      }
      return;
    case BbrMode.ProbeBwCruise:
      if (isTimeToProbe(tcb, bbr, nowNs)) startRefill(tcb, bbr);
      return;
    case BbrMode.ProbeBwRefill:
      if (bbr.roundStart) {
        // What is sent from now on belongs to the probe: its losses count.
        bbr.bwProbeSamples = true;
        startUp(tcb, bbr, nowNs);
      }
      return;
    case BbrMode.ProbeBwUp:
      if (cwndLimited && tcb.cwnd >= bbr.inflightHi) {
        // The bound held the rate back, so the rate says nothing about the path.
        resetFullBw(bbr);
        bbr.fullBw = rate.bytesPerSecond;
      } else if (bbr.fullBwNow) startDown(tcb, bbr, random, nowNs);
  }
}

/** BBRIsTimeToProbeBW, with the bound that lets Reno flows live (4.3.3.5.2). */
function isTimeToProbe(tcb: Tcb, bbr: BbrState, nowNs: number): boolean {
  if (nowNs > bbr.cycleAtNs + bbr.probeWaitNs) return true;
  const renoRounds = targetInflight(tcb, bbr) / tcb.mss;
  return bbr.roundsSinceProbe >= (renoRounds < RENO_ROUNDS_MAX ? renoRounds : RENO_ROUNDS_MAX);
}

/** BBRAdaptLongTermModel: what the ACKs of a probe say about the volume that is safe. */
function adaptLongTermModel(
  tcb: Tcb,
  bbr: BbrState,
  cwndLimited: boolean,
  random: Prng,
  nowNs: number,
): void {
  if (bbr.ackPhase === AckPhase.Starting && bbr.roundStart) bbr.ackPhase = AckPhase.Feedback;
  if (bbr.ackPhase === AckPhase.Stopping && bbr.roundStart) {
    bbr.bwProbeSamples = false;
    bbr.ackPhase = AckPhase.Init;
    if (isProbingCycle(bbr) && rate.appLimited === 0) advanceMaxBw(bbr);
  }
  if (rate.valid === 1 && isInflightTooHigh(rate.lost, rate.txInFlight)) {
    if (bbr.bwProbeSamples) {
      inflightIsTooHigh(tcb, bbr, rate.txInFlight, rate.appLimited !== 0, random, nowNs);
    }
    return;
  }
  if (bbr.inflightHi === Number.POSITIVE_INFINITY || rate.valid === 0) return;
  if (rate.txInFlight > bbr.inflightHi) bbr.inflightHi = rate.txInFlight;
  if (bbr.mode === BbrMode.ProbeBwUp) probeUpward(tcb, bbr, cwndLimited);
}

/** BBRHandleInflightTooHigh: the probe has found the limit. */
export function inflightIsTooHigh(
  tcb: Tcb,
  bbr: BbrState,
  txInFlight: number,
  appLimited: boolean,
  random: Prng,
  nowNs: number,
): void {
  bbr.bwProbeSamples = false;
  if (!appLimited) {
    const floor = BETA * targetInflight(tcb, bbr);
    // Whole bytes, as the window: else the window would never reach the bound.
    bbr.inflightHi = Math.floor(txInFlight > floor ? txInFlight : floor);
  }
  if (bbr.mode === BbrMode.ProbeBwUp) startDown(tcb, bbr, random, nowNs);
}

/** BBRProbeInflightLongtermUpward: slowly at first, then twice as fast each round. */
function probeUpward(tcb: Tcb, bbr: BbrState, cwndLimited: boolean): void {
  if (!cwndLimited || tcb.cwnd < bbr.inflightHi) return;
  bbr.probeUpAcks += rate.newlyAcked;
  if (bbr.probeUpAcks >= bbr.probeUpCount) {
    const steps = Math.floor(bbr.probeUpAcks / bbr.probeUpCount);
    bbr.probeUpAcks -= steps * bbr.probeUpCount;
    bbr.inflightHi += steps * tcb.mss;
  }
  if (bbr.roundStart) raiseSlope(tcb, bbr);
}

/** BBRRaiseInflightLongtermSlope: bytes acknowledged for each segment of growth. */
function raiseSlope(tcb: Tcb, bbr: BbrState): void {
  const segments = 2 ** bbr.probeUpRounds;
  if (bbr.probeUpRounds < PROBE_UP_ROUNDS_MAX) bbr.probeUpRounds += 1;
  const bytes = tcb.cwnd / segments;
  bbr.probeUpCount = bytes < tcb.mss ? tcb.mss : bytes;
}

/** BBRSaveCwnd: the window as it was before recovery or PROBE_RTT made it small. */
export function saveCwnd(tcb: Tcb, bbr: BbrState): void {
  const inRecovery = tcb.recovery === Recovery.Fast || tcb.recovery === Recovery.Loss;
  if (!inRecovery && bbr.mode !== BbrMode.ProbeRtt) bbr.priorCwnd = tcb.cwnd;
  else if (tcb.cwnd > bbr.priorCwnd) bbr.priorCwnd = tcb.cwnd;
}

/** BBRCheckProbeRTT. Returns whether samples of now are to be taken for application-limited. */
export function checkProbeRtt(tcb: Tcb, bbr: BbrState, random: Prng, nowNs: number): boolean {
  if (bbr.mode !== BbrMode.ProbeRtt && bbr.probeRttExpired && !bbr.idleRestart) {
    saveCwnd(tcb, bbr);
    bbr.mode = BbrMode.ProbeRtt;
    bbr.pacingGain = 1;
    bbr.cwndGain = PROBE_RTT_CWND_GAIN;
    bbr.probeRttDoneNs = 0;
    bbr.ackPhase = AckPhase.Stopping;
    startRound(tcb, bbr);
  }
  let held = false;
  if (bbr.mode === BbrMode.ProbeRtt) {
    held = true;
    if (bbr.probeRttDoneNs === 0 && rate.inFlight <= probeRttCwnd(tcb, bbr)) {
      bbr.probeRttDoneNs = nowNs + PROBE_RTT_NS;
      bbr.probeRttRoundDone = false;
      startRound(tcb, bbr);
    } else if (bbr.probeRttDoneNs !== 0) {
      if (bbr.roundStart) bbr.probeRttRoundDone = true;
      if (bbr.probeRttRoundDone) checkProbeRttDone(tcb, bbr, random, nowNs);
    }
  }
  if (rate.delivered > 0) bbr.idleRestart = false;
  return held;
}

/** BBRCheckProbeRTTDone. */
function checkProbeRttDone(tcb: Tcb, bbr: BbrState, random: Prng, nowNs: number): void {
  if (bbr.probeRttDoneNs === 0 || nowNs <= bbr.probeRttDoneNs) return;
  bbr.probeRttMinAtNs = nowNs;
  if (tcb.cwnd < bbr.priorCwnd) tcb.cwnd = bbr.priorCwnd;
  resetShortTermModel(bbr);
  bbr.refillingRounds = REFILLING_ROUNDS;
  if (bbr.fullBwReached) {
    startDown(tcb, bbr, random, nowNs);
    startCruise(bbr);
  } else enterStartup(bbr);
}
