// @hot
/**
 * SEGMENT ARRIVES: RFC 9293, 3.10.7, in its order.
 *
 * Nothing here throws for what a peer sent. The frame's reference belongs to the caller of these
 * functions; who keeps the frame retains it.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import {
  checkTcp,
  type IpMeta,
  LINK_UNICAST,
  parseTcpOptions,
  seqAdd,
  seqDiff,
  seqGe,
  seqGt,
  seqInAckRange,
  seqLe,
  seqLt,
  TCP_ACK,
  TCP_FIN,
  TCP_HEADER_BYTES,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
  tcpAck,
  tcpFlags,
  tcpHeaderLength,
  tcpPorts,
  tcpSegmentLength,
  tcpSeq,
  tcpUrgent,
  tcpWindow,
} from '@tickwire/wire';
import { aceOf } from './accecn.ts';
import { handshakeFeedback, repeatedSyn, repeatedSynAck } from './accecn-handshake.ts';
import { countArrival, marksDue } from './accecn-receive.ts';
import { ackArrives } from './ack.ts';
import {
  abortConnection,
  armFinWait2,
  enterTimeWait,
  finAcknowledged,
  finishOwner,
  removeConnection,
  restartTimeWait,
} from './close.ts';
import { cookieArrives } from './cookie-handshake.ts';
import type { Core, Segment } from './core.ts';
import { replyReset, sendAck, sendResetAt } from './emit.ts';
import { holdFastOpen } from './fast-open-server.ts';
import { findRow, openPassive, rowArrives } from './half-open.ts';
import { establish, mayReuseTimeWait, synSentArrives } from './handshake.ts';
import { NO_FLOOR } from './isn.ts';
import { OUT_OF_WINDOW_ACK_NS, PAWS_IDLE_NS } from './limits.ts';
import type { Listener } from './listener.ts';
import { findListener } from './listeners.ts';
import { grantQuickAcks } from './receive.ts';
import { restartRto } from './retransmit.ts';
import { endRun, expectedArrives } from './run.ts';
import { noteDsack } from './sack.ts';
import { CloseReason, State } from './state.ts';
import { NO_ROW } from './syn-cache.ts';
import { Flag, type Tcb } from './tcb.ts';
import { textArrives } from './text-arrives.ts';
import { urgentArrives } from './urgent.ts';
import { promisedWindow } from './window.ts';

/** Handles one TCP packet. Returns `Ok`, or why it was dropped. Does not free the frame. */
export function segmentArrives(core: Core, meta: IpMeta, nowNs: number): number {
  const counters = core.counters;
  const view = core.arena.view;
  counters.inSegs += 1;
  const checked = checkTcp(view, meta.at, meta.length);
  if (checked < 0 || meta.linkDst !== LINK_UNICAST) {
    // TCP is for two: what came by broadcast or multicast is not answered (RFC 9293, 3.9.2.3).
    counters.inErrs += 1;
    return checked < 0 ? checked : Status.Malformed;
  }
  // The peer's ports, seen from here: local in the high half.
  const wirePorts = tcpPorts(view, meta.at);
  const ports = (wirePorts << 16) | (wirePorts >>> 16);
  let tcb = core.lookup(meta, ports);
  // Bytes are told before another's events. Their owner may end this connection by the way, too.
  if (core.run !== undefined && core.run !== tcb) {
    endRun(core);
    tcb = core.lookup(meta, ports);
  }
  if (tcb !== undefined && core.config.receiveRuns && expectedArrives(core, tcb, meta, nowNs)) {
    return Status.Ok;
  }
  const segment = core.segment;
  const headerBytes = tcpHeaderLength(view, meta.at);
  segment.frame = meta.frame;
  segment.seq = tcpSeq(view, meta.at);
  segment.ack = tcpAck(view, meta.at);
  segment.up = seqAdd(segment.seq, tcpUrgent(view, meta.at));
  segment.window = tcpWindow(view, meta.at);
  segment.flags = tcpFlags(view, meta.at);
  segment.at = meta.at + headerBytes;
  segment.length = meta.length - headerBytes;
  segment.ecn = meta.trafficClass & 3;
  // Bytes are told before a FIN, RST or SYN that follows them.
  if (core.run !== undefined && (segment.flags & (TCP_FIN | TCP_RST | TCP_SYN)) !== 0) {
    endRun(core);
    tcb = core.lookup(meta, ports);
  }
  segment.ace = aceOf(segment.flags);
  parseTcpOptions(view, meta.at + TCP_HEADER_BYTES, headerBytes - TCP_HEADER_BYTES, core.options);
  if (tcb === undefined) return noConnection(core, meta, segment, ports, nowNs);
  tcb.segmentsIn += 1;
  if (tcb.state === State.SynSent) {
    const acks = (segment.flags & TCP_ACK) !== 0;
    if (acks && seqDiff(segment.ack, tcb.sndNxt) >>> 0 > tcb.fastOpenBytes) {
      // First: an ACK of something that was never sent.
      counters.badAcks += 1;
      if ((segment.flags & TCP_RST) === 0) sendResetAt(core, tcb, segment.ack, nowNs);
      return Status.Malformed;
    }
    const generation = tcb.generation;
    if (!synSentArrives(core, tcb, segment, nowNs) || tcb.generation !== generation) {
      return Status.Ok;
    }
    // Data that came with the SYN-ACK begins behind the SYN.
    segment.seq = seqAdd(segment.seq, 1);
    finishText(core, tcb, segment, nowNs);
    return Status.Ok;
  }
  return synchronized(core, tcb, meta, segment, ports, nowNs);
}

