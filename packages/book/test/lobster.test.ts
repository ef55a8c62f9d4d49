import { describe, expect, test } from 'bun:test';
import {
  encodeCancelOrder,
  encodeNewOrder,
  encodeReplaceOrder,
  FLOW_IOC,
  FlowType,
  gunzipIfNeeded,
  type OrderFlow,
  readOrderFlow,
  REDUCE,
  ReportFlag,
  ReportKind,
} from '@tickwire/protocol';
import { ORDER_ID, ORDER_NEXT, ORDER_SHIFT } from '../src/order-arena.ts';
import { OrderBook } from '../src/order-book.ts';
import { haveData, readData } from './data.ts';
import { applyAll } from './harness.ts';
import type { RoutedReport } from './naive-book.ts';

/** A level that is not there. */
const ABSENT = 9_999_999_999;
/** Ids of the orders that stand for what was at a level before we looked. */
const UNKNOWN_ID_BASE = 0xf0000000;

interface Pair {
  readonly symbol: string;
  readonly levels: number;
  readonly suffix: string;
  readonly rows: number;
  readonly executions: number;
  /** Executions of an order whose whole queue we know, at its head. */
  readonly headHits: number;
  /**
   * Rows, from 0, at which the exchange first passed over a visibly earlier order. The visible data
   * do not explain them.
   */
  readonly exceptions: readonly number[];
}

const PAIRS: readonly Pair[] = [
  {
    symbol: 'AMZN',
    levels: 5,
    suffix: '',
    rows: 155_935,
    executions: 8_974,
    headHits: 7_272,
    exceptions: [4266, 8397, 76791, 108618, 153053, 153986],
  },
  {
    symbol: 'MSFT',
    levels: 50,
    suffix: '_first1950',
    rows: 1_950,
    executions: 160,
    headHits: 107,
    exceptions: [139, 438, 1087],
  },
  {
    symbol: 'AAPL',
    levels: 1,
    suffix: '',
    rows: 118_497,
    executions: 23_658,
    headHits: 10_913,
    exceptions: [
      1222, 12844, 14322, 19591, 24817, 27761, 33214, 33528, 56736, 67807, 83267, 87346, 87985,
      93542, 109371, 117266,
    ],
  },
];

const fileOf = (pair: Pair, kind: string): string =>
  `lobster_${pair.symbol}_2012-06-21_${kind}_${pair.levels}${pair.suffix}.csv.gz`;

/** The rows of an orderbook file: ask price, ask size, bid price, bid size for each level. */
function readRows(bytes: Uint8Array, columns: number): Float64Array {
  const lines = new TextDecoder().decode(bytes).trimEnd().split('\n');
  const rows = new Float64Array(lines.length * columns);
  lines.forEach((line, row) => {
    const fields = line.split(',');
    expect(fields.length).toBe(columns);
    for (let i = 0; i < columns; i++) rows[row * columns + i] = Number(fields[i]);
  });
  return rows;
}

/** Replays one pair and keeps the book inside the window that the file shows. */
class Replay {
  readonly book: OrderBook = new OrderBook({ ordersMax: 2 ** 16, levelsMax: 4096, traders: 1 });
  readonly #view: DataView = new DataView(new ArrayBuffer(32));
  readonly #levels: number;
  readonly #rows: Float64Array;
  readonly #depth: Float64Array;
  /** Open orders by id, with what is left of them. */
  readonly #open: Map<number, number> = new Map();
  /** For each side and price, the order that stands for what was there before. */
  readonly #unknown: Map<string, number> = new Map();
  #sequence = 0;
  #nextUnknown = UNKNOWN_ID_BASE;
  executions = 0;
  headHits = 0;
  undecidable = 0;
  /** First row at which an order was passed over, by the id of that order. */
  readonly exceptions: Map<number, number> = new Map();
  readonly failures: string[] = [];

  constructor(levels: number, rows: Float64Array) {
    this.#levels = levels;
    this.#rows = rows;
    this.#depth = new Float64Array(3 * (levels + 2));
    this.#settle(0);
  }

