// @hot
/**
 * Egress of one connection: what the windows allow leaves in one go, lost data first.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { seqAdd, seqDiff, seqGt, seqLe, TCP_FIN, TCP_PSH } from '@tickwire/wire';
import { Acc } from './accecn.ts';
import { sendFollowers } from './burst.ts';
import { controllerOf } from './congestion/registry.ts';
import { type Core, Tx } from './core.ts';
import { markAppLimited, markCwndLimited, rateSent } from './delivery-rate.ts';
import { sendAck, sendControl, sendSegment, sendSyn } from './emit.ts';
import { FastOpen } from './fast-open.ts';
import { ALLOC_RETRY_NS } from './limits.ts';
import { isPaced, paceAllows, paceSent } from './pacer.ts';
import { growPath } from './path-mtu.ts';
import { Recovery } from './recovery.ts';
import {
  flightBytes,
  frameSpan,
  nextLost,
  pipeBytes,
  restartRto,
  Retransmit,
  scheduleLossTimer,
  setRetransmit,
} from './retransmit.ts';
import { backedOffRtoNs } from './rtt.ts';
import { needsSecondReport } from './sack.ts';
import { fillFrame, queueFin, splitFrame, tellDrained, updateMss } from './send.ts';
import { State } from './state.ts';
import { Flag, NEVER, type Tcb } from './tcb.ts';
import { noteForUndo } from './undo.ts';
import { noteFlight } from './window-use.ts';
import { isAckOwed } from './window.ts';

/** Why new data does not go out. */
const Blocked = { No: 0, Peer: 1, Own: 2 } as const;

/**
 * Sends what is due on one connection. Stops when the output has no room; the connection is then
 * in the needs-egress list again. Returns the number of frames sent.
 */
export function transmit(core: Core, tcb: Tcb, nowNs: number): number {
  const before = tcb.segmentsOut;
  if (tcb.state === State.Closed) return 0;
  // IP has heard of a router, or of another way, since the last round.
  if (tcb.ipMtu !== tcb.mtuSeen && tcb.state >= State.Established) updateMss(core, tcb);
  if (!transmitAll(core, tcb, nowNs)) {
    // No frame or no room. Room comes back with the next round; frames may take longer.
    if (core.output.room() <= 0) core.needsEgress(tcb);
    else retryLater(core, tcb, nowNs);
  }
  if (tcb.sndNxt !== tcb.sndUna) noteFlight(tcb);
  if ((tcb.flags & Flag.WantsRoom) !== 0 && tcb.sqHead === NO_FRAME) {
    // The pool was empty when the owner wanted to write: look again in a while, if need be.
    const sent = tcb.segmentsOut - before;
    if (tellDrained(core, tcb) && (tcb.flags & Flag.WantsRoom) !== 0) retryLater(core, tcb, nowNs);
    return sent;
  }
  return tcb.segmentsOut - before;
}

function retryLater(core: Core, tcb: Tcb, nowNs: number): void {
  const at = nowNs + ALLOC_RETRY_NS;
  if (at < tcb.paceAtNs) {
    tcb.paceAtNs = at;
    core.armAt(tcb, at);
  }
}

