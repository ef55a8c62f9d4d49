/**
 * The receiving end of the market data feed.
 *
 * @module
 */

import type { Pollable, Stack } from '@tickwire/stack';

/** What a {@link MarketDataSubscriber} tells its owner; called during polls. */
export interface MarketDataSink {
  /** The next execution report of the feed, in order, at `view[at]`, valid during the call. */
  readonly report: (view: DataView, at: number, sequence: number) => void;
  /** Messages that could not be recovered; the feed goes on behind them. */
  readonly lost?: (firstSequence: number, count: number) => void;
  /** The feed is over. */
  readonly end?: (nextSequence: number) => void;
}

/** Options of a {@link MarketDataSubscriber}. */
export interface MarketDataOptions {
  readonly stack: Stack;
  readonly group: string;
  readonly port: number;
  /** Name of the feed. Default `TICKWIRE`. */
  readonly session?: string;
  /** The re-request server. Absent: a gap is lost at once. */
  readonly rerequest?: { readonly hostname: string; readonly port: number };
  readonly sink: MarketDataSink;
  /** First sequence wanted. 0 (default): whatever comes first. */
  readonly fromSequence?: number;
  /** Messages held behind a gap, a power of two. Default 8,192. */
  readonly windowMessages?: number;
  /** Between two requests for the same gap. Default 5 ms. */
  readonly retryNs?: number;
  /** Requests without progress before a gap is given up. Default 10. */
  readonly attemptsMax?: number;
}

/** Counters of a {@link MarketDataSubscriber}. */
export interface MarketDataCounters {
  packets: number;
  messages: number;
  duplicates: number;
  gaps: number;
  recovered: number;
  lost: number;
  requests: number;
  malformed: number;
  otherSession: number;
  outOfWindow: number;
  heartbeats: number;
}

/** Joins the group, delivers in order, fills gaps by unicast re-requests. */
export declare class MarketDataSubscriber implements Pollable, Disposable {
  constructor(options: MarketDataOptions);
  readonly counters: MarketDataCounters;
  /** Sequence of the next message to deliver; 0 before the first. */
  get nextSequence(): number;
  /** Whether messages are missing before some that have arrived. */
  get inGap(): boolean;
  poll(nowNs: number): number;
  pollAt(): number;
  close(): void;
  [Symbol.dispose](): void;
}
