// @hot
/**
 * TCP options: MSS (RFC 9293, 3.7.1), window scale and timestamps (RFC 7323), SACK (RFC 2018,
 * RFC 2883), fast open cookie (RFC 7413). The option of Accurate ECN is in `tcp-accecn.ts`.
 *
 * ```text
 *  kind 0                         end of list
 *  kind 1                         no operation
 *  kind 2 | 4  | MSS (16)
 *  kind 3 | 3  | shift (8)
 *  kind 4 | 2                     SACK permitted
 *  kind 5 | 2 + 8n | left (32) | right (32) ...       n = 1..4
 *  kind 8 | 10 | TSval (32) | TSecr (32)
 *  kind 34| 2..18 | cookie
 * ```
 *
 * The parser writes into an object that exists already, never throws and always terminates: each
 * step moves on by at least one byte, and the list is at most 40 bytes long.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { seqText } from './seq.ts';
import { readTcpAccEcn, TCP_OPTION_ACCECN_0, TCP_OPTION_ACCECN_1 } from './tcp-accecn.ts';

/** End of the list. */
export const TCP_OPTION_END = 0;
/** Padding between options. */
export const TCP_OPTION_NOP = 1;
/** Maximum segment size, on SYN only. */
export const TCP_OPTION_MSS = 2;
/** Window scale, on SYN only. */
export const TCP_OPTION_WINDOW_SCALE = 3;
/** SACK permitted, on SYN only. */
export const TCP_OPTION_SACK_PERMITTED = 4;
/** SACK blocks. */
export const TCP_OPTION_SACK = 5;
/** Timestamps. */
export const TCP_OPTION_TIMESTAMPS = 8;
/** Fast open cookie, on SYN only. */
export const TCP_OPTION_FAST_OPEN = 34;

/** Bytes of all options together: the longest header less the fixed part. */
export const TCP_OPTIONS_BYTES_MAX = 40;
/** Bytes of the timestamps option with the two NOPs that align it (RFC 7323, appendix A). */
export const TCP_TIMESTAMPS_BYTES = 12;
/** Largest window shift: a larger one is used as 14 (RFC 7323, 2.3). */
export const TCP_WINDOW_SCALE_MAX = 14;
/** SACK blocks that fit into 40 bytes; 3 beside timestamps. */
export const TCP_SACK_BLOCKS_MAX = 4;
/** MSS that a peer without the option can take over IPv4 (RFC 9293, 3.7.1). */
export const TCP_MSS_DEFAULT_IPV4 = 536;
/** MSS that a peer without the option can take over IPv6 (RFC 9293, 3.7.1). */
export const TCP_MSS_DEFAULT_IPV6 = 1220;

const MSS_BYTES = 4;
const WINDOW_SCALE_BYTES = 3;
const SACK_PERMITTED_BYTES = 2;
const TIMESTAMPS_OPTION_BYTES = 10;
const SACK_BLOCK_BYTES = 8;
/** Longest fast open cookie (RFC 7413, 4.1.1). */
const FAST_OPEN_COOKIE_BYTES_MAX = 16;

/** NOP, NOP, kind 8, length 10 as one word. */
const TIMESTAMPS_ALIGNED = 0x0101080a;

/** What the options of one segment say; one object, reused for every segment. */
export class TcpOptions {
  /** Maximum segment size, 0 when absent (a peer's zero is nonsense and counts as absent). */
  mss = 0;
  /** Window shift 0..14, or -1 when absent. Meaningful on SYN segments only. */
  windowScale = -1;
  /** 1 when SACK permitted is present. */
  sackPermitted = 0;
  /** 1 when `tsVal` and `tsEcr` are valid. */
  hasTimestamps = 0;
  /** Sender's clock, int32. */
  tsVal = 0;
  /** Echo of our clock, int32; valid with ACK only. */
  tsEcr = 0;
  /** Number of valid entries in `sackLeft` and `sackRight`. */
  sackCount = 0;
  /** Left edges, int32, in the order of the option; the first may be a duplicate report. */
  readonly sackLeft: Int32Array = new Int32Array(TCP_SACK_BLOCKS_MAX);
  /** Right edges (exclusive), int32. */
  readonly sackRight: Int32Array = new Int32Array(TCP_SACK_BLOCKS_MAX);
  /** Offset of the fast open cookie in the view, or -1 when the option is absent. */
  fastOpenAt = -1;
  /** Bytes of the cookie; 0 asks for one. */
  fastOpenLength = 0;
  /** Counters in the Accurate ECN option, or -1 when it is absent. */
  accEcn = -1;
  /** Its counters for ECT(0), CE and ECT(1), 24 bits; -1 when left out. */
  accEcnE0 = -1;
  accEcnCe = -1;
  accEcnE1 = -1;
}

