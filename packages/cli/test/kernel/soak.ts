/**
 * Bulk through the lossy bridge, with more bytes than a test has time for. Prints tables in
 * Markdown; ends with status 1 when a hash differs, something is left behind, or nothing moves for
 * a second and timeouts in a row do not explain it.
 *
 * Usage: `bun packages/cli/test/kernel/soak.ts [--bytes 1e9] [--loss 0.001,0.01,0.05] [--seed 31]
 * [--link tap,veth] [--control cubic] [--idle yield] [--rto-min 200] [--reference]`
 *
 * - `--control` is the congestion control of both sides: `cubic`, `reno` or `bbr`;
 * - `--idle` is what stack and bridge do when nothing arrives: `sleep`, `yield` or `spin`;
 * - `--rto-min` is the smallest retransmission timeout of both sides in milliseconds;
 * - `--reference` adds a transfer from kernel to kernel over the same bridge.
 *
 * @module
 */

import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { IdleStrategy } from '@tickwire/stack';
import { faultsAt } from './bridge-process.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { type KernelCounters, kernelCounters } from './kernel-counters.ts';
import { KernelPair } from './kernel-pair.ts';
import { KERNEL_IFACE, Lab, type Link, type LossyLine, STACK, STACK_IFACE } from './lab.ts';
import { eventually, type Namespace, pipeline, run, whyNot } from './namespace.ts';
import { whyNoNative } from './native.ts';
import {
  kernelSample,
  median,
  ourSample,
  type PathSample,
  silenceOfTimeoutsMs,
  theoryWindow,
} from './path-sample.ts';
import { streamHash, writeStream } from './stream.ts';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '1e9' },
    loss: { type: 'string', default: '0.001,0.01,0.05' },
    seed: { type: 'string', default: '31' },
    link: { type: 'string', default: 'tap,veth' },
    control: { type: 'string', default: 'cubic' },
    idle: { type: 'string', default: 'yield' },
    'rto-min': { type: 'string', default: '200' },
    reference: { type: 'boolean', default: false },
  },
});
const bytes = Number(values.bytes);
const losses = values.loss.split(',').map(Number);
const links = values.link.split(',') as Link[];
const seed = Number(values.seed);
const rtoMinMs = Number(values['rto-min']);
const idle = values.idle as IdleStrategy;

/** The numbers of `Congestion` by the kernel's names. */
const CONTROLS: Readonly<Record<string, 0 | 1 | 2>> = { reno: 0, cubic: 1, bbr: 2 };
const congestion = CONTROLS[values.control] ?? 1;

/** A transfer may be slow, not endless. */
const TRANSFER_TIMEOUT_MS = 90 * 60_000;
/** Between two looks at the sender. */
const LOOK_MS = 200;
/** Without an acknowledged byte for longer than this somebody has to explain himself. */
const STALL_MS = 1000;
/** The machine may be busy with other things, and looks are that far apart. */
const SLACK_MS = 500;
/** Ports of our host, see `HostServicePort`, and the one of the reference. */
const SINK = 2000;
const SOURCE = 2001;
const SERVER = 2002;
/** Of both ends. */
const NETWORK = '10.77.0.0/24';

type Counters = Readonly<Record<string, number>>;

/** The longest time in which nothing was acknowledged, to the nearest look. */
interface Silence {
  readonly ms: number;
  /** What the sender knew at its end. */
  readonly sender: PathSample | undefined;
}

/** One line of the table. */
interface Row {
  readonly link: string;
  readonly loss: number;
  readonly direction: string;
  readonly isEqual: boolean;
  readonly seconds: number;
  readonly silence: Silence;
  readonly samples: readonly PathSample[];
  readonly ours: Counters;
  readonly kernel: KernelCounters;
}

/** One transfer: what to run and whom to ask. */
interface Transfer {
  readonly direction: string;
  /** Where the script runs, and whose counters are the kernel's. */
  readonly space: Namespace;
  readonly script: string;
  readonly sample: () => Promise<PathSample | undefined>;
  /** Counters of our stack, when it takes part. */
  readonly counters: () => Promise<Counters>;
}

