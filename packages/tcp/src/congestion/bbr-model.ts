// @hot
/**
 * BBR's model of the path: bandwidth, round trip, and the volume that is safe in flight
 * (draft-ietf-ccwg-bbr, 4.5). Names are those of the draft.
 *
 * @module
 */

import type { Tcb } from '../tcb.ts';
import { AckPhase, BbrMode, type BbrState } from './bbr-state.ts';
import { rate } from './rate-sample.ts';

const MS = 1_000_000;
const SECOND = 1_000_000_000;

/** Loss in a round trip that a probe may cause (BBR.LossThresh). */
export const LOSS_THRESH = 0.02;
/** What is left of a bound after congestion (BBR.Beta). */
export const BETA = 0.7;
/** Share of the volume that is left to others while cruising (BBR.Headroom). */
const HEADROOM = 0.15;
/** Segments that keep ACKs coming whatever the receiver's ACK policy (BBR.MinPipeCwnd). */
const MIN_PIPE_SEGMENTS = 4;
/** How long a smallest round trip is believed (BBR.MinRTTFilterLen). */
const MIN_RTT_FILTER_NS: number = 10 * SECOND;
/** How often the queue is emptied to measure the round trip (BBR.ProbeRTTInterval). */
const PROBE_RTT_INTERVAL_NS: number = 5 * SECOND;
/** Window during PROBE_RTT in bandwidth-delay products (BBR.ProbeRTTCwndGain). */
export const PROBE_RTT_CWND_GAIN = 0.5;
/** Half of BBR.ExtraAckedFilterLen: the filter is two windows of this many rounds. */
const EXTRA_ACKED_ROUNDS = 5;
/** Growth that says the pipe is not full yet, and rounds without it that say it is (4.3.1.2). */
const FULL_BW_GROWTH = 1.25;
const FULL_BW_ROUNDS = 3;
/** Bounds of what leaves in one go: the draft's 64 KB, and two segments for the delayed ACK. */
const QUANTUM_BYTES_MAX = 65_536;
const QUANTUM_SEGMENTS_MIN = 2;
/**
 * Time worth of one quantum. The draft's 1 ms serves segmentation offload; a poll loop comes round
 * sooner, and 4.6.3 asks for the smallest that is feasible: 50 round trips of a 20 us network
 * would stand in its queue otherwise.
 */
const QUANTUM_NS = 20_000;
/** Quanta in flight that a full pipe needs: sender's, network's, receiver's (4.6.4.2). */
const OFFLOAD_QUANTA = 3;

/** Smallest window. */
export function minPipe(tcb: Tcb): number {
  return MIN_PIPE_SEGMENTS * tcb.mss;
}

/** Whether BBR is in one of the four phases of PROBE_BW. */
export function isProbingCycle(bbr: BbrState): boolean {
  return bbr.mode >= BbrMode.ProbeBwDown && bbr.mode <= BbrMode.ProbeBwUp;
}

/** Whether BBR tries to find more bandwidth: then a loss does not shrink the short-term bounds. */
export function isProbingBandwidth(bbr: BbrState): boolean {
  return (
    bbr.mode === BbrMode.Startup ||
    bbr.mode === BbrMode.ProbeBwRefill ||
    bbr.mode === BbrMode.ProbeBwUp
  );
}

/** A round trip begins with what is sent from now on (4.5.1). */
export function startRound(tcb: Tcb, bbr: BbrState): void {
  bbr.nextRoundDelivered = tcb.delivered;
}

/** Bandwidth-delay product times `gain`; the initial window while the round trip is unknown. */
export function bdpMultiple(bbr: BbrState, bandwidth: number, gain: number): number {
  if (bbr.minRttNs === Number.POSITIVE_INFINITY) return bbr.initialCwnd;
  return (gain * bandwidth * bbr.minRttNs) / SECOND;
}

