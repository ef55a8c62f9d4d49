import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import {
  encodeCancelOrder,
  encodeNewOrder,
  encodeSoupHeader,
  SOUP_HEADER_BYTES,
  SoupType,
} from '@tickwire/protocol';
import fc from 'fast-check';
import { RawClient } from '../test/raw-client.ts';
import { Venue } from '../test/venue.ts';

/** Fixed, so that a failure comes again; fast-check prints it with the path to the example. */
const SEED = 19;
const RUNS = 200;

/** Longer than a delayed acknowledgement, which is all that a full send queue may wait for. */
const DRAIN_NS = 50_000_000;

/** Waits for room per stream: a queue holds hundreds of writes and a stream has under 2,000. */
const DRAINS_MAX = 64;

/** A stream of packets, mostly right, with bits flipped, pieces cut out and noise put in. */
function stream(seed: number, raw: RawClient): number {
  const prng = new Prng(seed);
  const { view } = raw;
  let at = 0;
  for (let i = 0; i < 20; i += 1) {
    const body = at + SOUP_HEADER_BYTES;
    const kind = prng.nextBelow(4);
    let length = 0;
    let type: number = SoupType.UnsequencedData;
    if (kind === 0) type = SoupType.ClientHeartbeat;
    else if (kind === 1) length = encodeCancelOrder(view, body, i + 1, 0, i);
    else length = encodeNewOrder(view, body, i + 1, 0, i, prng.nextBelow(2), 0, 100, 1);
    at += encodeSoupHeader(view, at, type, length);
  }
  const flips = prng.nextBelow(4);
  for (let i = 0; i < flips; i += 1) {
    const where = prng.nextBelow(at);
    view.setUint8(where, view.getUint8(where) ^ (1 << prng.nextBelow(8)));
  }
  const cut = prng.nextBelow(3) === 0 ? prng.nextBelow(at) : at;
  return cut;
}

describe('Gateway', () => {
  test('survives any bytes, cut anywhere, and serves the others', async () => {
    using venue = await Venue.open({ exchange: { limits: { sessions: 8 } } });
    const honest = venue.trader(9);
    venue.advance(10_000_000);
    let orders = 0;
    fc.assert(
      fc.property(
        fc.nat(2 ** 30),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 }),
        fc.uint8Array({ maxLength: 40 }),
        (seed, loggedIn, cuts, noise) => {
          const raw = new RawClient(venue);
          venue.advance(1_000_000);
          if (loggedIn) raw.login(seed % 8);
          const length = stream(seed, raw);
          let at = 0;
          let drains = 0;
          for (let i = 0; at < length && !raw.closed; i += 1) {
            const taken = raw.send(Math.min(cuts[i % cuts.length]!, length - at), at);
            at += taken;
            venue.round();
            if (taken > 0) continue;
            // Refused or full: full lasts until an acknowledgement that the venue may put off
            // (RFC 1122, 4.2.3.2), so that rounds at one instant alone would go on for ever.
            drains += 1;
            expect(drains).toBeLessThanOrEqual(DRAINS_MAX);
            venue.advance(DRAIN_NS);
          }
          raw.bytes([...noise]);
          venue.settle();
          raw.close();
          // Long enough for TIME-WAIT, so that the pool of connections is the same each time.
          venue.advance(3_000_000_000);
          orders += 1;
          honest.buy(1_000_000 + orders, 1, 1);
          venue.settle();
          expect(honest.reports.length).toBe(orders);
          expect(venue.exchange.sessions).toBe(1);
        },
      ),
      {
        seed: SEED,
        numRuns: RUNS,
        // Fills the send queue: nothing more is taken until the clock moves.
        examples: [[605_138_798, true, [1], new Uint8Array([99, 153, 240, 82])]],
      },
    );
    const { counters } = venue.exchange;
    expect(counters.malformedPackets).toBeGreaterThan(10);
    expect(counters.malformedMessages).toBeGreaterThan(0);
    expect(counters.messagesBeforeLogin).toBeGreaterThan(10);
    expect(counters.inputs).toBeGreaterThan(500);
    expect(counters.connectionsRefused).toBe(0);
    // What was taken is accounted for: the book has seen all of it.
    expect(venue.exchange.inputSequence).toBe(counters.inputs);
  }, 60_000);
});
