/**
 * Runs of the exchange: embedded, as a venue on a port, as traders on a port.
 *
 * @module
 */

import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monotonicClock, NetError } from '@tickwire/base';
import {
  Exchange,
  type ExchangeOptions,
  type JournalPolicy,
  replayJournal,
} from '@tickwire/engine';
import type { OrderLimits } from '@tickwire/protocol';
import type { Stack } from '@tickwire/stack';
import type { ReplayResult } from './result.ts';

/** Traders that may log in: more than sessions of one run, so that several runs can meet. */
const TRADERS = 256;

/** Where the venue is found. */
export interface VenueAddress {
  readonly port: number;
  readonly group: string;
  readonly groupPort: number;
}

/** How the venue keeps its books. */
export interface VenueConfig extends VenueAddress {
  readonly threads: 1 | 3;
  readonly journal: JournalPolicy;
  /** Absent: a temporary directory. */
  readonly journalDir?: string;
  readonly keep: boolean;
  readonly limits: OrderLimits;
}

/** Open orders of a book with these limits: totals of a level must stay exact. */
function ordersMax(limits: OrderLimits): number {
  return Math.min(2 ** 20, Math.floor(Number.MAX_SAFE_INTEGER / limits.quantityMax));
}

/** A journal directory that is removed at the end, unless it is to stay. */
export class JournalFolder implements Disposable {
  readonly path: string | undefined;
  /** What the user should know about it. */
  readonly notice: string | undefined;
  readonly #isTemporary: boolean;

  constructor(config: VenueConfig) {
    const isKept = config.keep || config.journalDir !== undefined;
    this.#isTemporary = config.journal !== 'none' && !isKept;
    if (config.journal === 'none') return;
    if (config.journalDir !== undefined) requireFresh(config.journalDir);
    this.path = config.journalDir ?? mkdtempSync(join(tmpdir(), 'tickwire-journal-'));
    if (isKept) {
      this.notice = `The journal is in ${this.path}; "replay-journal ${this.path}" replays it.`;
    }
  }

  /** Bytes of the files in it. */
  get bytes(): number {
    const { path } = this;
    if (path === undefined) return 0;
    return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
  }

  [Symbol.dispose](): void {
    if (this.#isTemporary && this.path !== undefined) rmSync(this.path, { recursive: true });
  }
}

/** A run begins with an empty book: its own replay has to lead to the same state. */
function requireFresh(directory: string): void {
  if (!existsSync(directory) || readdirSync(directory).length === 0) return;
  throw new NetError(
    'EINVAL',
    `${directory} is not empty; name a new folder with --journal-dir, or look at this one with ` +
      '"replay-journal"',
    { directory },
  );
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
    book: { limits: config.limits, ordersMax: ordersMax(config.limits) },
    limits: { traders: TRADERS },
    latency: false,
  };
}

/** Replays the journal of a run and holds the outcome against what the run had. */
export function replayAndCompare(
  folder: JournalFolder,
  config: VenueConfig,
  live: { readonly stateHash: string; readonly inputs: number; readonly reports: number },
  feedSha256: string | undefined,
): ReplayResult {
  if (folder.path === undefined) {
    return { equal: null, stateHash: live.stateHash, records: 0, elapsedNs: 0 };
  }
  const startNs = monotonicClock.nowNs();
  const { limits } = config;
  const replayed = replayJournal(folder.path, {
    book: { symbols: 1, traders: TRADERS, limits, ordersMax: ordersMax(limits) },
  });
  const isSameStream =
    feedSha256 === undefined ||
    replayed.reportSha256 === undefined ||
    replayed.reportSha256 === feedSha256;
  const equal =
    replayed.stateHash === live.stateHash &&
    replayed.records === live.inputs &&
    replayed.reports === live.reports &&
    isSameStream;
  return {
    equal,
    stateHash: replayed.stateHash,
    records: replayed.records,
    elapsedNs: monotonicClock.nowNs() - startNs,
  };
}

/** Opens the exchange of a run. */
export async function openExchange(
  stack: Stack,
  config: VenueConfig,
  folder: JournalFolder,
): Promise<Exchange> {
  return Exchange.open(exchangeOptions(stack, config, folder));
}