/** Makes room for what is in flight only because hosts work in bursts (4.6.4.2). */
export function quantizationBudget(tcb: Tcb, bbr: BbrState, bytes: number): number {
  const offload = OFFLOAD_QUANTA * tcb.sendQuantum;
  let inflight = bytes < offload ? offload : bytes;
  const least = minPipe(tcb);
  if (inflight < least) inflight = least;
  if (bbr.mode === BbrMode.ProbeBwUp) inflight += 2 * tcb.mss;
  return inflight;
}

/** Volume that the model wants in flight at `gain`. */
export function inflightAt(tcb: Tcb, bbr: BbrState, bandwidth: number, gain: number): number {
  return quantizationBudget(tcb, bbr, bdpMultiple(bbr, bandwidth, gain));
}

/** `inflightHi` less the share that stays free for others. */
export function inflightWithHeadroom(tcb: Tcb, bbr: BbrState): number {
  if (bbr.inflightHi === Number.POSITIVE_INFINITY) return bbr.inflightHi;
  let headroom = HEADROOM * bbr.inflightHi;
  if (headroom < tcb.mss) headroom = tcb.mss;
  const bytes = bbr.inflightHi - headroom;
  const least = minPipe(tcb);
  return bytes < least ? least : bytes;
}

/** BBRTargetInflight: the bandwidth-delay product, as far as the window allows it. */
export function targetInflight(tcb: Tcb, bbr: BbrState): number {
  const bdp = bdpMultiple(bbr, bbr.bw, 1);
  return bdp < tcb.cwnd ? bdp : tcb.cwnd;
}

/** Window during PROBE_RTT. */
export function probeRttCwnd(tcb: Tcb, bbr: BbrState): number {
  const bytes = bdpMultiple(bbr, bbr.bw, PROBE_RTT_CWND_GAIN);
  const least = minPipe(tcb);
  return bytes < least ? least : bytes;
}

/** What leaves in one go at the current rate. */
export function setSendQuantum(tcb: Tcb): void {
  let bytes = (tcb.pacingRate * QUANTUM_NS) / SECOND;
  if (bytes > QUANTUM_BYTES_MAX) bytes = QUANTUM_BYTES_MAX;
  const least = QUANTUM_SEGMENTS_MIN * tcb.mss;
  tcb.sendQuantum = bytes < least ? least : bytes;
}

/** Forgets the bounds of the present: a probe looks for what is possible. */
export function resetShortTermModel(bbr: BbrState): void {
  bbr.bwLo = Number.POSITIVE_INFINITY;
  bbr.inflightLo = Number.POSITIVE_INFINITY;
}

/** Forgets the signals of the round. */
export function resetCongestionSignals(bbr: BbrState): void {
  bbr.lossInRound = false;
  bbr.markedInRound = false;
  bbr.bwLatest = 0;
  bbr.inflightLatest = 0;
}

/** Begins to look for the full bandwidth anew. */
export function resetFullBw(bbr: BbrState): void {
  bbr.fullBw = 0;
  bbr.fullBwCount = 0;
  bbr.fullBwNow = false;
}

/** BBRUpdateLatestDeliverySignals. */
export function updateLatestSignals(tcb: Tcb, bbr: BbrState): void {
  bbr.lossRoundStart = false;
  if (rate.valid === 0) return;
  if (rate.bytesPerSecond > bbr.bwLatest) bbr.bwLatest = rate.bytesPerSecond;
  if (rate.delivered > bbr.inflightLatest) bbr.inflightLatest = rate.delivered;
  if (rate.priorDelivered >= bbr.lossRoundDelivered) {
    bbr.lossRoundDelivered = tcb.delivered;
    bbr.lossRoundStart = true;
  }
}

/** BBRAdvanceLatestDeliverySignals. */
export function advanceLatestSignals(bbr: BbrState): void {
  if (!bbr.lossRoundStart) return;
  bbr.bwLatest = rate.bytesPerSecond;
  bbr.inflightLatest = rate.delivered;
}

