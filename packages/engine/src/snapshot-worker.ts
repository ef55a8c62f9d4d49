/**
 * The snapshot's thread: a shadow that reads the journal while the exchange writes it, rebuilds the
 * state from the last snapshot on, and hands over a new one. The exchange does not stop for it.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { OrderBookOptions } from '@tickwire/book';
import { FileStorage, Journal } from '@tickwire/journal';
import { writeFileSync } from 'node:fs';
import { encodeSnapshot } from './engine-snapshot.ts';
import { recoverState } from './recovery.ts';
import { TraderLogs } from './trader-logs.ts';

declare const self: Worker;

/** What the thread is given. */
export interface SnapshotThreadStart {
  readonly directory: string;
  /** The file that the state is written to. */
  readonly path: string;
  readonly book: OrderBookOptions;
  readonly traders: number;
  readonly retainedReports: number;
}

/** What the thread says at its end. */
export type SnapshotThreadResult =
  { readonly sequence: number } | { readonly code: string; readonly error: string };

/**
 * Looks at a journal that moves on: a batch that is being written may look damaged when a later one
 * is read first, so a second look decides.
 */
const ATTEMPTS = 5;

/** Files that another has locked; only read. */
class ForeignStorage extends FileStorage {
  override lock(): boolean {
    return true;
  }

  override unlock(): void {}
}

self.onmessage = (event: MessageEvent): void => {
  const start = event.data as SnapshotThreadStart;
  self.postMessage(attempt(start));
};

function attempt(start: SnapshotThreadStart): SnapshotThreadResult {
  for (let i = 1; ; i += 1) {
    try {
      return { sequence: makeSnapshot(start) };
    } catch (error) {
      const code = error instanceof NetError ? error.code : 'ERR_TW_CLOSED';
      if (code === 'ERR_TW_CORRUPT' && i < ATTEMPTS) continue;
      return { code, error: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** Returns the sequence of the last input in it. */
function makeSnapshot(start: SnapshotThreadStart): number {
  const { directory, path, book, traders, retainedReports } = start;
  using journal = Journal.open({ storage: new ForeignStorage(directory), policy: 'none' });
  const logs = new TraderLogs(traders, retainedReports);
  const state = recoverState(journal, { book, logs, snapshot: true });
  writeFileSync(path, encodeSnapshot(state.book, logs));
  return state.book.counters.inputSequence;
}
