import { describe, expect, test } from 'bun:test';
import { FileStorage, Journal } from '@tickwire/journal';
import { Directory } from '../test/directory.ts';
import { FlowSender } from '../test/flow.ts';
import { Venue } from '../test/venue.ts';
import { replayJournal } from './index.ts';

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
async function run(threads: 1 | 3, path: string): Promise<unknown> {
  const venue = await Venue.open({
    exchange: { threads, journalDirectory: path, ...SMALL },
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

describe('Exchange with three threads', () => {
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
