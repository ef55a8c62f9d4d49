import { describe, expect, test } from 'bun:test';
import { NetError, Status } from '@tickwire/base';
import { appendRecords, PAYLOAD_MAX, verifyRecords } from '../test/records.ts';
import { Journal } from './journal.ts';
import { MemoryStorage } from './memory-storage.ts';
import type { JournalOptions } from './options.ts';
import { recover } from './recovery.ts';
import { EIO, ENOSPC } from './storage.ts';

const SEGMENT = 8_192;

function open(storage: MemoryStorage, more: Partial<JournalOptions> = {}): Journal {
  return Journal.open({
    storage,
    policy: 'group-commit',
    segmentBytes: SEGMENT,
    batchBytes: 2_048,
    nowMs: 1,
    ...more,
  });
}

function errorOf(run: () => unknown): NetError {
  try {
    run();
  } catch (error) {
    if (error instanceof NetError) return error;
    throw error;
  }
  throw new Error('Nothing was thrown');
}

function segments(storage: MemoryStorage): string[] {
  return storage.list().filter((name) => name.startsWith('segment-'));
}

describe('Journal', () => {
  test('open() of an empty directory begins at sequence 1', () => {
    const storage = new MemoryStorage();
    using journal = open(storage);
    expect(journal.nextSequence).toBe(1);
    expect(journal.durableSequence).toBe(0);
    expect(verifyRecords(journal.reader(1), 1)).toBe(0);
    expect(segments(storage)).toEqual(['segment-0000000000000001.journal']);
  });

  test('goes on over two restarts where it stopped, with the same chain', () => {
    const storage = new MemoryStorage();
    let chain = 0;
    for (let restart = 0; restart < 3; restart++) {
      using journal = open(storage);
      expect(journal.nextSequence).toBe(1 + restart * 5);
      if (restart > 0) expect(journal.chain).toBe(chain);
      appendRecords(journal, 5);
      expect(journal.commit()).toBe(Status.Ok);
      chain = journal.chain;
      expect(verifyRecords(journal.reader(1), 1)).toBe(restart * 5 + 5);
      expect(journal.cut).toBeUndefined();
    }
  });

  test('the chain of two journals agrees as long as their records do', () => {
    using a = open(new MemoryStorage());
    using b = open(new MemoryStorage());
    appendRecords(a, 3);
    appendRecords(b, 1);
    b.commit();
    appendRecords(b, 2);
    expect(b.chain).toBe(a.chain);
    a.append(new Uint8Array([1]), 0, 1, 4);
    b.append(new Uint8Array([2]), 0, 1, 4);
    expect(b.chain).not.toBe(a.chain);
  });

  test('append() refuses a sequence that is not the next, and a payload that is too long', () => {
    using journal = open(new MemoryStorage());
    const bytes = new Uint8Array(40_000);
    expect(journal.append(bytes, 0, 8, 2)).toBe(Status.OutOfRange);
    expect(journal.append(bytes, 0, 32_769, 1)).toBe(Status.TooLong);
    expect(() => journal.append(bytes, 39_999, 2, 1)).toThrow('The payload lies in its bytes');
    expect(journal.nextSequence).toBe(1);
  });

  test('append() says Again when the batch is full, and takes the record after a commit', () => {
    using journal = open(new MemoryStorage());
    const bytes = new Uint8Array(1_000);
    expect(journal.append(bytes, 0, 984, 1)).toBe(Status.Ok);
    expect(journal.append(bytes, 0, 984, 2)).toBe(Status.Ok);
    expect(journal.append(bytes, 0, 0, 3)).toBe(Status.Again);
    expect(journal.commit()).toBe(Status.Ok);
    expect(journal.append(bytes, 0, 0, 3)).toBe(Status.Ok);
  });

  test('rotates, and reads across segments from any sequence', () => {
    const storage = new MemoryStorage();
    using journal = open(storage);
    while (segments(storage).length < 4) {
      appendRecords(journal, 7);
      expect(journal.commit()).toBe(Status.Ok);
    }
    const last = journal.nextSequence - 1;
    for (let from = 1; from <= last + 1; from++) {
      expect(verifyRecords(journal.reader(from), from)).toBe(last);
    }
  });

  test('a rotation finds the segment that maintain() prepared', () => {
    const storage = new MemoryStorage();
    using journal = open(storage);
    while (journal.maintain() > 0);
    appendRecords(journal, 1);
    while (segments(storage).length < 2) {
      appendRecords(journal, 7);
      journal.commit();
    }
    expect(journal.lateRotations).toBe(0);
    while (segments(storage).length < 3) {
      appendRecords(journal, 7);
      journal.commit();
    }
    expect(journal.lateRotations).toBe(1);
  });

  test('a second writer is refused, and welcome after the first has closed', () => {
    const storage = new MemoryStorage();
    const journal = open(storage);
    expect(errorOf(() => open(storage)).code).toBe('EADDRINUSE');
    journal.close();
    open(storage).close();
  });

  test('a failed open() leaves the directory free', () => {
    const storage = new MemoryStorage();
    open(storage).close();
    const name = segments(storage)[0]!;
    const whole = storage.get(name).slice();
    storage.put(name, whole.slice(0, 10));
    expect(errorOf(() => open(storage)).code).toBe('ERR_TW_CORRUPT');
    storage.put(name, whole);
    open(storage).close();
  });

  test.each([
    { batchBytes: 56 },
    { batchBytes: 2_049 },
    { segmentBytes: 2_048 },
    { segmentBytes: 2 ** 31 },
    { firstSequence: 0 },
    { firstSequence: 1.5 },
  ])('open() refuses %o', (wrong) => {
    expect(errorOf(() => open(new MemoryStorage(), wrong)).code).toBe('ERR_TW_CONFIG');
  });

  test('sequences beyond 2^32 survive', () => {
    const storage = new MemoryStorage();
    const firstSequence = 2 ** 45 + 7;
    {
      using journal = open(storage, { firstSequence });
      appendRecords(journal, 9);
      journal.commit();
    }
    using journal = open(storage, { firstSequence });
    expect(verifyRecords(journal.reader(firstSequence), firstSequence)).toBe(firstSequence + 8);
  });
});