/** False when it had to stop for want of a frame or of room. */
function transmitAll(core: Core, tcb: Tcb, nowNs: number): boolean {
  if ((tcb.flags & Flag.SynDue) !== 0) {
    if (core.output.room() <= 0 || !sendSyn(core, tcb, nowNs)) return false;
    tcb.flags &= ~Flag.SynDue;
    restartRto(core, tcb, nowNs);
    armUserTimeout(core, tcb, nowNs);
    if (tcb.fastOpen < FastOpen.Server) return true;
  }
  if ((tcb.accEcn & Acc.HandshakeAck) !== 0 && tcb.state >= State.Established) {
    // How the SYN-ACK arrived is said by a pure ACK, before any data (RFC 9768, 3.2.2.1).
    if (core.output.room() <= 0 || !sendAck(core, tcb, nowNs)) return false;
  }
  // With fast open a server may send before the handshake is complete (RFC 7413, 4.2.2).
  const isEarly = tcb.state === State.SynReceived && tcb.fastOpen >= FastOpen.Server;
  if (isEarly || (tcb.state >= State.Established && tcb.state !== State.TimeWait)) {
    if (!isEarly && (tcb.flags & (Flag.FinQueued | Flag.FinInQueue)) === Flag.FinQueued) {
      if (!queueFin(core, tcb)) return false;
    }
    if ((tcb.flags & Flag.TlpDue) !== 0 && !transmitTailProbe(core, tcb, nowNs)) return false;
    if ((tcb.flags & Flag.FrtoNew) !== 0) {
      if (!transmitProof(core, tcb, nowNs)) return false;
      tcb.flags &= ~Flag.FrtoNew;
      return transmitAcks(core, tcb, nowNs);
    }
    if (tcb.sqLost !== NO_FRAME && !transmitLost(core, tcb, nowNs)) return false;
    if (tcb.sqUnsent !== NO_FRAME && !transmitNew(core, tcb, nowNs)) return false;
    if ((tcb.flags & Flag.ProbeDue) !== 0 && !transmitProbe(core, tcb, nowNs)) return false;
  }
  return transmitAcks(core, tcb, nowNs);
}

/**
 * A probe of the window, or of whether anybody is there: an old sequence number makes the peer
 * answer with its window (RFC 9293, 3.8.4 and 3.8.6.1). It drops the probe for the same reason, and
 * with it the ACK, the window and the urgent pointer (3.10.7.4): those go by segments of now.
 */
function transmitProbe(core: Core, tcb: Tcb, nowNs: number): boolean {
  if (isAckOwed(core, tcb)) {
    tcb.flags |= Flag.AckNow;
    if (!transmitAcks(core, tcb, nowNs)) return false;
  }
  if (core.output.room() <= 0) return false;
  if (!sendControl(core, tcb, seqAdd(tcb.sndUna, -1), 0, nowNs)) return false;
  tcb.flags &= ~Flag.ProbeDue;
  if (seqGt(tcb.sndUp, tcb.sndNxt)) tcb.flags |= Flag.AckNow;
  return true;
}

function transmitAcks(core: Core, tcb: Tcb, nowNs: number): boolean {
  // A peer without SACK counts duplicate ACKs: it gets each of them (RFC 5681, 3.2).
  while (tcb.dupAcksOwed > 1) {
    if (core.output.room() <= 0 || !sendAck(core, tcb, nowNs)) return false;
    tcb.dupAcksOwed -= 1;
    tcb.flags |= Flag.AckNow;
  }
  if ((tcb.flags & Flag.AckNow) === 0) return true;
  while (needsSecondReport(tcb)) {
    if (core.output.room() <= 0 || !sendAck(core, tcb, nowNs)) return false;
    tcb.flags |= Flag.AckNow;
  }
  if (core.output.room() <= 0 || !sendAck(core, tcb, nowNs)) return false;
  tcb.dupAcksOwed = 0;
  return true;
}

/** Sends lost frames again, as far as the congestion window goes. */
function transmitLost(core: Core, tcb: Tcb, nowNs: number): boolean {
  for (;;) {
    const frame = nextLost(core, tcb);
    if (frame === NO_FRAME) return true;
    const forced = (tcb.flags & Flag.ForceOne) !== 0;
    if (!forced) {
      if (!congestionAllows(core, tcb, frame)) return true;
      if (tcb.rateOn !== 0 && !paceAllows(core, tcb, nowNs)) return true;
    }
    if (core.output.room() <= 0) return false;
    if (core.txLength[frame]! > tcb.mss && !splitFrame(core, tcb, frame, tcb.mss)) return false;
    if (!retransmitFrame(core, tcb, frame, nowNs)) return false;
    if (tcb.rateOn !== 0) paceSent(core, tcb, frameSpan(core, frame), nowNs);
    tcb.flags &= ~Flag.ForceOne;
  }
}

function congestionAllows(core: Core, tcb: Tcb, frame: number): boolean {
  const pipe = pipeBytes(tcb);
  return pipe === 0 || pipe + frameSpan(core, frame) <= tcb.cwnd;
}

