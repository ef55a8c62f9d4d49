// @hot
/**
 * The order book: price-time priority, trade at the maker's price.
 *
 * It takes messages as bytes, exactly as they were journalled, and writes execution reports as
 * bytes. There is no clock, no thread, no network, no randomness and no order of a hash table in
 * it: the same messages give the same reports and the same {@link OrderBook.stateHash}, always.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import {
  cancelOrderReason,
  MessageTag,
  messageTag,
  newOrderReason,
  orderClientId,
  orderClientSequence,
  orderFlags,
  orderPrice,
  orderQuantity,
  orderSide,
  orderSymbol,
  orderTimeInForce,
  Reason,
  REDUCE,
  replaceOrderReason,
  ReportFlag,
  ReportKind,
  TimeInForce,
} from '@tickwire/protocol';
import { type OrderBookOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import {
  ORDER_ID,
  ORDER_LADDER,
  ORDER_LEVEL,
  ORDER_NEXT,
  ORDER_PREV,
  ORDER_SHIFT,
  ORDER_TRADER,
  OrderArena,
} from './order-arena.ts';
import { OrderTable } from './order-table.ts';
import { PriceLevels } from './price-levels.ts';
import { REPORT_ROOM, ReportBuffer } from './report-buffer.ts';
import { hashState } from './state-hash.ts';
import { readSnapshot, snapshotBytes, writeSnapshot } from './snapshot.ts';

const ACCEPTED = ReportKind.Accepted;
const FINAL = ReportFlag.Final << 24;
const CANCELLED = ReportKind.Cancelled | FINAL;
const TAKER_FILL = ReportKind.Filled | (ReportFlag.Taker << 24);
const MAKER_FILL = ReportKind.Filled;

/** Counters that belong to the state of a book, beside the open orders. */
export interface BookCounters {
  /** Sequence of the last input applied. */
  inputSequence: number;
  /** Sequence of the last report. */
  reportSequence: number;
  /** Id of the last match. */
  matchId: number;
}

/**
 * A matching engine for all symbols of one shard.
 *
 * @example
 * ```ts
 * const book = new OrderBook({ ordersMax: 1_000_000 });
 * while (book.apply(view, at, trader, sequence) === Status.Again) drain(book.reports);
 * ```
 */
export class OrderBook {
  /** Reports since the last `clear()`. The owner drains and clears it. */
  readonly reports: ReportBuffer;
  /** The options in force. */
  readonly options: ResolvedOptions;
  /** Open orders; read only for others. */
  readonly arena: OrderArena;
  /** Price levels; read only for others. */
  readonly levels: PriceLevels;
  /** Last client sequence of each trader; read only for others. */
  readonly clientSequences: Uint32Array;
  /** Counters; read only for others. */
  readonly counters: BookCounters = { inputSequence: 0, reportSequence: 0, matchId: 0 };

  readonly #table: OrderTable;
  readonly #symbols: number;
  readonly #priceMax: number;
  readonly #quantityMax: number;
  readonly #preventSelfTrade: boolean;

  // The order that is being matched. It outlives `apply` only while `#pending`.
  #pending = false;
  #trader = 0;
  #ladder = 0;
  #id = 0;
  #clientSequence = 0;
  #price = 0;
  #quantity = 0;
  #immediate = false;

  /** @throws NetError `ERR_TW_CONFIG` when an option is out of range. */
  constructor(options: OrderBookOptions = {}) {
    const resolved = resolveOptions(options);
    this.options = resolved;
    this.reports = new ReportBuffer(resolved.reportsMax);
    this.arena = new OrderArena(resolved.ordersMax);
    this.levels = new PriceLevels(resolved.symbols * 2, resolved.levelsMax);
    this.clientSequences = new Uint32Array(resolved.traders);
    const key = resolved.hashKey;
    this.#table = new OrderTable(resolved.ordersMax, this.arena.words, key[0], key[1]);
    this.#symbols = resolved.symbols;
    this.#priceMax = resolved.limits.priceMax;
    this.#quantityMax = resolved.limits.quantityMax;
    this.#preventSelfTrade = resolved.selfTrade === 'cancel-newest';
  }

  /** Whether a message waits for room in the report buffer. */
  get pending(): boolean {
    return this.#pending;
  }