/** CLOSED and LISTEN: RFC 9293, 3.10.7.1 and 3.10.7.2. */
function noConnection(
  core: Core,
  meta: IpMeta,
  segment: Segment,
  ports: number,
  nowNs: number,
): number {
  const flags = segment.flags;
  const row = findRow(core, meta, ports);
  if (row !== NO_ROW) {
    const opened = rowArrives(core, row, meta, segment, ports, nowNs);
    if (typeof opened === 'number') return opened;
    return synchronized(core, opened, meta, segment, ports, nowNs);
  }
  const listener = findListener(core, meta, ports >>> 16);
  if (listener === undefined || (flags & TCP_ACK) !== 0) {
    if (listener !== undefined) {
      const opened = cookieArrives(core, listener, meta, segment, ports, nowNs);
      if (typeof opened !== 'number') {
        return synchronized(core, opened, meta, segment, ports, nowNs);
      }
      if (opened !== Status.NotFound) return opened;
    }
    if (listener === undefined) core.counters.noPort += 1;
    replyReset(core, meta, segment, ports, nowNs);
    return Status.NoHandler;
  }
  if ((flags & (TCP_RST | TCP_SYN | TCP_FIN)) !== TCP_SYN) return Status.Malformed;
  return listen(core, listener, meta, segment, ports, NO_FLOOR, nowNs);
}

/** A SYN at a listener, with its text when that may be taken (RFC 7413, 4.2.2). */
function listen(
  core: Core,
  listener: Listener,
  meta: IpMeta,
  segment: Segment,
  ports: number,
  floor: number,
  nowNs: number,
): number {
  const tcb = openPassive(core, listener, meta, segment, ports, floor, nowNs);
  if (typeof tcb === 'number') return tcb;
  // The owner may have ended it when it was told.
  if (tcb.state === State.SynReceived) {
    segment.seq = seqAdd(segment.seq, 1);
    finishText(core, tcb, segment, nowNs);
  }
  return Status.Ok;
}

