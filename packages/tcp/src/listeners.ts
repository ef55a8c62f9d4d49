// @hot
/**
 * The table of listening ports, and groups of listeners that share one.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { IpMeta } from '@tickwire/wire';
import type { Core } from './core.ts';
import { BACKLOG_DEFAULT } from './limits.ts';
import { Listener, type ListenOptions } from './listener.ts';
import { boundedMss } from './send.ts';

/** The listener for a segment, whose 4-tuple has the hash `core.hash`. */
export function findListener(core: Core, meta: IpMeta, port: number): Listener | undefined {
  return findListenerAt(core, meta.dst0, meta.dst1, meta.dst2, meta.dst3, port, core.hash);
}

/**
 * The listener for a local address and port: one bound to the address before one bound to any. Of a
 * group it is the member with the highest weight for this 4-tuple (rendezvous hashing, Thaler and
 * Ravishankar, 1998): when a member leaves, only its own conversations move.
 */
export function findListenerAt(
  core: Core,
  local0: number,
  local1: number,
  local2: number,
  local3: number,
  port: number,
  hash: number,
): Listener | undefined {
  const listeners = core.listeners;
  let best: Listener | undefined;
  let bestWeight = 0;
  let bestBound = false;
  for (let id = core.listenerTable.first(port); id >= 0; id = listeners[id]!.next) {
    const listener = listeners[id]!;
    if (listener.port !== port) continue;
    const isBound =
      listener.local3 === local3 &&
      listener.local2 === local2 &&
      listener.local1 === local1 &&
      listener.local0 === local0;
    if (!isBound && !isAny(listener)) continue;
    if (best !== undefined && bestBound && !isBound) continue;
    const weight = weightOf(hash, listener.salt);
    if (best === undefined || (isBound && !bestBound) || weight > bestWeight) {
      best = listener;
      bestWeight = weight;
      bestBound = isBound;
    }
  }
  return best;
}

/** A number that depends on every bit of both: the finaliser of MurmurHash3. Unsigned. */
function weightOf(hash: number, salt: number): number {
  let x = hash ^ salt;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function isAny(listener: Listener): boolean {
  return (listener.local0 | listener.local1 | listener.local2 | listener.local3) === 0;
}

/** Opens a listener. Throws `NetError` when the address is taken or the table full. @cold */
export function openListener(
  core: Core,
  local0: number,
  local1: number,
  local2: number,
  local3: number,
  port: number,
  options: ListenOptions,
): Listener {
  if (port < 1 || port > 65_535) {
    throw new NetError('EINVAL', 'A TCP port lies between 1 and 65535; choose another', { port });
  }
  const reusePort = options.reusePort === true ? 1 : 0;
  for (let id = core.listenerTable.first(port); id >= 0; id = core.listeners[id]!.next) {
    const other = core.listeners[id]!;
    if (
      other.port === port &&
      other.local0 === local0 &&
      other.local1 === local1 &&
      other.local2 === local2 &&
      other.local3 === local3 &&
      (other.reusePort & reusePort) === 0
    ) {
      throw new NetError('EADDRINUSE', 'The TCP port is already listening; choose another', {
        port,
      });
    }
  }
  let free = core.listeners.find((listener) => listener.open === 0);
  if (free === undefined) {
    if (core.listeners.length >= core.config.listenersMax) {
      throw new NetError('ENOBUFS', 'All TCP listeners are in use; raise listenersMax', {
        listenersMax: core.config.listenersMax,
      });
    }
    free = new Listener(core.listeners.length);
    core.listeners.push(free);
  }
  free.open = 1;
  free.local0 = local0;
  free.local1 = local1;
  free.local2 = local2;
  free.local3 = local3;
  free.port = port;
  free.backlog = options.backlog ?? BACKLOG_DEFAULT;
  free.halfOpenMax = options.halfOpenMax ?? core.synCache.capacity >> 1;
  free.reusePort = reusePort;
  free.salt = core.keys.word();
  free.congestion = options.congestion ?? -1;
  free.mssMax = boundedMss(core, options.mssMax ?? core.config.mssMax);
  const { receiveBufferBytes, receiveBufferBytesMax } = core.config;
  const wanted = options.receiveBufferBytes ?? receiveBufferBytes;
  free.receiveBufferBytes = Math.max(1, Math.min(wanted, receiveBufferBytesMax));
  free.fixedReceiveBuffer = options.receiveBufferBytes === undefined ? 0 : 1;
  free.fastOpen = options.fastOpen ?? 0;
  free.fastOpenPending = 0;
  free.fastOpenHeld = 0;
  free.fastOpenHeldUntilNs = 0;
  free.embryonic = 0;
  free.queued = 0;
  free.token = 0;
  free.accepted = 0;
  free.overflows = 0;
  core.listenerTable.link(free);
  return free;
}
