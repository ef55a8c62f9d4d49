/**
 * The book takes the bytes of an order message and appends execution reports: no clock, no thread.
 */

import { OrderBook } from '@tickwire/book';
import {
  encodeNewOrder,
  EXECUTION_REPORT_BYTES,
  formatExecutionReport,
  Side,
  TimeInForce,
} from '@tickwire/protocol';

const book = new OrderBook();
const view = new DataView(new ArrayBuffer(32));
const orders = [
  { trader: 1, id: 1, side: Side.Sell, price: 10_002, quantity: 50 },
  { trader: 1, id: 2, side: Side.Sell, price: 10_001, quantity: 30 },
  { trader: 2, id: 1, side: Side.Buy, price: 10_002, quantity: 60 },
];
const sequences = new Map<number, number>();
let input = 0;
for (const { trader, id, side, price, quantity } of orders) {
  const sequence = (sequences.get(trader) ?? 0) + 1;
  sequences.set(trader, sequence);
  encodeNewOrder(view, 0, sequence, 0, id, side, TimeInForce.Day, price, quantity);
  input += 1;
  const count = book.apply(view, 0, trader, input);
  if (count < 0) throw new Error(`refused with status ${count}`);
  for (let i = 0; i < count; i += 1) {
    const to = book.reports.traders[i];
    const text = formatExecutionReport(book.reports.view, i * EXECUTION_REPORT_BYTES);
    console.log(`to trader ${to}: ${text}`);
  }
  book.reports.clear();
}
console.log(`best bid ${book.bestBid()}, best ask ${book.bestAsk()}, state ${book.stateHash()}`);
