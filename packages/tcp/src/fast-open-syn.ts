// @hot
/**
 * What a SYN or SYN-ACK of a fast open connection carries besides (RFC 7413, 4.1.1).
 *
 * @module
 */

import { copyBytes, NO_FRAME } from '@tickwire/base';
import { emitTcpFastOpen, emitTcpPadding, TCP_OPTIONS_BYTES_MAX } from '@tickwire/wire';
import type { Core } from './core.ts';
import { FAST_OPEN_COOKIE_BYTES, FastOpen } from './fast-open.ts';
import type { Tcb } from './tcb.ts';

/**
 * Writes the fast open option of a SYN or SYN-ACK whose options began at `start`; returns the
 * offset behind it. A repeated SYN has none: it may be what was eaten (RFC 7413, 4.1.3.1).
 */
export function emitFastOpen(
  core: Core,
  tcb: Tcb,
  view: DataView,
  start: number,
  at: number,
  nowNs: number,
): number {
  if (tcb.fastOpen === FastOpen.ServerRenew) {
    const cookieAt = emitTcpFastOpen(view, at, FAST_OPEN_COOKIE_BYTES);
    core.fastOpenKeys.write(core.flowOf(tcb), view, cookieAt, nowNs);
    return emitTcpPadding(view, start, cookieAt + FAST_OPEN_COOKIE_BYTES);
  }
  if (tcb.fastOpen !== FastOpen.Client || tcb.backoff > 0) return at;
  const cache = core.fastOpenCache;
  if (!cache.lookup(core.flowOf(tcb), nowNs)) return at;
  const length = cache.length;
  // Other options may leave no room for a long cookie.
  if (at + 2 + length > start + TCP_OPTIONS_BYTES_MAX) return at;
  const cookieAt = emitTcpFastOpen(view, at, length);
  for (let i = 0; i < length; i += 1) view.setUint8(cookieAt + i, cache.cookie.getUint8(i));
  if (length > 0) tcb.fastOpen = FastOpen.ClientCookie;
  return emitTcpPadding(view, start, cookieAt + length);
}

/**
 * Copies the first queued bytes, at most `room`, behind the options of a SYN that has a cookie.
 * Returns how many. They stay in the queue.
 */
export function fillSyn(
  core: Core,
  tcb: Tcb,
  at: number,
  optionBytes: number,
  room: number,
): number {
  const head = tcb.sqHead;
  if (tcb.fastOpen !== FastOpen.ClientCookie || tcb.backoff > 0 || head === NO_FRAME) return 0;
  let bytes = core.txLength[head]!;
  if (bytes > room) bytes = room;
  if (bytes > core.arena.dataRoom - optionBytes) bytes = core.arena.dataRoom - optionBytes;
  copyBytes(core.arena.bytes, core.txAt[head]!, core.arena.bytes, at, bytes);
  tcb.fastOpenBytes = bytes;
  core.counters.fastOpenActive += 1;
  return bytes;
}
