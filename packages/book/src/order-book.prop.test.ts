import { expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { encodeCancelOrder, encodeNewOrder, encodeReplaceOrder, REDUCE } from '@tickwire/protocol';
import fc from 'fast-check';
import { NaiveBook } from '../test/naive-book.ts';
import { applyAll, queueOf } from '../test/harness.ts';
import { OrderBook } from './order-book.ts';

interface Shape {
  readonly seed: number;
  readonly steps: number;
  readonly spread: number;
  readonly preventSelfTrade: boolean;
  readonly reportsMax: number;
  readonly ordersMax: number;
}

const SYMBOLS = 2;
const TRADERS = 3;

/** Writes one random message, valid or not, and returns its trader. */
function randomMessage(
  view: DataView,
  prng: Prng,
  shape: Shape,
  sequences: number[],
  priceMax: number,
): number {
  const trader = prng.nextBelow(TRADERS);
  const resend = prng.nextBelow(50) === 0;
  const sequence = (sequences[trader] ?? 0) + (resend ? 0 : 1 + prng.nextBelow(3));
  sequences[trader] = sequence;
  const symbol = prng.nextBelow(100) === 0 ? SYMBOLS : prng.nextBelow(SYMBOLS);
  const id = prng.nextBelow(40) + (prng.nextBelow(2) === 0 ? 0 : 0xffffff00);
  const center = prng.nextBelow(20) === 0 ? priceMax - shape.spread : 0;
  const price = center + prng.nextBelow(shape.spread) - (shape.spread >> 1);
  const bad = prng.nextBelow(60);
  const quantity = bad === 0 ? 0 : bad === 1 ? 2 ** 53 : 1 + prng.nextBelow(20);
  const choice = prng.nextBelow(10);
  if (choice < 6) {
    const side = prng.nextBelow(80) === 0 ? 2 : prng.nextBelow(2);
    const tif = prng.nextBelow(80) === 0 ? 7 : prng.nextBelow(4) === 0 ? 1 : 0;
    const wild = bad === 2 ? priceMax + 1 : price;
    encodeNewOrder(view, 0, sequence, symbol, id, side, tif, wild, quantity);
    if (prng.nextBelow(80) === 0) view.setUint16(14, 4, true);
  } else if (choice < 8) {
    encodeCancelOrder(view, 0, sequence, symbol, id);
    if (prng.nextBelow(80) === 0) view.setUint8(13, 1);
  } else {
    const flags = choice === 8 ? REDUCE : prng.nextBelow(40) === 0 ? 2 : 0;
    encodeReplaceOrder(view, 0, sequence, symbol, id, flags, price, quantity);
  }
  return trader;
}

/** Runs both books side by side and compares everything after every message. */
function compare(shape: Shape): number {
  const limits = { priceMax: 2 ** 41, quantityMax: 4095 };
  const fast = new OrderBook({
    symbols: SYMBOLS,
    traders: TRADERS,
    ordersMax: shape.ordersMax,
    levelsMax: 256,
    reportsMax: shape.reportsMax,
    limits,
    selfTrade: shape.preventSelfTrade ? 'cancel-newest' : 'allow',
    hashKey: [shape.seed, ~shape.seed],
  });
  const naive = new NaiveBook({
    symbols: SYMBOLS,
    ordersMax: shape.ordersMax,
    preventSelfTrade: shape.preventSelfTrade,
    ...limits,
  });
  const prng = new Prng(shape.seed);
  const view = new DataView(new ArrayBuffer(32));
  const sequences: number[] = [];
  const depth = new Float64Array(3 * 8);
  let fills = 0;
  for (let step = 1; step <= shape.steps; step++) {
    const trader = randomMessage(view, prng, shape, sequences, limits.priceMax);
    const got = applyAll(fast, view, trader, step);
    expect(got).toEqual(naive.apply(view, 0, trader));
    fills += got.filter((r) => r.matchId > 0).length / 2;
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      for (let side = 0; side < 2; side++) {
        const orders = naive.queues[symbol]![side]!;
        const wanted = orders.map((o) => `${o.trader}/${o.id} ${o.quantity}@${o.price}`);
        expect(queueOf(fast, symbol, side)).toEqual(wanted);
        const best = side === 0 ? fast.bestBid(symbol) : fast.bestAsk(symbol);
        expect(best).toBe(orders[0]?.price ?? NaN);
        const levels = fast.depth(symbol, side, 8, depth);
        expect(levels).toBe(Math.min(8, new Set(orders.map((o) => o.price)).size));
        for (let i = 0; i < levels; i++) {
          const same = orders.filter((o) => o.price === depth[i * 3]!);
          expect(depth[i * 3 + 1]!).toBe(same.reduce((sum, o) => sum + o.quantity, 0));
          expect(depth[i * 3 + 2]!).toBe(same.length);
        }
      }
    }
  }
  return fills;
}

test('OrderBook agrees with the naive book after every random message', () => {
  let fills = 0;
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer(),
        steps: fc.integer({ min: 1, max: 250 }),
        spread: fc.constantFrom(2, 5, 40, 3000),
        preventSelfTrade: fc.boolean(),
        reportsMax: fc.constantFrom(3, 4, 7, 256),
        ordersMax: fc.constantFrom(8, 128),
      }),
      (shape) => {
        fills += compare(shape);
      },
    ),
    { numRuns: 60 },
  );
  expect(fills).toBeGreaterThan(100);
});

test('OrderBook agrees with the naive book over a long run near the touch', () => {
  const shape = { steps: 4000, spread: 8, preventSelfTrade: false, reportsMax: 16 };
  expect(compare({ ...shape, seed: 20_120_621, ordersMax: 256 })).toBeGreaterThan(300);
});
