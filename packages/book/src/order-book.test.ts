import { describe, expect, test } from 'bun:test';
import { NetError, Status } from '@tickwire/base';
import { encodeCancelOrder, encodeNewOrder, parseExecutionReport } from '@tickwire/protocol';
import { Desk, drain } from '../test/harness.ts';
import { OrderBook } from './order-book.ts';

describe('price-time priority', () => {
  test('apply() fills the best price first, then the first in time', () => {
    const desk = new Desk();
    desk.sell(1, 10, 101);
    desk.sell(2, 10, 100);
    desk.sell(3, 10, 100);
    expect(desk.buy(4, 25, 101)).toEqual([
      'Accepted 4 buy 25@101',
      'Filled 4 buy 10@100',
      'Filled 2 sell 10@100',
      'Filled 4 buy 10@100',
      'Filled 3 sell 10@100',
      'Filled 4 buy 5@101',
      'Filled 1 sell 5@101',
    ]);
    expect(desk.asks()).toEqual(['0/1 5@101']);
  });

  test('apply() trades at the price of the maker on both sides', () => {
    const desk = new Desk();
    desk.buy(1, 5, 105);
    expect(desk.sell(2, 5, 90)[1]).toBe('Filled 2 sell 5@105');
    desk.sell(3, 5, 90);
    expect(desk.buy(4, 5, 105)[1]).toBe('Filled 4 buy 5@90');
  });

  test('a partial fill keeps the place of the maker', () => {
    const desk = new Desk();
    desk.sell(1, 10, 100);
    desk.sell(2, 10, 100);
    desk.buy(3, 4, 100);
    expect(desk.asks()).toEqual(['0/1 6@100', '0/2 10@100']);
    desk.buy(4, 8, 100);
    expect(desk.asks()).toEqual(['0/2 8@100']);
  });

  test('orders that just do not cross rest', () => {
    const desk = new Desk();
    desk.buy(1, 5, 99);
    desk.sell(2, 5, 100);
    expect([desk.book.bestBid(), desk.book.bestAsk()]).toEqual([99, 100]);
  });

  test('prices of zero and below are prices', () => {
    const desk = new Desk();
    desk.buy(1, 5, -3);
    desk.buy(2, 5, 0);
    desk.sell(3, 5, 2);
    expect(desk.book.bestBid()).toBe(0);
    expect(desk.sell(4, 8, -5).slice(1)).toEqual([
      'Filled 4 sell 5@0',
      'Filled 2 buy 5@0',
      'Filled 4 sell 3@-3',
      'Filled 1 buy 3@-3',
    ]);
    expect(desk.bids()).toEqual(['0/1 2@-3']);
  });
});

describe('cancel', () => {
  test('cancelling the middle of a queue leaves the order of the rest', () => {
    const desk = new Desk();
    for (let id = 1; id <= 3; id++) desk.sell(id, 5, 100);
    expect(desk.cancel(2)).toEqual(['Cancelled 2 sell 5@100 UserCancel']);
    const makers = desk.buy(9, 10, 100).filter((line) => line.includes('sell'));
    expect(makers).toEqual(['Filled 1 sell 5@100', 'Filled 3 sell 5@100']);
  });

  test('cancelling the first and the last of a queue leaves the others', () => {
    const desk = new Desk();
    for (let id = 1; id <= 3; id++) desk.buy(id, 5, 100);
    desk.cancel(1);
    desk.cancel(3);
    expect(desk.bids()).toEqual(['0/2 5@100']);
  });

  test('no phantom level stays when the best is cancelled', () => {
    const desk = new Desk();
    desk.buy(1, 5, 100);
    desk.buy(2, 5, 90);
    desk.cancel(1);
    expect(desk.book.bestBid()).toBe(90);
    expect(desk.sell(3, 5, 95, 0, 1)).toEqual([
      'Accepted 3 sell 5@95',
      'Cancelled 3 sell 5@95 IocRemainder',
    ]);
    desk.cancel(2);
    expect(desk.book.bestBid()).toBeNaN();
    expect(desk.book.levels.used).toBe(0);
  });

  test('an id that was never issued, was cancelled or was filled is refused', () => {
    const desk = new Desk();
    expect(desk.cancel(77)).toEqual(['CancelRejected 77 buy 0@0 UnknownOrder']);
    desk.buy(1, 5, 100);
    desk.cancel(1);
    expect(desk.cancel(1)).toEqual(['CancelRejected 1 buy 0@0 UnknownOrder']);
    desk.buy(2, 5, 100);
    desk.sell(3, 5, 100);
    expect(desk.cancel(2)).toEqual(['CancelRejected 2 buy 0@0 UnknownOrder']);
    expect(desk.cancel(3)).toEqual(['CancelRejected 3 buy 0@0 UnknownOrder']);
  });

  test('the order of another trader cannot be cancelled, and ids are per trader', () => {
    const desk = new Desk();
    desk.buy(1, 5, 100, 2);
    desk.buy(1, 6, 100, 3);
    expect(desk.cancel(1, 4)).toEqual(['CancelRejected 1 buy 0@0 UnknownOrder']);
    expect(desk.cancel(1, 2)).toEqual(['Cancelled 1 buy 5@100 UserCancel']);
    expect(desk.bids()).toEqual(['3/1 6@100']);
  });
});

