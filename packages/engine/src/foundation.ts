/**
 * What an exchange stands on before it listens: recovered state, rings, and the threads.
 *
 * @module
 */

import { monotonicClock } from '@tickwire/base';
import { OrderBook } from '@tickwire/book';
import { describeCut, FileStorage, Journal, type JournalPolicy } from '@tickwire/journal';
import { FeedHistory } from './feed-history.ts';
import { JournalStage } from './journal-stage.ts';
import {
  bookOptions,
  exchangeLimits,
  type ExchangeLimits,
  type ExchangeOptions,
  journalPolicy,
} from './options.ts';
import { createRings, type Pipeline, type Rings } from './pipeline.ts';
import { type RecoveredState, recoverState } from './recovery.ts';
import { SinglePipeline } from './single-pipeline.ts';
import { ThreadedPipeline } from './threaded-pipeline.ts';
import { TraderLogs } from './trader-logs.ts';

/** What {@link Exchange.open} found in the journal. */
export interface RecoveryReport {
  /** Input sequence of the snapshot that was used, 0 when there was none. */
  readonly snapshotSequence: number;
  /** Inputs replayed behind it. */
  readonly replayed: number;
  /** Sequence of the last input. */
  readonly inputSequence: number;
  /** Sequence of the last execution report. */
  readonly reportSequence: number;
  /** Bytes of a torn end that were cut off. */
  readonly tornBytes: number;
  /** Hash of the book's state. */
  readonly stateHash: string;
}

/** Everything that {@link prepare} makes. Disposing of it stops threads and closes the journal. */
export interface Foundation extends Disposable {
  readonly limits: ExchangeLimits;
  readonly rings: Rings;
  readonly logs: TraderLogs;
  readonly history: FeedHistory;
  readonly pipeline: Pipeline;
  readonly recovery: RecoveryReport;
  readonly notices: readonly string[];
}

/** Checks the options, recovers and starts the pipeline. Throws as `Exchange.open`. */
export async function prepare(options: ExchangeOptions): Promise<Foundation> {
  const limits = exchangeLimits(options.limits);
  const policy = journalPolicy(options);
  const logs = new TraderLogs(limits.traders, limits.retainedReports);
  const history = new FeedHistory(limits.historyReports);
  // The journal's thread opens it again to write; here it is only read then.
  const journal = openJournal(options, options.threads === 3 ? 'none' : policy);
  try {
    const state =
      journal === undefined
        ? emptyState(options)
        : recoverState(journal, {
            book: bookOptions(options),
            logs,
            snapshot: true,
            onReport: (_trader, view, at) => history.append(view, at),
          });
    const { book } = state;
    const { inputSequence, reportSequence } = book.counters;
    history.begin(reportSequence);
    const symbols = options.symbols ?? 1;
    const rings = createRings(limits, policy, symbols, options.wait ?? 'block', inputSequence);
    const tornBytes = journal?.cut?.bytes ?? 0;
    const stateHash = book.stateHash();
    const lines = notices(options, policy, state, journal);
    const pipeline =
      options.threads === 3
        ? await startThreads(options, rings, book, journal)
        : new SinglePipeline(
            rings,
            book,
            journal === undefined ? undefined : new JournalStage(rings.input, journal),
          );
    return {
      limits,
      rings,
      logs,
      history,
      pipeline,
      recovery: {
        snapshotSequence: state.snapshotSequence,
        replayed: state.replayed,
        inputSequence,
        reportSequence,
        tornBytes,
        stateHash,
      },
      notices: lines,
      [Symbol.dispose]: () => pipeline[Symbol.dispose](),
    };
  } catch (error) {
    journal?.close();
    throw error;
  }
}

/** Hands the recovered book to its thread and the journal to another. */
function startThreads(
  options: ExchangeOptions,
  rings: Rings,
  book: OrderBook,
  journal: Journal | undefined,
): Promise<ThreadedPipeline> {
  journal?.close();
  const limits = exchangeLimits(options.limits);
  const { journalDirectory, journalSegmentBytes } = options;
  return ThreadedPipeline.start({
    rings,
    book,
    bookOptions: bookOptions(options),
    stallNs: limits.stallNs,
    clock: monotonicClock,
    ...(journalDirectory === undefined
      ? {}
      : {
          journal: {
            directory: journalDirectory,
            options: {
              policy: journalPolicy(options),
              ...(journalSegmentBytes === undefined ? {} : { segmentBytes: journalSegmentBytes }),
            },
          },
        }),
  });
}

function openJournal(options: ExchangeOptions, policy: JournalPolicy): Journal | undefined {
  const { journalDirectory, journalStorage, journalSegmentBytes } = options;
  const storage =
    journalStorage ??
    (journalDirectory === undefined ? undefined : new FileStorage(journalDirectory));
  if (storage === undefined) return undefined;
  return Journal.open({
    storage,
    policy,
    ...(journalSegmentBytes === undefined ? {} : { segmentBytes: journalSegmentBytes }),
  });
}

function emptyState(options: ExchangeOptions): RecoveredState {
  const book = new OrderBook(bookOptions(options));
  return { book, snapshotSequence: 0, replayed: 0, reports: 0, damagedSnapshots: [] };
}

/** What the operator should know, one sentence each. */
function notices(
  options: ExchangeOptions,
  policy: JournalPolicy,
  state: RecoveredState,
  journal: Journal | undefined,
): string[] {
  const lines: string[] = [];
  const { book, snapshotSequence, replayed, damagedSnapshots } = state;
  if (policy === 'none') {
    lines.push('There is no journal: nothing survives the end of this process.');
  } else if (policy === 'async') {
    lines.push('Journal policy async: a power cut may lose orders that were acknowledged.');
  } else {
    lines.push('Journal policy group-commit: what is acknowledged is on the disk.');
  }
  if (book.counters.inputSequence > 0) {
    const from = snapshotSequence > 0 ? ` and the snapshot of ${snapshotSequence}` : '';
    lines.push(`Recovered ${book.counters.inputSequence} inputs from ${replayed} records${from}.`);
  }
  for (const name of damagedSnapshots)
    lines.push(`Snapshot ${name} is damaged and was passed over.`);
  const cut = journal?.cut;
  if (cut !== undefined) lines.push(describeCut(cut, book.counters.inputSequence));
  if ((options.login ?? 'accept-all') === 'accept-all') {
    lines.push('Login accept-all: every trader number is let in with any token.');
  }
  return lines;
}
