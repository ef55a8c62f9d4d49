/**
 * Power loss at random points, with every unsynced sector surviving or not by the toss of a coin.
 * What was reported durable is there afterwards, whatever the toss.
 */

import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { appendRecords, verifyRecords } from '../test/records.ts';
import { Journal } from './journal.ts';
import { MemoryStorage } from './memory-storage.ts';
import type { JournalPolicy } from './options.ts';

const SEEDS = 150;

function simulate(seed: number, policy: JournalPolicy): { cuts: number; later: number } {
  const prng = new Prng(seed);
  const storage = new MemoryStorage();
  storage.holdBackground = true;
  let promised = 0;
  let cuts = 0;
  let later = 0;
  for (let life = 0; life < 6; life++) {
    const journal = Journal.open({ storage, policy, segmentBytes: 8_192, batchBytes: 2_048 });
    const { cut } = journal;
    if (cut !== undefined) {
      cuts++;
      later += cut.laterBatches;
    }
    const last = verifyRecords(journal.reader(1), 1);
    expect(last).toBeGreaterThanOrEqual(promised);
    const rounds = prng.nextBelow(25);
    for (let round = 0; round < rounds; round++) {
      appendRecords(journal, 1 + prng.nextBelow(15));
      if (journal.commit() < 0) throw journal.failure!;
      if (prng.nextBelow(3) === 0) storage.completeBackground();
      if (prng.nextBelow(3) === 0) journal.maintain();
      if (prng.nextBelow(12) === 0) {
        journal.writeSnapshot(journal.writtenSequence, new Uint8Array(700));
      }
    }
    promised = journal.durableSequence;
    const snapshot = journal.latestSnapshot().snapshot?.sequence ?? 0;
    if (prng.nextBelow(4) === 0) {
      // Caught in the middle of a write: the next one is torn before its sync.
      appendRecords(journal, 8);
      storage.failAfter('sync', 0, 5);
      journal.commit();
      storage.repair();
    }
    storage.crash(prng.nextBelow(5) === 0 ? undefined : prng);
    const again = Journal.open({ storage, policy: 'none' });
    expect(again.latestSnapshot().snapshot?.sequence ?? 0).toBeGreaterThanOrEqual(snapshot);
    again.close();
  }
  return { cuts, later };
}

describe('power loss', () => {
  test.each(['group-commit', 'async'] as const)('under %s loses nothing durable', (policy) => {
    let cuts = 0;
    let later = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        const seen = simulate(seed, policy);
        cuts += seen.cuts;
        later += seen.later;
      } catch (error) {
        const why = error instanceof Error ? error.message : 'unknown';
        throw new Error(`power.sim seed ${seed}, ${policy}: ${why}`, { cause: error });
      }
    }
    // The simulation has to reach what it is for.
    expect(cuts).toBeGreaterThan(20);
    if (policy === 'async') expect(later).toBeGreaterThan(0);
    else expect(later).toBe(0);
  });
});
