// @hot
/**
 * IPv4 output: binds flows to next hops, writes headers, fragments, loops.
 *
 * The header is five 32-bit stores, and its checksum is arithmetic on what is stored: the addresses
 * enter as `flow.addressSum`, computed once per flow.
 *
 * @module
 */

import { halfSipHash, NO_FRAME, type Prng, Status } from '@tickwire/base';
import {
  checksumAdd,
  checksumFinish,
  checksumFinishUdp,
  checksumFold,
  checksumWord,
  emitIpv4,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  type IpFlow,
  IPV4_DONT_FRAGMENT,
  IPV4_HEADER_BYTES,
  IPV4_MAPPED_WORD,
  IPV4_MORE_FRAGMENTS,
  IPV4_ROUTER_ALERT,
  MAC_BROADCAST_HIGH,
  MAC_BROADCAST_LOW,
  MAC_MULTICAST4_HIGH,
  macMulticast4Low,
  PROTOCOL_IGMP,
  PROTOCOL_UDP,
} from '@tickwire/wire';
import { type Addresses, isLoopback4, Scope } from './addresses.ts';
import type { LinkPort } from './link-port.ts';
import { LoopedFrames } from './looped-frames.ts';
import type { Neighbours } from './neighbours.ts';
import { PATH_MTU_FLOOR, type PathMtus } from './path-mtu.ts';
import type { Routes } from './routes.ts';

/** `IpFlow.neighbour`: nothing bound. */
const UNBOUND = -1;
/** `IpFlow.neighbour`: the peer is this host. */
const LOOPED = -2;
/** `IpFlow.neighbour`: the MAC address follows from the group. */
const GROUP = -3;
/** `IpFlow.neighbour`: ff:ff:ff:ff:ff:ff. */
const BROADCAST = -4;

/** Largest IPv4 packet: the total length field has 16 bits. */
const IPV4_PACKET_BYTES_MAX = 65_535;
/** Fragments of the largest datagram over the smallest estimate, and a little. */
const FRAGMENTS_MAX = 128;
/** Identification counters (RFC 7739, 5.3: hashed by destination, so that no one sees a global). */
const IDENTIFICATIONS = 1024;
/** Internetwork control: the precedence of IGMP (RFC 9776, 4). */
const CONTROL_TRAFFIC_CLASS = 0xc0;

/** The sending half of IPv4. */
export class Ipv4Output {
  /** Packets to ourselves. */
  readonly looped: LoopedFrames;

  readonly #port: LinkPort;
  readonly #addresses: Addresses;
  readonly #routes: Routes;
  readonly #neighbours: Neighbours;
  readonly #pathMtus: PathMtus;
  readonly #identifications: Uint16Array = new Uint16Array(IDENTIFICATIONS);
  readonly #k0: number;
  readonly #k1: number;
  readonly #key: Int32Array = new Int32Array(3);
  readonly #fragments: Int32Array = new Int32Array(FRAGMENTS_MAX);

  constructor(
    port: LinkPort,
    addresses: Addresses,
    routes: Routes,
    neighbours: Neighbours,
    pathMtus: PathMtus,
    loopedFrames: number,
    random: Prng,
  ) {
    this.#port = port;
    this.#addresses = addresses;
    this.#routes = routes;
    this.#neighbours = neighbours;
    this.#pathMtus = pathMtus;
    this.looped = new LoopedFrames(loopedFrames);
    this.#k0 = random.nextUint32() | 0;
    this.#k1 = random.nextUint32() | 0;
    for (let i = 0; i < IDENTIFICATIONS; i += 1) this.#identifications[i] = random.nextUint32();
  }

