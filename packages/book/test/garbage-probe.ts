/**
 * The child process of the no-garbage test: runs generated flow through a book between two marks on
 * stderr. The argument `control` makes an object per message.
 *
 * @module
 */

import { writeSync } from 'node:fs';
import { Status } from '@tickwire/base';
import { createOrderFlow, encodeFlowRow, FlowGenerator } from '@tickwire/protocol';
import { OrderBook } from '../src/order-book.ts';

const leaky = process.argv[2] === 'control';
const book = new OrderBook({ ordersMax: 2 ** 14, levelsMax: 2 ** 12, reportsMax: 64 });
const generator = new FlowGenerator({ seed: 5 });
const flow = createOrderFlow(1000);
const view = new DataView(new ArrayBuffer(32));
const depth = new Float64Array(30);
let sequence = 0;
let sink: unknown;

function round(): void {
  generator.next(flow);
  for (let row = 0; row < flow.count; row++) {
    sequence++;
    encodeFlowRow(flow, row, view, 0, sequence, 0);
    let result = book.apply(view, 0, 0, sequence);
    while (result === Status.Again) {
      book.reports.clear();
      result = book.apply(view, 0, 0, sequence);
    }
    if (leaky) sink = { sequence, result };
  }
  book.depth(0, 0, 10, depth);
}

for (let i = 0; i < 300; i++) round();
writeSync(2, 'steady\n');
for (let i = 0; i < 1500; i++) round();
writeSync(2, 'done\n');
if (book.counters.matchId < 10_000 || sink === view) throw new Error('too few fills to be a test');
