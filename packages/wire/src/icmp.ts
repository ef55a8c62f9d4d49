// @hot
/**
 * ICMP for IPv4 (RFC 792, RFC 1191 for the MTU, RFC 1122 and RFC 1812 for what may be sent).
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |     type      |     code      |           checksum            |
 * +---------------+---------------+-------------------------------+
 * |  echo: identifier             |  echo: sequence number        |
 * |  fragmentation needed: zero   |  next-hop MTU                 |
 * |  parameter problem: pointer (8) and zero                      |
 * +---------------------------------------------------------------+
 * |  echo: data; errors: the offending IP header and its payload
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { CHECKSUM_GOOD, checksum, checksumAdd, checksumFold } from './checksum.ts';
import { IPV4_DATAGRAM_BYTES_MIN, IPV4_HEADER_BYTES } from './ipv4.ts';

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
const IDENTIFIER = 4;
const SEQUENCE = 6;
const MTU = 6;
const POINTER = 4;

/** Bytes before the data or the quoted packet. */
export const ICMP_HEADER_BYTES = 8;

/** Answer to an echo request. */
export const ICMP_ECHO_REPLY = 0;
/** Destination unreachable. */
export const ICMP_UNREACHABLE = 3;
/** Deprecated and ignored (RFC 6633). */
export const ICMP_SOURCE_QUENCH = 4;
/** Ignored: a trading host does not take routes from the wire. */
export const ICMP_REDIRECT = 5;
/** Ping. */
export const ICMP_ECHO_REQUEST = 8;
/** TTL or reassembly time exceeded. */
export const ICMP_TIME_EXCEEDED = 11;
/** A header field is wrong; carries a pointer. */
export const ICMP_PARAMETER_PROBLEM = 12;

/** Code of {@link ICMP_UNREACHABLE}: no route (RFC 792; RFC 1122, 3.2.2.1). */
export const ICMP_UNREACHABLE_NET = 0;
/** Host unreachable: no neighbour answered. */
export const ICMP_UNREACHABLE_HOST = 1;
/** Nobody speaks the protocol. */
export const ICMP_UNREACHABLE_PROTOCOL = 2;
/** Nobody listens to the UDP port. */
export const ICMP_UNREACHABLE_PORT = 3;
/** Fragmentation needed and DF set: carries the next-hop MTU (RFC 1191, 4). */
export const ICMP_UNREACHABLE_FRAGMENTATION = 4;
/** Source route failed. */
export const ICMP_UNREACHABLE_SOURCE_ROUTE = 5;
/** Administratively prohibited (RFC 1812, 5.2.7.1). */
export const ICMP_UNREACHABLE_PROHIBITED = 13;

/** Code of {@link ICMP_TIME_EXCEEDED}: TTL, from a router. */
export const ICMP_TIME_EXCEEDED_TTL = 0;
/** Code of {@link ICMP_TIME_EXCEEDED}: reassembly, from a host. */
export const ICMP_TIME_EXCEEDED_REASSEMBLY = 1;

/**
 * Most bytes of the offending packet that an error quotes: the error must fit into 576 bytes
 * (RFC 1812, 4.3.2.3).
 */
export const ICMP_QUOTE_BYTES_MAX: number =
  IPV4_DATAGRAM_BYTES_MIN - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES;

/** Message type. */
export function icmpType(view: DataView, at: number): number {
  return view.getUint8(at + TYPE);
}

/** Code within the type. */
export function icmpCode(view: DataView, at: number): number {
  return view.getUint8(at + CODE);
}

/** Checksum over the whole message, no pseudo header. */
export function icmpChecksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

/** Identifier of an echo. */
export function icmpIdentifier(view: DataView, at: number): number {
  return view.getUint16(at + IDENTIFIER);
}

/** Sequence number of an echo. */
export function icmpSequence(view: DataView, at: number): number {
  return view.getUint16(at + SEQUENCE);
}

/** Next-hop MTU of "fragmentation needed"; 0 from routers older than RFC 1191. */
export function icmpMtu(view: DataView, at: number): number {
  return view.getUint16(at + MTU);
}

/** Pointer of a parameter problem. */
export function icmpPointer(view: DataView, at: number): number {
  return view.getUint8(at + POINTER);
}

/** Writes type and code; the checksum is the caller's concern. */
export function setIcmpType(view: DataView, at: number, type: number, code: number): void {
  view.setUint8(at + TYPE, type);
  view.setUint8(at + CODE, code);
}

/** Writes the checksum field as it is. */
export function setIcmpChecksum(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECKSUM, value);
}

/** Computes the checksum over `length` bytes and writes it. */
export function fillIcmpChecksum(view: DataView, at: number, length: number): void {
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + CHECKSUM, checksum(view, at, length));
}

/** Whether the checksum over `length` bytes is right. */
export function icmpChecksumOk(view: DataView, at: number, length: number): boolean {
  return checksumFold(checksumAdd(view, at, length, 0)) === CHECKSUM_GOOD;
}

