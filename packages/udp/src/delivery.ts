// @hot
/**
 * Hands datagrams to sockets: to one, or to every member of a group.
 *
 * @module
 */

import { type FrameArena, Status } from '@tickwire/base';
import { type IpMeta, UDP_HEADER_BYTES, udpLength } from '@tickwire/wire';
import type { Demux } from './demux.ts';
import type { Memberships } from './memberships.ts';
import { isAnyAddress, isGroupAddress, type UdpSocket, UdpState } from './socket.ts';
import type { UdpCounters, UdpEvents } from './types.ts';

const NIL = -1;

/** The delivering half of UDP. */
export class Delivery {
  readonly #arena: FrameArena;
  readonly #events: UdpEvents;
  readonly #sockets: readonly UdpSocket[];
  readonly #demux: Demux;
  readonly #memberships: Memberships;
  readonly #counters: UdpCounters;
  /** Receivers of the datagram under way: ids and generations. */
  readonly #receivers: Int32Array;
  readonly #generations: Int32Array;
  #count = 0;

  constructor(
    arena: FrameArena,
    events: UdpEvents,
    sockets: readonly UdpSocket[],
    demux: Demux,
    memberships: Memberships,
    counters: UdpCounters,
  ) {
    this.#arena = arena;
    this.#events = events;
    this.#sockets = sockets;
    this.#demux = demux;
    this.#memberships = memberships;
    this.#counters = counters;
    this.#receivers = new Int32Array(sockets.length);
    this.#generations = new Int32Array(sockets.length);
  }

  /** Delivers to one socket; the frame stays the caller's. */
  toOne(socket: UdpSocket, meta: IpMeta, sourcePort: number, nowNs: number): void {
    const length = udpLength(this.#arena.view, meta.at) - UDP_HEADER_BYTES;
    const at = meta.at + UDP_HEADER_BYTES;
    this.#counters.rxDelivered += 1;
    this.#events.datagram(socket, meta.frame, at, length, sourcePort, meta, nowNs);
  }

  /**
   * Delivers a multicast to every member and a broadcast to every socket of the port (RFC 1122,
   * 4.1.3.3). Takes the frame unless the result is `NoHandler`.
   */
  toAll(meta: IpMeta, sourcePort: number, port: number, isGroup: boolean, nowNs: number): number {
    // All receivers are found before the first is called: a sink may open and close sockets.
    this.#count = 0;
    this.#collect(this.#demux.bound[port]!, meta, sourcePort, isGroup);
    this.#collect(this.#demux.connected[port]!, meta, sourcePort, isGroup);
    const count = this.#count;
    if (count === 0) {
      this.#counters.rxNoSocket += 1;
      return Status.NoHandler;
    }
    for (let i = 0; i < count; i += 1) {
      const socket = this.#sockets[this.#receivers[i]!]!;
      // An earlier receiver may have closed it, and somebody may have opened it again.
      if (socket.generation !== this.#generations[i]) continue;
      this.toOne(socket, meta, sourcePort, nowNs);
    }
    this.#arena.free(meta.frame);
    return Status.Ok;
  }

  #collect(head: number, meta: IpMeta, sourcePort: number, isGroup: boolean): void {
    for (let id = head; id !== NIL; id = this.#sockets[id]!.next) {
      const socket = this.#sockets[id]!;
      if (!this.#wants(socket, meta, sourcePort, isGroup)) continue;
      this.#receivers[this.#count] = id;
      this.#generations[this.#count] = socket.generation;
      this.#count += 1;
    }
  }

  #wants(socket: UdpSocket, meta: IpMeta, sourcePort: number, isGroup: boolean): boolean {
    const { dst0, dst1, dst2, dst3 } = meta;
    if (isGroup && !this.#memberships.has(socket, dst0, dst1, dst2, dst3)) return false;
    if (socket.state === UdpState.Connected) {
      return (
        socket.remotePort === sourcePort &&
        socket.remote3 === meta.src3 &&
        socket.remote2 === meta.src2 &&
        socket.remote1 === meta.src1 &&
        socket.remote0 === meta.src0
      );
    }
    const { local0, local1, local2, local3 } = socket;
    if (isAnyAddress(local0, local1, local2, local3)) return true;
    // A socket bound to a unicast address takes the multicasts it joined, not broadcasts; one
    // bound to a group or to 255.255.255.255 takes what is sent there.
    const isExact = local3 === dst3 && local2 === dst2 && local1 === dst1 && local0 === dst0;
    return isExact || (isGroup && !isGroupAddress(local0, local1, local2, local3));
  }
}
