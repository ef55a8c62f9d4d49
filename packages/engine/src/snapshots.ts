/**
 * Making snapshots beside a running exchange.
 *
 * @module
 */

import { NetError, type NetErrorCode } from '@tickwire/base';
import type { OrderBookOptions } from '@tickwire/book';
import type { Journal } from '@tickwire/journal';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Pipeline } from './pipeline.ts';
import type { SnapshotThreadResult, SnapshotThreadStart } from './snapshot-worker.ts';

/** The state on its way from the shadow to the journal; recovery removes it. */
const PENDING_NAME = 'pending-snapshot.tmp';

/** What {@link Snapshots} needs. */
export interface SnapshotsOptions {
  /** Absent: snapshots cannot be made. */
  readonly directory: string | undefined;
  readonly book: OrderBookOptions;
  readonly traders: number;
  readonly retainedReports: number;
  /** Whether older parts of the journal go afterwards. */
  readonly prune: boolean;
  readonly pipeline: Pipeline;
}

/** Makes one snapshot at a time. */
export class Snapshots {
  /** Input sequence of the newest snapshot. */
  last: number;
  readonly #options: SnapshotsOptions;
  #running: Promise<number> | undefined = undefined;

  /** @param last - input sequence of the snapshot that recovery used. */
  constructor(options: SnapshotsOptions, last: number) {
    this.#options = options;
    this.last = last;
  }

  /** Whether one is being made. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /**
   * Makes a snapshot of everything journalled by now; joins the one that is being made.
   *
   * @returns its input sequence. Rejects with `NetError`: `ENOTSUP` without a journal directory, or
   * what reading and writing failed of.
   */
  make(): Promise<number> {
    this.#running ??= this.#make().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #make(): Promise<number> {
    const { directory, book, traders, retainedReports, prune, pipeline } = this.#options;
    if (directory === undefined) {
      throw new NetError('ENOTSUP', 'A snapshot needs a journal; open with a journalDirectory');
    }
    const path = join(directory, PENDING_NAME);
    const result = await shadow({ directory, path, book, traders, retainedReports });
    if ('error' in result) throw new NetError(result.code as NetErrorCode, result.error);
    if (result.sequence > this.last) await pipeline.storeSnapshot(path, result.sequence, prune);
    this.last = result.sequence;
    return result.sequence;
  }
}

/** Runs the shadow to its end. */
async function shadow(start: SnapshotThreadStart): Promise<SnapshotThreadResult> {
  const worker = new Worker(new URL('./snapshot-worker.ts', import.meta.url).href);
  try {
    return await new Promise<SnapshotThreadResult>((resolve) => {
      const lost = (reason: string): void => resolve({ code: 'ERR_TW_CLOSED', error: reason });
      worker.addEventListener('message', (event: MessageEvent) => {
        resolve(event.data as SnapshotThreadResult);
      });
      worker.addEventListener('error', (event) => {
        lost(`The snapshot thread has failed: ${event.message}`);
      });
      worker.addEventListener('close', () => lost('The snapshot thread has ended'));
      worker.postMessage(start);
    });
  } finally {
    worker.terminate();
  }
}

/**
 * The writer's part, in the thread that owns the journal: takes the state from the file into the
 * journal's own snapshot, durable as a whole or not there. Throws what the storage throws.
 */
export function storePending(
  journal: Journal,
  path: string,
  sequence: number,
  prune: boolean,
): void {
  journal.writeSnapshot(sequence, readFileSync(path));
  if (prune) journal.prune();
  rmSync(path, { force: true });
}
