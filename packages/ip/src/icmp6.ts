// @hot
/**
 * ICMPv6 (RFC 4443): answers pings, sends errors at a limited rate, turns errors about our own
 * packets into {@link IcmpError}, and hands NDP and MLD on. The IPv6 twin of `icmp4.ts`.
 *
 * @module
 */

import { NO_FRAME, Status } from '@tickwire/base';
import {
  checkIcmpv6Quote,
  checksumAdd,
  checksumFinish,
  checksumUpdate16,
  checkTransportChecksum,
  DSCP_MASK,
  emitIcmpv6,
  emitIcmpv6Error,
  ICMPV6_CHECKSUM_OFFSET,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_HEADER_BYTES,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_UNREACHABLE,
  ICMPV6_UNREACHABLE_ADDRESS,
  icmpv6Checksum,
  icmpv6Code,
  icmpv6Identifier,
  icmpv6IsError,
  icmpv6Mtu,
  icmpv6Sequence,
  icmpv6Type,
  IpFlow,
  type IpMeta,
  ipv6Dst,
  IPV6_HEADER_BYTES,
  IPV6_MTU_MIN,
  ipv6NextHeader,
  ipv6Src,
  LINK_UNICAST,
  NDP_REDIRECT,
  NDP_ROUTER_SOLICITATION,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  setIcmpv6Checksum,
  setIcmpv6Type,
  tcpDstPort,
  tcpSeq,
  tcpSrcPort,
  MLD_QUERY,
  MLD_V1_DONE,
  MLD_V2_REPORT,
} from '@tickwire/wire';
import { type Addresses6, isMulticast6 } from './addresses6.ts';
import type { EchoSink } from './icmp4.ts';
import { type IcmpError, IcmpErrorKind } from './icmp-error.ts';
import type { Ipv6Output } from './ipv6-output.ts';
import type { LinkPort } from './link-port.ts';
import { Verdict } from './link.ts';
import type { Mld } from './mld.ts';
import type { Ndp } from './ndp.ts';
import type { PathMtus } from './path-mtu.ts';
import type { TokenBucket } from './token-bucket.ts';

/** {@link IcmpErrorKind} of a received error, by type and code (RFC 4443, 3.1). */
function kindOf(type: number, code: number): number {
  if (type === ICMPV6_PACKET_TOO_BIG) return IcmpErrorKind.PacketTooBig;
  if (type === ICMPV6_TIME_EXCEEDED) return IcmpErrorKind.TimeExceeded;
  if (type === ICMPV6_PARAMETER_PROBLEM) return IcmpErrorKind.ParameterProblem;
  if (code === 4) return IcmpErrorKind.PortUnreachable;
  return code === 1 || code === 5 || code === 6
    ? IcmpErrorKind.Prohibited
    : IcmpErrorKind.HostUnreachable;
}

/** ICMPv6 of one link. */
export class Icmp6 {
  readonly #port: LinkPort;
  readonly #addresses: Addresses6;
  readonly #output: Ipv6Output;
  readonly #pathMtus: PathMtus;
  readonly #ndp: Ndp;
  readonly #mld: Mld;
  readonly #error: IcmpError;
  readonly #echoSink: EchoSink;
  readonly #errorBucket: TokenBucket;
  readonly #echoBucket: TokenBucket;
  readonly #answersEcho: boolean;
  /** For what we send on our own account; bound anew for each message. */
  readonly #flow: IpFlow = new IpFlow();

  constructor(
    port: LinkPort,
    addresses: Addresses6,
    output: Ipv6Output,
    pathMtus: PathMtus,
    ndp: Ndp,
    mld: Mld,
    error: IcmpError,
    echoSink: EchoSink,
    errorBucket: TokenBucket,
    echoBucket: TokenBucket,
    answersEcho: boolean,
  ) {
    this.#port = port;
    this.#addresses = addresses;
    this.#output = output;
    this.#pathMtus = pathMtus;
    this.#ndp = ndp;
    this.#mld = mld;
    this.#error = error;
    this.#echoSink = echoSink;
    this.#errorBucket = errorBucket;
    this.#echoBucket = echoBucket;
    this.#answersEcho = answersEcho;
  }

