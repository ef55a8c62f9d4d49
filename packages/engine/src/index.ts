/**
 * The exchange and its clients.
 *
 * @packageDocumentation
 */

export { ExchangeCounters } from './counters.ts';
export { Exchange, type ExchangeState } from './exchange.ts';
export type { RecoveryReport } from './foundation.ts';
export { LATENCY_MAX_NS, LatencyHistograms } from './latency.ts';
export {
  MarketDataCounters,
  type MarketDataOptions,
  type MarketDataSink,
  MarketDataSubscriber,
} from './market-data-subscriber.ts';
export type { JournalPolicy } from '@tickwire/journal';
export {
  DEFAULT_EXCHANGE_LIMITS,
  type ExchangeLimits,
  type ExchangeOptions,
  type LoginPolicy,
  type MulticastOptions,
  type TraderCredentials,
} from './options.ts';
export { isJournal, type ReplayOptions, type ReplayReport, replayJournal } from './replay.ts';
export {
  TraderClient,
  type TraderClientOptions,
  TraderCounters,
  type TraderSink,
  type TraderState,
} from './trader-client.ts';
