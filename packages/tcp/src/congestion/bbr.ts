// @hot
/**
 * BBR version 3 (draft-ietf-ccwg-bbr).
 *
 * Loss-based control fills the queue of the bottleneck until it overflows. BBR measures how much
 * the path delivers and how long it takes when no queue stands, paces to the one and bounds the
 * volume in flight by the product; losses above two per cent and ECN marks set bounds.
 *
 * The draft leaves ECN open. Here a mark of RFC 3168 counts as a lossy round, and one from a probe
 * ends the probe, as RFC 3168, 5, asks for.
 *
 * @module
 */

import type { Prng } from '@tickwire/base';
import { Recovery } from '../recovery.ts';
import type { Tcb } from '../tcb.ts';
import {
  advanceLatestSignals,
  bdpMultiple,
  extraAcked,
  inflightWithHeadroom,
  initModel,
  isInflightTooHigh,
  isProbingBandwidth,
  isProbingCycle,
  LOSS_THRESH,
  minPipe,
  noteLoss,
  probeRttCwnd,
  quantizationBudget,
  resetFullBw,
  setSendQuantum,
  updateAggregation,
  updateCongestionSignals,
  updateLatestSignals,
  updateMinRtt,
} from './bbr-model.ts';
import {
  checkProbeRtt,
  checkStartupAndDrain,
  enterStartup,
  inflightIsTooHigh,
  saveCwnd,
  STARTUP_PACING_GAIN,
  startUp,
  updateCycle,
} from './bbr-modes.ts';
import { BbrMode, BbrState } from './bbr-state.ts';
import type { CongestionControl } from './congestion.ts';
import { rate } from './rate-sample.ts';

/** Share of the estimate that is sent, so that a queue drains in the long run (2.5). */
const PACING_MARGIN = 0.99;

/** One object for all connections; their state is `Tcb.bbr`. */
export const bbr: CongestionControl = {
  name: 'bbr',

  open(tcb: Tcb, nowNs: number): void {
    const state = (tcb.bbr ??= newState());
    initModel(tcb, state, nowNs);
    tcb.pacingRate *= STARTUP_PACING_GAIN;
    setSendQuantum(tcb);
    enterStartup(state);
    tcb.rateOn = 1;
    // Nothing was written yet: what leaves first is as fast as its owner, not as the path.
    tcb.appLimitedUntil = tcb.delivered + 1;
  },

  acked(): void {
    // The window follows the model: see `rateSampled`.
  },

  rttSample(): void {
    // The sample of the delivery rate has it.
  },

  congestion(tcb: Tcb): void {
    const state = tcb.bbr!;
    saveUndo(tcb, state);
    // Nothing was marked lost: the network says so by ECN, or a tail loss probe has filled a hole.
    if (!state.lostSinceAck) {
      noteLoss(tcb, state);
      state.markedInRound = true;
      state.tooHighAt = rate.inFlight;
      state.tooHighAppLimited = false;
    }
    tcb.ssthresh = tcb.cwnd;
  },

  timeout(tcb: Tcb): void {
    const state = tcb.bbr!;
    saveUndo(tcb, state);
    tcb.ssthresh = tcb.cwnd;
    // The window is about to collapse; the bound comes from what it was.
    if (!isProbingBandwidth(state) && state.inflightLo === Number.POSITIVE_INFINITY) {
      state.inflightLo = tcb.cwnd;
    }
  },

  undone(tcb: Tcb): void {
    const state = tcb.bbr!;
    state.lossInRound = false;
    state.tooHighAt = -1;
    resetFullBw(state);
    if (state.bwLo < state.undoBwLo) state.bwLo = state.undoBwLo;
    if (state.inflightLo < state.undoInflightLo) state.inflightLo = state.undoInflightLo;
    if (state.inflightHi < state.undoInflightHi) state.inflightHi = state.undoInflightHi;
    if (state.mode === BbrMode.ProbeRtt || state.mode === state.undoMode) return;
    if (state.undoMode === BbrMode.Startup) {
      state.fullBwReached = false;
      enterStartup(state);
    } else if (state.undoMode === BbrMode.ProbeBwUp) startUp(tcb, state, state.cycleAtNs);
  },

  idle(tcb: Tcb, nowNs: number): void {
    // BBRHandleRestartFromIdle: the pipe is empty, and what filled it is not there to be measured.
    if (tcb.appLimitedUntil === 0) return;
    const state = tcb.bbr!;
    state.idleRestart = true;
    state.extraIntervalNs = nowNs;
    if (isProbingCycle(state)) setPacingRate(tcb, state, 1);
    // The pipe was empty for as long as PROBE_RTT asks for, or longer.
    else if (state.mode === BbrMode.ProbeRtt) state.probeRttRoundDone = true;
  },

  rate: {
    sampled(tcb: Tcb, cwndLimited: boolean, random: Prng, nowNs: number): boolean {
      const state = tcb.bbr!;
      followRecovery(tcb, state);
      updateLatestSignals(tcb, state);
      updateCongestionSignals(tcb, state);
      if (state.tooHighAt >= 0) judgeLoss(tcb, state, random, nowNs);
      updateAggregation(tcb, state, nowNs);
      checkStartupAndDrain(tcb, state, random, nowNs);
      updateCycle(tcb, state, cwndLimited, random, nowNs);
      updateMinRtt(state, nowNs);
      const held = checkProbeRtt(tcb, state, random, nowNs);
      advanceLatestSignals(state);
      state.bw = state.maxBw < state.bwLo ? state.maxBw : state.bwLo;
      state.lostSinceAck = false;
      setPacingRate(tcb, state, state.pacingGain);
      setSendQuantum(tcb);
      setCwnd(tcb, state);
      return held;
    },

    lost(tcb: Tcb, bytes: number, txInFlight: number, lost: number, appLimited: boolean): void {
      const state = tcb.bbr!;
      noteLoss(tcb, state);
      state.lostSinceAck = true;
      if (!state.bwProbeSamples || state.tooHighAt >= 0) return;
      if (!isInflightTooHigh(lost, txInFlight)) return;
      // BBRInflightAtLoss: where within this segment the threshold was crossed (4.5.10.3).
      const before = txInFlight - bytes;
      const prefix = (LOSS_THRESH * before - (lost - bytes)) / (1 - LOSS_THRESH);
      state.tooHighAt = before + (prefix > 0 ? prefix : 0);
      state.tooHighAppLimited = appLimited;
    },
  },
};

