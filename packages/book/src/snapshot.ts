/**
 * Snapshots of a book. Little-endian, 8-byte multiples:
 *
 * ```text
 * 0   "TWBOOK01"                magic and version
 * 8   u32 traders, u32 orders   rows of the two tables below
 * 16  i64 inputSequence, i64 reportSequence, i64 matchId
 * 40  u32 trader, u32 clientSequence        for each trader that sent something
 *     u32 trader, u32 clientOrderId,
 *     u32 ladder, u32 0,
 *     i64 price, i64 quantity               for each order, in the order of the state hash
 * end sixteen characters: the state hash
 * ```
 *
 * Orders are written in the order of their queues, so that appending them one by one restores every
 * priority. A reader rebuilds the book and compares the state hash: a damaged file is refused.
 *
 * @module
 */

import { NetError, Status } from '@tickwire/base';
import { getInt64, setInt64 } from '@tickwire/protocol';
import { ORDER_ID, ORDER_NEXT, ORDER_SHIFT, ORDER_TRADER } from './order-arena.ts';
import { type BookState, hashState } from './state-hash.ts';

const MAGIC = 'TWBOOK01';
const HEADER_BYTES = 40;
const TRADER_BYTES = 8;
const ORDER_BYTES = 32;
const TRAILER_BYTES = 16;

function activeTraders(book: BookState): number {
  let count = 0;
  for (const sequence of book.clientSequences) if (sequence !== 0) count++;
  return count;
}

/** Size of a snapshot of this state. */
export function snapshotBytes(book: BookState): number {
  const traders = activeTraders(book) * TRADER_BYTES;
  return HEADER_BYTES + traders + book.arena.used * ORDER_BYTES + TRAILER_BYTES;
}

function writeAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

function readAscii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/** Writes the state and returns the bytes used, or TooLong. */
export function writeSnapshot(book: BookState, bytes: Uint8Array): number {
  const total = snapshotBytes(book);
  if (bytes.length < total) return Status.TooLong;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { arena, levels, counters, clientSequences } = book;
  writeAscii(bytes, 0, MAGIC);
  view.setUint32(8, activeTraders(book), true);
  view.setUint32(12, arena.used, true);
  setInt64(view, 16, counters.inputSequence);
  setInt64(view, 24, counters.reportSequence);
  setInt64(view, 32, counters.matchId);
  let at = HEADER_BYTES;
  for (let trader = 0; trader < clientSequences.length; trader++) {
    if (clientSequences[trader] === 0) continue;
    view.setUint32(at, trader, true);
    view.setUint32(at + 4, clientSequences[trader]!, true);
    at += TRADER_BYTES;
  }
  for (let ladder = 0; ladder < levels.best.length; ladder++) {
    for (let level = levels.best[ladder]!; level >= 0; level = levels.next(level)) {
      for (let slot = levels.head[level]!; slot >= 0;) {
        const record = slot << ORDER_SHIFT;
        view.setInt32(at, arena.words[record + ORDER_TRADER]!, true);
        view.setInt32(at + 4, arena.words[record + ORDER_ID]!, true);
        view.setUint32(at + 8, ladder, true);
        view.setUint32(at + 12, 0, true);
        setInt64(view, at + 16, levels.price[level]!);
        setInt64(view, at + 24, arena.quantities[slot * 4 + 3]!);
        at += ORDER_BYTES;
        slot = arena.words[record + ORDER_NEXT]!;
      }
    }
  }
  writeAscii(bytes, at, hashState(book));
  return at + TRAILER_BYTES;
}

/** Takes one order; false when the book has no room for it. */
type RestoreOrder = (
  ladder: number,
  price: number,
  trader: number,
  id: number,
  quantity: number,
) => boolean;

function corrupt(reason: string): NetError {
  return new NetError('ERR_TW_CORRUPT', `The snapshot is damaged (${reason}); use an older one`, {
    reason,
  });
}

/** A state that {@link readSnapshot} fills in. */
interface MutableState extends BookState {
  readonly counters: { inputSequence: number; reportSequence: number; matchId: number };
}

/**
 * Reads a snapshot into an empty book.
 *
 * @throws NetError `ERR_TW_CORRUPT` or `ERR_TW_CONFIG`.
 */
export function readSnapshot(bytes: Uint8Array, book: MutableState, restore: RestoreOrder): void {
  if (bytes.length < HEADER_BYTES + TRAILER_BYTES) throw corrupt('it is too short');
  if (readAscii(bytes, 0, MAGIC.length) !== MAGIC) throw corrupt('the magic is wrong');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const traders = view.getUint32(8, true);
  const orders = view.getUint32(12, true);
  const total = HEADER_BYTES + traders * TRADER_BYTES + orders * ORDER_BYTES + TRAILER_BYTES;
  if (bytes.length !== total) throw corrupt('its length does not fit its tables');
  book.counters.inputSequence = getInt64(view, 16);
  book.counters.reportSequence = getInt64(view, 24);
  book.counters.matchId = getInt64(view, 32);
  for (const counter of Object.values(book.counters)) {
    if (!Number.isSafeInteger(counter) || counter < 0) throw corrupt('a counter is out of range');
  }
  let at = HEADER_BYTES;
  for (let i = 0; i < traders; i++, at += TRADER_BYTES) {
    const trader = view.getUint32(at, true);
    if (trader >= book.clientSequences.length) {
      throw new NetError('ERR_TW_CONFIG', `The snapshot holds trader ${trader}; raise traders`);
    }
    book.clientSequences[trader] = view.getUint32(at + 4, true);
  }
  for (let i = 0; i < orders; i++, at += ORDER_BYTES) {
    const ladder = view.getUint32(at + 8, true);
    if (ladder >= book.levels.best.length) {
      throw new NetError(
        'ERR_TW_CONFIG',
        `The snapshot holds symbol ${ladder >> 1}; raise symbols`,
      );
    }
    const price = getInt64(view, at + 16);
    const quantity = getInt64(view, at + 24);
    if (view.getUint32(at + 12, true) !== 0) throw corrupt('a reserved word is not zero');
    if (!Number.isSafeInteger(price) || !Number.isSafeInteger(quantity) || quantity < 1) {
      throw corrupt('an order is out of range');
    }
    if (!restore(ladder, price, view.getInt32(at, true), view.getInt32(at + 4, true), quantity)) {
      throw new NetError('ERR_TW_CONFIG', 'The snapshot does not fit; raise ordersMax, levelsMax');
    }
  }
  if (readAscii(bytes, at, TRAILER_BYTES) !== hashState(book)) {
    throw corrupt('its state hash does not match');
  }
}
