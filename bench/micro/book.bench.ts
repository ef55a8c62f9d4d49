/**
 * The order book alone: encoded message in, encoded execution reports out, one thread.
 *
 * Runs the recorded workloads when `TICKWIRE_DATA` (or `../shared/data`) holds them, and always the
 * generated flow. For each: throughput of several passes with no clock inside, then one pass with a
 * clock reading around each message. The reading itself costs 30-36 ns and is part of the latency
 * column; `p50` of an empty interval is printed beside it.
 *
 * ```text
 * bun bench/micro/book.bench.ts
 * ```
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { Status } from '../../packages/base/src/index.ts';
import { OrderBook, type OrderBookOptions } from '../../packages/book/src/index.ts';
import {
  createOrderFlow,
  encodeFlowRow,
  FlowGenerator,
  ORDER_ENTRY_BYTES_MAX,
  type OrderFlow,
  readOrderFlow,
} from '../../packages/protocol/src/index.ts';
import { ORDER_ID, ORDER_SHIFT } from '../../packages/book/src/order-arena.ts';
import { OrderTable } from '../../packages/book/src/order-table.ts';
import { build } from 'hdr-histogram-js';

const PASSES = 5;
const OPTIONS: OrderBookOptions = { ordersMax: 2 ** 17, levelsMax: 2 ** 15, reportsMax: 4096 };
/** The buffer is drained in the order of what an output ring takes at a time. */
const DRAIN_AT = 3072;

const directory = process.env['TICKWIRE_DATA'] ?? resolve(import.meta.dir, '../../../shared/data');

function encodeAll(flow: OrderFlow): DataView {
  const view = new DataView(new ArrayBuffer(flow.count * ORDER_ENTRY_BYTES_MAX));
  for (let row = 0; row < flow.count; row++) {
    encodeFlowRow(flow, row, view, row * ORDER_ENTRY_BYTES_MAX, row + 1, 0);
  }
  return view;
}

function apply(book: OrderBook, view: DataView, row: number): void {
  let result = book.apply(view, row * ORDER_ENTRY_BYTES_MAX, 0, row + 1);
  while (result === Status.Again) {
    book.reports.clear();
    result = book.apply(view, row * ORDER_ENTRY_BYTES_MAX, 0, row + 1);
  }
}

/** One pass without a clock inside. */
function throughput(view: DataView, count: number): { perSecond: number; book: OrderBook } {
  const book = new OrderBook(OPTIONS);
  const start = Bun.nanoseconds();
  for (let row = 0; row < count; row++) {
    apply(book, view, row);
    if (book.reports.count > DRAIN_AT) book.reports.clear();
  }
  return { perSecond: count / ((Bun.nanoseconds() - start) / 1e9), book };
}

/** One pass with a clock around each message. */
function latency(view: DataView, count: number): string {
  const book = new OrderBook(OPTIONS);
  const histogram = build({ highestTrackableValue: 10_000_000_000, autoResize: false });
  const empty = build({ highestTrackableValue: 10_000_000_000, autoResize: false });
  for (let row = 0; row < count; row++) {
    const start = Bun.nanoseconds();
    apply(book, view, row);
    const end = Bun.nanoseconds();
    histogram.recordValue(end - start);
    empty.recordValue(Bun.nanoseconds() - end);
    if (book.reports.count > DRAIN_AT) book.reports.clear();
  }
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile);
  return (
    `p50 ${at(50)}  p99 ${at(99)}  p99.9 ${at(99.9)}  p99.99 ${at(99.99)}  max ${at(100)} ns` +
    `  (empty p50 ${empty.getValueAtPercentile(50)})`
  );
}

