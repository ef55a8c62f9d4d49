/**
 * From the flags of a load to what is sent.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { IdleStrategy } from '@tickwire/stack';
import type { LoadFlags } from '../flags.ts';
import { OrderFeed, readFlowFile } from './order-feed.ts';
import type { LoadConfig } from './run.ts';

/**
 * Messages per second by default. One core of a small virtual machine does several times that, so
 * a default run measures the way of an order and not a queue; see docs/guide/exchange.md.
 */
export const RATE_DEFAULT = 100_000;
/** Seconds by default: long enough for a p99.99 of a hundred orders, short enough to wait for. */
export const DURATION_DEFAULT_S = 10;
/** Traders by default. */
export const SESSIONS_DEFAULT = 4;
/** Warm-up at most: by then the JIT has compiled what is hot. */
const WARMUP_MAX = 100_000;
const WARMUP_SHARE = 0.1;

/** Makes the load that the flags ask for. Reads the file of `--replay`. */
export function makeLoad(flags: LoadFlags, idle: IdleStrategy): LoadConfig {
  const { seed, replay } = flags;
  const rate = flags.rate ?? RATE_DEFAULT;
  const arrivals = flags.arrivals ?? 'poisson';
  const fitting = flags.duration === undefined ? undefined : Math.round(rate * flags.duration);
  if (fitting === 0) {
    throw new NetError(
      'ERR_TW_CONFIG',
      'Rate times duration is less than one order; raise --rate or --duration',
    );
  }
  let feed: OrderFeed;
  if (replay === undefined) {
    const wanted = flags.orders ?? fitting ?? Math.round(rate * DURATION_DEFAULT_S);
    const orders = Math.max(1, Math.min(wanted, fitting ?? wanted));
    feed = OrderFeed.generate({ rate, seed, arrivals, orders });
  } else {
    const wanted = Math.min(
      flags.orders ?? Number.MAX_SAFE_INTEGER,
      fitting ?? Number.MAX_SAFE_INTEGER,
    );
    feed = OrderFeed.record(replay, readFlowFile(replay), { rate, seed, arrivals, orders: wanted });
  }
  const warmup = flags.warmup ?? Math.min(WARMUP_MAX, Math.floor(feed.total * WARMUP_SHARE));
  return {
    feed,
    // The order of input is the file's only when one session sends it.
    sessions: flags.sessions ?? (replay === undefined ? SESSIONS_DEFAULT : 1),
    warmup: Math.min(warmup, feed.total - 1),
    rate,
    seed: replay === undefined ? seed : null,
    idle,
  };
}
