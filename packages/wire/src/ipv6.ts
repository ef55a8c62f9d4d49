// @hot
/**
 * IPv6 (RFC 8200) and a bounded walk over its extension headers. Addresses are four int32 words.
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------+---------------+---------------------------------------+
 * |version| traffic class |              flow label               |
 * +-------+---------------+-------+---------------+---------------+
 * |        payload length         |  next header  |   hop limit   |
 * +-------------------------------+---------------+---------------+
 * |                    source address, 4 words                    |
 * +---------------------------------------------------------------+
 * |                 destination address, 4 words                  |
 * +---------------------------------------------------------------+
 *
 * Fragment header (protocol 44):
 * +---------------+---------------+-------------------------+---+-+
 * |  next header  |   reserved    |   offset in 8 bytes     |rsv|M|
 * +---------------+---------------+-------------------------+---+-+
 * |                        identification                         |
 * +---------------------------------------------------------------+
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { formatIpv6 } from './address.ts';
import {
  PROTOCOL_DESTINATION,
  PROTOCOL_FRAGMENT,
  PROTOCOL_HOP_BY_HOP,
  PROTOCOL_ROUTING,
  protocolName,
} from './ip-protocol.ts';

const VERSION_CLASS_FLOW = 0;
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const SRC = 8;
const DST = 24;

const FRAGMENT_NEXT_HEADER = 0;
const FRAGMENT_OFFSET = 2;
const FRAGMENT_IDENTIFICATION = 4;

/** Bytes of the fixed header. */
export const IPV6_HEADER_BYTES = 40;
/** Bytes of a fragment header. */
export const IPV6_FRAGMENT_HEADER_BYTES = 8;
/** Smallest MTU of an IPv6 link (RFC 8200, 5). */
export const IPV6_MTU_MIN = 1280;
/** Offset of the next header field: where an ICMPv6 parameter problem points to. */
export const IPV6_NEXT_HEADER_OFFSET: number = NEXT_HEADER;

/**
 * Extension headers that the walk follows. RFC 8200, 4.1 names seven in its recommended order; a
 * packet with more is dropped rather than walked (RFC 8504, 5.3 permits the limit).
 */
export const IPV6_EXTENSIONS_MAX = 8;
/**
 * Options in one header that the walk looks at, padding included (RFC 8504, 5.3: hosts may limit
 * it).
 */
export const IPV6_OPTIONS_MAX = 16;

/** {@link Ipv6Walk.fragment}: more fragments follow. */
export const IPV6_MORE_FRAGMENTS = 0x0001;
/** {@link Ipv6Walk.fragment}: the offset in bytes, once masked. */
export const IPV6_FRAGMENT_OFFSET_MASK = 0xfff8;

const OPTION_PAD1 = 0;
const OPTION_ROUTER_ALERT = 5;

/** Version: 6 in a packet that {@link checkIpv6} accepts. */
export function ipv6Version(view: DataView, at: number): number {
  return view.getUint8(at + VERSION_CLASS_FLOW) >> 4;
}

/** DSCP and ECN in one byte. */
export function ipv6TrafficClass(view: DataView, at: number): number {
  return (view.getUint16(at + VERSION_CLASS_FLOW) >> 4) & 0xff;
}

/** Flow label, 20 bits (RFC 6437). */
export function ipv6FlowLabel(view: DataView, at: number): number {
  return view.getInt32(at + VERSION_CLASS_FLOW) & 0xfffff;
}

/** Bytes behind the fixed header, extension headers included. */
export function ipv6PayloadLength(view: DataView, at: number): number {
  return view.getUint16(at + PAYLOAD_LENGTH);
}

/** Protocol of what follows the fixed header. */
export function ipv6NextHeader(view: DataView, at: number): number {
  return view.getUint8(at + NEXT_HEADER);
}

/** Hop limit. */
export function ipv6HopLimit(view: DataView, at: number): number {
  return view.getUint8(at + HOP_LIMIT);
}

/** The `word`-th word (0..3) of the source, as an int32. */
export function ipv6Src(view: DataView, at: number, word: number): number {
  return view.getInt32(at + SRC + 4 * word);
}

