/**
 * CUBIC and BBR beside the kernel's: the same bridge, seed and bottleneck, once with our stack as
 * the sender and once with the kernel. Draws both windows over time, prints a table in Markdown.
 *
 * Usage: `bun packages/cli/test/kernel/cwnd.ts [--controllers cubic,bbr] [--loss 0,0.005]
 * [--mbps 20] [--rtt 40] [--queue 100] [--seconds 20] [--every 20] [--seed 1]
 * [--tries 3] [--folder .] [--csv]`
 *
 * @module
 */

import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cwndChart } from './cwnd-chart.ts';
import { type Figures, figures, type Sample } from './cwnd-figures.ts';
import { type Bottleneck, runKernel, runOurs, type RunPlan, type RunResult } from './cwnd-runs.ts';
import { run, whyNot } from './namespace.ts';
import { whyNoNative } from './native.ts';
import type { Absences } from './punctuality.ts';

const { values } = parseArgs({
  options: {
    controllers: { type: 'string', default: 'cubic,bbr' },
    loss: { type: 'string', default: '0,0.005' },
    mbps: { type: 'string', default: '20' },
    rtt: { type: 'string', default: '40' },
    queue: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '20' },
    every: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    tries: { type: 'string', default: '3' },
    folder: { type: 'string', default: '.' },
    csv: { type: 'boolean', default: false },
  },
});

const COLUMNS = [
  'controller',
  'loss',
  'sender',
  'goodput, Mbit/s',
  'sent again',
  'lost by dice / queue',
  'cwnd p50 / p95, kB',
  'round trip p50 / p99, ms',
  'slow start over after',
  'recoveries',
  'away for, ms: bridge / sender',
] as const;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function render(plan: RunPlan, loss: number, sender: string, result: RunResult): string {
  const of: Figures = figures(result.samples, plan.controller === 'bbr');
  const { dropped, overflowed } = result.bridge.forward;
  const kb = (bytes: number): string => (bytes / 1000).toFixed(0);
  return line([
    plan.controller,
    `${Number((loss * 100).toPrecision(3))} %`,
    sender,
    of.goodputMbps.toFixed(2),
    of.retransmits,
    `${dropped} / ${overflowed}`,
    `${kb(of.cwndP50)} / ${kb(of.cwndP95)}`,
    `${of.srttP50.toFixed(1)} / ${of.srttP99.toFixed(1)}`,
    of.slowStartSeconds === undefined ? 'never' : `${of.slowStartSeconds.toFixed(2)} s`,
    of.recoveries,
    [result.bridge.absences, result.absences].map(away).join(' / '),
  ]);
}

/** A quarter of a round trip: what a loop misses then is seen in the picture. */
const AWAY_MS_MAX = 10;

/**
 * Runs until both loops have come round all the time; the most punctual of all tries otherwise.
 * What the machine did decides, never what the senders did.
 */
async function punctual(attempt: () => Promise<RunResult>): Promise<RunResult> {
  const awayMs = ({ bridge, absences }: RunResult): number =>
    Math.max(bridge.absences.longestMs, absences?.longestMs ?? 0);
  let best = await attempt();
  for (let n = 1; n < Number(values.tries) && awayMs(best) > AWAY_MS_MAX; n += 1) {
    const other = await attempt();
    if (awayMs(other) < awayMs(best)) best = other;
  }
  return best;
}

/** The longest time in which a loop did not come round. */
function away(absences: Absences | undefined): string {
  return absences === undefined ? '-' : absences.longestMs.toFixed(0);
}

function csv(samples: readonly Sample[]): string {
  const names = Object.keys(samples[0] ?? {}) as (keyof Sample)[];
  const lines = samples.map((sample) => names.map((name) => sample[name]).join(','));
  return `${names.join(',')}\n${lines.join('\n')}\n`;
}

/** Both senders under one controller; two lines of the table and a picture. */
async function compare(path: Bottleneck, plan: RunPlan): Promise<void> {
  const kernel = await punctual(() => runKernel(path, plan));
  print(render(plan, path.loss, 'Linux', kernel));
  const ours = await punctual(() => runOurs(path, plan));
  print(render(plan, path.loss, 'tickwire', ours));
  const name = `cwnd-${plan.controller}-kernel${path.loss > 0 ? '-loss' : ''}`;
  const file = (suffix: string): string => join(values.folder, `${name}${suffix}`);
  await Bun.write(file('.svg'), cwndChart(path, plan, ours.samples, kernel.samples));
  if (!values.csv) return;
  await Bun.write(file('-tickwire.csv'), csv(ours.samples));
  await Bun.write(file('-linux.csv'), csv(kernel.samples));
}

const reason = whyNoNative() ?? whyNot(['perl', 'chrt']);
if (reason !== undefined) {
  process.stderr.write(`The comparison cannot run here: ${reason}\n`);
  process.exit(2);
}
const seed = Number(values.seed);
const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`;
const kernel = run(['uname', '-r']).output.trim();
const today = new Date().toISOString().slice(0, 10);
print(
  `${today}, ${machine}, Linux ${kernel}; ${values.mbps} Mbit/s, round trip ${values.rtt} ms, ` +
    `queue ${values.queue} kB, ${values.seconds} s, seed ${seed}.\n`,
);
print(line([...COLUMNS]));
print(line(COLUMNS.map(() => '---')));
for (const controller of values.controllers.split(',')) {
  if (controller !== 'reno' && controller !== 'cubic' && controller !== 'bbr') {
    throw new RangeError(`There is no controller ${controller}; choose reno, cubic or bbr`);
  }
  for (const loss of values.loss.split(',').map(Number)) {
    const path: Bottleneck = {
      seed,
      mbps: Number(values.mbps),
      rttMs: Number(values.rtt),
      queueBytes: Number(values.queue) * 1000,
      loss,
    };
    const times = { seconds: Number(values.seconds), everyMs: Number(values.every) };
    await compare(path, { controller, ...times });
  }
}
process.exit(0);
