// @hot
/**
 * ICMPv6 (RFC 4443): echo and errors. Neighbour discovery is in `ndp.ts`, listener discovery in
 * `mld.ts`. The checksum includes the IPv6 pseudo header.
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |     type      |     code      |           checksum            |
 * +---------------+---------------+-------------------------------+
 * |  echo: identifier             |  echo: sequence number        |
 * |  packet too big: MTU                                          |
 * |  parameter problem: pointer                                   |
 * +---------------------------------------------------------------+
 * |  echo: data; errors: the offending packet from its IP header
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { copyQuote } from './icmp.ts';
import { IPV6_HEADER_BYTES, IPV6_MTU_MIN } from './ipv6.ts';

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
const IDENTIFIER = 4;
const SEQUENCE = 6;

/** Bytes before the data or the quoted packet. */
export const ICMPV6_HEADER_BYTES = 8;
/** Offset of the checksum field in the header; for devices that fill it. */
export const ICMPV6_CHECKSUM_OFFSET: number = CHECKSUM;

/** Destination unreachable. */
export const ICMPV6_UNREACHABLE = 1;
/** Carries the MTU (RFC 8201). */
export const ICMPV6_PACKET_TOO_BIG = 2;
/** Hop limit or reassembly time exceeded. */
export const ICMPV6_TIME_EXCEEDED = 3;
/** A header field is wrong; carries a pointer. */
export const ICMPV6_PARAMETER_PROBLEM = 4;
/** Types from here on are informational (RFC 4443, 2.1). */
export const ICMPV6_INFORMATIONAL = 128;
/** Ping. */
export const ICMPV6_ECHO_REQUEST = 128;
/** Answer to an echo request. */
export const ICMPV6_ECHO_REPLY = 129;

/** Code of {@link ICMPV6_UNREACHABLE}: no route (RFC 4443, 3.1). */
export const ICMPV6_UNREACHABLE_NO_ROUTE = 0;
/** Administratively prohibited. */
export const ICMPV6_UNREACHABLE_PROHIBITED = 1;
/** Beyond the scope of the source address. */
export const ICMPV6_UNREACHABLE_SCOPE = 2;
/** No neighbour answered. */
export const ICMPV6_UNREACHABLE_ADDRESS = 3;
/** Nobody listens to the UDP port. */
export const ICMPV6_UNREACHABLE_PORT = 4;

/** Code of {@link ICMPV6_TIME_EXCEEDED}: hop limit, from a router. */
export const ICMPV6_TIME_EXCEEDED_HOPS = 0;
/** Code of {@link ICMPV6_TIME_EXCEEDED}: reassembly, from a host. */
export const ICMPV6_TIME_EXCEEDED_REASSEMBLY = 1;

/** Most bytes of the offending packet that an error quotes (RFC 4443, 2.4 c). */
export const ICMPV6_QUOTE_BYTES_MAX: number =
  IPV6_MTU_MIN - IPV6_HEADER_BYTES - ICMPV6_HEADER_BYTES;

/** Message type. */
export function icmpv6Type(view: DataView, at: number): number {
  return view.getUint8(at + TYPE);
}

/** Code within the type. */
export function icmpv6Code(view: DataView, at: number): number {
  return view.getUint8(at + CODE);
}

/** Checksum over pseudo header and message. */
export function icmpv6Checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

/** Identifier of an echo. */
export function icmpv6Identifier(view: DataView, at: number): number {
  return view.getUint16(at + IDENTIFIER);
}

/** Sequence number of an echo. */
export function icmpv6Sequence(view: DataView, at: number): number {
  return view.getUint16(at + SEQUENCE);
}

/** MTU of "packet too big", in [0, 2^32). */
export function icmpv6Mtu(view: DataView, at: number): number {
  return view.getUint32(at + REST);
}

/** Pointer of a parameter problem, in [0, 2^32). */
export function icmpv6Pointer(view: DataView, at: number): number {
  return view.getUint32(at + REST);
}

