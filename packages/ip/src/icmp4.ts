// @hot
/**
 * ICMP for IPv4: answers pings, sends errors at a limited rate, and turns errors about our own
 * packets into {@link IcmpError} (RFC 792, RFC 1122 3.2.2, RFC 1191, RFC 5927).
 *
 * @module
 */

import { NO_FRAME, Status } from '@tickwire/base';
import {
  CHECKSUM_GOOD,
  checkIcmpQuote,
  checksumAdd,
  checksumFold,
  checksumUpdate16,
  DSCP_MASK,
  emitIcmp,
  emitIcmpError,
  fillIcmpChecksum,
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_HEADER_BYTES,
  ICMP_PARAMETER_PROBLEM,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMP_UNREACHABLE_FRAGMENTATION,
  ICMP_UNREACHABLE_HOST,
  icmpChecksum,
  icmpCode,
  icmpIdentifier,
  icmpIsError,
  icmpMtu,
  icmpSequence,
  icmpType,
  IpFlow,
  type IpMeta,
  ipv4Dst,
  ipv4FragmentOffset,
  ipv4HeaderLength,
  ipv4Protocol,
  ipv4Src,
  ipv4TotalLength,
  IPV4_MAPPED_WORD,
  LINK_UNICAST,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  setIcmpChecksum,
  setIcmpType,
  tcpDstPort,
  tcpSeq,
  tcpSrcPort,
} from '@tickwire/wire';
import { type Addresses, isLoopback4, Scope } from './addresses.ts';
import { type IcmpError, IcmpErrorKind } from './icmp-error.ts';
import type { Ipv4Output } from './ipv4-output.ts';
import type { LinkPort } from './link-port.ts';
import { Verdict } from './link.ts';
import type { PathMtus } from './path-mtu.ts';
import { TokenBucket } from './token-bucket.ts';

/** Pings answered in one burst at most: a device burst and some. */
const ECHO_BURST = 256;

/** Told of replies to our pings. */
export interface EchoSink {
  echoReply(
    identifier: number,
    sequence: number,
    src0: number,
    src1: number,
    src2: number,
    src3: number,
    at: number,
    length: number,
    nowNs: number,
  ): void;
}

/** {@link IcmpErrorKind} of a received error, by type and code. */
function kindOf(type: number, code: number): number {
  if (type === ICMP_TIME_EXCEEDED) return IcmpErrorKind.TimeExceeded;
  if (type === ICMP_PARAMETER_PROBLEM) return IcmpErrorKind.ParameterProblem;
  switch (code) {
    case 2:
      return IcmpErrorKind.ProtocolUnreachable;
    case 3:
      return IcmpErrorKind.PortUnreachable;
    case ICMP_UNREACHABLE_FRAGMENTATION:
      return IcmpErrorKind.PacketTooBig;
    case 9:
    case 10:
    case 13:
    case 14:
    case 15:
      return IcmpErrorKind.Prohibited;
    default:
      return IcmpErrorKind.HostUnreachable;
  }
}

/** ICMPv4 of one link. */
export class Icmp4 {
  readonly #port: LinkPort;
  readonly #addresses: Addresses;
  readonly #output: Ipv4Output;
  readonly #pathMtus: PathMtus;
  readonly #error: IcmpError;
  readonly #echoSink: EchoSink;
  readonly #errorBucket: TokenBucket;
  readonly #echoBucket: TokenBucket;
  readonly #answersEcho: boolean;
  /** For what we send on our own account; bound anew for each message. */
  readonly #flow: IpFlow = new IpFlow();

  constructor(
    port: LinkPort,
    addresses: Addresses,
    output: Ipv4Output,
    pathMtus: PathMtus,
    error: IcmpError,
    echoSink: EchoSink,
    errorsPerSecond: number,
    errorBurst: number,
    echoesPerSecond: number,
    answersEcho: boolean,
    nowNs: number,
  ) {
    this.#port = port;
    this.#addresses = addresses;
    this.#output = output;
    this.#pathMtus = pathMtus;
    this.#error = error;
    this.#echoSink = echoSink;
    this.#errorBucket = new TokenBucket(errorsPerSecond, errorBurst, nowNs);
    this.#echoBucket = new TokenBucket(echoesPerSecond, ECHO_BURST, nowNs);
    this.#answersEcho = answersEcho;
    this.#flow.dontFragment = 0;
  }