/** All other states: RFC 9293, 3.10.7.4. */
function synchronized(
  core: Core,
  tcb: Tcb,
  meta: IpMeta,
  segment: Segment,
  ports: number,
  nowNs: number,
): number {
  const flags = segment.flags;
  const counters = core.counters;

  if ((flags & TCP_SYN) !== 0 && (flags & (TCP_RST | TCP_ACK)) === 0) {
    if (tcb.state === State.TimeWait && mayReuseTimeWait(core, tcb, segment)) {
      core.hash = tcb.hash;
      const listener = findListener(core, meta, tcb.localPort);
      if (listener !== undefined) {
        counters.timeWaitRecycled += 1;
        const floor = tcb.sndNxt;
        removeConnection(core, tcb, CloseReason.Finished);
        return listen(core, listener, meta, segment, ports, floor, nowNs);
      }
    }
    if (tcb.state === State.SynReceived && segment.seq === tcb.irs) {
      if (tcb.accEcn !== 0 && !repeatedSyn(tcb, segment)) {
        abortConnection(core, tcb, CloseReason.Reset, nowNs);
        return Status.Malformed;
      }
      // The SYN again: our SYN-ACK was lost.
      tcb.flags |= Flag.SynDue;
      core.needsEgress(tcb);
      return Status.Ok;
    }
  }
  if (
    tcb.state === State.SynReceived &&
    (flags & (TCP_SYN | TCP_ACK | TCP_RST)) === (TCP_SYN | TCP_ACK) &&
    segment.seq === tcb.irs
  ) {
    // Simultaneous open: the SYN-ACK repeats the peer's SYN, which lies before the window, and
    // acknowledges ours (RFC 9293, 3.5, figure 7).
    return ackedSegment(core, tcb, segment, nowNs);
  }

  if (lacksTimestamps(core, tcb, flags)) {
    counters.timestampsMissing += 1;
    return Status.Malformed;
  }

  // PAWS (RFC 7323, 5.3): before everything else, but not for RST.
  if ((tcb.flags & Flag.Timestamps) !== 0 && core.options.hasTimestamps === 1) {
    if (
      (flags & TCP_RST) === 0 &&
      seqLt(core.options.tsVal, tcb.tsRecent) &&
      nowNs - tcb.tsRecentNs < PAWS_IDLE_NS
    ) {
      counters.pawsRejected += 1;
      // Mostly the original of a segment that was sent again, overtaken by its repetition.
      noteDuplicate(tcb, segment, segment.length);
      answerUnacceptable(core, tcb, segment.length, nowNs);
      return Status.Malformed;
    }
  }

  // First: the sequence number.
  const length = tcpSegmentLength(flags, segment.length);
  if (!acceptable(tcb, segment.seq, length)) {
    counters.outOfWindow += 1;
    if ((flags & TCP_RST) !== 0) return Status.Malformed;
    if (tcb.accEcn !== 0 && isOurSynAck(tcb, segment) && !repeatedSynAck(tcb, segment)) {
      abortConnection(core, tcb, CloseReason.Reset, nowNs);
      return Status.Malformed;
    }
    noteDuplicate(tcb, segment, length);
    if (tcb.state === State.TimeWait && (flags & TCP_FIN) !== 0) {
      restartTimeWait(core, tcb, nowNs);
      tcb.flags |= Flag.AckNow;
      core.needsEgress(tcb);
    } else answerUnacceptable(core, tcb, length, nowNs);
    return Status.Malformed;
  }
  if ((tcb.flags & Flag.Timestamps) !== 0 && core.options.hasTimestamps === 1) {
    // TS.Recent follows segments at the left edge of what was acknowledged (RFC 7323, 4.3).
    if (seqGe(core.options.tsVal, tcb.tsRecent) && seqLe(segment.seq, tcb.rcvAcked)) {
      tcb.tsRecent = core.options.tsVal;
      tcb.tsRecentNs = nowNs;
    }
  }

  // Second: RST.
  if ((flags & TCP_RST) !== 0) return resetArrives(core, tcb, segment, nowNs);

  // Fourth: SYN. A synchronised connection answers with a challenge (RFC 5961, 4.2).
  if ((flags & TCP_SYN) !== 0) return synArrives(core, tcb, nowNs);

  // Fifth: ACK.
  if ((flags & TCP_ACK) === 0) {
    counters.missingAcks += 1;
    return Status.Malformed;
  }
  return ackedSegment(core, tcb, segment, nowNs);
}

/**
 * Whether a segment lacks what every segment of the connection has (RFC 7323, 3.2): it is dropped
 * without an answer. A SYN may be that of a peer that has restarted: its challenge must not fail.
 */
function lacksTimestamps(core: Core, tcb: Tcb, flags: number): boolean {
  if ((tcb.flags & Flag.Timestamps) === 0 || core.options.hasTimestamps === 1) return false;
  return (flags & (TCP_RST | TCP_SYN)) === 0 && core.config.timestampsRequired;
}

/**
 * The four cases of RFC 9293, table 6, against the right edge that was promised. With a closed
 * window the segment at RCV.NXT passes too: its ACK counts, its text is cut off later.
 */
