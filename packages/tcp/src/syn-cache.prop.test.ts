import { expect, test } from 'bun:test';
import * as fc from 'fast-check';
import { tcpConfig } from './config.ts';
import {
  BUCKET_ROWS_MAX,
  NO_ROW,
  SynCache,
  SynFlag,
  SynTerms,
  synTimeoutsNs,
} from './syn-cache.ts';

const TIMEOUTS = [10, 100, 200, 400];

/** What the model knows about a row. */
interface Entry {
  readonly key: number;
  readonly hash: number;
  readonly order: number;
  dueNs: number;
}

const place = (cache: SynCache, row: number, key: number): void => {
  const at = cache.at(row);
  for (let i = 0; i < 8; i += 1) cache.words[at + i] = key + i;
};

const find = (cache: SynCache, hash: number, key: number): number =>
  cache.find(hash, key, key + 1, key + 2, key + 3, key + 4, key + 5, key + 6, key + 7, key);

test('the cache agrees with a map and a sorted list, whatever is done', () => {
  const command = fc.tuple(fc.constantFrom('add', 'drop', 'arm', 'wait'), fc.nat(40), fc.nat(3));
  fc.assert(
    fc.property(
      fc.array(command, { maxLength: 300 }),
      fc.constantFrom(1, 4, 1000),
      (commands, spread) => {
        const cache = new SynCache(32, TIMEOUTS);
        const model = new Map<number, Entry>();
        const rows = new Map<number, number>();
        let nowNs = 0;
        let order = 0;
        for (const [what, key, due] of commands) {
          const hash = Math.imul(key % spread, 0x9e3779b1);
          const row = rows.get(key);
          expect(find(cache, hash, key)).toBe(row ?? NO_ROW);
          if (what === 'add' && row === undefined) {
            const beside = [...model.values()].filter((entry) => (entry.hash ^ hash) % 4 === 0);
            const hasRoom = model.size < 32 && beside.length < BUCKET_ROWS_MAX;
            expect(cache.hasRoom(hash)).toBe(hasRoom);
            const oldest = beside.toSorted((a, b) => a.order - b.order)[0];
            const oldestRow = oldest === undefined ? NO_ROW : rows.get(oldest.key)!;
            expect(cache.oldestBeside(hash)).toBe(oldestRow);
            if (!hasRoom) continue;
            const added = cache.insert(hash);
            place(cache, added, key);
            const terms = new SynTerms();
            terms.irs = key * 3;
            cache.fill(added, key, due, terms);
            cache.arm(added, due, nowNs);
            rows.set(key, added);
            model.set(added, { key, hash, order, dueNs: nowNs + TIMEOUTS[due]! });
            order += 1;
          } else if (what === 'drop' && row !== undefined) {
            cache.remove(row);
            model.delete(row);
            rows.delete(key);
          } else if (what === 'arm' && row !== undefined) {
            cache.arm(row, due, nowNs);
            model.get(row)!.dueNs = nowNs + TIMEOUTS[due]!;
          } else if (what === 'wait') {
            nowNs += key * 3;
            for (;;) {
              const expired = cache.expire(nowNs);
              if (expired === NO_ROW) break;
              const entry = model.get(expired)!;
              const earliest = Math.min(...[...model.values()].map(({ dueNs }) => dueNs));
              expect(entry.dueNs).toBe(earliest);
              expect(entry.dueNs).toBeLessThanOrEqual(nowNs);
              cache.remove(expired);
              model.delete(expired);
              rows.delete(entry.key);
            }
          }
          expect(cache.count).toBe(model.size);
          const dues = [...model.values()].map(({ dueNs }) => dueNs);
          expect(cache.nextDeadlineNs()).toBe(Math.min(Number.POSITIVE_INFINITY, ...dues));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a row gives back what was put into it', () => {
  const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const uint16 = fc.nat(0xffff);
  fc.assert(
    fc.property(
      fc.tuple(int32, int32, int32, int32),
      fc.tuple(uint16, uint16, uint16, fc.nat(14), fc.nat(255), fc.nat(7)),
      ([irs, iss, tsRecent, tsOffset], [window, mss, listener, shift, flags, ecn]) => {
        const cache = new SynCache(16, TIMEOUTS);
        const row = cache.insert(5);
        const terms = { irs, iss, tsRecent, tsOffset, window, mss, shift, flags, ecn };
        cache.fill(row, 99, listener, terms);
        const out = new SynTerms();
        cache.read(row, out);
        expect(out).toMatchObject(terms);
        expect([cache.listener(row), cache.ports(row), cache.hash(row)]).toEqual([listener, 99, 5]);
        cache.setListener(row, 7);
        cache.addFlags(row, SynFlag.Repeated);
        expect(cache.listener(row)).toBe(7);
        expect(cache.flags(row)).toBe(flags | SynFlag.Repeated);
        expect([cache.irs(row), cache.iss(row)]).toEqual([irs, iss]);
        cache.setEcn(row, 7 - ecn);
        cache.read(row, out);
        expect(out).toMatchObject({ shift, ecn: 7 - ecn, flags: flags | SynFlag.Repeated });
      },
    ),
  );
});

test('synTimeoutsNs() doubles up to the largest timeout and no further (RFC 6298, 5.5)', () => {
  const seconds = (retries: number): number[] =>
    synTimeoutsNs(tcpConfig({ synAckRetriesMax: retries })).map((ns) => ns / 1e9);
  expect(seconds(2)).toEqual([0.001, 1, 2, 4]);
  expect(seconds(127)).toEqual([0.001, 1, 2, 4, 8, 16, 32, 60]);
});

test('a flood costs a bounded number of probes: no bucket has more than its rows', () => {
  const cache = new SynCache(4096, TIMEOUTS);
  let refused = 0;
  for (let i = 0; i < 100_000; i += 1) {
    // All into one bucket: what a peer without the key cannot do.
    const hash = i * 512;
    if (!cache.hasRoom(hash)) {
      refused += 1;
      continue;
    }
    cache.arm(cache.insert(hash), 1, i);
  }
  expect(cache.count).toBe(BUCKET_ROWS_MAX);
  expect(refused).toBe(100_000 - BUCKET_ROWS_MAX);
});
