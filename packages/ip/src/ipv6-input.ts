// @hot
/**
 * IPv6 input (RFC 8200): checks, extension headers, and the transport checksum. Fragments are
 * dropped and counted: nothing that this stack speaks to sends them.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import {
  checkIpv6,
  checksumAdd,
  checksumFold,
  checksumSubtract,
  checkTransportChecksum,
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_UNREACHABLE,
  ICMPV6_UNREACHABLE_PORT,
  type IpMeta,
  ipv6Dst,
  IPV6_HEADER_BYTES,
  ipv6HopLimit,
  ipv6NextHeader,
  IPV6_NEXT_HEADER_OFFSET,
  ipv6PayloadLength,
  IPV6_PROBLEM_NEXT_HEADER,
  IPV6_PROBLEM_NONE,
  ipv6Src,
  ipv6TrafficClass,
  Ipv6Walk,
  LINK_UNICAST,
  PROTOCOL_FRAGMENT,
  PROTOCOL_ICMPV6,
  PROTOCOL_NONE,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_HEADER_BYTES,
  UDP_HEADER_BYTES,
  udpChecksum,
  udpLength,
  walkIpv6,
} from '@tickwire/wire';
import { type Addresses6, isLoopback6, isMulticast6 } from './addresses6.ts';
import type { Icmp6 } from './icmp6.ts';
import type { LinkPort } from './link-port.ts';
import { RX_BAD, RX_SUMMED, RX_VERIFIED, Verdict } from './link.ts';
import type { Mld } from './mld.ts';

/** The receiving half of IPv6. */
export class Ipv6Input {
  readonly #port: LinkPort;
  readonly #addresses: Addresses6;
  readonly #icmp: Icmp6;
  readonly #mld: Mld;
  readonly #meta: IpMeta;
  readonly #walk: Ipv6Walk = new Ipv6Walk();

  constructor(port: LinkPort, addresses: Addresses6, icmp: Icmp6, mld: Mld, meta: IpMeta) {
    this.#port = port;
    this.#addresses = addresses;
    this.#icmp = icmp;
    this.#mld = mld;
    this.#meta = meta;
  }

  /** As `Ipv4Input.receive`. */
  receive(
    frame: number,
    at: number,
    length: number,
    rxFlags: number,
    sum: number,
    linkDst: number,
    isLooped: boolean,
    nowNs: number,
  ): number {
    const port = this.#port;
    port.counters.ipv6Rx += 1;
    if (!this.#isForUs(at, length, linkDst, isLooped)) {
      port.arena.free(frame);
      return Verdict.Consumed;
    }
    const view = port.arena.view;
    const meta = this.#meta;
    const payload = ipv6PayloadLength(view, at);
    meta.family = 6;
    meta.trafficClass = ipv6TrafficClass(view, at);
    meta.hopLimit = ipv6HopLimit(view, at);
    meta.headerAt = at;
    meta.frame = frame;
    meta.linkDst = linkDst;
    if (!this.#walks(meta, payload, nowNs)) {
      port.arena.free(frame);
      return Verdict.Consumed;
    }
    // What the device summed covers the headers before the transport too: take them away. Bytes
    // behind the packet make the sum useless.
    meta.sum = -1;
    if ((rxFlags & RX_SUMMED) !== 0 && length === IPV6_HEADER_BYTES + payload) {
      const headers = checksumFold(checksumAdd(view, at, meta.at - at, 0));
      meta.sum = checksumSubtract(sum, headers);
    }
    meta.verified = (rxFlags & RX_VERIFIED) !== 0 ? 1 : 0;
    if ((rxFlags & RX_BAD) !== 0) {
      port.counters.checksumDeviceBad += 1;
      meta.verified = 0;
    }
    return this.#deliver(meta, nowNs);
  }

