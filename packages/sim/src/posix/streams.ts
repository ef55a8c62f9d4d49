/**
 * The stream half of the facade: calls on an end that is known to be a TCP socket.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { StackCore } from '@tickwire/stack';
import type { Listener, Tcb } from '@tickwire/tcp';
import { IpAddress, type IpFlow } from '@tickwire/wire';
import { Errno, errnoOfStatus } from './errno.ts';
import { type StreamEnd, takeError } from './socket-end.ts';

/** The address that an end is bound to; all words 0 for any. */
function localOf(end: StreamEnd): IpAddress {
  return end.local === undefined || end.local.isUnspecified ? IpAddress.any6 : end.local;
}

/** Opens the listener of an end, or a negated error. */
export function listenStream(core: StackCore, end: StreamEnd, backlog: number): Listener | number {
  const { word0, word1, word2, word3 } = localOf(end);
  const { maxSegmentBytes, receiveBufferBytes } = end.options;
  try {
    return core.tcp.listen(word0, word1, word2, word3, end.localPort, {
      backlog: Math.max(1, backlog),
      fastOpen: end.options.fastOpen,
      ...(maxSegmentBytes === 0 ? {} : { mssMax: maxSegmentBytes }),
      ...(receiveBufferBytes === 0 ? {} : { receiveBufferBytes }),
    });
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    return error.code === 'EADDRINUSE' ? -Errno.EADDRINUSE : -Errno.EINVAL;
  }
}

/** Begins the connection of an end, or a negated error. `flow` is scratch space. */
export function openStream(
  core: StackCore,
  flow: IpFlow,
  end: StreamEnd,
  remote: IpAddress,
  port: number,
): Tcb | number {
  const local = localOf(end);
  flow.family = remote.family;
  flow.local0 = local.word0;
  flow.local1 = local.word1;
  flow.local2 = local.word2;
  flow.local3 = local.word3;
  flow.remote0 = remote.word0;
  flow.remote1 = remote.word1;
  flow.remote2 = remote.word2;
  flow.remote3 = remote.word3;
  flow.trafficClass = end.options.trafficClass;
  flow.hopLimit = end.options.hopLimitOf(flow.family);
  const { tcp, nowNs } = core;
  const result = tcp.connect(flow, port, end.localPort, nowNs, 0, end.options.fastOpenConnect);
  return typeof result === 'number' ? -errnoOfStatus(result) : result;
}

/** Reads or looks at what has come: bytes, then the error, then the end of the stream. */
export function receiveStream(
  core: StackCore,
  end: StreamEnd,
  into: Uint8Array,
  at: number,
  length: number,
  peek: boolean,
): number {
  const { tcb } = end;
  if (end.listener !== undefined) return -Errno.ENOTCONN;
  if (tcb !== undefined && tcb.rqBytes > 0 && !end.readShut) {
    const { tcp } = core;
    return peek ? tcp.peek(tcb, into, at, length) : tcp.read(tcb, into, at, length);
  }
  if (end.error !== 0) return -takeError(end);
  if (end.ended || end.readShut || end.over) return 0;
  return tcb === undefined ? -Errno.ENOTCONN : -Errno.EAGAIN;
}
