// @hot
/**
 * Connections that are opened by data in their SYN (RFC 7413), the server's side.
 *
 * The connection is open for its owner with the SYN, though its state is SYN-RECEIVED; it may send
 * already. How many of these there are is bounded, and a reset does not free its place at once,
 * else an attacker with one good cookie could send SYN, RST, SYN, RST (RFC 7413, 5.1).
 *
 * @module
 */

import { Status } from '@tickwire/base';
import type { IpFlow, IpMeta } from '@tickwire/wire';
import { controllerOf } from './congestion/registry.ts';
import type { Core } from './core.ts';
import { FastOpen, FastOpenCookie } from './fast-open.ts';
import { openPassiveTcb } from './handshake.ts';
import { FAST_OPEN_RESET_HOLD_NS } from './limits.ts';
import type { Listener } from './listener.ts';
import { SynFlag, type SynTerms } from './syn-cache.ts';
import { Flag, type Tcb } from './tcb.ts';

/**
 * A SYN with a fast open option at a listener that takes them. Returns the connection, in
 * SYN-RECEIVED and with its SYN-ACK due, when the SYN's data may be taken now; else
 * `LimitReached`: an ordinary handshake is to follow, whose SYN-ACK has a cookie when `terms` say
 * so.
 */
export function openFastOpen(
  core: Core,
  listener: Listener,
  meta: IpMeta,
  flow: IpFlow,
  ports: number,
  floor: number,
  terms: SynTerms,
  nowNs: number,
): Tcb | number {
  const { options, counters } = core;
  const cookie = core.fastOpenKeys.check(
    flow,
    core.arena.view,
    options.fastOpenAt,
    options.fastOpenLength,
    nowNs,
  );
  if (cookie === FastOpenCookie.Bad) {
    if (options.fastOpenLength === 0) counters.fastOpenCookieRequests += 1;
    else counters.fastOpenPassiveFails += 1;
    terms.flags |= SynFlag.FastOpen;
    return Status.LimitReached;
  }
  if (listener.fastOpenHeldUntilNs <= nowNs) {
    listener.fastOpenPending -= listener.fastOpenHeld;
    listener.fastOpenHeld = 0;
  }
  if (listener.fastOpenPending >= listener.fastOpen) {
    counters.fastOpenListenOverflows += 1;
    return Status.LimitReached;
  }
  core.isn.compute(flow, ports, floor, nowNs);
  terms.iss = core.isn.isn;
  terms.tsOffset = core.isn.tsOffset;
  const tcb = openPassiveTcb(core, listener, meta, ports, terms, nowNs);
  if (tcb === undefined) return Status.LimitReached;
  tcb.fastOpen = cookie === FastOpenCookie.Old ? FastOpen.ServerRenew : FastOpen.Server;
  tcb.flags |= Flag.Owned | Flag.SynDue;
  // What is sent before the handshake is complete has the initial window too (RFC 7413, 4.2.2).
  tcb.cwnd = core.config.initialWindowSegments * tcb.mss;
  tcb.ssthresh = 2 ** 30;
  controllerOf(tcb).open(tcb, nowNs);
  listener.fastOpenPending += 1;
  listener.accepted += 1;
  counters.passiveOpens += 1;
  counters.fastOpenPassive += 1;
  core.needsEgress(tcb);
  core.events.opened(tcb);
  return tcb;
}

/** A fast open connection was reset before its handshake was complete: it counts for a while. */
export function holdFastOpen(core: Core, tcb: Tcb, nowNs: number): void {
  const listener = core.listeners[tcb.listener]!;
  listener.fastOpenPending += 1;
  listener.fastOpenHeld += 1;
  listener.fastOpenHeldUntilNs = nowNs + FAST_OPEN_RESET_HOLD_NS;
}
