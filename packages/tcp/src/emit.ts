// @hot
/**
 * Writes segments into frames and hands them to IP.
 *
 * A header goes in front of its payload, into the headroom. Nothing here touches a frame that
 * somebody else still holds: with crossed rings the peer's stack reads the very same memory.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import {
  checksumFold,
  emitTcp,
  emitTcpTimestamps,
  PROTOCOL_TCP,
  type IpFlow,
  type IpMeta,
  seqAdd,
  seqDiff,
  seqGt,
  setTcpChecksum,
  TCP_ACK,
  TCP_CHECKSUM_OFFSET,
  TCP_CWR,
  TCP_ECE,
  TCP_HEADER_BYTES,
  TCP_OPTIONS_BYTES_MAX,
  TCP_RST,
  TCP_SYN,
  TCP_TIMESTAMPS_BYTES,
  TCP_URG,
  tcpSegmentLength,
} from '@tickwire/wire';
import { Acc } from './accecn.ts';
import { synEcnFlags } from './accecn-handshake.ts';
import {
  chooseOption,
  emitFirstOption,
  emitOption,
  isHandshakeAck,
  NO_OPTION,
  optionBytes,
  optionPressing,
  takeAceFlags,
} from './accecn-receive.ts';
import { Congestion } from './config.ts';
import type { Core, Segment } from './core.ts';
import { emitFastOpen, fillSyn } from './fast-open-syn.ts';
import { TIMESTAMP_TICK_NS } from './limits.ts';
import { emitSack, sackBlockCount, sackOptionBytes } from './sack.ts';
import { State } from './state.ts';
import { SynFlag } from './syn-cache.ts';
import { emitSynOptions } from './syn-options.ts';
import { Flag, NEVER, pathMtu, storeRoute, type Tcb } from './tcb.ts';
import { advertiseWindow } from './window.ts';

const TWO_32 = 4_294_967_296;
/** Largest urgent pointer. */
const URGENT_MAX = 0xffff;
/** ECN field: ECN-capable transport, codepoint 0 (RFC 3168, 5). */
const ECT_0 = 2;
/** SACK blocks that must not give way to the option of Accurate ECN (RFC 9768, 3.2.3.3). */
const SACK_BLOCKS_FIRST = 2;

/** Our timestamp clock without a connection's offset: milliseconds (RFC 7323, 5.4). */
export function timestampClock(nowNs: number): number {
  return (Math.floor(nowNs / TIMESTAMP_TICK_NS) % TWO_32) | 0;
}

/** Our timestamp clock with the connection's own offset. */
export function timestampNow(tcb: Tcb, nowNs: number): number {
  return (timestampClock(nowNs) + tcb.tsOffset) | 0;
}

/** Traffic class of new data: ECN-capable when that was agreed on (RFC 3168, 6.1.2). */
export function ectClass(tcb: Tcb): number {
  return isCapable(tcb) ? tcb.trafficClass | ECT_0 : tcb.trafficClass;
}

/** IP header bytes of a family, without options. */
export function ipHeaderBytes(family: number): number {
  return family === 4 ? 20 : 40;
}

/**
 * Sends one segment of an open connection; takes one reference to `frame`. `at` is where the
 * payload lies. The segment carries whatever ACK, window and SACK blocks are due, and settles them.
 */
