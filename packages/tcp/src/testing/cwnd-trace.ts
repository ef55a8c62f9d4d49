/**
 * Runs one flow in virtual time and draws what its congestion controller does:
 *
 *     bun packages/tcp/src/testing/cwnd-trace.ts bbr --svg cwnd-bbr.svg --csv cwnd-bbr.csv
 *
 * Options: `--seed 1`, `--seconds 16`, `--mbps 100`, `--rtt 40` (ms), `--queue 500` (kB),
 * `--loss 0`, `--log` for a logarithmic axis of the window. The same options give the same bytes.
 *
 * @module
 */

import { parseArgs } from 'node:util';
import { Congestion } from '../config.ts';
import { BbrMode } from '../congestion/bbr-state.ts';
import { pipeBytes } from '../retransmit.ts';
import { Flows } from './flows.ts';
import { type Band, type Line, svgChart } from '@tickwire/base/testing';

const MS = 1_000_000;
const SECOND = 1_000_000_000;
/** Times at which the flow is looked at, in a chart of 864 points width. */
const SAMPLES = 800;

/** What is drawn. */
export interface TraceOptions {
  readonly congestion: 'reno' | 'cubic' | 'bbr';
  readonly seed: number;
  readonly seconds: number;
  readonly mbps: number;
  readonly rttMs: number;
  readonly queueKb: number;
  readonly loss: number;
  readonly log: boolean;
}

/** Columns of the CSV, one row per sample. */
export interface TraceRow {
  readonly seconds: number;
  readonly cwndBytes: number;
  /** What is thought to be in the network. */
  readonly flightBytes: number;
  /** 0 when nothing is paced. */
  readonly pacingMbps: number;
  /** Over the last 100 ms, or what the samples allow. */
  readonly goodputMbps: number;
  readonly rttMs: number;
  /** `BbrMode`, or -1. */
  readonly mode: number;
  readonly retransmits: number;
}

/** Default path: 100 Mbit/s, 40 ms, a queue of one bandwidth-delay product. */
export const TRACE_DEFAULTS: TraceOptions = {
  congestion: 'bbr',
  seed: 1,
  seconds: 16,
  mbps: 100,
  rttMs: 40,
  queueKb: 500,
  loss: 0,
  log: false,
};

const NUMBERS: Readonly<Record<TraceOptions['congestion'], Congestion>> = {
  reno: Congestion.NewReno,
  cubic: Congestion.Cubic,
  bbr: Congestion.Bbr,
};

/** Runs the flow. */
export function trace(options: TraceOptions): TraceRow[] {
  const flows = new Flows({
    seed: options.seed,
    delayNs: (options.rttMs * MS) / 2,
    bitsPerSecond: options.mbps * 1e6,
    queueBytes: options.queueKb * 1000,
    loss: options.loss,
  });
  const flow = flows.open(NUMBERS[options.congestion]);
  const { client } = flow;
  const stepNs = (options.seconds * SECOND) / SAMPLES;
  const rows: TraceRow[] = [];
  const window = Math.max(1, Math.round((100 * MS) / stepNs));
  const received = [0];
  for (let i = 1; i <= SAMPLES; i += 1) {
    flows.link.runFor(stepNs);
    received.push(flow.received);
    rows.push({
      seconds: Math.round((i * stepNs) / MS) / 1000,
      cwndBytes: client.cwnd,
      flightBytes: pipeBytes(client),
      pacingMbps: (client.pacingRate * 8) / 1e6,
      goodputMbps: goodput(received, window, stepNs),
      rttMs: client.srttNs / MS,
      mode: client.bbr?.mode ?? -1,
      retransmits: client.retransmits,
    });
  }
  return rows;
}

function goodput(received: readonly number[], window: number, stepNs: number): number {
  const last = received.length - 1;
  const first = Math.max(0, last - window);
  return ((received[last]! - received[first]!) * 8000) / ((last - first) * stepNs);
}

