// @hot
/**
 * Opening of connections: SYN in both directions, and what is agreed on.
 *
 * @module
 */

import {
  type IpFlow,
  type IpMeta,
  seqAdd,
  seqGt,
  TCP_ACK,
  TCP_MSS_DEFAULT_IPV4,
  TCP_MSS_DEFAULT_IPV6,
  TCP_RST,
  TCP_SYN,
} from '@tickwire/wire';
import { Acc } from './accecn.ts';
import { askEcn, beginAccurate, takeSynEcn } from './accecn-handshake.ts';
import { leaveEmbryonic, removeConnection, restartTimeWait, shutdownSend } from './close.ts';
import { controllerOf } from './congestion/registry.ts';
import type { Core, Segment } from './core.ts';
import { reactToMarks } from './ecn-reaction.ts';
import { flowFromMeta } from './emit.ts';
import { fastOpenAnswered, wantFastOpen } from './fast-open-client.ts';
import { MSS_MIN, TIME_WAIT_TRIES_MAX } from './limits.ts';
import { openPathMtu } from './path-mtu.ts';
import type { Listener } from './listener.ts';
import { Recovery } from './recovery.ts';
import { clearRetransmit } from './retransmit.ts';
import { sampleRtt } from './rtt.ts';
import { updateMss } from './send.ts';
import { CloseReason, State } from './state.ts';
import { synWindow } from './syn-ack.ts';
import { SYN_CLEARED, SynFlag, type SynTerms } from './syn-cache.ts';
import { Flag, NEVER, storeFlow, type Tcb } from './tcb.ts';
import { promisedWindow } from './window.ts';

/** `Tcb.lastSentNs` when nobody knows which SYN-ACK was answered. */
export const UNKNOWN_NS = -1;

/**
 * A free Tcb; the oldest in TIME-WAIT whose owner is done gives way. Undefined when every
 * connection is in use.
 */
function takeTcb(core: Core, nowNs: number): Tcb | undefined {
  const free = core.allocTcb();
  if (free !== undefined) return free;
  core.counters.connectionsExhausted += 1;
  for (let left = TIME_WAIT_TRIES_MAX; left > 0; left -= 1) {
    const oldest = core.oldestTimeWait();
    if (oldest === undefined) return undefined;
    if ((oldest.flags & Flag.Owned) === 0) {
      core.counters.timeWaitRecycled += 1;
      removeConnection(core, oldest, CloseReason.Finished);
      return core.allocTcb();
    }
    // One owner that does not read must not keep the others from giving way.
    restartTimeWait(core, oldest, nowNs);
  }
  return undefined;
}

/** The MSS of a peer that has not said one (RFC 9293, 3.7.1). */
export function defaultMss(family: number): number {
  return family === 4 ? TCP_MSS_DEFAULT_IPV4 : TCP_MSS_DEFAULT_IPV6;
}

/** Makes `tcb` a new connection on `flow`, which is bound, between two ports. */
function begin(
  core: Core,
  tcb: Tcb,
  flow: IpFlow,
  localPort: number,
  remotePort: number,
  iss: number,
  tsOffset: number,
  nowNs: number,
): void {
  const config = core.config;
  tcb.reset(core.pool, nowNs);
  storeFlow(tcb, flow);
  tcb.ports = (localPort << 16) | remotePort;
  tcb.hash = core.hashFlow(flow, tcb.ports);
  tcb.iss = iss;
  tcb.tsOffset = tsOffset;
  tcb.sndUna = tcb.iss;
  tcb.sndNxt = seqAdd(tcb.iss, 1);
  tcb.sndEnd = tcb.sndNxt;
  tcb.sndSmall = tcb.iss;
  tcb.sndUp = tcb.iss;
  tcb.recover = tcb.iss;
  tcb.sackHigh = tcb.iss;
  tcb.rackEnd = tcb.iss;
  tcb.ecnRecover = tcb.iss;
  tcb.rcvShift = config.windowScaling ? core.windowShift : 0;
  if (config.timestamps) tcb.flags |= Flag.Timestamps;
  if (config.sack) tcb.flags |= Flag.Sack;
  if (config.windowScaling) tcb.flags |= Flag.Scaling;
  if (config.nagle) tcb.flags |= Flag.Nagle;
  tcb.peerMss = defaultMss(tcb.family);
  updateMss(core, tcb);
  core.demux.insert(tcb);
}

/**
 * Active open on a flow that IP has bound and a local port that is free (RFC 9293, 3.10.1).
 * Undefined when there is no Tcb.
 */
