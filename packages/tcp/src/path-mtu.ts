// @hot
/**
 * How large a packet the path takes: by ICMP (RFC 1191, RFC 8201) and, where routers are silent, by
 * probing with data (RFC 4821).
 *
 * IP keeps what routers have said in `IpFlow.mtu`, for all connections, and forgets it after ten
 * minutes. `Tcb.pathMtu` is what this connection knows besides: the smaller of both counts. IPv4
 * packets carry DF always, so a packet that is too large is lost, not cut.
 *
 * A probe is a segment of queued data that is larger than the MSS. When it is acknowledged the path
 * has grown; when it is lost and nothing else is, it was too large, and no congestion (7.6.2).
 *
 * @module
 */

import { NO_FRAME, Status } from '@tickwire/base';
import { seqAdd, seqDiff, seqGe, TCP_HEADER_BYTES, TCP_TIMESTAMPS_BYTES } from '@tickwire/wire';
import { type Core, Tx } from './core.ts';
import { ipHeaderBytes } from './emit.ts';
import {
  MTU_BLACK_HOLE_TIMEOUTS,
  MTU_MAX,
  MTU_MIN_IPV4,
  MTU_MIN_IPV6,
  MTU_PROBE_FOLLOWERS,
  MTU_SEARCH_STOP,
  MTU_SUSPECT_TIMEOUTS,
} from './limits.ts';
import { markForResend, pipeBytes } from './retransmit.ts';
import { Recovery } from './recovery.ts';
import { mssAt, payloadAt, reservedBytes, splitFrame, updateMss } from './send.ts';
import { Flag, NEVER, pathMtu, type Tcb } from './tcb.ts';

/** A connection opens. With probing from the start it begins small (RFC 4821, 7.2). */
export function openPathMtu(core: Core, tcb: Tcb): void {
  if (core.config.mtuProbing !== 2 || (tcb.flags & Flag.Sack) === 0) return;
  const base = baseMtu(core, tcb);
  if (base >= pathMtu(tcb)) return;
  tcb.pathMtu = base;
  updateMss(core, tcb);
  beginSearch(tcb, MTU_MAX, 0);
}

/**
 * A router says that a segment which begins with `seq` does not fit into `mtu` bytes. `seq` lies in
 * flight (RFC 5927, 4.1); more than that, something that large must have been sent (RFC 5927, 7.2).
 * Smaller segments from now on, and what was too large goes again at once, in pieces. The window
 * stays: nothing was congested.
 */
export function pathShrinks(core: Core, tcb: Tcb, seq: number, mtu: number): number {
  const isIpv4 = tcb.family === 4;
  // An IPv6 link takes 1280 bytes; who claims less lies (RFC 8201, 4).
  if (!core.config.pathMtuDiscovery || (!isIpv4 && mtu < MTU_MIN_IPV6)) return ignored(core);
  const frame = frameAt(core, tcb, seq);
  if (frame === NO_FRAME || packetBytes(tcb, core.txLength[frame]!) <= mtu) return ignored(core);
  const bounded = isIpv4 && mtu < MTU_MIN_IPV4 ? MTU_MIN_IPV4 : mtu;
  if (bounded < tcb.pathMtu) {
    if (bounded < pathMtu(tcb)) core.counters.mtuReductions += 1;
    tcb.pathMtu = bounded;
  }
  updateMss(core, tcb);
  tcb.mtuProbe = 0;
  tcb.mtuProbeFrame = NO_FRAME;
  // The path may grow again (RFC 1191, 6.3; RFC 8201, 4). What is in flight has just been sent.
  beginSearch(tcb, MTU_MAX, tcb.lastSentNs + core.config.mtuRaiseNs);
  let resend = false;
  for (let next = tcb.sqHead; next !== tcb.sqUnsent; next = core.txNext[next]!) {
    if (core.txLength[next]! <= tcb.mss || (core.txFlags[next]! & Tx.Lost) !== 0) continue;
    markForResend(core, tcb, next);
    resend = true;
  }
  if (resend) repair(core, tcb);
  return resend ? Status.Ok : Status.OutOfRange;
}