/** Writes type and code; the checksum is the caller's concern. */
export function setIcmpv6Type(view: DataView, at: number, type: number, code: number): void {
  view.setUint8(at + TYPE, type);
  view.setUint8(at + CODE, code);
}

/** Writes the checksum field: finished, or the folded pseudo-header sum for a device. */
export function setIcmpv6Checksum(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECKSUM, value);
}

/** Whether the type is an error, about which no error may be sent (RFC 4443, 2.4 e). */
export function icmpv6IsError(type: number): boolean {
  return type < ICMPV6_INFORMATIONAL;
}

/** `Ok` when the header lies inside `length` bytes. */
export function checkIcmpv6(_view: DataView, _at: number, length: number): number {
  return length < ICMPV6_HEADER_BYTES ? Status.Truncated : Status.Ok;
}

/**
 * `Ok` when the error at `at` quotes a whole IPv6 header, which begins at
 * `at + ICMPV6_HEADER_BYTES`. What follows it is as long as the sender chose.
 */
export function checkIcmpv6Quote(view: DataView, at: number, length: number): number {
  if (length < ICMPV6_HEADER_BYTES + IPV6_HEADER_BYTES) return Status.Truncated;
  return view.getUint8(at + ICMPV6_HEADER_BYTES) >> 4 === 6 ? Status.Ok : Status.Malformed;
}

/** Writes the 8 header bytes with a zero checksum; `rest` is the second word. */
export function emitIcmpv6(
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
 * Writes an error message at `at` with a zero checksum: header and as much of the offending packet
 * (`length` bytes at `from`, its IP header first) as fits into the minimum MTU. Returns the bytes
 * of the message. `rest` is the MTU or the pointer. The two ranges must not overlap.
 */
export function emitIcmpv6Error(
  view: DataView,
  at: number,
  type: number,
  code: number,
  rest: number,
  from: number,
  length: number,
): number {
  emitIcmpv6(view, at, type, code, rest);
  const quoted = length < ICMPV6_QUOTE_BYTES_MAX ? length : ICMPV6_QUOTE_BYTES_MAX;
  copyQuote(view, at + ICMPV6_HEADER_BYTES, from, quoted);
  return ICMPV6_HEADER_BYTES + quoted;
}

/** The header as an object; for tests and logs. */
export interface Icmpv6Header {
  type: number;
  code: number;
  checksum: number;
  rest: number;
}

/** Reads a header that {@link checkIcmpv6} has accepted. @cold */
export function parseIcmpv6(view: DataView, at: number): Icmpv6Header {
  return {
    type: icmpv6Type(view, at),
    code: icmpv6Code(view, at),
    checksum: icmpv6Checksum(view, at),
    rest: view.getInt32(at + REST),
  };
}

/** One line: `ICMPv6 packet too big mtu 1280`. @cold */
export function formatIcmpv6(view: DataView, at: number): string {
  const type = icmpv6Type(view, at);
  const code = String(icmpv6Code(view, at));
  switch (type) {
    case ICMPV6_ECHO_REQUEST:
    case ICMPV6_ECHO_REPLY: {
      const kind = type === ICMPV6_ECHO_REQUEST ? 'request' : 'reply';
      const id = String(icmpv6Identifier(view, at));
      return 'ICMPv6 echo ' + kind + ' id ' + id + ' seq ' + String(icmpv6Sequence(view, at));
    }
    case ICMPV6_UNREACHABLE:
      return 'ICMPv6 unreachable code ' + code;
    case ICMPV6_PACKET_TOO_BIG:
      return 'ICMPv6 packet too big mtu ' + String(icmpv6Mtu(view, at));
    case ICMPV6_TIME_EXCEEDED:
      return 'ICMPv6 time exceeded code ' + code;
    case ICMPV6_PARAMETER_PROBLEM:
      return 'ICMPv6 parameter problem code ' + code + ' at ' + String(icmpv6Pointer(view, at));
    default:
      return 'ICMPv6 type ' + String(type) + ' code ' + code;
  }
}
