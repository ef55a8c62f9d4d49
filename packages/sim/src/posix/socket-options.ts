/**
 * Socket options by their names: what a socket remembers, and what its connection is told.
 *
 * @module
 */

import type { StackCore } from '@tickwire/stack';
import { Flag, type Tcb } from '@tickwire/tcp';
import type { SocketOptions } from './socket-end.ts';
import { Errno } from './errno.ts';

const SECOND_NS = 1_000_000_000;
const MS_NS = 1_000_000;
/** Smallest buffers that Linux sets (SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF), rounded. */
const BUFFER_BYTES_MIN = 2048;

/** Remembers an option. `value2` is the seconds of SO_LINGER. 0 or a negated error. */
export function setOption(
  options: SocketOptions,
  name: string,
  value: number,
  value2: number,
): number {
  const on = value !== 0;
  switch (name) {
    case 'SO_REUSEADDR':
      options.reuseAddress = on;
      return 0;
    case 'SO_RCVBUF':
      options.receiveBufferBytes = Math.max(BUFFER_BYTES_MIN, value);
      return 0;
    case 'SO_SNDBUF':
      options.sendBufferBytes = Math.max(BUFFER_BYTES_MIN, value);
      return 0;
    case 'SO_LINGER':
      options.linger = on;
      options.lingerSeconds = value2;
      return 0;
    case 'SO_OOBINLINE':
      // Urgent data stays in the stream (RFC 6093, 4); there is no other place for it.
      return on ? 0 : -Errno.EINVAL;
    case 'SO_KEEPALIVE':
      options.keepalive = on;
      return 0;
    case 'TCP_KEEPIDLE':
      options.keepaliveIdleSeconds = value;
      return 0;
    case 'TCP_KEEPINTVL':
      options.keepaliveIntervalSeconds = value;
      return 0;
    case 'TCP_KEEPCNT':
      options.keepaliveProbes = value;
      return 0;
    case 'TCP_NODELAY':
      options.noDelay = on;
      return 0;
    case 'TCP_CORK':
      options.cork = on;
      return 0;
    case 'TCP_MAXSEG':
      if (value < 88 || value > 32_767) return -Errno.EINVAL;
      options.maxSegmentBytes = value;
      return 0;
    case 'TCP_USER_TIMEOUT':
      options.userTimeoutMs = value;
      return 0;
    case 'TCP_FASTOPEN':
      options.fastOpen = value;
      return 0;
    case 'TCP_FASTOPEN_CONNECT':
      options.fastOpenConnect = on;
      return 0;
    case 'IP_TOS':
      options.trafficClass = value & 0xff;
      return 0;
    case 'IP_TTL':
      if (value < 1 || value > 255) return -Errno.EINVAL;
      options.hopLimit = value;
      return 0;
    case 'IPV6_UNICAST_HOPS':
      // -1 is the default (RFC 3493, 5.1).
      if (value < -1 || value > 255) return -Errno.EINVAL;
      options.unicastHops = value;
      return 0;
    case 'IP_MULTICAST_TTL':
      if (value < 0 || value > 255) return -Errno.EINVAL;
      options.multicastHopLimit = value;
      return 0;
    case 'IP_MULTICAST_LOOP':
      options.multicastLoop = on;
      return 0;
    default:
      return -Errno.ENOPROTOOPT;
  }
}

/** Tells a connection one option, or all of them when `only` is undefined. */
export function applyOptions(
  core: StackCore,
  tcb: Tcb,
  options: SocketOptions,
  only: string | undefined,
): void {
  const { tcp, nowNs } = core;
  const touches = (...names: string[]): boolean => only === undefined || names.includes(only);
  if (touches('SO_RCVBUF') && options.receiveBufferBytes > 0) {
    tcp.setReceiveBuffer(tcb, options.receiveBufferBytes);
  }
  if (touches('SO_SNDBUF') && options.sendBufferBytes > 0) {
    tcp.setSendBuffer(tcb, options.sendBufferBytes);
  }
  if (touches('TCP_NODELAY') && options.noDelay !== undefined) tcp.setNagle(tcb, !options.noDelay);
  if (touches('TCP_CORK') && (only !== undefined || options.cork)) tcp.setCork(tcb, options.cork);
  if (touches('IP_TOS')) tcp.setTrafficClass(tcb, options.trafficClass);
  if (touches('IP_TTL', 'IPV6_UNICAST_HOPS')) {
    tcp.setHopLimit(tcb, options.hopLimitOf(tcb.family));
  }
  if (touches('TCP_MAXSEG') && options.maxSegmentBytes > 0) {
    tcp.setMssMax(tcb, options.maxSegmentBytes);
  }
  if (touches('TCP_CONGESTION') && options.congestion !== undefined) {
    tcp.setCongestion(tcb, options.congestion, nowNs);
  }
  if (touches('TCP_USER_TIMEOUT') && (only !== undefined || options.userTimeoutMs > 0)) {
    tcp.setUserTimeout(tcb, options.userTimeoutMs * MS_NS, nowNs);
  }
  if (touches('SO_KEEPALIVE', 'TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT')) {
    if (only !== undefined || options.keepalive) setKeepalive(core, tcb, options);
  }
}

function setKeepalive(core: StackCore, tcb: Tcb, options: SocketOptions): void {
  core.tcp.setKeepalive(
    tcb,
    options.keepalive ? options.keepaliveIdleSeconds * SECOND_NS : 0,
    options.keepaliveIntervalSeconds * SECOND_NS,
    options.keepaliveProbes,
    core.nowNs,
  );
}

/** The value of an option, or a negated error. */
export function getOption(
  core: StackCore,
  tcb: Tcb | undefined,
  options: SocketOptions,
  name: string,
): number {
  const { config } = core.tcp;
  switch (name) {
    case 'SO_REUSEADDR':
      return options.reuseAddress ? 1 : 0;
    case 'SO_RCVBUF':
      return tcb?.rcvBufBytes ?? (options.receiveBufferBytes || config.receiveBufferBytes);
    case 'SO_SNDBUF':
      return tcb?.sndBufBytes ?? (options.sendBufferBytes || config.sendBufferBytes);
    case 'SO_LINGER':
      return options.linger ? options.lingerSeconds : -1;
    case 'SO_OOBINLINE':
      return 1;
    case 'SO_KEEPALIVE':
      return options.keepalive ? 1 : 0;
    case 'TCP_KEEPIDLE':
      return options.keepaliveIdleSeconds;
    case 'TCP_KEEPINTVL':
      return options.keepaliveIntervalSeconds;
    case 'TCP_KEEPCNT':
      return options.keepaliveProbes;
    case 'TCP_NODELAY': {
      const nagle = tcb === undefined ? config.nagle : (tcb.flags & Flag.Nagle) !== 0;
      return (options.noDelay ?? !nagle) ? 1 : 0;
    }
    case 'TCP_CORK':
      return options.cork ? 1 : 0;
    case 'TCP_MAXSEG':
      return tcb?.mss ?? (options.maxSegmentBytes || 536);
    case 'TCP_USER_TIMEOUT':
      return options.userTimeoutMs;
    case 'IP_TOS':
      return options.trafficClass;
    case 'IP_TTL':
      return options.hopLimit;
    case 'IPV6_UNICAST_HOPS':
      return options.hopLimitOf(6);
    case 'IP_MULTICAST_TTL':
      return options.multicastHopLimit;
    case 'IP_MULTICAST_LOOP':
      return options.multicastLoop ? 1 : 0;
    default:
      return -Errno.ENOPROTOOPT;
  }
}