function difference(after: Counters, before: Counters): Counters {
  const entries = Object.entries(after);
  return Object.fromEntries(entries.map(([name, value]) => [name, value - (before[name] ?? 0)]));
}

/** Runs one transfer and watches its sender. */
async function transfer(link: string, loss: number, what: Transfer): Promise<Row> {
  const { direction, space, script } = what;
  const before = await what.counters();
  const kernelBefore = kernelCounters(space);
  const startMs = performance.now();
  const samples: PathSample[] = [];
  let silence: Silence = { ms: 0, sender: undefined };
  let heardMs = startMs;
  let acked = -1;
  let isOver = false;
  const watch = async (): Promise<void> => {
    while (!isOver) {
      await Bun.sleep(LOOK_MS);
      const sample = await what.sample();
      const nowMs = performance.now();
      if (sample === undefined || sample.bytesAcked !== acked) heardMs = nowMs;
      else if (nowMs - heardMs > silence.ms) silence = { ms: nowMs - heardMs, sender: sample };
      acked = sample?.bytesAcked ?? -1;
      if (sample !== undefined && sample.rttMs > 0) samples.push(sample);
    }
  };
  const watching = watch();
  const { output } = await pipeline(space, script, TRANSFER_TIMEOUT_MS);
  const seconds = (performance.now() - startMs) / 1000;
  isOver = true;
  await watching;
  const ours = difference(await what.counters(), before);
  const kernel = difference(kernelCounters(space), kernelBefore);
  const hash = streamHash(seed, bytes);
  const isEqual = output.startsWith(hash);
  if (!isEqual) process.stderr.write(`${direction} at ${loss}: got ${output}, want ${hash}\n`);
  return { link, loss, direction, isEqual, seconds, silence, samples, ours, kernel };
}

/** Whether nothing moved for longer than the timeouts in a row of the sender explain. */
function isStall({ ms, sender }: Silence): boolean {
  if (ms < STALL_MS || sender === undefined) return false;
  return ms > silenceOfTimeoutsMs(sender) + SLACK_MS;
}

const COLUMNS = [
  'link',
  'loss',
  'direction',
  'hash',
  'seconds',
  'MB/s',
  'RTT in ms',
  'window',
  'by theory: window, MB/s',
  'longest silence',
  'sent again by us',
  'fast / RTO / TLP / undone',
  'sent again by the kernel',
  'kernel RTO / TLP',
  'out of order, kept / no room',
] as const;

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function render(row: Row): string {
  const { link, loss, direction, isEqual, seconds, silence, samples, ours, kernel } = row;
  const own = (name: string): number => ours[name] ?? 0;
  const theirs = (name: string): number => kernel[name] ?? 0;
  const rttMs = median(samples.map((sample) => sample.rttMs));
  const mss = median(samples.map((sample) => sample.mss));
  // A damaged segment is lost as well.
  const window = theoryWindow(values.control, 1 - (1 - loss) * (1 - loss / 2), rttMs);
  const rate = window === undefined ? 0 : (window * mss) / rttMs / 1000;
  const fast = `${own('fastRetransmits')} / ${own('timeouts')} / ${own('tailLossProbes')}`;
  return line([
    link,
    `${loss * 100} %`,
    direction,
    isEqual ? 'equal' : 'DIFFERENT',
    seconds.toFixed(1),
    (bytes / 1e6 / seconds).toFixed(1),
    rttMs.toFixed(2),
    median(samples.map((sample) => sample.cwnd)).toFixed(0),
    window === undefined ? 'none' : `${window.toFixed(0)}, ${rate.toFixed(1)}`,
    renderSilence(silence),
    own('retransSegs'),
    `${fast} / ${own('spuriousUndone')}`,
    theirs('Tcp.RetransSegs'),
    `${theirs('TcpExt.TCPTimeouts')} / ${theirs('TcpExt.TCPLossProbes')}`,
    `${own('outOfOrder')} / ${own('outOfOrderDropped')}`,
  ]);
}

function renderSilence({ ms, sender }: Silence): string {
  if (ms <= LOOK_MS * 1.5) return `below ${LOOK_MS} ms`;
  return `${ms.toFixed(0)} ms, ${sender?.backoff ?? 0} timeouts`;
}