function acceptable(tcb: Tcb, seq: number, length: number): boolean {
  const window = promisedWindow(tcb);
  const offset = seqDiff(seq, tcb.rcvNxt);
  if (window === 0 || length === 0) return offset === 0 || (offset > 0 && offset < window);
  return offset < window && offset + length > 0;
}

/** Whether a segment is the SYN-ACK that has answered our SYN, once more. */
function isOurSynAck(tcb: Tcb, segment: Segment): boolean {
  const syn = segment.flags & (TCP_SYN | TCP_ACK);
  if (syn !== (TCP_SYN | TCP_ACK) || segment.seq !== tcb.irs || tcb.listener >= 0) return false;
  return segment.ack === seqAdd(tcb.iss, 1);
}

/** Something came twice: quick ACKs, and a DSACK (RFC 2883, 4.1). */
function noteDuplicate(tcb: Tcb, segment: Segment, length: number): void {
  if (length === 0) return;
  const end = seqAdd(segment.seq, length);
  if (seqGt(end, tcb.rcvNxt)) return;
  grantQuickAcks(tcb);
  if ((tcb.flags & Flag.Sack) !== 0) noteDsack(tcb, segment.seq, end);
}

/**
 * Answers an unacceptable segment with an ACK (RFC 9293, 3.10.7.4), but not each of a stream of
 * them: two confused ends must not answer one another for ever.
 */
function answerUnacceptable(core: Core, tcb: Tcb, length: number, nowNs: number): void {
  // Segments with text are no part of such a loop, and their sender waits for the ACK.
  if (length === 0 && tcb.challengedNs >= 0 && nowNs - tcb.challengedNs < OUT_OF_WINDOW_ACK_NS) {
    core.counters.challengeAcksLimited += 1;
    return;
  }
  tcb.challengedNs = nowNs;
  tcb.flags |= Flag.AckNow;
  core.needsEgress(tcb);
}

/** A challenge ACK (RFC 5961, 3.2, 4.2, 5.2 and 7). */
function challenge(core: Core, tcb: Tcb, nowNs: number): void {
  if (!core.challengeLimit.take(nowNs)) {
    core.counters.challengeAcksLimited += 1;
    return;
  }
  core.counters.challengeAcks += 1;
  tcb.flags |= Flag.AckNow;
  core.needsEgress(tcb);
}

/** RST inside the window: RFC 9293, 3.10.7.4, second step; RFC 5961, 3.2. */
function resetArrives(core: Core, tcb: Tcb, segment: Segment, nowNs: number): number {
  if (core.config.rfc5961 && segment.seq !== tcb.rcvNxt) {
    challenge(core, tcb, nowNs);
    return Status.Malformed;
  }
  if (tcb.state === State.TimeWait) {
    // TIME-WAIT assassination (RFC 1337): a reset does not end TIME-WAIT.
    return Status.Malformed;
  }
  if (tcb.state === State.SynReceived && tcb.fastOpen !== 0) holdFastOpen(core, tcb, nowNs);
  const refused = tcb.state === State.SynReceived && tcb.fastOpen === 0;
  removeConnection(core, tcb, refused ? CloseReason.Refused : CloseReason.Reset);
  return Status.Ok;
}

/**
 * SYN inside the window: RFC 9293, 3.10.7.4, fourth step. TIME-WAIT is no more ended by it than by
 * a reset (RFC 1337): what was acknowledged there may still wait for its owner.
 */
function synArrives(core: Core, tcb: Tcb, nowNs: number): number {
  if (core.config.rfc5961 || tcb.state === State.TimeWait) challenge(core, tcb, nowNs);
  else abortConnection(core, tcb, CloseReason.Reset, nowNs);
  return Status.Malformed;
}

