// @hot
/**
 * IPv6 output: binds flows to next hops and writes headers (RFC 8200). Nothing is fragmented: what
 * passes the path MTU is refused, and 1280 bytes always pass.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import {
  checksumAdd,
  checksumFinish,
  checksumFold,
  checksumWord,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV6,
  ICMPV6_CHECKSUM_OFFSET,
  type IpFlow,
  IPV6_HEADER_BYTES,
  MAC_MULTICAST6_HIGH,
  macMulticast6Low,
  PROTOCOL_HOP_BY_HOP,
  PROTOCOL_ICMPV6,
  pseudoSum6,
} from '@tickwire/wire';
import { type Addresses6, isLinkLocal6, isLoopback6, isMulticast6 } from './addresses6.ts';
import type { LinkPort } from './link-port.ts';
import type { LoopedFrames } from './looped-frames.ts';
import type { Neighbours } from './neighbours.ts';
import type { PathMtus } from './path-mtu.ts';
import type { Routes } from './routes.ts';

/** `IpFlow.neighbour`: nothing bound. */
const UNBOUND = -1;
/** `IpFlow.neighbour`: the peer is this host. */
const LOOPED = -2;
/** `IpFlow.neighbour`: the MAC address follows from the group. */
const GROUP = -3;
/** Payload bytes at most: 16 bits, no jumbograms. */
const PAYLOAD_BYTES_MAX = 65_535;
/** Hop-by-hop header with router alert for MLD (RFC 2711; RFC 9777, 5). */
const ROUTER_ALERT_BYTES = 8;

/** The sending half of IPv6. */
export class Ipv6Output {
  readonly #port: LinkPort;
  readonly #addresses: Addresses6;
  readonly #routes: Routes;
  readonly #neighbours: Neighbours;
  readonly #pathMtus: PathMtus;
  readonly #looped: LoopedFrames;

  constructor(
    port: LinkPort,
    addresses: Addresses6,
    routes: Routes,
    neighbours: Neighbours,
    pathMtus: PathMtus,
    looped: LoopedFrames,
  ) {
    this.#port = port;
    this.#addresses = addresses;
    this.#routes = routes;
    this.#neighbours = neighbours;
    this.#pathMtus = pathMtus;
    this.#looped = looped;
  }

