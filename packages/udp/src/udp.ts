// @hot
/**
 * UDP (RFC 768, RFC 1122 4.1, RFC 8085): pooled sockets, demultiplexing, multicast, zero copy both
 * ways.
 *
 * @module
 */

import { type FrameArena, NO_FRAME, Status } from '@tickwire/base';
import {
  checksumFold,
  checkUdp,
  type IpFlow,
  IpMeta,
  type IpOutput,
  LINK_MULTICAST,
  LINK_UNICAST,
  PROTOCOL_UDP,
  UDP_CHECKSUM_OFFSET,
  UDP_HEADER_BYTES,
  udpDstPort,
  udpSrcPort,
} from '@tickwire/wire';
import { Delivery } from './delivery.ts';
import { Demux } from './demux.ts';
import { EphemeralPorts } from './ephemeral-ports.ts';
import { LoopedDatagrams } from './looped-datagrams.ts';
import { Memberships } from './memberships.ts';
import {
  forgetFlow,
  isAnyAddress,
  isGroupAddress,
  isV4,
  SEND_FLOWS,
  UdpSocket,
  UdpState,
} from './socket.ts';
import {
  DEFAULT_LOOPED_FRAMES,
  DEFAULT_MEMBERSHIPS,
  type UdpConfig,
  UdpCounters,
  type UdpEvents,
  type UdpGroups,
  type UdpIcmpError,
} from './types.ts';

const NIL = -1;
/** Payload bytes of the longest datagram over IPv4. */
export const UDP_PAYLOAD_BYTES_MAX: number = 65_535 - 20 - UDP_HEADER_BYTES;

/**
 * Datagram sockets over an {@link IpOutput}.
 *
 * @example
 * ```ts
 * const socket = udp.open();
 * udp.bind(socket, 0, 0, 0xffff, 0, 4000);
 * udp.joinGroup(socket, 0, 0, 0xffff, group, nowNs);
 * ```
 */
export class Udp {
  readonly #arena: FrameArena;
  readonly #ip: IpOutput;
  readonly #groups: UdpGroups;
  readonly #events: UdpEvents;
  readonly #sockets: readonly UdpSocket[];
  /** Ids of closed sockets. */
  readonly #free: Int32Array;
  #freeCount: number;
  readonly #demux: Demux;
  readonly #memberships: Memberships;
  readonly #looped: LoopedDatagrams;
  readonly #loopedMeta: IpMeta = new IpMeta();
  readonly #counters: UdpCounters = new UdpCounters();
  readonly #ports: EphemeralPorts;
  readonly #delivery: Delivery;