describe('JournalPolicy', () => {
  test('none writes nothing, and a restart finds what was there before', () => {
    const storage = new MemoryStorage();
    {
      using journal = open(storage);
      appendRecords(journal, 3);
    }
    const before = storage.get(segments(storage)[0]!).slice();
    {
      using journal = open(storage, { policy: 'none' });
      appendRecords(journal, 3);
      expect(journal.releasableSequence).toBe(3);
      expect(journal.commit()).toBe(Status.Ok);
      expect(journal.releasableSequence).toBe(6);
      expect(journal.writtenSequence).toBe(3);
      expect(verifyRecords(journal.reader(1), 1)).toBe(3);
    }
    expect(storage.get(segments(storage)[0]!)).toEqual(before);
    expect(open(storage).nextSequence).toBe(4);
  });

  test('none makes no file in an empty directory', () => {
    const storage = new MemoryStorage();
    using journal = open(storage, { policy: 'none' });
    appendRecords(journal, 3);
    journal.commit();
    expect(storage.list()).toEqual([]);
  });

  test('async releases what is written; durable follows when the other thread is done', () => {
    const storage = new MemoryStorage();
    storage.holdBackground = true;
    using journal = open(storage, { policy: 'async' });
    appendRecords(journal, 3);
    expect(journal.releasableSequence).toBe(0);
    journal.commit();
    appendRecords(journal, 2);
    journal.commit();
    expect([journal.releasableSequence, journal.durableSequence]).toEqual([5, 0]);
    storage.completeBackground();
    journal.maintain();
    // The request was made when 3 was written: it says nothing about 4 and 5.
    expect(journal.durableSequence).toBe(3);
    storage.completeBackground();
    journal.maintain();
    expect(journal.durableSequence).toBe(5);
  });

  test('group-commit releases what is synced', () => {
    using journal = open(new MemoryStorage());
    appendRecords(journal, 3);
    expect(journal.releasableSequence).toBe(0);
    journal.commit();
    expect([journal.releasableSequence, journal.durableSequence]).toEqual([3, 3]);
  });
});

