/**
 * What an application gives to `listen`, `connect` and `udp`: handlers in the shape of Bun's, one
 * set for each server, never one closure for each socket.
 *
 * @module
 */

import type { NetError } from '@tickwire/base';
import type { IpAddress } from '@tickwire/wire';
import type { TcpSocket } from './tcp-socket.ts';
import type { UdpSocket } from './udp-socket.ts';

/**
 * Handlers of TCP sockets. They are called during `Stack.poll`; an exception aborts the connection
 * it was thrown for and reaches `error`, or, without that handler, the caller of `poll`.
 */
export interface TcpHandlers<Data> {
  /** The handshake is complete. */
  readonly open?: (socket: TcpSocket<Data>) => void;
  /**
   * `length` bytes in order at `bytes[at]`. They lie in packet memory and are valid during the call
   * only: decode them in place, copy them, or `socket.pause()` before you return to stop the flow.
   */
  readonly data?: (socket: TcpSocket<Data>, bytes: Uint8Array, at: number, length: number) => void;
  /**
   * The peer has marked urgent data that was not delivered yet, or moved its mark on: the next
   * `socket.urgentBytes` bytes are urgent. They come by `data` like all others, after this call.
   */
  readonly urgent?: (socket: TcpSocket<Data>) => void;
  /** The peer has sent its last byte. Without this handler the socket is ended as well. */
  readonly end?: (socket: TcpSocket<Data>) => void;
  /** There is room again after a `write` that took less than it was given. */
  readonly drain?: (socket: TcpSocket<Data>) => void;
  /** The connection is gone; `error` tells why when it was not an orderly close. */
  readonly close?: (socket: TcpSocket<Data>, error: NetError | undefined) => void;
  /** A handler threw. */
  readonly error?: (socket: TcpSocket<Data>, error: unknown) => void;
}

/** Options of `Stack.listen`. */
export interface ListenOptions<Data> {
  /** Local address; every own address when absent. */
  readonly hostname?: string;
  /** Local port, 1 to 65535. */
  readonly port: number;
  /** Opened connections that wait to be accepted at most (`ListenOptions.backlog` of TCP). */
  readonly backlog?: number;
  /** Half-open connections at most; SYN cookies take over beyond. */
  readonly halfOpenMax?: number;
  /**
   * Share the port with other listeners that say so too; connections are spread by a keyed hash.
   */
  readonly reusePort?: boolean;
  /** Congestion controller by name, `bbr`, `cubic` or `reno`; the stack's when absent. */
  readonly congestion?: string;
  /** Upper bound of the MSS, offered and sent (TCP_MAXSEG). */
  readonly mssMax?: number;
  /** Receive buffer, fixed; the stack's, which grows, when absent (SO_RCVBUF). */
  readonly receiveBufferBytes?: number;
  /** TCP Fast Open (RFC 7413): connections with data on the SYN that may be pending; 0 is off. */
  readonly fastOpen?: number;
  /** Shared handlers. */
  readonly socket: TcpHandlers<Data>;
  /** Makes the `data` of a new socket; absent: undefined. */
  readonly data?: () => Data;
}

/** Options of `Stack.connect`. */
export interface ConnectOptions<Data> {
  /** Remote address. */
  readonly hostname: string;
  /** Remote port, 1 to 65535. */
  readonly port: number;
  /** Local port; ephemeral (RFC 6056) when absent. */
  readonly localPort?: number;
  /** Congestion controller by name, `bbr`, `cubic` or `reno`; the stack's when absent. */
  readonly congestion?: string;
  /** Upper bound of the MSS, offered and sent (TCP_MAXSEG). */
  readonly mssMax?: number;
  /** Receive buffer, fixed; the stack's, which grows, when absent (SO_RCVBUF). */
  readonly receiveBufferBytes?: number;
  /** TCP Fast Open (RFC 7413): what is written before the next poll rides on the SYN. */
  readonly fastOpen?: boolean;
  /** Shared handlers. */
  readonly socket: TcpHandlers<Data>;
  /** Becomes `socket.data`. */
  readonly data: Data;
}

/** Handlers of UDP sockets. */
export interface UdpHandlers {
  /**
   * A datagram of `length` bytes at `bytes[at]`, valid during the call only. `source` is filled for
   * each datagram and reused: copy what you keep.
   */
  readonly data?: (
    socket: UdpSocket,
    bytes: Uint8Array,
    at: number,
    length: number,
    source: DatagramSource,
  ) => void;
  /** An ICMP error about a datagram of this (connected) socket. */
  readonly error?: (socket: UdpSocket, error: NetError) => void;
}

/** Options of `Stack.udp`. */
export interface UdpOptions {
  /** Local address; every own address when absent. */
  readonly hostname?: string;
  /** Local port; ephemeral when absent or 0. */
  readonly port?: number;
  /** Share the port with other sockets (SO_REUSEADDR), for several members of one group. */
  readonly reuse?: boolean;
  /** Multicast groups to join. */
  readonly groups?: readonly string[];
  /** TTL of multicast datagrams; 1 keeps them on the link. */
  readonly multicastTtl?: number;
  /** Receive own multicasts in this stack; default false. */
  readonly multicastLoop?: boolean;
  /** Shared handlers. */
  readonly socket?: UdpHandlers;
}

/** Where a datagram came from and went to. One object per stack, reused. */
export class DatagramSource {
  /** Source address as four words (IPv4: 0, 0, 0xffff, address). */
  word0 = 0;
  word1 = 0;
  word2 = 0;
  word3 = 0;
  /** Source port. */
  port = 0;
  /** Arrival time: the time of the poll that received it. */
  nowNs = 0;
}

/** A destination made once and used for many sends. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}
