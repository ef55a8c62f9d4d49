// @hot
/**
 * TCP (RFC 9293, 3.1; ECN flags RFC 3168; AE RFC 9768). Sequence numbers are int32, see `seq.ts`.
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |          source port          |       destination port        |
 * +-------------------------------+-------------------------------+
 * |                        sequence number                        |
 * +---------------------------------------------------------------+
 * |                     acknowledgment number                     |
 * +-------+-----+-+-+-+-+-+-+-+-+-+-------------------------------+
 * | data  |     |A|C|E|U|A|P|R|S|F|                               |
 * |offset | rsv |E|W|C|R|C|S|S|Y|I|            window             |
 * |       |     | |R|E|G|K|H|T|N|N|                               |
 * +-------+-----+-+-+-+-+-+-+-+-+-+-------------------------------+
 * |           checksum            |        urgent pointer         |
 * +-------------------------------+-------------------------------+
 * |                  options, 0 to 40 bytes                       |
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { seqText } from './seq.ts';

const SRC_PORT = 0;
const DST_PORT = 2;
const SEQ = 4;
const ACK = 8;
const OFFSET_FLAGS = 12;
const WINDOW = 14;
const CHECKSUM = 16;
const URGENT = 18;

/** Bytes of a header without options. */
export const TCP_HEADER_BYTES = 20;
/** Bytes of the longest header: data offset 15. */
export const TCP_HEADER_BYTES_MAX = 60;
/** Offset of the checksum field in the header; for devices that fill it. */
export const TCP_CHECKSUM_OFFSET: number = CHECKSUM;

/** No more data from the sender. */
export const TCP_FIN = 0x001;
/** Synchronise sequence numbers. */
export const TCP_SYN = 0x002;
/** Reset the connection. */
export const TCP_RST = 0x004;
/** Push: hand over to the application. */
export const TCP_PSH = 0x008;
/** The acknowledgment number is valid. */
export const TCP_ACK = 0x010;
/** The urgent pointer is valid. */
export const TCP_URG = 0x020;
/** ECN echo (RFC 3168). */
export const TCP_ECE = 0x040;
/** Congestion window reduced (RFC 3168). */
export const TCP_CWR = 0x080;
/** Accurate ECN, once the nonce sum (RFC 9768). */
export const TCP_AE = 0x100;
/** All flags; the three reserved bits are ignored when received and sent as zero. */
export const TCP_FLAGS_MASK = 0x1ff;

/** PSH in the word of offset, flags and window. */
const PSH_WORD: number = TCP_PSH << 16;

/** Source port. */
export function tcpSrcPort(view: DataView, at: number): number {
  return view.getUint16(at + SRC_PORT);
}

/** Destination port. */
export function tcpDstPort(view: DataView, at: number): number {
  return view.getUint16(at + DST_PORT);
}

/** Both ports as one int32, source in the high half: a demux key in one read. */
export function tcpPorts(view: DataView, at: number): number {
  return view.getInt32(at + SRC_PORT);
}

/** Sequence number of the first payload byte, or of the SYN; int32. */
export function tcpSeq(view: DataView, at: number): number {
  return view.getInt32(at + SEQ);
}

/** Next sequence number the sender expects, when ACK is set; int32. */
export function tcpAck(view: DataView, at: number): number {
  return view.getInt32(at + ACK);
}

/** Header length in bytes, options included. */
export function tcpHeaderLength(view: DataView, at: number): number {
  return (view.getUint8(at + OFFSET_FLAGS) >> 4) << 2;
}

/** Data offset, reserved bits and flags as they stand in the header, for comparing all at once. */
export function tcpLengthFlags(view: DataView, at: number): number {
  return view.getUint16(at + OFFSET_FLAGS);
}

/** The nine flags, `TCP_FIN` to `TCP_AE`. */
export function tcpFlags(view: DataView, at: number): number {
  return view.getUint16(at + OFFSET_FLAGS) & TCP_FLAGS_MASK;
}

/** Window as it stands in the header, not scaled. */
export function tcpWindow(view: DataView, at: number): number {
  return view.getUint16(at + WINDOW);
}

/** Checksum. */
export function tcpChecksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

/** Urgent pointer, valid with URG. */
export function tcpUrgent(view: DataView, at: number): number {
  return view.getUint16(at + URGENT);
}

/** Writes the source port. */
export function setTcpSrcPort(view: DataView, at: number, port: number): void {
  view.setUint16(at + SRC_PORT, port);
}

/** Writes the destination port. */
export function setTcpDstPort(view: DataView, at: number, port: number): void {
  view.setUint16(at + DST_PORT, port);
}

/** Writes the sequence number. */
export function setTcpSeq(view: DataView, at: number, seq: number): void {
  view.setInt32(at + SEQ, seq);
}

/** Writes the acknowledgment number. */
export function setTcpAck(view: DataView, at: number, ack: number): void {
  view.setInt32(at + ACK, ack);
}

/** Writes data offset (from bytes) and flags, with the reserved bits zero. */
export function setTcpHeaderLengthFlags(
  view: DataView,
  at: number,
  headerLength: number,
  flags: number,
): void {
  view.setUint16(at + OFFSET_FLAGS, (headerLength << 10) | (flags & TCP_FLAGS_MASK));
}