describe('replace', () => {
  test('a replaced order loses its place even when it only shrinks', () => {
    const desk = new Desk();
    desk.sell(1, 10, 100);
    desk.sell(2, 10, 100);
    expect(desk.replace(1, 4, 100)).toEqual(['Replaced 1 sell 4@100']);
    expect(desk.asks()).toEqual(['0/2 10@100', '0/1 4@100']);
  });

  test('a replaced order may trade at a better price and the rest becomes the best', () => {
    const desk = new Desk();
    desk.sell(1, 10, 100);
    desk.buy(2, 15, 90);
    expect(desk.replace(2, 15, 105)).toEqual([
      'Replaced 2 buy 15@105',
      'Filled 2 buy 10@100',
      'Filled 1 sell 10@100',
    ]);
    expect([desk.book.bestBid(), desk.book.bestAsk()]).toEqual([105, NaN]);
    expect(desk.bids()).toEqual(['0/2 5@105']);
  });

  test('a replaced order that fills is gone', () => {
    const desk = new Desk();
    desk.sell(1, 10, 100);
    desk.buy(2, 10, 90);
    desk.replace(2, 10, 100);
    expect(desk.replace(2, 1, 1)).toEqual(['ReplaceRejected 2 buy 0@0 UnknownOrder']);
    expect(desk.book.arena.used).toBe(0);
  });

  test('a refused replace leaves the order as it was', () => {
    const desk = new Desk();
    desk.buy(1, 5, 100);
    expect(desk.replace(1, 0, 100)).toEqual(['ReplaceRejected 1 buy 0@0 QuantityOutOfRange']);
    expect(desk.replace(1, 5, 2 ** 40)).toEqual(['ReplaceRejected 1 buy 0@0 PriceOutOfRange']);
    expect(desk.bids()).toEqual(['0/1 5@100']);
  });

  test('a reduction keeps price and place; reducing all cancels', () => {
    const desk = new Desk();
    desk.sell(1, 10, 100);
    desk.sell(2, 10, 100);
    expect(desk.reduce(1, 4)).toEqual(['Replaced 1 sell 6@100']);
    expect(desk.asks()).toEqual(['0/1 6@100', '0/2 10@100']);
    expect(desk.reduce(1, 6)).toEqual(['Cancelled 1 sell 6@100 ReducedToZero']);
    expect(desk.asks()).toEqual(['0/2 10@100']);
  });
});