/** Sends one frame of the queue again, whatever the windows say. False when there is no frame. */
export function retransmitFrame(core: Core, tcb: Tcb, frame: number, nowNs: number): boolean {
  if (!sendQueued(core, tcb, frame, true, nowNs)) return false;
  const flags = core.txFlags[frame]!;
  const span = frameSpan(core, frame);
  if ((flags & Tx.Retransmitted) === 0 && (flags & Tx.Lost) !== 0) tcb.retransBytes += span;
  const outstanding = (flags & Tx.Lost) !== 0 ? Tx.Retransmitted : 0;
  core.txFlags[frame] = flags | outstanding | Tx.Ever;
  tcb.retransmits += 1;
  tcb.prrOut += span;
  noteForUndo(tcb, core.txSeq[frame]!, span, nowNs);
  core.counters.retransSegs += 1;
  // A retransmission after a partial ACK leaves the timer as it is, see `renoAck`.
  const isPartial = tcb.recovery === Recovery.Fast && tcb.sndUna !== tcb.undoSeq;
  const keeps = isPartial && (tcb.flags & Flag.Sack) === 0;
  scheduleLossTimer(core, tcb, frame === tcb.sqHead && !keeps, nowNs);
  return true;
}

/**
 * The tail loss probe (RFC 8985, 7.3): one new segment if the peer's window has room for it, else
 * the last one again, so that its SACK shows what is missing before it.
 */
function transmitTailProbe(core: Core, tcb: Tcb, nowNs: number): boolean {
  if (core.output.room() <= 0) return false;
  let last = NO_FRAME;
  let frame = tcb.sqHead;
  while (frame !== NO_FRAME && frame !== tcb.sqUnsent) {
    last = frame;
    frame = core.txNext[frame]!;
  }
  if (last !== NO_FRAME) {
    const usable = seqDiff(seqAdd(tcb.sndUna, tcb.sndWnd), tcb.sndNxt);
    const fresh = tcb.sqUnsent;
    if (
      fresh !== NO_FRAME &&
      core.txLength[fresh]! <= tcb.mss &&
      frameSpan(core, fresh) <= usable
    ) {
      if (!sendQueued(core, tcb, fresh, false, nowNs)) return false;
      tcb.sndNxt = seqAdd(tcb.sndNxt, frameSpan(core, fresh));
      tcb.sqUnsent = core.txNext[fresh]!;
    } else {
      while (core.txLength[last]! > tcb.mss) {
        if (!splitFrame(core, tcb, last, tcb.mss)) return false;
        last = core.txNext[last]!;
      }
      if (!retransmitFrame(core, tcb, last, nowNs)) return false;
      tcb.flags |= Flag.TlpRetransmit;
    }
    tcb.flags |= Flag.TlpOutstanding;
    tcb.recoverFlight = flightBytes(tcb);
    tcb.tlpEnd = tcb.sndNxt;
    core.counters.tailLossProbes += 1;
    restartRto(core, tcb, nowNs);
  }
  tcb.flags &= ~Flag.TlpDue;
  return true;
}

/** Puts a header before a queued frame and sends it. False when a copy is needed and impossible. */
function sendQueued(core: Core, tcb: Tcb, queued: number, again: boolean, nowNs: number): boolean {
  const arena = core.arena;
  const length = core.txLength[queued]!;
  let frame = queued;
  let at = core.txAt[queued]!;
  if (arena.refCount(queued) === 1) arena.retain(queued);
  else {
    // The driver, or a peer in this process, still reads the last transmission.
    frame = core.allocFrame();
    if (frame === NO_FRAME) return false;
    const to = arena.dataAt[frame]!;
    arena.bytes.copyWithin(to, at, at + length);
    at = to;
    core.counters.retransmitCopies += 1;
  }
  let flags = (core.txFlags[queued]! & Tx.Fin) !== 0 ? TCP_FIN : 0;
  if (length > 0 && core.txNext[queued] === NO_FRAME) flags |= TCP_PSH;
  core.txTimeNs[queued] = nowNs;
  if (tcb.rateOn !== 0) rateSent(core, tcb, queued, frameSpan(core, queued), nowNs);
  sendSegment(core, tcb, frame, at, length, core.txSeq[queued]!, flags, !again, nowNs);
  return true;
}

/**
 * F-RTO's question: at most two new segments (RFC 5682, 2.1, step 2b), whatever slow start has made
 * of the window since the timeout.
 */