/** Marks everything as absent. */
export function clearTcpOptions(out: TcpOptions): void {
  out.mss = 0;
  out.windowScale = -1;
  out.sackPermitted = 0;
  out.hasTimestamps = 0;
  out.tsVal = 0;
  out.tsEcr = 0;
  out.sackCount = 0;
  out.fastOpenAt = -1;
  out.fastOpenLength = 0;
  out.accEcn = -1;
  out.accEcnE0 = -1;
  out.accEcnCe = -1;
  out.accEcnE1 = -1;
}

/**
 * Reads `length` bytes of options at `at` into `out`. Returns `Ok`, or `Malformed` when an option's
 * length is impossible; the options before it stay valid, those behind it are not looked at, as in
 * every deployed stack. Unknown options, and known kinds with the wrong length, are skipped.
 */
export function parseTcpOptions(
  view: DataView,
  at: number,
  length: number,
  out: TcpOptions,
): number {
  clearTcpOptions(out);
  if (length === 0) return Status.Ok;
  // Nearly every segment of an open connection carries exactly this (RFC 7323, appendix A).
  if (length === TCP_TIMESTAMPS_BYTES && view.getInt32(at) === TIMESTAMPS_ALIGNED) {
    out.hasTimestamps = 1;
    out.tsVal = view.getInt32(at + 4);
    out.tsEcr = view.getInt32(at + 8);
    return Status.Ok;
  }
  const end = at + length;
  let i = at;
  while (i < end) {
    const kind = view.getUint8(i);
    if (kind === TCP_OPTION_END) return Status.Ok;
    if (kind === TCP_OPTION_NOP) {
      i += 1;
      continue;
    }
    if (i + 2 > end) return Status.Malformed;
    const size = view.getUint8(i + 1);
    if (size < 2 || i + size > end) return Status.Malformed;
    readOption(view, i, kind, size, out);
    i += size;
  }
  return Status.Ok;
}

function readOption(view: DataView, at: number, kind: number, size: number, out: TcpOptions): void {
  switch (kind) {
    case TCP_OPTION_MSS:
      if (size === MSS_BYTES) out.mss = view.getUint16(at + 2);
      break;
    case TCP_OPTION_WINDOW_SCALE:
      if (size === WINDOW_SCALE_BYTES) {
        const shift = view.getUint8(at + 2);
        out.windowScale = shift > TCP_WINDOW_SCALE_MAX ? TCP_WINDOW_SCALE_MAX : shift;
      }
      break;
    case TCP_OPTION_SACK_PERMITTED:
      if (size === SACK_PERMITTED_BYTES) out.sackPermitted = 1;
      break;
    case TCP_OPTION_SACK:
      readSack(view, at, size, out);
      break;
    case TCP_OPTION_TIMESTAMPS:
      if (size === TIMESTAMPS_OPTION_BYTES) {
        out.hasTimestamps = 1;
        out.tsVal = view.getInt32(at + 2);
        out.tsEcr = view.getInt32(at + 6);
      }
      break;
    case TCP_OPTION_FAST_OPEN:
      if (size - 2 <= FAST_OPEN_COOKIE_BYTES_MAX) {
        out.fastOpenAt = at + 2;
        out.fastOpenLength = size - 2;
      }
      break;
    case TCP_OPTION_ACCECN_0:
    case TCP_OPTION_ACCECN_1:
      readTcpAccEcn(view, at, size, out);
      break;
    default:
      break;
  }
}

function readSack(view: DataView, at: number, size: number, out: TcpOptions): void {
  const bytes = size - 2;
  if (bytes === 0 || bytes % SACK_BLOCK_BYTES !== 0) return;
  const count = bytes / SACK_BLOCK_BYTES;
  if (count > TCP_SACK_BLOCKS_MAX) return;
  for (let block = 0; block < count; block += 1) {
    const from = at + 2 + block * SACK_BLOCK_BYTES;
    out.sackLeft[block] = view.getInt32(from);
    out.sackRight[block] = view.getInt32(from + 4);
  }
  out.sackCount = count;
}

/** Writes MSS (4 bytes) and returns the offset behind it. */
export function emitTcpMss(view: DataView, at: number, mss: number): number {
  view.setUint16(at, (TCP_OPTION_MSS << 8) | MSS_BYTES);
  view.setUint16(at + 2, mss);
  return at + MSS_BYTES;
}

/** Writes NOP and window scale (4 bytes together) and returns the offset behind them. */
export function emitTcpWindowScale(view: DataView, at: number, shift: number): number {
  view.setUint16(at, (TCP_OPTION_NOP << 8) | TCP_OPTION_WINDOW_SCALE);
  view.setUint16(at + 2, (WINDOW_SCALE_BYTES << 8) | shift);
  return at + 4;
}

