import { describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NetError } from '@tickwire/base';
import { createOrderFlow, DEFAULT_LIMITS, FlowType } from '@tickwire/protocol';
import { limitsOf, OrderFeed, readFlowFile } from './order-feed.ts';
import { makeSchedule } from './schedule.ts';

const base = { count: 20_000, rate: 100_000, seed: 7 };

describe('makeSchedule()', () => {
  test.each(['constant', 'poisson', 'hawkes'] as const)(
    '%s arrivals begin near 0, never go back and keep the mean rate',
    (arrivals) => {
      const dueNs = makeSchedule({ ...base, arrivals });
      expect(dueNs[0]).toBeLessThan(1e6);
      for (let i = 1; i < dueNs.length; i += 1) {
        expect(dueNs[i]! >= dueNs[i - 1]!).toBe(true);
      }
      // Hawkes arrivals come in bursts: their mean settles five times as slowly.
      const tolerance = arrivals === 'hawkes' ? 0.2 : 0.05;
      expect(Math.abs(dueNs.at(-1)! / 0.2e9 - 1)).toBeLessThan(tolerance);
    },
  );

  test('the same seed gives the same schedule, another seed another one', () => {
    const one = makeSchedule({ ...base, arrivals: 'poisson' });
    expect(makeSchedule({ ...base, arrivals: 'poisson' })).toEqual(one);
    expect(makeSchedule({ ...base, arrivals: 'poisson', seed: 8 })).not.toEqual(one);
  });

  test('recorded arrivals keep their proportions at the wanted rate, and never go back', () => {
    const recordedNs = Float64Array.of(1000, 2000, 1500, 5000);
    const dueNs = makeSchedule({ ...base, count: 4, rate: 1e6, arrivals: 'recorded', recordedNs });
    expect([...dueNs]).toEqual([0, 750, 750, 3000]);
  });

  test('recorded arrivals without times are refused', () => {
    const recordedNs = new Float64Array(4);
    const options = { ...base, count: 4, arrivals: 'recorded', recordedNs } as const;
    expect(() => makeSchedule(options)).toThrow('choose --arrivals poisson or constant');
  });
});

function walk(feed: OrderFeed): number[] {
  const seen: number[] = [];
  for (; !feed.isDone; feed.advance()) {
    seen.push(feed.flow.type[feed.row]!, feed.flow.orderId[feed.row]!, feed.dueNs);
  }
  return seen;
}

describe('OrderFeed', () => {
  const options = { rate: 1e6, seed: 3, arrivals: 'poisson' } as const;

  test('generate() gives each row once, the same for the same seed', () => {
    const seen = walk(OrderFeed.generate({ ...options, orders: 5000 }));
    expect(seen).toHaveLength(15_000);
    expect(walk(OrderFeed.generate({ ...options, orders: 5000 }))).toEqual(seen);
  });

  test('generate() makes long flows block by block, as the first rows of the whole', () => {
    const short = walk(OrderFeed.generate({ ...options, orders: 500 }));
    const long = OrderFeed.generate({ ...options, orders: 5_000_000 });
    expect(long.flow.type.length).toBe(64);
    const seen: number[] = [];
    for (let i = 0; i < 500; i += 1, long.advance()) {
      seen.push(long.flow.type[long.row]!, long.flow.orderId[long.row]!, long.dueNs);
    }
    expect(seen).toEqual(short);
  });

  test('generate() refuses what it cannot do', () => {
    const make = (arrivals: 'recorded' | 'constant', orders: number) => (): OrderFeed =>
      OrderFeed.generate({ ...options, arrivals, orders });
    expect(make('recorded', 10)).toThrow('give --replay FILE');
    expect(make('constant', 5_000_000)).toThrow('choose poisson');
  });

  test('record() stops at the number of orders asked for, and refuses an empty file', () => {
    const flow = createOrderFlow(10);
    flow.count = 10;
    expect(OrderFeed.record('f', flow, { ...options, orders: 4 }).total).toBe(4);
    expect(OrderFeed.record('f', flow, options).total).toBe(10);
    expect(() => OrderFeed.record('f', createOrderFlow(3), options)).toThrow('f: there is no mess');
  });
});

describe('limitsOf()', () => {
  const flowOf = (price: number, quantity: number) => {
    const flow = createOrderFlow(2);
    flow.count = 2;
    flow.price[0] = price;
    flow.quantity[0] = quantity;
    flow.type[1] = FlowType.Cancel;
    flow.quantity[1] = 2 ** 50;
    return flow;
  };

  test('keeps the defaults where they suffice', () => {
    expect(limitsOf(flowOf(100, 100), 2)).toBe(DEFAULT_LIMITS);
  });

  test('pays for large quantities with prices, so that the product stays exact', () => {
    const limits = limitsOf(flowOf(30_000, 2e10), 2);
    expect(limits.quantityMax).toBe(2e10);
    expect(limits.priceMax).toBeGreaterThan(30_000);
    expect(limits.priceMax * limits.quantityMax).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
  });

  test('pays for large prices with quantities', () => {
    const limits = limitsOf(flowOf(2 ** 31, 100), 2);
    expect(limits.priceMax * limits.quantityMax).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
  });
});

describe('readFlowFile()', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-flow-'));
  const write = (name: string, bytes: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  test.each([
    ['lobster.csv', '34200.1,1,5,100,5853300,1\n34200.2,1,6,ten,5853300,1\n', ':2: '],
    ['type.csv', '34200.1,9,5,100,5853300,1\n', ':1: event type 9 is unknown'],
    ['side.csv', '34200.1,1,5,100,5853300,0\n', ':1: the direction is neither 1 nor -1'],
    ['nothing.bin', '\u0001\u0002', ':1: neither MEBC, Bitstamp events nor LOBSTER messages'],
    ['broken.gz', Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2), 'the gzip data are damaged'],
    ['short.col', new TextEncoder().encode('MEBC\u0001\0\0\0\u0005\0\0\0\0\0\0\0ab'), ':'],
  ])('refuses %s with file, line and reason', (name, bytes, reason) => {
    const path = write(name, bytes);
    expect(() => readFlowFile(path)).toThrow(NetError);
    expect(() => readFlowFile(path)).toThrow(path);
    expect(() => readFlowFile(path)).toThrow(reason);
  });

  test('reads a good file, gzipped or not', () => {
    const text = '34200.1,1,5,100,5853300,1\n34200.2,3,5,100,5853300,1\n';
    expect(readFlowFile(write('good.csv', text)).count).toBe(2);
    expect(readFlowFile(write('good.gz', Bun.gzipSync(text))).count).toBe(2);
  });

  test('says that a file is not there', () => {
    const path = join(folder, 'nowhere.csv');
    expect(() => readFlowFile(path)).toThrow(`${path} cannot be read (ENOENT); check the name`);
  });

  test('the folder goes', () => rmSync(folder, { recursive: true }));
});
