import { expect, test } from 'bun:test';
import {
  encodeExecutionReport,
  type ExecutionReport,
  ReportFlag,
  ReportKind,
} from './execution-report.ts';
import { OracleReporter } from './oracle-reporter.ts';
import { Reason } from './reason.ts';

const view = new DataView(new ArrayBuffer(48));
const sha256 = (text: string): string => new Bun.CryptoHasher('sha256').update(text).digest('hex');

const BASE: ExecutionReport = {
  symbol: 0,
  clientOrderId: 0,
  kind: 0,
  reason: 0,
  side: 0,
  flags: 0,
  clientSequence: 0,
  sequence: 0,
  price: 0,
  quantity: 0,
  matchId: 0,
};

function push(reporter: OracleReporter, report: Partial<ExecutionReport>): void {
  encodeExecutionReport(view, 0, { ...BASE, ...report });
  reporter.push(view, 0);
}

const accepted = { kind: ReportKind.Accepted };
const taker = { kind: ReportKind.Filled, flags: ReportFlag.Taker };
const maker = { kind: ReportKind.Filled };

test('OracleReporter writes each of the six lines, a modify after its trades', () => {
  const reporter = new OracleReporter();
  push(reporter, { ...accepted, clientSequence: 1, clientOrderId: 9, price: 100, quantity: 5 });
  push(reporter, { ...accepted, clientSequence: 2, clientOrderId: 4e9, side: 1, quantity: 7 });
  const change = { kind: ReportKind.Replaced, side: 1, clientSequence: 3, clientOrderId: 8 };
  push(reporter, { ...change, price: -12, quantity: 2 });
  push(reporter, { ...taker, clientSequence: 3, clientOrderId: 8, matchId: 1 });
  push(reporter, { ...maker, clientOrderId: 9, price: 2 ** 40, quantity: 1, matchId: 1 });
  const cancel = { kind: ReportKind.Cancelled, reason: Reason.UserCancel, price: 1000000000 };
  push(reporter, { ...cancel, clientSequence: 4, clientOrderId: 9, quantity: 4 });
  push(reporter, { kind: ReportKind.CancelRejected, clientSequence: 5, clientOrderId: 0 });
  push(reporter, { kind: ReportKind.ReplaceRejected, clientSequence: 6, clientOrderId: 10 });
  push(reporter, { ...change, clientSequence: 7, price: 1, quantity: 2 });
  push(reporter, { ...taker, clientSequence: 8, clientOrderId: 3, matchId: 2 });
  push(reporter, { ...maker, clientOrderId: 8, price: 1, quantity: 1, matchId: 2 });
  push(reporter, { ...change, clientSequence: 9, price: 3, quantity: 4 });
  expect([reporter.lines, reporter.fills]).toEqual([10, 2]);
  expect(reporter.digest()).toBe(
    sha256(
      [
        '0,0,0,9,100,5',
        '0,1,1,4000000000,0,7',
        `1,2,${2 ** 40},1,9,8`,
        '3,2,1,8,-12,2',
        '2,3,0,9,1000000000',
        '4,4,0',
        '5,5,10',
        '3,6,1,8,1,2',
        '1,7,1,1,8,3',
        '3,8,1,8,3,4',
      ].join('\n'),
    ),
  );
});

test('OracleReporter hashes more text than its buffer holds', () => {
  const reporter = new OracleReporter();
  const lines: string[] = [];
  for (let i = 1; i <= 5000; i++) {
    push(reporter, { ...accepted, clientSequence: i, clientOrderId: i * 7, price: i - 2500 });
    lines.push(`0,${i - 1},0,${i * 7},${i - 2500},0`);
  }
  expect(reporter.digest()).toBe(sha256(lines.join('\n')));
});

test('OracleReporter refuses two sides of a fill that are not neighbours', () => {
  const reporter = new OracleReporter();
  push(reporter, { ...taker, clientSequence: 3, matchId: 1 });
  expect(() => {
    push(reporter, { ...maker, matchId: 2 });
  }).toThrow('neighbours');
});
