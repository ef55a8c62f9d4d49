// @hot
/**
 * Ends of connections.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { clearDeadlines, type Core } from './core.ts';
import { sendAck, sendReset } from './emit.ts';
import { TIME_WAIT_ENDS_PER_CALL } from './limits.ts';
import { dropOutOfOrder } from './reassembly.ts';
import { dropReceiveQueue } from './receive.ts';
import { dropSendQueue } from './send.ts';
import { CloseReason, State } from './state.ts';
import { Flag, NEVER, type Tcb } from './tcb.ts';

/** Tells the owner that the connection is over for it. At most once. */
function tellClosed(core: Core, tcb: Tcb, reason: number): void {
  if ((tcb.flags & Flag.Owned) === 0) {
    tcb.generation += 1;
    return;
  }
  tcb.flags &= ~Flag.Owned;
  const generation = tcb.generation;
  core.events.closed(tcb, reason);
  // The owner may have ended TIME-WAIT meanwhile; then the slot is no longer ours to count.
  if (tcb.generation === generation) tcb.generation += 1;
}

/**
 * Removes a connection: frames, timers, table entry, then the owner is told, then the Tcb is free.
 * The caller touches the Tcb no more.
 */
export function removeConnection(core: Core, tcb: Tcb, reason: number): void {
  if (tcb.state === State.Closed) return;
  if (tcb.state === State.TimeWait) core.unlinkTimeWait(tcb);
  leaveEmbryonic(core, tcb);
  const counters = core.counters;
  if (tcb.state === State.SynSent || tcb.state === State.SynReceived) counters.attemptFails += 1;
  else if (reason === CloseReason.Reset) counters.estabResets += 1;
  tcb.state = State.Closed;
  dropQueues(core, tcb);
  clearDeadlines(core, tcb);
  core.demux.remove(tcb);
  if (core.last === tcb) core.last = undefined;
  tellClosed(core, tcb, reason);
  core.freeTcb(tcb);
}

function dropQueues(core: Core, tcb: Tcb): void {
  dropSendQueue(core, tcb);
  dropReceiveQueue(core, tcb);
  dropOutOfOrder(core, tcb);
}

/** A half-open connection leaves the backlog of its listener. */
export function leaveEmbryonic(core: Core, tcb: Tcb): void {
  if (tcb.state !== State.SynReceived || tcb.listener < 0) return;
  const listener = core.listeners[tcb.listener]!;
  if (listener.embryonic > 0) listener.embryonic -= 1;
  if (tcb.fastOpen !== 0) listener.fastOpenPending -= 1;
}

/** Sends a reset and removes the connection (ABORT of RFC 9293, 3.10.5). */
export function abortConnection(core: Core, tcb: Tcb, reason: number, nowNs: number): void {
  const state = tcb.state;
  if (
    state === State.SynReceived ||
    (state >= State.Established && state !== State.TimeWait && state !== State.LastAck)
  ) {
    sendReset(core, tcb, nowNs);
  }
  removeConnection(core, tcb, reason);
}

/** All is said: wait until old duplicates have died (RFC 9293, 3.6.1). */
export function enterTimeWait(core: Core, tcb: Tcb, nowNs: number): void {
  tcb.state = State.TimeWait;
  // Unread data belongs to the owner until it has read it, but a Tcb in TIME-WAIT has no owner.
  dropSendQueue(core, tcb);
  dropOutOfOrder(core, tcb);
  clearDeadlines(core, tcb);
  core.linkTimeWait(tcb);
  tcb.lingerAtNs = nowNs + core.config.timeWaitNs;
}

/**
 * The owner's part of a connection ends when both directions are closed and it has read everything.
 * Called after each step that may have been the last.
 */
export function finishOwner(core: Core, tcb: Tcb): void {
  if (tcb.rqBytes > 0 && (tcb.flags & Flag.ReceiveClosed) === 0) return;
  if (tcb.state === State.TimeWait) {
    if ((tcb.flags & Flag.Owned) === 0) return;
    dropReceiveQueue(core, tcb);
    tellClosed(core, tcb, CloseReason.Finished);
  } else if (tcb.state === State.LastAck && finAcknowledged(tcb)) {
    removeConnection(core, tcb, CloseReason.Finished);
  }
}

