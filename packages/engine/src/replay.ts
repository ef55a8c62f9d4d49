/**
 * Rebuilding the exchange from its journal.
 *
 * @module
 */

import type { OrderBookOptions } from '@tickwire/book';

/** What {@link replayJournal} found. */
export interface ReplayReport {
  /** Inputs applied. */
  readonly records: number;
  readonly inputSequence: number;
  readonly reportSequence: number;
  /** Execution reports made on the way. */
  readonly reports: number;
  /** Hash of the book's state at the end. */
  readonly stateHash: string;
  /** SHA-256 over all reports in order, as bytes; absent when a snapshot was used. */
  readonly reportSha256?: string;
}

/** Options of {@link replayJournal}. */
export interface ReplayOptions {
  /** As the exchange that wrote the journal. */
  readonly book?: OrderBookOptions;
  /** Begin with the newest snapshot instead of the first record. Default false. */
  readonly snapshot?: boolean;
}

/**
 * Replays a journal that nobody writes to and reports what comes of it.
 *
 * @throws NetError `ENOENT`, `ERR_TW_CORRUPT`.
 */
export declare function replayJournal(directory: string, options?: ReplayOptions): ReplayReport;
