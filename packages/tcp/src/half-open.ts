// @hot
/**
 * Half-open connections: from the SYN at a listener to the ACK that makes a Tcb of them.
 *
 * A SYN gets a row of the SYN cache. When there is no room it gets a cookie and no memory at all,
 * or, with cookies off, the place of the oldest row beside it. In either case one SYN costs the
 * same. The last ACK brings the connection into a Tcb in SYN-RECEIVED and is then processed like
 * every other segment, with its text and FIN.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import {
  IpFlow,
  type IpMeta,
  seqAdd,
  seqDiff,
  seqLt,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
  tcpSegmentLength,
} from '@tickwire/wire';
import { ACE_ASK_CLASSIC } from './accecn.ts';
import { Agreed, agreeEcn } from './accecn-handshake.ts';
import { cookieArrives, sendCookie, SynCookieMode } from './cookie-handshake.ts';
import type { Core, Segment } from './core.ts';
import { flowFromMeta, resetFlow, timestampClock } from './emit.ts';
import { openFastOpen } from './fast-open-server.ts';
import { openPassiveTcb, UNKNOWN_NS } from './handshake.ts';
import { IcmpKind } from './icmp-error.ts';
import { SYN_TIMEOUTS_PER_CALL } from './limits.ts';
import type { Listener } from './listener.ts';
import { findListenerAt } from './listeners.ts';
import { sendRowAck, sendRowReset, sendSynAck, sendSynReset, synWindow } from './syn-ack.ts';
import { NO_ROW, SYN_CLEARED, SynFlag, type SynTerms } from './syn-cache.ts';
import type { Tcb } from './tcb.ts';

/** Index of the timeout after which a SYN-ACK that found no frame or no room is tried again. */
const DUE_RETRY = 0;

/** Index of the timeout after `retries` repetitions. */
function dueAfter(core: Core, retries: number): number {
  const due = retries + 1;
  const last = core.synTimeouts - 1;
  return due < last ? due : last;
}

/** The row of a segment's conversation. `core.hash` is the hash of the last lookup. */
export function findRow(core: Core, meta: IpMeta, ports: number): number {
  return core.synCache.find(
    core.hash,
    meta.dst0,
    meta.dst1,
    meta.dst2,
    meta.dst3,
    meta.src0,
    meta.src1,
    meta.src2,
    meta.src3,
    ports,
  );
}

/** The row of a flow; for ICMP. */
export function findFlowRow(core: Core, flow: IpFlow, ports: number): number {
  return core.synCache.find(
    core.hash,
    flow.local0,
    flow.local1,
    flow.local2,
    flow.local3,
    flow.remote0,
    flow.remote1,
    flow.remote2,
    flow.remote3,
    ports,
  );
}

/** What SYN and configuration agree on, into `core.synTerms`; ISS and offset come later. */
function agree(core: Core, segment: Segment, family: number): SynTerms {
  const { config, options, synTerms: terms } = core;
  let flags = family === 4 ? 0 : SynFlag.Ipv6;
  if (config.timestamps && options.hasTimestamps === 1) flags |= SynFlag.Timestamps;
  if (config.sack && options.sackPermitted === 1) flags |= SynFlag.Sack;
  if (config.windowScaling && options.windowScale >= 0) flags |= SynFlag.Scaling;
  const agreed = agreeEcn(config.ecn, segment.ace);
  if (agreed === Agreed.Classic) flags |= SynFlag.Ecn;
  else if (agreed === Agreed.Accurate) flags |= SynFlag.Accurate;
  terms.irs = segment.seq;
  terms.tsRecent = options.tsVal;
  terms.window = segment.window;
  terms.mss = options.mss;
  terms.shift = options.windowScale < 0 ? 0 : options.windowScale;
  terms.flags = flags;
  terms.ecn = segment.ecn;
  return terms;
}

/**
 * A SYN meets a listener (RFC 9293, 3.10.7.2). `core.hash` is the hash of its 4-tuple. Returns a
 * status, or with fast open a connection that takes the text of the SYN. `floor` is for the ISS.
 */
