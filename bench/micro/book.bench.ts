/**
 * The order book alone: encoded message in, encoded execution reports out, one thread.
 *
 * Runs the recorded workloads when `TICKWIRE_DATA` (or `../shared/data`) holds them, and always the
 * generated flow. For each: throughput of several passes with no clock inside, then one pass with a
 * clock reading around each message. The reading itself costs 30-36 ns and is part of the latency
 * column; the `p50` of an empty interval stands in the remark.
 *
 * ```text
 * bun run bench book
 * ```
 *
 * @module
 */

import { existsSync } from 'node:fs';
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
import { type BenchCase, type Benchmark, type BenchOptions, caseOf } from '../contract.ts';

const PASSES = 5;
/** Steps of the order table between two readings of the clock. */
const TABLE_BATCH = 1000;
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
function latency(view: DataView, count: number): { samples: Float64Array; emptyNs: number } {
  const book = new OrderBook(OPTIONS);
  const samples = new Float64Array(count);
  const empty = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const start = Bun.nanoseconds();
    apply(book, view, row);
    const end = Bun.nanoseconds();
    samples[row] = end - start;
    empty[row] = Bun.nanoseconds() - end;
    if (book.reports.count > DRAIN_AT) book.reports.clear();
  }
  empty.sort();
  return { samples, emptyNs: empty[count >> 1] ?? 0 };
}

function measure(name: string, flow: OrderFlow, passes: number): BenchCase {
  const view = encodeAll(flow);
  const rates: number[] = [];
  let fills = 0;
  for (let pass = 0; pass < passes; pass++) {
    const { perSecond, book } = throughput(view, flow.count);
    rates.push(perSecond);
    fills = book.counters.matchId;
  }
  const shown = rates.map((rate) => (rate / 1e6).toFixed(2)).join(' ');
  const { samples, emptyNs } = latency(view, flow.count);
  return caseOf(name, samples, {
    perSecond: rates.toSorted((a, b) => a - b)[rates.length >> 1]!,
    rateOf: 'messages',
    remark: `median of passes [${shown}] M/s; ${fills} fills; clock alone ${emptyNs} ns`,
  });
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
function table(name: string, live: number, rounds: number, idOf: (i: number) => number): BenchCase {
  const records = new Int32Array((live + 1) << ORDER_SHIFT);
  const hashed = new OrderTable(live + 1, records, 0x12345678, 0x9abcdef0);
  const ids = new Int32Array(rounds + live);
  for (let i = 0; i < ids.length; i++) ids[i] = idOf(i);
  const direct = new Int32Array(rounds + live);
  let sum = 0;
  const slots = live + 1;
  const time = (step: (i: number) => void): Float64Array => {
    const means = new Float64Array(Math.floor(rounds / TABLE_BATCH));
    for (let batch = 0; batch < means.length; batch++) {
      const start = Bun.nanoseconds();
      const from = batch * TABLE_BATCH;
      for (let i = from; i < from + TABLE_BATCH; i++) step(i);
      means[batch] = (Bun.nanoseconds() - start) / TABLE_BATCH;
    }
    return means;
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
  const hashedNs = time(viaHash);
  const directsNs = time(viaIndex).toSorted();
  const directNs = (directsNs[directsNs.length >> 1] ?? 0).toFixed(1);
  return caseOf(`order table, ${name}, ${live} live`, hashedNs, {
    remark: `insert, find and remove; a direct index takes ${directNs} ns (check ${sum % 10})`,
  });
}

async function run({ tiny, note, signal }: BenchOptions): Promise<BenchCase[]> {
  const passes = tiny ? 1 : PASSES;
  const cases: BenchCase[] = [];
  const add = (name: string, flow: OrderFlow): void => {
    if (signal.aborted) return;
    note(name);
    cases.push(measure(name, flow, passes));
  };
  for (const name of tiny ? [] : ['normal', 'static', 'swing-25']) {
    const path = join(directory, `meb_${name}_s23.col.gz`);
    if (existsSync(path)) add(name, readOrderFlow(await Bun.file(path).bytes(), path));
    else note(`${name}: SKIPPED, ${path} is missing; set TICKWIRE_DATA`);
  }
  const generated = createOrderFlow(tiny ? 1000 : 1_000_000);
  new FlowGenerator({ seed: 1 }).next(generated);
  add('generated', generated);
  const levels = tiny ? 100 : 30_000;
  add('wide, 1 tick apart', wideFlow(levels, 1));
  add('wide, 32 ticks apart', wideFlow(levels, 32));
  add('wide, 50,000 apart', wideFlow(levels, 50_000));
  const rounds = tiny ? 2 * TABLE_BATCH : 1_000_000;
  for (const live of tiny ? [50] : [5_000, 500_000]) {
    cases.push(table('dense ids', live, rounds, (i) => i + 1));
    cases.push(table('scattered ids', live, rounds, (i) => Math.imul(i + 1, 0x9e3779b1)));
  }
  return cases;
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'book',
  description: 'The order book alone: message in, reports out, recorded and generated flow',
  run: async (options) => ({ cases: await run(options) }),
};