  /** Handles the message of `meta` and takes `meta.frame`. Returns a `Verdict`. */
  receive(meta: IpMeta, nowNs: number): number {
    const port = this.#port;
    const counters = port.counters;
    let verdict: number = Verdict.Consumed;
    counters.icmpRx += 1;
    // Devices vouch for TCP and UDP only.
    meta.verified = 0;
    if (meta.length < ICMPV6_HEADER_BYTES) counters.icmpv6Malformed += 1;
    else if (checkTransportChecksum(port.arena.view, meta) !== Status.Ok) {
      counters.icmpBadChecksum += 1;
    } else {
      const type = icmpv6Type(port.arena.view, meta.at);
      if (type === ICMPV6_ECHO_REQUEST) {
        this.#answerEcho(meta, nowNs);
        return Verdict.Consumed;
      }
      if (type === ICMPV6_ECHO_REPLY) this.#takeEchoReply(meta, nowNs);
      else if (icmpv6IsError(type)) verdict = this.#takeError(meta, nowNs);
      else if (type >= NDP_ROUTER_SOLICITATION && type <= NDP_REDIRECT) {
        this.#ndp.receive(meta, nowNs);
      } else if ((type >= MLD_QUERY && type <= MLD_V1_DONE) || type === MLD_V2_REPORT) {
        this.#mld.receive(meta, nowNs);
      } else counters.icmpIgnored += 1;
    }
    port.arena.free(meta.frame);
    return verdict;
  }

