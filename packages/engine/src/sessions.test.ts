import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import {
  encodeCancelOrder,
  encodeLoginRequest,
  encodeSoupHeader,
  SOUP_HEADER_BYTES,
  SoupType,
} from '@tickwire/protocol';
import { RawClient } from '../test/raw-client.ts';
import { Venue } from '../test/venue.ts';

const SECOND = 1_000_000_000;

describe('Gateway', () => {
  test('refuses a wrong token and an unknown trader by name', async () => {
    const login = [{ trader: 1, token: 'right' }];
    using venue = await Venue.open({ exchange: { login } });
    const right = venue.trader(1, { token: 'right' });
    const wrong = venue.trader(1, { token: 'wrong' });
    const unknown = venue.trader(2, { token: 'right' });
    const prefix = venue.trader(1, { token: 'righ' });
    venue.advance(10_000_000);
    expect(right.events).toEqual(['in 1']);
    for (const refused of [wrong, unknown, prefix]) {
      expect(refused.events).toEqual(['refused NotAuthorized']);
      expect(refused.client.state).toBe('closed');
    }
    expect(venue.exchange.counters).toMatchObject({ logins: 1, loginsNotAuthorised: 3 });
    expect(venue.exchange.notices.join()).not.toContain('accept-all');
  });

  test('says aloud that it accepts all', async () => {
    using venue = await Venue.open();
    expect(venue.exchange.notices.join()).toContain('Login accept-all');
    expect(venue.exchange.notices.join()).toContain('There is no journal');
  });

  test('resumes the stream from the requested sequence', async () => {
    using venue = await Venue.open();
    const first = venue.trader(1);
    venue.advance(10_000_000);
    for (let id = 1; id <= 10; id += 1) first.buy(id, 100, id);
    venue.settle();
    first.client.close();
    venue.advance(SECOND);
    const again = venue.trader(1, { fromSequence: 4, clientSequence: 11 });
    venue.advance(10_000_000);
    expect(again.events).toEqual(['in 4']);
    expect(again.reports).toEqual(first.reports.slice(3));
    expect(again.client.nextSequence).toBe(11);
    again.buy(11, 100, 11);
    venue.settle();
    expect(again.reports.at(-1)?.clientOrderId).toBe(11);
  });

  test('refuses to resume what is no longer retained, or has not been reached', async () => {
    using venue = await Venue.open({ exchange: { limits: { retainedReports: 64 } } });
    const first = venue.trader(1);
    venue.advance(10_000_000);
    for (let id = 1; id <= 65; id += 1) first.buy(id, 100, 1);
    venue.settle();
    first.client.close();
    venue.advance(SECOND);
    const late = venue.trader(1, { fromSequence: 1 });
    const early = venue.trader(1, { fromSequence: 67 });
    venue.advance(10_000_000);
    expect(late.events).toEqual(['refused SequenceNotAvailable']);
    expect(early.events).toEqual(['refused SequenceNotAvailable']);
    expect(venue.exchange.counters).toMatchObject({ resumesBeyondRetention: 1, resumesAhead: 1 });
    const oldest = venue.trader(1, { fromSequence: 2 });
    venue.advance(10_000_000);
    expect(oldest.reports.length).toBe(64);
    expect(oldest.reports[0]?.clientOrderId).toBe(2);
  });

  test('a second login of a trader takes the session over', async () => {
    using venue = await Venue.open();
    const first = venue.trader(1);
    venue.advance(10_000_000);
    first.buy(1, 100, 1);
    venue.settle();
    const second = venue.trader(1, { fromSequence: 1, clientSequence: 2 });
    venue.advance(10_000_000);
    expect(first.events).toEqual(['in 1', 'closed in order']);
    expect(second.reports).toEqual(first.reports);
    expect(venue.exchange.sessions).toBe(1);
    expect(venue.exchange.counters.takenOver).toBe(1);
    second.buy(2, 100, 1);
    venue.settle();
    expect(second.reports.length).toBe(2);
    expect(first.reports.length).toBe(1);
  });

  test('ignores a client sequence that it has seen', async () => {
    using venue = await Venue.open();
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    const view = new DataView(new ArrayBuffer(32));
    trader.buy(1, 100, 1);
    encodeCancelOrder(view, 0, 2, 0, 1);
    expect(trader.client.sendEncoded(view, 0, 16, 2)).toBe(2);
    expect(trader.client.clientSequence).toBe(3);
    expect(trader.client.sendEncoded(view, 0, 16, 2)).toBe(2);
    expect(trader.client.clientSequence).toBe(3);
    venue.settle();
    expect(trader.reports.length).toBe(2);
    expect(venue.exchange.counters.inputs).toBe(3);
  });

  test('both sides keep a silent session alive, and give up a dead one', async () => {
    using venue = await Venue.open();
    const trader = venue.trader(1);
    venue.advance(60 * SECOND);
    expect(trader.events).toEqual(['in 1']);
    expect(trader.client.counters.heartbeats).toBeGreaterThan(50);
    expect(venue.exchange.counters.heartbeats).toBeGreaterThan(50);
    // The client's program stops: nobody polls it, but its kernel, so to speak, goes on.
    venue.parts.length = 0;
    venue.advance(20 * SECOND);
    expect(venue.exchange.counters.idleTimeouts).toBe(1);
    expect(venue.exchange.sessions).toBe(0);
  });

  test('the client gives up a venue that is silent, and comes back', async () => {
    using venue = await Venue.open();
    const trader = venue.trader(1, { reconnectNs: 3 * SECOND });
    venue.advance(10_000_000);
    trader.buy(1, 100, 1);
    venue.settle();
    const { exchange } = venue;
    // An exchange whose loop hangs.
    const hung = { poll: () => 0, pollAt: () => Infinity, close: () => exchange.close() };
    venue.exchange = hung as unknown as typeof exchange;
    venue.advance(16 * SECOND);
    expect(trader.events).toEqual(['in 1', 'closed ETIMEDOUT']);
    venue.exchange = exchange;
    venue.advance(5 * SECOND);
    expect(trader.events).toEqual(['in 1', 'closed ETIMEDOUT', 'in 2']);
    expect(trader.client.counters).toMatchObject({ idleTimeouts: 1, reconnects: 1 });
    expect(trader.client.nextSequence).toBe(2);
  });

  test('closes a connection that does not log in', async () => {
    using venue = await Venue.open();
    const raw = new RawClient(venue);
    venue.advance(4 * SECOND);
    expect(raw.closed).toBe(false);
    venue.advance(2 * SECOND);
    expect(raw.closed).toBe(true);
    expect(venue.exchange.counters.loginTimeouts).toBe(1);
  });

  test('refuses connections beyond the limit and takes others when one ends', async () => {
    using venue = await Venue.open({ exchange: { limits: { sessions: 2 } } });
    const a = venue.trader(1);
    const b = venue.trader(2);
    const c = venue.trader(3);
    venue.advance(10_000_000);
    const states = [a, b, c].map((trader) => trader.client.state);
    expect(states.filter((state) => state === 'open').length).toBe(2);
    expect(venue.exchange.counters.connectionsRefused).toBe(1);
    a.client.logout();
    b.client.logout();
    venue.advance(10_000_000);
    expect(venue.exchange.counters.logouts).toBe(2);
    const d = venue.trader(4);
    venue.advance(10_000_000);
    expect(d.client.state).toBe('open');
  });

  const bad: [string, string, (raw: RawClient) => void][] = [
    ['a message before the login', 'messagesBeforeLogin', (raw) => raw.cancel(1, 1)],
    ['a packet of an unknown type', 'malformedPackets', (raw) => raw.packet(0x51, 0)],
    ['a packet of length 0', 'malformedPackets', (raw) => raw.bytes([0, 0])],
    ['a packet that is too long', 'malformedPackets', (raw) => raw.bytes([0xff, 0xff, 0x55])],
    ['a packet that only the server sends', 'malformedPackets', (raw) => raw.packet(0x48, 0)],
    [
      'a second login request',
      'malformedPackets',
      (raw) => {
        raw.login(1);
        raw.login(1);
      },
    ],
    [
      'a message of a wrong version',
      'malformedMessages',
      (raw) => {
        raw.login(1);
        raw.packet(SoupType.UnsequencedData, 16);
      },
    ],
    [
      'a login with an unreadable sequence',
      'malformedPackets',
      (raw) => {
        const length = encodeLoginRequest(raw.view, 0, {
          user: '1',
          password: 'x',
          session: '',
          sequence: 1,
        });
        raw.view.setUint8(length - 1, 0x2d);
        raw.send(length);
      },
    ],
  ];
  for (const [what, counter, provoke] of bad) {
    test(`closes the session, and only that, after ${what}`, async () => {
      using venue = await Venue.open();
      const other = venue.trader(5);
      const raw = new RawClient(venue);
      venue.advance(10_000_000);
      provoke(raw);
      venue.advance(10_000_000);
      expect(raw.closed).toBe(true);
      expect(venue.exchange.counters).toMatchObject({ [counter]: 1 });
      other.buy(1, 100, 1);
      venue.settle();
      expect(other.reports.length).toBe(1);
      expect(venue.exchange.sessions).toBe(1);
    });
  }

  test('takes messages that arrive byte by byte', async () => {
    using venue = await Venue.open();
    const raw = new RawClient(venue);
    venue.advance(10_000_000);
    const length = encodeLoginRequest(raw.view, 0, {
      user: '3',
      password: 'x',
      session: 'TICKWIRE',
      sequence: 0,
    });
    const total =
      length +
      encodeSoupHeader(
        raw.view,
        length,
        SoupType.UnsequencedData,
        encodeCancelOrder(raw.view, length + SOUP_HEADER_BYTES, 1, 0, 77),
      );
    for (let i = 0; i < total; i += 1) {
      raw.send(1, i);
      venue.settle();
    }
    expect(venue.exchange.counters).toMatchObject({ logins: 1, inputs: 1, reports: 1 });
    expect(raw.received).toBe(33 + 51);
  });

  test('disconnects a trader that does not read, and nobody else notices', async () => {
    using venue = await Venue.open({ exchange: { limits: { retainedReports: 256 } } });
    const slow = new RawClient(venue);
    const fast = venue.trader(2);
    venue.advance(10_000_000);
    slow.login(1);
    venue.settle();
    slow.pause();
    let id = 0;
    while (venue.exchange.counters.slowTraders === 0 && id < 100_000) {
      for (let i = 0; i < 64; i += 1) {
        id += 1;
        slow.cancel(id, id);
      }
      fast.buy(id, 100, 1);
      venue.settle();
    }
    expect(venue.exchange.counters.slowTraders).toBe(1);
    expect(fast.reports.length).toBe(id / 64);
    expect(venue.exchange.sessions).toBe(1);
    // The stream goes on behind what was lost, and what is retained can be had.
    const back = venue.trader(1, { fromSequence: id - 200 });
    venue.advance(SECOND);
    expect(back.client.state).toBe('open');
    expect(back.reports.length).toBeGreaterThan(200);
  });
});