describe('a failing disk', () => {
  test.each(['async', 'group-commit'] as const)('EIO in write stops %s for good', (policy) => {
    const storage = new MemoryStorage();
    const journal = open(storage, { policy });
    appendRecords(journal, 2);
    journal.commit();
    journal.sync();
    storage.failAfter('write', 0, EIO);
    appendRecords(journal, 1);
    expect(journal.commit()).toBe(Status.BadState);
    storage.repair();
    expect(journal.commit()).toBe(Status.BadState);
    expect(journal.append(new Uint8Array(8), 0, 8, 4)).toBe(Status.BadState);
    expect(journal.releasableSequence).toBe(2);
    expect(journal.failure?.details).toMatchObject({ operation: 'write', errno: 'EIO' });
    expect(journal.close()).toBe(Status.BadState);
    expect(open(storage).nextSequence).toBe(3);
  });

  test('a write that takes nothing and gives no reason is EIO, not an endless loop', () => {
    class Stuck extends MemoryStorage {
      stuck = false;
      override write(
        ...args: [fd: number, bytes: Uint8Array, at: number, length: number, position: number]
      ): number {
        return this.stuck ? 0 : super.write(...args);
      }
    }
    const storage = new Stuck();
    const journal = open(storage);
    storage.stuck = true;
    appendRecords(journal, 1);
    expect(journal.commit()).toBe(Status.BadState);
    expect(journal.failure?.details['errno']).toBe('EIO');
  });

  test('EIO in sync does not move the durable cursor, and is not tried again', () => {
    const storage = new MemoryStorage();
    const journal = open(storage);
    appendRecords(journal, 2);
    storage.failAfter('sync', 0, EIO);
    expect(journal.commit()).toBe(Status.BadState);
    storage.repair();
    expect(journal.sync()).toBe(Status.BadState);
    expect(journal.durableSequence).toBe(0);
    expect(() => journal[Symbol.dispose]()).toThrow('cannot sync');
  });

  test('EIO in the background sync is not papered over by a later sync', () => {
    const storage = new MemoryStorage();
    storage.holdBackground = true;
    const journal = open(storage, { policy: 'async' });
    appendRecords(journal, 2);
    journal.commit();
    storage.failAfter('sync', 0, EIO);
    storage.completeBackground();
    storage.repair();
    expect(journal.sync()).toBe(Status.BadState);
    expect(journal.durableSequence).toBe(0);
    expect(journal.failure?.details['errno']).toBe('EIO');
  });

  test('a full disk is found when a segment is reserved, and loses nothing', () => {
    const storage = new MemoryStorage();
    const journal = open(storage);
    storage.capacityBytes = SEGMENT + 1_000;
    let committed = 0;
    for (;;) {
      appendRecords(journal, 5);
      expect(journal.maintain()).toBe(0);
      if (journal.commit() < 0) break;
      committed = journal.durableSequence;
    }
    expect(journal.failure?.code).toBe('ENOSPC');
    expect(journal.durableSequence).toBe(committed);
    journal.close();
    storage.capacityBytes = Number.POSITIVE_INFINITY;
    using again = open(storage);
    expect(verifyRecords(again.reader(1), 1)).toBe(committed);
    appendRecords(again, 20);
    expect(again.commit()).toBe(Status.Ok);
  });

  test.each(['create', 'rename', 'syncDirectory'] as const)(
    'EIO in %s during a rotation loses nothing that was released',
    (operation) => {
      const storage = new MemoryStorage();
      const journal = open(storage);
      storage.failAfter(operation, 0, EIO);
      let released = 0;
      for (;;) {
        appendRecords(journal, 7);
        if (journal.commit() < 0) break;
        released = journal.releasableSequence;
      }
      expect(journal.failure?.details['errno']).toBe('EIO');
      storage.crash();
      storage.repair();
      using again = open(storage);
      expect(verifyRecords(again.reader(1), 1)).toBe(released);
    },
  );
});