/** The `word`-th word (0..3) of the destination, as an int32. */
export function ipv6Dst(view: DataView, at: number, word: number): number {
  return view.getInt32(at + DST + 4 * word);
}

/** Writes the traffic class and keeps version and flow label. */
export function setIpv6TrafficClass(view: DataView, at: number, trafficClass: number): void {
  const rest = view.getUint16(at + VERSION_CLASS_FLOW) & 0xf00f;
  view.setUint16(at + VERSION_CLASS_FLOW, rest | (trafficClass << 4));
}

/** Writes the payload length. */
export function setIpv6PayloadLength(view: DataView, at: number, length: number): void {
  view.setUint16(at + PAYLOAD_LENGTH, length);
}

/** Writes the next header. */
export function setIpv6NextHeader(view: DataView, at: number, protocol: number): void {
  view.setUint8(at + NEXT_HEADER, protocol);
}

/** Writes the hop limit. */
export function setIpv6HopLimit(view: DataView, at: number, hopLimit: number): void {
  view.setUint8(at + HOP_LIMIT, hopLimit);
}

/** Writes the source. */
export function setIpv6Src(
  view: DataView,
  at: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): void {
  view.setInt32(at + SRC, word0);
  view.setInt32(at + SRC + 4, word1);
  view.setInt32(at + SRC + 8, word2);
  view.setInt32(at + SRC + 12, word3);
}

/** Writes the destination. */
export function setIpv6Dst(
  view: DataView,
  at: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): void {
  view.setInt32(at + DST, word0);
  view.setInt32(at + DST + 4, word1);
  view.setInt32(at + DST + 8, word2);
  view.setInt32(at + DST + 12, word3);
}

/**
 * `Ok` when fixed header and payload lie inside `length` bytes and the version is 6. Jumbograms
 * (RFC 2675) carry payload length 0 and are therefore seen as empty.
 */
export function checkIpv6(view: DataView, at: number, length: number): number {
  if (length < IPV6_HEADER_BYTES) return Status.Truncated;
  if (view.getUint8(at + VERSION_CLASS_FLOW) >> 4 !== 6) return Status.Malformed;
  const total = IPV6_HEADER_BYTES + view.getUint16(at + PAYLOAD_LENGTH);
  return total > length ? Status.Truncated : Status.Ok;
}

/**
 * Writes version, traffic class, flow label, lengths and hop limit; the addresses are written by
 * {@link setIpv6Src} and {@link setIpv6Dst}, which keeps the argument list at a readable size.
 */
export function emitIpv6(
  view: DataView,
  at: number,
  trafficClass: number,
  flowLabel: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
): void {
  view.setInt32(at + VERSION_CLASS_FLOW, 0x60000000 | (trafficClass << 20) | (flowLabel & 0xfffff));
  view.setUint16(at + PAYLOAD_LENGTH, payloadLength);
  view.setUint8(at + NEXT_HEADER, nextHeader);
  view.setUint8(at + HOP_LIMIT, hopLimit);
}

/** Writes a fragment header; `fragment` is offset in bytes (a multiple of 8) and the M bit. */
export function emitIpv6Fragment(
  view: DataView,
  at: number,
  nextHeader: number,
  fragment: number,
  identification: number,
): void {
  view.setUint16(at + FRAGMENT_NEXT_HEADER, nextHeader << 8);
  view.setUint16(at + FRAGMENT_OFFSET, fragment);
  view.setInt32(at + FRAGMENT_IDENTIFICATION, identification);
}

/** {@link Ipv6Walk.problem}: none. */
export const IPV6_PROBLEM_NONE = -1;
/** Erroneous field: code of ICMPv6 parameter problem (RFC 4443, 3.4). */
export const IPV6_PROBLEM_FIELD = 0;
/** Unrecognised next header: code of ICMPv6 parameter problem. */
export const IPV6_PROBLEM_NEXT_HEADER = 1;
/** Unrecognised option: code of ICMPv6 parameter problem. */
export const IPV6_PROBLEM_OPTION = 2;

