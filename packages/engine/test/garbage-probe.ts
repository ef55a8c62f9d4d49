/**
 * Carries orders from a client through the exchange and back, and on the feed, for the no-garbage
 * test: prints `steady` and `done` around the part that must not collect. Run with BUN_JSC_logGC=1.
 */

import { Venue } from './venue.ts';

/** Messages between the marks. */
const MESSAGES = 4_000_000;
/** The control makes one small object per order, so the test sees half an object per message. */
const leak: unknown[] = [];
/** Orders of one round, each cancelled at once. */
const PAIRS = 16;

const control = process.argv[2] === 'control';
// Everything small: JSC collects when the heap has grown by a share of its size.
const venue = await Venue.open({
  frames: 1024,
  exchange: {
    book: { ordersMax: 1024, levelsMax: 1024 },
    limits: { traders: 4, retainedReports: 1024, historyReports: 1024, sessions: 4 },
  },
});
let seen = 0;
let published = 0;
const trader = venue.trader(1, { sink: { report: () => void (seen += 1) } });
venue.feed({ sink: { report: () => void (published += 1) } });
venue.advance(10_000_000);
const { client } = trader;
let id = 0;

function run(messages: number): void {
  const end = id + messages / 2;
  while (id < end) {
    for (let i = 0; i < PAIRS; i += 1) {
      id += 1;
      client.sendNew(0, id, 0, 0, 100, 1);
      client.sendCancel(0, id);
      if (control) leak[0] = { id, seen };
    }
    for (let i = 0; i < 4; i += 1) venue.round();
    venue.clock.advance(1000);
  }
}

run(300_000);
Bun.gc(true);
console.error('steady');
run(MESSAGES);
console.error('done');
if (seen !== 2 * id || published !== 2 * id)
  throw new Error(`${seen} and ${published} of ${2 * id}`);
venue[Symbol.dispose]();
