import { describe, expect, test } from 'bun:test';
import { ManualClock, type NetError } from '@tickwire/base';
import { OrderBook } from '@tickwire/book';
import { FileStorage, Journal } from '@tickwire/journal';
import { encodeCancelOrder } from '@tickwire/protocol';
import { Directory } from '../test/directory.ts';
import { FlowSender } from '../test/flow.ts';
import { Venue } from '../test/venue.ts';
import { type ExchangeLimits, replayJournal } from './index.ts';
import { exchangeLimits } from './options.ts';
import { createRings } from './pipeline.ts';
import { BOOK, INPUT_MESSAGE_AT } from './slots.ts';
import { ThreadedPipeline } from './threaded-pipeline.ts';

const SMALL = { journalSegmentBytes: 4 * 1024 * 1024 };

/** Sequence, type and payload of every record, and the chain over all. */
function journalContents(path: string): { records: string; chain: number } {
  using journal = Journal.open({ storage: new FileStorage(path), policy: 'none' });
  const reader = journal.reader(1);
  const hasher = new Bun.CryptoHasher('sha256');
  while (reader.next()) {
    hasher.update(`${reader.sequence} ${reader.type} `);
    hasher.update(reader.bytes.slice(reader.at, reader.at + reader.length));
  }
  return { records: hasher.digest('hex'), chain: journal.chain };
}

/** Feeds the same input in the same order to an exchange and returns all that comes of it. */
async function run(
  threads: 1 | 3,
  path: string,
  limits: Partial<ExchangeLimits> = {},
): Promise<unknown> {
  const venue = await Venue.open({
    exchange: { threads, journalDirectory: path, limits, ...SMALL },
  });
  try {
    const a = venue.trader(1);
    const b = venue.trader(2);
    const feed = venue.feed();
    venue.advance(10_000_000);
    const flows = [new FlowSender(7), new FlowSender(8)];
    const MESSAGES = 40;
    for (let round = 0; round < 50; round += 1) {
      // One after the other, so that the order of arrival is the same whatever the threads do.
      for (const [i, trader] of [a, b].entries()) {
        const before = venue.exchange.counters.inputs;
        expect(flows[i]!.send(trader, MESSAGES)).toBe(MESSAGES);
        await venue.untilReal(() => venue.exchange.counters.inputs === before + MESSAGES);
      }
    }
    const hash = venue.exchange.stateHash();
    const { inputSequence } = venue.exchange;
    await venue.untilReal(() => {
      const { reports } = venue.exchange.counters;
      return a.reports.length + b.reports.length === reports && feed.reports.length === reports;
    });
    return { hash, inputSequence, a: a.reports, b: b.reports, feed: feed.reports };
  } finally {
    venue[Symbol.dispose]();
  }
}

describe('Exchange with rings of 16 slots', () => {
  for (const threads of [1, 3] as const) {
    test(`waits instead of dropping, and reports the same (threads ${threads})`, async () => {
      using small = new Directory();
      using large = new Directory();
      const tiny = { inputSlots: 16, outputSlots: 16 };
      expect(await run(threads, small.path, tiny)).toEqual(await run(1, large.path));
    }, 60_000);

    test(`a sweep of 1,000 orders passes through (threads ${threads})`, async () => {
      const limits = { inputSlots: 16, outputSlots: 16 };
      using venue = await Venue.open({ exchange: { threads, limits } });
      const maker = venue.trader(1);
      const taker = venue.trader(2);
      const feed = venue.feed();
      venue.advance(10_000_000);
      for (let id = 1; id <= 1000; id += 1) {
        while (maker.sell(id, 100, 1) < 0) venue.round();
        if (id % 100 === 0) {
          await venue.untilReal(() => maker.reports.length === id);
        }
      }
      expect(venue.exchange.counters.inputRingFull).toBeGreaterThan(0);
      taker.buy(1, 100, 1001);
      await venue.untilReal(() => taker.reports.length === 1001 && feed.reports.length === 3001);
      expect(maker.reports.length).toBe(2000);
      expect(venue.exchange.bestBid()).toBe(100);
      expect(venue.exchange.bestAsk()).toBeNaN();
    }, 60_000);
  }
});

