import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStorage } from './file-storage.ts';
import { Journal } from './journal.ts';

const SEGMENT_BYTES = 1_048_576;
const record = new Uint8Array(1000).fill(7);

/** Appends until the second segment is half full; returns the journal's late rotations. */
function fill(path: string, isPatient: boolean): { late: number; last: number } {
  using journal = Journal.open({
    storage: new FileStorage(path),
    policy: 'async',
    segmentBytes: SEGMENT_BYTES,
  });
  const wanted = Math.floor((SEGMENT_BYTES * 1.5) / record.length);
  for (let i = 0; i < wanted; i += 1) {
    expect(journal.append(record, 0, record.length, journal.nextSequence)).toBe(0);
    expect(journal.commit()).toBe(0);
    // The thread needs real time for the file; an idle moment is when `maintain` has looked.
    if (isPatient && i === 10) {
      for (let look = 0; look < 500; look += 1) {
        if (journal.maintain() === 1) break;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
    }
  }
  return { late: journal.lateRotations, last: journal.nextSequence - 1 };
}

for (const isPatient of [true, false]) {
  test(`a segment filled by its thread ${isPatient ? 'in time' : 'late'} is taken whole`, () => {
    const path = mkdtempSync(join(tmpdir(), 'tickwire-journal-'));
    try {
      const { late, last } = fill(path, isPatient);
      expect(late).toBe(isPatient ? 0 : 1);
      using again = Journal.open({
        storage: new FileStorage(path),
        policy: 'group-commit',
        segmentBytes: SEGMENT_BYTES,
      });
      expect(again.nextSequence - 1).toBe(last);
      const reader = again.reader(1);
      let records = 0;
      while (reader.next()) {
        expect(reader.length).toBe(record.length);
        records += 1;
      }
      expect(records).toBe(last);
    } finally {
      rmSync(path, { recursive: true });
    }
  });
}