describe('ids and sequences', () => {
  test('an id can be used again after a fill, on the other side too', () => {
    const desk = new Desk();
    desk.buy(1, 5, 100);
    desk.sell(2, 5, 100);
    expect(desk.sell(1, 5, 110)).toEqual(['Accepted 1 sell 5@110']);
    expect(desk.asks()).toEqual(['0/1 5@110']);
  });

  test('an id of an open order is refused, also for an IOC', () => {
    const desk = new Desk();
    desk.buy(1, 5, 100);
    expect(desk.buy(1, 5, 100)).toEqual(['Rejected 1 buy 0@0 DuplicateOrderId']);
    expect(desk.sell(1, 5, 100, 0, 1)).toEqual(['Rejected 1 sell 0@0 DuplicateOrderId']);
    expect(desk.bids()).toEqual(['0/1 5@100']);
  });

  test('a client sequence that does not increase is ignored (OUCH 5.0, UserRefNum)', () => {
    const desk = new Desk();
    const { view } = desk;
    encodeNewOrder(view, 0, 5, 0, 1, 0, 0, 100, 5);
    expect(desk.send(0)).toHaveLength(1);
    expect(desk.send(0)).toEqual([]);
    encodeCancelOrder(view, 0, 4, 0, 1);
    expect(desk.send(0)).toEqual([]);
    encodeCancelOrder(view, 0, 0xffffffff, 0, 1);
    expect(desk.send(0)).toHaveLength(1);
    encodeCancelOrder(view, 0, 0, 0, 1);
    expect(desk.send(1)).toEqual([]);
  });

  test('apply() refuses an input it has applied, an unknown trader and unknown bytes', () => {
    const book = new OrderBook({ ordersMax: 16, levelsMax: 16, traders: 2 });
    const view = new DataView(new ArrayBuffer(32));
    encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 100, 5);
    expect(book.apply(view, 0, 2, 1)).toBe(Status.OutOfRange);
    expect(book.apply(view, 0, -1, 1)).toBe(Status.OutOfRange);
    expect(book.apply(view, 0, 0, 7)).toBe(1);
    expect(book.apply(view, 0, 0, 7)).toBe(Status.Exists);
    view.setUint8(0, 9);
    expect(book.apply(view, 0, 0, 8)).toBe(Status.Malformed);
    expect(book.counters.inputSequence).toBe(8);
    expect(book.reports.count).toBe(1);
  });

  test('report sequences and match ids have no holes', () => {
    const desk = new Desk();
    for (let id = 1; id <= 20; id++) desk.sell(id, 1, 100 + id);
    const { book, view } = desk;
    encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 200, 20);
    expect(book.apply(view, 0, 3, 21)).toBe(41);
    const reports = drain(book);
    expect(reports.map((r) => r.sequence)).toEqual(reports.map((_, i) => 21 + i));
    const pairs = reports.slice(1).map((r) => r.matchId);
    expect(pairs).toEqual(pairs.map((_, i) => 1 + (i >> 1)));
    expect(reports.map((r) => r.trader)).toEqual(
      reports.map((_, i) => (i === 0 || i % 2 === 1 ? 3 : 0)),
    );
  });
});