export function sendSegment(
  core: Core,
  tcb: Tcb,
  frame: number,
  at: number,
  length: number,
  seq: number,
  flags: number,
  ect: boolean,
  nowNs: number,
): void {
  const view = core.arena.view;
  let optionsBytes = (tcb.flags & Flag.Timestamps) !== 0 ? TCP_TIMESTAMPS_BYTES : 0;
  const isAccurate = (tcb.accEcn & Acc.On) !== 0;
  const isHandshake = isAccurate && isHandshakeAck(tcb, flags, length);
  const isReport = tcb.ooHead !== NO_FRAME || tcb.dsackLeft !== tcb.dsackRight;
  let blocks = 0;
  let accurate = NO_OPTION;
  if (isAccurate || isReport) {
    const room = optionRoom(tcb, optionsBytes, length);
    // The handshake encoding is for an ACK without blocks: they follow (RFC 9768, 3.2.2.1).
    const isBlocks = isReport && !isHandshake;
    if (isAccurate) {
      const reserved = isBlocks ? sackOptionBytes(firstBlocks(core, tcb, room)) : 0;
      // A retransmission may have been lost because of the option (RFC 9768, 3.2.3.2.2).
      const isBare = (length > 0 && !ect) || (flags & TCP_RST) !== 0;
      if (!isBare) accurate = chooseOption(tcb, room - reserved, length);
      optionsBytes += optionBytes(accurate);
    }
    if (isBlocks) blocks = sackBlockCount(core, tcb, room - optionBytes(accurate));
    optionsBytes += sackOptionBytes(blocks);
  }
  // A full-sized segment has no room for blocks; a pure ACK follows it then.
  const isSaid = !isReport || blocks > 0 || (length === 0 && !isHandshake);
  if (isSaid) tcb.flags &= ~Flag.AckNow;
  if (isAccurate && accurate === NO_OPTION && length > 0 && optionPressing(tcb)) {
    tcb.flags |= Flag.AckNow;
  }
  const ecn = isAccurate ? takeAceFlags(tcb, isHandshake) : takeEcnFlags(tcb, ect);
  let allFlags = flags | TCP_ACK | ecn;
  const headerBytes = TCP_HEADER_BYTES + optionsBytes;
  const headerAt = at - headerBytes;
  const window = advertiseWindow(core, tcb, tcb.rcvShift);
  let urgent = 0;
  if (seqGt(tcb.sndUp, tcb.sndUna)) {
    urgent = urgentPointer(tcb, seq);
    if (urgent !== 0) allFlags |= TCP_URG;
  }
  emitTcp(
    view,
    headerAt,
    tcb.localPort,
    tcb.remotePort,
    seq,
    tcb.rcvNxt,
    headerBytes,
    allFlags,
    window,
    urgent,
  );
  let optionAt = headerAt + TCP_HEADER_BYTES;
  if ((tcb.flags & Flag.Timestamps) !== 0) {
    optionAt = emitTcpTimestamps(view, optionAt, timestampNow(tcb, nowNs), tcb.tsRecent);
  }
  if (accurate !== NO_OPTION) optionAt = emitOption(tcb, view, optionAt, accurate, length);
  if (blocks > 0) emitSack(core, tcb, optionAt, blocks);

  if (length > 0 && tcb.ackAlone !== 0 && nowNs - tcb.lastReceivedNs < core.config.delayedAckNs) {
    // It was an exchange all the same: this would have carried the ACK that left alone.
    tcb.ackAlone = 0;
  }
  // Whatever leaves carries the ACK: nothing is owed any more (RFC 9293, 3.8.6.3).
  tcb.ackAtNs = NEVER;
  tcb.rcvAcked = tcb.rcvNxt;
  core.headerBytes = headerBytes;
  const trafficClass = ect ? ectClass(tcb) : tcb.trafficClass;
  submit(core, tcb, frame, headerAt, headerBytes + length, trafficClass, nowNs);
}

/**
 * The urgent pointer of a segment that begins at `seq`: the distance to the octet that follows the
 * urgent data (RFC 9293, 3.8.5, MUST-62; RFC 6093, 3.1; Linux sends the same); 0 when there is
 * none. Beyond 64 kB it points as far as the field does, and moves on with each segment, as in
 * Linux; but never into data that was sent before, where it would be a mark of its own.
 */
function urgentPointer(tcb: Tcb, seq: number): number {
  const distance = seqDiff(tcb.sndUp, seq);
  if (distance <= 0) return 0;
  if (distance <= URGENT_MAX) return distance;
  return seqGt(seqAdd(seq, URGENT_MAX), tcb.sndNxt) ? URGENT_MAX : 0;
}

/** Room for more options in a segment that has `optionsBytes` of them and `length` of payload. */
function optionRoom(tcb: Tcb, optionsBytes: number, length: number): number {
  const room = pathMtu(tcb) - ipHeaderBytes(tcb.family) - TCP_HEADER_BYTES - optionsBytes - length;
  const most = TCP_OPTIONS_BYTES_MAX - optionsBytes;
  return room < most ? room : most;
}

/**
 * SACK blocks that go before the option of Accurate ECN: two (RFC 9768, 3.2.3.3), and all when a
 * duplicate or more than two blocks are new.
 */
function firstBlocks(core: Core, tcb: Tcb, room: number): number {
  const blocks = sackBlockCount(core, tcb, room);
  const isNews = tcb.dsackLeft !== tcb.dsackRight || tcb.ooFresh > SACK_BLOCKS_FIRST;
  return isNews || blocks < SACK_BLOCKS_FIRST ? blocks : SACK_BLOCKS_FIRST;
}