  /**
   * Applies one order entry message of a trader and appends the reports it causes.
   *
   * Input sequences increase from 1; gaps are allowed. A message whose client sequence does not
   * exceed the trader's last one is ignored (0 reports).
   *
   * When the report buffer has no room for the next fill, the call stops between two fills and
   * returns `Status.Again`: drain and clear the buffer and call again with the same arguments until
   * the result is not `Again`. Nothing is lost, and the stream of reports does not depend on the
   * size of the buffer.
   *
   * @returns the number of reports appended by this call, or Again, Malformed (version or type;
   * the input counts as applied), OutOfRange (trader), Exists (the input was applied before),
   * BadState (another message is pending).
   */
  apply(view: DataView, at: number, trader: number, inputSequence: number): number {
    const counters = this.counters;
    const before = this.reports.count;
    if (this.#pending) {
      if (inputSequence !== counters.inputSequence) return Status.BadState;
      return this.#match(before);
    }
    if (inputSequence <= counters.inputSequence) return Status.Exists;
    if (trader < 0 || trader >= this.clientSequences.length) return Status.OutOfRange;
    if (this.reports.capacity - before < REPORT_ROOM) return Status.Again;
    counters.inputSequence = inputSequence;
    const tag = messageTag(view, at);
    if (
      tag !== MessageTag.NewOrder &&
      tag !== MessageTag.CancelOrder &&
      tag !== MessageTag.ReplaceOrder
    ) {
      return Status.Malformed;
    }
    const clientSequence = orderClientSequence(view, at);
    if (clientSequence <= this.clientSequences[trader]!) return 0;
    this.clientSequences[trader] = clientSequence;
    this.#trader = trader;
    this.#clientSequence = clientSequence;
    this.#id = orderClientId(view, at) | 0;
    if (tag === MessageTag.NewOrder) return this.#new(view, at, before);
    if (tag === MessageTag.CancelOrder) return this.#cancel(view, at, before);
    return this.#replace(view, at, before);
  }

  #new(view: DataView, at: number, before: number): number {
    const symbol = orderSymbol(view, at);
    const side = orderSide(view, at);
    const ladder = (symbol << 1) | (side & 1);
    const immediate = orderTimeInForce(view, at) === TimeInForce.Ioc;
    let reason: number;
    if (symbol >= this.#symbols) reason = Reason.UnknownSymbol;
    else reason = newOrderReason(view, at, this.#priceMax, this.#quantityMax);
    if (reason === Reason.None) {
      if (this.#table.find(this.#trader, this.#id) >= 0) reason = Reason.DuplicateOrderId;
      else if (!immediate && this.arena.used === this.arena.capacity) reason = Reason.BookFull;
    }
    if (reason !== Reason.None) {
      return this.#refuse(ReportKind.Rejected, reason, ladder, before);
    }
    this.#ladder = ladder;
    this.#price = orderPrice(view, at);
    this.#quantity = orderQuantity(view, at);
    this.#immediate = immediate;
    this.#report(ACCEPTED | (side << 16), this.#price, this.#quantity);
    return this.#match(before);
  }

  #cancel(view: DataView, at: number, before: number): number {
    const symbol = orderSymbol(view, at);
    const slot = this.#table.find(this.#trader, this.#id);
    let reason: number = cancelOrderReason(view, at);
    if (reason === Reason.None) reason = this.#findReason(slot, symbol);
    if (reason !== Reason.None) {
      return this.#refuse(ReportKind.CancelRejected, reason, symbol << 1, before);
    }
    this.#withdraw(slot, Reason.UserCancel);
    return 1;
  }

  #replace(view: DataView, at: number, before: number): number {
    const symbol = orderSymbol(view, at);
    const slot = this.#table.find(this.#trader, this.#id);
    let reason = replaceOrderReason(view, at, this.#priceMax, this.#quantityMax);
    if (reason === Reason.None) reason = this.#findReason(slot, symbol);
    if (reason !== Reason.None) {
      return this.#refuse(ReportKind.ReplaceRejected, reason, symbol << 1, before);
    }
    const quantity = orderQuantity(view, at);
    if ((orderFlags(view, at) & REDUCE) !== 0) return this.#reduce(slot, quantity);
    const ladder = this.arena.words[(slot << ORDER_SHIFT) + ORDER_LADDER]!;
    this.#unlink(slot);
    this.#ladder = ladder;
    this.#price = orderPrice(view, at);
    this.#quantity = quantity;
    this.#immediate = false;
    this.#report(ReportKind.Replaced | ((ladder & 1) << 16), this.#price, quantity);
    return this.#match(before);
  }

  /** Takes lots off an order that keeps its place. */
  #reduce(slot: number, quantity: number): number {
    const open = this.arena.quantities[slot * 4 + 3]!;
    if (quantity >= open) {
      this.#withdraw(slot, Reason.ReducedToZero);
      return 1;
    }
    const record = slot << ORDER_SHIFT;
    const level = this.arena.words[record + ORDER_LEVEL]!;
    this.arena.quantities[slot * 4 + 3] = open - quantity;
    this.levels.quantity[level]! -= quantity;
    this.#ladder = this.arena.words[record + ORDER_LADDER]!;
    const what = ReportKind.Replaced | ((this.#ladder & 1) << 16);
    this.#report(what, this.levels.price[level]!, open - quantity);
    return 1;
  }

  /** Takes an order off the book and reports its cancellation. */
  #withdraw(slot: number, reason: number): void {
    const record = slot << ORDER_SHIFT;
    const price = this.levels.price[this.arena.words[record + ORDER_LEVEL]!]!;
    const open = this.arena.quantities[slot * 4 + 3]!;
    this.#ladder = this.arena.words[record + ORDER_LADDER]!;
    this.#unlink(slot);
    this.#report(CANCELLED | (reason << 8) | ((this.#ladder & 1) << 16), price, open);
  }

  #findReason(slot: number, symbol: number): number {
    if (symbol >= this.#symbols) return Reason.UnknownSymbol;
    if (slot < 0) return Reason.UnknownOrder;
    const ladder = this.arena.words[(slot << ORDER_SHIFT) + ORDER_LADDER]!;
    return ladder >> 1 === symbol ? Reason.None : Reason.UnknownOrder;
  }

  #refuse(kind: number, reason: number, ladder: number, before: number): number {
    this.#ladder = ladder;
    this.#report(kind | (reason << 8) | ((ladder & 1) << 16), 0, 0);
    return this.reports.count - before;
  }

