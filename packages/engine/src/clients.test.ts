import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import {
  encodeLoginAccepted,
  encodeMoldHeader,
  encodeSoupHeader,
  MOLD_HEADER_BYTES,
  SoupType,
} from '@tickwire/protocol';
import type { TcpSocket } from '@tickwire/stack';
import { IpAddress } from '@tickwire/wire';
import { FEED_PORT, GROUP, Venue } from '../test/venue.ts';

/** Something on port 9500 that answers every login with `answer`. */
function impostor(venue: Venue, answer: (view: DataView) => number): void {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  venue.server.listen({
    port: 9500,
    socket: {
      data: (socket: TcpSocket<undefined>) => void socket.write(bytes, 0, answer(view)),
    },
  });
}

describe('TraderClient', () => {
  const answers: [string, (view: DataView) => number][] = [
    ['a report before the login', (view) => encodeSoupHeader(view, 0, SoupType.SequencedData, 48)],
    ['an unknown packet', (view) => encodeSoupHeader(view, 0, 0x51, 0)],
    [
      'a report of the wrong size',
      (view) => {
        const length = encodeLoginAccepted(view, 0, 'TICKWIRE', 1);
        return length + encodeSoupHeader(view, length, SoupType.SequencedData, 47);
      },
    ],
    [
      'a login accepted twice',
      (view) => {
        const length = encodeLoginAccepted(view, 0, 'TICKWIRE', 1);
        return length + encodeLoginAccepted(view, length, 'TICKWIRE', 1);
      },
    ],
    ['a login accepted with sequence 0', (view) => encodeLoginAccepted(view, 0, 'TICKWIRE', 0)],
  ];
  for (const [what, answer] of answers) {
    test(`leaves a venue that sends ${what}`, async () => {
      using venue = await Venue.open();
      impostor(venue, answer);
      const trader = venue.trader(1, { port: 9500 });
      venue.advance(1_000_000_000);
      expect(trader.events.at(-1)).toBe('closed ERR_TW_PROTOCOL');
      expect(trader.client.counters.malformedPackets).toBe(1);
      expect(trader.client.state).toBe('closed');
      expect(trader.reports).toEqual([]);
    });
  }

  test('sends nothing before the login, and takes what it sends when it must wait', async () => {
    using venue = await Venue.open();
    const trader = venue.trader(1);
    expect(trader.buy(1, 100, 1)).toBe(Status.BadState);
    expect(() => trader.client.connect()).toThrow('is connected');
    venue.advance(10_000_000);
    let sent = 0;
    while (trader.buy(sent + 1, 100, 1) > 0) sent += 1;
    expect(trader.client.counters.sendsRefused).toBe(1);
    expect(trader.client.clientSequence).toBe(sent + 1);
    venue.until(() => trader.reports.length === sent);
    expect(trader.reports.map((r) => r.clientSequence)).toEqual(
      Array.from({ length: sent }, (_, i) => i + 1),
    );
  });

  test('gives up, or comes back, when nobody listens', async () => {
    using venue = await Venue.open();
    const once = venue.trader(1, { port: 9600 });
    const stubborn = venue.trader(2, { port: 9600, reconnectNs: 1_000_000_000 });
    venue.advance(3_500_000_000);
    expect(once.events).toEqual(['closed ECONNREFUSED']);
    expect(stubborn.events.length).toBe(4);
    stubborn.client.close();
    venue.advance(5_000_000_000);
    expect(stubborn.events.length).toBe(4);
  });
});

describe('MarketDataSubscriber', () => {
  test('counts and passes over packets that are not of its feed', async () => {
    using venue = await Venue.open();
    const feed = venue.feed();
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    const socket = venue.server.udp({});
    const bytes = new Uint8Array(MOLD_HEADER_BYTES + 10);
    const view = new DataView(bytes.buffer);
    const group = IpAddress.parse(GROUP);
    encodeMoldHeader(view, 0, 'OTHER', 1, 0);
    socket.send(bytes, 0, MOLD_HEADER_BYTES, group, FEED_PORT);
    socket.send(bytes, 0, 7, group, FEED_PORT);
    encodeMoldHeader(view, 0, 'TICKWIRE', 1, 3);
    socket.send(bytes, 0, MOLD_HEADER_BYTES + 10, group, FEED_PORT);
    venue.settle();
    expect(feed.subscriber.counters).toMatchObject({ malformed: 2, otherSession: 1 });
    expect(feed.subscriber.nextSequence).toBe(1);
    trader.buy(1, 100, 1);
    venue.settle();
    expect(feed.sequences).toEqual([1]);
  });
});