/** Writes the flags and keeps the data offset. */
export function setTcpFlags(view: DataView, at: number, flags: number): void {
  const offset = view.getUint16(at + OFFSET_FLAGS) & 0xf000;
  view.setUint16(at + OFFSET_FLAGS, offset | (flags & TCP_FLAGS_MASK));
}

/** Writes the window as it is sent, already shifted. */
export function setTcpWindow(view: DataView, at: number, window: number): void {
  view.setUint16(at + WINDOW, window);
}

/** Writes the checksum field as it is. */
export function setTcpChecksum(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECKSUM, value);
}

/** Writes the urgent pointer. */
export function setTcpUrgent(view: DataView, at: number, urgent: number): void {
  view.setUint16(at + URGENT, urgent);
}

/**
 * Sequence space that a segment takes: payload plus one for SYN and one for FIN (SEG.LEN of
 * RFC 9293, 3.4).
 */
export function tcpSegmentLength(flags: number, payloadBytes: number): number {
  return payloadBytes + ((flags & TCP_SYN) >> 1) + (flags & TCP_FIN);
}

/** `Ok` when the header with its options lies inside `length` bytes. */
export function checkTcp(view: DataView, at: number, length: number): number {
  if (length < TCP_HEADER_BYTES) return Status.Truncated;
  const header = (view.getUint8(at + OFFSET_FLAGS) >> 4) << 2;
  if (header < TCP_HEADER_BYTES) return Status.Malformed;
  return header > length ? Status.Truncated : Status.Ok;
}

/**
 * Writes the fixed header with a zero checksum; options go behind it (`headerLength` counts them),
 * the checksum is filled afterwards by {@link setTcpChecksum} or by the device.
 */
export function emitTcp(
  view: DataView,
  at: number,
  srcPort: number,
  dstPort: number,
  seq: number,
  ack: number,
  headerLength: number,
  flags: number,
  window: number,
  urgent: number,
): void {
  view.setUint16(at + SRC_PORT, srcPort);
  view.setUint16(at + DST_PORT, dstPort);
  view.setInt32(at + SEQ, seq);
  view.setInt32(at + ACK, ack);
  view.setUint16(at + OFFSET_FLAGS, (headerLength << 10) | (flags & TCP_FLAGS_MASK));
  view.setUint16(at + WINDOW, window);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + URGENT, urgent);
}

/**
 * Writes the header of the next segment of a burst: a copy of the one at `from`, options included,
 * with its own sequence number and PSH. The checksum is zero, as of {@link emitTcp}.
 */
export function copyTcpHeader(
  view: DataView,
  from: number,
  at: number,
  headerLength: number,
  seq: number,
  isPushed: boolean,
): void {
  const word = view.getInt32(from + OFFSET_FLAGS);
  view.setInt32(at + SRC_PORT, view.getInt32(from + SRC_PORT));
  view.setInt32(at + SEQ, seq);
  view.setInt32(at + ACK, view.getInt32(from + ACK));
  view.setInt32(at + OFFSET_FLAGS, isPushed ? word | PSH_WORD : word & ~PSH_WORD);
  view.setInt32(at + CHECKSUM, 0);
  for (let i = TCP_HEADER_BYTES; i < headerLength; i += 4) {
    view.setInt32(at + i, view.getInt32(from + i));
  }
}

/** The fixed header as an object; for tests and logs. */
export interface TcpHeader {
  srcPort: number;
  dstPort: number;
  seq: number;
  ack: number;
  headerLength: number;
  flags: number;
  window: number;
  checksum: number;
  urgent: number;
}

/** Reads a header that {@link checkTcp} has accepted. @cold */
export function parseTcp(view: DataView, at: number): TcpHeader {
  return {
    srcPort: tcpSrcPort(view, at),
    dstPort: tcpDstPort(view, at),
    seq: tcpSeq(view, at),
    ack: tcpAck(view, at),
    headerLength: tcpHeaderLength(view, at),
    flags: tcpFlags(view, at),
    window: tcpWindow(view, at),
    checksum: tcpChecksum(view, at),
    urgent: tcpUrgent(view, at),
  };
}

/** Flags as tcpdump prints them: `S`, `S.`, `P.`, `F.`, `R`; `none` when there are none. @cold */
export function tcpFlagsText(flags: number): string {
  let text = '';
  if ((flags & TCP_FIN) !== 0) text += 'F';
  if ((flags & TCP_SYN) !== 0) text += 'S';
  if ((flags & TCP_RST) !== 0) text += 'R';
  if ((flags & TCP_PSH) !== 0) text += 'P';
  if ((flags & TCP_ACK) !== 0) text += '.';
  if ((flags & TCP_URG) !== 0) text += 'U';
  if ((flags & TCP_ECE) !== 0) text += 'E';
  if ((flags & TCP_CWR) !== 0) text += 'W';
  if ((flags & TCP_AE) !== 0) text += 'e';
  return text === '' ? 'none' : text;
}

/** One line: `TCP 4000 > 80 [S.] seq 1 ack 2 win 65535`. @cold */
export function formatTcp(view: DataView, at: number): string {
  const flags = tcpFlags(view, at);
  let line = 'TCP ' + String(tcpSrcPort(view, at)) + ' > ' + String(tcpDstPort(view, at));
  line += ' [' + tcpFlagsText(flags) + '] seq ' + seqText(tcpSeq(view, at));
  if ((flags & TCP_ACK) !== 0) line += ' ack ' + seqText(tcpAck(view, at));
  return line + ' win ' + String(tcpWindow(view, at));
}