/** BBRUpdateCongestionSignals: round, bandwidth, and what a congested round means. */
export function updateCongestionSignals(tcb: Tcb, bbr: BbrState): void {
  updateRound(tcb, bbr);
  takeBandwidth(bbr);
  if (!bbr.lossRoundStart) return;
  bbr.markedRounds = bbr.markedInRound ? bbr.markedRounds + 1 : 0;
  // A deviation from the draft, which would take the rate of a pipe that PROBE_RTT has just emptied
  // for what is left of the path: one random loss then cost 30 % until the next probe.
  if (bbr.lossInRound && !isProbingBandwidth(bbr) && bbr.refillingRounds === 0) {
    if (bbr.bwLo === Number.POSITIVE_INFINITY) bbr.bwLo = bbr.maxBw;
    if (bbr.inflightLo === Number.POSITIVE_INFINITY) bbr.inflightLo = tcb.cwnd;
    const bw = BETA * bbr.bwLo;
    bbr.bwLo = bbr.bwLatest > bw ? bbr.bwLatest : bw;
    const inflight = BETA * bbr.inflightLo;
    bbr.inflightLo = bbr.inflightLatest > inflight ? bbr.inflightLatest : inflight;
  }
  bbr.lossInRound = false;
  bbr.markedInRound = false;
}

function updateRound(tcb: Tcb, bbr: BbrState): void {
  bbr.roundStart = false;
  if (rate.valid === 0 || rate.priorDelivered < bbr.nextRoundDelivered) return;
  startRound(tcb, bbr);
  bbr.roundCount += 1;
  bbr.roundsSinceProbe += 1;
  bbr.roundStart = true;
  if (bbr.refillingRounds > 0) bbr.refillingRounds -= 1;
}

/** BBRUpdateMaxBw: an application that has nothing to send says nothing about the path. */
function takeBandwidth(bbr: BbrState): void {
  const bw = rate.bytesPerSecond;
  if (bw <= 0 || (rate.appLimited !== 0 && bw < bbr.maxBw)) return;
  if (bw > bbr.bwNew) bbr.bwNew = bw;
  bbr.maxBw = bbr.bwOld > bbr.bwNew ? bbr.bwOld : bbr.bwNew;
}

/** BBRAdvanceMaxBwFilter: the cycle before last is forgotten. */
export function advanceMaxBw(bbr: BbrState): void {
  if (bbr.bwNew === 0) return;
  bbr.bwOld = bbr.bwNew;
  bbr.bwNew = 0;
  bbr.maxBw = bbr.bwOld;
}

/** BBRUpdateACKAggregation: how far ACKs run ahead of the rate, because they come in lumps. */
export function updateAggregation(tcb: Tcb, bbr: BbrState, nowNs: number): void {
  if (rate.newlyAcked === 0) return;
  let expected = (bbr.bw * (nowNs - bbr.extraIntervalNs)) / SECOND;
  if (bbr.extraDelivered <= expected) {
    bbr.extraDelivered = 0;
    bbr.extraIntervalNs = nowNs;
    expected = 0;
  }
  bbr.extraDelivered += rate.newlyAcked;
  let extra = bbr.extraDelivered - expected;
  if (extra > tcb.cwnd) extra = tcb.cwnd;
  const window = bbr.fullBwReached ? EXTRA_ACKED_ROUNDS : 1;
  if (bbr.roundCount - bbr.extraRound >= window) {
    bbr.extraRound = bbr.roundCount;
    bbr.extraOld = bbr.extraNew;
    bbr.extraNew = 0;
  }
  if (extra > bbr.extraNew) bbr.extraNew = extra;
}

/** Largest excess of ACKs over the last rounds. */
export function extraAcked(bbr: BbrState): number {
  return bbr.extraOld > bbr.extraNew ? bbr.extraOld : bbr.extraNew;
}

/** BBRCheckFullBWReached: three rounds without a quarter more. */
export function checkFullBw(bbr: BbrState): void {
  if (bbr.fullBwNow || rate.bytesPerSecond === 0 || rate.appLimited !== 0) return;
  if (rate.bytesPerSecond >= bbr.fullBw * FULL_BW_GROWTH) {
    resetFullBw(bbr);
    bbr.fullBw = rate.bytesPerSecond;
    return;
  }
  if (!bbr.roundStart) return;
  bbr.fullBwCount += 1;
  bbr.fullBwNow = bbr.fullBwCount >= FULL_BW_ROUNDS;
  if (bbr.fullBwNow) bbr.fullBwReached = true;
}

