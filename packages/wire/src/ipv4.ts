// @hot
/**
 * IPv4 (RFC 791, RFC 2474 for DSCP, RFC 3168 for ECN). Addresses are int32.
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------+-------+-----------+---+-------------------------------+
 * |version|  IHL  |   DSCP    |ECN|         total length          |
 * +-------+-------+-----------+---+-----+-------------------------+
 * |        identification         |flags|    fragment offset      |
 * +---------------+---------------+-----+-------------------------+
 * |      TTL      |   protocol    |        header checksum        |
 * +---------------+---------------+-------------------------------+
 * |                         source address                        |
 * +---------------------------------------------------------------+
 * |                      destination address                      |
 * +---------------------------------------------------------------+
 * |                 options, 0 to 40 bytes                        |
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { formatIpv4 } from './address.ts';
import { CHECKSUM_GOOD, checksum, checksumAdd, checksumFold } from './checksum.ts';
import { protocolName } from './ip-protocol.ts';

const VERSION_IHL = 0;
const TRAFFIC_CLASS = 1;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SRC = 12;
const DST = 16;

/** Bytes of a header without options. */
export const IPV4_HEADER_BYTES = 20;
/** Bytes of the longest header: IHL 15. */
export const IPV4_HEADER_BYTES_MAX = 60;
/** Every host must take a datagram of this size (RFC 791, 3.1). */
export const IPV4_DATAGRAM_BYTES_MIN = 576;
/** Smallest MTU that IPv4 allows (RFC 791, 3.2). */
export const IPV4_MTU_MIN = 68;

/** Do not fragment: bit of {@link ipv4Fragment}. */
export const IPV4_DONT_FRAGMENT = 0x4000;
/** More fragments follow: bit of {@link ipv4Fragment}. */
export const IPV4_MORE_FRAGMENTS = 0x2000;
/** The offset, in units of 8 bytes: bits of {@link ipv4Fragment}. */
export const IPV4_FRAGMENT_OFFSET_MASK = 0x1fff;

/** {@link ipv4Options}: loose or strict source routing is present; we refuse it (RFC 7126, 4.3). */
export const IPV4_HAS_SOURCE_ROUTE = 1;
/** {@link ipv4Options}: router alert (RFC 2113), on every IGMPv2/v3 message. */
export const IPV4_HAS_ROUTER_ALERT = 2;
/** {@link ipv4Options}: some other option, which a host may ignore (RFC 1122, 3.2.1.8). */
export const IPV4_HAS_OTHER_OPTION = 4;

/** The router alert option as one word: type 148, length 4, value 0 (RFC 2113). */
export const IPV4_ROUTER_ALERT: number = 0x94040000 | 0;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_LOOSE_ROUTE = 131;
const OPTION_STRICT_ROUTE = 137;
const OPTION_ROUTER_ALERT = 148;

/** Version: 4 in a packet that {@link checkIpv4} accepts. */
export function ipv4Version(view: DataView, at: number): number {
  return view.getUint8(at + VERSION_IHL) >> 4;
}

/** Header length in bytes, options included. */
export function ipv4HeaderLength(view: DataView, at: number): number {
  return (view.getUint8(at + VERSION_IHL) & 0x0f) << 2;
}

/** DSCP and ECN in one byte: the traffic class in IPv6 terms. */
export function ipv4TrafficClass(view: DataView, at: number): number {
  return view.getUint8(at + TRAFFIC_CLASS);
}

/** Bytes of header and payload. */
export function ipv4TotalLength(view: DataView, at: number): number {
  return view.getUint16(at + TOTAL_LENGTH);
}

/** Identification, which ties fragments together (RFC 6864). */
export function ipv4Identification(view: DataView, at: number): number {
  return view.getUint16(at + IDENTIFICATION);
}

/** Flags and fragment offset as one 16-bit word. */
export function ipv4Fragment(view: DataView, at: number): number {
  return view.getUint16(at + FRAGMENT);
}

/** Offset of the fragment in bytes. */
export function ipv4FragmentOffset(view: DataView, at: number): number {
  return (view.getUint16(at + FRAGMENT) & IPV4_FRAGMENT_OFFSET_MASK) << 3;
}

/** Whether this is a fragment (of more than one). */
export function ipv4IsFragment(view: DataView, at: number): boolean {
  return (view.getUint16(at + FRAGMENT) & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET_MASK)) !== 0;
}

/** Time to live. */
export function ipv4Ttl(view: DataView, at: number): number {
  return view.getUint8(at + TTL);
}

/** Protocol number, `PROTOCOL_*`. */
export function ipv4Protocol(view: DataView, at: number): number {
  return view.getUint8(at + PROTOCOL);
}

/** Header checksum. */
export function ipv4Checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

/** Source address, as an int32. */
export function ipv4Src(view: DataView, at: number): number {
  return view.getInt32(at + SRC);
}

/** Destination address, as an int32. */
export function ipv4Dst(view: DataView, at: number): number {
  return view.getInt32(at + DST);
}

/** Writes DSCP and ECN; the checksum is the caller's concern. */
export function setIpv4TrafficClass(view: DataView, at: number, trafficClass: number): void {
  view.setUint8(at + TRAFFIC_CLASS, trafficClass);
}

/** Writes the total length; the checksum is the caller's concern. */
export function setIpv4TotalLength(view: DataView, at: number, length: number): void {
  view.setUint16(at + TOTAL_LENGTH, length);
}

/** Writes the identification; the checksum is the caller's concern. */
export function setIpv4Identification(view: DataView, at: number, identification: number): void {
  view.setUint16(at + IDENTIFICATION, identification);
}

