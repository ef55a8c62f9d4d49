/**
 * What is behind a descriptor: the state that a socket has besides its connection.
 *
 * @module
 */

import type { Congestion, Listener, Tcb } from '@tickwire/tcp';
import type { UdpSocket } from '@tickwire/udp';
import type { IpAddress } from '@tickwire/wire';

/** Options that a socket remembers, so that they can be set before it has a connection. */
export class SocketOptions {
  reuseAddress = false;
  /** 0: the stack's default. */
  receiveBufferBytes = 0;
  sendBufferBytes = 0;
  linger = false;
  lingerSeconds = 0;
  keepalive = false;
  keepaliveIdleSeconds = 7200;
  keepaliveIntervalSeconds = 75;
  keepaliveProbes = 9;
  /** Undefined: the stack's default. */
  noDelay: boolean | undefined = undefined;
  cork = false;
  /** 0: what link and path take. */
  maxSegmentBytes = 0;
  userTimeoutMs = 0;
  /** Congestion controller; undefined: the stack's default. */
  congestion: Congestion | undefined = undefined;
  /** Connections that a listener may open by data in their SYN (TCP_FASTOPEN). */
  fastOpen = 0;
  /** `connect` waits for the first write (TCP_FASTOPEN_CONNECT). */
  fastOpenConnect = false;
  trafficClass = 0;
  /** IP_TTL; counts for IPv6 as well while IPV6_UNICAST_HOPS is at its default. */
  hopLimit = 64;
  /** IPV6_UNICAST_HOPS; -1 is the default. */
  unicastHops = -1;
  multicastHopLimit = 1;
  multicastLoop = true;

  /** Hop limit of unicast packets of a family. */
  hopLimitOf(family: number): number {
    return family === 6 && this.unicastHops >= 0 ? this.unicastHops : this.hopLimit;
  }

  /** An independent copy: what an accepted connection inherits from its listener. */
  copy(): SocketOptions {
    return Object.assign(new SocketOptions(), this);
  }
}

/** A stream socket: unconnected, listening, connecting, connected or over. */
export class StreamEnd {
  readonly kind = 'stream';
  options: SocketOptions = new SocketOptions();
  nonBlocking = false;
  /** Bound address, and port 0 for none. */
  local: IpAddress | undefined = undefined;
  localPort = 0;
  remotePort = 0;
  listener: Listener | undefined = undefined;
  /** Connections that wait for `accept`. */
  readonly queue: StreamEnd[] = [];
  tcb: Tcb | undefined = undefined;
  /** `connect` was called. */
  connecting = false;
  /** Where a `connect` with fast open will go. */
  deferred: { readonly remote: IpAddress; readonly port: number } | undefined = undefined;
  /** The handshake was completed at some time. */
  opened = false;
  /** The peer's FIN was seen behind everything that was read. */
  ended = false;
  /** The connection is gone. */
  over = false;
  /** Error to be told once (SO_ERROR). */
  error = 0;
  readShut = false;
  writeShut = false;
  /** `close` was called; what is left belongs to TCP. */
  closed = false;
}

/** A datagram that waits for `recv`. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly source: IpAddress;
  readonly sourcePort: number;
  readonly hopLimit: number;
  readonly trafficClass: number;
}

/** A datagram socket. */
export class DatagramEnd {
  readonly kind = 'datagram';
  options: SocketOptions = new SocketOptions();
  nonBlocking = false;
  readonly socket: UdpSocket;
  readonly queue: Datagram[] = [];
  error = 0;

  constructor(socket: UdpSocket) {
    this.socket = socket;
  }
}

/** What an epoll descriptor watches. */
export class EpollEnd {
  readonly kind = 'epoll';
  nonBlocking = false;
  /** Descriptor -> events asked for, and whether only edges count. */
  readonly interest: Map<number, { events: number; edge: boolean; last: number }> = new Map();

  /** Watches a descriptor, or with 0 no longer; false when it was not watched. */
  control(fd: number, events: number, edge: boolean): boolean {
    if (events === 0) return this.interest.delete(fd);
    this.interest.set(fd, { events, edge, last: 0 });
    return true;
  }

  /** What is ready; of edges only those that are new. */
  wait(poll: (fd: number, events: number) => number): { fd: number; events: number }[] {
    const ready: { fd: number; events: number }[] = [];
    for (const [fd, interest] of this.interest) {
      const events = poll(fd, interest.events);
      const fresh = interest.edge ? events & ~interest.last : events;
      interest.last = events;
      if (fresh !== 0) ready.push({ fd, events });
    }
    return ready;
  }
}

/** Anything that a descriptor may stand for. */
export type SocketEnd = StreamEnd | DatagramEnd | EpollEnd;

/** The pending error of a socket, which is told once. */
export function takeError(end: StreamEnd | DatagramEnd): number {
  const { error } = end;
  end.error = 0;
  return error;
}