export function openPassive(
  core: Core,
  listener: Listener,
  meta: IpMeta,
  segment: Segment,
  ports: number,
  floor: number,
  nowNs: number,
): Tcb | number {
  if (listener.queued >= listener.backlog) {
    // The owner does not accept fast enough: more handshakes would only pile up (as Linux).
    listener.overflows += 1;
    core.counters.listenOverflows += 1;
    return Status.LimitReached;
  }
  const hash = core.hash;
  const flow = core.replyFlow;
  flowFromMeta(flow, meta);
  const bound = core.output.bindFlow(flow, nowNs);
  if (bound < 0) return bound;
  const terms = agree(core, segment, meta.family);
  if (listener.fastOpen > 0 && core.options.fastOpenAt >= 0) {
    const tcb = openFastOpen(core, listener, meta, flow, ports, floor, terms, nowNs);
    if (tcb !== Status.LimitReached) return tcb;
  }
  const cache = core.synCache;
  const mode = core.config.synCookies;
  if (
    mode === SynCookieMode.Always ||
    listener.embryonic >= listener.halfOpenMax ||
    !cache.hasRoom(hash)
  ) {
    if (mode !== SynCookieMode.Always) {
      core.counters.synCacheOverflows += 1;
      core.synCookies.overflowed(nowNs);
    }
    if (mode !== SynCookieMode.Never) return sendCookie(core, listener, flow, ports, terms, nowNs);
    if (!evict(core, listener, hash)) {
      listener.overflows += 1;
      core.counters.listenOverflows += 1;
      return Status.LimitReached;
    }
  }
  core.isn.compute(flow, ports, floor, nowNs);
  terms.iss = core.isn.isn;
  terms.tsOffset = core.isn.tsOffset;
  const row = cache.insert(hash);
  const words = cache.words;
  const at = cache.at(row);
  words[at] = flow.local0;
  words[at + 1] = flow.local1;
  words[at + 2] = flow.local2;
  words[at + 3] = flow.local3;
  words[at + 4] = flow.remote0;
  words[at + 5] = flow.remote1;
  words[at + 6] = flow.remote2;
  words[at + 7] = flow.remote3;
  cache.fill(row, ports, listener.id, terms);
  listener.embryonic += 1;
  core.counters.passiveOpens += 1;
  cache.arm(row, sendRow(core, flow, row, nowNs) ? dueAfter(core, 0) : DUE_RETRY, nowNs);
  return Status.Ok;
}

/** Sends the SYN-ACK of a row on its bound flow. */
function sendRow(core: Core, flow: IpFlow, row: number, nowNs: number): boolean {
  const { synCache: cache, synTerms: terms } = core;
  cache.read(row, terms);
  const listener = core.listeners[cache.listener(row)]!;
  const clock = timestampClock(nowNs);
  const retries = cache.retries[row]!;
  return sendSynAck(core, listener, flow, cache.ports(row), terms, clock, retries, nowNs);
}

/** Makes room for a SYN without cookies: the oldest half-open connection beside it goes. */
function evict(core: Core, listener: Listener, hash: number): boolean {
  const cache = core.synCache;
  let row = cache.oldestBeside(hash);
  if (listener.embryonic >= listener.halfOpenMax) {
    // Its own share is used up: the others' entries are not to pay for it.
    if (row === NO_ROW || cache.listener(row) !== listener.id) return false;
  } else if (row === NO_ROW) row = cache.stalest();
  if (row === NO_ROW) return false;
  core.counters.synCacheEvictions += 1;
  dropRow(core, row);
  return true;
}

/** Removes a row; its listener has one less. */
function dropRow(core: Core, row: number): void {
  const listener = core.listeners[core.synCache.listener(row)]!;
  listener.embryonic -= 1;
  core.synCache.remove(row);
}

/** Removes a row whose handshake has failed. */
function failRow(core: Core, row: number): void {
  core.counters.attemptFails += 1;
  dropRow(core, row);
}

/**
 * A segment of a half-open connection (RFC 9293, 3.10.7.4). Returns the connection in SYN-RECEIVED
 * when the segment completes the handshake and is to be processed as its first; else a status.
 */