/** Writes two NOPs and SACK permitted (4 bytes together) and returns the offset behind them. */
export function emitTcpSackPermitted(view: DataView, at: number): number {
  view.setUint16(at, (TCP_OPTION_NOP << 8) | TCP_OPTION_NOP);
  view.setUint16(at + 2, (TCP_OPTION_SACK_PERMITTED << 8) | SACK_PERMITTED_BYTES);
  return at + 4;
}

/** Writes two NOPs and timestamps (12 bytes together) and returns the offset behind them. */
export function emitTcpTimestamps(
  view: DataView,
  at: number,
  tsVal: number,
  tsEcr: number,
): number {
  view.setInt32(at, TIMESTAMPS_ALIGNED);
  view.setInt32(at + 4, tsVal);
  view.setInt32(at + 8, tsEcr);
  return at + TCP_TIMESTAMPS_BYTES;
}

/** Whether two NOPs and timestamps begin at `at`: what every segment of a connection carries. */
export function hasAlignedTimestamps(view: DataView, at: number): boolean {
  return view.getInt32(at) === TIMESTAMPS_ALIGNED;
}

/** TSval of the aligned timestamps at `at`, int32. */
export function tcpTsVal(view: DataView, at: number): number {
  return view.getInt32(at + 4);
}

/**
 * Writes SACK permitted and timestamps in the 12 bytes that Linux uses on a SYN: the option takes
 * the place of the two NOPs. Returns the offset behind them.
 */
export function emitTcpSackPermittedTimestamps(
  view: DataView,
  at: number,
  tsVal: number,
  tsEcr: number,
): number {
  view.setUint16(at, (TCP_OPTION_SACK_PERMITTED << 8) | SACK_PERMITTED_BYTES);
  view.setUint16(at + 2, (TCP_OPTION_TIMESTAMPS << 8) | TIMESTAMPS_OPTION_BYTES);
  view.setInt32(at + 4, tsVal);
  view.setInt32(at + 8, tsEcr);
  return at + TCP_TIMESTAMPS_BYTES;
}

/**
 * Writes two NOPs and the header of a SACK option for `count` blocks (1..4) and returns the offset
 * of the first block, which {@link emitTcpSackBlock} writes.
 */
export function emitTcpSackHeader(view: DataView, at: number, count: number): number {
  view.setUint16(at, (TCP_OPTION_NOP << 8) | TCP_OPTION_NOP);
  view.setUint16(at + 2, (TCP_OPTION_SACK << 8) | (2 + count * SACK_BLOCK_BYTES));
  return at + 4;
}

/** Writes one block (8 bytes) and returns the offset behind it. */
export function emitTcpSackBlock(view: DataView, at: number, left: number, right: number): number {
  view.setInt32(at, left);
  view.setInt32(at + 4, right);
  return at + SACK_BLOCK_BYTES;
}

/**
 * Writes the header of a fast open option for a cookie of `length` bytes (0 asks for one) and
 * returns the offset at which the cookie goes. Pad with {@link emitTcpPadding} behind the cookie.
 */
export function emitTcpFastOpen(view: DataView, at: number, length: number): number {
  view.setUint16(at, (TCP_OPTION_FAST_OPEN << 8) | (2 + length));
  return at + 2;
}

/**
 * Writes NOPs from `at` until the options that began at `start` fill whole words, and returns the
 * offset behind them.
 */
export function emitTcpPadding(view: DataView, start: number, at: number): number {
  let i = at;
  while (((i - start) & 3) !== 0) {
    view.setUint8(i, TCP_OPTION_NOP);
    i += 1;
  }
  return i;
}

/** One line: `mss 1460,wscale 7,sackOK,TS val 1 ecr 0,sack {1:2}`. @cold */
export function formatTcpOptions(options: TcpOptions): string {
  const parts: string[] = [];
  if (options.mss !== 0) parts.push('mss ' + String(options.mss));
  if (options.windowScale >= 0) parts.push('wscale ' + String(options.windowScale));
  if (options.sackPermitted === 1) parts.push('sackOK');
  if (options.hasTimestamps === 1) {
    parts.push('TS val ' + seqText(options.tsVal) + ' ecr ' + seqText(options.tsEcr));
  }
  if (options.sackCount > 0) {
    let blocks = 'sack ';
    for (let i = 0; i < options.sackCount; i += 1) {
      blocks += '{' + seqText(options.sackLeft[i]!) + ':' + seqText(options.sackRight[i]!) + '}';
    }
    parts.push(blocks);
  }
  if (options.fastOpenAt >= 0) parts.push('tfo ' + String(options.fastOpenLength));
  if (options.accEcn >= 0) {
    let counters = 'accecn';
    if (options.accEcnE0 >= 0) counters += ' e0b ' + String(options.accEcnE0);
    if (options.accEcnCe >= 0) counters += ' ceb ' + String(options.accEcnCe);
    if (options.accEcnE1 >= 0) counters += ' e1b ' + String(options.accEcnE1);
    parts.push(counters);
  }
  return parts.join(',');
}
