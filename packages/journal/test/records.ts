/**
 * Records whose every byte follows from their sequence, so that a test knows what a journal must
 * hold.
 */

import { Status } from '@tickwire/base';
import type { Journal, JournalReader } from '../src/index.ts';

/** Longest payload of {@link fillRecord}. */
export const PAYLOAD_MAX = 96;

/**
 * Puts the payload of `sequence` into `bytes` and returns its length: 0 to 95 bytes, 48 on average.
 */
export function fillRecord(bytes: Uint8Array, sequence: number): number {
  const length = (sequence * 31) % PAYLOAD_MAX;
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(sequence + i, 0x9e3779b1) >>> 24) | 1;
  return length;
}

const SCRATCH = new Uint8Array(PAYLOAD_MAX);

/** Appends the next `count` records without committing; throws on any other status than Ok. */
export function appendRecords(journal: Journal, count: number): void {
  for (let i = 0; i < count; i++) {
    const sequence = journal.nextSequence;
    const length = fillRecord(SCRATCH, sequence);
    const status = journal.append(SCRATCH, 0, length, sequence, sequence % 7);
    if (status !== Status.Ok) throw new Error(`append of ${sequence} returned ${status}`);
  }
}

/**
 * Reads to the end, compares every byte, and returns the last sequence; `from - 1` when there is
 * nothing.
 */
export function verifyRecords(reader: JournalReader, from: number): number {
  let expected = from;
  while (reader.next()) {
    const length = fillRecord(SCRATCH, expected);
    let same =
      reader.sequence === expected && reader.length === length && reader.type === expected % 7;
    for (let i = 0; same && i < length; i++) same = reader.bytes[reader.at + i] === SCRATCH[i];
    if (!same) throw new Error(`record ${expected} differs`);
    expected++;
  }
  return expected - 1;
}
