import { expect, setDefaultTimeout, test } from 'bun:test';
import { createHeapArena, monotonicClock } from '@tickwire/base';
import { collectsDuring } from '@tickwire/base/testing';
import { Exchange } from '@tickwire/engine';
import { createLoopbackPair } from '@tickwire/phy';
import { DEFAULT_LIMITS } from '@tickwire/protocol';
import { Stack } from '@tickwire/stack';
import { JournalFolder } from './journal-folder.ts';
import { OrderFeed } from './order-feed.ts';
import { TraderSide } from './trader-side.ts';
import { exchangeOptions, type VenueConfig } from './venue-config.ts';
import { VenueSide } from './venue-side.ts';

// Whole runs, on machines that have other things to do.
setDefaultTimeout(60_000);

const WARM = 100_000;
/** Orders of one attempt: an object for each of them would start the collector. */
const ORDERS = 400_000;
const ATTEMPTS = 3;
/** Orders per second: the loop is late all the time, so every round has something to do. */
const RATE = 1_000_000;

test('traders, venue and feed make no garbage between login and drain', async () => {
  const config: VenueConfig = {
    port: 9000,
    group: '239.77.0.1',
    groupPort: 9001,
    threads: 1,
    journal: 'none',
    limits: DEFAULT_LIMITS,
    traders: 4,
  };
  using folder = new JournalFolder({ journal: 'none', keep: false });
  const arena = createHeapArena({ frames: 4095, dataRoom: 2048 });
  const { a, b } = createLoopbackPair(arena, { checksum: 'none' });
  using stack = new Stack({ device: a, addresses: ['10.77.0.1/24'] });
  using exchange = await Exchange.open(exchangeOptions(stack, config, folder));
  const venue = new VenueSide(stack, exchange);
  using traderStack = new Stack({ device: b, addresses: ['10.77.0.2/24'] });
  const orders = WARM + ATTEMPTS * ORDERS;
  const feed = OrderFeed.generate({ rate: RATE, seed: 1, arrivals: 'poisson', orders });
  const traders = new TraderSide({
    stack: traderStack,
    clock: monotonicClock,
    feed,
    sessions: 4,
    venue: '10.77.0.1',
    port: 9000,
    group: config.group,
    groupPort: config.groupPort,
  });
  const round = (): void => {
    const nowNs = monotonicClock.nowNs();
    traders.poll(nowNs);
    venue.poll(nowNs);
  };
  const until = (limit: number): void => {
    traders.start(monotonicClock.nowNs(), limit);
    while (!traders.isSent || traders.outstanding > 0) round();
  };
  while (!traders.isOpen) round();
  until(WARM);
  let sent = WARM;
  const collected = await collectsDuring(() => {
    sent += ORDERS;
    until(sent);
  });
  expect(sent).toBeLessThanOrEqual(orders);
  expect(traders.outstanding).toBe(0);
  expect(traders.warmRecorder.count).toBe(sent);
  traders.close();
  expect(collected).toBe(false);
});