function ignored(core: Core): number {
  core.counters.icmpIgnored += 1;
  return Status.OutOfRange;
}

/** The segment in flight that begins with `seq`. Rare, so it may take a walk. */
function frameAt(core: Core, tcb: Tcb, seq: number): number {
  for (let frame = tcb.sqHead; frame !== tcb.sqUnsent; frame = core.txNext[frame]!) {
    if (core.txSeq[frame] === seq) return frame;
  }
  return NO_FRAME;
}

/** Segments go again because of their size: a recovery that leaves the window alone. */
function repair(core: Core, tcb: Tcb): void {
  if (tcb.recovery === Recovery.Open || tcb.recovery === Recovery.Reduced) {
    tcb.recovery = Recovery.Repair;
    tcb.recover = tcb.sndNxt;
  }
  tcb.flags |= Flag.ForceOne;
  core.needsEgress(tcb);
}

/** Bytes of a packet with so much payload, at most. */
function packetBytes(tcb: Tcb, length: number): number {
  const options = (tcb.flags & Flag.Timestamps) !== 0 ? TCP_TIMESTAMPS_BYTES : 0;
  return ipHeaderBytes(tcb.family) + TCP_HEADER_BYTES + options + reservedBytes(tcb) + length;
}

/** Where a search begins: a size that passes everywhere but on exotic paths (RFC 4821, 7.2). */
function baseMtu(core: Core, tcb: Tcb): number {
  const mtu = core.config.mtuBaseMss + ipHeaderBytes(tcb.family) + TCP_HEADER_BYTES;
  return tcb.family === 6 && mtu < MTU_MIN_IPV6 ? MTU_MIN_IPV6 : mtu;
}

function leastMtu(tcb: Tcb): number {
  return tcb.family === 4 ? MTU_MIN_IPV4 : MTU_MIN_IPV6;
}

/** Looks from `atNs` on for a size up to `high`, the largest first. */
function beginSearch(tcb: Tcb, high: number, atNs: number): void {
  tcb.mtuHigh = high;
  tcb.mtuTop = 1;
  tcb.mtuProbeAtNs = atNs;
}

/** The largest packet that peer and frames could make use of. */
function peerMtu(core: Core, tcb: Tcb): number {
  let mss = tcb.peerMss < tcb.mssMax ? tcb.peerMss : tcb.mssMax;
  const options = (tcb.flags & Flag.Timestamps) !== 0 ? TCP_TIMESTAMPS_BYTES : 0;
  if (mss - options > core.arena.dataRoom) mss = core.arena.dataRoom + options;
  return mss + ipHeaderBytes(tcb.family) + TCP_HEADER_BYTES;
}

/**
 * The time to look for a larger path has come, and there is new data to send: makes a probe of it,
 * the next to leave, when that does no harm now. False when the probe has to wait for room, and
 * new data with it: in a full window ACKs would never leave enough.
 */
export function growPath(core: Core, tcb: Tcb, nowNs: number): boolean {
  // A search begins: IP's own estimate may have aged since the last segment left.
  if (tcb.mtuHigh === MTU_MAX) core.bind(tcb, nowNs);
  const most = peerMtu(core, tcb);
  const ceiling = most < tcb.ipMtu ? most : tcb.ipMtu;
  if (tcb.mtuHigh > ceiling) tcb.mtuHigh = ceiling;
  const low = pathMtu(tcb);
  if (tcb.mtuHigh - low < MTU_SEARCH_STOP) {
    // Found. Should the path be smaller than the peer's segments, it may grow later (RFC 1191,
    // 6.3): IP forgets a smaller one by a clock of its own.
    if (low >= most) tcb.mtuProbeAtNs = NEVER;
    else beginSearch(tcb, MTU_MAX, nowNs + core.config.mtuRaiseNs);
    return true;
  }
  if (core.config.mtuProbing === 0 || (tcb.flags & Flag.Sack) === 0) {
    // Without SACK a lost probe costs a window: trust that a router speaks up (RFC 1191, 6.3).
    tcb.pathMtu = MTU_MAX;
    tcb.mtuProbeAtNs = NEVER;
    updateMss(core, tcb);
    core.counters.mtuRaises += 1;
    return true;
  }
  const mtu = tcb.mtuTop === 1 ? tcb.mtuHigh : Math.ceil((low + tcb.mtuHigh) / 2);
  const bytes = payloadAt(core, tcb, mtu);
  if (!mayProbe(core, tcb, bytes)) return true;
  if (pipeBytes(tcb) + bytes > tcb.cwnd) return false;
  if (!gatherProbe(core, tcb, bytes)) return true;
  tcb.mtuProbe = mtu;
  tcb.mtuProbeFrame = tcb.sqUnsent;
  tcb.mtuProbeEnd = seqAdd(tcb.sndNxt, bytes);
  tcb.mtuProbeAtNs = NEVER;
  core.counters.mtuProbes += 1;
  return true;
}