describe('Exchange with three threads', () => {
  test('does not start on a journal that another writes', async () => {
    using directory = new Directory();
    const options = { journalDirectory: directory.path, ...SMALL };
    using _first = await Venue.open({ exchange: options });
    for (const threads of [1, 3] as const) {
      const error = await Venue.open({ exchange: { ...options, threads } }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code: 'EADDRINUSE' });
    }
  });

  test('stops, and names the journal, when its disk is gone', async () => {
    const directory = new Directory();
    const failures: NetError[] = [];
    using venue = await Venue.open({
      exchange: {
        threads: 3,
        journalDirectory: directory.path,
        // The smallest: so that a new file is needed soon.
        journalSegmentBytes: 512 * 1024,
        onFailure: (error) => void failures.push(error),
      },
    });
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    trader.buy(1, 100, 1);
    await venue.untilReal(() => trader.reports.length === 1);
    directory[Symbol.dispose]();
    const flow = new FlowSender(1, 10);
    await venue.untilReal(() => {
      if (trader.client.state === 'open') flow.send(trader, 100);
      return venue.exchange.state === 'failed';
    });
    expect(failures.length).toBe(1);
    expect(failures[0]?.message).toContain('The journal thread has failed');
    expect(failures[0]?.details).toEqual({ thread: 'journal' });
    venue.advance(10_000_000);
    // In order, or by a reset that crossed the trader's own messages.
    expect(trader.client.state).toBe('closed');
    const late = venue.trader(1);
    venue.advance(10_000_000);
    expect(late.events).toEqual(['refused SessionNotAvailable']);
  }, 60_000);

  test('stops, and names the stage, when one has work and does not move', async () => {
    const limits = exchangeLimits();
    // A ring with a journal that nobody has started.
    const rings = createRings(limits, 'group-commit', 1, 'block', 0);
    const clock = new ManualClock();
    using pipeline = await ThreadedPipeline.start({
      rings,
      book: new OrderBook(),
      bookOptions: {},
      stallNs: 1e9,
      clock,
    });
    using producer = rings.input.producer();
    const view = rings.input.view;
    const at = rings.input.slotAt(producer.tryClaim(1));
    encodeCancelOrder(view, at + INPUT_MESSAGE_AT, 1, 0, 1);
    producer.publish(1);
    while (rings.input.consumerSequence(BOOK).count < 1) await Bun.sleep(1);
    for (let i = 0; i < 8 && pipeline.failure === undefined; i += 1) {
      clock.advance(300_000_000);
      pipeline.makeRoom();
    }
    expect(pipeline.failure?.message).toContain('journal (no thread attached) is 1 behind');
    expect(rings.input.halted).toBe(true);
  });

  test('ends in order while reports are on their way', async () => {
    using directory = new Directory();
    const venue = await Venue.open({
      exchange: { threads: 3, journalDirectory: directory.path, ...SMALL },
    });
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    new FlowSender(1).send(trader, 300);
    while (venue.exchange.counters.inputs < 300) venue.round();
    venue.exchange.close();
    venue.advance(10_000_000);
    expect(trader.events).toEqual(['in 1', 'closed in order']);
    expect(trader.reports.length).toBe(venue.exchange.counters.reports);
    venue[Symbol.dispose]();
    const replay = replayJournal(directory.path);
    expect(replay.records).toBe(300);
    expect(replay.reports).toBe(trader.reports.length);
  });

  test('writes the same journal and the same reports as with one', async () => {
    using one = new Directory();
    using three = new Directory();
    const first = await run(1, one.path);
    const second = await run(3, three.path);
    expect(first).toEqual(second);
    const contents = journalContents(three.path);
    expect(contents).toEqual(journalContents(one.path));
    const replay = replayJournal(three.path);
    expect(replay.records).toBe(4000);
    expect(replay.stateHash).toBe((first as { hash: string }).hash);
    expect(replayJournal(one.path).reportSha256).toBe(replay.reportSha256);
  }, 60_000);
});