describe('snapshots', () => {
  const state = (n: number): Uint8Array => new Uint8Array(100).fill(n);

  test('latestSnapshot() finds the newest, and the one before when it is damaged', () => {
    const storage = new MemoryStorage();
    using journal = open(storage);
    appendRecords(journal, 10);
    journal.commit();
    expect(journal.latestSnapshot().snapshot).toBeUndefined();
    journal.writeSnapshot(4, state(4));
    journal.writeSnapshot(9, state(9));
    expect(journal.latestSnapshot()).toEqual({
      snapshot: { sequence: 9, bytes: state(9) },
      damaged: [],
    });
    const name = 'snapshot-0000000000000009.snap';
    const whole = storage.get(name).slice();
    for (let at = 0; at < whole.length; at++) {
      const flipped = whole.slice();
      flipped[at]! ^= 1 << (at & 7);
      storage.put(name, flipped);
      const found = journal.latestSnapshot();
      expect(found.snapshot?.sequence).toBe(4);
      expect(found.damaged).toEqual([name]);
    }
  });

  test('writeSnapshot() refuses what is not committed, and what no journal backs', () => {
    using journal = open(new MemoryStorage());
    appendRecords(journal, 1);
    expect(errorOf(() => journal.writeSnapshot(1, state(1))).code).toBe('EINVAL');
    using none = open(new MemoryStorage(), { policy: 'none' });
    expect(errorOf(() => none.writeSnapshot(0, state(1))).code).toBe('EINVAL');
  });

  test('writeSnapshot() makes its sequence durable first', () => {
    const storage = new MemoryStorage();
    storage.holdBackground = true;
    const journal = open(storage, { policy: 'async' });
    appendRecords(journal, 5);
    journal.commit();
    journal.writeSnapshot(5, state(5));
    storage.crash();
    using again = open(storage);
    expect(again.latestSnapshot().snapshot?.sequence).toBe(5);
    expect(again.nextSequence).toBe(6);
  });

  test.each(['write', 'sync', 'create', 'rename', 'syncDirectory'] as const)(
    'a failure in %s leaves the older snapshot',
    (operation) => {
      const storage = new MemoryStorage();
      const journal = open(storage);
      appendRecords(journal, 5);
      journal.commit();
      journal.writeSnapshot(2, state(2));
      storage.failAfter(operation, 0, EIO);
      expect(errorOf(() => journal.writeSnapshot(5, state(5))).details['errno']).toBe('EIO');
      storage.crash();
      storage.repair();
      expect(open(storage).latestSnapshot().snapshot?.sequence).toBe(2);
    },
  );

  test('prune() keeps what replay from the older snapshot needs', () => {
    const storage = new MemoryStorage();
    {
      using journal = open(storage);
      while (segments(storage).length < 6) {
        appendRecords(journal, 7);
        journal.commit();
      }
      const last = journal.durableSequence;
      expect(journal.prune()).toBe(0);
      journal.writeSnapshot(5, state(1));
      journal.writeSnapshot(last - 300, state(2));
      journal.writeSnapshot(last, state(3));
      expect(journal.prune()).toBe(3);
      expect(verifyRecords(journal.reader(last - 299), last - 299)).toBe(last);
    }
    using journal = open(storage);
    expect(journal.latestSnapshot().snapshot?.bytes).toEqual(state(3));
  });

  test('open() refuses a pruned journal whose snapshots are gone', () => {
    const storage = new MemoryStorage();
    const journal = open(storage);
    while (segments(storage).length < 3) {
      appendRecords(journal, 7);
      journal.commit();
    }
    journal.writeSnapshot(journal.durableSequence - 1, state(1));
    journal.writeSnapshot(journal.durableSequence, state(2));
    expect(journal.prune()).toBeGreaterThan(0);
    journal.close();
    for (const name of storage.list()) if (name.startsWith('snapshot-')) storage.remove(name);
    expect(errorOf(() => open(storage)).message).toContain('are missing');
  });

  test('open() refuses a snapshot without any journal', () => {
    const storage = new MemoryStorage();
    const journal = open(storage);
    appendRecords(journal, 1);
    journal.commit();
    journal.writeSnapshot(1, state(1));
    journal.close();
    storage.remove(segments(storage)[0]!);
    expect(errorOf(() => open(storage)).code).toBe('ERR_TW_CORRUPT');
  });
});

