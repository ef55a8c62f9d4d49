// @hot
/**
 * The transmission control block: all that is known about one connection.
 *
 * Objects of one class, made once with their pool, every field a number from the start (one flow of
 * numbers excepted): JSC then keeps one shape and unboxed loads. Names are of RFC 9293, 3.3.1.
 * Sequence numbers are int32, times are nanoseconds, `NEVER` is a timer that is not set.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { IpFlow } from '@tickwire/wire';
import type { BbrState } from './congestion/bbr-state.ts';
import { State } from './state.ts';

/** A deadline that is not set. */
export const NEVER: number = Number.POSITIVE_INFINITY;

/** Bits of `Tcb.flags`. */
export const Flag = {
  /** `closed` is owed to the owner. */
  Owned: 0x00000001,
  /** The owner has said `shutdown` or `close`: a FIN follows the queued data. */
  FinQueued: 0x00000002,
  /** The FIN frame is in the send queue. */
  FinInQueue: 0x00000004,
  /** The peer's FIN has been received in order. */
  FinReceived: 0x00000008,
  /** `ended` has been told. */
  EndTold: 0x00000010,
  /** The owner has said `close`: data that still comes is answered by a reset. */
  ReceiveClosed: 0x00000020,
  /** Received data stays in the queue until `resume`. */
  Paused: 0x00000040,
  /** Received data is fetched by `read`. */
  Pull: 0x00000080,
  /** Timestamps are in use. */
  Timestamps: 0x00000100,
  /** SACK is in use. */
  Sack: 0x00000200,
  /** Window scaling is in use. */
  Scaling: 0x00000400,
  /** ECN is in use. */
  Ecn: 0x00000800,
  /** Nagle's algorithm is on. */
  Nagle: 0x00001000,
  /** Partial segments are held back until uncorked. */
  Cork: 0x00002000,
  /** An ACK is owed at the next egress. */
  AckNow: 0x00004000,
  /** The owner came up short and waits for `drained`. */
  WantsRoom: 0x00008000,
  /** In the needs-egress list. */
  InEgress: 0x00010000,
  /** Echo ECE until the peer says CWR (RFC 3168, 6.1.3). */
  EcnEcho: 0x00040000,
  /** Say CWR on the next new data segment (RFC 3168, 6.1.2). */
  EcnCwr: 0x00080000,
  /** A segment of the send queue is a tail loss probe that waits for its ACK (RFC 8985, 7.4). */
  TlpOutstanding: 0x00100000,
  /** The tail loss probe was a retransmission. */
  TlpRetransmit: 0x00200000,
  /** A tail loss probe is due at the next egress. */
  TlpDue: 0x00400000,
  /** RACK saw reordering (RFC 8985, 6.2). */
  ReorderingSeen: 0x01000000,
  /** F-RTO is undecided (RFC 5682). */
  Frto: 0x02000000,
  /** F-RTO: the next egress sends new data before what is thought lost. */
  FrtoNew: 0x00800000,
  /** The next egress sends one segment whatever the congestion window says. */
  ForceOne: 0x04000000,
  /** A zero-window or keepalive probe is due at the next egress. */
  ProbeDue: 0x08000000,
  /** ICMP has said that the peer cannot be reached; a timeout is told as Unreachable. */
  SoftError: 0x00020000,
  /** A SYN or SYN-ACK is due at the next egress. */
  SynDue: 0x20000000,
  /** `setReceiveBuffer` was called: no auto-tuning. */
  FixedReceiveBuffer: 0x40000000,
  /** A held-back partial segment may go (override timeout, RFC 9293, 3.8.6.2.1). */
  Override: 0x10000000,
} as const;

/** One connection. Read what you like; change it through `Tcp` only, `token` excepted. */
export class Tcb {
  /** Index in the pool. */
  readonly slot: number;
  /** Addresses, and what IP caches. */
  readonly flow: IpFlow = new IpFlow();
  /** Counts uses of this slot: a handle of (slot, generation) detects reuse. */
  generation = 0;
  /** Free for the owner; set to 0 when the connection is made. */
  token = 0;

  /** {@link State}. */
  state: number = State.Closed;
  /** Bits of {@link Flag}. */
  flags = 0;
  /** Id of the listener of a passive open, or -1. */
  listener = -1;
  localPort = 0;
  remotePort = 0;
  /** `localPort << 16 | remotePort`, int32. */
  ports = 0;
  /** Demux hash, kept for removal. */
  hash = 0;
  /** Next in the egress, free or TIME-WAIT list. */
  egressNext = -1;
  listNext = -1;
  listPrev = -1;

