/**
 * What UDP asks of its surroundings, and its configuration.
 *
 * @module
 */

import type { IpMeta } from '@tickwire/wire';
import type { UdpSocket } from './socket.ts';

/** Multicast membership, offered by the IP layer. Status codes. */
export interface UdpGroups {
  joinGroup(word0: number, word1: number, word2: number, word3: number, nowNs: number): number;
  leaveGroup(word0: number, word1: number, word2: number, word3: number, nowNs: number): number;
}

/** What UDP reads of an ICMP error; the IP layer's `IcmpError` has this shape. */
export interface UdpIcmpError {
  /** `IcmpErrorKind` of the IP layer. */
  readonly kind: number;
  /** 1: found by this host (neighbour does not answer). */
  readonly isLocal: number;
  readonly local0: number;
  readonly local1: number;
  readonly local2: number;
  readonly local3: number;
  readonly localPort: number;
  readonly remote0: number;
  readonly remote1: number;
  readonly remote2: number;
  readonly remote3: number;
  readonly remotePort: number;
  /** Path MTU that holds now, for a packet that was too big. */
  readonly mtu: number;
}

/** Receives datagrams; methods are called during `receive`, `receiveLooped` and `icmpError`. */
export interface UdpEvents {
  /**
   * A datagram for `socket`: `length` payload bytes at arena offset `at`, valid during the call;
   * `arena.retain(frame)` keeps them longer. Addresses and TTL are in `meta`. The sink may send,
   * close and open sockets.
   */
  datagram(
    socket: UdpSocket,
    frame: number,
    at: number,
    length: number,
    sourcePort: number,
    meta: IpMeta,
    nowNs: number,
  ): void;
  /** An ICMP error about a datagram of a connected socket. */
  error(socket: UdpSocket, error: UdpIcmpError, nowNs: number): void;
}

/** Configuration of {@link Udp}. */
export interface UdpConfig {
  /** Sockets in the pool. */
  readonly sockets: number;
  /** Group memberships of all sockets together; default {@link DEFAULT_MEMBERSHIPS}. */
  readonly memberships?: number;
  /**
   * Own multicasts that wait for `receiveLooped`, a power of two; default
   * {@link DEFAULT_LOOPED_FRAMES}.
   */
  readonly loopedFrames?: number;
  /** 16 bytes from a cryptographic source, as four words, for hash tables and ephemeral ports. */
  readonly key: readonly [number, number, number, number];
}

/** Memberships unless told otherwise: 64 groups, joined by four sockets each. */
export const DEFAULT_MEMBERSHIPS = 256;
/** Looped datagrams unless told otherwise: four device bursts. */
export const DEFAULT_LOOPED_FRAMES = 256;

/** Counters of UDP: numbers that only grow. The field name is the counter's name. */
export class UdpCounters {
  /** Datagrams handed to `receive`. */
  rxDatagrams = 0;
  /** Deliveries to sockets; one multicast may count several times. */
  rxDelivered = 0;
  /** Datagrams that no socket wanted. */
  rxNoSocket = 0;
  /** Length field below 8 or beyond the packet. */
  rxMalformed = 0;
  /** Datagrams given to IP. */
  txDatagrams = 0;
  /** Datagrams not sent for want of a frame or of room in the link queue. */
  txNoMemory = 0;
  /** Datagrams that IP refused: no route, too long, neighbour dead. */
  txRefused = 0;
  /** Own multicasts delivered to local members. */
  looped = 0;
  /** Own multicasts not delivered: limit `loopedFrames`. */
  loopedDropped = 0;
  /** ICMP errors about datagrams of connected sockets, and of others. */
  icmpErrors = 0;
  icmpErrorsUnknown = 0;
}