export function rowArrives(
  core: Core,
  row: number,
  meta: IpMeta,
  segment: Segment,
  ports: number,
  nowNs: number,
): Tcb | number {
  const { synCache: cache, counters, options } = core;
  const flags = segment.flags;
  const flow = core.replyFlow;
  flowFromMeta(flow, meta);
  if (core.output.bindFlow(flow, nowNs) < 0) return Status.Unreachable;
  const timestamps = (cache.flags(row) & SynFlag.Timestamps) !== 0 && options.hasTimestamps === 1;
  const offset = seqDiff(segment.seq, seqAdd(cache.irs(row), 1));
  if ((flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN && offset === -1) {
    if ((cache.flags(row) & SynFlag.Accurate) !== 0 && !repeatedAsk(core, row, segment)) {
      sendRowReset(core, flow, row, nowNs);
      failRow(core, row);
      return Status.Malformed;
    }
    // The SYN again: our SYN-ACK was lost. The timeout goes on.
    if (timestamps) cache.setTsRecent(row, options.tsVal);
    cache.addFlags(row, SynFlag.Repeated);
    return sendRow(core, flow, row, nowNs) ? Status.Ok : Status.Again;
  }
  const isReset = (flags & TCP_RST) !== 0;
  if (timestamps && !isReset && seqLt(options.tsVal, cache.tsRecent(row))) {
    counters.pawsRejected += 1;
    challengeRow(core, flow, row, nowNs);
    return Status.Malformed;
  }
  const isRequired = core.config.timestampsRequired && (flags & (TCP_RST | TCP_SYN)) === 0;
  if (isRequired && !timestamps && (cache.flags(row) & SynFlag.Timestamps) !== 0) {
    counters.timestampsMissing += 1;
    return Status.Malformed;
  }
  const length = tcpSegmentLength(flags, segment.length);
  if (
    offset >= synWindow(core.listeners[cache.listener(row)]!) ||
    (offset < 0 && offset + length <= 0)
  ) {
    counters.outOfWindow += 1;
    if (!isReset) challengeRow(core, flow, row, nowNs);
    return Status.Malformed;
  }
  if (isReset || (flags & TCP_SYN) !== 0) {
    // RFC 5961, 3.2 and 4.2: only a reset with exactly the right number ends it.
    if (core.config.rfc5961 && (!isReset || offset !== 0)) {
      challengeRow(core, flow, row, nowNs);
      return Status.Malformed;
    }
    failRow(core, row);
    return Status.Ok;
  }
  if ((flags & TCP_ACK) === 0) {
    counters.missingAcks += 1;
    return Status.Malformed;
  }
  if (segment.ack !== seqAdd(cache.iss(row), 1)) {
    // The answer to a cookie that went out when there was no room for this row yet?
    const listener = core.listeners[cache.listener(row)]!;
    const tcb = cookieArrives(core, listener, meta, segment, ports, nowNs);
    if (tcb !== Status.NotFound) {
      if (typeof tcb !== 'number') dropRow(core, row);
      return tcb;
    }
    counters.badAcks += 1;
    sendSynReset(core, flow, ports, segment.ack, nowNs);
    return Status.Malformed;
  }
  return acceptRow(core, row, meta, ports, nowNs);
}

/**
 * What the SYN asks for when it comes again, after Accurate ECN was agreed on. False for classic
 * ECN: nobody could know which answer the peer has (RFC 9768, 3.1.5).
 */
function repeatedAsk(core: Core, row: number, segment: Segment): boolean {
  if (segment.ace === ACE_ASK_CLASSIC) return false;
  core.synCache.setEcn(row, segment.ace === 0 ? SYN_CLEARED | segment.ecn : segment.ecn);
  return true;
}

function challengeRow(core: Core, flow: IpFlow, row: number, nowNs: number): void {
  if (!core.challengeLimit.take(nowNs)) {
    core.counters.challengeAcksLimited += 1;
    return;
  }
  core.counters.challengeAcks += 1;
  sendRowAck(core, flow, row, nowNs);
}

/** The handshake is complete: the row becomes a Tcb. */
function acceptRow(
  core: Core,
  row: number,
  meta: IpMeta,
  ports: number,
  nowNs: number,
): Tcb | number {
  const cache = core.synCache;
  const listener = core.listeners[cache.listener(row)]!;
  if (listener.queued >= listener.backlog) {
    // The row stays, so that a later ACK or our SYN-ACK's answer can succeed (as Linux).
    core.counters.acceptOverflows += 1;
    return Status.LimitReached;
  }
  cache.read(row, core.synTerms);
  const tcb = openPassiveTcb(core, listener, meta, ports, core.synTerms, nowNs);
  if (tcb === undefined) return Status.LimitReached;
  tcb.backoff = cache.retries[row]!;
  const isRepeated = (cache.flags(row) & SynFlag.Repeated) !== 0;
  tcb.lastSentNs = isRepeated ? UNKNOWN_NS : cache.armedNs(row);
  dropRow(core, row);
  return tcb;
}

/** An ICMP error about our SYN-ACK (RFC 5927, 4.1 and 5.2). */
export function rowIcmp(core: Core, row: number, seq: number, kind: number): number {
  if (seq !== core.synCache.iss(row) || kind !== IcmpKind.Hard) {
    core.counters.icmpIgnored += 1;
    return seq === core.synCache.iss(row) ? Status.Ok : Status.Malformed;
  }
  failRow(core, row);
  return Status.Ok;
}

/** A deadline of a row has passed: the SYN-ACK goes again, or the handshake has failed. */
function rowTimeout(core: Core, row: number, nowNs: number): void {
  const cache = core.synCache;
  let retries = cache.retries[row]!;
  if (cache.expiredDue !== DUE_RETRY) {
    if (retries >= core.config.synAckRetriesMax) {
      failRow(core, row);
      return;
    }
    core.counters.synTimeouts += 1;
    retries += 1;
    cache.retries[row] = retries;
  }
  const flow = core.replyFlow;
  flowOfRow(core, flow, row);
  const isSent = core.output.bindFlow(flow, nowNs) >= 0 && sendRow(core, flow, row, nowNs);
  // One quick retry; what cannot be sent then is lost like in the network.
  const isLate = isSent || cache.expiredDue === DUE_RETRY;
  cache.arm(row, isLate ? dueAfter(core, retries) : DUE_RETRY, nowNs);
}

/** Runs the timeouts of half-open connections, a bounded number of them; the others stay due. */
export function rowTimers(core: Core, nowNs: number): void {
  for (let left = SYN_TIMEOUTS_PER_CALL; left > 0; left -= 1) {
    const row = core.synCache.expire(nowNs);
    if (row === NO_ROW) return;
    rowTimeout(core, row, nowNs);
  }
}

/** Makes `flow` the conversation of a row. */
export function flowOfRow(core: Core, flow: IpFlow, row: number): void {
  const cache = core.synCache;
  const words = cache.words;
  const at = cache.at(row);
  flow.family = (cache.flags(row) & SynFlag.Ipv6) === 0 ? 4 : 6;
  flow.local0 = words[at]!;
  flow.local1 = words[at + 1]!;
  flow.local2 = words[at + 2]!;
  flow.local3 = words[at + 3]!;
  flow.remote0 = words[at + 4]!;
  flow.remote1 = words[at + 5]!;
  flow.remote2 = words[at + 6]!;
  flow.remote3 = words[at + 7]!;
  resetFlow(flow);
}

/** What is known about one half-open connection; filled by `Tcp.halfOpen`. */
export class HalfOpenInfo {
  /** Addresses. */
  readonly flow: IpFlow = new IpFlow();
  localPort = 0;
  remotePort = 0;
  /** Id of the listener. */
  listener = 0;
  /** SYN-ACKs sent again. */
  retries = 0;
  /** When the SYN-ACK goes again, or the connection is given up. */
  deadlineNs = 0;
}

/** Describes a row, for listings. */
export function fillRowInfo(core: Core, row: number, out: HalfOpenInfo): void {
  const cache = core.synCache;
  flowOfRow(core, out.flow, row);
  out.localPort = cache.ports(row) >>> 16;
  out.remotePort = cache.ports(row) & 0xffff;
  out.listener = cache.listener(row);
  out.retries = cache.retries[row]!;
  out.deadlineNs = cache.deadlineNs[row]!;
}

/**
 * A listener has closed: its half-open connections go to another of its group, or are reset. The
 * only scan of the cache, and none when the listener has no such connection.
 *
 * @cold
 */
export function closeRows(core: Core, listener: Listener, nowNs: number): void {
  const { synCache: cache, replyFlow: flow } = core;
  for (let row = 0; row < cache.capacity && listener.embryonic > 0; row += 1) {
    if (!cache.isUsed(row) || cache.listener(row) !== listener.id) continue;
    const words = cache.words;
    const at = cache.at(row);
    const heir = findListenerAt(
      core,
      words[at]!,
      words[at + 1]!,
      words[at + 2]!,
      words[at + 3]!,
      cache.ports(row) >>> 16,
      cache.hash(row),
    );
    if (heir !== undefined) {
      cache.setListener(row, heir.id);
      listener.embryonic -= 1;
      heir.embryonic += 1;
      continue;
    }
    flowOfRow(core, flow, row);
    if (core.output.bindFlow(flow, nowNs) >= 0) sendRowReset(core, flow, row, nowNs);
    failRow(core, row);
  }
}
