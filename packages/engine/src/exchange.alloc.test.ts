import { describe, expect, test } from 'bun:test';
import { heapStats } from 'bun:jsc';
import { reportClientOrderId } from '@tickwire/protocol';
import { Venue } from '../test/venue.ts';

/** Live objects after a collection. */
function objects(): number {
  Bun.gc(true);
  return heapStats().objectCount;
}

describe('Exchange in one thread', () => {
  test('makes no garbage per order, from client to book and back, and on the feed', async () => {
    using venue = await Venue.open();
    let seen = 0;
    let published = 0;
    const trader = venue.trader(1, {
      sink: {
        report: (_client, view, at) => {
          seen += reportClientOrderId(view, at) > 0 ? 1 : 0;
        },
      },
    });
    venue.feed({
      sink: {
        report: () => {
          published += 1;
        },
      },
    });
    venue.advance(10_000_000);
    const { client } = trader;
    let id = 0;
    const rounds = (count: number): void => {
      for (let round = 0; round < count; round += 1) {
        for (let i = 0; i < 8; i += 1) {
          id += 1;
          client.sendNew(0, id, 0, 0, 100, 1);
          client.sendCancel(0, id);
        }
        for (let i = 0; i < 4; i += 1) venue.round();
      }
    };
    rounds(3000);
    // Not collected in between, so that what is made on the way is counted, dead or alive.
    const before = objects();
    const allocatedBefore = heapStats().heapSize;
    rounds(3000);
    const allocated = heapStats().heapSize - allocatedBefore;
    const after = objects();
    expect(seen).toBe(id * 2);
    expect(published).toBe(id * 2);
    // 48,000 messages: one small object per message would be 48,000 objects and over a megabyte.
    expect(after - before).toBeLessThan(500);
    expect(allocated).toBeLessThan(500_000);
  }, 60_000);
});