/** BBRUpdateMinRTT: the shortest round trip, and whether it is time to look for it again. */
export function updateMinRtt(bbr: BbrState, nowNs: number): void {
  bbr.probeRttExpired = nowNs > bbr.probeRttMinAtNs + PROBE_RTT_INTERVAL_NS;
  if (rate.rttNs > 0 && (rate.rttNs < bbr.probeRttMinNs || bbr.probeRttExpired)) {
    bbr.probeRttMinNs = rate.rttNs;
    bbr.probeRttMinAtNs = nowNs;
  }
  const expired = nowNs > bbr.minRttAtNs + MIN_RTT_FILTER_NS;
  if (bbr.probeRttMinNs < bbr.minRttNs || expired) {
    bbr.minRttNs = bbr.probeRttMinNs;
    bbr.minRttAtNs = bbr.probeRttMinAtNs;
  }
}

/** IsInflightTooHigh. */
export function isInflightTooHigh(lost: number, txInFlight: number): boolean {
  return lost > txInFlight * LOSS_THRESH;
}

/** BBRNoteLoss: the round in which congestion showed ends with what is in flight now. */
export function noteLoss(tcb: Tcb, bbr: BbrState): void {
  if (!bbr.lossInRound) bbr.lossRoundDelivered = tcb.delivered;
  bbr.lossInRound = true;
}

/** Begins with what is known when the connection opens (BBROnInit). */
export function initModel(tcb: Tcb, bbr: BbrState, nowNs: number): void {
  bbr.initialCwnd = tcb.cwnd;
  bbr.roundCount = 0;
  bbr.roundStart = false;
  startRound(tcb, bbr);
  bbr.bwOld = 0;
  bbr.bwNew = 0;
  bbr.maxBw = 0;
  bbr.bw = 0;
  bbr.inflightHi = Number.POSITIVE_INFINITY;
  bbr.minRttNs = tcb.srttNs > 0 ? tcb.srttNs : Number.POSITIVE_INFINITY;
  bbr.minRttAtNs = nowNs;
  bbr.probeRttMinNs = bbr.minRttNs;
  bbr.probeRttMinAtNs = nowNs;
  bbr.probeRttExpired = false;
  resetCongestionSignals(bbr);
  resetShortTermModel(bbr);
  resetFullBw(bbr);
  bbr.fullBwReached = false;
  bbr.lossRoundDelivered = tcb.delivered;
  bbr.lossRoundStart = false;
  bbr.lossEventsInRound = 0;
  bbr.lostSinceAck = false;
  bbr.tooHighAt = -1;
  bbr.markedRounds = 0;
  bbr.extraIntervalNs = nowNs;
  bbr.extraDelivered = 0;
  bbr.extraOld = 0;
  bbr.extraNew = 0;
  bbr.extraRound = 0;
  bbr.ackPhase = AckPhase.Init;
  bbr.bwProbeSamples = false;
  bbr.cycleAtNs = nowNs;
  bbr.probeWaitNs = 0;
  bbr.roundsSinceProbe = 0;
  bbr.probeUpRounds = 0;
  bbr.probeUpAcks = 0;
  bbr.probeUpCount = Number.POSITIVE_INFINITY;
  bbr.probeRttDoneNs = 0;
  bbr.probeRttRoundDone = false;
  bbr.refillingRounds = 0;
  bbr.priorCwnd = 0;
  bbr.idleRestart = false;
  bbr.recovery = 0;
  bbr.undoMode = BbrMode.Startup;
  bbr.undoBwLo = Number.POSITIVE_INFINITY;
  bbr.undoInflightLo = Number.POSITIVE_INFINITY;
  bbr.undoInflightHi = Number.POSITIVE_INFINITY;
  // BBRInitPacingRate: a round trip that is not known counts as a millisecond.
  tcb.pacingRate = (tcb.cwnd * SECOND) / (tcb.srttNs > 0 ? tcb.srttNs : MS);
  setSendQuantum(tcb);
}
