/**
 * The exchange of a run: its options, and the proof that its journal tells the same story.
 *
 * @module
 */

import { monotonicClock } from '@tickwire/base';
import type { OrderBookOptions } from '@tickwire/book';
import {
  type Exchange,
  type ExchangeOptions,
  type JournalPolicy,
  replayJournal,
} from '@tickwire/engine';
import type { OrderLimits } from '@tickwire/protocol';
import type { Stack } from '@tickwire/stack';
import { formatCount } from '../render/format.ts';
import type { EarlierRuns } from './earlier-runs.ts';
import type { JournalFolder } from './journal-folder.ts';
import { ReportHash } from './report-hash.ts';
import type { ReplayResult } from './result.ts';

/**
 * Reports that may wait for one reader: after a pause of the process everything that was due leaves
 * at once, and no trader of a load test should be taken for a slow reader for that.
 */
const RETAINED_REPORTS = 2 ** 17;

/** How a venue is run. */
export interface VenueConfig {
  /** TCP port of order entry. */
  readonly port: number;
  readonly group: string;
  /** UDP port of the group; the next one is that of the re-request server. */
  readonly groupPort: number;
  readonly threads: 1 | 3;
  readonly journal: JournalPolicy;
  readonly limits: OrderLimits;
  /** Traders that may log in. */
  readonly traders: number;
  /** The venue measures the way of each order from arrival to reply. */
  readonly latency?: boolean;
}

/** The rules of the book. */
export function bookRules(config: VenueConfig): Pick<OrderBookOptions, 'limits' | 'ordersMax'> {
  const { limits } = config;
  // The total of a level must stay exact, so large quantities leave room for fewer orders.
  const ordersMax = Math.min(2 ** 20, Math.floor(Number.MAX_SAFE_INTEGER / limits.quantityMax));
  return { limits, ordersMax };
}

/** The options of the exchange for a configuration. */
export function exchangeOptions(
  stack: Stack,
  config: VenueConfig,
  folder: JournalFolder,
): ExchangeOptions {
  return {
    stack,
    port: config.port,
    journalPolicy: config.journal,
    ...(folder.path === undefined ? {} : { journalDirectory: folder.path }),
    threads: config.threads,
    multicast: { group: config.group, port: config.groupPort },
    rerequestPort: config.groupPort + 1,
    book: bookRules(config),
    limits: { traders: config.traders, retainedReports: RETAINED_REPORTS },
    latency: config.latency ?? false,
  };
}

/** What was recovered at start, in a sentence; undefined for a new journal. */
export function recoveryNotice(exchange: Exchange, folder: JournalFolder): string | undefined {
  const { replayed, tornBytes } = exchange.recovery;
  if (!folder.isContinued) return undefined;
  return (
    `Recovered ${formatCount(replayed)} inputs of earlier runs by replay, ` +
    `${formatCount(tornBytes)} torn bytes were cut off.`
  );
}

/** What a run had when it ended, without what earlier runs left. */
export interface LiveState {
  readonly stateHash: string;
  readonly inputs: number;
  readonly reports: number;
  /** SHA-256 of all reports in order, as somebody received them; absent when nobody saw all. */
  readonly reportSha256?: string;
}

/**
 * Replays the whole journal and holds the outcome against what the run had behind what earlier ones
 * left. `onReport` sees every report of this run on the way.
 */
export function replayAndCompare(
  folder: JournalFolder,
  config: VenueConfig,
  live: LiveState,
  earlier: EarlierRuns,
  onReport?: (view: DataView, at: number) => void,
): ReplayResult {
  if (folder.path === undefined) {
    return { equal: null, stateHash: live.stateHash, records: 0, elapsedNs: 0 };
  }
  const startNs = monotonicClock.nowNs();
  const hash = new ReportHash();
  let seen = 0;
  const replayed = replayJournal(folder.path, {
    book: { ...bookRules(config), symbols: 1, traders: config.traders },
    onReport: (_trader, view, at) => {
      seen += 1;
      if (seen <= earlier.reports) return;
      hash.push(view, at);
      onReport?.(view, at);
    },
  });
  const { stateHash, inputs, reports, reportSha256 } = live;
  const isSameStream = reportSha256 === undefined || hash.digest() === reportSha256;
  return {
    equal:
      replayed.stateHash === stateHash &&
      replayed.records === earlier.inputs + inputs &&
      replayed.reports === earlier.reports + reports &&
      isSameStream,
    stateHash: replayed.stateHash,
    records: replayed.records,
    elapsedNs: monotonicClock.nowNs() - startNs,
  };
}