  /** Answers port unreachable about the datagram of `meta`. */
  portUnreachable(meta: IpMeta, nowNs: number): void {
    this.#icmp.sendError(
      ICMPV6_UNREACHABLE,
      ICMPV6_UNREACHABLE_PORT,
      0,
      meta.headerAt,
      meta.at + meta.length - meta.headerAt,
      meta.linkDst,
      false,
      nowNs,
    );
  }

  #isForUs(at: number, length: number, linkDst: number, isLooped: boolean): boolean {
    const view = this.#port.arena.view;
    const counters = this.#port.counters;
    const meta = this.#meta;
    if (checkIpv6(view, at, length) !== Status.Ok) {
      counters.ipv6Malformed += 1;
      return false;
    }
    meta.src0 = ipv6Src(view, at, 0);
    meta.src1 = ipv6Src(view, at, 1);
    meta.src2 = ipv6Src(view, at, 2);
    meta.src3 = ipv6Src(view, at, 3);
    meta.dst0 = ipv6Dst(view, at, 0);
    meta.dst1 = ipv6Dst(view, at, 1);
    meta.dst2 = ipv6Dst(view, at, 2);
    meta.dst3 = ipv6Dst(view, at, 3);
    if (isLooped) return true;
    const { src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = meta;
    // No multicast source, no loopback on the wire, no IPv4-mapped address (RFC 4291, 2.5.3 and
    // 2.7; RFC 6890), and nobody else speaks from our addresses.
    const isMartian =
      isMulticast6(src0) ||
      isLoopback6(src0, src1, src2, src3) ||
      isLoopback6(dst0, dst1, dst2, dst3) ||
      (src0 === 0 && src1 === 0 && src2 === 0xffff) ||
      (dst0 === 0 && dst1 === 0 && dst2 === 0xffff) ||
      this.#addresses.isOwn(src0, src1, src2, src3);
    if (isMartian) {
      counters.ipv6Martian += 1;
      return false;
    }
    if (isMulticast6(dst0)) {
      if (this.#mld.isMember(dst0, dst1, dst2, dst3)) return true;
    } else if (linkDst === LINK_UNICAST && this.#addresses.isOwn(dst0, dst1, dst2, dst3)) {
      return true;
    }
    counters.ipv6NotForUs += 1;
    return false;
  }

  /** Follows the extension headers and fills the transport fields of `meta`. */
  #walks(meta: IpMeta, payload: number, nowNs: number): boolean {
    const port = this.#port;
    const walk = this.#walk;
    const at = meta.headerAt;
    const status = walkIpv6(
      port.arena.view,
      ipv6NextHeader(port.arena.view, at),
      at + IPV6_NEXT_HEADER_OFFSET,
      at + IPV6_HEADER_BYTES,
      payload,
      true,
      walk,
    );
    meta.protocol = walk.protocol;
    meta.at = walk.at;
    meta.length = walk.length;
    if (status !== Status.Ok) {
      port.counters.ipv6BadExtension += 1;
      if (walk.problem !== IPV6_PROBLEM_NONE) {
        this.#parameterProblem(meta, walk.problem, walk.problemAt, walk.problemToMulticast, nowNs);
      }
      return false;
    }
    if (walk.protocol === PROTOCOL_FRAGMENT) {
      port.counters.ipv6Fragments += 1;
      return false;
    }
    return true;
  }

  #parameterProblem(
    meta: IpMeta,
    code: number,
    pointer: number,
    toMulticast: number,
    nowNs: number,
  ): void {
    this.#icmp.sendError(
      ICMPV6_PARAMETER_PROBLEM,
      code,
      pointer - meta.headerAt,
      meta.headerAt,
      meta.at + meta.length - meta.headerAt,
      meta.linkDst,
      toMulticast === 1,
      nowNs,
    );
  }

  #deliver(meta: IpMeta, nowNs: number): number {
    const port = this.#port;
    const protocol = meta.protocol;
    if (protocol === PROTOCOL_TCP) {
      if (this.#acceptsTcp(meta)) return Verdict.Tcp;
    } else if (protocol === PROTOCOL_UDP) {
      if (this.#acceptsUdp(meta)) return Verdict.Udp;
    } else if (protocol === PROTOCOL_ICMPV6) {
      return this.#icmp.receive(meta, nowNs);
    } else if (protocol !== PROTOCOL_NONE) {
      port.counters.ipv6UnknownProtocol += 1;
      const pointer = this.#walk.nextHeaderAt;
      this.#parameterProblem(meta, IPV6_PROBLEM_NEXT_HEADER, pointer, 0, nowNs);
    }
    port.arena.free(meta.frame);
    return Verdict.Consumed;
  }

  #acceptsTcp(meta: IpMeta): boolean {
    const counters = this.#port.counters;
    if (meta.length < TCP_HEADER_BYTES || isMulticast6(meta.dst0)) {
      counters.tcpDropped += 1;
      return false;
    }
    if (this.#isIntact(meta)) return true;
    counters.tcpBadChecksum += 1;
    return false;
  }

  #acceptsUdp(meta: IpMeta): boolean {
    const counters = this.#port.counters;
    const view = this.#port.arena.view;
    const bytes = meta.length < UDP_HEADER_BYTES ? 0 : udpLength(view, meta.at);
    if (bytes < UDP_HEADER_BYTES || bytes > meta.length) {
      counters.udpMalformed += 1;
      return false;
    }
    if (bytes !== meta.length) {
      meta.length = bytes;
      meta.sum = -1;
    }
    // Without a checksum nothing protects the addresses (RFC 8200, 8.1).
    const isPresent = meta.verified === 1 || udpChecksum(view, meta.at) !== 0;
    if (isPresent && this.#isIntact(meta)) return true;
    counters.udpBadChecksum += 1;
    return false;
  }

  #isIntact(meta: IpMeta): boolean {
    const counters = this.#port.counters;
    if (meta.verified === 1) counters.checksumVerified += 1;
    else if (meta.sum >= 0) counters.checksumSummed += 1;
    else counters.checksumComputed += 1;
    return checkTransportChecksum(this.#port.arena.view, meta) === Status.Ok;
  }
}
