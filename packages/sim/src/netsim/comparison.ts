/**
 * The cells that smoltcp publishes, by congestion controller, beside its figures and beside what
 * the response function allows.
 *
 * @module
 */

import { Congestion } from '@tickwire/tcp';
import { type BulkCase, type BulkResult, runBulk } from './bulk.ts';
import { markdownTable } from '../markdown-table.ts';

/** Controllers by the name that tables give them. */
export const CONTROLLERS: Readonly<Record<'none' | 'bbr' | 'cubic' | 'reno', Congestion>> = {
  none: Congestion.None,
  bbr: Congestion.Bbr,
  cubic: Congestion.Cubic,
  reno: Congestion.NewReno,
};

/** Name of a controller. */
export type ControllerName = keyof typeof CONTROLLERS;

const NAMES = Object.keys(CONTROLLERS) as ControllerName[];

/**
 * smoltcp's committed snapshot (`tests/netsim.rs`) in kB/s, by loss in percent: 32 kB buffer,
 * 100 ms round trip, no reordering.
 */
export const SMOLTCP_KB_PER_SECOND: readonly (readonly [lossPercent: number, rate: number])[] = [
  [0, 323],
  [1, 220],
  [5, 77],
  [20, 6],
];
/** The cell that these figures are about. */
export const SMOLTCP_CELL: { readonly bufferBytes: number; readonly rttMs: number } = {
  bufferBytes: 32 * 1024,
  rttMs: 100,
};

/** One seed may be lucky: these say how much. */
const MORE_SEEDS = [1, 2, 3, 4, 5, 6, 7, 8] as const;

/** Payload of a full segment with timestamps over Ethernet. */
const SEGMENT_BYTES = 1448;
/** Smallest retransmission timeout of the default configuration, in seconds. */
const RTO_SECONDS = 0.2;

/** One cell of the comparison. */
export interface ComparisonRow extends BulkResult {
  readonly controller: ControllerName;
  readonly lossPercent: number;
  /** Only what the sender sends is lost, no ACK. */
  readonly lossOneWay: boolean;
  readonly seed: number;
  /** Smallest and largest goodput of eight other seeds. */
  readonly leastBytesPerSecond: number;
  readonly mostBytesPerSecond: number;
}

/** All cells, in the order of the tables. */
export function comparisonCases(): Pick<
  ComparisonRow,
  'controller' | 'lossPercent' | 'lossOneWay'
>[] {
  return [false, true].flatMap((lossOneWay) =>
    SMOLTCP_KB_PER_SECOND.flatMap(([lossPercent]) =>
      NAMES.map((controller) => ({ controller, lossPercent, lossOneWay })),
    ),
  );
}

/** Runs one cell with its seed and eight others. */
export function runComparison(
  controller: ControllerName,
  lossPercent: number,
  lossOneWay: boolean,
  seed: number,
): ComparisonRow {
  const cell: BulkCase = { ...SMOLTCP_CELL, lossPercent, lossOneWay, reorder: false };
  const tcp = { congestion: CONTROLLERS[controller] };
  const others = MORE_SEEDS.map((other) => runBulk(cell, other, tcp).goodputBytesPerSecond);
  return {
    controller,
    lossPercent,
    lossOneWay,
    seed,
    ...runBulk(cell, seed, tcp),
    leastBytesPerSecond: Math.min(...others),
    mostBytesPerSecond: Math.max(...others),
  };
}

/**
 * Bytes per second that Reno sends in the long run (RFC 5348, 3.1, with b = 1, the ACKs of
 * appropriate byte counting). CUBIC in its Reno-friendly region is made to send as much (RFC 9438,
 * 4.3). Infinity without loss.
 */
export function responseFunction(lossPercent: number, rttMs: number): number {
  const p = lossPercent / 100;
  const roundTrip = rttMs / 1000;
  const recovery = roundTrip * Math.sqrt((2 * p) / 3);
  const timeouts = RTO_SECONDS * 3 * Math.sqrt((3 * p) / 8) * p * (1 + 32 * p * p);
  return SEGMENT_BYTES / (recovery + timeouts);
}

/** The section of the table file. */
export function comparisonMarkdown(rows: readonly ComparisonRow[]): string[] {
  return [
    '## Beside smoltcp',
    '',
    "A buffer of 32 kB, 100 ms, no reordering, beside smoltcp's committed snapshot",
    '(`tests/netsim.rs`). smoltcp runs it with its default features, which are without congestion',
    'control (`NoControl`): like with like is the column `none`. Known of its run are the virtual',
    'clock, the seeded loss, 10 MB, buffer and round trip. Assumed are frames lost one by one in',
    'both directions, segments of Ethernet size, the same buffer on both sides, a link that does',
    'not limit, and a goodput of all bytes read over the whole time, handshake included. Options',
    'and timers are the defaults of each stack. In parentheses the range of eight more seeds.',
    '',
    ...comparisonTable(rows, false),
    '',
    'The same with losses of data only, should that be what smoltcp does:',
    '',
    ...comparisonTable(rows, true),
    '',
    '`none` is better in every cell, with every seed. What is worse, and why:',
    '',
    '- `bbr` without loss: every five seconds PROBE_RTT sends half a window for 200 ms, and a',
    '  round trip fills the pipe again (draft-ietf-ccwg-bbr, 4.3.4). That is 2.6 %; a buffer of',
    '  one bandwidth-delay product leaves nothing to make it up from. Another 1 % are lone',
    '  segments of a paced window, whose ACKs wait an eighth of the round trip (318 kB/s when',
    '  they do not).',
    '- `cubic` and `reno` at 1 and 5 %: they take a loss for congestion, as they must on a network',
    '  that others share. RFC 5348 gives the bytes per second of such a sender,',
    '  `s / (R sqrt(2p/3) + t_RTO 3 sqrt(3p/8) p (1 + 32 p^2))`, with `s` 1448, `R` 0.1 s and',
    '  `t_RTO` 0.2 s; CUBIC at this size is in its Reno-friendly region and made to send as much',
    '  (RFC 9438, 4.3). Reno is within 5 % of the formula there, CUBIC a seventh above. Who sends',
    '  220 and 77 kB/s does not give way to anybody.',
    '',
    '`bbr` bears a loss of 2 % and no more: at 5 and 20 % its probes bound what is in flight,',
    'which is why it falls behind `none`, and why its range is wide.',
  ];
}

function comparisonTable(rows: readonly ComparisonRow[], lossOneWay: boolean): string[] {
  return markdownTable(
    ['loss', 'smoltcp', ...NAMES, 'RFC 5348'],
    ['right', 'right', ...NAMES.map(() => 'right' as const), 'right'],
    SMOLTCP_KB_PER_SECOND.map(([lossPercent, published]) => [
      `${lossPercent} %`,
      String(published),
      ...NAMES.map((controller) => {
        const row = rows.find(
          (each) =>
            each.controller === controller &&
            each.lossPercent === lossPercent &&
            each.lossOneWay === lossOneWay,
        );
        if (row === undefined) return '';
        const range = `${kilo(row.leastBytesPerSecond)}-${kilo(row.mostBytesPerSecond)}`;
        return `${kilo(row.goodputBytesPerSecond)} (${range})`;
      }),
      lossPercent === 0 ? '' : kilo(responseFunction(lossPercent, SMOLTCP_CELL.rttMs)),
    ]),
  );
}

/** Bytes per second in kB/s, as the tables show them. */
export function kilo(bytesPerSecond: number): string {
  return (bytesPerSecond / 1000).toFixed(bytesPerSecond < 100_000 ? 1 : 0);
}