  /** Reports to the trader of the current message. */
  #report(what: number, price: number, quantity: number): void {
    const sequence = ++this.counters.reportSequence;
    this.reports.append(
      this.#trader,
      this.#ladder,
      this.#id,
      what,
      this.#clientSequence,
      sequence,
      price,
      quantity,
      0,
    );
  }

  /** Matches the current order against the other side until nothing crosses, then settles it. */
  #match(before: number): number {
    const { levels, reports, counters } = this;
    const words = this.arena.words;
    const quantities = this.arena.quantities;
    const ladder = this.#ladder;
    const other = ladder ^ 1;
    const side = ladder & 1;
    const trader = this.#trader;
    // A buyer reaches asks up to its price; a seller bids down to its price, whose rank is negated.
    const reach = side === 0 ? this.#price : 0 - this.#price;
    let quantity = this.#quantity;
    while (quantity > 0 && levels.bestRank[other]! <= reach) {
      if (reports.capacity - reports.count < REPORT_ROOM) {
        this.#quantity = quantity;
        this.#pending = true;
        return Status.Again;
      }
      const level = levels.best[other]!;
      const maker = levels.head[level]!;
      const record = maker << ORDER_SHIFT;
      const makerTrader = words[record + ORDER_TRADER]!;
      if (this.#preventSelfTrade && makerTrader === trader) {
        this.#pending = false;
        const what = CANCELLED | (Reason.SelfTrade << 8) | (side << 16);
        this.#report(what, this.#price, quantity);
        return reports.count - before;
      }
      const open = quantities[maker * 4 + 3]!;
      const fill = open < quantity ? open : quantity;
      const price = levels.price[level]!;
      const makerId = words[record + ORDER_ID]!;
      const matchId = ++counters.matchId;
      quantity -= fill;
      const takerWhat = TAKER_FILL | (side << 16) | (quantity === 0 ? FINAL : 0);
      const makerWhat = MAKER_FILL | ((side ^ 1) << 16) | (fill === open ? FINAL : 0);
      const sequence = counters.reportSequence + 1;
      counters.reportSequence = sequence + 1;
      const clientSequence = this.#clientSequence;
      const id = this.#id;
      reports.append(trader, ladder, id, takerWhat, clientSequence, sequence, price, fill, matchId);
      reports.append(makerTrader, other, makerId, makerWhat, 0, sequence + 1, price, fill, matchId);
      if (fill === open) {
        this.#unlink(maker);
      } else {
        quantities[maker * 4 + 3] = open - fill;
        levels.quantity[level]! -= fill;
      }
    }
    this.#pending = false;
    if (quantity > 0) this.#settle(quantity, reach);
    return reports.count - before;
  }

  /** Rests what was not filled, or cancels it. */
  #settle(quantity: number, reach: number): void {
    const ladder = this.#ladder;
    const price = this.#price;
    const what = CANCELLED | ((ladder & 1) << 16);
    if (this.#immediate) {
      this.#report(what | (Reason.IocRemainder << 8), price, quantity);
      return;
    }
    // The rank of a resting order: its price for asks, the negative for bids.
    const level = this.levels.obtain(ladder, 0 - reach, price);
    if (level < 0) {
      this.#report(what | (Reason.LevelLimit << 8), price, quantity);
      return;
    }
    this.#append(ladder, level, this.#trader, this.#id, quantity);
  }

  /** Appends an order to the queue of a level. The caller has made sure that a slot is free. */
  #append(ladder: number, level: number, trader: number, id: number, quantity: number): void {
    const { arena, levels } = this;
    const slot = arena.take();
    const words = arena.words;
    const record = slot << ORDER_SHIFT;
    const tail = levels.tail[level]!;
    words[record + ORDER_NEXT] = -1;
    words[record + ORDER_PREV] = tail;
    words[record + ORDER_LEVEL] = level;
    words[record + ORDER_TRADER] = trader;
    words[record + ORDER_ID] = id;
    words[record + ORDER_LADDER] = ladder;
    arena.quantities[slot * 4 + 3] = quantity;
    if (tail < 0) levels.head[level] = slot;
    else words[(tail << ORDER_SHIFT) + ORDER_NEXT] = slot;
    levels.tail[level] = slot;
    levels.count[level]!++;
    levels.quantity[level]! += quantity;
    this.#table.insert(trader, id, slot);
  }

  /** Takes an order out of its queue, the table and the arena. */
  #unlink(slot: number): void {
    const { arena, levels } = this;
    const words = arena.words;
    const record = slot << ORDER_SHIFT;
    const level = words[record + ORDER_LEVEL]!;
    const next = words[record + ORDER_NEXT]!;
    const prev = words[record + ORDER_PREV]!;
    if (prev < 0) levels.head[level] = next;
    else words[(prev << ORDER_SHIFT) + ORDER_NEXT] = next;
    if (next < 0) levels.tail[level] = prev;
    else words[(next << ORDER_SHIFT) + ORDER_PREV] = prev;
    levels.quantity[level]! -= arena.quantities[slot * 4 + 3]!;
    const left = levels.count[level]! - 1;
    levels.count[level] = left;
    if (left === 0) levels.release(words[record + ORDER_LADDER]!, level);
    this.#table.remove(words[record + ORDER_TRADER]!, words[record + ORDER_ID]!, slot);
    arena.give(slot);
  }

  /** Best bid in ticks; NaN when there is none. */
  bestBid(symbol = 0): number {
    const level = this.levels.best[symbol << 1]!;
    return level < 0 ? NaN : this.levels.price[level]!;
  }

  /** Best ask in ticks; NaN when there is none. */
  bestAsk(symbol = 0): number {
    const level = this.levels.best[(symbol << 1) | 1]!;
    return level < 0 ? NaN : this.levels.price[level]!;
  }

  /**
   * The best `n` levels of a side, best first, as triples price, quantity, orders.
   *
   * @param out - takes `3 * n` numbers.
   * @returns the number of levels written.
   */
  depth(symbol: number, side: number, n: number, out: Float64Array): number {
    const levels = this.levels;
    let level = levels.best[(symbol << 1) | side]!;
    let count = 0;
    while (level >= 0 && count < n) {
      out[count * 3] = levels.price[level]!;
      out[count * 3 + 1] = levels.quantity[level]!;
      out[count * 3 + 2] = levels.count[level]!;
      count++;
      level = levels.next(level);
    }
    return count;
  }

  /** Sixteen hexadecimal digits over the complete state, see `state-hash.ts`. A walk. */
  stateHash(): string {
    return hashState(this);
  }

  /** Bytes that {@link OrderBook.snapshot} needs now. */
  snapshotBytes(): number {
    return snapshotBytes(this);
  }

  /**
   * Writes the complete state.
   *
   * @returns the bytes written, or TooLong (`bytes` is too small), BadState (a message is pending).
   */
  snapshot(bytes: Uint8Array): number {
    return this.#pending ? Status.BadState : writeSnapshot(this, bytes);
  }

  /**
   * Makes a book from a snapshot. From there on it behaves as the book that wrote it. @cold
   *
   * @param options - must give room for the orders, levels, traders and symbols of the snapshot.
   * @throws NetError `ERR_TW_CORRUPT` (damaged) or `ERR_TW_CONFIG` (the options are too small).
   */
  static restore(bytes: Uint8Array, options: OrderBookOptions = {}): OrderBook {
    const book = new OrderBook(options);
    readSnapshot(bytes, book, (ladder, price, trader, id, quantity) => {
      const level = book.levels.obtain(ladder, (ladder & 1) === 0 ? 0 - price : price, price);
      if (level < 0 || book.arena.used === book.arena.capacity) return false;
      book.#append(ladder, level, trader, id, quantity);
      return true;
    });
    return book;
  }
}
