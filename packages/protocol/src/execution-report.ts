// @hot
/**
 * Execution reports: what the server tells about an order. 48 bytes, little-endian.
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |    version    |     type      |            symbol             |   0
 * +---------------+---------------+-------------------------------+
 * |                        client order id                        |   4
 * +---------------+---------------+---------------+---------------+
 * |     kind      |    reason     |     side      |     flags     |   8
 * +---------------+---------------+---------------+---------------+
 * |                        client sequence                        |  12
 * +---------------------------------------------------------------+
 * |               report sequence, uint64, from 1                 |  16
 * +---------------------------------------------------------------+
 * |                     price, int64, in ticks                    |  24
 * +---------------------------------------------------------------+
 * |                    quantity, int64, in lots                   |  32
 * +---------------------------------------------------------------+
 * |                  match id, uint64; fills only                 |  40
 * +---------------------------------------------------------------+
 * ```
 *
 * | kind            | price            | quantity               | client sequence              |
 * | --------------- | ---------------- | ---------------------- | ---------------------------- |
 * | Accepted        | as submitted     | as submitted           | of the NewOrder              |
 * | Filled          | the maker's      | of this fill           | taker: its message; maker: 0 |
 * | Cancelled       | of the order     | taken off the book     | of the message that did it   |
 * | Replaced        | the new one      | new open quantity      | of the ReplaceOrder          |
 * | Rejected        | 0                | 0                      | of the NewOrder              |
 * | CancelRejected  | 0                | 0                      | of the CancelOrder           |
 * | ReplaceRejected | 0                | 0                      | of the ReplaceOrder          |
 *
 * The report sequence counts all reports of one engine, without holes; the two sides of a fill are
 * neighbours, the taker's first, and share the match id. The answer to a message comes in the order
 * acknowledgement, fills, cancellation of the rest.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { getInt64, setInt64 } from './int64.ts';
import { messageTag, MessageTag } from './order-entry.ts';
import { reasonName } from './reason.ts';

/** Bytes of an ExecutionReport. */
export const EXECUTION_REPORT_BYTES = 48;

/** What happened. */
export const ReportKind = {
  Accepted: 1,
  Filled: 2,
  Cancelled: 3,
  Replaced: 4,
  Rejected: 5,
  CancelRejected: 6,
  ReplaceRejected: 7,
} as const;

/** Any value of {@link ReportKind}. */
export type ReportKind = (typeof ReportKind)[keyof typeof ReportKind];

/** Bits of the flags byte. */
export const ReportFlag = {
  /** This side of the fill removed liquidity. */
  Taker: 1,
  /** The order is no longer open: nothing more will be reported about it. */
  Final: 2,
} as const;

/** Byte offset of the symbol. */
export const REPORT_SYMBOL_AT = 2;
/** Byte offset of the client order id. */
export const REPORT_CLIENT_ORDER_ID_AT = 4;
/** Byte offset of kind, reason, side and flags, one byte each. */
export const REPORT_KIND_AT = 8;
/** Byte offset of the client sequence. */
export const REPORT_CLIENT_SEQUENCE_AT = 12;
/** Byte offset of the report sequence. */
export const REPORT_SEQUENCE_AT = 16;
/** Byte offset of the price. */
export const REPORT_PRICE_AT = 24;
/** Byte offset of the quantity. */
export const REPORT_QUANTITY_AT = 32;
/** Byte offset of the match id. */
export const REPORT_MATCH_ID_AT = 40;

/** Symbol number. */
export function reportSymbol(view: DataView, at: number): number {
  return view.getUint16(at + REPORT_SYMBOL_AT, true);
}

/** Client order id, uint32. */
export function reportClientOrderId(view: DataView, at: number): number {
  return view.getUint32(at + REPORT_CLIENT_ORDER_ID_AT, true);
}

/** See {@link ReportKind}. */
export function reportKind(view: DataView, at: number): number {
  return view.getUint8(at + REPORT_KIND_AT);
}

/** See {@link Reason}. */
export function reportReason(view: DataView, at: number): number {
  return view.getUint8(at + REPORT_KIND_AT + 1);
}

/** See {@link Side}. */
export function reportSide(view: DataView, at: number): number {
  return view.getUint8(at + REPORT_KIND_AT + 2);
}

/** See {@link ReportFlag}. */
export function reportFlags(view: DataView, at: number): number {
  return view.getUint8(at + REPORT_KIND_AT + 3);
}

