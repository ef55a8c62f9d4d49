import { describe, expect, test } from 'bun:test';
import { ManualClock } from '@tickwire/base';
import { ReportKind } from '@tickwire/protocol';
import { PORT, REREQUEST_PORT, Venue } from '../test/venue.ts';
import { Exchange, type ExchangeOptions } from './index.ts';

describe('Exchange', () => {
  test('matches the orders of two traders and tells both, and the feed', async () => {
    using venue = await Venue.open();
    const a = venue.trader(1);
    const b = venue.trader(2);
    const feed = venue.feed();
    venue.advance(10_000_000);
    expect(a.events).toEqual(['in 1']);
    expect(venue.exchange.sessions).toBe(2);
    expect(a.buy(11, 100, 5)).toBe(1);
    venue.settle();
    expect(venue.exchange.bestBid()).toBe(100);
    expect(venue.exchange.bestAsk()).toBeNaN();
    b.sell(22, 99, 7);
    venue.settle();
    expect(a.lines).toEqual(['1 11 5@100', '2 11 5@100']);
    expect(b.lines).toEqual(['1 22 7@99', '2 22 5@100']);
    expect(venue.exchange.bestAsk()).toBe(99);
    expect(b.client.sendCancel(0, 22)).toBe(2);
    expect(b.client.sendReplace(0, 22, 0, 101, 1)).toBe(3);
    venue.settle();
    expect(b.reports.map((r) => r.kind).slice(2)).toEqual([
      ReportKind.Cancelled,
      ReportKind.ReplaceRejected,
    ]);
    expect(feed.sequences).toEqual([1, 2, 3, 4, 5, 6]);
    expect(venue.exchange.counters).toMatchObject({ inputs: 4, reports: 6, logins: 2 });
  });

  test('records one latency per message, in the time of its clock', async () => {
    const clock = new ManualClock(1_000_000_000);
    using venue = await Venue.open({ exchange: { latency: true, clock } });
    const a = venue.trader(1);
    venue.advance(10_000_000);
    clock.set(venue.clock.nowNs() + 5000);
    for (let id = 1; id <= 10; id += 1) a.sell(id, 100, 1);
    a.buy(11, 100, 10);
    venue.settle();
    const { latency } = venue.exchange;
    expect(latency?.matched.totalCount).toBe(11);
    expect(latency?.replied.totalCount).toBe(11);
    expect(latency?.replied.getValueAtPercentile(50)).toBeCloseTo(5000, -1);
    latency?.reset();
    expect(latency?.replied.totalCount).toBe(0);
  });

  test('opens nothing when a port is taken', async () => {
    using venue = await Venue.open();
    const open = (options: Partial<ExchangeOptions>): Promise<unknown> =>
      Exchange.open({ stack: venue.server, port: 9100, ...options }).catch((e: unknown) => e);
    expect(await open({ port: PORT })).toMatchObject({ code: 'EADDRINUSE' });
    const feed = { multicast: { group: '239.9.9.9', port: 1 }, rerequestPort: REREQUEST_PORT };
    expect(await open(feed)).toMatchObject({ code: 'EADDRINUSE' });
    // The port of the second attempt was given back.
    const third = await open({});
    expect(third).toBeInstanceOf(Exchange);
    (third as Exchange).close();
  });

  test('gives everything back when it is closed', async () => {
    using venue = await Venue.open();
    const a = venue.trader(1);
    const feed = venue.feed();
    venue.advance(10_000_000);
    for (let id = 1; id <= 100; id += 1) a.buy(id, 100, 1);
    venue.settle();
    venue.exchange.close();
    feed.subscriber.close();
    a.client.close();
    venue.advance(70_000_000_000);
    expect(venue.server.core.tcp.connectionCount).toBe(0);
    expect(venue.client.core.tcp.connectionCount).toBe(0);
    expect(venue.arena.available()).toBe(venue.arena.capacity);
    await venue.start();
    const b = venue.trader(1);
    venue.advance(10_000_000);
    expect(b.client.state).toBe('open');
  });
});
