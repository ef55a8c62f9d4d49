import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { EIO, Journal, MemoryStorage } from '@tickwire/journal';
import { encodeCancelOrder } from '@tickwire/protocol';
import { FlowSender } from '../test/flow.ts';
import { Venue } from '../test/venue.ts';
import type { ExchangeOptions } from './index.ts';

const SEGMENT = { journalSegmentBytes: 1024 * 1024 };

function journalled(storage: MemoryStorage): Partial<ExchangeOptions> {
  return { journalStorage: storage, ...SEGMENT };
}

describe('Exchange with a journal', () => {
  test('goes on after a restart where it stopped', async () => {
    const storage = new MemoryStorage();
    using venue = await Venue.open({ exchange: journalled(storage) });
    const a = venue.trader(1);
    venue.advance(10_000_000);
    new FlowSender(1).send(a, 200);
    venue.advance(10_000_000);
    const hash = venue.exchange.stateHash();
    const reports = venue.exchange.counters.reports;
    const [bid, ask] = [venue.exchange.bestBid(), venue.exchange.bestAsk()];
    venue.exchange.close();
    venue.advance(3_000_000_000);

    await venue.start(journalled(storage));
    expect(venue.exchange.recovery).toEqual({
      snapshotSequence: 0,
      replayed: 200,
      inputSequence: 200,
      reportSequence: reports,
      tornBytes: 0,
      stateHash: hash,
    });
    expect([venue.exchange.bestBid(), venue.exchange.bestAsk()]).toEqual([bid, ask]);
    const b = venue.trader(1, { fromSequence: 1, clientSequence: 201 });
    const feed = venue.feed({ fromSequence: 1 });
    venue.advance(10_000_000);
    expect(b.reports).toEqual(a.reports);
    b.buy(9_999_999, 1, 1);
    venue.settle();
    expect(b.reports.at(-1)?.sequence).toBe(reports + 1);
    // The feed's history was rebuilt too.
    venue.advance(1_500_000_000);
    expect(feed.reports.length).toBe(reports + 1);
  });

  test('says nothing about an order before the disk has it (group-commit)', async () => {
    const storage = new MemoryStorage();
    const failures: string[] = [];
    using venue = await Venue.open({
      exchange: { ...journalled(storage), onFailure: (error) => void failures.push(error.message) },
    });
    const trader = venue.trader(1);
    const feed = venue.feed();
    venue.advance(10_000_000);
    trader.buy(1, 100, 1);
    venue.settle();
    storage.failAfter('sync', 0, EIO);
    trader.buy(2, 100, 1);
    venue.settle();
    trader.buy(3, 100, 1);
    venue.advance(10_000_000);
    expect(trader.reports.map((r) => r.clientOrderId)).toEqual([1]);
    expect(feed.sequences).toEqual([1]);
    expect(venue.exchange.state).toBe('failed');
    expect(venue.exchange.failure?.message).toContain('sync');
    expect(failures.length).toBe(1);
    expect(trader.events).toEqual(['in 1', 'closed in order']);
    const again = venue.trader(1);
    venue.advance(10_000_000);
    expect(again.events).toEqual(['refused SessionNotAvailable']);
    expect(venue.exchange.counters.loginsUnavailable).toBe(1);
    venue.exchange.close();

    // What was not acknowledged may or may not be there; what was acknowledged is.
    storage.crash();
    storage.repair();
    venue.advance(3_000_000_000);
    await venue.start(journalled(storage));
    expect(venue.exchange.recovery.inputSequence).toBe(1);
  });

  test('poll() throws the failure once when nobody asked to be told', async () => {
    const storage = new MemoryStorage();
    using venue = await Venue.open({ exchange: journalled(storage) });
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    storage.failAfter('write', 0, EIO);
    trader.buy(1, 100, 1);
    expect(() => venue.settle()).toThrow('Journal cannot write');
    venue.settle();
    expect(venue.exchange.state).toBe('failed');
    expect(trader.reports).toEqual([]);
  });

  test('does not start from a journal that is not its own, or needs more room', async () => {
    const record = new Uint8Array(24);
    const view = new DataView(record.buffer);
    encodeCancelOrder(view, 8, 1, 0, 1);
    const cases: [string, string, number, () => void][] = [
      ['a message of another version', 'ERR_TW_CORRUPT', 24, () => view.setUint8(8, 9)],
      ['a record that is too short', 'ERR_TW_CORRUPT', 4, () => view.setUint8(8, 1)],
      ['a trader beyond the limit', 'ERR_TW_CONFIG', 24, () => view.setUint32(0, 256, true)],
    ];
    for (const [, code, length, spoil] of cases) {
      spoil();
      const storage = new MemoryStorage();
      const journal = Journal.open({ storage, policy: 'group-commit', segmentBytes: 1_048_576 });
      journal.append(record, 0, length, 1);
      journal.close();
      const opening = Venue.open({ exchange: journalled(storage) });
      expect(await opening.catch((reason: unknown) => reason)).toMatchObject({ code });
      // The journal was given back.
      Journal.open({ storage, policy: 'none' }).close();
    }
  });

  test('refuses options that contradict each other', async () => {
    const refused: Partial<ExchangeOptions>[] = [
      { journalPolicy: 'async' },
      { journalPolicy: 'none', journalStorage: new MemoryStorage() },
      { journalStorage: new MemoryStorage(), threads: 3 },
      { limits: { inputSlots: 100 } },
      { limits: { traders: 0 } },
      { login: [{ trader: 300, token: 'x' }] },
      { login: [{ trader: 3, token: '' }] },
    ];
    for (const options of refused) {
      const error = await Venue.open({ exchange: options }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ERR_TW_CONFIG' });
    }
  });

  for (const policy of ['group-commit', 'async'] as const) {
    test(`loses nothing acknowledged when the power fails at random (${policy})`, async () => {
      let acknowledgedInAll = 0;
      for (let seed = 1; seed <= 10; seed += 1) {
        const prng = new Prng(seed);
        const storage = new MemoryStorage();
        const options = { ...journalled(storage), journalPolicy: policy };
        using venue = await Venue.open({ exchange: options });
        const trader = venue.trader(1);
        venue.advance(10_000_000);
        const flow = new FlowSender(seed);
        for (let left = 20 + prng.nextBelow(100); left > 0; left -= 1) {
          flow.send(trader, 1 + prng.nextBelow(20));
          // Not settled: the crash comes with orders anywhere on the way.
          venue.round();
          if (prng.nextBelow(3) === 0) venue.round();
        }
        const acknowledged = trader.reports;
        acknowledgedInAll += acknowledged.length;
        // `async` promises only to survive the process.
        if (policy === 'async') storage.kill();
        else storage.crash(prng);
        const survivor = await Venue.open({ exchange: { ...options, journalStorage: storage } });
        const back = survivor.trader(1, { fromSequence: 1 });
        survivor.advance(10_000_000);
        expect(back.reports.length).toBeGreaterThanOrEqual(acknowledged.length);
        expect(back.reports.slice(0, acknowledged.length)).toEqual(acknowledged);
        const sequences = back.reports.map((r) => r.sequence);
        expect(new Set(sequences).size).toBe(sequences.length);
        survivor[Symbol.dispose]();
        // The crashed one must not write to the storage when it is closed.
        storage.failAfter('write', 0, EIO);
      }
      expect(acknowledgedInAll).toBeGreaterThan(1000);
    }, 60_000);
  }
});