/** Client sequence of the message this report answers; 0 on the maker's side of a fill. */
export function reportClientSequence(view: DataView, at: number): number {
  return view.getUint32(at + REPORT_CLIENT_SEQUENCE_AT, true);
}

/** Report sequence, from 1, without holes. */
export function reportSequence(view: DataView, at: number): number {
  return getInt64(view, at + REPORT_SEQUENCE_AT);
}

/** Price in ticks. */
export function reportPrice(view: DataView, at: number): number {
  return getInt64(view, at + REPORT_PRICE_AT);
}

/** Quantity in lots. */
export function reportQuantity(view: DataView, at: number): number {
  return getInt64(view, at + REPORT_QUANTITY_AT);
}

/** Match id shared by the two sides of a fill, from 1; 0 on other kinds. */
export function reportMatchId(view: DataView, at: number): number {
  return getInt64(view, at + REPORT_MATCH_ID_AT);
}

/** Returns Ok, Truncated, TooLong, or Malformed (version, type, kind). */
export function checkExecutionReport(view: DataView, at: number, length: number): number {
  if (length < EXECUTION_REPORT_BYTES) return Status.Truncated;
  if (length > EXECUTION_REPORT_BYTES) return Status.TooLong;
  if (messageTag(view, at) !== MessageTag.ExecutionReport) return Status.Malformed;
  const kind = reportKind(view, at);
  return kind < ReportKind.Accepted || kind > ReportKind.ReplaceRejected
    ? Status.Malformed
    : Status.Ok;
}

/** An execution report as an object, for tests, logs and the encoder. */
export interface ExecutionReport {
  readonly symbol: number;
  readonly clientOrderId: number;
  readonly kind: number;
  readonly reason: number;
  readonly side: number;
  readonly flags: number;
  readonly clientSequence: number;
  readonly sequence: number;
  readonly price: number;
  readonly quantity: number;
  readonly matchId: number;
}

/** Writes a report and returns its size. The book has a faster writer for its own buffer. */
export function encodeExecutionReport(view: DataView, at: number, r: ExecutionReport): number {
  view.setUint16(at, MessageTag.ExecutionReport, true);
  view.setUint16(at + REPORT_SYMBOL_AT, r.symbol, true);
  view.setUint32(at + REPORT_CLIENT_ORDER_ID_AT, r.clientOrderId, true);
  view.setUint8(at + REPORT_KIND_AT, r.kind);
  view.setUint8(at + REPORT_KIND_AT + 1, r.reason);
  view.setUint8(at + REPORT_KIND_AT + 2, r.side);
  view.setUint8(at + REPORT_KIND_AT + 3, r.flags);
  view.setUint32(at + REPORT_CLIENT_SEQUENCE_AT, r.clientSequence, true);
  setInt64(view, at + REPORT_SEQUENCE_AT, r.sequence);
  setInt64(view, at + REPORT_PRICE_AT, r.price);
  setInt64(view, at + REPORT_QUANTITY_AT, r.quantity);
  setInt64(view, at + REPORT_MATCH_ID_AT, r.matchId);
  return EXECUTION_REPORT_BYTES;
}

/** Decodes a report that {@link checkExecutionReport} accepts, for tests and logs. @cold */
export function parseExecutionReport(view: DataView, at: number): ExecutionReport {
  return {
    symbol: reportSymbol(view, at),
    clientOrderId: reportClientOrderId(view, at),
    kind: reportKind(view, at),
    reason: reportReason(view, at),
    side: reportSide(view, at),
    flags: reportFlags(view, at),
    clientSequence: reportClientSequence(view, at),
    sequence: reportSequence(view, at),
    price: reportPrice(view, at),
    quantity: reportQuantity(view, at),
    matchId: reportMatchId(view, at),
  };
}

/** One line for a log: sequence, kind, order, side, quantity, price, reason. @cold */
export function formatExecutionReport(view: DataView, at: number): string {
  const r = parseExecutionReport(view, at);
  const names = Object.keys(ReportKind) as (keyof typeof ReportKind)[];
  const kind = names.find((name) => ReportKind[name] === r.kind) ?? `Kind(${r.kind})`;
  const side = r.side === 0 ? 'buy' : 'sell';
  const match = r.matchId === 0 ? '' : ` match ${r.matchId}`;
  const reason = r.reason === 0 ? '' : ` ${reasonName(r.reason)}`;
  const order = `${r.clientOrderId} ${side} ${r.quantity}@${r.price}`;
  return `#${r.sequence} ${kind} ${order}${match}${reason}`;
}