function transmitProof(core: Core, tcb: Tcb, nowNs: number): boolean {
  const cwnd = tcb.cwnd;
  const most = pipeBytes(tcb) + 2 * tcb.mss - seqDiff(tcb.sndNxt, tcb.recover);
  if (most < cwnd) tcb.cwnd = most;
  const isDone = transmitNew(core, tcb, nowNs);
  tcb.cwnd = cwnd;
  return isDone;
}

/** Sends unsent frames as far as the peer's window, the congestion window and manners allow. */
function transmitNew(core: Core, tcb: Tcb, nowNs: number): boolean {
  const bursts = core.config.sendBursts;
  const paced = isPaced(core, tcb);
  for (;;) {
    if (nowNs >= tcb.mtuProbeAtNs && tcb.sqUnsent !== NO_FRAME) {
      if (!growPath(core, tcb, nowNs)) return true;
    }
    const frame = tcb.sqUnsent;
    if (frame === NO_FRAME) {
      if (tcb.rateOn !== 0 && pipeBytes(tcb) < tcb.cwnd) markAppLimited(tcb);
      return true;
    }
    if (
      core.txLength[frame]! > tcb.mss &&
      frame !== tcb.mtuProbeFrame &&
      !splitFrame(core, tcb, frame, tcb.mss)
    ) {
      return false;
    }
    if (flightBytes(tcb) === 0) restartAfterIdle(core, tcb, nowNs);
    const usable = seqDiff(seqAdd(tcb.sndUna, tcb.sndWnd), tcb.sndNxt);
    if (isRest(core, tcb, frame, usable)) fillFrame(core, tcb, frame, tcb.mss);
    const blocked = checkNew(core, tcb, frame, usable);
    if (blocked !== Blocked.No) {
      armPersist(core, tcb, nowNs);
      return true;
    }
    const pipe = pipeBytes(tcb);
    // A bare FIN adds nothing to congestion and may free a connection.
    const bare = core.txLength[frame] === 0;
    if (pipe > 0 && pipe + frameSpan(core, frame) > tcb.cwnd && !bare) {
      if (tcb.rateOn !== 0) markCwndLimited(tcb);
      return true;
    }
    if (paced && !paceAllows(core, tcb, nowNs)) return true;
    if (core.output.room() <= 0) return false;
    if (
      frameSpan(core, frame) > usable &&
      !splitFrame(core, tcb, frame, cut(core, frame, usable))
    ) {
      return false;
    }
    const leads = bursts && mayLead(core, tcb, frame);
    if (!sendQueued(core, tcb, frame, false, nowNs)) return false;
    const span = frameSpan(core, frame);
    tcb.sndNxt = seqAdd(tcb.sndNxt, span);
    tcb.sqUnsent = core.txNext[frame]!;
    tcb.flags &= ~Flag.Override;
    if (core.txLength[frame]! < tcb.mss) tcb.sndSmall = tcb.sndNxt;
    if (tcb.recovery === Recovery.Fast) tcb.prrOut += span;
    if (paced) paceSent(core, tcb, span, nowNs);
    tcb.lastDataNs = nowNs;
    scheduleLossTimer(core, tcb, false, nowNs);
    armUserTimeout(core, tcb, nowNs);
    if (leads) {
      const headerAt = (core.txAt[frame]! - core.headerBytes) | 0;
      sendFollowers(core, tcb, headerAt, core.headerBytes, paced, nowNs);
    } else if (!bursts && (tcb.flags & Flag.FrtoNew) === 0 && tcb.sqUnsent !== NO_FRAME) {
      // The next segment has its turn when all others have had theirs.
      core.needsEgress(tcb);
      return true;
    }
  }
}

/**
 * Whether the header of a frame that is about to leave can be that of the segments behind it: it is
 * full-sized, in a frame that nobody else holds, and says nothing that is said only once.
 */
