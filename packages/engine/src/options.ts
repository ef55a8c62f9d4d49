/**
 * What an exchange is made of, and its limits.
 *
 * @module
 */

import { EXECUTION_REPORT_BYTES, SOUP_HEADER_BYTES } from '@tickwire/protocol';
import { type Clock, NetError } from '@tickwire/base';
import type { OrderBookOptions } from '@tickwire/book';
import type { JournalPolicy, Storage } from '@tickwire/journal';
import type { WaitStrategyName } from '@tickwire/ring';
import type { Stack } from '@tickwire/stack';

/** One trader who may log in. */
export interface TraderCredentials {
  /** Number of the trader, from 0 to `limits.traders - 1`; the book knows traders by it. */
  readonly trader: number;
  /** What the trader must present. */
  readonly token: string;
}

/** Who may log in: a table, or everybody. `accept-all` appears among `Exchange.notices`. */
export type LoginPolicy = 'accept-all' | readonly TraderCredentials[];

/** The market data feed. */
export interface MulticastOptions {
  /** Group, for example `239.0.0.1`. */
  readonly group: string;
  /** UDP port. */
  readonly port: number;
  /** Name of the feed in every packet: up to ten ASCII characters. Default `TICKWIRE`. */
  readonly session?: string;
}

/** Bounds. Each is reached by somebody one day; the counter beside it tells. */
export interface ExchangeLimits {
  /** Traders; numbers from 0 to `traders - 1`. Default 256. */
  readonly traders: number;
  /** TCP connections, logged in or not; the next one is refused. Default 1,024. */
  readonly sessions: number;
  /**
   * Reports of one trader kept for resuming, and at the same time the most that may wait for a slow
   * reader: who falls further behind is disconnected. Default 32,768 (1.7 MB of address space,
   * pages on first use): twice the input ring, so that what a stalled disk dams up for one trader
   * fits.
   */
  readonly retainedReports: number;
  /** Reports kept for re-requests of the feed, a power of two. Default 131,072 (6.5 MB). */
  readonly historyReports: number;
  /**
   * Slots of the input ring, a power of two. Full: the gateway waits for the pipeline and goes on
   * releasing reports meanwhile; TCP's windows close behind it. Default 16,384.
   */
  readonly inputSlots: number;
  /** Slots of the output ring, a power of two. Full: the book waits. Default 65,536. */
  readonly outputSlots: number;
  /** A connection must log in within this time. Default 5 s. */
  readonly loginTimeoutNs: number;
  /** The venue speaks at least this often on every session. Default 1 s, as SoupBinTCP. */
  readonly heartbeatNs: number;
  /** A session that is silent for this long is closed. Default 15 s, as SoupBinTCP. */
  readonly idleTimeoutNs: number;
  /** A pipeline stage that has work and does not move for this long stops the exchange. 10 s. */
  readonly stallNs: number;
}

/** Options of {@link Exchange.open}. */
export interface ExchangeOptions {
  /** The stack; its owner polls it. */
  readonly stack: Stack;
  /** TCP port of order entry. */
  readonly port: number;
  /** Where the journal lies. Absent: no journal, and `journalPolicy` must be `none` or absent. */
  readonly journalDirectory?: string;
  /** Instead of a directory, in one thread: a storage in memory, for tests and simulation. */
  readonly journalStorage?: Storage;
  /** Default: `group-commit` with a directory or storage, `none` without. */
  readonly journalPolicy?: JournalPolicy;
  /** Size of a segment file. Default 64 MiB. */
  readonly journalSegmentBytes?: number;
  /**
   * 1 (default): everything in the caller's thread. 3: the book and the journal have threads of
   * their own, so that matching and `fdatasync` overlap with the network.
   */
  readonly threads?: 1 | 3;
  /** What idle book and journal threads do. Default `block`, which leaves the core alone. */
  readonly wait?: WaitStrategyName;
  /** Market data. Absent: none is published. */
  readonly multicast?: MulticastOptions;
  /** UDP port of the re-request server. Absent: gaps cannot be filled. */
  readonly rerequestPort?: number;
  /** Symbols, numbered from 0. Default 1. */
  readonly symbols?: number;
  /** The remaining rules and sizes of the book. */
  readonly book?: Omit<OrderBookOptions, 'symbols' | 'traders' | 'reportsMax'>;
  /** Default `accept-all`. */
  readonly login?: LoginPolicy;
  /** Deviations from {@link DEFAULT_EXCHANGE_LIMITS}. */
  readonly limits?: Partial<ExchangeLimits>;
  /** Makes a snapshot after this many inputs, in a thread of its own. 0 (default): on request. */
  readonly snapshotEvery?: number;
  /**
   * After a snapshot, deletes the part of the journal that only older snapshots need. Default
   * false: the whole history stays, for audits.
   */
  readonly journalPrune?: boolean;
  /** Records the latency of every report into histograms. Default false. */
  readonly latency?: boolean;
  /** Read for latency only. Default: the machine's. */
  readonly clock?: Clock;
  /**
   * The exchange has stopped for good: the journal or a thread failed. Absent: `poll` throws the
   * error instead, once.
   */
  readonly onFailure?: (error: NetError) => void;
}

