/**
 * Rebuilding the exchange from its journal, for audits and tests.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { OrderBookOptions } from '@tickwire/book';
import { FileStorage, Journal } from '@tickwire/journal';
import { EXECUTION_REPORT_BYTES, reportClientOrderId } from '@tickwire/protocol';
import { readdirSync } from 'node:fs';
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
  /** Last client sequence by trader, up to the last trader who sent something. */
  readonly clientSequences: readonly number[];
  /** Largest order id that a report named; 0 without reports. */
  readonly clientOrderIdMax: number;
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
 * @throws NetError `ENOENT` (no journal there), `EACCES` (unreadable), `EADDRINUSE` (an exchange is
 * writing to it),
 * `ERR_TW_CORRUPT` (damaged), `ERR_TW_CONFIG` (the book options give too little room).
 */
export function replayJournal(directory: string, options: ReplayOptions = {}): ReplayReport {
  if (!isJournal(directory)) {
    const message = `There is no journal in ${directory}; name the folder of one`;
    throw new NetError('ENOENT', message, { directory });
  }
  using journal = openToRead(directory);
  const hasher = new Bun.CryptoHasher('sha256');
  const chunk = new Uint8Array(HASH_REPORTS * EXECUTION_REPORT_BYTES);
  let filled = 0;
  let clientOrderIdMax = 0;
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
      clientOrderIdMax = Math.max(clientOrderIdMax, reportClientOrderId(view, at));
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
    clientSequences: [
      ...book.clientSequences.subarray(0, book.clientSequences.findLastIndex((n) => n > 0) + 1),
    ],
    clientOrderIdMax,
    tornBytes: journal.cut?.bytes ?? 0,
  };
}

const JOURNAL_FILE = /^(segment-\d{16}\.journal|snapshot-\d{16}\.snap)$/;

/**
 * Whether a directory holds a journal. Only looks: nothing is made and nothing is locked.
 *
 * @throws NetError `ENOENT` (not there, or no directory), `EACCES` (unreadable).
 */
export function isJournal(directory: string): boolean {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw code === 'ENOENT' || code === 'ENOTDIR'
      ? new NetError(
          'ENOENT',
          code === 'ENOENT'
            ? `There is no journal ${directory}; check the path`
            : `${directory} is not a folder; name the folder of a journal`,
          { directory },
          { cause },
        )
      : unreadable(directory, cause);
  }
  return names.some((name) => JOURNAL_FILE.test(name));
}

function openToRead(directory: string): Journal {
  try {
    return Journal.open({ storage: new FileStorage(directory), policy: 'none' });
  } catch (error) {
    // The storage's word for an error that has no code of its own, such as EACCES.
    if (error instanceof NetError && error.code === 'ERR_TW_CLOSED') {
      throw unreadable(directory, error);
    }
    throw error;
  }
}

function unreadable(directory: string, cause: unknown): NetError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `The journal ${directory} cannot be read (${reason}); check its permissions`;
  return new NetError('EACCES', message, { directory }, { cause });
}