describe('limits', () => {
  test('a sweep of 5,000 fills goes through a buffer of any size', () => {
    const streams = [3, 64, 16_384].map((reportsMax) => {
      const desk = new Desk({ ordersMax: 8192, reportsMax });
      for (let id = 1; id <= 5000; id++) desk.sell(id, 1, 100 + (id % 7));
      const lines = desk.buy(9999, 5001, 200);
      expect(lines).toHaveLength(10_001);
      expect(desk.bids()).toEqual(['0/9999 1@200']);
      return lines.join('\n');
    });
    expect(new Set(streams).size).toBe(1);
  });

  test('apply() stops between two fills and takes no other message meanwhile', () => {
    const desk = new Desk({ reportsMax: 4 });
    for (let id = 1; id <= 5; id++) desk.sell(id, 1, 100);
    const { book, view } = desk;
    encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 100, 5);
    expect(book.apply(view, 0, 1, 6)).toBe(Status.Again);
    expect(book.pending).toBe(true);
    expect(book.apply(view, 0, 1, 7)).toBe(Status.BadState);
    expect(book.snapshot(new Uint8Array(4096))).toBe(Status.BadState);
    expect(book.apply(view, 0, 1, 6)).toBe(Status.Again);
    const got: number[] = [];
    let calls = 0;
    for (let result: number = Status.Again; result === Status.Again; calls++) {
      got.push(...drain(book).map((r) => r.sequence));
      result = book.apply(view, 0, 1, 6);
    }
    got.push(...drain(book).map((r) => r.sequence));
    expect(calls).toBeGreaterThan(1);
    expect(got).toEqual(Array.from({ length: 11 }, (_, i) => 6 + i));
    expect(book.pending).toBe(false);
  });

  test('apply() does nothing when the buffer has no room for a message', () => {
    const book = new OrderBook({ ordersMax: 16, levelsMax: 16, reportsMax: 3 });
    const view = new DataView(new ArrayBuffer(32));
    encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 100, 5);
    expect(book.apply(view, 0, 0, 1)).toBe(1);
    encodeCancelOrder(view, 0, 2, 0, 1);
    expect(book.apply(view, 0, 0, 2)).toBe(Status.Again);
    expect(book.pending).toBe(false);
    expect(book.counters.inputSequence).toBe(1);
    book.reports.clear();
    expect(book.apply(view, 0, 0, 2)).toBe(1);
  });

  test('a full book rejects day orders and still matches immediate ones', () => {
    const desk = new Desk({ ordersMax: 2 });
    desk.sell(1, 5, 100);
    desk.sell(2, 5, 100);
    expect(desk.sell(3, 5, 100)).toEqual(['Rejected 3 sell 0@0 BookFull']);
    expect(desk.replace(2, 6, 90)).toEqual(['Replaced 2 sell 6@90']);
    expect(desk.buy(4, 5, 90, 0, 1)).toHaveLength(3);
    desk.cancel(1);
    expect(desk.sell(3, 5, 100)).toEqual(['Accepted 3 sell 5@100']);
  });

  test('an order that needs a level beyond the limit is cancelled with a reason', () => {
    const desk = new Desk({ levelsMax: 2 });
    desk.buy(1, 5, 100);
    desk.buy(2, 5, 2_000_000_000);
    expect(desk.buy(3, 5, 50)).toEqual(['Accepted 3 buy 5@50', 'Cancelled 3 buy 5@50 LevelLimit']);
    expect(desk.buy(4, 5, 101)).toHaveLength(2);
    expect(desk.buy(5, 5, 100)).toEqual(['Accepted 5 buy 5@100']);
    expect(desk.bids()).toHaveLength(3);
  });

  test('an adversary who uses every price of 2^40 ticks costs logarithmic steps', () => {
    const levels = 20_000;
    const desk = new Desk({
      ordersMax: levels + 1,
      levelsMax: levels,
      limits: { priceMax: 2 ** 40, quantityMax: 4096 },
    });
    const step = Math.floor(2 ** 40 / levels);
    for (let i = 0; i < levels; i++) desk.buy(i, 1, 2 ** 40 - i * step);
    expect(desk.book.levels.used).toBe(levels);
    // 1.4405 log2(n + 2) bounds the height of an AVL tree.
    expect(desk.book.levels.treeHeight(0)).toBeLessThanOrEqual(20);
    expect(desk.book.bestBid()).toBe(2 ** 40);
    expect(desk.sell(levels, 4096, -(2 ** 40))).toHaveLength(1 + 2 * 4096);
    expect(desk.book.bestBid()).toBe(2 ** 40 - 4096 * step);
  });

  test('the constructor names the option that is out of range', () => {
    const limits = { priceMax: 10, quantityMax: 2 ** 40 };
    expect(() => new OrderBook({ ordersMax: 0 })).toThrow('ordersMax');
    expect(() => new OrderBook({ symbols: 65_537 })).toThrow('symbols');
    expect(() => new OrderBook({ reportsMax: 2 })).toThrow('reportsMax');
    expect(() => new OrderBook({ ordersMax: 2 ** 20, limits })).toThrow('total of a level');
  });
});

describe('self-trade prevention', () => {
  test('is off by default', () => {
    const desk = new Desk();
    desk.sell(1, 5, 100);
    expect(desk.buy(2, 5, 100)).toHaveLength(3);
  });

  test('cancels the rest of the newer order and keeps what it got before', () => {
    const desk = new Desk({ selfTrade: 'cancel-newest' });
    desk.sell(1, 5, 100, 1);
    desk.sell(2, 5, 100, 0);
    expect(desk.buy(3, 9, 100, 0)).toEqual([
      'Accepted 3 buy 9@100',
      'Filled 3 buy 5@100',
      'Filled 1 sell 5@100',
      'Cancelled 3 buy 4@100 SelfTrade',
    ]);
    expect(desk.asks()).toEqual(['0/2 5@100']);
    expect(desk.bids()).toEqual([]);
  });
});