function run(name: string, flow: OrderFlow): void {
  const view = encodeAll(flow);
  const passes: number[] = [];
  let last: OrderBook | undefined;
  for (let pass = 0; pass < PASSES; pass++) {
    const { perSecond, book } = throughput(view, flow.count);
    passes.push(perSecond / 1e6);
    last = book;
  }
  const sorted = passes.toSorted((a, b) => a - b);
  const middle = sorted[sorted.length >> 1]!;
  console.log(
    `${name.padEnd(22)} ${flow.count} messages  median ${middle.toFixed(2)} M/s  ` +
      `passes [${passes.map((p) => p.toFixed(2)).join(' ')}]  ` +
      `${last?.counters.matchId} fills, ${last?.counters.reportSequence} reports`,
  );
  console.log(`${''.padEnd(22)} ${latency(view, flow.count)}`);
}

/** Every order at a price of its own, `step` ticks apart: the worst case of the level index. */
function wideFlow(levels: number, step: number): OrderFlow {
  const flow = createOrderFlow(levels * 4);
  // A stride that is prime to the number of levels visits them in a scattered order.
  const stride = 7919;
  for (let i = 0; i < flow.type.length; i++) {
    const visit = (i * stride) % levels;
    const second = Math.floor(i / levels) % 2 === 1;
    flow.type[i] = second ? 1 : 0;
    flow.orderId[i] = visit;
    flow.price[i] = 1 + visit * step;
    flow.quantity[i] = 1;
  }
  flow.count = flow.type.length;
  return flow;
}

/**
 * The order id table alone, beside what ids used directly as indices would cost: insert, find and
 * remove with `live` orders open, each order living for `live` steps.
 */
function table(name: string, live: number, idOf: (i: number) => number): void {
  const rounds = 1_000_000;
  const records = new Int32Array((live + 1) << ORDER_SHIFT);
  const hashed = new OrderTable(live + 1, records, 0x12345678, 0x9abcdef0);
  const ids = new Int32Array(rounds + live);
  for (let i = 0; i < ids.length; i++) ids[i] = idOf(i);
  const direct = new Int32Array(rounds + live);
  let sum = 0;
  const slots = live + 1;
  const time = (step: (i: number) => void): number => {
    const start = Bun.nanoseconds();
    for (let i = 0; i < rounds; i++) step(i);
    return (Bun.nanoseconds() - start) / rounds;
  };
  const viaHash = (i: number): void => {
    const slot = i % slots;
    const record = slot << ORDER_SHIFT;
    if (i >= live) {
      const old = ids[i - live]!;
      const found = hashed.find(0, old);
      sum += found;
      hashed.remove(0, old, found);
    }
    records[record + ORDER_ID] = ids[i]!;
    hashed.insert(0, ids[i]!, slot);
  };
  const viaIndex = (i: number): void => {
    const slot = i % slots;
    if (i >= live) {
      sum += direct[i - live]!;
      direct[i - live] = 0;
    }
    records[(slot << ORDER_SHIFT) + ORDER_ID] = i;
    direct[i] = slot + 1;
  };
  const hashNs = time(viaHash);
  const indexNs = time(viaIndex);
  console.log(
    `order table, ${name.padEnd(15)} ${live} live: ${hashNs.toFixed(1)} ns per insert, find and ` +
      `remove; direct index ${indexNs.toFixed(1)} ns  (${sum % 10})`,
  );
}

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Bun ${Bun.version}`);
for (const name of ['normal', 'static', 'swing-25']) {
  const path = join(directory, `meb_${name}_s23.col.gz`);
  if (existsSync(path)) run(name, readOrderFlow(await Bun.file(path).bytes(), path));
  else console.log(`${name}: SKIPPED, ${path} is missing; set TICKWIRE_DATA`);
}
const generated = createOrderFlow(1_000_000);
new FlowGenerator({ seed: 1 }).next(generated);
run('generated', generated);
run('wide, 1 tick apart', wideFlow(30_000, 1));
run('wide, 32 ticks apart', wideFlow(30_000, 32));
run('wide, 50,000 apart', wideFlow(30_000, 50_000));
for (const live of [5_000, 500_000]) {
  table('dense ids', live, (i) => i + 1);
  table('scattered ids', live, (i) => Math.imul(i + 1, 0x9e3779b1));
}
