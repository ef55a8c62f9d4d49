/**
 * What BBR knows of one connection.
 *
 * @module
 */

/** States of BBR (draft-ietf-ccwg-bbr, 3.4), in the order in which a connection meets them. */
export const BbrMode = {
  Startup: 0,
  Drain: 1,
  ProbeBwDown: 2,
  ProbeBwCruise: 3,
  ProbeBwRefill: 4,
  ProbeBwUp: 5,
  ProbeRtt: 6,
} as const;

/** Where the ACKs of a bandwidth probe are (`BBR.ack_phase`). */
export const AckPhase = {
  /** Not from a probe. */
  Init: 0,
  /** The pipe is being filled again. */
  Refilling: 1,
  /** The probe is in flight, its ACKs are not back yet. */
  Starting: 2,
  /** ACKs of the probe come in. */
  Feedback: 3,
  /** The probe is over, its last ACKs are under way. */
  Stopping: 4,
} as const;

const NONE: number = Number.POSITIVE_INFINITY;

/**
 * The variables of the draft, section 2, in bytes, bytes per second and nanoseconds. `bwLo`,
 * `inflightLo` and `inflightHi` are `bw_shortterm`, `inflight_shortterm` and `inflight_longterm` of
 * the latest versions. One object per connection slot, made once and used again.
 */
export class BbrState {
  mode = 0;
  pacingGain = 0;
  cwndGain = 0;
  initialCwnd = 0;

  // Rounds.
  roundCount = 0;
  roundStart = false;
  nextRoundDelivered = 0;

  // The model: bandwidth, round trip, volume.
  /** Largest rate of the last probe cycle and of this one (the windowed filter of two). */
  bwOld = 0;
  bwNew = 0;
  maxBw = 0;
  bw = 0;
  bwLo: number = NONE;
  inflightLo: number = NONE;
  inflightHi: number = NONE;
  minRttNs: number = NONE;
  minRttAtNs = 0;
  probeRttMinNs: number = NONE;
  probeRttMinAtNs = 0;
  probeRttExpired = false;

  // Congestion signals of this round.
  bwLatest = 0;
  inflightLatest = 0;
  lossRoundDelivered = 0;
  lossRoundStart = false;
  lossInRound = false;
  /** Rounds in a row in which the network marked instead of dropping. */
  markedRounds = 0;
  markedInRound = false;
  /** ACKs of this round that came with new losses. */
  lossEventsInRound = 0;
  /** Whether frames were marked lost since the last ACK was evaluated. */
  lostSinceAck = false;
  /** Volume at which a loss crossed the threshold, to be judged with the next ACK; -1 for none. */
  tooHighAt = -1;
  tooHighAppLimited = false;

  // Aggregation of ACKs.
  extraIntervalNs = 0;
  extraDelivered = 0;
  /** Largest excess of the last window of rounds and of this one. */
  extraOld = 0;
  extraNew = 0;
  extraRound = 0;

  // Is the pipe full?
  fullBw = 0;
  fullBwCount = 0;
  fullBwNow = false;
  fullBwReached = false;

  // Bandwidth probes.
  ackPhase = 0;
  bwProbeSamples = false;
  cycleAtNs = 0;
  probeWaitNs = 0;
  roundsSinceProbe = 0;
  probeUpRounds = 0;
  probeUpAcks = 0;
  probeUpCount: number = NONE;

  // PROBE_RTT, recovery, undo.
  probeRttDoneNs = 0;
  probeRttRoundDone = false;
  /** Rounds to come in which rates are still those of the pipe that PROBE_RTT has emptied. */
  refillingRounds = 0;
  priorCwnd = 0;
  idleRestart = false;
  recovery = 0;
  undoMode = 0;
  undoBwLo: number = NONE;
  undoInflightLo: number = NONE;
  undoInflightHi: number = NONE;
}
