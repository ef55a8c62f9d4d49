/**
 * The datagram half of the facade: calls on an end that is known to be a UDP socket.
 *
 * @module
 */

import type { StackCore } from '@tickwire/stack';
import { IpAddress, type IpMeta } from '@tickwire/wire';
import { type DatagramEnd, takeError } from './socket-end.ts';
import { Errno, errnoOfStatus } from './errno.ts';

/** Datagrams that wait for one socket; more are dropped, as by a full receive buffer. */
const DATAGRAMS_MAX = 256;

/** Errors by `IcmpErrorKind` (RFC 1122, 4.1.3.3). */
const ICMP_ERRNO: readonly number[] = [
  Errno.EHOSTUNREACH,
  Errno.ECONNREFUSED,
  Errno.ENOPROTOOPT,
  Errno.EMSGSIZE,
  Errno.EHOSTUNREACH,
  Errno.EPROTO,
  Errno.EHOSTUNREACH,
];

/** The error of an ICMP message about a datagram. */
export function errnoOfIcmp(kind: number): number {
  return ICMP_ERRNO[kind] ?? Errno.EHOSTUNREACH;
}

function outcome(status: number, good: number): number {
  return status < 0 ? -errnoOfStatus(status) : good;
}

/** Binds; an unspecified address is any. */
export function bindDatagram(
  core: StackCore,
  end: DatagramEnd,
  local: IpAddress,
  port: number,
): number {
  const { word0, word1, word2, word3 } = local.isUnspecified ? IpAddress.any6 : local;
  end.socket.reuse = end.options.reuseAddress ? 1 : 0;
  return outcome(core.udp.bind(end.socket, word0, word1, word2, word3, port), 0);
}

/** Sets the peer. */
export function connectDatagram(
  core: StackCore,
  end: DatagramEnd,
  remote: IpAddress,
  port: number,
): number {
  const { word0, word1, word2, word3 } = remote;
  const { udp, nowNs } = core;
  return outcome(udp.connect(end.socket, word0, word1, word2, word3, port, nowNs), 0);
}

/** Sends to the peer of a connected socket. */
export function writeDatagram(
  core: StackCore,
  end: DatagramEnd,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  if (end.error !== 0) return -takeError(end);
  const { socket } = end;
  if (socket.remotePort === 0) return -Errno.EDESTADDRREQ;
  const { remote0, remote1, remote2, remote3 } = socket;
  applyDatagramOptions(end, new IpAddress(remote0, remote1, remote2, remote3).family);
  return outcome(core.udp.sendConnected(socket, bytes, at, length, core.nowNs), length);
}

/** Sends to an address. */
export function sendDatagram(
  core: StackCore,
  end: DatagramEnd,
  bytes: Uint8Array,
  remote: IpAddress,
  port: number,
): number {
  if (end.error !== 0) return -takeError(end);
  applyDatagramOptions(end, remote.family);
  const { word0, word1, word2, word3 } = remote;
  const { udp, nowNs } = core;
  const { length } = bytes;
  const status = udp.send(end.socket, word0, word1, word2, word3, port, bytes, 0, length, nowNs);
  return outcome(status, length);
}

/** Joins or leaves a group. */
export function changeMembership(
  core: StackCore,
  end: DatagramEnd,
  group: IpAddress,
  join: boolean,
): number {
  if (!group.isMulticast) return -Errno.EINVAL;
  const { word0, word1, word2, word3 } = group;
  const { udp, nowNs } = core;
  const status = join
    ? udp.joinGroup(end.socket, word0, word1, word2, word3, nowNs)
    : udp.leaveGroup(end.socket, word0, word1, word2, word3, nowNs);
  return outcome(status, 0);
}

/** Takes a datagram off the queue, or looks at it; what does not fit is cut off. */
export function receiveDatagram(
  end: DatagramEnd,
  into: Uint8Array,
  at: number,
  length: number,
  peek: boolean,
): number {
  if (end.error !== 0) return -takeError(end);
  const datagram = peek ? end.queue[0] : end.queue.shift();
  if (datagram === undefined) return -Errno.EAGAIN;
  const count = Math.min(length, datagram.bytes.length);
  into.set(datagram.bytes.subarray(0, count), at);
  return count;
}

/** A datagram has arrived. */
export function keepDatagram(
  core: StackCore,
  end: DatagramEnd,
  at: number,
  length: number,
  sourcePort: number,
  meta: IpMeta,
): void {
  if (end.queue.length >= DATAGRAMS_MAX) return;
  end.queue.push({
    bytes: core.arena.bytes.slice(at, at + length),
    source: new IpAddress(meta.src0, meta.src1, meta.src2, meta.src3),
    sourcePort,
    hopLimit: meta.hopLimit,
    trafficClass: meta.trafficClass,
  });
}

function applyDatagramOptions(end: DatagramEnd, family: number): void {
  const { socket, options } = end;
  socket.trafficClass = options.trafficClass;
  socket.hopLimit = options.hopLimitOf(family);
  socket.multicastHopLimit = options.multicastHopLimit;
  socket.multicastLoop = options.multicastLoop ? 1 : 0;
}
