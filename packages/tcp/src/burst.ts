// @hot
/**
 * Bursts of segments, the sending side (software TSO): full-sized segments behind one that has just
 * left go out as copies of its header, with their own sequence number, PSH and checksum.
 *
 * Nothing arrives between two segments of a burst, so ACK, window, options and marks are the same
 * in all of them. What could differ ends the burst, and the next segment is built from the start.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import {
  checksumFold,
  copyTcpHeader,
  PROTOCOL_TCP,
  seqAdd,
  seqDiff,
  setTcpChecksum,
  TCP_CHECKSUM_OFFSET,
} from '@tickwire/wire';
import { type Core, Tx } from './core.ts';
import { rateSent } from './delivery-rate.ts';
import { ectClass } from './emit.ts';
import { paceAllows, paceSent } from './pacer.ts';
import { Recovery } from './recovery.ts';
import { pipeBytes, scheduleLossTimer } from './retransmit.ts';
import type { Tcb } from './tcb.ts';

/**
 * Sends unsent full-sized frames as far as the windows, the pacer and the output allow, with the
 * header at `headerAt` as their template. It is that of a new segment which has left just now, in
 * its own frame; `headerBytes` with options.
 */
export function sendFollowers(
  core: Core,
  tcb: Tcb,
  headerAt: number,
  headerBytes: number,
  isPaced: boolean,
  nowNs: number,
): void {
  const { arena, output, counters } = core;
  const view = arena.view;
  const flow = core.flowOf(tcb);
  const mss = tcb.mss;
  const usable = seqDiff(seqAdd(tcb.sndUna, tcb.sndWnd), tcb.sndNxt);
  const room = tcb.cwnd - pipeBytes(tcb);
  let left = usable < room ? usable : room;
  const checksum = checksumFold(flow.addressSum + PROTOCOL_TCP + headerBytes + mss);
  flow.trafficClass = ectClass(tcb);
  let sent = 0;
  for (;;) {
    const frame = tcb.sqUnsent;
    if (
      frame === NO_FRAME ||
      left < mss ||
      // Smaller, or a probe for the path MTU.
      core.txLength[frame] !== mss ||
      (core.txFlags[frame]! & Tx.Fin) !== 0 ||
      // Somebody reads it (a retained frame): only a copy could get a header.
      arena.refCount(frame) !== 1 ||
      nowNs >= tcb.mtuProbeAtNs ||
      (isPaced && !paceAllows(core, tcb, nowNs)) ||
      output.room() <= 0
    ) {
      break;
    }
    const next = core.txNext[frame]!;
    const seq = core.txSeq[frame]!;
    const to = (core.txAt[frame]! - headerBytes) | 0;
    copyTcpHeader(view, headerAt, to, headerBytes, seq, next === NO_FRAME);
    setTcpChecksum(view, to, checksum);
    core.txTimeNs[frame] = nowNs;
    if (tcb.rateOn !== 0) rateSent(core, tcb, frame, mss, nowNs);
    arena.retain(frame);
    counters.outSegs += 1;
    sent += 1;
    // A failure is like a loss in the network, as everywhere.
    output.output(flow, PROTOCOL_TCP, frame, to, headerBytes + mss, TCP_CHECKSUM_OFFSET, nowNs);
    tcb.sndNxt = seqAdd(seq, mss);
    tcb.sqUnsent = next;
    left -= mss;
    if (isPaced) paceSent(core, tcb, mss, nowNs);
  }
  if (sent === 0) return;
  counters.outFollowers += sent;
  tcb.segmentsOut += sent;
  if (tcb.recovery === Recovery.Fast) tcb.prrOut += sent * mss;
  scheduleLossTimer(core, tcb, false, nowNs);
}
