/**
 * Everything that has to hold, by one command: formatter, linter, type check, tests.
 *
 * The last line is always `N passed, N failed, N skipped` over all steps; each static check counts
 * as one. The exit status is 1 when anything failed. Arguments choose test files by part of their
 * path: `npm test -- packages/tcp`.
 *
 * Files run in parallel workers, except those that need a process or the machine to themselves:
 * the EAL of DPDK starts once per process, namespaces and TAPs have machine-wide names, and a heap
 * count wants no neighbour in its heap.
 *
 * @module
 */

import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Counts, parseCounts, skippedTitles, sumCounts } from './test-output.ts';

/** Files of these kinds get a process of their own, one after the other. */
const ALONE = /\.(dpdk|netns|alloc)\.test\.ts$/;

/** A single test may take this long; simulations and kernel peers are the slow ones. */
const TEST_TIMEOUT_MS = 60_000;

/** One process of tests may take this long; then it is killed with all its children. */
const PROCESS_TIMEOUT_MS = 5 * 60_000;

/** How long output may trickle in after the process that wrote it has ended. */
const PIPE_GRACE_MS = 3_000;

/** The whole run stays below this, so that a hang cannot pass for a slow machine. */
const RUN_TIMEOUT_MS = 14 * 60_000;

const root = join(import.meta.dir, '..');
const bun = process.execPath;
const startNs = Bun.nanoseconds();
const elapsedMs = (): number => (Bun.nanoseconds() - startNs) / 1e6;

/** One channel for all output: console.log and process.stdout may overtake one another. */
const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Outcome {
  readonly title: string;
  readonly counts: Counts;
  readonly skipped: readonly string[];
}

/** Runs a program, shows its output as it comes and returns it. */
async function run(command: readonly string[], timeoutMs: number): Promise<[number, string]> {
  const child = Bun.spawn([...command], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const chunks: string[] = [];
  const show = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      const text = decoder.decode(bytes, { stream: true });
      chunks.push(text);
      process.stdout.write(text);
    }
  };
  const shown = Promise.all([show(child.stdout), show(child.stderr)]);
  await child.exited;
  // A grandchild that outlives the child may hold the pipes open for ever.
  await Promise.race([shown, Bun.sleep(PIPE_GRACE_MS)]);
  if (child.signalCode !== null) {
    print(`(fail) ended by ${child.signalCode}; the time limit is ${timeoutMs / 1000} s`);
  }
  return [child.exitCode ?? 1, chunks.join('')];
}

async function check(title: string, command: readonly string[]): Promise<Outcome> {
  print(`\n== ${title}`);
  const [status] = await run(command, PROCESS_TIMEOUT_MS);
  const passed = status === 0 ? 1 : 0;
  return { title, counts: { passed, failed: 1 - passed, skipped: 0 }, skipped: [] };
}

/** Runs test files in one `bun test`, whose own summary is the source of the counts. */
async function test(title: string, flags: string[], files: readonly string[]): Promise<Outcome> {
  print(`\n== ${title}`);
  const leftMs = Math.max(1, RUN_TIMEOUT_MS - elapsedMs());
  const report = join(tmpdir(), `tickwire-junit-${process.pid}.xml`);
  const reporter = ['--reporter=junit', `--reporter-outfile=${report}`];
  const common = ['test', `--timeout=${TEST_TIMEOUT_MS}`, '--no-orphans', ...reporter];
  const command = [bun, ...common, ...flags, ...files.map((file) => `./${file}`)];
  const [status, output] = await run(command, Math.min(leftMs, PROCESS_TIMEOUT_MS));
  const xml = Bun.file(report);
  const skipped = (await xml.exists()) ? skippedTitles(await xml.text()) : [];
  if (await xml.exists()) await xml.delete();
  return { title, counts: parseCounts(output, status), skipped };
}

function testFiles(filters: readonly string[]): string[] {
  const glob = new Bun.Glob('{packages,test,examples,bench,scripts}/**/*.test.ts');
  return [...glob.scanSync({ cwd: root })]
    .filter((file) => !/(^|\/)(node_modules|dist)\//.test(file))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .toSorted();
}

async function runAll(filters: readonly string[]): Promise<Outcome[]> {
  const outcomes = [
    await check('formatter', [bun, 'fmt', '--check']),
    await check('linter', [
      join(root, 'node_modules/.bin/oxlint'),
      '--deny-warnings',
      '--format=unix',
    ]),
    await check('type check', [bun, 'check']),
  ];
  const files = testFiles(filters.map((filter) => relative(root, filter) || filter));
  if (files.length === 0) {
    print(`\nno test file matches: ${filters.join(' ')}`);
    return [...outcomes, { title: 'tests', counts: parseCounts('', 1), skipped: [] }];
  }
  const together = files.filter((file) => !ALONE.test(file));
  if (together.length > 0) {
    const flag = `--parallel=${availableParallelism()}`;
    outcomes.push(await test(`${together.length} test files in parallel`, [flag], together));
  }
  for (const file of files.filter((each) => ALONE.test(each))) {
    outcomes.push(await test(file, [], [file]));
  }
  return outcomes;
}

function printResult(outcomes: readonly Outcome[]): Counts {
  print('\n== result');
  for (const { title, counts } of outcomes) {
    const { passed, failed, skipped } = counts;
    print(`${failed > 0 ? 'FAIL' : 'ok  '} ${title}: ${passed}, ${failed}, ${skipped}`);
  }
  const skipped = outcomes.flatMap((outcome) => outcome.skipped);
  for (const title of skipped) print(`SKIPPED ${title}`);
  print(`${(elapsedMs() / 1000).toFixed(1)} s`);
  return sumCounts(outcomes.map((outcome) => outcome.counts));
}

const total = printResult(await runAll(process.argv.slice(2)));
const last = `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped
`;
// Exit only once everything is written: a pipe may be slower than we are.
process.stdout.write(last, () => process.exit(total.failed > 0 ? 1 : 0));