/** The rows as CSV with a header line. */
export function traceCsv(rows: readonly TraceRow[]): string {
  const lines = [
    'seconds,cwnd_bytes,flight_bytes,pacing_mbps,goodput_mbps,rtt_ms,mode,retransmits',
  ];
  for (const row of rows) {
    lines.push(
      [
        row.seconds,
        row.cwndBytes,
        row.flightBytes,
        row.pacingMbps.toFixed(3),
        row.goodputMbps.toFixed(3),
        row.rttMs.toFixed(3),
        row.mode,
        row.retransmits,
      ].join(','),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The rows as a chart. */
export function traceSvg(options: TraceOptions, rows: readonly TraceRow[]): string {
  const line = (name: string, colour: string, of: (row: TraceRow) => number): Line => ({
    name,
    colour,
    points: rows.map((row) => [row.seconds, of(row)] as const),
  });
  const bdpKb = (options.mbps * options.rttMs) / 8;
  const paced = rows.some((row) => row.pacingMbps > 0);
  const rates = [line('goodput', '#1a7f37', (row) => row.goodputMbps)];
  if (paced) rates.unshift(line('pacing rate', '#bc4c00', (row) => row.pacingMbps));
  const loss = options.loss > 0 ? `, ${options.loss * 100} % of random loss` : '';
  return svgChart({
    title: `${options.congestion.toUpperCase()} in virtual time`,
    subtitle:
      `${options.mbps} Mbit/s, round trip ${options.rttMs} ms, ` +
      `queue ${options.queueKb} kB${loss}; ` +
      `seed ${options.seed}; ${rows.at(-1)?.retransmits ?? 0} segments sent again`,
    xTitle: 'seconds',
    xMax: options.seconds,
    panels: [
      {
        title: 'kB',
        lines: [
          line('congestion window', '#0969da', (row) => row.cwndBytes / 1000),
          line('in flight', '#8250df', (row) => row.flightBytes / 1000),
        ],
        marks: [
          { name: 'bandwidth-delay product', y: bdpKb },
          { name: 'and a full queue', y: bdpKb + options.queueKb },
        ],
        bands: probeRttBands(rows),
        yMax: (bdpKb + options.queueKb) * 1.2,
        log: options.log,
        yMin: 10,
      },
      { title: 'Mbit/s', lines: rates, yMax: options.mbps * 1.5 },
      {
        title: 'ms',
        lines: [line('smoothed round trip', '#cf222e', (row) => row.rttMs)],
        marks: [{ name: 'empty queue', y: options.rttMs }],
      },
    ],
  });
}

/** When BBR emptied the queue. */
function probeRttBands(rows: readonly TraceRow[]): Band[] {
  const bands: Band[] = [];
  let from = -1;
  for (const row of rows) {
    const isProbe = row.mode === BbrMode.ProbeRtt;
    if (isProbe && from < 0) from = row.seconds;
    if (isProbe || from < 0) continue;
    bands.push({ name: 'PROBE_RTT', from, to: row.seconds });
    from = -1;
  }
  return bands;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string', default: String(TRACE_DEFAULTS.seed) },
      seconds: { type: 'string', default: String(TRACE_DEFAULTS.seconds) },
      mbps: { type: 'string', default: String(TRACE_DEFAULTS.mbps) },
      rtt: { type: 'string', default: String(TRACE_DEFAULTS.rttMs) },
      queue: { type: 'string', default: String(TRACE_DEFAULTS.queueKb) },
      loss: { type: 'string', default: String(TRACE_DEFAULTS.loss) },
      log: { type: 'boolean', default: false },
      csv: { type: 'string' },
      svg: { type: 'string' },
    },
  });
  const name = positionals[0] ?? 'bbr';
  if (name !== 'reno' && name !== 'cubic' && name !== 'bbr') {
    throw new RangeError(`There is no controller ${name}; choose reno, cubic or bbr`);
  }
  const options: TraceOptions = {
    congestion: name,
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    mbps: Number(values.mbps),
    rttMs: Number(values.rtt),
    queueKb: Number(values.queue),
    loss: Number(values.loss),
    log: values.log,
  };
  const rows = trace(options);
  if (values.svg !== undefined) await Bun.write(values.svg, traceSvg(options, rows));
  if (values.csv !== undefined) await Bun.write(values.csv, traceCsv(rows));
  if (values.csv === undefined && values.svg === undefined) process.stdout.write(traceCsv(rows));
}

if (import.meta.main) await main();
