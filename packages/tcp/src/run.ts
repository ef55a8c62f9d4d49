// @hot
/**
 * Runs of segments, the receiving side (software GRO): segments of one connection that follow one
 * another in a burst share one lookup, one ACK with its window update, and one `readable`.
 *
 * A segment that is nothing but the next data takes a short way (header prediction, as in BSD and
 * Linux): its header is compared with what is expected in a few words. What differs in any respect
 * (a hole, a FIN, an ACK of new data, another window, a mark of the network, options beside
 * timestamps) goes the whole way through `segment-arrives.ts`, which would do the very same for the
 * segments that come here.
 *
 * Bytes of two segments lie in two frames, so `data` is called for each: joining them would be a
 * copy. All that is decided instead of delivered is decided once.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import {
  ECN_CE,
  hasAlignedTimestamps,
  type IpMeta,
  seqAdd,
  seqGe,
  seqLe,
  seqLt,
  TCP_ACK,
  TCP_HEADER_BYTES,
  TCP_PSH,
  TCP_TIMESTAMPS_BYTES,
  tcpAck,
  tcpLengthFlags,
  tcpSeq,
  tcpTsVal,
  tcpWindow,
} from '@tickwire/wire';
import type { Core } from './core.ts';
import { ackInOrder, deliver } from './receive.ts';
import { State } from './state.ts';
import { Flag, type Tcb } from './tcb.ts';
import { promisedWindow, tuneReceiveBuffer } from './window.ts';

/** Header length, reserved bits and flags of plain data, without PSH. */
const PLAIN: number = (TCP_HEADER_BYTES << 10) | TCP_ACK;
const STAMPED: number = ((TCP_HEADER_BYTES + TCP_TIMESTAMPS_BYTES) << 10) | TCP_ACK;
/** An ACK is owed, and its connection is where the next egress finds it. */
const ACK_OWED: number = Flag.AckNow | Flag.InEgress;

/**
 * Takes a segment whose header was checked, if it is what `tcb` expects next. False when it has to
 * go the whole way; nothing has happened then.
 */
export function expectedArrives(core: Core, tcb: Tcb, meta: IpMeta, nowNs: number): boolean {
  const view = core.arena.view;
  const at = meta.at;
  const frame = meta.frame;
  const seq = tcb.rcvNxt;
  const ack = tcb.sndUna;
  const isStamped = (tcb.flags & Flag.Timestamps) !== 0;
  if (
    tcb.state !== State.Established ||
    (tcpLengthFlags(view, at) & ~TCP_PSH) !== (isStamped ? STAMPED : PLAIN) ||
    tcpSeq(view, at) !== seq ||
    tcpAck(view, at) !== ack ||
    tcpWindow(view, at) << tcb.sndShift !== tcb.sndWnd ||
    tcb.sndWnd === 0 ||
    tcb.ooHead !== NO_FRAME ||
    // Accurate ECN counts every packet (RFC 9768, 3.2.2).
    tcb.accEcn !== 0 ||
    // Marks are counted and answered one by one (RFC 3168, 6.1.3).
    (meta.trafficClass & ECN_CE) === ECN_CE ||
    frame < 0
  ) {
    return false;
  }
  const headerBytes = isStamped ? TCP_HEADER_BYTES + TCP_TIMESTAMPS_BYTES : TCP_HEADER_BYTES;
  const length = meta.length - headerBytes;
  if (length <= 0 || length > promisedWindow(tcb)) return false;
  if (isStamped) {
    if (!hasAlignedTimestamps(view, at + TCP_HEADER_BYTES)) return false;
    const tsVal = tcpTsVal(view, at + TCP_HEADER_BYTES);
    // PAWS, and TS.Recent at the left edge (RFC 7323, 5.3 and 4.3).
    if (seqLt(tsVal, tcb.tsRecent)) return false;
    if (seqLe(seq, tcb.rcvAcked)) {
      tcb.tsRecent = tsVal;
      tcb.tsRecentNs = nowNs;
    }
  }
  core.counters.inExpected += 1;
  tcb.segmentsIn += 1;
  tcb.lastReceivedNs = nowNs;
  tcb.keepaliveProbes = 0;
  if (seqGe(seq, tcb.sndWl1)) {
    // The window is the same; from where it is known moves on (RFC 9293, 3.10.7.4).
    tcb.sndWl1 = seq;
    tcb.sndWl2 = ack;
  }
  takeExpected(core, tcb, frame, at + headerBytes, length, nowNs);
  return true;
}

/** The seventh step of RFC 9293, 3.10.7.4, for text at RCV.NXT, inside the window, without FIN. */
function takeExpected(
  core: Core,
  tcb: Tcb,
  frame: number,
  at: number,
  length: number,
  nowNs: number,
): void {
  if (length > tcb.rcvMss) tcb.rcvMss = length;
  if (length > tcb.rcvMssNext) tcb.rcvMssNext = length;
  tcb.dupAcksOwed = 0;
  tcb.rcvNxt = seqAdd(tcb.rcvNxt, length);
  if (nowNs - tcb.drsNs >= tcb.srttNs) tuneReceiveBuffer(core, tcb, nowNs);
  // The ACK that is owed covers this segment, too; its window is computed when it leaves.
  if ((tcb.flags & ACK_OWED) !== ACK_OWED) ackInOrder(core, tcb, nowNs);
  if (deliver(core, tcb, frame, at, length)) tellReadable(core, tcb, false);
}

/**
 * Bytes have come for an owner that pulls: he is told at the end of the run, which is now when a
 * FIN has come too (`isEnd`). Without runs, at once.
 */
export function tellReadable(core: Core, tcb: Tcb, isEnd: boolean): void {
  if ((tcb.flags & Flag.Pull) === 0) return;
  if (isEnd || !core.config.receiveRuns) {
    if (core.run === tcb) core.run = undefined;
    core.events.readable(tcb);
    return;
  }
  // Another's run has ended when this segment came.
  core.run = tcb;
}

/**
 * The run is over: another connection's segment came, something that is no data, or the burst has
 * ended. Nothing when there is none.
 */
export function endRun(core: Core): void {
  const tcb = core.run;
  if (tcb === undefined) return;
  core.run = undefined;
  // The owner may have read, or ended the connection and its queue, in somebody else's event.
  if (tcb.rqBytes > 0) core.events.readable(tcb);
}
