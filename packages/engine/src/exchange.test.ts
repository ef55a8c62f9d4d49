import { describe, expect, test } from 'bun:test';
import { ReportKind } from '@tickwire/protocol';
import { Venue } from '../test/venue.ts';

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
});