export function openActive(
  core: Core,
  flow: IpFlow,
  localPort: number,
  remotePort: number,
  token: number,
  fastOpen: boolean,
  floor: number,
  nowNs: number,
): Tcb | undefined {
  const tcb = takeTcb(core, nowNs);
  if (tcb === undefined) return undefined;
  core.isn.compute(flow, (localPort << 16) | remotePort, floor, nowNs);
  begin(core, tcb, flow, localPort, remotePort, core.isn.isn, core.isn.tsOffset, nowNs);
  tcb.token = token;
  // Until the peer has spoken, frames are filled as if it took what we take; what is too large then
  // is cut when it leaves.
  tcb.peerMss = tcb.mssMax;
  updateMss(core, tcb);
  tcb.state = State.SynSent;
  tcb.flags |= Flag.Owned | Flag.SynDue;
  askEcn(tcb, core.config.ecn);
  if (fastOpen) wantFastOpen(core, tcb, nowNs);
  core.counters.activeOpens += 1;
  core.needsEgress(tcb);
  return tcb;
}

/**
 * A connection in SYN-RECEIVED whose handshake ran without it: `terms` are those of its SYN, and
 * our SYN-ACK has been sent. Undefined when there is no Tcb.
 */
export function openPassiveTcb(
  core: Core,
  listener: Listener,
  meta: IpMeta,
  ports: number,
  terms: SynTerms,
  nowNs: number,
): Tcb | undefined {
  const tcb = takeTcb(core, nowNs);
  if (tcb === undefined) return undefined;
  const flow = core.replyFlow;
  flowFromMeta(flow, meta);
  if (core.output.bindFlow(flow, nowNs) < 0) {
    core.freeTcb(tcb);
    return undefined;
  }
  begin(core, tcb, flow, ports >>> 16, ports & 0xffff, terms.iss, terms.tsOffset, nowNs);
  tcb.listener = listener.id;
  if (listener.congestion >= 0) tcb.congestion = listener.congestion;
  tcb.mssMax = listener.mssMax;
  tcb.rcvBufBytes = listener.receiveBufferBytes;
  if (listener.fixedReceiveBuffer === 1) tcb.flags |= Flag.FixedReceiveBuffer;
  tcb.state = State.SynReceived;
  listener.embryonic += 1;
  if ((terms.flags & SynFlag.Ecn) !== 0) tcb.flags |= Flag.Ecn;
  if ((terms.flags & SynFlag.Accurate) !== 0) {
    beginAccurate(tcb, terms.ecn & 3, (terms.ecn & SYN_CLEARED) === 0 ? 0 : Acc.NoEct);
  }
  if (terms.mss !== 0) tcb.peerMss = terms.mss < MSS_MIN ? MSS_MIN : terms.mss;
  takeTerms(
    core,
    tcb,
    terms.irs,
    terms.window,
    (terms.flags & SynFlag.Scaling) === 0 ? -1 : terms.shift,
    (terms.flags & SynFlag.Timestamps) !== 0,
    terms.tsRecent,
    (terms.flags & SynFlag.Sack) !== 0,
    nowNs,
  );
  // What the SYN-ACK has promised.
  tcb.rcvAdv = seqAdd(tcb.rcvNxt, synWindow(listener));
  return tcb;
}

/** Learns from the peer's SYN: sequence number, MSS, scale, timestamps, SACK, ECN. */
export function takeSyn(core: Core, tcb: Tcb, segment: Segment, nowNs: number): void {
  const options = core.options;
  if (options.mss !== 0) tcb.peerMss = options.mss < MSS_MIN ? MSS_MIN : options.mss;
  takeSynEcn(core, tcb, segment);
  takeTerms(
    core,
    tcb,
    segment.seq,
    segment.window,
    options.windowScale,
    options.hasTimestamps === 1,
    options.tsVal,
    options.sackPermitted === 1,
    nowNs,
  );
  tcb.sndWl2 = segment.ack;
}

/** Takes over what the peer's SYN has said; `shift` is -1 without window scaling. */
function takeTerms(
  core: Core,
  tcb: Tcb,
  irs: number,
  window: number,
  shift: number,
  timestamps: boolean,
  tsVal: number,
  sack: boolean,
  nowNs: number,
): void {
  tcb.irs = irs;
  // What our SYN has promised counts from where the peer begins: its data may come with its SYN.
  const promised = promisedWindow(tcb);
  tcb.rcvNxt = seqAdd(irs, 1);
  tcb.rcvAdv = seqAdd(tcb.rcvNxt, promised);
  tcb.rcvAcked = tcb.rcvNxt;
  tcb.drsSeq = tcb.rcvNxt;
  // The window of a SYN is never scaled (RFC 7323, 2.2).
  tcb.sndWnd = window;
  tcb.sndWndMax = window;
  tcb.sndWl1 = irs;
  if (shift >= 0 && (tcb.flags & Flag.Scaling) !== 0) tcb.sndShift = shift;
  else {
    // Scaling is in use only when both sides have said so (RFC 7323, 2.2).
    tcb.flags &= ~Flag.Scaling;
    tcb.rcvShift = 0;
    tcb.sndShift = 0;
  }
  if (timestamps && (tcb.flags & Flag.Timestamps) !== 0) {
    tcb.tsRecent = tsVal;
    tcb.tsRecentNs = nowNs;
  } else tcb.flags &= ~Flag.Timestamps;
  if (!sack) tcb.flags &= ~Flag.Sack;
  updateMss(core, tcb);
  // Small at first: the first segments are acknowledged at once, which opens the peer's window.
  tcb.rcvMss = tcb.mss < TCP_MSS_DEFAULT_IPV4 ? tcb.mss : TCP_MSS_DEFAULT_IPV4;
}