  // Send sequence variables (RFC 9293, 3.3.1).
  iss = 0;
  sndUna = 0;
  sndNxt = 0;
  /** Sequence number behind everything that is queued. */
  sndEnd = 0;
  /** The peer's window in bytes. */
  sndWnd = 0;
  sndWl1 = 0;
  sndWl2 = 0;
  /** Largest window the peer ever offered (Fs of RFC 9293, 3.8.6.2.1). */
  sndWndMax = 0;
  /** Timeouts and probes in a row that nothing answered. */
  unanswered = 0;
  sndShift = 0;
  /** Payload of a full-sized segment, options subtracted (Eff.snd.MSS of RFC 9293, 3.7.1). */
  mss = 536;
  /** What the peer's MSS option said. */
  peerMss = 536;
  /** Largest packet that this connection knows to pass; `flow.mtu` is what IP knows. */
  pathMtu = 65_535;
  /** `flow.mtu` for which `mss` holds. */
  mtuSeen = 0;
  /** The search for a larger one (path-mtu.ts): upper bound, whether to try that first. */
  mtuHigh = 65_535;
  mtuTop = 0;
  /** When the next probe may leave. */
  mtuProbeAtNs: number = NEVER;
  /** Packet size of the probe that is out, or 0; its frame while it is whole; its end. */
  mtuProbe = 0;
  mtuProbeFrame: number = NO_FRAME;
  mtuProbeEnd = 0;
  /** Segments with so much payload seem to fall into a black hole; 65,535 when none do. */
  mtuSuspect = 65_535;
  /** End of the last segment smaller than the MSS (Minshall's form of Nagle). */
  sndSmall = 0;

  // The send queue: frames in the order of their sequence numbers.
  sqHead: number = NO_FRAME;
  sqTail: number = NO_FRAME;
  /** First frame that was never sent. */
  sqUnsent: number = NO_FRAME;
  /** No lost frame lies before this one. */
  sqLost: number = NO_FRAME;
  sqFrames = 0;
  sndBufBytes = 0;
  /** Frame handed out by `reserve`, and the room in it. */
  reservedFrame: number = NO_FRAME;
  reservedAt = 0;
  reservedBytes = 0;

  // Receive sequence variables.
  irs = 0;
  rcvNxt = 0;
  /** Right edge of the window that was advertised: RCV.NXT + RCV.WND. Never moves back. */
  rcvAdv = 0;
  rcvShift = 0;
  rcvBufBytes = 0;
  /** In-order data that is not delivered. */
  rqHead: number = NO_FRAME;
  rqTail: number = NO_FRAME;
  rqBytes = 0;
  rqFrames = 0;
  /** Out-of-order data. */
  ooHead: number = NO_FRAME;
  /** First frame of the last run. */
  ooLastRun: number = NO_FRAME;
  ooBytes = 0;
  ooFrames = 0;
  /** Where the last out-of-order segments went: the first SACK blocks (RFC 2018, 4). */
  ooRecent = 0;
  ooRecent1 = 0;
  ooRecent2 = 0;
  ooRecent3 = 0;
  ooRecentEnd = 0;
  /** Runs that no SACK block has reported as they are now. */
  ooFresh = 0;
  /** Duplicate reports for the next ACKs (RFC 2883), in order; empty when equal. */
  dsackLeft = 0;
  dsackRight = 0;
  dsackLeft1 = 0;
  dsackRight1 = 0;
  dsackLeft2 = 0;
  dsackRight2 = 0;
  dsackLeft3 = 0;
  dsackRight3 = 0;
  /** The right edge of the sequence space acknowledged last (Last.ACK.sent of RFC 7323). */
  rcvAcked = 0;
  /** Duplicate ACKs owed to a peer without SACK. */
  dupAcksOwed = 0;
  /** Largest segment seen lately: what "full-sized" means for the delayed ACK. */
  rcvMss = 536;
  /** Largest segment of the current round trip: `rcvMss` of the next. */
  rcvMssNext = 0;
  /** Start of the current measurement of the delivered amount (window auto-tuning). */
  drsSeq = 0;
  drsNs = 0;

  // Timestamps (RFC 7323).
  tsOffset = 0;
  tsRecent = 0;
  tsRecentNs = 0;

  // Round-trip time (RFC 6298), in nanoseconds.
  srttNs = 0;
  rttvarNs = 0;
  rtoNs = 0;
  /** Timeouts in a row. */
  backoff = 0;
  /** Smallest round trip in the last window, and when it was seen. */
  minRttNs = 0;
  minRttAtNs = 0;

