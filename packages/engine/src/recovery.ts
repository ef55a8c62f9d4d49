/**
 * From journal to state: the same book, the same streams, the same sequences.
 *
 * @module
 */

import { NetError, Status } from '@tickwire/base';
import { OrderBook, type OrderBookOptions } from '@tickwire/book';
import type { JournalReader, SnapshotSearch } from '@tickwire/journal';
import { EXECUTION_REPORT_BYTES } from '@tickwire/protocol';
import { decodeSnapshot } from './engine-snapshot.ts';
import { RECORD_HEADER_BYTES } from './slots.ts';
import type { TraderLogs } from './trader-logs.ts';

/** The reading side of a `Journal`. */
export interface JournalSource {
  latestSnapshot(): SnapshotSearch;
  reader(from: number): JournalReader;
}

/** Takes each report that replay makes again: its trader, and where it lies. */
export type ReportSink = (trader: number, view: DataView, at: number) => void;

/** What recovery starts from and where it puts what it finds. */
export interface RecoveryOptions {
  readonly book: OrderBookOptions;
  /** Streams to fill; absent when nobody will resume. */
  readonly logs?: TraderLogs;
  /** Further use of the reports made during replay. */
  readonly onReport?: ReportSink;
  /** Whether to start from the newest snapshot. */
  readonly snapshot: boolean;
}

/** The state behind the last record of a journal. */
export interface RecoveredState {
  readonly book: OrderBook;
  /** Input sequence of the snapshot, 0 without. */
  readonly snapshotSequence: number;
  /** Records replayed. */
  readonly replayed: number;
  /** Reports made while replaying. */
  readonly reports: number;
  /** Snapshots that were damaged and passed over. */
  readonly damagedSnapshots: readonly string[];
}

/**
 * Rebuilds the state. Throws `NetError` `ERR_TW_CORRUPT` when a record is not an input, and
 * `ERR_TW_CONFIG` when the options give less room than the journal needs.
 */
export function recoverState(journal: JournalSource, options: RecoveryOptions): RecoveredState {
  const { logs, onReport } = options;
  let book: OrderBook | undefined;
  let snapshotSequence = 0;
  let damagedSnapshots: readonly string[] = [];
  if (options.snapshot) {
    const found = journal.latestSnapshot();
    damagedSnapshots = found.damaged;
    if (found.snapshot !== undefined) {
      book = decodeSnapshot(found.snapshot.bytes, options.book, logs);
      snapshotSequence = found.snapshot.sequence;
    }
  }
  book ??= new OrderBook(options.book);
  const reader = journal.reader(snapshotSequence + 1);
  let view: DataView = new DataView(new ArrayBuffer(0));
  let replayed = 0;
  let reports = 0;
  while (reader.next()) {
    if (view.buffer !== reader.bytes.buffer) view = new DataView(reader.bytes.buffer);
    const at = reader.bytes.byteOffset + reader.at;
    if (reader.sequence !== snapshotSequence + replayed + 1) {
      throw incomplete(snapshotSequence + replayed + 1, reader.sequence);
    }
    if (reader.length < RECORD_HEADER_BYTES) throw notAnInput(reader.sequence);
    const trader = view.getUint32(at, true);
    for (;;) {
      const result = book.apply(view, at + RECORD_HEADER_BYTES, trader, reader.sequence);
      reports += takeReports(book, logs, onReport);
      if (result === Status.OutOfRange) throw unknownTrader(trader, reader.sequence);
      if (result !== Status.Again && result < 0) throw notAnInput(reader.sequence);
      if (result !== Status.Again) break;
    }
    replayed += 1;
  }
  return { book, snapshotSequence, replayed, reports, damagedSnapshots };
}

function takeReports(
  book: OrderBook,
  logs: TraderLogs | undefined,
  onReport: ReportSink | undefined,
): number {
  const { reports } = book;
  const count = reports.count;
  for (let i = 0; i < count; i += 1) {
    const at = i * EXECUTION_REPORT_BYTES;
    const trader = reports.traders[i]!;
    logs?.append(trader, reports.view, at);
    onReport?.(trader, reports.view, at);
  }
  reports.clear();
  return count;
}

function incomplete(wanted: number, found: number): NetError {
  return new NetError(
    'ENOENT',
    `Records ${wanted} to ${found - 1} have been deleted; replay from the newest snapshot`,
    { wanted, found },
  );
}

function notAnInput(sequence: number): NetError {
  return new NetError(
    'ERR_TW_CORRUPT',
    `Record ${sequence} of the journal is not an order entry message; is it of another program?`,
    { sequence },
  );
}

function unknownTrader(trader: number, sequence: number): NetError {
  return new NetError(
    'ERR_TW_CONFIG',
    `Record ${sequence} is of trader ${trader}; raise limits.traders to ${trader + 1} or more`,
    { trader, sequence },
  );
}
