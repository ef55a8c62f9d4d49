import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import {
  encodeFlowRow,
  EXECUTION_REPORT_BYTES,
  OracleReporter,
  ORDER_ENTRY_BYTES_MAX,
  type OrderFlow,
  readOrderFlow,
} from '@tickwire/protocol';
import { OrderBook } from '../src/order-book.ts';
import { haveData, readData } from './data.ts';

const HASHES = 'meb_correctness_hash.txt';
const OPTIONS = { ordersMax: 2 ** 17, reportsMax: 1024 };

interface Workload {
  readonly name: string;
  readonly lines: number;
  readonly fills: number;
}

const WORKLOADS: readonly Workload[] = [
  { name: 'normal', lines: 2_204_643, fills: 62_474 },
  { name: 'static', lines: 2_147_158, fills: 827 },
  { name: 'swing-25', lines: 2_208_868, fills: 66_908 },
];

const fileOf = (name: string): string => `meb_${name}_s23.col.gz`;

function encodeAll(flow: OrderFlow): DataView {
  const view = new DataView(new ArrayBuffer(flow.count * ORDER_ENTRY_BYTES_MAX));
  for (let row = 0; row < flow.count; row++) {
    encodeFlowRow(flow, row, view, row * ORDER_ENTRY_BYTES_MAX, row + 1, 0);
  }
  return view;
}

function drainInto(book: OrderBook, reporter: OracleReporter | undefined): void {
  const { reports } = book;
  if (reporter !== undefined) {
    for (let i = 0; i < reports.count; i++) {
      reporter.push(reports.view, i * EXECUTION_REPORT_BYTES);
    }
  }
  reports.clear();
}

function run(
  book: OrderBook,
  view: DataView,
  from: number,
  to: number,
  reporter?: OracleReporter,
): void {
  for (let row = from; row < to; row++) {
    for (;;) {
      const result = book.apply(view, row * ORDER_ENTRY_BYTES_MAX, 0, row + 1);
      if (result === Status.Again) drainInto(book, reporter);
      else if (result < 0) throw new Error(`row ${row}: ${result}`);
      else break;
    }
  }
  drainInto(book, reporter);
}

describe.skipIf(!haveData([HASHES, ...WORKLOADS.map((w) => fileOf(w.name))]))('columnar', () => {
  for (const workload of WORKLOADS) {
    test(`OrderBook gives the reports of the oracle on ${workload.name}`, () => {
      const published = new TextDecoder().decode(readData(HASHES));
      const line = published.split('\n').find((l) => l.includes(` ${workload.name}_seed23`));
      const file = fileOf(workload.name);
      const flow = readOrderFlow(readData(file), file);
      const view = encodeAll(flow);

      const book = new OrderBook(OPTIONS);
      const reporter = new OracleReporter();
      const half = flow.count >> 1;
      run(book, view, 0, half, reporter);
      const snapshot = new Uint8Array(book.snapshotBytes());
      expect(book.snapshot(snapshot)).toBe(snapshot.length);
      run(book, view, half, flow.count, reporter);
      expect(reporter.lines).toBe(workload.lines);
      expect(reporter.fills).toBe(workload.fills);
      expect(reporter.digest()).toBe(line?.split(' ')[0] ?? 'no published hash');

      // Another key of the table and another buffer size change nothing.
      const replay = new OrderBook({ ...OPTIONS, hashKey: [1, 2], reportsMax: 3 });
      run(replay, view, 0, flow.count);
      expect(replay.stateHash()).toBe(book.stateHash());

      const restored = OrderBook.restore(snapshot, OPTIONS);
      run(restored, view, half, flow.count);
      expect(restored.stateHash()).toBe(book.stateHash());
    }, 60_000);
  }
});