/** RFC 4821, 7.4: enough data behind the probe to show its loss, and no other trouble. */
function mayProbe(core: Core, tcb: Tcb, bytes: number): boolean {
  if (tcb.recovery !== Recovery.Open || tcb.sackedBytes > 0 || tcb.lostBytes > 0) return false;
  if (bytes <= tcb.mss || bytes > core.arena.dataRoom) return false;
  const needed = bytes + MTU_PROBE_FOLLOWERS * tcb.mss;
  if (tcb.cwnd < needed || seqDiff(tcb.sndEnd, tcb.sndNxt) < needed) return false;
  return seqDiff(seqAdd(tcb.sndUna, tcb.sndWnd), tcb.sndNxt) >= needed;
}

/** Moves the first `bytes` of unsent data into one frame. False when there is none. */
function gatherProbe(core: Core, tcb: Tcb, bytes: number): boolean {
  const probe = core.allocFrame();
  if (probe === NO_FRAME) return false;
  const arena = core.arena;
  let before = NO_FRAME;
  if (tcb.sqHead !== tcb.sqUnsent) {
    before = tcb.sqHead;
    while (core.txNext[before] !== tcb.sqUnsent) before = core.txNext[before]!;
  }
  let to = arena.dataAt[probe]!;
  let frame = tcb.sqUnsent;
  let left = bytes;
  core.txSeq[probe] = core.txSeq[frame]!;
  core.txAt[probe] = to;
  core.txLength[probe] = bytes;
  core.txFlags[probe] = 0;
  core.txDeliveredNs[probe] = -1;
  // The tail stays, with its FIN and what is reserved behind it: see `mayProbe`.
  while (left > 0) {
    const length = core.txLength[frame]!;
    const from = core.txAt[frame]!;
    const part = length < left ? length : left;
    arena.bytes.copyWithin(to, from, from + part);
    to += part;
    left -= part;
    if (part < length) {
      core.txSeq[frame] = seqAdd(core.txSeq[frame]!, part);
      core.txAt[frame] = from + part;
      core.txLength[frame] = length - part;
    } else {
      const next = core.txNext[frame]!;
      tcb.sqFrames -= 1;
      core.txFrames -= 1;
      arena.free(frame);
      frame = next;
    }
  }
  core.txNext[probe] = frame;
  if (before === NO_FRAME) tcb.sqHead = probe;
  else core.txNext[before] = probe;
  tcb.sqUnsent = probe;
  // Nothing is lost; the hint may have waited at a frame that is gone.
  tcb.sqLost = NO_FRAME;
  tcb.sqFrames += 1;
  core.txFrames += 1;
  return true;
}

/** The probe is acknowledged: as large as it was, if it was not cut on the way. */
export function probeAcked(core: Core, tcb: Tcb, nowNs: number): void {
  if (tcb.mtuProbe === 0 || !seqGe(tcb.sndUna, tcb.mtuProbeEnd)) return;
  if (tcb.mtuProbeFrame !== NO_FRAME) {
    tcb.pathMtu = tcb.mtuProbe;
    core.counters.mtuRaises += 1;
    updateMss(core, tcb);
  }
  tcb.mtuProbe = 0;
  tcb.mtuProbeFrame = NO_FRAME;
  tcb.mtuProbeAtNs = nowNs;
}