  /**
   * Sends an error about the packet at `headerAt` of `length` bytes, if one may be sent: never
   * about a packet that was not addressed to us alone unless `toMulticast` (RFC 4443, 2.4 e). The
   * caller knows that the packet is no ICMPv6 message: errors about those never arise here.
   */
  sendError(
    type: number,
    code: number,
    rest: number,
    headerAt: number,
    length: number,
    linkDst: number,
    toMulticast: boolean,
    nowNs: number,
  ): void {
    const port = this.#port;
    const view = port.arena.view;
    const isGroup = isMulticast6(ipv6Dst(view, headerAt, 0));
    if ((linkDst !== LINK_UNICAST || isGroup) && !toMulticast) return;
    if (!this.#errorBucket.take(nowNs)) {
      port.counters.icmpErrorsRateLimited += 1;
      return;
    }
    const frame = this.#alloc();
    if (frame === NO_FRAME) {
      port.counters.icmpNoMemory += 1;
      return;
    }
    const to = port.arena.dataAt[frame]!;
    const bytes = emitIcmpv6Error(view, to, type, code, rest, headerAt, length);
    const flow = this.#flow;
    flow.local0 = isGroup ? 0 : ipv6Dst(view, headerAt, 0);
    flow.local1 = isGroup ? 0 : ipv6Dst(view, headerAt, 1);
    flow.local2 = isGroup ? 0 : ipv6Dst(view, headerAt, 2);
    flow.local3 = isGroup ? 0 : ipv6Dst(view, headerAt, 3);
    flow.remote0 = ipv6Src(view, headerAt, 0);
    flow.remote1 = ipv6Src(view, headerAt, 1);
    flow.remote2 = ipv6Src(view, headerAt, 2);
    flow.remote3 = ipv6Src(view, headerAt, 3);
    flow.trafficClass = 0;
    if (this.#send(frame, to, bytes, true, nowNs) >= 0) port.counters.icmpErrorsTx += 1;
  }

  /** See `Ip.sendEcho`. */
  sendEcho(
    remote0: number,
    remote1: number,
    remote2: number,
    remote3: number,
    identifier: number,
    sequence: number,
    payload: Uint8Array,
    from: number,
    length: number,
    nowNs: number,
  ): number {
    const arena = this.#port.arena;
    if (length > arena.dataRoom - ICMPV6_HEADER_BYTES) return Status.TooLong;
    const frame = this.#alloc();
    if (frame === NO_FRAME) return Status.Again;
    const at = arena.dataAt[frame]!;
    emitIcmpv6(arena.view, at, ICMPV6_ECHO_REQUEST, 0, (identifier << 16) | (sequence & 0xffff));
    const to = at + ICMPV6_HEADER_BYTES;
    for (let i = 0; i < length; i += 1) arena.bytes[to + i] = payload[from + i]!;
    const flow = this.#flow;
    flow.local0 = 0;
    flow.local1 = 0;
    flow.local2 = 0;
    flow.local3 = 0;
    flow.remote0 = remote0;
    flow.remote1 = remote1;
    flow.remote2 = remote2;
    flow.remote3 = remote3;
    flow.trafficClass = 0;
    const result = this.#send(frame, at, ICMPV6_HEADER_BYTES + length, true, nowNs);
    if (result >= 0) this.#port.counters.icmpEchoRequestsTx += 1;
    return result;
  }

  /** As `Icmp4.describeUndelivered`. */
  describeUndelivered(at: number, length: number): boolean {
    if (!this.#readQuote(at, length)) return false;
    const error = this.#error;
    error.kind = IcmpErrorKind.HostUnreachable;
    error.isLocal = 1;
    error.type = ICMPV6_UNREACHABLE;
    error.code = ICMPV6_UNREACHABLE_ADDRESS;
    error.mtu = 0;
    return true;
  }

  #answerEcho(meta: IpMeta, nowNs: number): void {
    const port = this.#port;
    const arena = port.arena;
    const view = arena.view;
    port.counters.icmpEchoRequestsRx += 1;
    // RFC 4443, 4.2 asks for answers to multicast pings (SHOULD); silence is no amplifier.
    const isAnswered = this.#answersEcho && !isMulticast6(meta.dst0);
    if (!isAnswered || !this.#echoBucket.take(nowNs)) {
      port.counters.icmpEchoIgnored += 1;
      arena.free(meta.frame);
      return;
    }
    const length = meta.length;
    let frame = meta.frame;
    let at = meta.at;
    // With another holder of the frame the bytes are not ours to write: answer from a copy.
    if (arena.refCount(frame) > 1) {
      frame = length <= arena.dataRoom ? this.#alloc() : NO_FRAME;
      if (frame === NO_FRAME) {
        port.counters.icmpEchoIgnored += 1;
        arena.free(meta.frame);
        return;
      }
      at = arena.dataAt[frame]!;
      arena.bytes.copyWithin(at, meta.at, meta.at + length);
      arena.free(meta.frame);
    }
    // The pseudo header is the same with the addresses exchanged: only the type changes.
    const before = view.getUint16(at);
    const field = icmpv6Checksum(view, at);
    setIcmpv6Checksum(view, at, checksumUpdate16(field, before, ICMPV6_ECHO_REPLY << 8));
    setIcmpv6Type(view, at, ICMPV6_ECHO_REPLY, 0);
    const flow = this.#flow;
    flow.local0 = meta.dst0;
    flow.local1 = meta.dst1;
    flow.local2 = meta.dst2;
    flow.local3 = meta.dst3;
    flow.remote0 = meta.src0;
    flow.remote1 = meta.src1;
    flow.remote2 = meta.src2;
    flow.remote3 = meta.src3;
    flow.trafficClass = meta.trafficClass & DSCP_MASK;
    if (this.#send(frame, at, length, false, nowNs) >= 0) port.counters.icmpEchoRepliesTx += 1;
  }

  #takeEchoReply(meta: IpMeta, nowNs: number): void {
    const view = this.#port.arena.view;
    this.#port.counters.icmpEchoRepliesRx += 1;
    this.#echoSink.echoReply(
      icmpv6Identifier(view, meta.at),
      icmpv6Sequence(view, meta.at),
      meta.src0,
      meta.src1,
      meta.src2,
      meta.src3,
      meta.at + ICMPV6_HEADER_BYTES,
      meta.length - ICMPV6_HEADER_BYTES,
      nowNs,
    );
  }

