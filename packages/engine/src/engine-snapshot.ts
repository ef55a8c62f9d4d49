/**
 * A snapshot of the exchange: the book, and the streams as far as they are retained.
 *
 * Little-endian:
 *
 * ```text
 * 0   "TWEXCH01"                      magic and version
 * 8   u32 traders, u32 book bytes     traders with a stream
 * 16  for each: u32 trader, u32 kept,
 *     f64 last sequence,
 *     kept x 48 bytes                 reports, oldest first
 *     book bytes                      see the book's own format
 * ```
 *
 * The journal's snapshot file around it has the sequence and a CRC.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { OrderBook, type OrderBookOptions } from '@tickwire/book';
import { EXECUTION_REPORT_BYTES } from '@tickwire/protocol';
import type { TraderLogs } from './trader-logs.ts';

const MAGIC = 'TWEXCH01';
const HEADER_BYTES = 16;
const TRADER_BYTES = 16;

/** Writes the state. The book must not be in the middle of a message. */
export function encodeSnapshot(book: OrderBook, logs: TraderLogs): Uint8Array {
  let total = HEADER_BYTES;
  let traders = 0;
  for (let trader = 0; trader < logs.traders; trader += 1) {
    if (logs.last[trader] === 0) continue;
    traders += 1;
    total += TRADER_BYTES + kept(logs, trader) * EXECUTION_REPORT_BYTES;
  }
  const bookBytes = book.snapshotBytes();
  const bytes = new Uint8Array(total + bookBytes);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i += 1) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint32(8, traders, true);
  view.setUint32(12, bookBytes, true);
  let at = HEADER_BYTES;
  for (let trader = 0; trader < logs.traders; trader += 1) {
    const last = logs.last[trader]!;
    if (last === 0) continue;
    const count = kept(logs, trader);
    view.setUint32(at, trader, true);
    view.setUint32(at + 4, count, true);
    view.setFloat64(at + 8, last, true);
    at += TRADER_BYTES;
    for (let sequence = last - count + 1; sequence <= last; sequence += 1) {
      const from = logs.reportAt(trader, sequence);
      bytes.set(logs.bytes.subarray(from, from + EXECUTION_REPORT_BYTES), at);
      at += EXECUTION_REPORT_BYTES;
    }
  }
  if (book.snapshot(bytes.subarray(at)) < 0) {
    throw new NetError('EAGAIN', 'The book is in the middle of a message; take the snapshot later');
  }
  return bytes;
}

/**
 * Rebuilds book and streams.
 *
 * @throws NetError `ERR_TW_CORRUPT` (damaged), `ERR_TW_CONFIG` (the options give too little room).
 */
export function decodeSnapshot(
  bytes: Uint8Array,
  options: OrderBookOptions,
  logs: TraderLogs | undefined,
): OrderBook {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) throw damaged('it is too short');
  for (let i = 0; i < MAGIC.length; i += 1) {
    if (bytes[i] !== MAGIC.charCodeAt(i)) throw damaged('the magic is wrong');
  }
  const traders = view.getUint32(8, true);
  const bookBytes = view.getUint32(12, true);
  let at = HEADER_BYTES;
  for (let i = 0; i < traders; i += 1) {
    if (at + TRADER_BYTES > bytes.length) throw damaged('a stream is cut off');
    const trader = view.getUint32(at, true);
    const count = view.getUint32(at + 4, true);
    const last = view.getFloat64(at + 8, true);
    at += TRADER_BYTES;
    const end = at + count * EXECUTION_REPORT_BYTES;
    if (end > bytes.length || count > last) throw damaged('a stream is cut off');
    if (logs !== undefined) restoreStream(logs, trader, last, count, view, at);
    at = end;
  }
  if (at + bookBytes !== bytes.length) throw damaged('its length does not fit its tables');
  return OrderBook.restore(bytes.subarray(at), options);
}

/** Reports of `trader` that are still there. */
function kept(logs: TraderLogs, trader: number): number {
  return logs.last[trader]! - logs.oldest(trader) + 1;
}

function restoreStream(
  logs: TraderLogs,
  trader: number,
  last: number,
  count: number,
  view: DataView,
  at: number,
): void {
  if (trader >= logs.traders) {
    throw new NetError(
      'ERR_TW_CONFIG',
      `The snapshot holds trader ${trader}; raise limits.traders to ${trader + 1} or more`,
      { trader },
    );
  }
  logs.begin(trader, last - count);
  for (let i = 0; i < count; i += 1) logs.append(trader, view, at + i * EXECUTION_REPORT_BYTES);
}

function damaged(reason: string): NetError {
  return new NetError('ERR_TW_CORRUPT', `The snapshot is damaged (${reason}); use an older one`, {
    reason,
  });
}
