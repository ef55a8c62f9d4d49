/**
 * Brings a pooled connection back to the beginning.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import type { TcpConfig } from './config.ts';
import { Recovery, Retransmit } from './retransmit.ts';
import { Flag, NEVER, type Tcb } from './tcb.ts';

/** Sets every field but the flow, the slot and the generation. */
export function resetTcb(tcb: Tcb, config: TcpConfig, nowNs: number): void {
  tcb.token = 0;
  // The Tcb may still be linked in the needs-egress list from its last life.
  tcb.flags &= Flag.InEgress;
  tcb.listener = -1;
  tcb.sndWnd = 0;
  tcb.sndWl1 = 0;
  tcb.sndWl2 = 0;
  tcb.sndWndMax = 0;
  tcb.unanswered = 0;
  tcb.sndShift = 0;
  tcb.sqHead = NO_FRAME;
  tcb.sqTail = NO_FRAME;
  tcb.sqUnsent = NO_FRAME;
  tcb.sqLost = NO_FRAME;
  tcb.sqFrames = 0;
  tcb.sndBufBytes = config.sendBufferBytes;
  tcb.reservedFrame = NO_FRAME;
  tcb.reservedAt = 0;
  tcb.reservedBytes = 0;
  tcb.irs = 0;
  tcb.rcvNxt = 0;
  tcb.rcvAdv = 0;
  tcb.rcvBufBytes = config.receiveBufferBytes;
  tcb.rqHead = NO_FRAME;
  tcb.rqTail = NO_FRAME;
  tcb.rqBytes = 0;
  tcb.rqFrames = 0;
  tcb.ooHead = NO_FRAME;
  tcb.ooLastRun = NO_FRAME;
  tcb.ooBytes = 0;
  tcb.ooFrames = 0;
  tcb.ooRecent = 0;
  tcb.ooRecent1 = 0;
  tcb.ooRecent2 = 0;
  tcb.ooRecent3 = 0;
  tcb.ooRecentEnd = 0;
  tcb.dsackLeft = 0;
  tcb.dsackRight = 0;
  tcb.rcvAcked = 0;
  tcb.dupAcksOwed = 0;
  tcb.rcvMss = 536;
  tcb.drsSeq = 0;
  tcb.drsNs = nowNs;
  tcb.tsRecent = 0;
  tcb.tsRecentNs = 0;
  tcb.srttNs = 0;
  tcb.rttvarNs = 0;
  tcb.rtoNs = config.rtoInitialNs;
  tcb.backoff = 0;
  tcb.minRttNs = 0;
  tcb.minRttAtNs = nowNs;
  tcb.congestion = config.congestion;
  tcb.cwnd = 0;
  tcb.ssthresh = 0;
  tcb.cwndAcked = 0;
  tcb.recovery = Recovery.Open;
  tcb.dupAcks = 0;
  tcb.sackedBytes = 0;
  tcb.lostBytes = 0;
  tcb.retransBytes = 0;
  tcb.sackHigh = 0;
  tcb.prrDelivered = 0;
  tcb.prrOut = 0;
  tcb.recoverFlight = 0;
  tcb.undoSeq = 0;
  tcb.undoCwnd = 0;
  tcb.undoSsthresh = 0;
  tcb.undoCount = -1;
  tcb.undoTs = 0;
  tcb.rackSentNs = 0;
  tcb.rackEnd = 0;
  tcb.rackRttNs = 0;
  tcb.rackReoMult = 1;
  tcb.rackReoPersist = 0;
  tcb.rackRound = 0;
  tcb.rackRoundEnd = 0;
  tcb.tlpEnd = 0;
  tcb.ecnRecover = 0;
  tcb.retransmitAtNs = NEVER;
  tcb.retransmitKind = Retransmit.None;
  tcb.rtoAtNs = NEVER;
  tcb.ackAtNs = NEVER;
  tcb.keepaliveAtNs = NEVER;
  tcb.lingerAtNs = NEVER;
  tcb.userTimeoutAtNs = NEVER;
  tcb.paceAtNs = NEVER;
  tcb.wheelAtNs = NEVER;
  tcb.userTimeoutNs = config.userTimeoutNs;
  tcb.keepaliveIdleNs = config.keepaliveIdleNs;
  tcb.keepaliveIntervalNs = config.keepaliveIntervalNs;
  tcb.keepaliveProbesMax = config.keepaliveProbesMax;
  tcb.keepaliveProbes = 0;
  tcb.openedNs = nowNs;
  tcb.lastReceivedNs = nowNs;
  tcb.lastSentNs = nowNs;
  tcb.lastDataNs = nowNs;
  tcb.paceNextNs = 0;
  tcb.challengedNs = -1;
  tcb.bytesAcked = 0;
  tcb.bytesReceived = 0;
  tcb.segmentsIn = 0;
  tcb.segmentsOut = 0;
  tcb.retransmits = 0;
  tcb.fastOpen = 0;
  tcb.fastOpenBytes = 0;
}