  /** Handles the message of `meta` and takes `meta.frame`. Returns a `Verdict`. */
  receive(meta: IpMeta, nowNs: number): number {
    const port = this.#port;
    const counters = port.counters;
    const view = port.arena.view;
    let verdict: number = Verdict.Consumed;
    counters.icmpRx += 1;
    if (meta.length < ICMP_HEADER_BYTES) counters.icmpMalformed += 1;
    else if (!this.#isIntact(meta)) counters.icmpBadChecksum += 1;
    else {
      const type = icmpType(view, meta.at);
      if (type === ICMP_ECHO_REQUEST) {
        this.#answerEcho(meta, nowNs);
        return Verdict.Consumed;
      }
      if (type === ICMP_ECHO_REPLY) this.#takeEchoReply(meta, nowNs);
      else if (
        type === ICMP_UNREACHABLE ||
        type === ICMP_TIME_EXCEEDED ||
        type === ICMP_PARAMETER_PROBLEM
      ) {
        verdict = this.#takeError(meta, nowNs);
      } else counters.icmpIgnored += 1;
    }
    port.arena.free(meta.frame);
    return verdict;
  }

  /**
   * Sends an error about the packet at `headerAt` of `length` bytes (as many as lie there), if one
   * may be sent: never about an error, a fragment other than the first, or a packet that was not
   * addressed to us alone (RFC 1122, 3.2.2). The packet's source has been checked. `rest` is the
   * second word.
   */
  sendError(
    type: number,
    code: number,
    rest: number,
    headerAt: number,
    length: number,
    linkDst: number,
    nowNs: number,
  ): void {
    const port = this.#port;
    const view = port.arena.view;
    const destination = ipv4Dst(view, headerAt);
    if (linkDst !== LINK_UNICAST || ipv4FragmentOffset(view, headerAt) !== 0) return;
    const isOurs = this.#addresses.rowOf(destination) >= 0 || isLoopback4(destination);
    if (!isOurs) return;
    const headerBytes = ipv4HeaderLength(view, headerAt);
    if (ipv4Protocol(view, headerAt) === PROTOCOL_ICMP) {
      const isReadable = length > headerBytes;
      if (!isReadable || icmpIsError(icmpType(view, headerAt + headerBytes))) return;
    }
    if (!this.#errorBucket.take(nowNs)) {
      port.counters.icmpErrorsRateLimited += 1;
      return;
    }
    const frame = this.#alloc();
    if (frame === NO_FRAME) {
      port.counters.icmpNoMemory += 1;
      return;
    }
    const at = port.arena.dataAt[frame]!;
    const bytes = emitIcmpError(view, at, type, code, rest, headerAt, length);
    if (this.#send(destination, ipv4Src(view, headerAt), 0, frame, at, bytes, nowNs) >= 0) {
      port.counters.icmpErrorsTx += 1;
    }
  }

  /** See `Ip.sendEcho`. */
  sendEcho(
    remote: number,
    identifier: number,
    sequence: number,
    payload: Uint8Array,
    from: number,
    length: number,
    nowNs: number,
  ): number {
    const arena = this.#port.arena;
    if (length > arena.dataRoom - ICMP_HEADER_BYTES) return Status.TooLong;
    const frame = this.#alloc();
    if (frame === NO_FRAME) return Status.Again;
    const at = arena.dataAt[frame]!;
    emitIcmp(arena.view, at, ICMP_ECHO_REQUEST, 0, (identifier << 16) | (sequence & 0xffff));
    const to = at + ICMP_HEADER_BYTES;
    for (let i = 0; i < length; i += 1) arena.bytes[to + i] = payload[from + i]!;
    fillIcmpChecksum(arena.view, at, ICMP_HEADER_BYTES + length);
    const result = this.#send(0, remote, 0, frame, at, ICMP_HEADER_BYTES + length, nowNs);
    if (result >= 0) this.#port.counters.icmpEchoRequestsTx += 1;
    return result;
  }

  /**
   * Fills the error for the packet of ours whose IP header lies at `at`, as if host unreachable had
   * come back. False when it is not about a transport that wants to know.
   */
  describeUndelivered(at: number, length: number): boolean {
    if (!this.#readQuote(at, length)) return false;
    const error = this.#error;
    error.kind = IcmpErrorKind.HostUnreachable;
    error.isLocal = 1;
    error.type = ICMP_UNREACHABLE;
    error.code = ICMP_UNREACHABLE_HOST;
    error.mtu = 0;
    return error.protocol === PROTOCOL_TCP || error.protocol === PROTOCOL_UDP;
  }

  #isIntact(meta: IpMeta): boolean {
    // Devices vouch for TCP and UDP only.
    if (meta.sum >= 0) return checksumFold(meta.sum) === CHECKSUM_GOOD;
    const sum = checksumAdd(this.#port.arena.view, meta.at, meta.length, 0);
    return checksumFold(sum) === CHECKSUM_GOOD;
  }

  #answerEcho(meta: IpMeta, nowNs: number): void {
    const port = this.#port;
    const arena = port.arena;
    const view = arena.view;
    port.counters.icmpEchoRequestsRx += 1;
    const destination = meta.dst3;
    // A broadcast ping is answered by nobody (RFC 1122, 3.2.2.6 allows silence): smurf attacks.
    const isOurs = this.#addresses.scopeOf(destination) === Scope.Own || isLoopback4(destination);
    if (!this.#answersEcho || !isOurs || !this.#echoBucket.take(nowNs)) {
      port.counters.icmpEchoIgnored += 1;
      arena.free(meta.frame);
      return;
    }
    const trafficClass = meta.trafficClass & DSCP_MASK;
    const source = meta.src3;
    const length = meta.length;
    let frame = meta.frame;
    let at = meta.at;
    // With another holder of the frame (a peer over crossed rings, a capture) the bytes are not
    // ours to write: answer from a copy.
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
    // Type and code are one 16-bit word of the sum (RFC 1624).
    const before = view.getUint16(at);
    setIcmpChecksum(view, at, checksumUpdate16(icmpChecksum(view, at), before, 0));
    setIcmpType(view, at, ICMP_ECHO_REPLY, 0);
    if (this.#send(destination, source, trafficClass, frame, at, length, nowNs) >= 0) {
      port.counters.icmpEchoRepliesTx += 1;
    }
  }

  #takeEchoReply(meta: IpMeta, nowNs: number): void {
    const view = this.#port.arena.view;
    this.#port.counters.icmpEchoRepliesRx += 1;
    this.#echoSink.echoReply(
      icmpIdentifier(view, meta.at),
      icmpSequence(view, meta.at),
      meta.src0,
      meta.src1,
      meta.src2,
      meta.src3,
      meta.at + ICMP_HEADER_BYTES,
      meta.length - ICMP_HEADER_BYTES,
      nowNs,
    );
  }

  #takeError(meta: IpMeta, nowNs: number): number {
    const view = this.#port.arena.view;
    const counters = this.#port.counters;
    const error = this.#error;
    const quote = meta.at + ICMP_HEADER_BYTES;
    const isQuoted = checkIcmpQuote(view, meta.at, meta.length) === Status.Ok;
    if (!isQuoted || !this.#readQuote(quote, meta.length - ICMP_HEADER_BYTES)) {
      counters.icmpErrorsInvalid += 1;
      return Verdict.Consumed;
    }
    counters.icmpErrorsRx += 1;
    error.type = icmpType(view, meta.at);
    error.code = icmpCode(view, meta.at);
    error.kind = kindOf(error.type, error.code);
    error.isLocal = 0;
    error.mtu = 0;
    if (error.kind === IcmpErrorKind.PacketTooBig) {
      const size = ipv4TotalLength(view, quote);
      const mtu = icmpMtu(view, meta.at);
      error.mtu = this.#pathMtus.claim(0, 0, IPV4_MAPPED_WORD, error.remote3, mtu, size);
      if (error.mtu === 0) {
        counters.icmpErrorsInvalid += 1;
        return Verdict.Consumed;
      }
      // TCP confirms first: `Ip.acceptTooBig`.
      if (error.protocol !== PROTOCOL_TCP) {
        this.#pathMtus.lower(0, 0, IPV4_MAPPED_WORD, error.remote3, error.mtu, nowNs);
      }
    }
    const isTransport = error.protocol === PROTOCOL_TCP || error.protocol === PROTOCOL_UDP;
    return isTransport ? Verdict.IcmpError : Verdict.Consumed;
  }

  /**
   * Reads a packet of ours of which `length` bytes lie at `at`; false when it cannot be ours: a
   * foreign source, a destination that is no single host, a later fragment (RFC 5927, 4).
   */
  #readQuote(at: number, length: number): boolean {
    const view = this.#port.arena.view;
    const source = ipv4Src(view, at);
    const destination = ipv4Dst(view, at);
    const header = ipv4HeaderLength(view, at);
    if (this.#addresses.rowOf(source) < 0 && !isLoopback4(source)) return false;
    const scope = this.#addresses.scopeOf(destination);
    if (scope === Scope.Multicast || scope === Scope.Broadcast) return false;
    if (ipv4FragmentOffset(view, at) !== 0 || length < header + 8) return false;
    const error = this.#error;
    error.family = 4;
    error.protocol = ipv4Protocol(view, at);
    error.local0 = 0;
    error.local1 = 0;
    error.local2 = IPV4_MAPPED_WORD;
    error.local3 = source;
    error.remote0 = 0;
    error.remote1 = 0;
    error.remote2 = IPV4_MAPPED_WORD;
    error.remote3 = destination;
    // TCP and UDP begin with the ports; the sequence number is the second word of TCP.
    error.localPort = tcpSrcPort(view, at + header);
    error.remotePort = tcpDstPort(view, at + header);
    error.tcpSequence = error.protocol === PROTOCOL_TCP ? tcpSeq(view, at + header) : 0;
    return true;
  }

  #alloc(): number {
    return this.#port.link.room() > 0 ? this.#port.arena.alloc() : NO_FRAME;
  }

  /** Sends a complete message; `local` 0 lets the route choose. Takes the frame. */
  #send(
    local: number,
    remote: number,
    trafficClass: number,
    frame: number,
    at: number,
    length: number,
    nowNs: number,
  ): number {
    const flow = this.#flow;
    flow.local0 = 0;
    flow.local1 = 0;
    flow.local2 = IPV4_MAPPED_WORD;
    flow.local3 = local;
    flow.remote0 = 0;
    flow.remote1 = 0;
    flow.remote2 = IPV4_MAPPED_WORD;
    flow.remote3 = remote;
    flow.trafficClass = trafficClass;
    const bound = this.#output.bind(flow, nowNs);
    if (bound < 0) {
      this.#port.counters.ipv4NoRoute += 1;
      this.#port.arena.free(frame);
      return bound;
    }
    return this.#output.output(flow, PROTOCOL_ICMP, frame, at, length, -1, nowNs);
  }
}
