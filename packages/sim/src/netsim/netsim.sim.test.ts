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
  runFairnessRow,
  SMOLTCP_CELL,
} from './matrix.ts';

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

  test('computes a fairness row again', () => {
    const row = committed.fairness.find((each) => each.flows === 4 && each.controller === 'cubic');
    expect(runFairnessRow(4, 'cubic'), HINT).toEqual(row!);
  });

  test('is committed whole, and the table for people follows from it', async () => {
    expect(committed.rows).toHaveLength(matrixCases().length);
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

test.each([
  [[1, 1, 1, 1], 1],
  [[4, 0, 0, 0], 0.25],
  [[2, 1], 0.9],
])('jainIndex() of %j is %d', (rates, index) => {
  expect(jainIndex(rates)).toBeCloseTo(index, 12);
});