describe('snapshot', () => {
  const busyDesk = (): Desk => {
    const desk = new Desk();
    for (let id = 1; id <= 60; id++) {
      desk.buy(id, id, 100 - (id % 5), id % 3);
      desk.sell(id + 100, id, 101 + (id % 4), id % 3);
    }
    for (let id = 3; id <= 60; id += 7) desk.cancel(id, id % 3);
    return desk;
  };

  test('restore() gives back queues, counters and hash', () => {
    const desk = busyDesk();
    const bytes = new Uint8Array(desk.book.snapshotBytes());
    expect(desk.book.snapshot(bytes.subarray(1))).toBe(Status.TooLong);
    expect(desk.book.snapshot(bytes)).toBe(bytes.length);
    const book = OrderBook.restore(bytes, { ordersMax: 128, levelsMax: 64, traders: 3 });
    expect(book.stateHash()).toBe(desk.book.stateHash());
    expect(book.counters).toEqual(desk.book.counters);
    encodeNewOrder(desk.view, 0, 1000, 0, 7777, 1, 0, 1, 700);
    const next = book.counters.inputSequence + 1;
    expect(book.apply(desk.view, 0, 1, next)).toBe(desk.book.apply(desk.view, 0, 1, next));
    expect(drain(book)).toEqual(drain(desk.book));
    expect(book.stateHash()).toBe(desk.book.stateHash());
  });

  test('restore() refuses a snapshot with any byte changed', () => {
    const desk = busyDesk();
    const bytes = new Uint8Array(desk.book.snapshotBytes());
    desk.book.snapshot(bytes);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1;
      let refused: unknown;
      try {
        OrderBook.restore(damaged, { ordersMax: 128, levelsMax: 64 });
      } catch (error) {
        refused = error;
      }
      expect(refused).toBeInstanceOf(NetError);
    }
    expect(() => OrderBook.restore(bytes.subarray(0, 30))).toThrow('too short');
  });

  test('restore() names the option that is too small', () => {
    const desk = busyDesk();
    const bytes = new Uint8Array(desk.book.snapshotBytes());
    desk.book.snapshot(bytes);
    expect(() => OrderBook.restore(bytes, { ordersMax: 8, levelsMax: 64 })).toThrow('ordersMax');
    expect(() => OrderBook.restore(bytes, { ordersMax: 128, levelsMax: 3 })).toThrow('levelsMax');
    expect(() => OrderBook.restore(bytes, { traders: 1 })).toThrow('traders');
  });

  test('stateHash() tells apart what differs only in the order of a queue', () => {
    const first = new Desk();
    first.buy(1, 5, 100);
    first.buy(2, 5, 100);
    const second = new Desk();
    second.buy(2, 5, 100);
    second.buy(1, 5, 100);
    expect(first.book.stateHash()).not.toBe(second.book.stateHash());
    expect(first.book.stateHash()).toMatch(/^[0-9a-f]{16}$/);
  });
});

test('reports name the symbol of their order', () => {
  const book = new OrderBook({ symbols: 300, ordersMax: 16, levelsMax: 16 });
  const view = new DataView(new ArrayBuffer(32));
  encodeNewOrder(view, 0, 1, 299, 1, 1, 0, 100, 5);
  book.apply(view, 0, 0, 1);
  encodeCancelOrder(view, 0, 2, 298, 1);
  book.apply(view, 0, 0, 2);
  encodeCancelOrder(view, 0, 3, 300, 1);
  book.apply(view, 0, 0, 3);
  const reports = [0, 1, 2].map((i) => parseExecutionReport(book.reports.view, i * 48));
  expect(reports.map((r) => r.symbol)).toEqual([299, 298, 300]);
  expect(book.bestAsk(299)).toBe(100);
  expect(book.bestAsk(298)).toBeNaN();
});