/** Writes flags and offset as one word; the checksum is the caller's concern. */
export function setIpv4Fragment(view: DataView, at: number, fragment: number): void {
  view.setUint16(at + FRAGMENT, fragment);
}

/** Writes the TTL; the checksum is the caller's concern. */
export function setIpv4Ttl(view: DataView, at: number, ttl: number): void {
  view.setUint8(at + TTL, ttl);
}

/** Writes the checksum field as it is. */
export function setIpv4Checksum(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECKSUM, value);
}

/** Computes the checksum over the header, options included, and writes it. */
export function fillIpv4Checksum(view: DataView, at: number): void {
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + CHECKSUM, checksum(view, at, ipv4HeaderLength(view, at)));
}

/** Whether the header checksum is right. */
export function ipv4ChecksumOk(view: DataView, at: number): boolean {
  const sum = checksumAdd(view, at, ipv4HeaderLength(view, at), 0);
  return checksumFold(sum) === CHECKSUM_GOOD;
}

/**
 * `Ok` when the accessors cannot read outside `length` bytes: version 4, header inside the total
 * length, total length inside `length`. The header checksum is separate ({@link ipv4ChecksumOk}).
 */
export function checkIpv4(view: DataView, at: number, length: number): number {
  if (length < IPV4_HEADER_BYTES) return Status.Truncated;
  const first = view.getUint8(at + VERSION_IHL);
  if (first >> 4 !== 4) return Status.Malformed;
  const header = (first & 0x0f) << 2;
  if (header < IPV4_HEADER_BYTES) return Status.Malformed;
  const total = view.getUint16(at + TOTAL_LENGTH);
  if (total < header) return Status.Malformed;
  return total > length ? Status.Truncated : Status.Ok;
}

/**
 * What is in the options: a union of `IPV4_HAS_*`, 0 when there are none, or `Malformed` when an
 * option does not fit into the header.
 */
export function ipv4Options(view: DataView, at: number): number {
  const end = at + ipv4HeaderLength(view, at);
  let found = 0;
  let i = at + IPV4_HEADER_BYTES;
  while (i < end) {
    const kind = view.getUint8(i);
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOP) {
      i += 1;
      continue;
    }
    if (i + 2 > end) return Status.Malformed;
    const length = view.getUint8(i + 1);
    if (length < 2 || i + length > end) return Status.Malformed;
    if (kind === OPTION_LOOSE_ROUTE || kind === OPTION_STRICT_ROUTE) found |= IPV4_HAS_SOURCE_ROUTE;
    else if (kind === OPTION_ROUTER_ALERT) found |= IPV4_HAS_ROUTER_ALERT;
    else found |= IPV4_HAS_OTHER_OPTION;
    i += length;
  }
  return found;
}

/**
 * Writes the whole header with its checksum. Options, if `headerLength` makes room for them, must
 * lie behind the fixed part already. `fragment` is flags and offset as one word.
 */
export function emitIpv4(
  view: DataView,
  at: number,
  headerLength: number,
  trafficClass: number,
  totalLength: number,
  identification: number,
  fragment: number,
  ttl: number,
  protocol: number,
  src: number,
  dst: number,
): void {
  view.setUint8(at + VERSION_IHL, 0x40 | (headerLength >> 2));
  view.setUint8(at + TRAFFIC_CLASS, trafficClass);
  view.setUint16(at + TOTAL_LENGTH, totalLength);
  view.setUint16(at + IDENTIFICATION, identification);
  view.setUint16(at + FRAGMENT, fragment);
  view.setUint8(at + TTL, ttl);
  view.setUint8(at + PROTOCOL, protocol);
  view.setUint16(at + CHECKSUM, 0);
  view.setInt32(at + SRC, src);
  view.setInt32(at + DST, dst);
  view.setUint16(at + CHECKSUM, checksum(view, at, headerLength));
}

/** The header as an object; for tests and logs. */
export interface Ipv4Header {
  headerLength: number;
  trafficClass: number;
  totalLength: number;
  identification: number;
  fragment: number;
  ttl: number;
  protocol: number;
  checksum: number;
  src: number;
  dst: number;
}

/** Reads a header that {@link checkIpv4} has accepted. @cold */
export function parseIpv4(view: DataView, at: number): Ipv4Header {
  return {
    headerLength: ipv4HeaderLength(view, at),
    trafficClass: ipv4TrafficClass(view, at),
    totalLength: ipv4TotalLength(view, at),
    identification: ipv4Identification(view, at),
    fragment: ipv4Fragment(view, at),
    ttl: ipv4Ttl(view, at),
    protocol: ipv4Protocol(view, at),
    checksum: ipv4Checksum(view, at),
    src: ipv4Src(view, at),
    dst: ipv4Dst(view, at),
  };
}

/** One line: `10.0.0.1 > 10.0.0.2 TCP ttl 64 len 40 DF`. @cold */
export function formatIpv4Header(view: DataView, at: number): string {
  const fragment = ipv4Fragment(view, at);
  let line = formatIpv4(ipv4Src(view, at)) + ' > ' + formatIpv4(ipv4Dst(view, at));
  line += ' ' + protocolName(ipv4Protocol(view, at)) + ' ttl ' + String(ipv4Ttl(view, at));
  line += ' len ' + String(ipv4TotalLength(view, at));
  if ((fragment & IPV4_DONT_FRAGMENT) !== 0) line += ' DF';
  if (ipv4IsFragment(view, at)) {
    line += ' frag ' + String(ipv4Identification(view, at));
    line += '@' + String(ipv4FragmentOffset(view, at));
    if ((fragment & IPV4_MORE_FRAGMENTS) !== 0) line += '+';
  }
  return line;
}
