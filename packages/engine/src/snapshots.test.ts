import { describe, expect, test } from 'bun:test';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OrderBook } from '@tickwire/book';
import { MemoryStorage } from '@tickwire/journal';
import { Directory } from '../test/directory.ts';
import { FlowSender } from '../test/flow.ts';
import { Venue } from '../test/venue.ts';
import { decodeSnapshot, encodeSnapshot } from './engine-snapshot.ts';
import { replayJournal } from './index.ts';
import { TraderLogs } from './trader-logs.ts';

const SMALL = { journalSegmentBytes: 1024 * 1024, limits: { retainedReports: 128 } };

describe('Exchange.snapshot()', () => {
  for (const threads of [1, 3] as const) {
    test(`shortens the next start and keeps every sequence (threads ${threads})`, async () => {
      using directory = new Directory();
      const options = { journalDirectory: directory.path, threads, ...SMALL };
      using venue = await Venue.open({ exchange: options });
      const a = venue.trader(1);
      venue.advance(10_000_000);
      const flow = new FlowSender(1);
      flow.send(a, 300);
      await venue.untilReal(() => venue.exchange.counters.inputs === 300);
      venue.exchange.stateHash();
      const sequence = await venue.exchange.snapshot();
      expect(sequence).toBe(300);
      flow.send(a, 100);
      await venue.untilReal(() => venue.exchange.counters.inputs === 400);
      const hash = venue.exchange.stateHash();
      await venue.untilReal(() => venue.exchange.counters.reports === a.reports.length);
      venue.exchange.close();
      venue.advance(3_000_000_000);

      await venue.start(options);
      expect(venue.exchange.recovery).toMatchObject({
        snapshotSequence: 300,
        replayed: 100,
        inputSequence: 400,
        stateHash: hash,
      });
      const total = a.reports.length;
      const b = venue.trader(1, { fromSequence: total - 127, clientSequence: 401 });
      venue.advance(10_000_000);
      expect(b.reports).toEqual(a.reports.slice(-128));
    });
  }

  test('of a moving exchange is of some input, and exact', async () => {
    using directory = new Directory();
    const options = { journalDirectory: directory.path, snapshotEvery: 500, ...SMALL };
    using venue = await Venue.open({ exchange: options });
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    const flow = new FlowSender(2);
    const { counters } = venue.exchange;
    await venue.untilReal(() => {
      flow.send(trader, 20);
      return counters.snapshots >= 3;
    });
    expect(counters.snapshotFailures).toBe(0);
    venue.settle();
    const hash = venue.exchange.stateHash();
    venue.exchange.close();
    const short = replayJournal(directory.path, { snapshot: true });
    const long = replayJournal(directory.path);
    expect(short.records).toBeLessThan(long.records);
    expect(short.stateHash).toBe(hash);
    expect(long.stateHash).toBe(hash);
    // A journal whose beginning is gone says so instead of making something up.
    rmSync(join(directory.path, 'segment-0000000000000001.journal'));
    expect(() => replayJournal(directory.path)).toThrow();
  });

  for (const threads of [1, 3] as const) {
    test(`deletes what no snapshot needs, if asked to (threads ${threads})`, async () => {
      using directory = new Directory();
      const options = {
        journalDirectory: directory.path,
        journalPrune: true,
        threads,
        journalSegmentBytes: 300_000,
      };
      using venue = await Venue.open({ exchange: options });
      const trader = venue.trader(1);
      venue.advance(10_000_000);
      const flow = new FlowSender(3);
      const { counters } = venue.exchange;
      const files = (): string[] => readdirSync(directory.path).sort();
      for (let round = 1; round <= 3; round += 1) {
        const target = round * 10_000;
        await venue.untilReal(() => {
          flow.send(trader, Math.min(200, target - counters.inputs));
          return counters.inputs === target;
        });
        venue.exchange.stateHash();
        expect(await venue.exchange.snapshot()).toBe(target);
      }
      expect(files().filter((name) => name.endsWith('.snap')).length).toBe(2);
      expect(files()).not.toContain('segment-0000000000000001.journal');
      const hash = venue.exchange.stateHash();
      venue.exchange.close();
      expect(replayJournal(directory.path, { snapshot: true }).stateHash).toBe(hash);
      expect(() => replayJournal(directory.path)).toThrow('have been deleted');
      await venue.start(options);
      expect(venue.exchange.recovery).toMatchObject({ snapshotSequence: 30_000, replayed: 0 });
    }, 60_000);
  }

  test('needs a directory', async () => {
    const storage = new MemoryStorage();
    using venue = await Venue.open({ exchange: { journalStorage: storage, ...SMALL } });
    const error = await venue.exchange.snapshot().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ENOTSUP' });
    expect(venue.exchange.counters.snapshotFailures).toBe(1);
  });

  test('decodeSnapshot() refuses bytes that are damaged or do not fit', () => {
    const logs = new TraderLogs(4, 64);
    const view = new DataView(new ArrayBuffer(48));
    for (let i = 0; i < 70; i += 1) logs.append(2, view, 0);
    const bytes = encodeSnapshot(new OrderBook(), logs);
    const copy = new TraderLogs(4, 64);
    decodeSnapshot(bytes, {}, copy);
    expect([copy.last[2], copy.oldest(2)]).toEqual([70, 7]);
    for (const length of [0, 8, 20, 100, bytes.length - 1]) {
      const cut = bytes.subarray(0, length);
      expect(() => decodeSnapshot(cut, {}, new TraderLogs(4, 64))).toThrow();
    }
    bytes[0] = 0;
    expect(() => decodeSnapshot(bytes, {}, new TraderLogs(4, 64))).toThrow('magic');
    bytes[0] = 0x54;
    expect(() => decodeSnapshot(bytes, {}, new TraderLogs(2, 64))).toThrow('limits.traders');
  });
});