/** The flags of classic ECN (RFC 3168, 6.1.2 and 6.1.3): echo, and CWR once on new data. */
function takeEcnFlags(tcb: Tcb, ect: boolean): number {
  if ((tcb.flags & Flag.Ecn) === 0) return 0;
  const echo = (tcb.flags & Flag.EcnEcho) !== 0 ? TCP_ECE : 0;
  if (!ect || (tcb.flags & Flag.EcnCwr) === 0) return echo;
  tcb.flags &= ~Flag.EcnCwr;
  return echo | TCP_CWR;
}

/** Whether new data may be marked by the network. */
function isCapable(tcb: Tcb): boolean {
  // Only who reacts to a mark says that it may be marked (RFC 3168, 6.1).
  if (tcb.congestion === Congestion.None) return false;
  if ((tcb.flags & Flag.Ecn) !== 0) return true;
  return (tcb.accEcn & (Acc.On | Acc.NoEct)) === Acc.On;
}

function submit(
  core: Core,
  tcb: Tcb,
  frame: number,
  at: number,
  length: number,
  trafficClass: number,
  nowNs: number,
): void {
  tcb.segmentsOut += 1;
  tcb.lastSentNs = nowNs;
  const flow = core.flowOf(tcb);
  flow.trafficClass = trafficClass;
  submitFlow(core, flow, frame, at, length, nowNs);
  // IP has found another way, or the first one.
  if (flow.neighbourVersion !== tcb.neighbourVersion || flow.neighbour !== tcb.neighbour) {
    storeRoute(tcb, flow);
  }
}

/** Fills in the checksum of a segment on a bound flow and sends it. Takes the reference. */
export function submitFlow(
  core: Core,
  flow: IpFlow,
  frame: number,
  at: number,
  length: number,
  nowNs: number,
): void {
  core.counters.outSegs += 1;
  setTcpChecksum(core.arena.view, at, checksumFold(flow.addressSum + PROTOCOL_TCP + length));
  // A failure is like a loss in the network: retransmission answers both.
  core.output.output(flow, PROTOCOL_TCP, frame, at, length, TCP_CHECKSUM_OFFSET, nowNs);
}

/** Sends a segment without payload at `seq`; false when there was no frame. */
export function sendControl(
  core: Core,
  tcb: Tcb,
  seq: number,
  flags: number,
  nowNs: number,
): boolean {
  const frame = core.allocFrame();
  if (frame === NO_FRAME) return false;
  sendSegment(core, tcb, frame, core.arena.dataAt[frame]!, 0, seq, flags, false, nowNs);
  return true;
}

/** Sends a pure ACK; false when there was no frame. */
export function sendAck(core: Core, tcb: Tcb, nowNs: number): boolean {
  return sendControl(core, tcb, tcb.sndNxt, 0, nowNs);
}

/**
 * Which options a SYN carries. An answer repeats only what the SYN offered (RFC 7323, 1.3; RFC
 * 2018, 2), and the flags of its connection say no more.
 */
function synFlags(flags: number): number {
  let syn = (flags & Flag.Timestamps) !== 0 ? SynFlag.Timestamps : 0;
  if ((flags & Flag.Sack) !== 0) syn |= SynFlag.Sack;
  return (flags & Flag.Scaling) !== 0 ? syn | SynFlag.Scaling : syn;
}

/** Sends SYN or SYN-ACK, by the state; false when there was no frame. RFC 9293, 3.10.1. */
export function sendSyn(core: Core, tcb: Tcb, nowNs: number): boolean {
  const frame = core.allocFrame();
  if (frame === NO_FRAME) return false;
  const view = core.arena.view;
  const at = core.arena.dataAt[frame]!;
  const mss = offeredMss(tcb.family, tcb.ipMtu, tcb.mssMax);
  const tsVal = timestampNow(tcb, nowNs);
  let optionAt = emitSynOptions(
    view,
    core.synOrder,
    at,
    synFlags(tcb.flags),
    mss,
    tsVal,
    tcb.tsRecent,
    tcb.rcvShift,
  );
  const answer = tcb.state === State.SynReceived;
  let payloadBytes = 0;
  if (tcb.fastOpen !== 0) {
    optionAt = emitFastOpen(core, tcb, view, at, optionAt, nowNs);
    const room = tcb.ipMtu - ipHeaderBytes(tcb.family) - TCP_HEADER_BYTES - (optionAt - at);
    payloadBytes = fillSyn(core, tcb, optionAt, optionAt - at, room);
  }
  const ecn = synEcnFlags(tcb);
  if (answer && tcb.backoff === 0 && (tcb.accEcn & Acc.On) !== 0 && ecn !== 0) {
    optionAt = emitFirstOption(view, at, optionAt);
  }
  const flags = (answer ? TCP_SYN | TCP_ACK : TCP_SYN) | ecn;
  const headerBytes = TCP_HEADER_BYTES + (optionAt - at);
  // The fixed header goes in front of the options that were written at `at`.
  const headerAt = at - TCP_HEADER_BYTES;
  emitTcp(
    view,
    headerAt,
    tcb.localPort,
    tcb.remotePort,
    tcb.iss,
    answer ? tcb.rcvNxt : 0,
    headerBytes,
    flags,
    advertiseWindow(core, tcb, 0),
    0,
  );
  tcb.ackAtNs = NEVER;
  tcb.rcvAcked = tcb.rcvNxt;
  tcb.flags &= ~Flag.AckNow;
  submit(core, tcb, frame, headerAt, headerBytes + payloadBytes, tcb.trafficClass, nowNs);
  return true;
}

