import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { FileStorage, Journal } from '@tickwire/journal';
import { EXECUTION_REPORT_BYTES, orderClientSequence } from '@tickwire/protocol';
import { join } from 'node:path';
import { Directory } from '../test/directory.ts';
import { Venue } from '../test/venue.ts';
import { replayJournal } from './index.ts';
import { RECORD_HEADER_BYTES } from './slots.ts';

const CHILD = join(import.meta.dir, '../test/crash-child.ts');
/** Lives of the exchange, each ended by kill -9. */
const LIVES = 4;

/**
 * Starts the exchange, kills it `delayMs` after its first report, returns what the trader heard.
 */
async function life(path: string, threads: 1 | 3, seed: number, delayMs: number): Promise<Buffer> {
  const child = Bun.spawn([process.execPath, CHILD, path, String(threads), String(seed)], {
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const parts: Uint8Array[] = [];
  for await (const part of child.stdout) {
    if (parts.length === 0) setTimeout(() => child.kill('SIGKILL'), delayMs);
    parts.push(part);
  }
  await child.exited;
  const bytes = Buffer.concat(parts);
  // A write of the dying child may be cut.
  return bytes.subarray(0, bytes.length - (bytes.length % EXECUTION_REPORT_BYTES));
}

/** One millisecond in nanoseconds. */
const MS = 1_000_000;

/** Feeds the journalled messages, in their order, to an exchange that nothing interrupts. */
async function uninterrupted(path: string): Promise<{ hash: string; reports: number }> {
  using journal = Journal.open({ storage: new FileStorage(path), policy: 'none' });
  using venue = await Venue.open();
  const trader = venue.trader(1);
  venue.advance(10_000_000);
  const reader = journal.reader(1);
  let sent = 0;
  while (reader.next()) {
    const view = new DataView(reader.bytes.buffer);
    const at = reader.at + RECORD_HEADER_BYTES;
    const length = reader.length - RECORD_HEADER_BYTES;
    const sequence = orderClientSequence(view, at);
    expect(trader.client.sendEncoded(view, at, length, sequence)).toBe(sequence);
    sent += 1;
    // Time goes on: reports that a window holds back, or the pacer, wait for it.
    if (sent % 100 === 0) venue.advance(MS);
  }
  venue.advance(1000 * MS);
  return { hash: venue.exchange.stateHash(), reports: trader.reports.length };
}

describe('Exchange killed at random points under load', () => {
  for (const threads of [1, 3] as const) {
    test(`loses no report received, makes none twice (threads ${threads})`, async () => {
      using directory = new Directory();
      const prng = new Prng(threads);
      const heard = new Map<number, string>();
      for (let seed = 1; seed <= LIVES; seed += 1) {
        const bytes = await life(directory.path, threads, seed, 20 + prng.nextBelow(150));
        expect(bytes.length).toBeGreaterThan(0);
        for (let at = 0; at < bytes.length; at += EXECUTION_REPORT_BYTES) {
          const sequence = Number(bytes.readBigUInt64LE(at + 16));
          // Live reports only: a sequence that came in an earlier life must not come again.
          expect(heard.has(sequence)).toBe(false);
          heard.set(sequence, bytes.toString('hex', at, at + EXECUTION_REPORT_BYTES));
        }
      }
      let found = 0;
      let last = 0;
      const replay = replayJournal(directory.path, {
        onReport: (_trader, view, at) => {
          const report = Buffer.from(view.buffer, view.byteOffset + at, EXECUTION_REPORT_BYTES);
          const sequence = Number(report.readBigUInt64LE(16));
          expect(sequence).toBe(last + 1);
          last = sequence;
          if (heard.get(sequence) === report.toString('hex')) found += 1;
        },
      });
      expect(found).toBe(heard.size);
      expect(heard.size).toBeGreaterThan(100);
      const straight = await uninterrupted(directory.path);
      expect(straight.hash).toBe(replay.stateHash);
      expect(straight.reports).toBe(replay.reports);
    }, 60_000);
  }
});