  /** See `IpOutput.bindFlow`. */
  bind(flow: IpFlow, nowNs: number): number {
    const remote = flow.remote3;
    flow.neighbour = UNBOUND;
    if (flow.remote0 !== 0 || flow.remote1 !== 0 || flow.remote2 !== IPV4_MAPPED_WORD) {
      return Status.Unreachable;
    }
    flow.family = 4;
    const addresses = this.#addresses;
    const scope = addresses.scopeOf(remote);
    let local = flow.local2 === IPV4_MAPPED_WORD ? flow.local3 : 0;
    let neighbour: number;
    let mtu = this.#port.mtu;
    if (scope === Scope.Own || isLoopback4(remote)) {
      neighbour = LOOPED;
      mtu = IPV4_PACKET_BYTES_MAX;
      if (local === 0) local = remote;
    } else if (scope === Scope.Multicast || scope === Scope.Broadcast) {
      neighbour = scope === Scope.Multicast ? GROUP : BROADCAST;
      if (local === 0) local = addresses.sourceFor(remote);
    } else {
      // 0/8 and class E are nobody's address (RFC 1122, 3.2.1.3).
      if (remote >>> 24 === 0 || remote >>> 28 === 15) return Status.Unreachable;
      const routes = this.#routes;
      if (routes.lookup(0, 0, IPV4_MAPPED_WORD, remote) !== Status.Ok) return Status.Unreachable;
      if (local === 0) local = addresses.sourceFor(routes.hop3);
      neighbour = this.#neighbours.obtain(
        routes.hop0,
        routes.hop1,
        routes.hop2,
        routes.hop3,
        nowNs,
      );
      if (neighbour < 0) return Status.Unreachable;
      mtu = this.#pathMtus.lookup(0, 0, IPV4_MAPPED_WORD, remote);
    }
    // A source that is not ours any more, or loopback towards the wire (RFC 1122, 3.2.1.3 g).
    if (addresses.rowOf(local) < 0 && !(neighbour === LOOPED && isLoopback4(local))) {
      return Status.Unreachable;
    }
    flow.local0 = 0;
    flow.local1 = 0;
    flow.local2 = IPV4_MAPPED_WORD;
    flow.local3 = local;
    flow.mtu = mtu;
    flow.addressSum = checksumFold(checksumWord(local) + checksumWord(remote));
    flow.neighbour = neighbour;
    flow.neighbourVersion = this.#port.version;
    return Status.Ok;
  }

  /** See `IpOutput.output`. */
  output(
    flow: IpFlow,
    protocol: number,
    frame: number,
    at: number,
    length: number,
    checksumOffset: number,
    nowNs: number,
  ): number {
    const port = this.#port;
    if (flow.neighbour === UNBOUND || flow.neighbourVersion !== port.version) {
      const bound = this.bind(flow, nowNs);
      if (bound < 0) {
        port.counters.ipv4NoRoute += 1;
        port.arena.free(frame);
        return bound;
      }
    }
    const total = IPV4_HEADER_BYTES + length;
    if (total > flow.mtu) {
      return this.#fragment(flow, protocol, frame, at, length, checksumOffset, nowNs);
    }
    let identification = 0;
    let fragment = IPV4_DONT_FRAGMENT;
    // Without DF the datagram may be fragmented on the way: only then does it need an
    // identification of its own (RFC 6864, 4).
    if (flow.dontFragment === 0 || flow.mtu <= PATH_MTU_FLOOR) {
      identification = this.#nextIdentification(flow.local3, flow.remote3, protocol);
      fragment = 0;
    }
    this.#emit(flow, protocol, at, total, identification, fragment);
    const checksumStart = checksumOffset < 0 ? 0 : at;
    const checksumAt = checksumOffset < 0 ? 0 : at + checksumOffset;
    return this.#send(flow, frame, at, total, checksumStart, checksumAt, nowNs);
  }

  /**
   * Sends an IGMP message of `length` bytes at `at` to a group: TTL 1, router alert (RFC 9776, 4).
   * Takes the reference. The source may be 0.0.0.0 when we have no address (RFC 9776, 4.2.13).
   */
  sendIgmp(group: number, frame: number, at: number, length: number): number {
    const port = this.#port;
    const view = port.arena.view;
    const header = IPV4_HEADER_BYTES + 4;
    const start = at - header;
    view.setInt32(start + IPV4_HEADER_BYTES, IPV4_ROUTER_ALERT);
    emitIpv4(
      view,
      start,
      header,
      CONTROL_TRAFFIC_CLASS,
      header + length,
      0,
      IPV4_DONT_FRAGMENT,
      1,
      PROTOCOL_IGMP,
      this.#addresses.size > 0 ? this.#addresses.address[0]! : 0,
      group,
    );
    port.counters.ipv4Tx += 1;
    return port.transmit(
      frame,
      start - ETHERNET_HEADER_BYTES,
      ETHERNET_HEADER_BYTES + header + length,
      0,
      0,
      MAC_MULTICAST4_HIGH,
      macMulticast4Low(group),
      ETHERTYPE_IPV4,
    );
  }

  #emit(
    flow: IpFlow,
    protocol: number,
    at: number,
    total: number,
    identification: number,
    fragment: number,
  ): void {
    const view = this.#port.arena.view;
    const start = at - IPV4_HEADER_BYTES;
    const first = 0x4500 | flow.trafficClass;
    const life = (flow.hopLimit << 8) | protocol;
    const sum = first + total + identification + fragment + life + flow.addressSum;
    view.setInt32(start, (first << 16) | total);
    view.setInt32(start + 4, (identification << 16) | fragment);
    view.setInt32(start + 8, (life << 16) | checksumFinish(sum));
    view.setInt32(start + 12, flow.local3);
    view.setInt32(start + 16, flow.remote3);
  }

  /** Hands a complete packet to the next hop. `at` is that of the transport header. */
  #send(
    flow: IpFlow,
    frame: number,
    at: number,
    total: number,
    checksumStart: number,
    checksumAt: number,
    nowNs: number,
  ): number {
    const port = this.#port;
    const neighbour = flow.neighbour;
    const linkAt = at - IPV4_HEADER_BYTES - ETHERNET_HEADER_BYTES;
    const linkLength = total + ETHERNET_HEADER_BYTES;
    port.counters.ipv4Tx += 1;
    if (neighbour >= 0) {
      return this.#neighbours.send(
        neighbour,
        frame,
        linkAt,
        linkLength,
        checksumStart,
        checksumAt,
        nowNs,
      );
    }
    if (neighbour === LOOPED) {
      port.counters.looped += 1;
      if (this.looped.push(frame, at - IPV4_HEADER_BYTES, total)) return Status.Ok;
      port.counters.loopedDropped += 1;
      port.arena.free(frame);
      return Status.Again;
    }
    const isGroup = neighbour === GROUP;
    return port.transmit(
      frame,
      linkAt,
      linkLength,
      checksumStart,
      checksumAt,
      isGroup ? MAC_MULTICAST4_HIGH : MAC_BROADCAST_HIGH,
      isGroup ? macMulticast4Low(flow.remote3) : MAC_BROADCAST_LOW,
      ETHERTYPE_IPV4,
    );
  }

  /**
   * Sends a datagram in fragments (RFC 791, 3.2), each in a frame of its own; all or nothing as far
   * as memory and room go, because a datagram with a hole is worth nothing.
   */
  #fragment(
    flow: IpFlow,
    protocol: number,
    frame: number,
    at: number,
    length: number,
    checksumOffset: number,
    nowNs: number,
  ): number {
    const port = this.#port;
    const arena = port.arena;
    const piece = (flow.mtu - IPV4_HEADER_BYTES) & ~7;
    const count = Math.ceil(length / piece);
    const isAllowed = flow.dontFragment === 0 || flow.mtu <= PATH_MTU_FLOOR;
    if (!isAllowed || length > IPV4_PACKET_BYTES_MAX - IPV4_HEADER_BYTES || count > FRAGMENTS_MAX) {
      port.counters.ipv4TooLong += 1;
      arena.free(frame);
      return Status.TooLong;
    }
    if (!this.#allocFragments(count)) {
      port.counters.ipv4FragmentNoMemory += 1;
      arena.free(frame);
      return Status.Again;
    }
    // The device sums one frame at a time: a checksum over several must be complete before.
    if (checksumOffset >= 0) {
      const sum = checksumAdd(arena.view, at, length, 0);
      const value = protocol === PROTOCOL_UDP ? checksumFinishUdp(sum) : checksumFinish(sum);
      arena.view.setUint16(at + checksumOffset, value);
    }
    const identification = this.#nextIdentification(flow.local3, flow.remote3, protocol);
    let result: number = Status.Ok;
    for (let i = 0; i < count; i += 1) {
      const offset = i * piece;
      const bytes = offset + piece < length ? piece : length - offset;
      const more = offset + bytes < length ? IPV4_MORE_FRAGMENTS : 0;
      const part = this.#fragments[i]!;
      const to = arena.dataAt[part]!;
      arena.bytes.copyWithin(to, at + offset, at + offset + bytes);
      const total = IPV4_HEADER_BYTES + bytes;
      this.#emit(flow, protocol, to, total, identification, more | (offset >> 3));
      const sent = this.#send(flow, part, to, total, 0, 0, nowNs);
      if (sent < 0) result = sent;
      port.counters.ipv4FragmentsTx += 1;
    }
    port.counters.ipv4Fragmented += 1;
    arena.free(frame);
    return result;
  }

  #allocFragments(count: number): boolean {
    const arena = this.#port.arena;
    if (this.#port.link.room() < count) return false;
    for (let i = 0; i < count; i += 1) {
      const part = arena.alloc();
      if (part === NO_FRAME) {
        for (let j = 0; j < i; j += 1) arena.free(this.#fragments[j]!);
        return false;
      }
      this.#fragments[i] = part;
    }
    return true;
  }

  /** Unique per source, destination and protocol for 65,536 datagrams (RFC 791, 3.2). */
  #nextIdentification(source: number, destination: number, protocol: number): number {
    const key = this.#key;
    key[0] = source;
    key[1] = destination;
    key[2] = protocol;
    const slot = halfSipHash(this.#k0, this.#k1, key, 0, 3) & (IDENTIFICATIONS - 1);
    const value = this.#identifications[slot]!;
    this.#identifications[slot] = value + 1;
    return value;
  }
}
