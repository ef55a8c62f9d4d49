/**
 * What earlier runs left in a journal that this run continues.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { replayJournal } from '@tickwire/engine';
import { DEFAULT_LIMITS } from '@tickwire/protocol';
import { SESSIONS_MAX } from '../arguments.ts';
import type { JournalFolder } from './journal-folder.ts';
import type { OrderFeed } from './order-feed.ts';
import { bookRules, type VenueConfig } from './venue-config.ts';

/** What a venue knows before the first order of this run. */
export interface EarlierRuns {
  readonly inputs: number;
  readonly reports: number;
  /** Last client sequence by trader. */
  readonly clientSequences: readonly number[];
  /** Largest order id in use so far. */
  readonly orderIdMax: number;
}

/** A fresh venue. */
export const NO_EARLIER_RUNS: EarlierRuns = {
  inputs: 0,
  reports: 0,
  clientSequences: [],
  orderIdMax: 0,
};

/** Client sequences and order ids are 32 bits wide. */
const UINT32_MAX = 2 ** 32 - 1;

/** Reads what the folder holds. Throws as `replayJournal`; `ERR_TW_CONFIG` for other rules. */
export function readEarlierRuns(folder: JournalFolder, config: VenueConfig): EarlierRuns {
  const { path } = folder;
  if (path === undefined || !folder.isContinued) return NO_EARLIER_RUNS;
  const { priceMax, quantityMax } = config.limits;
  if (priceMax !== DEFAULT_LIMITS.priceMax || quantityMax !== DEFAULT_LIMITS.quantityMax) {
    // The same inputs under other rules are another book: not the one that was acknowledged.
    throw new NetError(
      'ERR_TW_CONFIG',
      'The prices or quantities of this recording need a book with rules of its own, which no ' +
        'journal can be continued with; name a new folder with --journal-dir',
      { priceMax, quantityMax },
    );
  }
  const traders = Math.max(config.traders, SESSIONS_MAX);
  const found = replayJournal(path, { book: { ...bookRules(config), symbols: 1, traders } });
  return {
    inputs: found.records,
    reports: found.reports,
    clientSequences: found.clientSequences,
    orderIdMax: found.clientOrderIdMax,
  };
}

/** @throws NetError `ERR_TW_CONFIG` when the numbers that are left do not reach for this run. */
export function checkRoom(earlier: EarlierRuns, feed: OrderFeed): void {
  const sequence = Math.max(0, ...earlier.clientSequences) + feed.total;
  if (earlier.orderIdMax + feed.orderIdMax <= UINT32_MAX && sequence <= UINT32_MAX) return;
  throw new NetError(
    'ERR_TW_CONFIG',
    'Behind what this journal holds there are too few order ids for the run; name a new folder ' +
      'with --journal-dir',
    { orderIdMax: earlier.orderIdMax },
  );
}
