// @hot
/**
 * UDP (RFC 768).
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |          source port          |       destination port        |
 * +-------------------------------+-------------------------------+
 * |            length             |           checksum            |
 * +-------------------------------+-------------------------------+
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';

const SRC_PORT = 0;
const DST_PORT = 2;
const LENGTH = 4;
const CHECKSUM = 6;

/** Bytes of the header. */
export const UDP_HEADER_BYTES = 8;
/** Offset of the checksum field in the header; for devices that fill it. */
export const UDP_CHECKSUM_OFFSET: number = CHECKSUM;

/** Source port; 0 when the sender wants no reply. */
export function udpSrcPort(view: DataView, at: number): number {
  return view.getUint16(at + SRC_PORT);
}

/** Destination port. */
export function udpDstPort(view: DataView, at: number): number {
  return view.getUint16(at + DST_PORT);
}

/** Bytes of header and payload. */
export function udpLength(view: DataView, at: number): number {
  return view.getUint16(at + LENGTH);
}

/** Checksum; 0 over IPv4 means that the sender computed none. */
export function udpChecksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

/** Writes the source port. */
export function setUdpSrcPort(view: DataView, at: number, port: number): void {
  view.setUint16(at + SRC_PORT, port);
}

/** Writes the destination port. */
export function setUdpDstPort(view: DataView, at: number, port: number): void {
  view.setUint16(at + DST_PORT, port);
}

/** Writes the length of header and payload. */
export function setUdpLength(view: DataView, at: number, length: number): void {
  view.setUint16(at + LENGTH, length);
}

/** Writes the checksum field as it is. */
export function setUdpChecksum(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECKSUM, value);
}

/**
 * `Ok` when header and payload lie inside `length` bytes. A length field below 8 is `Malformed`,
 * one above `length` is `Truncated`; IP payload behind the datagram is tolerated.
 */
export function checkUdp(view: DataView, at: number, length: number): number {
  if (length < UDP_HEADER_BYTES) return Status.Truncated;
  const own = view.getUint16(at + LENGTH);
  if (own < UDP_HEADER_BYTES) return Status.Malformed;
  return own > length ? Status.Truncated : Status.Ok;
}

/**
 * Writes the whole header. `checksum` is the finished field, 0 for none (IPv4 only), or the folded
 * pseudo-header sum when the device completes it.
 */
export function emitUdp(
  view: DataView,
  at: number,
  srcPort: number,
  dstPort: number,
  length: number,
  checksum: number,
): void {
  view.setUint16(at + SRC_PORT, srcPort);
  view.setUint16(at + DST_PORT, dstPort);
  view.setUint16(at + LENGTH, length);
  view.setUint16(at + CHECKSUM, checksum);
}

/** The header as an object; for tests and logs. */
export interface UdpHeader {
  srcPort: number;
  dstPort: number;
  length: number;
  checksum: number;
}

/** Reads a header that {@link checkUdp} has accepted. @cold */
export function parseUdp(view: DataView, at: number): UdpHeader {
  return {
    srcPort: udpSrcPort(view, at),
    dstPort: udpDstPort(view, at),
    length: udpLength(view, at),
    checksum: udpChecksum(view, at),
  };
}

/** One line: `UDP 4000 > 53 len 32`, the length being that of the payload. @cold */
export function formatUdp(view: DataView, at: number): string {
  const payload = udpLength(view, at) - UDP_HEADER_BYTES;
  const ports = String(udpSrcPort(view, at)) + ' > ' + String(udpDstPort(view, at));
  return 'UDP ' + ports + ' len ' + String(payload);
}