/** Prints a row; false when it is bad. */
function report(row: Row): boolean {
  print(render(row));
  const { isEqual, silence } = row;
  if (isStall(silence)) process.stderr.write(`a stall: ${JSON.stringify(silence)}\n`);
  return isEqual && !isStall(silence);
}

/**
 * Sets the kernel's congestion control, which may be another by default, and its smallest timeout.
 * By the route: what the machine does not allow to everybody, `sysctl` refuses in a namespace.
 */
function setControl(space: Namespace, iface: string): void {
  const how = `congctl ${values.control} rto_min ${rtoMinMs}ms`;
  space.ip(`route replace ${NETWORK} dev ${iface} ${how}`);
}

/** Both directions over one link at one rate of loss; false when something is wrong. */
async function soak(link: Link, loss: number, file: string): Promise<boolean> {
  const tcp = { timeWaitNs: 1e9, congestion, rtoMinNs: rtoMinMs * 1e6 };
  const wire: LossyLine = { seed, faults: faultsAt(loss), link, idle };
  // Not TCP: the capture of a soak would be as large as the soak.
  await using lab = await Lab.startLossy(wire, { tcp }, { filter: 'arp or icmp' });
  const { host, kernel } = lab;
  setControl(kernel, KERNEL_IFACE);
  const counters = async (): Promise<Counters> =>
    (await host.ask<{ tcp: Counters }>({ op: 'counters' })).tcp;
  const toUs = await transfer(link, loss, {
    direction: 'kernel to us',
    space: kernel,
    script: `nc -N ${STACK} ${SINK} < ${file}`,
    sample: () => kernelSample(kernel, SINK),
    counters,
  });
  const isGood = report(toUs);
  await host.ask({ op: 'source', seed, bytes });
  const toKernel = await transfer(link, loss, {
    direction: 'us to kernel',
    space: kernel,
    script: `nc -d ${STACK} ${SOURCE} | sha256sum`,
    sample: () => ourSample(host),
    counters,
  });
  const { connections, tcpTimers, inUse } = await host.close();
  const left = connections + tcpTimers + inUse;
  if (left > 0) process.stderr.write(`left behind: ${connections}, ${tcpTimers}, ${inUse}\n`);
  return report(toKernel) && isGood && left === 0;
}

/** The kernel at both ends of the same line. */
async function reference(link: Link, loss: number, file: string): Promise<boolean> {
  const wire: LossyLine = { seed, faults: faultsAt(loss), link, idle };
  await using pair = await KernelPair.start(wire);
  const { first, second } = pair;
  setControl(first, STACK_IFACE);
  const sending = pipeline(first, `nc -N -l ${SERVER} < ${file}`, TRANSFER_TIMEOUT_MS);
  const listening = ['ss', '-Hltn', 'sport', '=', `:${SERVER}`];
  await eventually(async () => first.run(...listening).output || undefined);
  const row = await transfer(link, loss, {
    direction: 'kernel to kernel',
    space: second,
    script: `nc -d ${STACK} ${SERVER} | sha256sum`,
    sample: () => kernelSample(first, SERVER),
    counters: async () => ({}),
  });
  await sending;
  return report({ ...row, kernel: kernelCounters(first) });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const reason = whyNoNative() ?? whyNot(['nc', 'ss', 'tcpdump', 'timeout']);
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
  const kernel = /^[\d.]*/.exec(run(['uname', '-r']).output)![0];
  const setting = `seed ${seed}, ${bytes} bytes, ${values.control}, ${idle}, RTO >= ${rtoMinMs} ms`;
  print(`${today}, ${machine}, Linux ${kernel}, commit ${commit}, ${setting}.\n`);
  print(line([...COLUMNS]));
  print(line(COLUMNS.map(() => '---')));
  for (const link of links) {
    for (const loss of losses) {
      isGood = (await soak(link, loss, file)) && isGood;
      if (values.reference) isGood = (await reference(link, loss, file)) && isGood;
    }
  }
} finally {
  removeFolder(folder);
}
process.exit(isGood ? 0 : 1);
