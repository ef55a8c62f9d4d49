// @hot
/**
 * The Accurate ECN option (RFC 9768, 3.2.3): how many payload bytes have arrived under each
 * codepoint of the IP header's ECN field.
 *
 * ```text
 *  kind 172 | 2 + 3n | EE0B (24) | ECEB (24) | EE1B (24)       order 0
 *  kind 174 | 2 + 3n | EE1B (24) | ECEB (24) | EE0B (24)       order 1
 * ```
 *
 * Fields may be left out from the end, n = 0..3. Each is the low 24 bits of a counter that begins
 * with 1 (ECT(0), ECT(1)) or 0 (CE), so that a field that somebody has cleared can be told.
 *
 * @module
 */

import type { TcpOptions } from './tcp-options.ts';

/** Counters in the order ECT(0), CE, ECT(1). */
export const TCP_OPTION_ACCECN_0 = 172;
/** Counters in the order ECT(1), CE, ECT(0). */
export const TCP_OPTION_ACCECN_1 = 174;
/** Counters in an option at most. */
export const TCP_ACCECN_FIELDS_MAX = 3;

const NOP = 1;
const HEADER_BYTES = 2;
const FIELD_BYTES = 3;

/** Bytes of an option with `fields` counters, with the NOPs that fill its last word. */
export function tcpAccEcnBytes(fields: number): number {
  return (HEADER_BYTES + fields * FIELD_BYTES + 3) & ~3;
}

/** The most counters for which `room` bytes are enough; -1 when not even an empty option fits. */
export function tcpAccEcnFit(room: number): number {
  if (room < tcpAccEcnBytes(0)) return -1;
  let fields = TCP_ACCECN_FIELDS_MAX;
  while (tcpAccEcnBytes(fields) > room) fields -= 1;
  return fields;
}

/**
 * Reads an option of `size` bytes in all at `at`. A length that is none of 2, 5, 8, 11 counts for
 * the whole fields in it, and what is left is padding (RFC 9768, 3.2.3).
 */
export function readTcpAccEcn(view: DataView, at: number, size: number, out: TcpOptions): void {
  let fields = ((size - HEADER_BYTES) / FIELD_BYTES) | 0;
  if (fields > TCP_ACCECN_FIELDS_MAX) fields = TCP_ACCECN_FIELDS_MAX;
  const first = fields > 0 ? field(view, (at + HEADER_BYTES) | 0) : -1;
  const second = fields > 1 ? field(view, (at + HEADER_BYTES + FIELD_BYTES) | 0) : -1;
  const third = fields > 2 ? field(view, (at + HEADER_BYTES + 2 * FIELD_BYTES) | 0) : -1;
  const swapped = view.getUint8(at) === TCP_OPTION_ACCECN_1;
  out.accEcn = fields;
  out.accEcnE0 = swapped ? third : first;
  out.accEcnCe = second;
  out.accEcnE1 = swapped ? first : third;
}

function field(view: DataView, at: number): number {
  return (view.getUint8(at) << 16) | view.getUint16((at + 1) | 0);
}

/**
 * Writes the first `fields` counters in `order` (0 or 1) and NOPs to the end of the word; returns
 * the offset behind them. Only the low 24 bits of a counter count.
 */
export function emitTcpAccEcn(
  view: DataView,
  at: number,
  order: number,
  fields: number,
  e0: number,
  ce: number,
  e1: number,
): number {
  const size = HEADER_BYTES + fields * FIELD_BYTES;
  const end = at + tcpAccEcnBytes(fields);
  view.setUint8(at, order === 0 ? TCP_OPTION_ACCECN_0 : TCP_OPTION_ACCECN_1);
  view.setUint8(at + 1, size);
  let to = at + HEADER_BYTES;
  if (fields > 0) to = setField(view, to, order === 0 ? e0 : e1);
  if (fields > 1) to = setField(view, to, ce);
  if (fields > 2) to = setField(view, to, order === 0 ? e1 : e0);
  for (; to < end; to += 1) view.setUint8(to, NOP);
  return end;
}

function setField(view: DataView, at: number, counter: number): number {
  view.setUint8(at, (counter >>> 16) & 0xff);
  view.setUint16(at + 1, counter & 0xffff);
  return at + FIELD_BYTES;
}
