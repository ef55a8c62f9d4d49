import { describe, expect, test } from 'bun:test';
import { Prng, Status } from '@tickwire/base';
import fc from 'fast-check';
import { BlockTree, NIL } from './block-tree.ts';
import { ORDER_ID, ORDER_SHIFT, ORDER_TRADER } from './order-arena.ts';
import { OrderTable } from './order-table.ts';
import { PriceLevels } from './price-levels.ts';

describe('BlockTree', () => {
  test('agrees with a sorted set, stays balanced and threaded', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(20, 300, 2 ** 40), (seed, span) => {
        const prng = new Prng(seed);
        const capacity = 128;
        const tree = new BlockTree(2, capacity);
        const blocks = new Map<number, number>();
        tree.insert(1, 7);
        for (let step = 0; step < 600; step++) {
          const key = prng.nextBelow(Math.min(span, 2 ** 32)) * (span > 2 ** 32 ? 256 : 1) - 10;
          const known = blocks.get(key);
          expect(tree.find(0, key)).toBe(known ?? NIL);
          if (known !== undefined) {
            tree.remove(0, known);
            blocks.delete(key);
          } else {
            const block = tree.insert(0, key);
            // One block belongs to the other tree.
            if (blocks.size === capacity - 1) expect(block).toBe(NIL);
            else blocks.set(key, block);
          }
          const n = blocks.size;
          expect(tree.verify(0)).toBe(true);
          expect(tree.height(0)).toBeLessThanOrEqual(1.4405 * Math.log2(n + 2));
          const keys = [...blocks.keys()].toSorted((a, b) => a - b);
          let at = n === 0 ? NIL : blocks.get(keys[0]!)!;
          let prev = NIL;
          for (const wanted of keys) {
            expect([tree.key[at]!, tree.prev[at]!]).toEqual([wanted, prev]);
            prev = at;
            at = tree.next[at]!;
          }
          expect(at).toBe(NIL);
        }
        expect(tree.find(1, 7)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 40 },
    );
  });
});

describe('OrderTable', () => {
  test('agrees with a Map under inserts and removals of clustered ids', () => {
    fc.assert(
      fc.property(fc.integer(), fc.boolean(), (seed, dense) => {
        const prng = new Prng(seed);
        const ordersMax = 64;
        const records = new Int32Array(ordersMax << ORDER_SHIFT);
        const table = new OrderTable(ordersMax, records, seed, ~seed);
        const slots = new Map<string, number>();
        const free = Array.from({ length: ordersMax }, (_, i) => i);
        for (let step = 0; step < 1500; step++) {
          const trader = prng.nextBelow(3);
          const id = (dense ? prng.nextBelow(60) : prng.nextUint32() & 0x7000_0f00) | 0;
          const key = `${trader}/${id}`;
          const known = slots.get(key);
          expect(table.find(trader, id)).toBe(known ?? -1);
          if (known !== undefined) {
            table.remove(trader, id, known);
            slots.delete(key);
            free.push(known);
          } else if (free.length > 0) {
            const slot = free.pop()!;
            records[(slot << ORDER_SHIFT) + ORDER_TRADER] = trader;
            records[(slot << ORDER_SHIFT) + ORDER_ID] = id;
            table.insert(trader, id, slot);
            slots.set(key, slot);
          }
        }
        for (const [key, slot] of slots) {
          const [trader, id] = key.split('/').map(Number) as [number, number];
          expect(table.find(trader, id)).toBe(slot);
          table.remove(trader, id, slot);
        }
        expect(table.longestRun()).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  test('keeps runs short at half load, for dense ids and for multiples of any power of two', () => {
    const ordersMax = 2 ** 14;
    for (let shift = 0; shift < 18; shift++) {
      const records = new Int32Array(ordersMax << ORDER_SHIFT);
      const table = new OrderTable(ordersMax, records, 0x1234567, 0x89abcde);
      for (let slot = 0; slot < ordersMax; slot++) {
        const id = (slot << shift) | 0;
        records[(slot << ORDER_SHIFT) + ORDER_ID] = id;
        table.insert(0, id, slot);
      }
      // Linear probing at load 1/2 in groups of eight: runs of some hundreds, never of thousands.
      expect(table.longestRun()).toBeLessThan(1000);
    }
  });
});

describe('PriceLevels', () => {
  test('walks levels in order of rank whatever the prices, on both sides', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(3, 1000, 2 ** 32), (seed, span) => {
        const prng = new Prng(seed);
        const levels = new PriceLevels(4, 50);
        const open: Map<number, number>[] = [new Map(), new Map(), new Map(), new Map()];
        let used = 0;
        for (let step = 0; step < 400; step++) {
          const ladder = prng.nextBelow(4);
          const mine = open[ladder]!;
          const scale = span === 2 ** 32 ? 2 ** 20 : 1;
          const price = (prng.nextBelow(span) - Math.floor(span / 2)) * scale;
          const level = mine.get(price);
          if (level !== undefined && prng.nextBelow(2) === 0) {
            levels.release(ladder, level);
            mine.delete(price);
            used--;
          } else {
            const rank = (ladder & 1) === 1 ? price : 0 - price;
            const got = levels.obtain(ladder, rank, price);
            if (level !== undefined) {
              expect(got).toBe(level);
            } else if (used === 50) {
              expect(got).toBe(Status.LimitReached);
            } else {
              expect(levels.price[got]!).toBe(price);
              mine.set(price, got);
              used++;
            }
          }
          expect(levels.used).toBe(used);
          const sign = (ladder & 1) === 1 ? 1 : -1;
          const wanted = [...mine.keys()].toSorted((a, b) => sign * (a - b));
          const walked: number[] = [];
          for (let at = levels.best[ladder]!; at >= 0; at = levels.next(at)) {
            walked.push(levels.price[at]!);
          }
          expect(walked).toEqual(wanted);
          const best = wanted[0];
          expect(levels.bestRank[ladder]!).toBe(best === undefined ? Infinity : best * sign + 0);
        }
      }),
      { numRuns: 60 },
    );
  });
});