  #apply(): RoutedReport[] {
    const reports = applyAll(this.book, this.#view, 0, this.#sequence);
    for (const r of reports) {
      const id = r.clientOrderId;
      if (r.kind === ReportKind.Accepted) this.#open.set(id, r.quantity);
      else if (r.kind === ReportKind.Replaced) this.#open.set(id, r.quantity);
      else if (r.kind === ReportKind.Filled) this.#open.set(id, this.#open.get(id)! - r.quantity);
      if ((r.flags & ReportFlag.Final) !== 0) this.#open.delete(id);
    }
    return reports;
  }

  #add(side: number, id: number, price: number, quantity: number, ioc: number): RoutedReport[] {
    encodeNewOrder(this.#view, 0, ++this.#sequence, 0, id, side, ioc, price, quantity);
    return this.#apply();
  }

  #cancel(id: number): void {
    encodeCancelOrder(this.#view, 0, ++this.#sequence, 0, id);
    this.#apply();
  }

  #reduce(id: number, quantity: number): void {
    encodeReplaceOrder(this.#view, 0, ++this.#sequence, 0, id, REDUCE, 0, quantity);
    this.#apply();
  }

  /** The order that an event about `id` concerns: itself, or the unknown part of its level. */
  #target(id: number, side: number, price: number): number {
    if (this.#open.has(id)) return id;
    return this.#unknown.get(`${side}@${price}`) ?? -1;
  }

