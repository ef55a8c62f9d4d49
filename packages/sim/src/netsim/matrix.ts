/**
 * The matrix of bulk transfers, and the table that is committed.
 *
 * @module
 */

import { type Alignment, markdownTable } from '../markdown-table.ts';
import { type BulkCase, type BulkResult, runBulk } from './bulk.ts';
import {
  comparisonCases,
  comparisonMarkdown,
  type ComparisonRow,
  type ControllerName,
  CONTROLLERS,
  kilo,
  runComparison,
} from './comparison.ts';
import { type FairnessResult, runFairness } from './fairness.ts';

/** Seed of every cell. */
export const MATRIX_SEED = 20_261_120;
const LOSSES = [0, 0.1, 1, 5, 20] as const;
const BUFFERS_KB = [8, 32, 128, 512] as const;
const RTTS_MS = [1, 10, 100] as const;

/** Flows over one bottleneck, and the controllers that are tried. */
const FAIRNESS_FLOWS = [2, 4, 8] as const;
const FAIRNESS_CONTROLLERS = ['reno', 'cubic', 'bbr'] as const;
const FAIRNESS_SECONDS = 30;

/** One row of the JSON file. */
export interface MatrixRow extends BulkCase, BulkResult {
  readonly seed: number;
}

/** One fairness row of the JSON file. */
export interface FairnessRow extends FairnessResult {
  readonly controller: string;
  readonly seed: number;
}

/** The JSON file. */
export interface MatrixFile {
  readonly rows: readonly MatrixRow[];
  readonly comparison: readonly ComparisonRow[];
  readonly fairness: readonly FairnessRow[];
}

/** All cells, in the order of the table. */
export function matrixCases(): BulkCase[] {
  const cases: BulkCase[] = [];
  for (const rttMs of RTTS_MS) {
    for (const reorder of [false, true]) {
      for (const bufferKb of BUFFERS_KB) {
        for (const lossPercent of LOSSES) {
          cases.push({ lossPercent, reorder, bufferBytes: bufferKb * 1024, rttMs });
        }
      }
    }
  }
  return cases;
}

/** Runs one cell. */
export function runCell(cell: BulkCase): MatrixRow {
  return { ...cell, seed: MATRIX_SEED, ...runBulk(cell, MATRIX_SEED) };
}

/** Runs one row of the fairness table. */
export function runFairnessRow(flows: number, controller: ControllerName): FairnessRow {
  const result = runFairness(flows, FAIRNESS_SECONDS, CONTROLLERS[controller], MATRIX_SEED);
  return { controller, seed: MATRIX_SEED, ...result };
}

/** Runs everything; `progress` is told after each step. */
export function runMatrix(progress: (done: number, total: number) => void = () => {}): MatrixFile {
  const cases = matrixCases();
  const compared = comparisonCases();
  const fair = FAIRNESS_CONTROLLERS.length * FAIRNESS_FLOWS.length;
  const total = cases.length + compared.length + fair;
  const rows: MatrixRow[] = [];
  for (const cell of cases) {
    rows.push(runCell(cell));
    progress(rows.length, total);
  }
  const comparison: ComparisonRow[] = [];
  for (const { controller, lossPercent, lossOneWay } of compared) {
    comparison.push(runComparison(controller, lossPercent, lossOneWay, MATRIX_SEED));
    progress(rows.length + comparison.length, total);
  }
  const fairness: FairnessRow[] = [];
  for (const controller of FAIRNESS_CONTROLLERS) {
    for (const flows of FAIRNESS_FLOWS) {
      fairness.push(runFairnessRow(flows, controller));
      progress(rows.length + comparison.length + fairness.length, total);
    }
  }
  return { rows, comparison, fairness };
}

/** The table for people. */
export function matrixMarkdown(file: MatrixFile): string {
  const lines = [
    '# Goodput in virtual time',
    '',
    'Made by `bun packages/sim/src/netsim/main.ts`; a test compares part of it exactly. One',
    'transfer of 10 MB per cell over a link of 1 Gbit/s, loss in both directions, reordering holds',
    `5 % of the frames back by a tenth of the round trip, seed ${MATRIX_SEED}. The buffer is that`,
    'of sender and receiver. Figures are kB/s (1,000 bytes) of data delivered; they follow from',
    'the seed alone and say nothing about the speed of the machine. The controller is CUBIC where',
    'no other is named.',
    '',
  ];
  for (const rttMs of RTTS_MS) {
    lines.push(`## Round trip ${rttMs} ms`, '', ...matrixTable(file, rttMs), '');
  }
  lines.push(
    ...comparisonMarkdown(file.comparison),
    '',
    '## Fairness',
    '',
    'Flows between hosts of their own over one bottleneck of 20 Mbit/s, round trip 20 ms, a queue',
    'of 34 frames (drop tail), 30 s of which the first quarter is not counted.',
    '',
    ...fairnessTable(file),
  );
  return `${lines.join('\n')}\n`;
}

function fairnessTable(file: MatrixFile): string[] {
  return markdownTable(
    ['controller', 'flows', 'Jain index', 'utilisation', 'goodputs (kB/s)'],
    ['left', 'right', 'right', 'right', 'left'],
    file.fairness.map((row) => [
      row.controller,
      String(row.flows),
      row.jain.toFixed(4),
      `${(row.utilisation * 100).toFixed(1)} %`,
      row.goodputs.map((rate) => kilo(rate)).join(' '),
    ]),
  );
}

function matrixTable(file: MatrixFile, rttMs: number): string[] {
  const head = ['loss', 'reordering', ...BUFFERS_KB.map((kb) => `${kb} kB`)];
  const alignments: Alignment[] = ['right', 'left', ...BUFFERS_KB.map(() => 'right' as const)];
  const rows: string[][] = [];
  for (const reorder of [false, true]) {
    for (const lossPercent of LOSSES) {
      const cells = BUFFERS_KB.map((kb) => {
        const row = file.rows.find(
          (each) =>
            each.rttMs === rttMs &&
            each.reorder === reorder &&
            each.lossPercent === lossPercent &&
            each.bufferBytes === kb * 1024,
        );
        return row === undefined ? '' : kilo(row.goodputBytesPerSecond);
      });
      rows.push([`${lossPercent} %`, reorder ? 'yes' : 'no', ...cells]);
    }
  }
  return markdownTable(head, alignments, rows);
}