describe('Sessions on an empty pool', () => {
  test('send a packet as a whole or not at all', async () => {
    using venue = await Venue.open({ frames: 1024 });
    const { arena } = venue;
    const trader = venue.trader(1);
    venue.advance(10_000_000);
    const random = new Prng(20_261_120);
    const hoard: number[] = [];
    let sent = 0;
    for (let round = 0; round < 400; round += 1) {
      // Hold everything but a handful of frames, another handful each round.
      for (const frame of hoard.splice(0)) arena.free(frame);
      const spare = random.nextBelow(6);
      while (arena.available() > spare) hoard.push(arena.alloc());
      for (let i = 0; i < 60; i += 1) {
        const before = trader.client.counters.sent;
        trader.buy(sent + 1, 100, 1);
        if (trader.client.counters.sent > before) sent += 1;
      }
      venue.clock.advance(1_000_000);
      venue.round();
    }
    for (const frame of hoard) arena.free(frame);
    venue.until(() => trader.reports.length === sent);
    expect(trader.client.counters.sendsRefused).toBeGreaterThan(0);
    expect(venue.exchange.counters).toMatchObject({
      inputs: sent,
      malformedPackets: 0,
      malformedMessages: 0,
    });
    expect(trader.events).toEqual(['in 1']);
  });
});