/** Whether the type is an error, about which no error may be sent (RFC 1122, 3.2.2). */
export function icmpIsError(type: number): boolean {
  return (
    type === ICMP_UNREACHABLE ||
    type === ICMP_SOURCE_QUENCH ||
    type === ICMP_REDIRECT ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETER_PROBLEM
  );
}

/**
 * `Ok` when the header lies inside `length` bytes. The quoted packet of an error is checked by
 * `checkIpv4` with the bytes that are left, which reports `Truncated` for most quotes: use
 * {@link checkIcmpQuote}.
 */
export function checkIcmp(_view: DataView, _at: number, length: number): number {
  return length < ICMP_HEADER_BYTES ? Status.Truncated : Status.Ok;
}

/**
 * `Ok` when the error at `at` quotes an IPv4 header with its options and at least the 8 transport
 * bytes that RFC 792 promises. The quote begins at `at + ICMP_HEADER_BYTES`; its total length field
 * may say more than is there.
 */
export function checkIcmpQuote(view: DataView, at: number, length: number): number {
  const quoted = length - ICMP_HEADER_BYTES;
  if (quoted < IPV4_HEADER_BYTES + 8) return Status.Truncated;
  const first = view.getUint8(at + ICMP_HEADER_BYTES);
  const header = (first & 0x0f) << 2;
  if (first >> 4 !== 4 || header < IPV4_HEADER_BYTES) return Status.Malformed;
  return header + 8 > quoted ? Status.Truncated : Status.Ok;
}

/**
 * Writes the 8 header bytes with a zero checksum; data goes behind them, then
 * {@link fillIcmpChecksum}. `rest` is the second word.
 */
export function emitIcmp(
  view: DataView,
  at: number,
  type: number,
  code: number,
  rest: number,
): void {
  view.setUint8(at + TYPE, type);
  view.setUint8(at + CODE, code);
  view.setUint16(at + CHECKSUM, 0);
  view.setInt32(at + REST, rest);
}

/**
 * Writes a whole error message at `at`: header, as much of the offending packet (`length` bytes at
 * `from`, its IP header first) as RFC 1812, 4.3.2.3 allows, checksum. Returns the bytes of the
 * message. `rest` is the second word: the MTU for "fragmentation needed", the pointer shifted left
 * by 24 for a parameter problem, else 0. Whether an error may be sent at all is the caller's
 * decision. The two ranges must not overlap.
 */
export function emitIcmpError(
  view: DataView,
  at: number,
  type: number,
  code: number,
  rest: number,
  from: number,
  length: number,
): number {
  emitIcmp(view, at, type, code, rest);
  const quoted = length < ICMP_QUOTE_BYTES_MAX ? length : ICMP_QUOTE_BYTES_MAX;
  copyQuote(view, at + ICMP_HEADER_BYTES, from, quoted);
  fillIcmpChecksum(view, at, ICMP_HEADER_BYTES + quoted);
  return ICMP_HEADER_BYTES + quoted;
}

/** Copies `length` bytes inside one view; errors are rare, so words and a byte tail do. */
export function copyQuote(view: DataView, to: number, from: number, length: number): void {
  const words = length & ~3;
  for (let i = 0; i < words; i += 4) view.setInt32(to + i, view.getInt32(from + i));
  for (let i = words; i < length; i += 1) view.setUint8(to + i, view.getUint8(from + i));
}

/** The header as an object; for tests and logs. */
export interface IcmpHeader {
  type: number;
  code: number;
  checksum: number;
  rest: number;
}

/** Reads a header that {@link checkIcmp} has accepted. @cold */
export function parseIcmp(view: DataView, at: number): IcmpHeader {
  return {
    type: icmpType(view, at),
    code: icmpCode(view, at),
    checksum: icmpChecksum(view, at),
    rest: view.getInt32(at + REST),
  };
}

/** One line: `ICMP echo request id 1 seq 2`. @cold */
export function formatIcmp(view: DataView, at: number): string {
  const type = icmpType(view, at);
  const code = icmpCode(view, at);
  switch (type) {
    case ICMP_ECHO_REQUEST:
    case ICMP_ECHO_REPLY: {
      const kind = type === ICMP_ECHO_REQUEST ? 'request' : 'reply';
      const id = String(icmpIdentifier(view, at));
      return 'ICMP echo ' + kind + ' id ' + id + ' seq ' + String(icmpSequence(view, at));
    }
    case ICMP_UNREACHABLE:
      if (code === ICMP_UNREACHABLE_FRAGMENTATION) {
        return 'ICMP fragmentation needed mtu ' + String(icmpMtu(view, at));
      }
      return 'ICMP unreachable code ' + String(code);
    case ICMP_TIME_EXCEEDED:
      return 'ICMP time exceeded code ' + String(code);
    case ICMP_PARAMETER_PROBLEM:
      return 'ICMP parameter problem at ' + String(icmpPointer(view, at));
    default:
      return 'ICMP type ' + String(type) + ' code ' + String(code);
  }
}
