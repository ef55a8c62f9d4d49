/**
 * An exchange and a trader under load, for the test that kills them. Arguments: the journal's
 * directory, the number of threads, a seed. Writes every report that the trader receives to the
 * standard output, as its 48 bytes, at once.
 */

import { EXECUTION_REPORT_BYTES } from '@tickwire/protocol';
import { writeSync } from 'node:fs';
import { FlowSender } from './flow.ts';
import { Venue } from './venue.ts';

const [directory, threads, seed] = process.argv.slice(2);
/** Reports between two writes at most; a round makes fewer. */
const out = new Uint8Array(65_536 * EXECUTION_REPORT_BYTES);
let filled = 0;

const venue = await Venue.open({
  exchange: {
    journalDirectory: directory ?? '',
    journalSegmentBytes: 512 * 1024,
    threads: threads === '3' ? 3 : 1,
  },
});
const { inputSequence } = venue.exchange.recovery;
const trader = venue.trader(1, {
  // One trader and no resends: what was journalled is what it sent.
  clientSequence: inputSequence + 1,
  sink: {
    report: (_client, view, at) => {
      const report = new Uint8Array(view.buffer, view.byteOffset + at, EXECUTION_REPORT_BYTES);
      out.set(report, filled);
      filled += EXECUTION_REPORT_BYTES;
    },
  },
});
while (trader.client.state !== 'open') {
  venue.round();
  venue.clock.advance(1_000_000);
}
const flow = new FlowSender(Number(seed), Number(seed) * 1_000_000);
for (;;) {
  for (let round = 0; round < 200; round += 1) {
    flow.send(trader, 10);
    venue.round();
    venue.clock.advance(10_000);
    if (filled > 0) writeSync(1, out, 0, filled);
    filled = 0;
  }
  await new Promise((resolve) => void setImmediate(resolve));
}