describe('recover()', () => {
  test('refuses bytes behind the last batch of a segment that has a successor', () => {
    const storage = new MemoryStorage();
    const journal = open(storage);
    while (segments(storage).length < 2) {
      appendRecords(journal, 7);
      journal.commit();
    }
    journal.close();
    const name = segments(storage).sort()[0]!;
    const bytes = storage.get(name).slice();
    bytes[SEGMENT - 1] = 1;
    storage.put(name, bytes);
    expect(errorOf(() => recover(storage)).message).toContain('later segments exist');
  });

  test('a cut empties the file to its end, though segments are to be smaller now', () => {
    const storage = new MemoryStorage();
    const journal = open(storage, { segmentBytes: 2 * SEGMENT });
    for (let i = 0; i < 9; i++) {
      appendRecords(journal, 16);
      journal.commit();
    }
    storage.kill();
    const found = recover(storage)!;
    const name = segments(storage)[0]!;
    const bytes = storage.get(name).slice();
    bytes[found.segments[0]!.endAt + 900] = 1;
    storage.put(name, bytes);
    const smaller = open(storage);
    expect(smaller.cut?.bytes).toBe(901);
    appendRecords(smaller, 1);
    expect(smaller.commit()).toBe(Status.Ok);
    smaller.close();
    expect(recover(storage)!.lastSequence).toBe(found.lastSequence + 1);
    expect(recover(storage)!.cut).toBeUndefined();
  });

  test('refuses when a segment in the middle is missing', () => {
    const storage = new MemoryStorage();
    const journal = open(storage);
    while (segments(storage).length < 4) {
      appendRecords(journal, 7);
      journal.commit();
    }
    journal.close();
    const names = segments(storage).sort();
    storage.remove(names[1]!);
    const error = errorOf(() => recover(storage));
    expect(error.code).toBe('ERR_TW_CORRUPT');
    expect(error.details['file']).toBe(names[0]);
  });

  test('refuses a segment of another journal', () => {
    const storage = new MemoryStorage();
    const other = new MemoryStorage();
    for (const [where, nonce] of [
      [storage, 1],
      [other, 2],
    ] as const) {
      using journal = open(where, { nonce });
      while (segments(where).length < 3) {
        appendRecords(journal, 7);
        journal.commit();
      }
    }
    const name = segments(other).sort()[1]!;
    storage.put(name, other.get(name));
    expect(errorOf(() => recover(storage)).code).toBe('ERR_TW_CORRUPT');
  });

  test('refuses another version of the format', () => {
    const storage = new MemoryStorage();
    open(storage).close();
    expect(PAYLOAD_MAX).toBeLessThan(SEGMENT);
    expect(errorOf(() => openVersion2(storage)).code).toBe('ERR_TW_FORMAT');
  });
});

/** Opens a journal whose header was rewritten, CRC included, as a later release would. */
function openVersion2(storage: MemoryStorage): Journal {
  const name = segments(storage)[0]!;
  const bytes = storage.get(name).slice();
  const view = new DataView(bytes.buffer);
  view.setUint16(4, 2, true);
  view.setInt32(60, crcOf(bytes), true);
  storage.put(name, bytes);
  return open(storage);
}

function crcOf(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < 60; i++) {
    crc ^= bytes[i]!;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0x82f63b78);
  }
  return ~crc;
}

test('ENOSPC is the errno of Linux', () => {
  expect([EIO, ENOSPC]).toEqual([5, 28]);
});
