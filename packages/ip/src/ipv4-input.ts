// @hot
/**
 * IPv4 input: every check a host owes (RFC 1122, 3.2.1), reassembly, and the transport checksum,
 * which is verified here and nowhere else.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import {
  checkIpv4,
  checkTransportChecksum,
  ICMP_PARAMETER_PROBLEM,
  ICMP_UNREACHABLE,
  ICMP_UNREACHABLE_PORT,
  ICMP_UNREACHABLE_PROTOCOL,
  type IpMeta,
  ipv4ChecksumOk,
  ipv4Dst,
  ipv4HeaderLength,
  ipv4IsFragment,
  ipv4Options,
  ipv4Protocol,
  ipv4Src,
  ipv4TotalLength,
  ipv4TrafficClass,
  ipv4Ttl,
  IPV4_HAS_SOURCE_ROUTE,
  IPV4_HEADER_BYTES,
  IPV4_MAPPED_WORD,
  LINK_UNICAST,
  PROTOCOL_ICMP,
  PROTOCOL_IGMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_HEADER_BYTES,
  UDP_HEADER_BYTES,
  udpChecksum,
  udpLength,
} from '@tickwire/wire';
import { type Addresses, isLoopback4, Scope } from './addresses.ts';
import type { Icmp4 } from './icmp4.ts';
import type { Igmp } from './igmp.ts';
import type { LinkPort } from './link-port.ts';
import { RX_BAD, RX_SUMMED, RX_VERIFIED, Verdict } from './link.ts';
import type { Reassembly } from './reassembly.ts';

/** The receiving half of IPv4. */
export class Ipv4Input {
  readonly #port: LinkPort;
  readonly #addresses: Addresses;
  readonly #reassembly: Reassembly;
  readonly #icmp: Icmp4;
  readonly #igmp: Igmp;
  readonly #meta: IpMeta;

  constructor(
    port: LinkPort,
    addresses: Addresses,
    reassembly: Reassembly,
    icmp: Icmp4,
    igmp: Igmp,
    meta: IpMeta,
  ) {
    this.#port = port;
    this.#addresses = addresses;
    this.#reassembly = reassembly;
    this.#icmp = icmp;
    this.#igmp = igmp;
    this.#meta = meta;
  }

