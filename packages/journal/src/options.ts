/**
 * How a journal is opened, and what is refused.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { BATCH_HEADER_BYTES, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES } from './format.ts';
import type { Recovery } from './recovery.ts';
import { corrupt, segmentName } from './segment.ts';
import { findSnapshot, snapshotSequences } from './snapshot.ts';
import type { Storage } from './storage.ts';

/**
 * When a record counts as safe, and so what {@link Journal.releasableSequence} follows:
 *
 * - `none`: nothing is ever written, not even at close. A restart finds what was there before.
 * - `async`: `commit` writes to the kernel; another thread syncs. The death of the process loses
 *   nothing committed. The death of the machine loses what is between `durableSequence` and
 *   `writtenSequence`, though replies to it have left.
 * - `group-commit`: `commit` returns after fdatasync. Neither death loses anything that was
 *   released.
 */
export type JournalPolicy = 'none' | 'async' | 'group-commit';

/** How to open a journal. */
export interface JournalOptions {
  readonly storage: Storage;
  readonly policy: JournalPolicy;
  /** Size of a segment file; 64 MiB unless said otherwise. Recovery needs as much memory. */
  readonly segmentBytes?: number;
  /**
   * Size of the batch buffer, and so the most that one commit writes; 256 KiB unless said
   * otherwise.
   */
  readonly batchBytes?: number;
  /** Sequence of the very first record of a new journal; 1 unless said otherwise. */
  readonly firstSequence?: number;
  /** Time of creation for the file headers; the wall clock unless said otherwise. */
  readonly nowMs?: number;
  /** Identity of a new journal; random unless said otherwise. */
  readonly nonce?: number;
}

/** Default size of a segment: seconds of full load, and quick to scan. */
export const SEGMENT_BYTES_DEFAULT = 67_108_864;
/** Largest segment: recovery holds one in memory. */
export const SEGMENT_BYTES_MAX = 1_073_741_824;
/** Default size of a batch. */
export const BATCH_BYTES_DEFAULT = 262_144;

/** A nonce for a new journal. */
export function randomNonce(): number {
  const words = new Int32Array(1);
  while (words[0] === 0) crypto.getRandomValues(words);
  return words[0]!;
}

/**
 * A journal that does not begin at its beginning needs a snapshot that stands for what is missing.
 */
export function checkBeginning(storage: Storage, found: Recovery | undefined, first: number): void {
  const segment = found?.segments[0];
  if (found === undefined || segment === undefined) {
    const orphan = snapshotSequences(storage)[0];
    if (orphan === undefined) return;
    throw corrupt(segmentName(first), 0, `it is missing, but a snapshot of ${orphan} exists`);
  }
  if (segment.first <= first) return;
  const { snapshot } = findSnapshot(storage, found.lastSequence);
  if (snapshot !== undefined && snapshot.sequence >= segment.first - 1) return;
  throw corrupt(segment.name, 0, `sequences ${first} to ${segment.first - 1} are missing`);
}

/** Refuses options that are out of range. */
export function checkOptions(options: JournalOptions): void {
  const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
  const batchBytes = options.batchBytes ?? BATCH_BYTES_DEFAULT;
  const first = options.firstSequence ?? 1;
  const batchMin = BATCH_HEADER_BYTES + RECORD_HEADER_BYTES;
  const segmentMin = SEGMENT_HEADER_BYTES + batchBytes;
  const refuse = (what: string): never => {
    throw new NetError('ERR_TW_CONFIG', `Journal ${options.storage.path}: ${what}`);
  };
  if (batchBytes % 8 !== 0 || batchBytes <= batchMin) {
    refuse(`batchBytes must be a multiple of 8 over ${batchMin}, not ${batchBytes}`);
  }
  if (segmentBytes % 8 !== 0 || segmentBytes < segmentMin || segmentBytes > SEGMENT_BYTES_MAX) {
    refuse(`segmentBytes must be ${segmentMin} to ${SEGMENT_BYTES_MAX}, not ${segmentBytes}`);
  }
  if (!Number.isSafeInteger(first) || first < 1) {
    refuse(`firstSequence must be an integer from 1, not ${first}`);
  }
}