/** The MSS that we offer: what our link takes, `most` at most (RFC 9293, 3.7.1; RFC 6691). */
export function offeredMss(family: number, mtu: number, most: number): number {
  const mss = mtu - ipHeaderBytes(family) - TCP_HEADER_BYTES;
  return mss < most ? mss : most;
}

/** Resets an open connection (RFC 9293, 3.10.5). A reset that finds no frame is simply not sent. */
export function sendReset(core: Core, tcb: Tcb, nowNs: number): void {
  if (sendControl(core, tcb, tcb.sndNxt, TCP_RST, nowNs)) core.counters.outRsts += 1;
}

/** Refuses a connection in SYN-RECEIVED or SYN-SENT: RST at the sequence number the peer named. */
export function sendResetAt(core: Core, tcb: Tcb, seq: number, nowNs: number): void {
  const frame = core.allocFrame();
  if (frame === NO_FRAME) return;
  const at = core.arena.dataAt[frame]! - TCP_HEADER_BYTES;
  emitTcp(
    core.arena.view,
    at,
    tcb.localPort,
    tcb.remotePort,
    seq,
    0,
    TCP_HEADER_BYTES,
    TCP_RST,
    0,
    0,
  );
  core.counters.outRsts += 1;
  submit(core, tcb, frame, at, TCP_HEADER_BYTES, tcb.trafficClass, nowNs);
}

/**
 * Answers a segment of no connection (RFC 9293, 3.10.7.1): never a reset to a reset, never more
 * than the limit, and only what an unspoofed sender needs.
 */
export function replyReset(
  core: Core,
  meta: IpMeta,
  segment: Segment,
  ports: number,
  nowNs: number,
): void {
  if ((segment.flags & TCP_RST) !== 0) return;
  if (!core.resetLimit.take(nowNs)) {
    core.counters.resetsLimited += 1;
    return;
  }
  const flow = core.replyFlow;
  flowFromMeta(flow, meta);
  if (core.output.bindFlow(flow, nowNs) < 0) return;
  const frame = core.allocFrame();
  if (frame === NO_FRAME) return;
  const at = core.arena.dataAt[frame]! - TCP_HEADER_BYTES;
  const acknowledges = (segment.flags & TCP_ACK) !== 0;
  const end = segment.seq + tcpSegmentLength(segment.flags, segment.length);
  emitTcp(
    core.arena.view,
    at,
    ports >>> 16,
    ports & 0xffff,
    acknowledges ? segment.ack : 0,
    acknowledges ? 0 : end | 0,
    TCP_HEADER_BYTES,
    acknowledges ? TCP_RST : TCP_RST | TCP_ACK,
    0,
    0,
  );
  core.counters.outRsts += 1;
  submitFlow(core, flow, frame, at, TCP_HEADER_BYTES, nowNs);
}

/** Makes `flow` the conversation in which `meta` arrived, seen from here. */
export function flowFromMeta(flow: IpFlow, meta: IpMeta): void {
  flow.family = meta.family;
  flow.local0 = meta.dst0;
  flow.local1 = meta.dst1;
  flow.local2 = meta.dst2;
  flow.local3 = meta.dst3;
  flow.remote0 = meta.src0;
  flow.remote1 = meta.src1;
  flow.remote2 = meta.src2;
  flow.remote3 = meta.src3;
  resetFlow(flow);
}

/** Brings everything in a flow but the addresses back to the beginning. */
export function resetFlow(flow: IpFlow): void {
  flow.trafficClass = 0;
  flow.hopLimit = 64;
  flow.dontFragment = 1;
  flow.neighbour = -1;
  flow.neighbourVersion = -1;
}