/**
 * Whether what is marked lost now is a congestion event. The loss of a probe alone is none: its
 * data goes again in pieces (RFC 4821, 7.6.2).
 */
export function lossIsCongestion(core: Core, tcb: Tcb, newlyLost: boolean, nowNs: number): boolean {
  if (tcb.lostBytes === 0) return false;
  if (tcb.recovery === Recovery.Fast || tcb.recovery === Recovery.Loss) return false;
  if (tcb.recovery === Recovery.Repair) return newlyLost;
  const probe = tcb.mtuProbeFrame;
  if (probe === NO_FRAME) return true;
  if ((core.txFlags[probe]! & Tx.Lost) === 0 || tcb.lostBytes !== core.txLength[probe]!)
    return true;
  probeFailed(tcb, nowNs);
  repair(core, tcb);
  return false;
}

function probeFailed(tcb: Tcb, nowNs: number): void {
  tcb.mtuHigh = tcb.mtuProbe - 1;
  tcb.mtuTop = 0;
  tcb.mtuProbe = 0;
  tcb.mtuProbeFrame = NO_FRAME;
  tcb.mtuProbeAtNs = nowNs;
}

/**
 * A retransmission timeout. Several in a row for a large segment look like a black hole: a router
 * that drops what is too large and does not say so, or whose word is filtered (RFC 2923, 2.1).
 *
 * Where much is lost by chance that happens, too, and smaller segments make it worse. So at first
 * one segment is cut, as a test: when that passes, and the next large one does not either, it was
 * the size. Small segments pass; then the search begins (RFC 4821, 7.7).
 */
export function pathTimesOut(core: Core, tcb: Tcb, nowNs: number): void {
  if (tcb.mtuProbe !== 0) {
    // Inconclusive, unless the probe is what is missing (RFC 4821, 7.6.3 and 7.6.4).
    const isHead = tcb.mtuProbeFrame === tcb.sqHead;
    probeFailed(tcb, nowNs);
    if (!isHead) tcb.mtuHigh += 1;
  }
  const head = tcb.sqHead;
  if (core.config.mtuProbing === 0 || head === NO_FRAME) return;
  const isSuspected = tcb.mtuSuspect !== MTU_MAX;
  if (tcb.unanswered < (isSuspected ? MTU_SUSPECT_TIMEOUTS : MTU_BLACK_HOLE_TIMEOUTS)) return;
  const before = pathMtu(tcb);
  const base = baseMtu(core, tcb);
  // The test may have been too large, too.
  const isHopeless = tcb.unanswered >= 2 * MTU_BLACK_HOLE_TIMEOUTS;
  const small = before > base && !isHopeless ? base : leastMtu(tcb);
  const bytes = mssAt(core, tcb, small);
  const length = core.txLength[head]!;
  if (small >= before || length <= bytes || hasPassed(core, tcb, length)) return;
  if (!isSuspected || isHopeless) {
    if (splitFrame(core, tcb, head, bytes) && !isSuspected) tcb.mtuSuspect = length;
    return;
  }
  tcb.mtuSuspect = MTU_MAX;
  tcb.pathMtu = small;
  updateMss(core, tcb);
  core.counters.mtuBlackHoles += 1;
  // If the peer was only away, the first probe brings the old size back in one round trip.
  const isProbing = (tcb.flags & Flag.Sack) !== 0;
  beginSearch(tcb, before, isProbing ? nowNs : nowNs + core.config.mtuRaiseNs);
}

/** Whether a segment of so many bytes is reported in this flight: then it was not the size. */
function hasPassed(core: Core, tcb: Tcb, bytes: number): boolean {
  for (let frame = tcb.sqHead; frame !== tcb.sqUnsent; frame = core.txNext[frame]!) {
    if ((core.txFlags[frame]! & Tx.Sacked) !== 0 && core.txLength[frame]! >= bytes) return true;
  }
  return false;
}
