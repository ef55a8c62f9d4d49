/**
 * The end of a journal, cut and flipped at every byte.
 */

import { describe, expect, test } from 'bun:test';
import { NetError } from '@tickwire/base';
import { appendRecords, verifyRecords } from '../test/records.ts';
import { SEGMENT_HEADER_BYTES } from './format.ts';
import { Journal } from './journal.ts';
import { MemoryStorage } from './memory-storage.ts';
import { recover } from './recovery.ts';

const SEGMENT = 4_096;

function open(storage: MemoryStorage): Journal {
  const policy = 'group-commit';
  return Journal.open({ storage, policy, segmentBytes: SEGMENT, batchBytes: 2_048, nonce: 77 });
}

interface Written {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** Offset behind each batch, and the sequence it ends with. */
  readonly batches: { endAt: number; last: number }[];
}

/** Three batches of three records, ended by a kill or in order. */
function write(orderly: boolean): Written {
  const storage = new MemoryStorage();
  const journal = open(storage);
  const batches = [{ endAt: SEGMENT_HEADER_BYTES, last: 0 }];
  for (let i = 0; i < 3; i++) {
    appendRecords(journal, 3);
    journal.commit();
    const endAt = recover(storage)!.segments[0]!.endAt;
    batches.push({ endAt, last: journal.durableSequence });
  }
  if (orderly) journal.close();
  const name = storage.list()[0]!;
  return { bytes: storage.get(name).slice(), name, batches };
}

/** Opens a damaged copy: the last sequence that it has, or the error. */
function outcome(written: Written, bytes: Uint8Array): number | NetError {
  const storage = new MemoryStorage();
  storage.put(written.name, bytes);
  let last: number;
  try {
    const journal = open(storage);
    last = verifyRecords(journal.reader(1), 1);
    expect(journal.nextSequence).toBe(last + 1);
    // It goes on from there, and the next start finds nothing to cut.
    appendRecords(journal, 2);
    journal.commit();
    storage.kill();
  } catch (error) {
    if (error instanceof NetError) return error;
    throw error;
  }
  const again = open(storage);
  expect(again.cut).toBeUndefined();
  expect(verifyRecords(again.reader(1), 1)).toBe(last + 2);
  return last;
}

describe('the tail of a journal', () => {
  const killed = write(false);
  const [, , second, third] = killed.batches;

  test('cut at every byte: ends with the last batch that is whole', () => {
    for (let size = SEGMENT_HEADER_BYTES; size < third!.endAt; size++) {
      const last = killed.batches.findLast((batch) => batch.endAt <= size)!.last;
      expect(outcome(killed, killed.bytes.slice(0, size))).toBe(last);
    }
  });

  test('cut within the file header: refused, it was durable before its name', () => {
    for (let size = 0; size < SEGMENT_HEADER_BYTES; size++) {
      const error = outcome(killed, killed.bytes.slice(0, size));
      expect((error as NetError).code).toBe('ERR_TW_CORRUPT');
    }
  });

  test('zeroed from every byte: the same as a cut', () => {
    for (let from = second!.endAt; from < third!.endAt; from++) {
      const torn = killed.bytes.slice();
      torn.fill(0, from);
      // The batch may end in padding or in zeros of its own: then nothing is lost.
      const same = torn.every((byte, i) => byte === killed.bytes[i]);
      expect(outcome(killed, torn)).toBe(same ? third!.last : second!.last);
    }
  });

  test('flipped at every byte of the last batch: that batch is cut, and the report says so', () => {
    for (let at = second!.endAt; at < third!.endAt; at++) {
      const flipped = killed.bytes.slice();
      flipped[at]! ^= 1 << (at & 7);
      expect(outcome(killed, flipped)).toBe(second!.last);
      const storage = new MemoryStorage();
      storage.put(killed.name, flipped);
      const cut = recover(storage)!.cut!;
      expect(cut).toMatchObject({ file: killed.name, offset: second!.endAt, laterBatches: 0 });
      expect(cut.bytes).toBeGreaterThan(0);
      expect(cut.bytes).toBeLessThanOrEqual(third!.endAt - second!.endAt);
    }
  });

  test('flipped at every byte of an earlier batch: refused with file and offset', () => {
    for (let at = SEGMENT_HEADER_BYTES; at < second!.endAt; at++) {
      const flipped = killed.bytes.slice();
      flipped[at]! ^= 1 << (at & 7);
      const error = outcome(killed, flipped) as NetError;
      const batch = killed.batches.findLast((b) => b.endAt <= at)!;
      expect(error.code).toBe('ERR_TW_CORRUPT');
      expect(error.details).toMatchObject({ file: killed.name, offset: batch.endAt });
      expect(error.message).toContain('proves that sequence');
    }
  });

  test('flipped at every byte of the file header: refused', () => {
    for (let at = 0; at < SEGMENT_HEADER_BYTES; at++) {
      const flipped = killed.bytes.slice();
      flipped[at]! ^= 1 << (at & 7);
      expect((outcome(killed, flipped) as NetError).code).toBe('ERR_TW_CORRUPT');
    }
  });

  test('flipped at every byte after an orderly close: no record is given up', () => {
    const closed = write(true);
    const sealAt = closed.batches[3]!.endAt;
    for (let at = SEGMENT_HEADER_BYTES; at < sealAt + 40; at++) {
      const flipped = closed.bytes.slice();
      flipped[at]! ^= 1 << (at & 7);
      const result = outcome(closed, flipped);
      if (at < sealAt) expect((result as NetError).code).toBe('ERR_TW_CORRUPT');
      else expect(result).toBe(closed.batches[3]!.last);
    }
  });

  test('bytes in a payload that look like a batch are not taken for one', () => {
    const inner = write(false);
    const storage = new MemoryStorage();
    const options = { storage, policy: 'group-commit', segmentBytes: SEGMENT } as const;
    // The attacker has a whole batch of another journal, but not this journal's nonce.
    const journal = Journal.open({ ...options, batchBytes: 2_048, nonce: 78 });
    appendRecords(journal, 1);
    journal.commit();
    const from = inner.batches[1]!.endAt;
    const length = inner.batches[2]!.endAt - from;
    journal.append(inner.bytes, from, length, 2);
    journal.commit();
    storage.kill();
    const bytes = storage.get(inner.name).slice();
    const first = bytes.indexOf(inner.bytes[from + 16]!, SEGMENT_HEADER_BYTES);
    expect(first).toBeGreaterThan(0);
    // Tear the batch that holds it.
    const endAt = recover(storage)!.segments[0]!.endAt;
    bytes.fill(0, endAt - 8, endAt);
    bytes[endAt - 8] = 0xa5;
    storage.put(inner.name, bytes);
    expect(recover(storage)!.lastSequence).toBe(1);
    expect(recover(storage)!.cut?.laterBatches).toBe(0);
  });
});