  #headOf(side: number): { id: number; price: number } {
    const { levels, arena } = this.book;
    const level = levels.best[side]!;
    if (level < 0) return { id: -1, price: NaN };
    const id = arena.words[(levels.head[level]! << ORDER_SHIFT) + ORDER_ID]! >>> 0;
    return { id, price: levels.price[level]! };
  }

  step(flow: OrderFlow, i: number): void {
    const row = flow.sourceRow[i]!;
    const id = flow.orderId[i]!;
    const side = flow.side[i]!;
    const price = flow.price[i]!;
    const quantity = flow.quantity[i]!;
    if (flow.type[i] === FlowType.New && (flow.flags[i]! & FLOW_IOC) === 0) {
      const reports = this.#add(side, id, price, quantity, 0);
      if (reports.length !== 1) this.failures.push(`row ${row}: a new order traded`);
    } else if (flow.type[i] === FlowType.New) {
      this.#execute(row, side, id, price, quantity, flow.makerId[i]!);
    } else {
      const target = this.#target(id, side, price);
      if (target < 0) this.failures.push(`row ${row}: no order ${id} at ${price}`);
      else if (flow.type[i] === FlowType.Cancel && target === id) this.#cancel(id);
      else this.#reduce(target, quantity);
    }
    this.#settle(row);
  }

  #execute(
    row: number,
    side: number,
    id: number,
    price: number,
    quantity: number,
    makerId: number,
  ): void {
    this.executions++;
    const head = this.#headOf(side ^ 1);
    if (head.price !== price) this.failures.push(`row ${row}: not at the best price`);
    const maker = this.#target(makerId, side ^ 1, price);
    if (head.id !== maker) {
      // The file fills another order than the head of our queue. When the head stands for unknown
      // orders, or has a higher reference number and is therefore the younger one (the file showed
      // the maker late), nothing can be said; else it is an exception, counted once for each order
      // that is passed over. The file is followed.
      if (head.id >= UNKNOWN_ID_BASE || head.id > maker) this.undecidable++;
      else if (this.exceptions.get(head.id) === undefined) this.exceptions.set(head.id, row);
      if (maker < 0) this.failures.push(`row ${row}: no maker`);
      else this.#reduce(maker, quantity);
      return;
    }
    if (maker === makerId) this.headHits++;
    const fills = this.#add(side, id, price, quantity, 1).filter((r) => r.matchId > 0);
    const right =
      fills.length === 2 && fills[1]!.clientOrderId === maker && fills[1]!.quantity === quantity;
    if (!right) this.failures.push(`row ${row}: ${fills.length / 2} fills instead of one`);
  }

  /** Compares a hidden event: the book must show the row without having moved. */
  hidden(row: number): void {
    this.#settle(row, false);
  }

  /**
   * Forgets what fell out of the window, takes in at most one level at its far end, and compares.
   */
  #settle(row: number, mayReveal: boolean = true): void {
    const columns = this.#levels * 4;
    for (let side = 0; side < 2; side++) {
      let count = this.book.depth(0, side, this.#levels + 1, this.#depth);
      for (; count > this.#levels; count = this.book.depth(0, side, count, this.#depth)) {
        this.#forgetLast(side);
      }
      const at = row * columns + (side === 0 ? 2 : 0);
      let shown = 0;
      while (
        shown < this.#levels &&
        Math.abs(this.#rows[at + shown * 4]!) !== ABSENT &&
        this.#rows[at + shown * 4 + 1]! > 0
      ) {
        shown++;
      }
      // The first row fills the window; later one level may come into sight.
      const revealMax = !mayReveal ? 0 : row === 0 ? shown : 1;
      const until = shown - count <= revealMax ? shown : count;
      for (; count < until; count++) {
        const price = this.#rows[at + count * 4]!;
        const id = this.#nextUnknown++;
        this.#add(side, id, price, this.#rows[at + count * 4 + 1]!, 0);
        this.#unknown.set(`${side}@${price}`, id);
      }
      count = this.book.depth(0, side, this.#levels, this.#depth);
      if (count !== shown) this.failures.push(`row ${row}: ${count} levels instead of ${shown}`);
      for (let i = 0; i < count; i++) {
        if (
          this.#depth[i * 3] !== this.#rows[at + i * 4] ||
          this.#depth[i * 3 + 1] !== this.#rows[at + i * 4 + 1]
        ) {
          this.failures.push(`row ${row}: side ${side} level ${i} differs`);
          break;
        }
      }
    }
  }

  /** Cancels all orders of the worst level. */
  #forgetLast(side: number): void {
    const { levels, arena } = this.book;
    let level = levels.best[side]!;
    for (let next = level; next >= 0; next = levels.next(level)) level = next;
    const ids: number[] = [];
    for (let slot = levels.head[level]!; slot >= 0;) {
      ids.push(arena.words[(slot << ORDER_SHIFT) + ORDER_ID]! >>> 0);
      slot = arena.words[(slot << ORDER_SHIFT) + ORDER_NEXT]!;
    }
    for (const id of ids) this.#cancel(id);
  }
}

const files = PAIRS.flatMap((pair) => [fileOf(pair, 'message'), fileOf(pair, 'orderbook')]);

describe.skipIf(!haveData(files))('LOBSTER', () => {
  for (const pair of PAIRS) {
    test(`OrderBook makes every transition of ${pair.symbol}, first in first out`, () => {
      const name = fileOf(pair, 'message');
      const flow = readOrderFlow(readData(name), name);
      const bookFile = fileOf(pair, 'orderbook');
      const rows = readRows(gunzipIfNeeded(readData(bookFile), bookFile), pair.levels * 4);
      expect(flow.count + flow.skipped).toBe(pair.rows);
      expect(rows.length).toBe(pair.rows * pair.levels * 4);
      const replay = new Replay(pair.levels, rows);
      let i = flow.sourceRow[0] === 0 ? 1 : 0;
      for (let row = 1; row < pair.rows; row++) {
        if (i < flow.count && flow.sourceRow[i] === row) replay.step(flow, i++);
        else replay.hidden(row);
        if (replay.failures.length > 10) break;
      }
      expect(replay.failures).toEqual([]);
      expect(replay.executions).toBe(pair.executions);
      const passedOver = [...replay.exceptions.values()];
      expect(passedOver.filter((row) => !pair.exceptions.includes(row))).toEqual([]);
      expect(replay.headHits).toBe(pair.headHits);
    }, 60_000);
  }
});
