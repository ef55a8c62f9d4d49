// @hot
/**
 * What happens when a deadline of a connection passes.
 *
 * One timer of the wheel serves all deadlines of a connection: it is set to the earliest when one
 * gets earlier, and finds out when it fires which are due. Restarting a timeout with each ACK costs
 * one store.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import { abortConnection, removeConnection } from './close.ts';
import { type Core, earliestDeadlineNs } from './core.ts';
import { BACKOFF_MAX } from './limits.ts';
import { lossIsCongestion, pathTimesOut } from './path-mtu.ts';
import { rackDetect, reorderWindowNs } from './rack.ts';
import { Recovery } from './recovery.ts';
import {
  clearRetransmit,
  enterFastRecovery,
  flightBytes,
  proportionalRate,
  restartRto,
  Retransmit,
  retransmissionTimeout,
  setRetransmit,
} from './retransmit.ts';
import { backedOffRtoNs } from './rtt.ts';
import { CloseReason, State } from './state.ts';
import { Flag, NEVER, type Tcb } from './tcb.ts';

/** The wheel has fired for a connection. */
export function timerFires(core: Core, tcb: Tcb, nowNs: number): void {
  const generation = tcb.generation;
  runDue(core, tcb, nowNs);
  if (tcb.generation !== generation || tcb.state === State.Closed) return;
  const nextNs = earliestDeadlineNs(tcb);
  if (nextNs !== NEVER) core.armAt(tcb, nextNs);
}

function runDue(core: Core, tcb: Tcb, nowNs: number): void {
  if (tcb.userTimeoutAtNs <= nowNs) {
    abortConnection(core, tcb, CloseReason.Timeout, nowNs);
    return;
  }
  if (tcb.lingerAtNs <= nowNs) {
    // FIN-WAIT-2 has waited for long enough. TIME-WAIT has a list of its own, `timeWaitTimers`.
    if (tcb.state !== State.TimeWait) giveUp(core, tcb);
    return;
  }
  if (tcb.ackAtNs <= nowNs) {
    tcb.ackAtNs = NEVER;
    tcb.ackAlone = 1;
    tcb.flags |= Flag.AckNow;
    core.counters.delayedAcks += 1;
    core.needsEgress(tcb);
  }
  if (tcb.paceAtNs <= nowNs) {
    tcb.paceAtNs = NEVER;
    core.needsEgress(tcb);
  }
  if (tcb.keepaliveAtNs <= nowNs && !keepalive(core, tcb, nowNs)) return;
  if (tcb.retransmitAtNs <= nowNs) retransmitDue(core, tcb, nowNs);
}

function retransmitDue(core: Core, tcb: Tcb, nowNs: number): void {
  const kind = tcb.retransmitKind;
  if (kind === Retransmit.TailProbe || kind === Retransmit.Reorder) {
    lossTimer(core, tcb, kind, nowNs);
    return;
  }
  clearRetransmit(tcb);
  if (tcb.state === State.SynSent || tcb.state === State.SynReceived) {
    handshakeTimeout(core, tcb);
    return;
  }
  if (kind === Retransmit.Persist) persist(core, tcb, nowNs);
  else if (kind === Retransmit.Timeout) timeout(core, tcb, nowNs);
}

/** A tail loss probe is due, or RACK's reordering window has ended (RFC 8985, 7.3 and 6.3). */
function lossTimer(core: Core, tcb: Tcb, kind: number, nowNs: number): void {
  setRetransmit(core, tcb, Retransmit.Timeout, tcb.rtoAtNs);
  if (tcb.sqHead === NO_FRAME || tcb.sqHead === tcb.sqUnsent) {
    nothingInFlight(core, tcb);
    return;
  }
  if (kind === Retransmit.TailProbe) {
    // The timeout may be due now, too: it starts anew behind the probe (RFC 8985, 7.3).
    restartRto(core, tcb, nowNs);
    tcb.flags |= Flag.TlpDue;
  } else if (rackDetect(core, tcb, nowNs)) {
    if (lossIsCongestion(core, tcb, true, nowNs)) {
      enterFastRecovery(core, tcb, flightBytes(tcb), 0, nowNs);
    }
    // After a timeout it is slow start that sets the window.
    if (tcb.recovery === Recovery.Fast) proportionalRate(tcb, 0, false);
  }
  core.needsEgress(tcb);
}

