/**
 * The summary of a run, as a person likes to read it.
 *
 * @module
 */

import type { RunResult } from '../exchange/result.ts';
import { formatBytes, formatCount, formatElapsed, formatNs } from './format.ts';
import { type HistogramBin, renderHistogram } from './histogram.ts';
import { type Style, styleOf, type Terminal, wrap } from './terminal.ts';

const TITLE = 'tickwire exchange';
/** Width of the names on the left. */
const NAME_WIDTH = 13;
/** Width of the numbers behind them: a billion with its commas. */
const NUMBER_WIDTH = 13;

type Line = readonly [name: string, number: string, remark?: string];

/** Everything about a run that the summary shows. */
export interface SummaryInput {
  readonly result: RunResult;
  readonly bins: readonly HistogramBin[];
  /** Sentences about the run that a reader should know. */
  readonly notices: readonly string[];
}

function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function headline(result: RunResult, columns: number, style: Style): string[] {
  const link = result.dpdk === null ? result.device : `${result.device}, ${result.dpdk}`;
  const parts = [
    link,
    result.sessions === 0 ? '' : plural(result.sessions, 'session'),
    plural(result.threads, 'thread'),
    result.role === 'trader' ? '' : `journal ${result.journal}`,
    result.role === 'venue' ? '' : result.seed === null ? result.flow : `seed ${result.seed}`,
  ];
  // A part stays whole: its blanks do not break, until the line is made.
  const whole = parts.filter((part) => part !== '').map((part) => part.replaceAll(' ', '\u00a0'));
  const indent = ' '.repeat(TITLE.length + 1);
  return wrap(whole.join(' · '), columns, indent).map((line, i) => {
    const text = style.dim(line.slice(indent.length).replaceAll('\u00a0', ' '));
    return i === 0 ? `${style.bold(TITLE)} ${text}` : indent + text;
  });
}

/** One line for each pair, aligned; remarks are cut to the width. */
function table(lines: readonly Line[], columns: number, style: Style): string[] {
  return lines.flatMap(([name, number, remark = '']) => {
    const left = `  ${name.padEnd(NAME_WIDTH)}${number.padStart(NUMBER_WIDTH)}`;
    if (remark === '') return [left.trimEnd()];
    const indent = ' '.repeat(2 + NAME_WIDTH + NUMBER_WIDTH + 3);
    const [first = '', ...rest] = wrap(remark, columns, indent);
    return [`${left}   ${style.dim(first.trimStart())}`, ...rest.map((line) => style.dim(line))];
  });
}