  /** See `IpOutput.bindFlow`. */
  bind(flow: IpFlow, nowNs: number): number {
    const { remote0, remote1, remote2, remote3 } = flow;
    const addresses = this.#addresses;
    flow.neighbour = UNBOUND;
    flow.family = 6;
    let neighbour = GROUP;
    let mtu = this.#port.mtu;
    const isLoopback = isLoopback6(remote0, remote1, remote2, remote3);
    if (isLoopback || addresses.isOwn(remote0, remote1, remote2, remote3)) {
      neighbour = LOOPED;
      mtu = IPV6_HEADER_BYTES + PAYLOAD_BYTES_MAX;
    } else if (!isMulticast6(remote0)) {
      if ((remote0 | remote1 | remote2) === 0) return Status.Unreachable;
      const routes = this.#routes;
      if (routes.lookup(remote0, remote1, remote2, remote3) !== Status.Ok) {
        return Status.Unreachable;
      }
      const { hop0, hop1, hop2, hop3 } = routes;
      neighbour = this.#neighbours.obtain(hop0, hop1, hop2, hop3, nowNs);
      if (neighbour < 0) return Status.Unreachable;
      mtu = this.#pathMtus.lookup(remote0, remote1, remote2, remote3);
    }
    if ((flow.local0 | flow.local1 | flow.local2 | flow.local3) === 0) {
      if (isLoopback) flow.local3 = 1;
      else {
        const row = addresses.sourceFor(remote0, remote1, remote2, remote3);
        if (row < 0) return Status.Unreachable;
        flow.local0 = addresses.words[row * 4]!;
        flow.local1 = addresses.words[row * 4 + 1]!;
        flow.local2 = addresses.words[row * 4 + 2]!;
        flow.local3 = addresses.words[row * 4 + 3]!;
      }
    }
    const { local0, local1, local2, local3 } = flow;
    const isOwn =
      addresses.isOwn(local0, local1, local2, local3) ||
      (neighbour === LOOPED && isLoopback6(local0, local1, local2, local3));
    if (!isOwn) return Status.Unreachable;
    // A link-local source means nothing beyond the link (RFC 4291, 2.5.6).
    const isOffLink = neighbour >= 0 && this.#routes.hop0 !== remote0;
    if (isOffLink && isLinkLocal6(local0)) return Status.Unreachable;
    flow.mtu = mtu;
    flow.addressSum = checksumFold(
      checksumFold(pseudoSum6(local0, local1, local2, local3, 0, 0, 0, 0, 0, 0)) +
        checksumWord(remote0) +
        checksumWord(remote1) +
        checksumWord(remote2) +
        checksumWord(remote3),
    );
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
        port.counters.ipv6NoRoute += 1;
        port.arena.free(frame);
        return bound;
      }
    }
    const total = IPV6_HEADER_BYTES + length;
    if (total > flow.mtu) {
      port.counters.ipv6TooLong += 1;
      port.arena.free(frame);
      return Status.TooLong;
    }
    const start = at - IPV6_HEADER_BYTES;
    const view = port.arena.view;
    view.setInt32(start, 0x60000000 | (flow.trafficClass << 20));
    view.setInt32(start + 4, (length << 16) | (protocol << 8) | flow.hopLimit);
    view.setInt32(start + 8, flow.local0);
    view.setInt32(start + 12, flow.local1);
    view.setInt32(start + 16, flow.local2);
    view.setInt32(start + 20, flow.local3);
    view.setInt32(start + 24, flow.remote0);
    view.setInt32(start + 28, flow.remote1);
    view.setInt32(start + 32, flow.remote2);
    view.setInt32(start + 36, flow.remote3);
    port.counters.ipv6Tx += 1;
    const linkAt = start - ETHERNET_HEADER_BYTES;
    const linkLength = total + ETHERNET_HEADER_BYTES;
    const checksumStart = checksumOffset < 0 ? 0 : at;
    const checksumAt = checksumOffset < 0 ? 0 : at + checksumOffset;
    const neighbour = flow.neighbour;
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
      if (this.#looped.push(frame, start, total)) return Status.Ok;
      port.counters.loopedDropped += 1;
      port.arena.free(frame);
      return Status.Again;
    }
    return port.transmit(
      frame,
      linkAt,
      linkLength,
      checksumStart,
      checksumAt,
      MAC_MULTICAST6_HIGH,
      macMulticast6Low(flow.remote3),
      ETHERTYPE_IPV6,
    );
  }

  /**
   * Sends an ICMPv6 message of the link itself (NDP, MLD) with its checksum: from an own row or,
   * with -1, from ::, without a flow. `routerAlert` puts a hop-by-hop header before it. Takes the
   * frame.
   */
  sendControl(
    row: number,
    dst0: number,
    dst1: number,
    dst2: number,
    dst3: number,
    hopLimit: number,
    routerAlert: boolean,
    frame: number,
    at: number,
    length: number,
    macHigh: number,
    macLow: number,
  ): number {
    const port = this.#port;
    const view = port.arena.view;
    const words = this.#addresses.words;
    const src0 = row < 0 ? 0 : words[row * 4]!;
    const src1 = row < 0 ? 0 : words[row * 4 + 1]!;
    const src2 = row < 0 ? 0 : words[row * 4 + 2]!;
    const src3 = row < 0 ? 0 : words[row * 4 + 3]!;
    const pseudo = pseudoSum6(
      src0,
      src1,
      src2,
      src3,
      dst0,
      dst1,
      dst2,
      dst3,
      PROTOCOL_ICMPV6,
      length,
    );
    view.setUint16(at + ICMPV6_CHECKSUM_OFFSET, 0);
    const sum = checksumAdd(view, at, length, pseudo);
    view.setUint16(at + ICMPV6_CHECKSUM_OFFSET, checksumFinish(sum));
    let from = at;
    let protocol = PROTOCOL_ICMPV6;
    if (routerAlert) {
      from -= ROUTER_ALERT_BYTES;
      // Next header, length 0, router alert (5, 2, MLD), PadN of two bytes.
      view.setInt32(from, (PROTOCOL_ICMPV6 << 24) | 0x0502);
      view.setInt32(from + 4, 0x0100);
      protocol = PROTOCOL_HOP_BY_HOP;
    }
    const payload = at + length - from;
    const start = from - IPV6_HEADER_BYTES;
    view.setInt32(start, 0x60000000);
    view.setInt32(start + 4, (payload << 16) | (protocol << 8) | hopLimit);
    view.setInt32(start + 8, src0);
    view.setInt32(start + 12, src1);
    view.setInt32(start + 16, src2);
    view.setInt32(start + 20, src3);
    view.setInt32(start + 24, dst0);
    view.setInt32(start + 28, dst1);
    view.setInt32(start + 32, dst2);
    view.setInt32(start + 36, dst3);
    port.counters.ipv6Tx += 1;
    return port.transmit(
      frame,
      start - ETHERNET_HEADER_BYTES,
      ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + payload,
      0,
      0,
      macHigh,
      macLow,
      ETHERTYPE_IPV6,
    );
  }
}
