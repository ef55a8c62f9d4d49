// @hot
/**
 * Segments of half-open connections, which have no Tcb: SYN-ACK, challenge ACK, reset.
 *
 * They leave at once and not with egress: there is no state to leave them in. `false` says that
 * there was no room or no frame; a cached entry is then tried again, a cookie is lost like in the
 * network.
 *
 * @module
 */

import { NO_FRAME } from '@tickwire/base';
import {
  emitTcp,
  emitTcpFastOpen,
  emitTcpPadding,
  emitTcpTimestamps,
  type IpFlow,
  seqAdd,
  TCP_ACK,
  TCP_ECE,
  TCP_HEADER_BYTES,
  TCP_RST,
  TCP_SYN,
} from '@tickwire/wire';
import { synAckFlags } from './accecn-handshake.ts';
import { emitFirstOption } from './accecn-receive.ts';
import type { Core } from './core.ts';
import { offeredMss, submitFlow, timestampClock } from './emit.ts';
import { FAST_OPEN_COOKIE_BYTES } from './fast-open.ts';
import type { Listener } from './listener.ts';
import { SYN_CLEARED, SynFlag, type SynTerms } from './syn-cache.ts';
import { emitSynOptions } from './syn-options.ts';

/** The window field of a SYN-ACK, which is never scaled (RFC 7323, 2.2). */
export function synWindow(listener: Listener): number {
  const bytes = listener.receiveBufferBytes;
  return bytes < 0xffff ? bytes : 0xffff;
}

/**
 * Sends a SYN-ACK on a bound flow. `clock` is our timestamp without the connection's offset,
 * `retries` how often nothing has answered it. False when there is no room or no frame.
 */
export function sendSynAck(
  core: Core,
  listener: Listener,
  flow: IpFlow,
  ports: number,
  terms: SynTerms,
  clock: number,
  retries: number,
  nowNs: number,
): boolean {
  if (core.output.room() <= 0) return false;
  const frame = core.allocFrame();
  if (frame === NO_FRAME) return false;
  const view = core.arena.view;
  const at = core.arena.dataAt[frame]!;
  const flags = terms.flags;
  const mss = offeredMss(flow.family, flow.mtu, listener.mssMax);
  const tsVal = (clock + terms.tsOffset) | 0;
  const { synOrder, windowShift } = core;
  let end = emitSynOptions(view, synOrder, at, flags, mss, tsVal, terms.tsRecent, windowShift);
  if ((flags & SynFlag.FastOpen) !== 0) {
    end = emitTcpFastOpen(view, end, FAST_OPEN_COOKIE_BYTES);
    core.fastOpenKeys.write(flow, view, end, nowNs);
    end = emitTcpPadding(view, at, end + FAST_OPEN_COOKIE_BYTES);
  }
  let ecn = (flags & SynFlag.Ecn) !== 0 ? TCP_ECE : 0;
  if ((flags & SynFlag.Accurate) !== 0) {
    ecn = synAckFlags(terms.ecn & 3, terms.ecn & SYN_CLEARED, retries);
    if (ecn !== 0 && retries === 0) end = emitFirstOption(view, at, end);
  }
  const headerBytes = TCP_HEADER_BYTES + (end - at);
  // The fixed header goes in front of the options that were written at `at`.
  const headerAt = at - TCP_HEADER_BYTES;
  emitTcp(
    view,
    headerAt,
    ports >>> 16,
    ports & 0xffff,
    terms.iss,
    seqAdd(terms.irs, 1),
    headerBytes,
    TCP_SYN | TCP_ACK | ecn,
    synWindow(listener),
    0,
  );
  submitFlow(core, flow, frame, headerAt, headerBytes, nowNs);
  return true;
}

/** Sends a segment without payload and options on a bound flow. */
function sendBare(
  core: Core,
  flow: IpFlow,
  ports: number,
  seq: number,
  ack: number,
  flags: number,
  window: number,
  nowNs: number,
): void {
  const frame = core.allocFrame();
  if (frame === NO_FRAME) return;
  const at = core.arena.dataAt[frame]! - TCP_HEADER_BYTES;
  const view = core.arena.view;
  emitTcp(view, at, ports >>> 16, ports & 0xffff, seq, ack, TCP_HEADER_BYTES, flags, window, 0);
  if ((flags & TCP_RST) !== 0) core.counters.outRsts += 1;
  submitFlow(core, flow, frame, at, TCP_HEADER_BYTES, nowNs);
}

/** Resets a conversation without Tcb, at the sequence number that its peer has named. */
export function sendSynReset(
  core: Core,
  flow: IpFlow,
  ports: number,
  seq: number,
  nowNs: number,
): void {
  sendBare(core, flow, ports, seq, 0, TCP_RST, 0, nowNs);
}

/** Resets a half-open connection whose listener is gone. */
export function sendRowReset(core: Core, flow: IpFlow, row: number, nowNs: number): void {
  const cache = core.synCache;
  const seq = seqAdd(cache.iss(row), 1);
  const ack = seqAdd(cache.irs(row), 1);
  sendBare(core, flow, cache.ports(row), seq, ack, TCP_RST | TCP_ACK, 0, nowNs);
}

/** Acknowledges for a half-open connection (RFC 9293, 3.10.7.4, first step; RFC 5961, 3.2). */
export function sendRowAck(core: Core, flow: IpFlow, row: number, nowNs: number): void {
  const cache = core.synCache;
  const seq = seqAdd(cache.iss(row), 1);
  const ack = seqAdd(cache.irs(row), 1);
  const flags = cache.flags(row);
  const shift = (flags & SynFlag.Scaling) !== 0 ? core.windowShift : 0;
  // Rounded up: less than the SYN-ACK has promised would move the right edge left.
  const window = Math.ceil(synWindow(core.listeners[cache.listener(row)]!) / 2 ** shift);
  if ((flags & SynFlag.Timestamps) === 0) {
    sendBare(core, flow, cache.ports(row), seq, ack, TCP_ACK, window, nowNs);
    return;
  }
  const frame = core.allocFrame();
  if (frame === NO_FRAME) return;
  const view = core.arena.view;
  const at = core.arena.dataAt[frame]!;
  const tsVal = (timestampClock(nowNs) + cache.tsOffset(row)) | 0;
  const headerBytes =
    TCP_HEADER_BYTES + (emitTcpTimestamps(view, at, tsVal, cache.tsRecent(row)) - at);
  const headerAt = at - TCP_HEADER_BYTES;
  const ports = cache.ports(row);
  emitTcp(view, headerAt, ports >>> 16, ports & 0xffff, seq, ack, headerBytes, TCP_ACK, window, 0);
  submitFlow(core, flow, frame, headerAt, headerBytes, nowNs);
}
