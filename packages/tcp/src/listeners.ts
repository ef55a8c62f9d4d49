// @hot
/**
 * The table of listening ports.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { IpMeta } from '@tickwire/wire';
import type { Core } from './core.ts';
import { BACKLOG_DEFAULT } from './limits.ts';
import { Listener, type ListenOptions } from './listener.ts';

/**
 * The listener for a segment: one bound to its address before one bound to any. A program has few
 * listeners, and only SYNs come here: a scan is enough.
 */
export function findListener(core: Core, meta: IpMeta, port: number): Listener | undefined {
  let any: Listener | undefined;
  const listeners = core.listeners;
  for (let i = 0; i < listeners.length; i += 1) {
    const listener = listeners[i]!;
    if (listener.open === 0 || listener.port !== port) continue;
    if (isAny(listener)) any = listener;
    else if (
      listener.local3 === meta.dst3 &&
      listener.local2 === meta.dst2 &&
      listener.local1 === meta.dst1 &&
      listener.local0 === meta.dst0
    ) {
      return listener;
    }
  }
  return any;
}

function isAny(listener: Listener): boolean {
  return (listener.local0 | listener.local1 | listener.local2 | listener.local3) === 0;
}

/** Opens a listener. Throws `NetError` when the address is taken or the table full. */
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
  let free: Listener | undefined;
  for (let i = 0; i < core.listeners.length; i += 1) {
    const listener = core.listeners[i]!;
    if (listener.open === 0) free ??= listener;
    else if (
      listener.port === port &&
      listener.local0 === local0 &&
      listener.local1 === local1 &&
      listener.local2 === local2 &&
      listener.local3 === local3
    ) {
      throw new NetError('EADDRINUSE', 'The TCP port is already listening; choose another', {
        port,
      });
    }
  }
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
  free.embryonic = 0;
  free.queued = 0;
  free.token = 0;
  free.accepted = 0;
  free.overflows = 0;
  return free;
}