function reasons(result: RunResult): string {
  return Object.entries(result.rejectsByReason)
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${formatCount(count)}`)
    .join(', ');
}

function flowLines(result: RunResult): Line[] {
  const kinds = [
    [result.newOrders, 'new'],
    [result.cancels, 'cancels'],
    [result.replaces, 'replaces'],
  ] as const;
  const mix = kinds.map(([count, name]) => `${formatCount(count)} ${name}`).join(', ');
  const isKnown = result.newOrders + result.cancels + result.replaces > 0;
  const offered =
    result.offeredPerSecond === null
      ? ''
      : `of ${formatCount(result.offeredPerSecond)}/s offered, in ` +
        formatElapsed(result.elapsedNs);
  return [
    ['orders', formatCount(result.orders), isKnown ? mix : ''],
    ['rate', `${formatCount(result.ratePerSecond)}/s`, offered],
    ['reports', formatCount(result.reports)],
    ['fills', formatCount(result.fills)],
    ['rejects', formatCount(result.rejects), reasons(result)],
    ['lost', formatCount(result.lost), result.lost === 0 ? '' : 'sent, and no report came'],
  ];
}

function latencyLines(result: RunResult, style: Style): string[] {
  const { latencyNs, warmup } = result;
  if (latencyNs.count === 0) return [];
  const isVenue = result.role === 'venue';
  const title = style.bold(isVenue ? 'order to reply' : 'order to report');
  const from = isVenue ? 'within the venue, from arrival' : 'from the instant the schedule names';
  const names = ['p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max'];
  const { p50, p90, p99, p999, p9999, max } = latencyNs;
  const values = [p50, p90, p99, p999, p9999, max].map((value) => formatNs(value));
  const width = Math.max(...values.map((value) => value.length)) + 2;
  const row = (cells: readonly string[]): string =>
    cells
      .map((cell) => cell.padStart(width))
      .join('')
      .trimEnd();
  const cold =
    warmup.orders === 0
      ? []
      : [
          `  the first ${formatCount(warmup.orders)} warmed the code up and do not count ` +
            `(max ${formatNs(warmup.maxNs)})`,
        ];
  return [
    '',
    `  ${title} ${style.dim(from)}`,
    ...cold.map((line) => style.dim(line)),
    '',
    style.dim(row(names)),
    style.bold(row(values)),
    '',
  ];
}

function machineLines(result: RunResult): Line[] {
  const { memory } = result;
  const collections =
    memory.collections === 0 ? 'no collection' : plural(memory.collections, 'collection');
  const growth = memory.heapGrowthBytes;
  const sign = growth < 0 ? '-' : '+';
  const lines: Line[] = [
    [
      'tcp segments',
      formatCount(result.segmentsSent),
      `${formatCount(result.retransmissions)} retransmitted`,
    ],
    [
      'multicast',
      formatCount(result.multicastMessages),
      `messages in ${plural(result.multicastPackets, 'packet')}, ` +
        plural(result.multicastGaps, 'gap'),
    ],
    [
      'heap',
      `${sign}${formatBytes(Math.abs(growth))}`,
      `${collections}, ${formatCount(memory.objectGrowth)} objects stayed`,
    ],
  ];
  if (result.journal !== 'none' && result.role !== 'trader') {
    lines.push(['journal', formatBytes(result.journalBytes)]);
  }
  return lines;
}

function verdictLines(result: RunResult, columns: number, style: Style): string[] {
  const { replay, reportSha256 } = result;
  const lines: string[] = [];
  const line = (name: string, value: string): void => {
    lines.push(...wrap(value, columns, '').map((text) => `  ${name.padEnd(NAME_WIDTH)}${text}`));
  };
  if (reportSha256 !== null) line('reports', reportSha256);
  if (replay.stateHash !== '') line('state', replay.stateHash);
  if (replay.equal !== null) {
    const inputs = `${plural(replay.records, 'input')} in ${formatElapsed(replay.elapsedNs)}`;
    const verdict = replay.equal
      ? style.good('the same state and the same reports')
      : style.bad('ANOTHER STATE OR OTHER REPORTS');
    line('replay', `${inputs}: ${verdict}`);
  }
  return lines.length === 0 ? [] : ['', ...lines];
}

/** The lines of the summary, without a line break at the end. */
export function renderSummary(input: SummaryInput, terminal: Terminal): string {
  const { result, bins, notices } = input;
  const style = styleOf(terminal);
  const { columns } = terminal;
  const latency = latencyLines(result, style);
  const histogram = latency.length === 0 ? [] : [...renderHistogram(bins, columns, style)];
  const lost = result.lost === 0 ? '' : style.bad(`  ${plural(result.lost, 'order')} lost`);
  const lines = [
    ...headline(result, columns, style),
    '',
    ...table(flowLines(result), columns, style),
    ...latency,
    ...histogram,
    '',
    ...table(machineLines(result), columns, style),
    ...verdictLines(result, columns, style),
    ...(result.interrupted ? ['', style.dim('  ended early by a signal')] : []),
    ...(lost === '' ? [] : ['', lost]),
    ...(notices.length === 0 ? [] : ['']),
    ...notices.flatMap((notice) => wrap(notice, columns, '  ')),
  ];
  return lines.join('\n');
}