/** Once per connection slot. @cold */
function newState(): BbrState {
  return new BbrState();
}

/** BBRSaveStateUponLoss: a loss may prove to have been none. */
function saveUndo(tcb: Tcb, state: BbrState): void {
  saveCwnd(tcb, state);
  state.undoMode = state.mode;
  state.undoBwLo = state.bwLo;
  state.undoInflightLo = state.inflightLo;
  state.undoInflightHi = state.inflightHi;
}

/** After recovery the window is what it was before (BBRRestoreCwnd). */
function followRecovery(tcb: Tcb, state: BbrState): void {
  const before = state.recovery;
  state.recovery = tcb.recovery;
  const was = before === Recovery.Fast || before === Recovery.Loss;
  const is = tcb.recovery === Recovery.Fast || tcb.recovery === Recovery.Loss;
  if (was && !is && tcb.cwnd < state.priorCwnd) tcb.cwnd = state.priorCwnd;
}

/** A loss, or a mark, of a probe: noted when it was found, judged with the ACK that follows. */
function judgeLoss(tcb: Tcb, state: BbrState, random: Prng, nowNs: number): void {
  const at = state.tooHighAt;
  state.tooHighAt = -1;
  if (!state.bwProbeSamples) return;
  inflightIsTooHigh(tcb, state, at, state.tooHighAppLimited, random, nowNs);
}

/** BBRSetPacingRateWithGain: before the pipe was full once, the rate only grows. */
function setPacingRate(tcb: Tcb, state: BbrState, gain: number): void {
  const bytesPerSecond = gain * state.bw * PACING_MARGIN;
  if (bytesPerSecond <= 0) return;
  if (state.fullBwReached || bytesPerSecond > tcb.pacingRate) tcb.pacingRate = bytesPerSecond;
}

/** BBRSetCwnd (4.6.4.6). */
function setCwnd(tcb: Tcb, state: BbrState): void {
  const wanted = bdpMultiple(state, state.bw, state.cwndGain) + extraAcked(state);
  const most = quantizationBudget(tcb, state, wanted);
  let cwnd = tcb.cwnd;
  if (state.fullBwReached) {
    cwnd += rate.newlyAcked;
    if (cwnd > most) cwnd = most;
  } else if (cwnd < most || tcb.delivered < state.initialCwnd) cwnd += rate.newlyAcked;
  const least = minPipe(tcb);
  if (cwnd < least) cwnd = least;
  if (state.mode === BbrMode.ProbeRtt) {
    const small = probeRttCwnd(tcb, state);
    if (cwnd > small) cwnd = small;
  }
  tcb.cwnd = Math.floor(boundForModel(tcb, state, cwnd, least));
}

/** BBRBoundCwndForModel (4.6.4.7). */
function boundForModel(tcb: Tcb, state: BbrState, cwnd: number, least: number): number {
  let cap = Number.POSITIVE_INFINITY;
  if (state.mode === BbrMode.ProbeRtt || state.mode === BbrMode.ProbeBwCruise) {
    cap = inflightWithHeadroom(tcb, state);
  } else if (isProbingCycle(state)) cap = state.inflightHi;
  if (state.inflightLo < cap) cap = state.inflightLo;
  if (cap < least) cap = least;
  return cwnd < cap ? cwnd : cap;
}
