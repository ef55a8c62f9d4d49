/**
 * The venue: sessions, pipeline, market data.
 *
 * @module
 */

import type { NetError } from '@tickwire/base';
import type { Pollable } from '@tickwire/stack';
import type { ExchangeCounters } from './counters.ts';
import type { LatencyHistograms } from './latency.ts';
import type { ExchangeOptions } from './options.ts';

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
  /** Bytes of a torn last record that were cut off. */
  readonly tornBytes: number;
  /** Hash of the book's state. */
  readonly stateHash: string;
}

/** `open`; `failed`: the journal or a thread failed, nothing is accepted; `closed`. */
export type ExchangeState = 'open' | 'failed' | 'closed';

/**
 * An exchange on a stack. The caller polls both, the stack first:
 *
 * @example
 * ```ts
 * using exchange = await Exchange.open({ stack, port: 9000, journalDirectory: 'journal' });
 * for (const line of exchange.notices) console.log(line);
 * await runLoop([stack, exchange], monotonicClock, { signal });
 * ```
 */
export declare class Exchange implements Pollable, Disposable {
  /**
   * Recovers from the journal, starts threads and listens.
   *
   * @throws NetError `ERR_TW_CONFIG` (options), `ERR_TW_CORRUPT` (journal), `EADDRINUSE` (ports),
   * `ETIMEDOUT` (a thread does not start).
   */
  static open(options: ExchangeOptions): Promise<Exchange>;
  readonly counters: ExchangeCounters;
  readonly recovery: RecoveryReport;
  /** What the operator should know at start, one sentence each. */
  readonly notices: readonly string[];
  /** Histograms, when `latency` was asked for. */
  readonly latency: LatencyHistograms | undefined;
  get state(): ExchangeState;
  /** Why the exchange failed. */
  get failure(): NetError | undefined;
  /** Sessions logged in now. */
  get sessions(): number;
  /** Best bid in ticks; NaN when there is none. */
  bestBid(symbol?: number): number;
  /** Best ask in ticks; NaN when there is none. */
  bestAsk(symbol?: number): number;
  poll(nowNs: number): number;
  pollAt(): number;
  /** The state hash of the book after everything taken so far. Waits for the book thread. */
  stateHash(): string;
  /** Writes a snapshot of everything journalled so far by a thread of its own; no pause. */
  snapshot(): Promise<number>;
  /** One line per ring: who is how far behind. */
  describe(): string;
  /** Ends sessions, stops threads, closes the journal. */
  close(): void;
  [Symbol.dispose](): void;
}