/** Where {@link walkIpv6} stopped; one object, reused for every packet. */
export class Ipv6Walk {
  /** Protocol of the bytes at `at`: a transport, `PROTOCOL_FRAGMENT`, or something unknown. */
  protocol = 0;
  /** Offset of those bytes. */
  at = 0;
  /** Number of those bytes. */
  length = 0;
  /** Offset of the next-header field that holds `protocol`. */
  nextHeaderAt = 0;
  /** Offset and M bit of the fragment header when `protocol` is `PROTOCOL_FRAGMENT`. */
  fragment = 0;
  /** Identification of the fragment, int32. */
  identification = 0;
  /** Protocol behind the fragment header. */
  fragmentNextHeader = 0;
  /** 1 when a hop-by-hop router alert was seen (RFC 2711). */
  routerAlert = 0;
  /** Code of the ICMPv6 parameter problem to answer with, or {@link IPV6_PROBLEM_NONE}. */
  problem: number = IPV6_PROBLEM_NONE;
  /** Offset that the problem points to. */
  problemAt = 0;
  /** 1 when the problem is answered even if the destination is multicast (option type 10). */
  problemToMulticast = 0;
}

/**
 * Follows extension headers from `nextHeader` at `at`, `length` bytes of them and their payload,
 * and writes into `walk` what it reached. `nextHeaderAt` is the offset of the field that holds
 * `nextHeader`; `first` says whether `nextHeader` stands in the fixed header, where alone
 * hop-by-hop options may be announced.
 *
 * Returns `Ok` at the first header that is no extension, or at a fragment header (atomic fragments,
 * RFC 6946, are passed over); `Truncated` when a header ends outside; `Malformed` when the packet
 * must be dropped, with `walk.problem` saying whether an ICMPv6 error is due; `LimitReached` beyond
 * {@link IPV6_EXTENSIONS_MAX}.
 */
export function walkIpv6(
  view: DataView,
  nextHeader: number,
  nextHeaderAt: number,
  at: number,
  length: number,
  first: boolean,
  walk: Ipv6Walk,
): number {
  walk.problem = IPV6_PROBLEM_NONE;
  walk.routerAlert = 0;
  walk.fragment = 0;
  walk.protocol = nextHeader;
  walk.nextHeaderAt = nextHeaderAt;
  walk.at = at;
  walk.length = length;
  for (let step = 0; step < IPV6_EXTENSIONS_MAX; step += 1) {
    const protocol = walk.protocol;
    if (protocol === PROTOCOL_FRAGMENT) {
      if (walk.length < IPV6_FRAGMENT_HEADER_BYTES) return Status.Truncated;
      readFragment(view, walk);
      if ((walk.fragment & (IPV6_FRAGMENT_OFFSET_MASK | IPV6_MORE_FRAGMENTS)) !== 0) {
        return Status.Ok;
      }
      stepOver(view, walk, IPV6_FRAGMENT_HEADER_BYTES);
      continue;
    }
    if (
      protocol !== PROTOCOL_HOP_BY_HOP &&
      protocol !== PROTOCOL_DESTINATION &&
      protocol !== PROTOCOL_ROUTING
    ) {
      return Status.Ok;
    }
    if (protocol === PROTOCOL_HOP_BY_HOP && (step > 0 || !first)) {
      // Only directly behind the fixed header (RFC 8200, 4.1).
      return problem(walk, IPV6_PROBLEM_NEXT_HEADER, walk.nextHeaderAt);
    }
    if (walk.length < 8) return Status.Truncated;
    const size = (view.getUint8(walk.at + 1) + 1) << 3;
    if (size > walk.length) return Status.Truncated;
    const status =
      protocol === PROTOCOL_ROUTING ? checkRouting(view, walk) : checkOptions(view, size, walk);
    if (status !== Status.Ok) return status;
    stepOver(view, walk, size);
  }
  return Status.LimitReached;
}

function stepOver(view: DataView, walk: Ipv6Walk, size: number): void {
  walk.protocol = view.getUint8(walk.at);
  walk.nextHeaderAt = walk.at;
  walk.at += size;
  walk.length -= size;
}