/** Fifth to eighth step of RFC 9293, 3.10.7.4. */
function ackedSegment(core: Core, tcb: Tcb, segment: Segment, nowNs: number): number {
  const ack = segment.ack;
  const generation = tcb.generation;
  if (tcb.state === State.SynReceived) {
    if (!seqInAckRange(ack, tcb.sndUna, tcb.sndNxt)) {
      core.counters.badAcks += 1;
      sendResetAt(core, tcb, ack, nowNs);
      return Status.Malformed;
    }
    tcb.sndUna = seqAdd(tcb.iss, 1);
    tcb.sndWnd = segment.window * 2 ** tcb.sndShift;
    tcb.sndWndMax = tcb.sndWnd;
    tcb.sndWl1 = segment.seq;
    tcb.sndWl2 = ack;
    if (tcb.accEcn !== 0) openingArrives(core, tcb, segment);
    establish(core, tcb, nowNs);
    if (tcb.generation !== generation) return Status.Ok;
    // With fast open we may have sent more than our SYN.
    if (tcb.sndNxt !== tcb.sndUna && !fastOpenAcked(core, tcb, segment, nowNs)) return Status.Ok;
  } else {
    const ahead = seqGt(ack, tcb.sndNxt);
    if (ahead || seqDiff(tcb.sndUna, ack) > tcb.sndWndMax) {
      // Not sent yet, or older than any window we were given (RFC 5961, 5.2).
      core.counters.badAcks += 1;
      if (core.config.rfc5961) challenge(core, tcb, nowNs);
      else if (ahead) answerUnacceptable(core, tcb, 0, nowNs);
      return Status.Malformed;
    }
    tcb.lastReceivedNs = nowNs;
    tcb.keepaliveProbes = 0;
    if (tcb.accEcn !== 0) countArrival(core, tcb, segment);
    if (!ackArrives(core, tcb, segment, nowNs)) return Status.Ok;
    if (!finAcked(core, tcb, nowNs)) return Status.Ok;
  }
  if ((segment.flags & TCP_SYN) !== 0) return Status.Ok;
  finishText(core, tcb, segment, nowNs);
  if (tcb.accEcn !== 0 && tcb.generation === generation) sayMarks(core, tcb, nowNs);
  return Status.Ok;
}

/** Accurate ECN, the segment that ends the handshake: feedback, and a packet like all others. */
function openingArrives(core: Core, tcb: Tcb, segment: Segment): void {
  handshakeFeedback(core, tcb, segment);
  if ((segment.flags & TCP_SYN) === 0) countArrival(core, tcb, segment);
}

/**
 * So many marks are not said yet that an ACK is due. It leaves in the middle of a burst, too: three
 * bits can say no more than seven marks at once (RFC 9768, 3.2.2.5.1).
 */
function sayMarks(core: Core, tcb: Tcb, nowNs: number): void {
  if (!marksDue(tcb, false) || tcb.state === State.Closed || tcb.dupAcksOwed > 0) return;
  if (core.output.room() > 0) sendAck(core, tcb, nowNs);
}

/** The handshake is complete with data in flight. False when the connection is over. */
function fastOpenAcked(core: Core, tcb: Tcb, segment: Segment, nowNs: number): boolean {
  restartRto(core, tcb, nowNs);
  return segment.ack === tcb.sndUna || ackArrives(core, tcb, segment, nowNs);
}

/** State changes when our FIN is acknowledged. False when the connection is over. */
function finAcked(core: Core, tcb: Tcb, nowNs: number): boolean {
  if (!finAcknowledged(tcb)) return true;
  switch (tcb.state) {
    case State.FinWait1:
      tcb.state = State.FinWait2;
      armFinWait2(core, tcb, nowNs);
      return true;
    case State.Closing:
      enterTimeWait(core, tcb, nowNs);
      finishOwner(core, tcb);
      return false;
    case State.LastAck:
      // Stays while the owner has still something to read.
      finishOwner(core, tcb);
      return false;
    default:
      return true;
  }
}

/** Sixth to eighth step: urgent pointer, text and FIN. */
function finishText(core: Core, tcb: Tcb, segment: Segment, nowNs: number): void {
  if ((segment.flags & TCP_URG) !== 0 && !urgentArrives(core, tcb, segment)) return;
  if (segment.length === 0 && (segment.flags & TCP_FIN) === 0) return;
  const text = textArrives(core, tcb, segment, nowNs);
  if (text === Status.BadState) {
    // Data after `close`: nobody will ever read it, and the peer should know (RFC 9293, 3.6.1).
    core.counters.dataAfterClose += 1;
    abortConnection(core, tcb, CloseReason.Aborted, nowNs);
    return;
  }
  if (tcb.state === State.TimeWait) finishOwner(core, tcb);
}