function mayLead(core: Core, tcb: Tcb, frame: number): boolean {
  return (
    core.txLength[frame] === tcb.mss &&
    core.txNext[frame] !== NO_FRAME &&
    core.arena.refCount(frame) === 1 &&
    (tcb.flags & Flag.EcnCwr) === 0 &&
    // Its counters are said once, by the first segment that has room for them (RFC 9768, 3.2.3.3).
    tcb.accEcn === 0 &&
    // The urgent pointer is relative to the sequence number (RFC 9293, 3.8.5).
    seqLe(tcb.sndUp, core.txSeq[frame]!) &&
    tcb.ooHead === NO_FRAME &&
    tcb.dsackLeft === tcb.dsackRight
  );
}

/**
 * After a silence the window says nothing about the path any more (RFC 5681, 4.1): no more than an
 * initial window leaves at once.
 */
function restartAfterIdle(core: Core, tcb: Tcb, nowNs: number): void {
  if (tcb.rateOn !== 0) {
    // The pacer sends no burst: the model stays good, and its owner decides.
    controllerOf(tcb).idle(tcb, nowNs);
    return;
  }
  if (nowNs - tcb.lastDataNs <= tcb.rtoNs) return;
  const initial = core.config.initialWindowSegments * tcb.mss;
  if (tcb.cwnd <= initial) return;
  if (tcb.cwnd > tcb.ssthresh) tcb.ssthresh = tcb.cwnd;
  tcb.cwnd = initial;
  controllerOf(tcb).idle(tcb, nowNs);
}

/** Something waits for an answer from now on (RFC 5482). */
function armUserTimeout(core: Core, tcb: Tcb, nowNs: number): void {
  if (tcb.userTimeoutNs === 0 || tcb.userTimeoutAtNs !== NEVER) return;
  tcb.userTimeoutAtNs = nowNs + tcb.userTimeoutNs;
  core.armAt(tcb, tcb.userTimeoutAtNs);
}

/** Where to cut a frame of which `usable` bytes of sequence space fit into the peer's window. */
function cut(core: Core, frame: number, usable: number): number {
  const length = core.txLength[frame]!;
  return usable < length ? usable : length;
}

/**
 * Whether a frame is a small part of what could leave (RFC 9293, 3.8.6.2.1: D is all that is
 * queued): the rest of a segment that was cut, or any with more behind it in a tight window.
 */
function isRest(core: Core, tcb: Tcb, frame: number, usable: number): boolean {
  const length = core.txLength[frame]!;
  if (length >= tcb.mss || length === 0 || core.txNext[frame] === NO_FRAME) return false;
  return length * 2 < tcb.mss || usable < tcb.mss;
}

/** Sender's side of silly window avoidance (RFC 9293, 3.8.6.2.1), Nagle (3.7.4) and cork. */
function checkNew(core: Core, tcb: Tcb, frame: number, usable: number): number {
  const length = core.txLength[frame]!;
  const fin = (core.txFlags[frame]! & Tx.Fin) !== 0;
  const span = frameSpan(core, frame);
  if (span > usable) {
    if (usable <= 0) return Blocked.Peer;
    // Part of the frame fits: worth it for half of the largest window the peer ever had.
    if (usable >= tcb.mss || usable * 2 >= tcb.sndWndMax) return Blocked.No;
    return (tcb.flags & Flag.Override) !== 0 ? Blocked.No : Blocked.Peer;
  }
  const partial = length < tcb.mss && core.txNext[frame] === NO_FRAME && !fin;
  if (!partial || (tcb.flags & Flag.Override) !== 0) return Blocked.No;
  // Neither is urgent data held back (as Linux).
  if (seqGt(tcb.sndUp, core.txSeq[frame]!)) return Blocked.No;
  if ((tcb.flags & Flag.Cork) !== 0) return Blocked.Own;
  // Minshall's form: a small segment waits only while another small one is unacknowledged.
  if ((tcb.flags & Flag.Nagle) !== 0 && seqGt(tcb.sndSmall, tcb.sndUna)) return Blocked.Own;
  return Blocked.No;
}

/** With nothing in flight no ACK will come to open the window: a timer must (RFC 9293, 3.8.6.1). */
function armPersist(core: Core, tcb: Tcb, nowNs: number): void {
  if (tcb.retransmitKind !== Retransmit.None || flightBytes(tcb) > 0) return;
  setRetransmit(core, tcb, Retransmit.Persist, nowNs + backedOffRtoNs(tcb, core.config));
}
