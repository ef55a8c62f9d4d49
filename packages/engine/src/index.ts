/**
 * The exchange and its clients.
 *
 * @packageDocumentation
 */

export { ExchangeCounters } from './counters.ts';
export { Exchange, type ExchangeState, type RecoveryReport } from './exchange.ts';
export { LATENCY_MAX_NS, LatencyHistograms } from './latency.ts';
export {
  type MarketDataCounters,
  type MarketDataOptions,
  type MarketDataSink,
  MarketDataSubscriber,
} from './market-data-subscriber.ts';
export {
  DEFAULT_EXCHANGE_LIMITS,
  type ExchangeLimits,
  type ExchangeOptions,
  type JournalPolicy,
  type LoginPolicy,
  type MulticastOptions,
  type TraderCredentials,
} from './options.ts';
export { type ReplayOptions, type ReplayReport, replayJournal } from './replay.ts';
export {
  TraderClient,
  type TraderClientOptions,
  type TraderCounters,
  type TraderSink,
  type TraderState,
} from './trader-client.ts';
