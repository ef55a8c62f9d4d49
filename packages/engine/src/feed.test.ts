import { describe, expect, test } from 'bun:test';
import { FaultInjector, type Faults } from '@tickwire/phy';
import { encodeMoldHeader, MOLD_HEADER_BYTES } from '@tickwire/protocol';
import { IpAddress } from '@tickwire/wire';
import { FlowSender } from '../test/flow.ts';
import { FEED_PORT, GROUP, REREQUEST_PORT, Venue, type VenueOptions } from '../test/venue.ts';

const SECOND = 1_000_000_000;

/** A venue whose clients receive over a bad wire. */
async function badVenue(receive: Faults, options: VenueOptions = {}): Promise<Venue> {
  let injector: FaultInjector | undefined;
  const venue = await Venue.open({
    ...options,
    wrapClient: (device) => (injector = new FaultInjector(device, { seed: 5, receive })),
  });
  venue.parts.push({ poll: () => 0, pollAt: () => injector?.nextDueNs() ?? Infinity });
  return venue;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

describe('the feed', () => {
  test('fills packets to the MTU within a round and holds none back', async () => {
    using venue = await Venue.open();
    const trader = venue.trader(1);
    const feed = venue.feed();
    venue.advance(10_000_000);
    for (let id = 1; id <= 60; id += 1) trader.buy(id, 100, 1);
    // One round at the exchange takes all 60: 1,432 bytes hold 28 messages of 50.
    venue.settle();
    expect(feed.sequences).toEqual(upTo(60));
    expect(venue.exchange.counters.packets).toBe(Math.ceil(60 / 28));
    trader.buy(61, 100, 1);
    venue.settle();
    expect(feed.sequences).toEqual(upTo(61));
    expect(venue.exchange.counters.packets).toBe(Math.ceil(60 / 28) + 1);
  });

  const wires: [string, Faults][] = [
    ['loses a fifth', { drop: 0.2 }],
    ['reorders', { reorder: 0.3, reorderNs: 2_000_000, delayNs: 100_000 }],
    ['duplicates', { duplicate: 0.3 }],
    ['does all of it', { drop: 0.1, duplicate: 0.1, reorder: 0.2, delayNs: 50_000 }],
  ];
  for (const [what, faults] of wires) {
    test(`delivers every report once and in order over a wire that ${what}`, async () => {
      using venue = await badVenue(faults);
      const trader = venue.trader(1);
      const feed = venue.feed({ fromSequence: 1 });
      venue.until(() => trader.client.state === 'open');
      const flow = new FlowSender(3);
      for (let round = 0; round < 40; round += 1) {
        flow.send(trader, 50);
        venue.advance(2_000_000);
      }
      const { counters } = venue.exchange;
      venue.until(() => counters.inputs === 2000 && feed.reports.length >= counters.reports);
      expect(feed.events).toEqual([]);
      expect(feed.sequences).toEqual(upTo(counters.reports));
      expect(feed.subscriber.counters.lost).toBe(0);
      // The trader's own stream is whole as well: that is TCP's work.
      venue.until(() => trader.reports.length === counters.reports);
    });
  }

  test('a lost last packet is noticed by the heartbeat', async () => {
    using venue = await Venue.open();
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    trader.buy(1, 100, 1);
    venue.settle();
    // The subscriber comes too late for the packet and hears nothing but heartbeats.
    const feed = venue.feed({ fromSequence: 1 });
    venue.advance(SECOND / 2);
    expect(feed.reports.length).toBe(0);
    venue.advance(SECOND);
    expect(feed.sequences).toEqual([1]);
    expect(feed.subscriber.detector.gaps).toBe(1);
    expect(venue.exchange.counters).toMatchObject({ rerequests: 1, rerequestsMalformed: 0 });
  });

  test('without a server a gap is lost, said, and only the gap', async () => {
    using venue = await Venue.open({ exchange: { multicast: { group: GROUP, port: FEED_PORT } } });
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    trader.buy(1, 100, 1);
    venue.settle();
    const feed = new (await import('../test/venue.ts')).Feed(venue, {
      fromSequence: 1,
      rerequest: undefined as never,
    });
    trader.buy(2, 100, 1);
    venue.settle();
    expect(feed.events).toEqual(['lost 1+1']);
    expect(feed.sequences).toEqual([2]);
  });

  test('messages older than the history are given up after the attempts', async () => {
    using venue = await Venue.open({ exchange: { limits: { historyReports: 1024 } } });
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    for (let round = 0; round < 11; round += 1) {
      for (let i = 0; i < 100; i += 1) trader.buy(round * 100 + i, 100, 1);
      venue.settle();
    }
    const feed = venue.feed({ fromSequence: 1 });
    trader.buy(5000, 100, 1);
    venue.advance(SECOND);
    expect(feed.events).toEqual(['lost 1+1101']);
    expect(venue.exchange.counters.rerequestsOutOfRange).toBe(10);
    trader.buy(5001, 100, 1);
    venue.settle();
    expect(feed.sequences).toEqual([1102]);
  });

  test('a late subscriber gets a long history in many packets', async () => {
    using venue = await Venue.open();
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    for (let round = 0; round < 60; round += 1) {
      for (let i = 0; i < 100; i += 1) trader.buy(round * 100 + i, 100, 1);
      venue.settle();
    }
    const feed = venue.feed({ fromSequence: 1 });
    venue.advance(2 * SECOND);
    expect(feed.sequences).toEqual(upTo(6000));
    expect(feed.events).toEqual([]);
  });

  test('counts requests that make no sense and answers none', async () => {
    using venue = await Venue.open();
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    trader.buy(1, 100, 1);
    venue.settle();
    let replies = 0;
    const socket = venue.client.udp({ socket: { data: () => void (replies += 1) } });
    const server = IpAddress.parse('10.0.0.1');
    const bytes = new Uint8Array(MOLD_HEADER_BYTES + 1);
    const view = new DataView(bytes.buffer);
    const ask = (session: string, sequence: number, count: number, length: number): void => {
      encodeMoldHeader(view, 0, session, sequence, count);
      socket.send(bytes, 0, length, server, REREQUEST_PORT);
      venue.settle();
    };
    ask('OTHER', 1, 1, 20);
    ask('TICKWIRE', 1, 1, 19);
    ask('TICKWIRE', 1, 1, 21);
    ask('TICKWIRE', 1, 0, 20);
    ask('TICKWIRE', 2, 1, 20);
    ask('TICKWIRE', 2 ** 52, 1, 20);
    expect(replies).toBe(0);
    expect(venue.exchange.counters).toMatchObject({
      rerequestsMalformed: 4,
      rerequestsOutOfRange: 2,
      rerequests: 0,
    });
    ask('TICKWIRE', 1, 5, 20);
    expect(replies).toBe(1);
  });

  test('ends with the exchange', async () => {
    using venue = await Venue.open();
    const trader = venue.trader(1);
    const feed = venue.feed();
    venue.advance(10_000_000);
    trader.buy(1, 100, 1);
    venue.settle();
    venue.exchange.close();
    venue.settle();
    expect(feed.events).toEqual(['end 2']);
    expect(trader.events).toEqual(['in 1', 'closed in order']);
  });
});