  // Congestion control and loss recovery, in bytes.
  congestion = 0;
  cwnd = 0;
  ssthresh = 0;
  /** Bytes acknowledged towards the next growth (RFC 3465). */
  cwndAcked = 0;
  /** `Recovery` of retransmit.ts. */
  recovery = 0;
  /** SND.NXT when recovery began. */
  recover = 0;
  dupAcks = 0;
  /** Bytes of the queue that are SACKed (or implied by duplicate ACKs), lost, sent again. */
  sackedBytes = 0;
  lostBytes = 0;
  retransBytes = 0;
  /** Highest sequence number SACKed. */
  sackHigh = 0;
  prrDelivered = 0;
  prrOut = 0;
  /** What was outstanding when recovery began, or a tail loss probe left. */
  recoverFlight = 0;
  /** For undoing a spurious reduction. */
  undoSeq = 0;
  undoCwnd = 0;
  undoSsthresh = 0;
  /** Retransmitted segments not yet proved spurious; -1 when there is nothing to undo. */
  undoCount = -1;
  /** TSval of the first retransmission (Eifel, RFC 3522). */
  undoTs = 0;
  /** CUBIC's: window before the last reduction, time to reach it again, start of the epoch. */
  cubicWMax = 0;
  cubicK = 0;
  cubicEpochNs = 0;
  cubicWEst = 0;
  cubicPrior = 0;
  /** HyStart++'s: the current round, smallest round trips, samples, rounds of CSS. */
  hyRoundEnd = 0;
  hyLastMinNs = 0;
  hyMinNs = 0;
  hySamples = 0;
  hyCssRounds = 0;
  hyBaselineNs = 0;
  /** BBR's model; made with the first connection of this slot that uses BBR, and kept. */
  bbr: BbrState | undefined = undefined;

  // Delivery rate estimation (delivery-rate.ts).
  /** 1 when the controller works from delivery rates: it owns `cwnd` and paces. */
  rateOn = 0;
  /** Bytes delivered so far, selectively or not, and when the last of them were. */
  delivered = 0;
  deliveredNs = 0;
  /** When the latest segment that is known to be delivered was sent. */
  firstSentNs = 0;
  /** Bytes marked lost so far. */
  lostTotal = 0;
  /** Samples are application-limited until so much is delivered; 0 when they are not. */
  appLimitedUntil = 0;
  /** The congestion window was the limit for what is delivered by then. */
  cwndLimitedUntil = 0;
  /** Bytes per second that the controller wants, and bytes that leave in one go. */
  pacingRate = 0;
  sendQuantum = 0;

  // RACK-TLP (RFC 8985).
  rackSentNs = 0;
  rackEnd = 0;
  rackRttNs = 0;
  rackReoMult = 1;
  rackReoPersist = 0;
  rackRound = 0;
  rackRoundEnd = 0;
  tlpEnd = 0;
  ecnRecover = 0;

  // Deadlines in nanoseconds, NEVER when not set; the wheel holds the earliest.
  /** RTO, or persist, tail loss probe and RACK: they exclude one another (`retransmitKind`). */
  retransmitAtNs: number = NEVER;
  /** `Retransmit` of timers.ts. */
  retransmitKind = 0;
  /** When the retransmission timeout would fire, whatever `retransmitKind` is. */
  rtoAtNs: number = NEVER;
  ackAtNs: number = NEVER;
  keepaliveAtNs: number = NEVER;
  /** TIME-WAIT, FIN-WAIT-2. */
  lingerAtNs: number = NEVER;
  userTimeoutAtNs: number = NEVER;
  paceAtNs: number = NEVER;
  /** What the wheel holds. */
  wheelAtNs: number = NEVER;

  // Settings that differ per connection.
  userTimeoutNs = 0;
  keepaliveIdleNs = 0;
  keepaliveIntervalNs = 0;
  keepaliveProbesMax = 0;
  keepaliveProbes = 0;

  // Times and totals for TCP_INFO.
  openedNs = 0;
  lastReceivedNs = 0;
  lastSentNs = 0;
  lastDataNs = 0;
  /** When the pacer lets the next segment go. */
  paceNextNs = 0;
  /** When a segment outside the window was last answered. */
  challengedNs = 0;
  bytesAcked = 0;
  bytesReceived = 0;
  segmentsIn = 0;
  segmentsOut = 0;
  retransmits = 0;
  /** `FastOpen` of fast-open.ts; 0 once the handshake is complete. */
  fastOpen = 0;
  /** Payload of our SYN. */
  fastOpenBytes = 0;

  constructor(slot: number) {
    this.slot = slot;
  }
}
