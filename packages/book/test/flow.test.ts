import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import {
  createOrderFlow,
  encodeFlowRow,
  FlowGenerator,
  FlowType,
  type OrderFlow,
  Reason,
  readOrderFlow,
  ReportKind,
  reportKind,
  reportReason,
} from '@tickwire/protocol';
import { OrderBook } from '../src/order-book.ts';
import type { OrderBookOptions } from '../src/options.ts';
import { haveData, readData } from './data.ts';

interface Outcome {
  readonly book: OrderBook;
  /** Reports by kind. */
  readonly kinds: number[];
  /** Rejected reports by reason. */
  readonly rejected: Map<number, number>;
}

/** Runs a flow and checks after every message that the book is not crossed. */
function run(flow: OrderFlow, options: OrderBookOptions): Outcome {
  const book = new OrderBook(options);
  const view = new DataView(new ArrayBuffer(32));
  const kinds = [0, 0, 0, 0, 0, 0, 0, 0];
  const rejected = new Map<number, number>();
  const drain = (): void => {
    for (let i = 0; i < book.reports.count; i++) {
      const kind = reportKind(book.reports.view, i * 48);
      kinds[kind]!++;
      if (kind !== ReportKind.Rejected) continue;
      const reason = reportReason(book.reports.view, i * 48);
      rejected.set(reason, (rejected.get(reason) ?? 0) + 1);
    }
    book.reports.clear();
  };
  for (let row = 0; row < flow.count; row++) {
    encodeFlowRow(flow, row, view, 0, row + 1, 0);
    while (book.apply(view, 0, 0, row + 1) === Status.Again) drain();
    drain();
    if (book.bestBid() >= book.bestAsk()) throw new Error(`row ${row}: the book is crossed`);
  }
  return { book, kinds, rejected };
}

describe('FlowGenerator in the book', () => {
  test('next() trades and cancels as often as its docstring states', () => {
    for (const seed of [1, 2, 3]) {
      const flow = createOrderFlow(200_000);
      new FlowGenerator({ seed }).next(flow);
      const { book, kinds } = run(flow, { ordersMax: 2 ** 16, levelsMax: 4096 });
      const adds = flow.type.filter((type) => type === FlowType.New).length;
      const cancels = flow.type.filter((type) => type === FlowType.Cancel).length;
      expect(kinds[ReportKind.Rejected]).toBe(0);
      expect(book.counters.matchId / adds).toBeWithin(0.06, 0.18);
      expect(kinds[ReportKind.CancelRejected]! / cancels).toBeLessThan(0.12);
      expect(book.arena.used).toBeLessThan(10_000);
    }
  });
});

const BITSTAMP = 'bitstamp_BTCUSD_2015-05-01_orders.csv.gz';

describe.skipIf(!haveData([BITSTAMP]))('Bitstamp', () => {
  test('OrderBook takes quantities beyond 32 bits and refuses only what is out of range', () => {
    const flow = readOrderFlow(readData(BITSTAMP), BITSTAMP);
    expect(flow.count + flow.skipped).toBe(50_414);
    expect(flow.type.filter((type) => type === FlowType.New).length).toBeGreaterThan(24_000);
    expect(flow.quantity.reduce((a, b) => Math.max(a, b))).toBeGreaterThan(2 ** 32);
    const limits = { priceMax: 2 ** 18 - 1, quantityMax: 2 ** 35 };
    const { book, rejected } = run(flow, { ordersMax: 2 ** 16, levelsMax: 2 ** 14, limits });
    let refused = 0;
    for (const [reason, count] of rejected) {
      expect([Reason.PriceOutOfRange, Reason.QuantityOutOfRange]).toContain(reason as 19);
      refused += count;
    }
    expect(refused).toBeLessThan(flow.count / 50);
    expect(book.counters.matchId).toBeGreaterThan(100);
    const again = run(flow, { ordersMax: 2 ** 17, levelsMax: 2 ** 15, limits, reportsMax: 3 });
    expect(again.book.stateHash()).toBe(book.stateHash());
  });
});
