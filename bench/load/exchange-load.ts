/**
 * The whole way of an order at a rate that hurts: gateway, journal, book, reply, multicast.
 *
 * Open loop: a latency counts from the instant that the schedule names, whether or not the order
 * could leave then. Venue and traders share a process; see `docs/guide/exchange.md`.
 *
 * @module
 */

import { makeLoad } from '../../packages/cli/src/exchange/load.ts';
import { runEmbedded } from '../../packages/cli/src/exchange/run.ts';
import type { BenchCase, Benchmark } from '../contract.ts';

const ORDERS = 1_000_000;
const ORDERS_TINY = 2000;
const RATE = 500_000;

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'exchange-load',
  description: 'A million orders at 500,000/s, open loop, four sessions, journal async, one thread',
  async run({ tiny, signal, note }) {
    const orders = tiny ? ORDERS_TINY : ORDERS;
    const load = makeLoad({ rate: RATE, orders, seed: 1 }, 'spin');
    const { result } = await runEmbedded(
      {
        venue: {
          port: 9000,
          group: '239.77.0.1',
          groupPort: 9001,
          threads: 1,
          journal: 'async',
          limits: load.feed.limits,
          traders: load.sessions,
        },
        load,
        journal: 'async',
        keep: false,
        link: {},
        env: process.env,
      },
      { signal },
    );
    if (!result.ok) throw new Error('orders were lost, or the replay leads to another state');
    const { latencyNs, warmup, device, rejects, fills } = result;
    note(`${result.orders} orders, ${fills} fills, ${rejects} rejects, 0 lost, replay equal`);
    const { count, p50, p90, p99, p999, max } = latencyNs;
    const measured: BenchCase = {
      name: `order to report on ${device}`,
      unit: 'ns',
      count,
      p50,
      p90,
      p99,
      p999,
      max,
      perSecond: result.ratePerSecond,
      rateOf: 'orders',
      remark: `${RATE}/s offered; warm-up of ${warmup.orders} orders not counted`,
    };
    return { cases: [measured] };
  },
};
