/**
 * Simulations are exact: part of the committed table is computed again and compared to the byte.
 */

import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { jainIndex } from './fairness.ts';
import {
  matrixCases,
  type MatrixFile,
  matrixMarkdown,
  runCell,
  MATRIX_SEED,
  runFairnessRow,
} from './matrix.ts';
import {
  comparisonCases,
  responseFunction,
  runComparison,
  SMOLTCP_CELL,
  SMOLTCP_KB_PER_SECOND,
} from './comparison.ts';

const folder = join(import.meta.dir, '..', '..', 'netsim');
const committed = (await Bun.file(join(folder, 'goodput.json')).json()) as MatrixFile;
const HINT = 'run bun packages/sim/src/netsim/main.ts and review the difference';

/** Cells that are cheap and differ in every dimension. */
const SUBSET = [
  { lossPercent: 0, reorder: false, bufferBytes: 8 * 1024, rttMs: 1 },
  { lossPercent: 1, reorder: true, bufferBytes: 32 * 1024, rttMs: 10 },
  { lossPercent: 5, reorder: false, bufferBytes: 128 * 1024, rttMs: 1 },
  { lossPercent: 20, reorder: true, bufferBytes: 512 * 1024, rttMs: 100 },
  { lossPercent: 5, reorder: false, ...SMOLTCP_CELL },
];

describe('the goodput matrix', () => {
  test.each(SUBSET)('computes the committed cell again: %o', (cell) => {
    const row = committed.rows.find(
      (each) =>
        each.lossPercent === cell.lossPercent &&
        each.reorder === cell.reorder &&
        each.bufferBytes === cell.bufferBytes &&
        each.rttMs === cell.rttMs,
    );
    expect(row, HINT).toBeDefined();
    expect(runCell(cell), HINT).toEqual(row!);
  });

  test.each(['cubic', 'bbr'] as const)('computes a fairness row of %s again', (controller) => {
    const row = committed.fairness.find(
      (each) => each.flows === 2 && each.controller === controller,
    );
    expect(runFairnessRow(2, controller), HINT).toEqual(row!);
  });

  test('is committed whole, and the table for people follows from it', async () => {
    expect(committed.rows).toHaveLength(matrixCases().length);
    expect(committed.comparison).toHaveLength(comparisonCases().length);
    const table = await Bun.file(join(folder, 'goodput.md')).text();
    expect(table).toBe(matrixMarkdown(committed));
  });

  test('delivers every transfer that a link without loss allows', () => {
    for (const row of committed.rows) {
      if (row.lossPercent === 0) expect(row.receivedBytes).toBe(10_000_000);
      expect(row.goodputBytesPerSecond).toBeGreaterThan(0);
    }
  });
});

describe("beside smoltcp's netsim", () => {
  test.each([
    ['none', 5, false],
    ['bbr', 1, true],
  ] as const)('computes the committed cell of %s at %d %% again', (name, lossPercent, oneWay) => {
    const row = committed.comparison.find(
      (each) =>
        each.controller === name && each.lossPercent === lossPercent && each.lossOneWay === oneWay,
    );
    expect(runComparison(name, lossPercent, oneWay, MATRIX_SEED), HINT).toEqual(row!);
  });

  for (const [lossPercent, published] of SMOLTCP_KB_PER_SECOND) {
    const rows = committed.comparison.filter((each) => each.lossPercent === lossPercent);

    test(`none is better than ${published} kB/s at ${lossPercent} %, with every seed`, () => {
      for (const row of rows.filter((each) => each.controller === 'none')) {
        expect(row.goodputBytesPerSecond).toBeGreaterThan(published * 1000);
        expect(row.leastBytesPerSecond).toBeGreaterThan(published * 1000);
      }
    });

    // Without loss PROBE_RTT costs what the window cannot make up.
    const share = lossPercent === 0 ? 0.96 : 1;
    test(`bbr gets at least ${share} of ${published} kB/s at ${lossPercent} %`, () => {
      for (const row of rows.filter((each) => each.controller === 'bbr')) {
        expect(row.leastBytesPerSecond).toBeGreaterThan(share * published * 1000);
      }
    });

    if (lossPercent > 0) {
      test(`cubic and reno send what a formula says at ${lossPercent} % (RFC 5348, 3.1)`, () => {
        const expected = responseFunction(lossPercent, SMOLTCP_CELL.rttMs);
        for (const row of rows) {
          if (row.controller !== 'cubic' && row.controller !== 'reno') continue;
          const middle = (row.leastBytesPerSecond + row.mostBytesPerSecond) / 2;
          expect(middle).toBeGreaterThan(0.85 * expected);
          // With many timeouts SACK, RACK and probes do better than the Reno of the formula.
          if (lossPercent < 20) expect(middle).toBeLessThan(1.2 * expected);
        }
      });
    }
  }
});

test.each([
  [[1, 1, 1, 1], 1],
  [[4, 0, 0, 0], 0.25],
  [[2, 1], 0.9],
])('jainIndex() of %j is %d', (rates, index) => {
  expect(jainIndex(rates)).toBeCloseTo(index, 12);
});
