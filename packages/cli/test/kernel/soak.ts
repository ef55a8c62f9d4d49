/**
 * Bulk through the lossy bridge, with more bytes than a test has time for. Prints a table in
 * Markdown; ends with status 1 when a hash differs or something is left behind.
 *
 * Usage: `bun packages/cli/test/kernel/soak.ts [--bytes 1e9] [--loss 0.001,0.01,0.05] [--seed 31]`
 *
 * @module
 */

import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultsAt } from './bridge-process.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { type KernelCounters, kernelCounters } from './kernel-counters.ts';
import { Lab, STACK } from './lab.ts';
import { pipeline, run, whyNot } from './namespace.ts';
import { whyNoNative } from './native.ts';
import { streamHash, writeStream } from './stream.ts';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '1e9' },
    loss: { type: 'string', default: '0.001,0.01,0.05' },
    seed: { type: 'string', default: '31' },
  },
});
const bytes = Number(values.bytes);
const losses = values.loss.split(',').map(Number);
const seed = Number(values.seed);

/** A transfer may be slow, not endless. */
const TRANSFER_TIMEOUT_MS = 30 * 60_000;
/** Between two looks at the counters. */
const LOOK_MS = 200;

type Counters = Readonly<Record<string, number>>;

/** One line of the table. */
interface Row {
  readonly loss: number;
  readonly direction: string;
  readonly isEqual: boolean;
  readonly seconds: number;
  /** Longest time in which our stack received nothing, to the nearest look. */
  readonly silenceMs: number;
  readonly ours: Counters;
  readonly kernel: KernelCounters;
}

function difference(after: Counters, before: Counters): Counters {
  const entries = Object.entries(after);
  return Object.fromEntries(entries.map(([name, value]) => [name, value - (before[name] ?? 0)]));
}

async function tcpCounters(lab: Lab): Promise<Counters> {
  return (await lab.host.ask<{ tcp: Counters }>({ op: 'counters' })).tcp;
}

/** Runs one transfer and watches it. */
async function transfer(
  lab: Lab,
  loss: number,
  direction: string,
  script: string,
  hash: string,
): Promise<Row> {
  const before = await tcpCounters(lab);
  const kernelBefore = kernelCounters(lab.kernel);
  const startMs = performance.now();
  let silenceMs = 0;
  let heardMs = startMs;
  let segments = before['inSegs'];
  let isOver = false;
  const watch = async (): Promise<void> => {
    while (!isOver) {
      await Bun.sleep(LOOK_MS);
      const { inSegs } = await tcpCounters(lab);
      if (inSegs !== segments) heardMs = performance.now();
      silenceMs = Math.max(silenceMs, performance.now() - heardMs);
      segments = inSegs;
    }
  };
  const watching = watch();
  const { output } = await pipeline(lab.kernel, script, TRANSFER_TIMEOUT_MS);
  const seconds = (performance.now() - startMs) / 1000;
  isOver = true;
  await watching;
  const ours = difference(await tcpCounters(lab), before);
  const kernel = difference(kernelCounters(lab.kernel), kernelBefore);
  const isEqual = output.startsWith(hash);
  if (!isEqual) process.stderr.write(`${direction} at ${loss}: got ${output}, want ${hash}\n`);
  return { loss, direction, isEqual, seconds, silenceMs, ours, kernel };
}

const COLUMNS = [
  'loss',
  'direction',
  'hash',
  'seconds',
  'MB/s',
  'longest silence',
  'sent again by us',
  'fast / RTO / TLP',
  'sent again by the kernel',
  'kernel RTO / TLP',
  'out of order, kept / no room',
] as const;

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function render({ loss, direction, isEqual, seconds, silenceMs, ours, kernel }: Row): string {
  const own = (name: string): number => ours[name] ?? 0;
  const theirs = (name: string): number => kernel[name] ?? 0;
  return line([
    `${loss * 100} %`,
    direction,
    isEqual ? 'equal' : 'DIFFERENT',
    seconds.toFixed(1),
    (bytes / 1e6 / seconds).toFixed(1),
    silenceMs <= LOOK_MS * 1.5 ? `below ${LOOK_MS} ms` : `${silenceMs.toFixed(0)} ms`,
    own('retransSegs'),
    `${own('fastRetransmits')} / ${own('timeouts')} / ${own('tailLossProbes')}`,
    theirs('Tcp.RetransSegs'),
    `${theirs('TcpExt.TCPTimeouts')} / ${theirs('TcpExt.TCPLossProbes')}`,
    `${own('outOfOrder')} / ${own('outOfOrderDropped')}`,
  ]);
}

/** Both directions at one rate of loss; false when something is wrong. */
async function soak(loss: number, file: string): Promise<boolean> {
  const options = { tcp: { timeWaitNs: 1e9 } };
  // Not TCP: the capture of a soak would be as large as the soak.
  await using lab = await Lab.startLossy(seed, faultsAt(loss), options, { filter: 'arp or icmp' });
  const up = `nc -N ${STACK} 2000 < ${file}`;
  const toUs = await transfer(lab, loss, 'kernel to us', up, streamHash(seed, bytes));
  print(render(toUs));
  await lab.host.ask({ op: 'source', seed, bytes });
  const down = `nc -d ${STACK} 2001 | sha256sum`;
  const toKernel = await transfer(lab, loss, 'us to kernel', down, streamHash(seed, bytes));
  print(render(toKernel));
  const { connections, tcpTimers, inUse } = await lab.host.close();
  const left = connections + tcpTimers + inUse;
  if (left > 0) process.stderr.write(`left behind: ${connections}, ${tcpTimers}, ${inUse}\n`);
  return toUs.isEqual && toKernel.isEqual && left === 0;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const reason = whyNoNative() ?? whyNot(['nc', 'tcpdump', 'timeout']);
if (reason !== undefined) {
  process.stderr.write(`The soak cannot run here: ${reason}\n`);
  process.exit(2);
}

const folder = makeFolder();
let isGood = true;
try {
  const file = join(folder, 'stream');
  writeStream(file, seed, bytes);
  const git = run(['git', 'describe', '--always', '--dirty']);
  const commit = git.status === 0 ? git.output.trim() : 'unknown';
  const today = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`;
  const kernel = run(['uname', '-r']).output.trim();
  print(`${today}, ${machine}, Linux ${kernel}, commit ${commit}, seed ${seed}, ${bytes} bytes.\n`);
  print(line([...COLUMNS]));
  print(line(COLUMNS.map(() => '---')));
  for (const loss of losses) isGood = (await soak(loss, file)) && isGood;
} finally {
  removeFolder(folder);
}
process.exit(isGood ? 0 : 1);