/** SYN-SENT (RFC 9293, 3.10.7.3). Returns true when the segment's text is to be looked at. */
export function synSentArrives(core: Core, tcb: Tcb, segment: Segment, nowNs: number): boolean {
  const flags = segment.flags;
  const acks = (flags & TCP_ACK) !== 0;
  // The ACK must cover our SYN, which is all we have sent; `segmentArrives` resets the others.
  if ((flags & TCP_RST) !== 0) {
    if (acks) removeConnection(core, tcb, CloseReason.Refused);
    return false;
  }
  if ((flags & TCP_SYN) === 0) return false;
  tcb.peerMss = defaultMss(tcb.family);
  takeSyn(core, tcb, segment, nowNs);
  if (acks) {
    if (tcb.fastOpen !== 0) fastOpenAnswered(core, tcb, segment, nowNs);
    else tcb.sndUna = segment.ack;
    establish(core, tcb, nowNs);
    tcb.flags |= Flag.AckNow;
    core.needsEgress(tcb);
    return true;
  }
  // Simultaneous open (RFC 9293, 3.5, figure 7).
  tcb.state = State.SynReceived;
  tcb.backoff = 0;
  tcb.flags |= Flag.SynDue;
  core.needsEgress(tcb);
  return false;
}

/** The handshake is complete: ESTABLISHED, first window, the owner is told. */
export function establish(core: Core, tcb: Tcb, nowNs: number): void {
  const config = core.config;
  leaveEmbryonic(core, tcb);
  // With fast open the owner has it already.
  const isOpened = tcb.fastOpen !== 0;
  if (isOpened) tcb.lastSentNs = UNKNOWN_NS;
  tcb.fastOpen = 0;
  const lostSyn = tcb.backoff > 0;
  tcb.state = State.Established;
  tcb.flags &= ~Flag.SynDue;
  tcb.backoff = 0;
  tcb.unanswered = 0;
  clearRetransmit(tcb);
  // The handshake measures the round trip, unless it had to be repeated (Karn).
  if (tcb.lastSentNs === UNKNOWN_NS) tcb.lastSentNs = nowNs;
  else if (!lostSyn) sampleRtt(tcb, config, nowNs - tcb.lastSentNs, nowNs);
  tcb.recovery = Recovery.Open;
  // RFC 6928, 2: ten segments; RFC 5681, 3.1: one when the SYN was lost.
  const segments = lostSyn ? 1 : config.initialWindowSegments;
  openPathMtu(core, tcb);
  tcb.cwnd = segments * tcb.mss;
  tcb.ssthresh = 2 ** 30;
  controllerOf(tcb).open(tcb, nowNs);
  // The handshake itself has met congestion (RFC 9768, 3.2.2.2).
  if ((tcb.accEcn & Acc.SynMarked) !== 0) reactToMarks(core, tcb, tcb.cwnd, nowNs);
  // RFC 6298, 5.7: after a lost SYN the timeout begins at three seconds, unless it was measured.
  if (lostSyn && tcb.srttNs === 0) tcb.rtoNs = Math.min(3 * config.rtoInitialNs, config.rtoMaxNs);
  if (tcb.keepaliveIdleNs > 0) {
    tcb.keepaliveAtNs = nowNs + tcb.keepaliveIdleNs;
    core.armAt(tcb, tcb.keepaliveAtNs);
  }
  tcb.lastReceivedNs = nowNs;
  tcb.userTimeoutAtNs = NEVER;
  if (tcb.listener >= 0 && !isOpened) {
    core.listeners[tcb.listener]!.accepted += 1;
    tcb.flags |= Flag.Owned;
  }
  if ((tcb.flags & Flag.FinQueued) !== 0) {
    // `shutdown` came before the handshake was complete.
    tcb.flags &= ~Flag.FinQueued;
    shutdownSend(core, tcb);
  }
  if (tcb.sndEnd !== tcb.sndNxt) core.needsEgress(tcb);
  if (!isOpened) core.events.opened(tcb);
}

/**
 * A SYN for a connection in TIME-WAIT: may a new connection begin in its place (RFC 9293,
 * 3.6.1; RFC 6191)? With timestamps when the clock has moved on, else when the sequence number has.
 * Not while the owner has unread data: it was acknowledged, so nobody else has it any more.
 */
export function mayReuseTimeWait(core: Core, tcb: Tcb, segment: Segment): boolean {
  if ((tcb.flags & Flag.Owned) !== 0) return false;
  const options = core.options;
  if (options.hasTimestamps === 1 && (tcb.flags & Flag.Timestamps) !== 0) {
    if (seqGt(options.tsVal, tcb.tsRecent)) return true;
    return options.tsVal === tcb.tsRecent && seqGt(segment.seq, tcb.rcvNxt);
  }
  return seqGt(segment.seq, tcb.rcvNxt);
}