  #takeError(meta: IpMeta, nowNs: number): number {
    const view = this.#port.arena.view;
    const counters = this.#port.counters;
    const error = this.#error;
    const quote = meta.at + ICMPV6_HEADER_BYTES;
    const isQuoted = checkIcmpv6Quote(view, meta.at, meta.length) === Status.Ok;
    if (!isQuoted || !this.#readQuote(quote, meta.length - ICMPV6_HEADER_BYTES)) {
      counters.icmpErrorsInvalid += 1;
      return Verdict.Consumed;
    }
    counters.icmpErrorsRx += 1;
    error.type = icmpv6Type(view, meta.at);
    error.code = icmpv6Code(view, meta.at);
    error.kind = kindOf(error.type, error.code);
    error.isLocal = 0;
    error.mtu = 0;
    if (error.kind === IcmpErrorKind.PacketTooBig) {
      const mtu = icmpv6Mtu(view, meta.at);
      // No path is narrower than 1280: such a claim is forged or broken (RFC 8201, 4).
      if (mtu < IPV6_MTU_MIN) {
        counters.icmpErrorsInvalid += 1;
        return Verdict.Consumed;
      }
      const { remote0, remote1, remote2, remote3 } = error;
      error.mtu = this.#pathMtus.claim(remote0, remote1, remote2, remote3, mtu, mtu);
      // TCP confirms first: `Ip.acceptTooBig`.
      if (error.protocol !== PROTOCOL_TCP) {
        this.#pathMtus.lower(remote0, remote1, remote2, remote3, error.mtu, nowNs);
      }
    }
    return Verdict.IcmpError;
  }

  /** Reads a TCP or UDP packet of ours of which `length` bytes lie at `at`; else false. */
  #readQuote(at: number, length: number): boolean {
    const view = this.#port.arena.view;
    if (length < IPV6_HEADER_BYTES + 8) return false;
    const protocol = ipv6NextHeader(view, at);
    if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return false;
    const error = this.#error;
    error.family = 6;
    error.protocol = protocol;
    error.local0 = ipv6Src(view, at, 0);
    error.local1 = ipv6Src(view, at, 1);
    error.local2 = ipv6Src(view, at, 2);
    error.local3 = ipv6Src(view, at, 3);
    error.remote0 = ipv6Dst(view, at, 0);
    error.remote1 = ipv6Dst(view, at, 1);
    error.remote2 = ipv6Dst(view, at, 2);
    error.remote3 = ipv6Dst(view, at, 3);
    error.localPort = tcpSrcPort(view, at + IPV6_HEADER_BYTES);
    error.remotePort = tcpDstPort(view, at + IPV6_HEADER_BYTES);
    error.tcpSequence = protocol === PROTOCOL_TCP ? tcpSeq(view, at + IPV6_HEADER_BYTES) : 0;
    const { local0, local1, local2, local3 } = error;
    return this.#addresses.isOwn(local0, local1, local2, local3) && !isMulticast6(error.remote0);
  }

  #alloc(): number {
    return this.#port.link.room() > 0 ? this.#port.arena.alloc() : NO_FRAME;
  }

  /** Sends a message to the flow's peer, filling its checksum if asked. Takes the frame. */
  #send(frame: number, at: number, length: number, fills: boolean, nowNs: number): number {
    const port = this.#port;
    const flow = this.#flow;
    const bound = this.#output.bind(flow, nowNs);
    if (bound < 0) {
      port.counters.ipv6NoRoute += 1;
      port.arena.free(frame);
      return bound;
    }
    if (fills) {
      const pseudo = flow.addressSum + PROTOCOL_ICMPV6 + length;
      port.arena.view.setUint16(at + ICMPV6_CHECKSUM_OFFSET, 0);
      const sum = checksumAdd(port.arena.view, at, length, pseudo);
      port.arena.view.setUint16(at + ICMPV6_CHECKSUM_OFFSET, checksumFinish(sum));
    }
    return this.#output.output(flow, PROTOCOL_ICMPV6, frame, at, length, -1, nowNs);
  }
}