  /**
   * Takes the packet at `at`; `length` bytes lie there, padding included. `sum` covers all of them
   * when `rxFlags` says so. `isLooped`: it comes from ourselves. Returns a `Verdict`; the frame is
   * taken unless it is `Tcp` or `Udp`.
   */
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
    const view = port.arena.view;
    port.counters.ipv4Rx += 1;
    if (!this.#isForUs(at, length, linkDst, isLooped)) {
      port.arena.free(frame);
      return Verdict.Consumed;
    }
    if (
      ipv4HeaderLength(view, at) !== IPV4_HEADER_BYTES &&
      !this.#optionsPass(at, linkDst, nowNs)
    ) {
      port.arena.free(frame);
      return Verdict.Consumed;
    }
    const meta = this.#meta;
    meta.linkDst = linkDst;
    if (ipv4IsFragment(view, at)) {
      const added = this.#reassembly.add(at, nowNs);
      port.arena.free(frame);
      if (added !== Status.Ok) return Verdict.Consumed;
      return this.#deliver(this.#reassembly.frame, this.#reassembly.headerAt, 0, -1, nowNs);
    }
    // The header sums to 0xffff, which is zero: the sum over header and payload is that of the
    // payload. Bytes behind the packet (Ethernet padding) would count too: then sum here.
    const isSummed = (rxFlags & RX_SUMMED) !== 0 && length === ipv4TotalLength(view, at);
    let verified = (rxFlags & RX_VERIFIED) !== 0 ? 1 : 0;
    if ((rxFlags & RX_BAD) !== 0) {
      // Hardware is known to misjudge absent UDP checksums and options: software decides.
      port.counters.checksumDeviceBad += 1;
      verified = 0;
    }
    return this.#deliver(frame, at, verified, isSummed ? sum : -1, nowNs);
  }

  /** Answers port unreachable about the datagram of `meta`. */
  portUnreachable(meta: IpMeta, nowNs: number): void {
    const length = meta.at + meta.length - meta.headerAt;
    this.#icmp.sendError(
      ICMP_UNREACHABLE,
      ICMP_UNREACHABLE_PORT,
      0,
      meta.headerAt,
      length,
      meta.linkDst,
      nowNs,
    );
  }

  #isForUs(at: number, length: number, linkDst: number, isLooped: boolean): boolean {
    const view = this.#port.arena.view;
    const counters = this.#port.counters;
    const addresses = this.#addresses;
    if (checkIpv4(view, at, length) !== Status.Ok) {
      counters.ipv4Malformed += 1;
      return false;
    }
    if (!ipv4ChecksumOk(view, at)) {
      counters.ipv4BadHeaderChecksum += 1;
      return false;
    }
    if (isLooped) return true;
    const source = ipv4Src(view, at);
    const destination = ipv4Dst(view, at);
    if (addresses.isMartianSource(source) || isLoopback4(destination)) {
      // Switches that snoop ask for memberships from 0.0.0.0 (RFC 4541, 2.1.1).
      if (source !== 0 || ipv4Protocol(view, at) !== PROTOCOL_IGMP) {
        counters.ipv4Martian += 1;
        return false;
      }
    }
    const scope = addresses.scopeOf(destination);
    if (scope === Scope.Own) {
      if (linkDst === LINK_UNICAST) return true;
      counters.ipv4LinkMismatch += 1;
      return false;
    }
    if (scope === Scope.Broadcast) return true;
    if (scope === Scope.Multicast && this.#igmp.isMember(destination)) return true;
    counters.ipv4NotForUs += 1;
    return false;
  }

  #optionsPass(at: number, linkDst: number, nowNs: number): boolean {
    const view = this.#port.arena.view;
    const options = ipv4Options(view, at);
    if (options < 0) {
      this.#port.counters.ipv4BadOptions += 1;
      const length = ipv4TotalLength(view, at);
      const pointer = IPV4_HEADER_BYTES << 24;
      this.#icmp.sendError(ICMP_PARAMETER_PROBLEM, 0, pointer, at, length, linkDst, nowNs);
      return false;
    }
    if ((options & IPV4_HAS_SOURCE_ROUTE) !== 0) {
      this.#port.counters.ipv4SourceRoute += 1;
      return false;
    }
    return true;
  }

  /** Fills `meta` from the checked header at `at` and hands the packet on. Takes the frame. */
  #deliver(frame: number, at: number, verified: number, sum: number, nowNs: number): number {
    const port = this.#port;
    const view = port.arena.view;
    const meta = this.#meta;
    const headerBytes = ipv4HeaderLength(view, at);
    const protocol = ipv4Protocol(view, at);
    meta.family = 4;
    meta.src0 = 0;
    meta.src1 = 0;
    meta.src2 = IPV4_MAPPED_WORD;
    meta.src3 = ipv4Src(view, at);
    meta.dst0 = 0;
    meta.dst1 = 0;
    meta.dst2 = IPV4_MAPPED_WORD;
    meta.dst3 = ipv4Dst(view, at);
    meta.protocol = protocol;
    meta.trafficClass = ipv4TrafficClass(view, at);
    meta.hopLimit = ipv4Ttl(view, at);
    meta.headerAt = at;
    meta.at = at + headerBytes;
    meta.length = ipv4TotalLength(view, at) - headerBytes;
    meta.frame = frame;
    meta.sum = sum;
    meta.verified = verified;
    if (protocol === PROTOCOL_TCP) {
      if (this.#acceptsTcp(meta)) return Verdict.Tcp;
    } else if (protocol === PROTOCOL_UDP) {
      if (this.#acceptsUdp(meta)) return Verdict.Udp;
    } else if (protocol === PROTOCOL_ICMP) {
      return this.#icmp.receive(meta, nowNs);
    } else if (protocol === PROTOCOL_IGMP) {
      this.#igmp.receive(meta, nowNs);
    } else {
      port.counters.ipv4UnknownProtocol += 1;
      this.#icmp.sendError(
        ICMP_UNREACHABLE,
        ICMP_UNREACHABLE_PROTOCOL,
        0,
        at,
        headerBytes + meta.length,
        meta.linkDst,
        nowNs,
      );
    }
    port.arena.free(frame);
    return Verdict.Consumed;
  }

  #acceptsTcp(meta: IpMeta): boolean {
    const counters = this.#port.counters;
    const scope = this.#addresses.scopeOf(meta.dst3);
    if (meta.length < TCP_HEADER_BYTES || scope === Scope.Multicast || scope === Scope.Broadcast) {
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
      // What lies behind the datagram is not covered by its checksum (RFC 768).
      meta.length = bytes;
      meta.sum = -1;
    }
    if (udpChecksum(view, meta.at) === 0 || this.#isIntact(meta)) return true;
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
