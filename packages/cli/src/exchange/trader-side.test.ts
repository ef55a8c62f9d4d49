import { expect, test } from 'bun:test';
import { createHeapArena, monotonicClock } from '@tickwire/base';
import { Exchange } from '@tickwire/engine';
import { createLoopbackPair } from '@tickwire/phy';
import { DEFAULT_LIMITS } from '@tickwire/protocol';
import { Stack } from '@tickwire/stack';
import { JournalFolder } from './journal-folder.ts';
import { OrderFeed } from './order-feed.ts';
import { TraderSide } from './trader-side.ts';
import { exchangeOptions, type VenueConfig } from './venue-config.ts';
import { VenueSide } from './venue-side.ts';

const CONFIG: VenueConfig = {
  port: 9000,
  group: '239.77.0.1',
  groupPort: 9001,
  threads: 1,
  journal: 'none',
  limits: DEFAULT_LIMITS,
  traders: 4,
};
const ORDERS = 200;

test('a second run on a venue is told, and trades under other numbers', async () => {
  using folder = new JournalFolder({ journal: 'none', keep: false });
  const arena = createHeapArena({ frames: 4095, dataRoom: 2048 });
  const { a, b } = createLoopbackPair(arena, { checksum: 'none' });
  using stack = new Stack({ device: a, addresses: ['10.77.0.1/24'] });
  using exchange = await Exchange.open(exchangeOptions(stack, CONFIG, folder));
  const venue = new VenueSide(stack, exchange);
  using traderStack = new Stack({ device: b, addresses: ['10.77.0.2/24'] });
  const open = (firstTrader: number): TraderSide =>
    new TraderSide({
      stack: traderStack,
      clock: monotonicClock,
      feed: OrderFeed.generate({ rate: 100_000, seed: 1, arrivals: 'poisson', orders: ORDERS }),
      sessions: 2,
      venue: '10.77.0.1',
      port: CONFIG.port,
      group: CONFIG.group,
      groupPort: CONFIG.groupPort,
      firstTrader,
    });
  const until = (traders: TraderSide, isDone: () => boolean): void => {
    const limitNs = monotonicClock.nowNs() + 5e9;
    while (!isDone()) {
      const nowNs = monotonicClock.nowNs();
      if (nowNs > limitNs) throw new Error('it did not happen within 5 s');
      traders.poll(nowNs);
      venue.poll(nowNs);
    }
  };
  const trade = (traders: TraderSide): void => {
    until(traders, () => traders.isOpen);
    traders.start(monotonicClock.nowNs(), ORDERS);
    until(traders, () => traders.isSent && traders.outstanding === 0);
    expect(traders.failure).toBeUndefined();
    traders.logout();
    until(traders, () => traders.isClosed);
    traders.close();
  };
  trade(open(0));
  const again = open(0);
  until(again, () => again.failure !== undefined);
  expect(again.failure?.message).toContain('before; give numbers that it has not seen with');
  again.close();
  trade(open(2));
  expect(exchange.counters.inputs).toBe(2 * ORDERS);
});