/** Whether the peer has acknowledged our FIN. */
export function finAcknowledged(tcb: Tcb): boolean {
  return (tcb.flags & Flag.FinInQueue) !== 0 && tcb.sndUna === tcb.sndEnd;
}

/** Restarts TIME-WAIT: the peer has sent its FIN again (RFC 9293, 3.10.7.4). */
export function restartTimeWait(core: Core, tcb: Tcb, nowNs: number): void {
  core.unlinkTimeWait(tcb);
  core.linkTimeWait(tcb);
  tcb.lingerAtNs = nowNs + core.config.timeWaitNs;
}

/**
 * Ends what has been in TIME-WAIT for long enough. All of them wait equally long, so their list is
 * in order of deadline and they need no timer of the wheel, however many they are. A bounded
 * number; the others stay due.
 */
export function timeWaitTimers(core: Core, nowNs: number): void {
  for (let left = TIME_WAIT_ENDS_PER_CALL; left > 0; left -= 1) {
    const tcb = core.oldestTimeWait();
    if (tcb === undefined || tcb.lingerAtNs > nowNs) return;
    if ((tcb.flags & Flag.Owned) !== 0) {
      // The owner has not read everything; its connection waits for it.
      restartTimeWait(core, tcb, nowNs);
      continue;
    }
    // With a TIME-WAIT of no length the ACK of the peer's FIN is still owed.
    if ((tcb.flags & Flag.AckNow) !== 0) sendAck(core, tcb, nowNs);
    removeConnection(core, tcb, CloseReason.Finished);
  }
}

/** FIN after the queued data (CLOSE of RFC 9293, 3.10.4, as a half-close). */
export function shutdownSend(core: Core, tcb: Tcb): number {
  if ((tcb.flags & Flag.FinQueued) !== 0) return Status.Ok;
  switch (tcb.state) {
    case State.SynSent:
    case State.SynReceived:
      // The FIN is queued; the state follows when the handshake is complete.
      tcb.flags |= Flag.FinQueued;
      return Status.Ok;
    case State.Established:
      tcb.state = State.FinWait1;
      break;
    case State.CloseWait:
      tcb.state = State.LastAck;
      break;
    default:
      return Status.BadState;
  }
  tcb.flags |= Flag.FinQueued;
  core.needsEgress(tcb);
  return Status.Ok;
}

/**
 * Closes both directions: FIN after the queued data, and nothing more is received. Data that was
 * not read, or comes later, resets the connection (RFC 9293, 3.6.1; RFC 2525, 2.17).
 */
export function closeConnection(core: Core, tcb: Tcb, nowNs: number): number {
  if (tcb.state === State.Closed) return Status.BadState;
  if (tcb.state === State.SynSent) {
    removeConnection(core, tcb, CloseReason.Finished);
    return Status.Ok;
  }
  if (tcb.rqBytes > 0 && tcb.state !== State.TimeWait) {
    abortConnection(core, tcb, CloseReason.Aborted, nowNs);
    return Status.Ok;
  }
  tcb.flags |= Flag.ReceiveClosed;
  if (tcb.state === State.TimeWait) {
    finishOwner(core, tcb);
    return Status.Ok;
  }
  const status = shutdownSend(core, tcb);
  if (tcb.state === State.FinWait2) armFinWait2(core, tcb, nowNs);
  return status;
}

/** A peer that never sends its FIN must not keep a closed connection for ever. */
export function armFinWait2(core: Core, tcb: Tcb, nowNs: number): void {
  if ((tcb.flags & Flag.ReceiveClosed) === 0 || tcb.lingerAtNs !== NEVER) return;
  tcb.lingerAtNs = nowNs + core.config.finWait2Ns;
  core.armAt(tcb, tcb.lingerAtNs);
}