  constructor(
    arena: FrameArena,
    ip: IpOutput,
    groups: UdpGroups,
    events: UdpEvents,
    config: UdpConfig,
  ) {
    const sockets: UdpSocket[] = [];
    for (let id = 0; id < config.sockets; id += 1) sockets.push(new UdpSocket(id));
    this.#arena = arena;
    this.#ip = ip;
    this.#groups = groups;
    this.#events = events;
    this.#sockets = sockets;
    this.#free = new Int32Array(config.sockets);
    for (let i = 0; i < config.sockets; i += 1) this.#free[i] = config.sockets - 1 - i;
    this.#freeCount = config.sockets;
    const key = config.key;
    this.#demux = new Demux(sockets, key[0], key[1]);
    this.#memberships = new Memberships(config.memberships ?? DEFAULT_MEMBERSHIPS);
    this.#looped = new LoopedDatagrams(config.loopedFrames ?? DEFAULT_LOOPED_FRAMES);
    this.#ports = new EphemeralPorts(this.#demux, key);
    this.#delivery = new Delivery(
      arena,
      events,
      sockets,
      this.#demux,
      this.#memberships,
      this.#counters,
    );
  }

  /** Takes a socket out of the pool, or null when all are in use. */
  open(): UdpSocket | null {
    if (this.#freeCount === 0) return null;
    this.#freeCount -= 1;
    const socket = this.#sockets[this.#free[this.#freeCount]!]!;
    socket.state = UdpState.Open;
    return socket;
  }

  /** Leaves all groups and puts the socket back. A closed socket stays closed. */
  close(socket: UdpSocket, nowNs: number): void {
    if (socket.state === UdpState.Closed) return;
    while (socket.memberships !== NIL) {
      const row = socket.memberships;
      this.leaveGroup(
        socket,
        this.#memberships.word(row, 0),
        this.#memberships.word(row, 1),
        this.#memberships.word(row, 2),
        this.#memberships.word(row, 3),
        nowNs,
      );
    }
    if (socket.state !== UdpState.Open) this.#demux.remove(socket);
    socket.reset();
    this.#free[this.#freeCount] = socket.id;
    this.#freeCount += 1;
  }

  /**
   * Gives an open socket a local address (0.0.0.0 or :: for any) and port (0: an ephemeral one,
   * RFC 6056). `Exists` when the pair is taken, `LimitReached` when no ephemeral port is free,
   * `BadState` when it has one, `OutOfRange` for an impossible port.
   */
  bind(
    socket: UdpSocket,
    local0: number,
    local1: number,
    local2: number,
    local3: number,
    port: number,
  ): number {
    if (socket.state !== UdpState.Open) return Status.BadState;
    if (port < 0 || port > 65_535) return Status.OutOfRange;
    socket.local0 = local0;
    socket.local1 = local1;
    socket.local2 = local2;
    socket.local3 = local3;
    const chosen = port === 0 ? this.#ports.choose(socket) : port;
    if (chosen < 0) return chosen;
    const checked = port === 0 ? Status.Ok : this.#demux.check(socket, chosen);
    if (checked !== Status.Ok) return checked;
    socket.localPort = chosen;
    socket.state = UdpState.Bound;
    this.#demux.add(socket);
    return Status.Ok;
  }

  /**
   * Sets the peer; binds to an ephemeral port first when needed. From then on the socket receives
   * only from the peer. `Unreachable` when there is no route, `Exists` when the 4-tuple is taken.
   */
  connect(
    socket: UdpSocket,
    remote0: number,
    remote1: number,
    remote2: number,
    remote3: number,
    port: number,
    nowNs: number,
  ): number {
    if (socket.state === UdpState.Closed) return Status.BadState;
    if (port < 1 || port > 65_535) return Status.OutOfRange;
    if (socket.state === UdpState.Open) {
      const bound = this.bind(socket, 0, 0, isV4(remote0, remote1, remote2) ? 0xffff : 0, 0, 0);
      if (bound !== Status.Ok) return bound;
    }
    if (socket.state === UdpState.Connected) this.disconnect(socket);
    const flow = socket.peer;
    this.#aim(socket, flow, remote0, remote1, remote2, remote3);
    const routed = this.#ip.bindFlow(flow, nowNs);
    if (routed < 0) {
      forgetFlow(flow);
      return routed;
    }
    const taken = this.#demux.findConnected(
      flow.local0,
      flow.local1,
      flow.local2,
      flow.local3,
      socket.localPort,
      remote0,
      remote1,
      remote2,
      remote3,
      port,
    );
    if (taken !== null) {
      forgetFlow(flow);
      return Status.Exists;
    }
    this.#demux.remove(socket);
    socket.hasChosenLocal = isAnyAddress(
      socket.local0,
      socket.local1,
      socket.local2,
      socket.local3,
    );
    socket.local0 = flow.local0;
    socket.local1 = flow.local1;
    socket.local2 = flow.local2;
    socket.local3 = flow.local3;
    socket.remote0 = remote0;
    socket.remote1 = remote1;
    socket.remote2 = remote2;
    socket.remote3 = remote3;
    socket.remotePort = port;
    socket.state = UdpState.Connected;
    this.#demux.add(socket);
    return Status.Ok;
  }

  /** Forgets the peer; a local address that `connect` chose is any again. */
  disconnect(socket: UdpSocket): number {
    if (socket.state !== UdpState.Connected) return Status.BadState;
    this.#demux.remove(socket);
    if (socket.hasChosenLocal) {
      socket.local0 = 0;
      socket.local1 = 0;
      socket.local3 = 0;
      socket.hasChosenLocal = false;
    }
    socket.remotePort = 0;
    socket.state = UdpState.Bound;
    forgetFlow(socket.peer);
    this.#demux.add(socket);
    return Status.Ok;
  }

  /**
   * Joins a multicast group on behalf of the socket. `Exists`, `LimitReached`, or what IP says
   * (`OutOfRange` when it is no group).
   */
  joinGroup(
    socket: UdpSocket,
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    nowNs: number,
  ): number {
    if (socket.state === UdpState.Closed) return Status.BadState;
    if (this.#memberships.has(socket, word0, word1, word2, word3)) return Status.Exists;
    if (this.#memberships.isFull) return Status.LimitReached;
    const joined = this.#groups.joinGroup(word0, word1, word2, word3, nowNs);
    if (joined !== Status.Ok) return joined;
    this.#memberships.add(socket, word0, word1, word2, word3);
    return Status.Ok;
  }

  /** Leaves a group. `NotFound` when the socket has not joined it. */
  leaveGroup(
    socket: UdpSocket,
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    nowNs: number,
  ): number {
    if (!this.#memberships.remove(socket, word0, word1, word2, word3)) return Status.NotFound;
    return this.#groups.leaveGroup(word0, word1, word2, word3, nowNs);
  }

  /**
   * Sends a copy of `length` bytes of `bytes` from `from`. Returns `length`, or `Again` (no frame
   * or no room now: keep the datagram and try again), `TooLong`, `Unreachable`, or what
   * {@link Udp.bind} says when the socket had no port.
   */
  send(
    socket: UdpSocket,
    remote0: number,
    remote1: number,
    remote2: number,
    remote3: number,
    port: number,
    bytes: Uint8Array,
    from: number,
    length: number,
    nowNs: number,
  ): number {
    const frame = this.#copy(bytes, from, length);
    if (frame < 0) return frame;
    return this.commit(socket, frame, length, remote0, remote1, remote2, remote3, port, nowNs);
  }

  /** As {@link Udp.send}, to the peer of a connected socket. */
  sendConnected(
    socket: UdpSocket,
    bytes: Uint8Array,
    from: number,
    length: number,
    nowNs: number,
  ): number {
    if (socket.state !== UdpState.Connected) return Status.BadState;
    const frame = this.#copy(bytes, from, length);
    return frame < 0 ? frame : this.commitConnected(socket, frame, length, nowNs);
  }

  /**
   * A frame to write a datagram into, at `arena.dataAt[frame]`, up to {@link Udp.payloadMax} bytes;
   * or `NO_FRAME` when there is no memory or no room now. Give it to {@link Udp.commit} or free it.
   */
  reserve(): number {
    const frame = this.#ip.room() > 0 ? this.#arena.alloc() : NO_FRAME;
    if (frame === NO_FRAME) this.#counters.txNoMemory += 1;
    return frame;
  }

  /** Bytes that fit into one reserved frame. */
  get payloadMax(): number {
    const room = this.#arena.dataRoom;
    return room < UDP_PAYLOAD_BYTES_MAX ? room : UDP_PAYLOAD_BYTES_MAX;
  }

  /**
   * Sends the `length` bytes that were written into a reserved frame; takes its reference whatever
   * the result is. Results as of {@link Udp.send}.
   */
  commit(
    socket: UdpSocket,
    frame: number,
    length: number,
    remote0: number,
    remote1: number,
    remote2: number,
    remote3: number,
    port: number,
    nowNs: number,
  ): number {
    if (socket.state <= UdpState.Open) {
      const bound = this.bind(socket, 0, 0, isV4(remote0, remote1, remote2) ? 0xffff : 0, 0, 0);
      if (bound !== Status.Ok) {
        this.#arena.free(frame);
        return bound;
      }
    }
    const flow = socket.flows[(remote3 ^ (remote3 >>> 8)) & (SEND_FLOWS - 1)]!;
    if (
      flow.neighbourVersion === -1 ||
      flow.remote3 !== remote3 ||
      flow.remote2 !== remote2 ||
      flow.remote1 !== remote1 ||
      flow.remote0 !== remote0
    ) {
      forgetFlow(flow);
      this.#aim(socket, flow, remote0, remote1, remote2, remote3);
      const routed = this.#ip.bindFlow(flow, nowNs);
      if (routed < 0) {
        forgetFlow(flow);
        this.#counters.txRefused += 1;
        this.#arena.free(frame);
        return routed;
      }
    }
    return this.#transmit(socket, flow, frame, length, port, nowNs);
  }

  /** As {@link Udp.commit}, to the peer of a connected socket. */
  commitConnected(socket: UdpSocket, frame: number, length: number, nowNs: number): number {
    if (socket.state !== UdpState.Connected) {
      this.#arena.free(frame);
      return Status.BadState;
    }
    return this.#transmit(socket, socket.peer, frame, length, socket.remotePort, nowNs);
  }

  /**
   * Delivers the datagram that `meta` describes, whose checksum IP has verified. Takes the frame's
   * reference unless it returns `Status.NoHandler`: then the caller may answer port unreachable
   * and frees the frame. Other results are `Ok` or the reason of a counted drop.
   */
  receive(meta: IpMeta, nowNs: number): number {
    const view = this.#arena.view;
    this.#counters.rxDatagrams += 1;
    if (checkUdp(view, meta.at, meta.length) !== Status.Ok) {
      this.#counters.rxMalformed += 1;
      this.#arena.free(meta.frame);
      return Status.Malformed;
    }
    const sourcePort = udpSrcPort(view, meta.at);
    const port = udpDstPort(view, meta.at);
    const isGroup = isGroupAddress(meta.dst0, meta.dst1, meta.dst2, meta.dst3);
    if (isGroup || meta.linkDst !== LINK_UNICAST) {
      return this.#delivery.toAll(meta, sourcePort, port, isGroup, nowNs);
    }
    const socket = this.#demux.find(meta, sourcePort, port);
    if (socket === null) {
      this.#counters.rxNoSocket += 1;
      return Status.NoHandler;
    }
    this.#delivery.toOne(socket, meta, sourcePort, nowNs);
    this.#arena.free(meta.frame);
    return Status.Ok;
  }

  /** Delivers the next own multicast to its local members; false when nothing waits. */
  receiveLooped(nowNs: number): boolean {
    const meta = this.#loopedMeta;
    if (!this.#looped.shift(meta)) return false;
    const view = this.#arena.view;
    meta.family = meta.dst0 === 0 && meta.dst2 === 0xffff ? 4 : 6;
    meta.protocol = PROTOCOL_UDP;
    meta.linkDst = LINK_MULTICAST;
    meta.verified = 1;
    this.#counters.looped += 1;
    const sourcePort = udpSrcPort(view, meta.at);
    const port = udpDstPort(view, meta.at);
    // The members may have left since: then the reference is still ours.
    const delivered = this.#delivery.toAll(meta, sourcePort, port, true, nowNs);
    if (delivered === Status.NoHandler) this.#arena.free(meta.frame);
    return true;
  }

  /** Routes an ICMP error to the connected socket it concerns. `Ok` or `NoHandler`. */
  icmpError(error: UdpIcmpError, nowNs: number): number {
    const socket = this.#demux.findConnected(
      error.local0,
      error.local1,
      error.local2,
      error.local3,
      error.localPort,
      error.remote0,
      error.remote1,
      error.remote2,
      error.remote3,
      error.remotePort,
    );
    if (socket === null) {
      this.#counters.icmpErrorsUnknown += 1;
      return Status.NoHandler;
    }
    this.#counters.icmpErrors += 1;
    this.#events.error(socket, error, nowNs);
    return Status.Ok;
  }

  /** All counters by name. The object is live: copy it for a snapshot. */
  counters(): UdpCounters {
    return this.#counters;
  }

  /** Sockets that are not closed. */
  get openSockets(): number {
    return this.#sockets.length - this.#freeCount;
  }

  /** Frames that this layer holds: own multicasts that wait for `receiveLooped`. */
  get framesHeld(): number {
    return this.#looped.size;
  }

  #aim(
    socket: UdpSocket,
    flow: IpFlow,
    remote0: number,
    remote1: number,
    remote2: number,
    remote3: number,
  ): void {
    flow.local0 = socket.local0;
    flow.local1 = socket.local1;
    flow.local2 = socket.local2;
    // A socket bound to a group or to broadcast receives there; it cannot speak from there.
    const isGroup = isGroupAddress(socket.local0, socket.local1, socket.local2, socket.local3);
    flow.local3 = isGroup || socket.local3 === -1 ? 0 : socket.local3;
    flow.remote0 = remote0;
    flow.remote1 = remote1;
    flow.remote2 = remote2;
    flow.remote3 = remote3;
  }

  /** Copies into a fresh frame; negative is a status. */
  #copy(bytes: Uint8Array, from: number, length: number): number {
    const arena = this.#arena;
    if (length > this.payloadMax) {
      this.#counters.txRefused += 1;
      return Status.TooLong;
    }
    const frame = this.reserve();
    if (frame === NO_FRAME) return Status.Again;
    const to = arena.dataAt[frame]!;
    // `set` copies fastest; a range of an array would need a `subarray`, which costs garbage.
    if (from === 0 && length === bytes.length) arena.bytes.set(bytes, to);
    else {
      const target = arena.bytes;
      for (let i = 0; i < length; i += 1) target[to + i] = bytes[from + i]!;
    }
    return frame;
  }

  #transmit(
    socket: UdpSocket,
    flow: IpFlow,
    frame: number,
    length: number,
    port: number,
    nowNs: number,
  ): number {
    const arena = this.#arena;
    if (length > this.payloadMax) {
      this.#counters.txRefused += 1;
      arena.free(frame);
      return Status.TooLong;
    }
    const isGroup = isGroupAddress(flow.remote0, flow.remote1, flow.remote2, flow.remote3);
    const at = arena.dataAt[frame]! - UDP_HEADER_BYTES;
    const bytes = UDP_HEADER_BYTES + length;
    flow.trafficClass = socket.trafficClass;
    flow.hopLimit = isGroup ? socket.multicastHopLimit : socket.hopLimit;
    flow.dontFragment = socket.dontFragment;
    const pseudo = checksumFold(flow.addressSum + PROTOCOL_UDP + bytes);
    arena.view.setInt32(at, (socket.localPort << 16) | port);
    arena.view.setInt32(at + 4, (bytes << 16) | pseudo);
    if (isGroup && socket.multicastLoop === 1) this.#loop(flow, frame, at, bytes, port);
    if (isGroup && socket.multicastHopLimit === 0) {
      arena.free(frame);
      return length;
    }
    const sent = this.#ip.output(flow, PROTOCOL_UDP, frame, at, bytes, UDP_CHECKSUM_OFFSET, nowNs);
    if (sent >= 0) {
      this.#counters.txDatagrams += 1;
      return length;
    }
    if (sent === Status.Again) this.#counters.txNoMemory += 1;
    else {
      this.#counters.txRefused += 1;
      // An address that went away must not stay in the cache of an unconnected socket.
      if (flow !== socket.peer) forgetFlow(flow);
    }
    return sent;
  }

  /** Keeps an own multicast for local members, if there are any. */
  #loop(flow: IpFlow, frame: number, at: number, bytes: number, port: number): void {
    const { remote0, remote1, remote2, remote3 } = flow;
    let hasMember = false;
    for (let id = this.#demux.bound[port]!; id !== NIL && !hasMember;) {
      const socket = this.#sockets[id]!;
      hasMember = this.#memberships.has(socket, remote0, remote1, remote2, remote3);
      id = socket.next;
    }
    if (!hasMember) return;
    if (this.#looped.isFull) {
      this.#counters.loopedDropped += 1;
      return;
    }
    this.#arena.retain(frame);
    this.#looped.push(flow, frame, at, bytes);
  }
}