function problem(walk: Ipv6Walk, code: number, at: number): number {
  walk.problem = code;
  walk.problemAt = at;
  walk.problemToMulticast = 0;
  return Status.Malformed;
}

function readFragment(view: DataView, walk: Ipv6Walk): void {
  walk.fragmentNextHeader = view.getUint8(walk.at + FRAGMENT_NEXT_HEADER);
  walk.fragment =
    view.getUint16(walk.at + FRAGMENT_OFFSET) & (IPV6_FRAGMENT_OFFSET_MASK | IPV6_MORE_FRAGMENTS);
  walk.identification = view.getInt32(walk.at + FRAGMENT_IDENTIFICATION);
}

/** A host is never a waypoint: segments left must be zero (RFC 8200, 4.4; RFC 5095). */
function checkRouting(view: DataView, walk: Ipv6Walk): number {
  if (view.getUint8(walk.at + 3) === 0) return Status.Ok;
  return problem(walk, IPV6_PROBLEM_FIELD, walk.at + 2);
}

/** The options of a hop-by-hop or destination header of `size` bytes (RFC 8200, 4.2). */
function checkOptions(view: DataView, size: number, walk: Ipv6Walk): number {
  const end = walk.at + size;
  let i = walk.at + 2;
  for (let count = 0; i < end; count += 1) {
    if (count === IPV6_OPTIONS_MAX) return Status.LimitReached;
    const type = view.getUint8(i);
    if (type === OPTION_PAD1) {
      i += 1;
      continue;
    }
    if (i + 2 > end) return Status.Malformed;
    const next = i + 2 + view.getUint8(i + 1);
    if (next > end) return Status.Malformed;
    if (type === OPTION_ROUTER_ALERT) walk.routerAlert = 1;
    // The two highest bits say what to do with an option one does not know: 0 skip, 1 drop, 2 drop
    // and report, 3 drop and report unless multicast. PadN (1) and router alert (5) have them 0.
    const action = type >> 6;
    if (action === 1) return Status.Malformed;
    if (action >= 2) {
      problem(walk, IPV6_PROBLEM_OPTION, i);
      walk.problemToMulticast = action === 2 ? 1 : 0;
      return Status.Malformed;
    }
    i = next;
  }
  return Status.Ok;
}

/** The fixed header as an object; for tests and logs. */
export interface Ipv6Header {
  trafficClass: number;
  flowLabel: number;
  payloadLength: number;
  nextHeader: number;
  hopLimit: number;
  src: string;
  dst: string;
}

/** The source as text. @cold */
export function ipv6SrcText(view: DataView, at: number): string {
  return formatIpv6(
    ipv6Src(view, at, 0),
    ipv6Src(view, at, 1),
    ipv6Src(view, at, 2),
    ipv6Src(view, at, 3),
  );
}

/** The destination as text. @cold */
export function ipv6DstText(view: DataView, at: number): string {
  return formatIpv6(
    ipv6Dst(view, at, 0),
    ipv6Dst(view, at, 1),
    ipv6Dst(view, at, 2),
    ipv6Dst(view, at, 3),
  );
}

/** Reads a header that {@link checkIpv6} has accepted. @cold */
export function parseIpv6(view: DataView, at: number): Ipv6Header {
  return {
    trafficClass: ipv6TrafficClass(view, at),
    flowLabel: ipv6FlowLabel(view, at),
    payloadLength: ipv6PayloadLength(view, at),
    nextHeader: ipv6NextHeader(view, at),
    hopLimit: ipv6HopLimit(view, at),
    src: ipv6SrcText(view, at),
    dst: ipv6DstText(view, at),
  };
}

/** One line: `fe80::1 > ff02::1 ICMPv6 hlim 255 len 32`. @cold */
export function formatIpv6Header(view: DataView, at: number): string {
  let line = ipv6SrcText(view, at) + ' > ' + ipv6DstText(view, at);
  line += ' ' + protocolName(ipv6NextHeader(view, at));
  line += ' hlim ' + String(ipv6HopLimit(view, at));
  return line + ' len ' + String(ipv6PayloadLength(view, at));
}
