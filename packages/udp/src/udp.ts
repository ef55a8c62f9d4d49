// @hot
/**
 * UDP. Surface under construction: the bodies follow in the next commits.
 *
 * @module
 */

import { fail, type FrameArena } from '@tickwire/base';
import type { IpMeta, IpOutput } from '@tickwire/wire';
import { UdpSocket } from './socket.ts';

/** Multicast membership, offered by the IP layer. */
export interface UdpGroups {
  joinGroup(word0: number, word1: number, word2: number, word3: number, nowNs: number): number;
  leaveGroup(word0: number, word1: number, word2: number, word3: number, nowNs: number): number;
}

/** What UDP reads of an ICMP error; the IP layer's `IcmpError` has this shape. */
export interface UdpIcmpError {
  readonly kind: number;
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
  readonly mtu: number;
}

/** Receives datagrams; methods are called during `receive`, `receiveLooped` and `icmpError`. */
export interface UdpEvents {
  /**
   * A datagram for `socket`: `length` payload bytes at arena offset `at`, valid during the call;
   * `arena.retain(frame)` keeps them longer. Source and destination are in `meta`, the source port
   * is `sourcePort`.
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
  /** Group memberships of all sockets together; default 256. */
  readonly memberships?: number;
  /** Own multicasts that wait for `receiveLooped`; default 256. */
  readonly loopedFrames?: number;
  /** 16 bytes from a cryptographic source, as four words, for hash tables and ephemeral ports. */
  readonly key: readonly [number, number, number, number];
}

/** Datagram sockets over an {@link IpOutput}. */
export class Udp {
  constructor(
    _arena: FrameArena,
    _ip: IpOutput,
    _groups: UdpGroups,
    _events: UdpEvents,
    _config: UdpConfig,
  ) {}

  /** Takes a socket out of the pool, or null when all are in use. */
  open(): UdpSocket | null {
    return fail('not in this slice');
  }

  /** Leaves all groups and puts the socket back. */
  close(_socket: UdpSocket, _nowNs: number): void {
    fail('not in this slice');
  }

  /**
   * Gives the socket a local address (all words 0: any) and port (0: an ephemeral one, RFC 6056).
   * `Exists` when the pair is taken, `LimitReached` when no ephemeral port is free.
   */
  bind(
    _socket: UdpSocket,
    _local0: number,
    _local1: number,
    _local2: number,
    _local3: number,
    _port: number,
  ): number {
    return fail('not in this slice');
  }

  /** Sets the peer; binds first when needed. `Unreachable` when there is no route. */
  connect(
    _socket: UdpSocket,
    _remote0: number,
    _remote1: number,
    _remote2: number,
    _remote3: number,
    _port: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /** Forgets the peer. */
  disconnect(_socket: UdpSocket): number {
    return fail('not in this slice');
  }

  /** Joins a multicast group on behalf of the socket. */
  joinGroup(
    _socket: UdpSocket,
    _word0: number,
    _word1: number,
    _word2: number,
    _word3: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /** Leaves it. */
  leaveGroup(
    _socket: UdpSocket,
    _word0: number,
    _word1: number,
    _word2: number,
    _word3: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /** Sends a copy of `length` bytes of `bytes` from `at`. Returns `length` or a status. */
  send(
    _socket: UdpSocket,
    _remote0: number,
    _remote1: number,
    _remote2: number,
    _remote3: number,
    _port: number,
    _bytes: Uint8Array,
    _at: number,
    _length: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /** As {@link Udp.send}, to the peer of a connected socket. */
  sendConnected(
    _socket: UdpSocket,
    _bytes: Uint8Array,
    _at: number,
    _length: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /**
   * A frame to write a datagram into, at `arena.dataAt[frame]`, up to `payloadMax` bytes; or
   * `NO_FRAME`. Give it to {@link Udp.commit} or free it.
   */
  reserve(): number {
    return fail('not in this slice');
  }

  /** Sends the `length` bytes that were written into a reserved frame; takes its reference. */
  commit(
    _socket: UdpSocket,
    _frame: number,
    _length: number,
    _remote0: number,
    _remote1: number,
    _remote2: number,
    _remote3: number,
    _port: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /**
   * Delivers the datagram that `meta` describes, whose checksum IP has verified. Takes the frame's
   * reference unless it returns `Status.NoHandler`: then the caller may answer port unreachable
   * and frees the frame. Other results are `Ok` or the reason of a counted drop.
   */
  receive(_meta: IpMeta, _nowNs: number): number {
    return fail('not in this slice');
  }

  /** Delivers the next own multicast to its local members; false when nothing waits. */
  receiveLooped(_nowNs: number): boolean {
    return fail('not in this slice');
  }

  /** Routes an ICMP error to the connected socket it concerns. `Ok` or `NoHandler`. */
  icmpError(_error: UdpIcmpError, _nowNs: number): number {
    return fail('not in this slice');
  }

  /** All counters by name. */
  counters(): Readonly<Record<string, number>> {
    return fail('not in this slice');
  }
}