/** The defaults of {@link ExchangeLimits}. */
export const DEFAULT_EXCHANGE_LIMITS: ExchangeLimits = {
  traders: 256,
  sessions: 1024,
  retainedReports: 32_768,
  historyReports: 131_072,
  inputSlots: 16_384,
  outputSlots: 65_536,
  loginTimeoutNs: 5e9,
  heartbeatNs: 1e9,
  idleTimeoutNs: 15e9,
  stallNs: 10e9,
};

/** The options of the book that an exchange with these options runs. */
export function bookOptions(options: ExchangeOptions): OrderBookOptions {
  const limits = exchangeLimits(options.limits);
  return {
    ...options.book,
    symbols: options.symbols ?? 1,
    traders: limits.traders,
    reportsMax: REPORTS_PER_APPLY,
  };
}

/**
 * Reports that the book may produce before the output ring takes them over. A longer sweep is
 * continued, so the size decides about nothing but how often the two alternate.
 */
export const REPORTS_PER_APPLY = 256;

/**
 * Fills in the defaults and checks the ranges.
 *
 * @throws NetError `ERR_TW_CONFIG` that names the limit.
 */
export function exchangeLimits(overrides: Partial<ExchangeLimits> = {}): ExchangeLimits {
  const limits = { ...DEFAULT_EXCHANGE_LIMITS, ...overrides };
  range(limits, 'traders', 1, 65_536);
  range(limits, 'sessions', 1, 65_536);
  range(limits, 'retainedReports', 64, 2 ** 24);
  range(limits, 'historyReports', 1024, 2 ** 24);
  range(limits, 'inputSlots', 16, 2 ** 20);
  range(limits, 'outputSlots', 16, 2 ** 20);
  range(limits, 'loginTimeoutNs', 1e6, 3600e9);
  range(limits, 'heartbeatNs', 1e6, 3600e9);
  range(limits, 'idleTimeoutNs', 1e6, 3600e9);
  range(limits, 'stallNs', 1e6, 3600e9);
  const streamBytes =
    limits.traders * limits.retainedReports * (SOUP_HEADER_BYTES + EXECUTION_REPORT_BYTES);
  if (streamBytes >= 2 ** 31) {
    // Offsets into the streams are int32.
    throw new NetError(
      'ERR_TW_CONFIG',
      `Streams of ${limits.traders} traders take ${streamBytes} bytes; lower retainedReports`,
      { streamBytes },
    );
  }
  for (const name of ['historyReports', 'inputSlots', 'outputSlots'] as const) {
    if (!Number.isInteger(Math.log2(limits[name]))) {
      throw new NetError('ERR_TW_CONFIG', `Limit ${name} is ${limits[name]}; give a power of two`);
    }
  }
  return limits;
}

function range(limits: ExchangeLimits, name: keyof ExchangeLimits, min: number, max: number): void {
  const value = limits[name];
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new NetError(
    'ERR_TW_CONFIG',
    `Limit ${name} is ${value}; give an integer from ${min} to ${max}`,
    { name, value },
  );
}

/**
 * The journal policy in force.
 *
 * @throws NetError `ERR_TW_CONFIG` when directory, policy and threads disagree.
 */
export function journalPolicy(options: ExchangeOptions): JournalPolicy {
  const { journalDirectory, journalStorage, threads } = options;
  const hasPlace = journalDirectory !== undefined || journalStorage !== undefined;
  const policy = options.journalPolicy ?? (hasPlace ? 'group-commit' : 'none');
  if (policy !== 'none' && !hasPlace) {
    throw new NetError(
      'ERR_TW_CONFIG',
      `Journal policy ${policy} needs a journalDirectory; give one, or the policy none`,
      { policy },
    );
  }
  if (policy === 'none' && hasPlace) {
    throw new NetError(
      'ERR_TW_CONFIG',
      'A journal with policy none would not be written; leave the directory out, or choose async',
      { policy },
    );
  }
  if (journalStorage !== undefined && (journalDirectory !== undefined || threads === 3)) {
    throw new NetError(
      'ERR_TW_CONFIG',
      'A journalStorage excludes a journalDirectory and three threads; give one of them',
    );
  }
  return policy;
}