function handshakeTimeout(core: Core, tcb: Tcb): void {
  // Who has a listener answers a SYN: with fast open a Tcb in SYN-RECEIVED repeats the SYN-ACK.
  const { synRetriesMax, synAckRetriesMax } = core.config;
  if (tcb.unanswered >= (tcb.listener < 0 ? synRetriesMax : synAckRetriesMax)) {
    giveUp(core, tcb);
    return;
  }
  core.counters.synTimeouts += 1;
  tcb.unanswered += 1;
  tcb.backoff += 1;
  tcb.flags |= Flag.SynDue;
  core.needsEgress(tcb);
}

function timeout(core: Core, tcb: Tcb, nowNs: number): void {
  if (tcb.sqHead === NO_FRAME || tcb.sqHead === tcb.sqUnsent) {
    nothingInFlight(core, tcb);
    return;
  }
  if (tcb.unanswered >= core.config.retriesMax) {
    giveUp(core, tcb);
    return;
  }
  tcb.unanswered += 1;
  pathTimesOut(core, tcb, nowNs);
  retransmissionTimeout(core, tcb, reorderWindowNs(core, tcb), nowNs);
}

/** Nobody answers: ICMP may have said why (RFC 9293, 3.9.2.2). */
function giveUp(core: Core, tcb: Tcb): void {
  const known = (tcb.flags & Flag.SoftError) !== 0;
  removeConnection(core, tcb, known ? CloseReason.Unreachable : CloseReason.Timeout);
}

/** A timer outlived its reason. Data that waits for a window gets its probe timer in egress. */
function nothingInFlight(core: Core, tcb: Tcb): void {
  clearRetransmit(tcb);
  if (tcb.sqUnsent !== NO_FRAME) core.needsEgress(tcb);
}

/** The window has been closed, or too small, for a while (RFC 9293, 3.8.6.1 and 3.8.6.2.1). */
function persist(core: Core, tcb: Tcb, nowNs: number): void {
  if (tcb.sqUnsent === NO_FRAME) return;
  if (tcb.sndWnd > 0) tcb.flags |= Flag.Override;
  else {
    if (tcb.unanswered >= core.config.retriesMax) {
      giveUp(core, tcb);
      return;
    }
    core.counters.windowProbes += 1;
    tcb.unanswered += 1;
    tcb.flags |= Flag.ProbeDue;
    // Probes that are answered go on for as long as the window is closed (RFC 9293, 3.8.6.1).
    if (tcb.backoff < BACKOFF_MAX) tcb.backoff += 1;
    setRetransmit(core, tcb, Retransmit.Persist, nowNs + backedOffRtoNs(tcb, core.config));
  }
  core.needsEgress(tcb);
}

/** False when the connection is over (RFC 9293, 3.8.4). */
function keepalive(core: Core, tcb: Tcb, nowNs: number): boolean {
  if (tcb.keepaliveIdleNs === 0 || tcb.state < State.Established) {
    tcb.keepaliveAtNs = NEVER;
    return true;
  }
  if (tcb.keepaliveProbes === 0) {
    const idleUntil = tcb.lastReceivedNs + tcb.keepaliveIdleNs;
    if (idleUntil > nowNs || tcb.sqHead !== NO_FRAME) {
      // Unacknowledged data is its own probe.
      tcb.keepaliveAtNs = idleUntil > nowNs ? idleUntil : nowNs + tcb.keepaliveIdleNs;
      return true;
    }
  }
  if (tcb.keepaliveProbes >= tcb.keepaliveProbesMax) {
    abortConnection(core, tcb, CloseReason.Keepalive, nowNs);
    return false;
  }
  tcb.keepaliveProbes += 1;
  core.counters.keepaliveProbes += 1;
  tcb.flags |= Flag.ProbeDue;
  tcb.keepaliveAtNs = nowNs + tcb.keepaliveIntervalNs;
  core.needsEgress(tcb);
  return true;
}
