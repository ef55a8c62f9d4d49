/**
 * What the tests of the book share: a client that builds messages, and views of the state.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import {
  encodeCancelOrder,
  encodeNewOrder,
  encodeReplaceOrder,
  formatExecutionReport,
  parseExecutionReport,
  REDUCE,
} from '@tickwire/protocol';
import {
  ORDER_ID,
  ORDER_LADDER,
  ORDER_LEVEL,
  ORDER_NEXT,
  ORDER_PREV,
  ORDER_SHIFT,
  ORDER_TRADER,
} from '../src/order-arena.ts';
import { OrderBook } from '../src/order-book.ts';
import type { OrderBookOptions } from '../src/options.ts';
import type { RoutedReport } from './naive-book.ts';

/** Takes all reports out of the buffer. */
export function drain(book: OrderBook): RoutedReport[] {
  const out: RoutedReport[] = [];
  for (let i = 0; i < book.reports.count; i++) {
    const report = parseExecutionReport(book.reports.view, i * 48);
    out.push({ trader: book.reports.traders[i]!, ...report });
  }
  book.reports.clear();
  return out;
}

/** Applies a message whatever the size of the buffer, and returns all of its reports. */
export function applyAll(
  book: OrderBook,
  view: DataView,
  trader: number,
  inputSequence: number,
): RoutedReport[] {
  const out: RoutedReport[] = [];
  let result = book.apply(view, 0, trader, inputSequence);
  while (result === Status.Again) {
    out.push(...drain(book));
    result = book.apply(view, 0, trader, inputSequence);
  }
  if (result < 0) throw new Error(`apply returned ${result}`);
  out.push(...drain(book));
  return out;
}

/** Every order of a side, best first, first in time first, as `trader/id quantity@price`. */
export function queueOf(book: OrderBook, symbol: number, side: number): string[] {
  const out: string[] = [];
  const { arena, levels } = book;
  let level = levels.best[symbol * 2 + side]!;
  for (; level >= 0; level = levels.next(level)) {
    let total = 0;
    let count = 0;
    let prev = -1;
    for (let slot = levels.head[level]!; slot >= 0;) {
      const record = slot << ORDER_SHIFT;
      const quantity = arena.quantities[slot * 4 + 3]!;
      if (arena.words[record + ORDER_PREV] !== prev) throw new Error('broken back link');
      if (arena.words[record + ORDER_LEVEL] !== level) throw new Error('order on a wrong level');
      if (arena.words[record + ORDER_LADDER] !== symbol * 2 + side) throw new Error('wrong ladder');
      total += quantity;
      count++;
      const id = arena.words[record + ORDER_ID]! >>> 0;
      const trader = arena.words[record + ORDER_TRADER]!;
      out.push(`${trader}/${id} ${quantity}@${levels.price[level]!}`);
      prev = slot;
      slot = arena.words[record + ORDER_NEXT]!;
    }
    if (levels.tail[level] !== prev) throw new Error('broken tail');
    if (levels.quantity[level] !== total) throw new Error('wrong level quantity');
    if (levels.count[level] !== count || count === 0) throw new Error('wrong level count');
  }
  return out;
}

/** A book with clients that speak in short sentences; each answer is the list of report lines. */
export class Desk {
  readonly book: OrderBook;
  readonly view: DataView = new DataView(new ArrayBuffer(32));
  readonly #clientSequences: number[] = [];
  #inputSequence = 0;

  constructor(options: OrderBookOptions = {}) {
    this.book = new OrderBook({ ordersMax: 4096, levelsMax: 4096, traders: 8, ...options });
  }

  #next(trader: number): number {
    const next = (this.#clientSequences[trader] ?? 0) + 1;
    this.#clientSequences[trader] = next;
    return next;
  }

  /** Applies what is in `view` and returns the reports as text without their sequence numbers. */
  send(trader: number): string[] {
    const lines: string[] = [];
    const take = (): void => {
      for (let i = 0; i < this.book.reports.count; i++) {
        const line = formatExecutionReport(this.book.reports.view, i * 48);
        lines.push(line.replace(/^#\d+ /, '').replace(/ match \d+/, ''));
      }
      this.book.reports.clear();
    };
    const sequence = ++this.#inputSequence;
    let result = this.book.apply(this.view, 0, trader, sequence);
    for (; result === Status.Again; result = this.book.apply(this.view, 0, trader, sequence)) {
      take();
    }
    take();
    if (result < 0) throw new Error(`apply returned ${result}`);
    return lines;
  }

  buy(id: number, quantity: number, price: number, trader = 0, ioc = 0): string[] {
    encodeNewOrder(this.view, 0, this.#next(trader), 0, id, 0, ioc, price, quantity);
    return this.send(trader);
  }

  sell(id: number, quantity: number, price: number, trader = 0, ioc = 0): string[] {
    encodeNewOrder(this.view, 0, this.#next(trader), 0, id, 1, ioc, price, quantity);
    return this.send(trader);
  }

  cancel(id: number, trader = 0): string[] {
    encodeCancelOrder(this.view, 0, this.#next(trader), 0, id);
    return this.send(trader);
  }

  replace(id: number, quantity: number, price: number, trader = 0): string[] {
    encodeReplaceOrder(this.view, 0, this.#next(trader), 0, id, 0, price, quantity);
    return this.send(trader);
  }

  reduce(id: number, quantity: number, trader = 0): string[] {
    encodeReplaceOrder(this.view, 0, this.#next(trader), 0, id, REDUCE, 0, quantity);
    return this.send(trader);
  }

  bids(): string[] {
    return queueOf(this.book, 0, 0);
  }

  asks(): string[] {
    return queueOf(this.book, 0, 1);
  }
}
