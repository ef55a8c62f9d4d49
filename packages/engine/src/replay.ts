/**
 * Rebuilding the exchange from its journal, for audits and tests.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { OrderBookOptions } from '@tickwire/book';
import { FileStorage, Journal } from '@tickwire/journal';
import { EXECUTION_REPORT_BYTES } from '@tickwire/protocol';
import { existsSync } from 'node:fs';
import { recoverState, type ReportSink } from './recovery.ts';

/** What {@link replayJournal} found. */
export interface ReplayReport {
  /** Inputs applied. */
  readonly records: number;
  /** Sequence of the last input. */
  readonly inputSequence: number;
  /** Sequence of the last execution report. */
  readonly reportSequence: number;
  /** Execution reports made on the way. */
  readonly reports: number;
  /** Hash of the book's state at the end. */
  readonly stateHash: string;
  /** SHA-256 over the bytes of all reports made, in order. */
  readonly reportSha256: string;
  /** Bytes of a torn end that do not count; 0 after an orderly shutdown. */
  readonly tornBytes: number;
}

/** Options of {@link replayJournal}. */
export interface ReplayOptions {
  /** As the exchange that wrote the journal. */
  readonly book?: OrderBookOptions;
  /** Begin with the newest snapshot instead of the first record. Default false. */
  readonly snapshot?: boolean;
  /** Sees every report made, with its trader; valid during the call. */
  readonly onReport?: ReportSink;
}

/** Reports hashed in one call: 48 kB, few calls and little memory. */
const HASH_REPORTS = 1024;

/**
 * Replays a journal that nobody writes to. Changes nothing on the disk.
 *
 * @throws NetError `ENOENT` (no such directory), `EADDRINUSE` (an exchange is writing to it),
 * `ERR_TW_CORRUPT` (damaged), `ERR_TW_CONFIG` (the book options give too little room).
 */
export function replayJournal(directory: string, options: ReplayOptions = {}): ReplayReport {
  if (!existsSync(directory)) {
    throw new NetError('ENOENT', `There is no journal ${directory}; check the path`, { directory });
  }
  using journal = Journal.open({ storage: new FileStorage(directory), policy: 'none' });
  const hasher = new Bun.CryptoHasher('sha256');
  const chunk = new Uint8Array(HASH_REPORTS * EXECUTION_REPORT_BYTES);
  let filled = 0;
  const state = recoverState(journal, {
    book: options.book ?? {},
    snapshot: options.snapshot ?? false,
    onReport: (trader, view, at) => {
      const from = new Uint8Array(view.buffer, view.byteOffset + at, EXECUTION_REPORT_BYTES);
      chunk.set(from, filled);
      filled += EXECUTION_REPORT_BYTES;
      if (filled === chunk.length) {
        hasher.update(chunk);
        filled = 0;
      }
      options.onReport?.(trader, view, at);
    },
  });
  hasher.update(chunk.subarray(0, filled));
  const { book } = state;
  return {
    records: state.replayed,
    inputSequence: book.counters.inputSequence,
    reportSequence: book.counters.reportSequence,
    reports: state.reports,
    stateHash: book.stateHash(),
    reportSha256: hasher.digest('hex'),
    tornBytes: journal.cut?.bytes ?? 0,
  };
}
