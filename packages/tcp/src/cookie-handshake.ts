// @hot
/**
 * Handshakes that keep nothing until their last ACK (RFC 4987, 3.6): SYN cookies sent and taken
 * back.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { type IpFlow, type IpMeta, seqAdd, TCP_RST, TCP_SYN } from '@tickwire/wire';
import { cookieAccurate, takesAccurate } from './accecn-handshake.ts';
import type { Core, Segment } from './core.ts';
import { flowFromMeta, timestampClock } from './emit.ts';
import { defaultMss, openPassiveTcb, UNKNOWN_NS } from './handshake.ts';
import { NO_FLOOR } from './isn.ts';
import type { Listener } from './listener.ts';
import { sendSynAck } from './syn-ack.ts';
import { SynFlag, type SynTerms } from './syn-cache.ts';
import { cookieEcn, cookieSack, cookieShift, cookieTimestamp } from './syn-cookie.ts';
import type { Tcb } from './tcb.ts';

/** Values of `TcpConfig.synCookies`: the numbers of Linux's `tcp_syncookies`. */
export const SynCookieMode = { Never: 0, OnOverflow: 1, Always: 2 } as const;

/** Answers a SYN without keeping anything (RFC 4987, 3.6). */
export function sendCookie(
  core: Core,
  listener: Listener,
  flow: IpFlow,
  ports: number,
  terms: SynTerms,
  nowNs: number,
): number {
  core.isn.compute(flow, ports, NO_FLOOR, nowNs);
  if ((terms.flags & SynFlag.Timestamps) === 0) {
    // There is no place to remember these in.
    terms.flags &= ~(SynFlag.Sack | SynFlag.Scaling | SynFlag.Ecn);
  }
  const { flags, irs } = terms;
  const mss = terms.mss === 0 ? defaultMss(flow.family) : terms.mss;
  terms.iss = core.synCookies.make(flow, ports, core.isn.offset, irs, mss, nowNs);
  terms.tsOffset = core.isn.tsOffset;
  const clock = cookieTimestamp(
    timestampClock(nowNs),
    (flags & SynFlag.Scaling) !== 0 ? terms.shift : -1,
    (flags & SynFlag.Sack) !== 0,
    (flags & SynFlag.Ecn) !== 0,
  );
  if (!sendSynAck(core, listener, flow, ports, terms, clock, 0, nowNs)) return Status.Again;
  core.counters.synCookiesSent += 1;
  return Status.Ok;
}

/**
 * An ACK at a listener without connection and row. Returns the connection when it answers a cookie
 * of ours, `NotFound` when it does not.
 */
export function cookieArrives(
  core: Core,
  listener: Listener,
  meta: IpMeta,
  segment: Segment,
  ports: number,
  nowNs: number,
): Tcb | number {
  const mode = core.config.synCookies;
  if (mode === SynCookieMode.Never || (segment.flags & (TCP_SYN | TCP_RST)) !== 0) {
    return Status.NotFound;
  }
  if (mode === SynCookieMode.OnOverflow && !core.synCookies.isActive(nowNs)) return Status.NotFound;
  const { isn, options } = core;
  const flow = core.replyFlow;
  flowFromMeta(flow, meta);
  isn.compute(flow, ports, NO_FLOOR, nowNs);
  const { tsOffset } = isn;
  const irs = seqAdd(segment.seq, -1);
  const iss = seqAdd(segment.ack, -1);
  const mss = core.synCookies.check(flow, ports, isn.offset, irs, iss, nowNs);
  if (mss === 0) {
    core.counters.synCookiesFailed += 1;
    return Status.NotFound;
  }
  if (listener.queued >= listener.backlog) {
    core.counters.acceptOverflows += 1;
    return Status.LimitReached;
  }
  const terms = core.synTerms;
  terms.irs = irs;
  terms.iss = iss;
  terms.tsOffset = tsOffset;
  terms.tsRecent = options.tsVal;
  terms.window = segment.window;
  terms.mss = mss;
  terms.flags = 0;
  terms.ecn = 0;
  if (core.config.timestamps && options.hasTimestamps === 1) {
    const clock = (options.tsEcr - tsOffset) | 0;
    const shift = cookieShift(clock);
    terms.flags = SynFlag.Timestamps;
    terms.shift = shift < 0 ? 0 : shift;
    if (core.config.windowScaling && shift >= 0) terms.flags |= SynFlag.Scaling;
    if (core.config.sack && cookieSack(clock)) terms.flags |= SynFlag.Sack;
    if (core.config.ecn !== 0 && cookieEcn(clock)) terms.flags |= SynFlag.Ecn;
  }
  if (takesAccurate(core.config.ecn) && cookieAccurate(segment)) {
    terms.flags = (terms.flags & ~SynFlag.Ecn) | SynFlag.Accurate;
  }
  const tcb = openPassiveTcb(core, listener, meta, ports, terms, nowNs);
  if (tcb === undefined) return Status.LimitReached;
  tcb.lastSentNs = UNKNOWN_NS;
  core.counters.synCookiesReceived += 1;
  core.counters.passiveOpens += 1;
  return tcb;
}
