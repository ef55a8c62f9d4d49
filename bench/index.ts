/**
 * Lists the benchmarks and runs them: the body of `npm run bench`.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCase, Benchmark, BenchResult } from './contract.ts';
import { type BenchMachine, thisMachine } from './machine.ts';

const folder = import.meta.dir;

/** A file that holds a benchmark, or one that does not follow the contract yet. */
export interface BenchFile {
  readonly path: string;
  /** Absent: the file exports no `benchmark` and runs by itself. */
  readonly benchmark: Benchmark | undefined;
}

/** Finds every benchmark. Files without the export are not imported: they would begin to run. */
export async function findBenches(): Promise<BenchFile[]> {
  const paths = ['micro/*.bench.ts', 'load/*.ts']
    .flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: folder })])
    .filter((path) => !path.endsWith('.test.ts'))
    .toSorted();
  return Promise.all(
    paths.map(async (path) => {
      const text = readFileSync(join(folder, path), 'utf8');
      if (!/^export const benchmark\b/m.test(text)) return { path, benchmark: undefined };
      const module = (await import(join(folder, path))) as { readonly benchmark: Benchmark };
      return { path, benchmark: module.benchmark };
    }),
  );
}

/** What `--json` prints. */
export interface BenchRecord extends BenchResult {
  readonly name: string;
  readonly date: string;
  readonly machine: BenchMachine;
}

interface BenchMainOptions {
  readonly json: boolean;
  readonly tiny: boolean;
  readonly signal: AbortSignal;
}

interface BenchIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Runs one benchmark and puts machine and date beside its figures. */
export async function runBench(
  benchmark: Benchmark,
  options: BenchMainOptions,
  note: (line: string) => void,
): Promise<BenchRecord> {
  const machine = thisMachine();
  const date = new Date().toISOString();
  const { tiny, signal } = options;
  const result = await benchmark.run({ tiny, signal, note });
  return { name: benchmark.name, date, machine, ...result };
}

function formatNs(ns: number): string {
  if (ns < 999.5) return `${ns.toPrecision(3)} ns`;
  if (ns < 999_500) return `${(ns / 1e3).toPrecision(3)} us`;
  if (ns < 999.5e6) return `${(ns / 1e6).toPrecision(3)} ms`;
  return `${(ns / 1e9).toPrecision(3)} s`;
}

const COLUMNS = ['p50', 'p90', 'p99', 'p99.9', 'max', 'count'] as const;

function cells(each: BenchCase): string[] {
  const { p50, p90, p99, p999, max, count } = each;
  return [...[p50, p90, p99, p999, max].map((ns) => formatNs(ns)), String(count)];
}

/** A table for people: a line for each case, below it rate and remark. */
export function renderRecord(record: BenchRecord): string {
  const { machine, cases } = record;
  const lines = [
    `${record.name}, ${record.date}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, ` +
      `Bun ${machine.bun}, load ${machine.load.toFixed(2)}`,
    '',
  ];
  if (record.skipped !== undefined) lines.push(`skipped: ${record.skipped}`);
  if (cases.length === 0) return lines.join('\n');
  const width = Math.max(...cases.map((each) => each.name.length));
  const head = COLUMNS.map((name) => name.padStart(10)).join('');
  lines.push(`${''.padEnd(width)}${head}`);
  for (const each of cases) {
    const row = cells(each).map((cell) => cell.padStart(10));
    lines.push(`${each.name.padEnd(width)}${row.join('')}`);
    if (each.perSecond !== undefined) {
      const rate = Math.round(each.perSecond).toLocaleString('en-US');
      lines.push(`  ${rate} ${each.rateOf ?? ''}/s`);
    }
    if (each.remark !== undefined) lines.push(`  ${each.remark}`);
  }
  return lines.join('\n');
}

function list(files: readonly BenchFile[]): string {
  const benches = files.flatMap(({ benchmark }) => (benchmark === undefined ? [] : [benchmark]));
  const width = Math.max(4, ...benches.map(({ name }) => name.length)) + 2;
  const lines = benches.map(({ name, description }) => `  ${name.padEnd(width)}${description}`);
  const others = files.filter(({ benchmark }) => benchmark === undefined);
  const rest = others.map(({ path }) => `  bun bench/${path}`);
  return [
    'npm run bench -- NAME [--json]',
    '',
    ...lines,
    ...(rest.length === 0 ? [] : ['', 'by themselves:', ...rest]),
  ].join('\n');
}

/** Lists without a name, runs one with a name. Returns whether that worked. */
export async function benchMain(
  name: string | undefined,
  options: BenchMainOptions,
  io: BenchIo,
): Promise<boolean> {
  const files = await findBenches();
  const known = files.flatMap(({ benchmark }) => (benchmark === undefined ? [] : [benchmark]));
  if (name === undefined) {
    const names = known.map((each) => ({ name: each.name, description: each.description }));
    io.out(`${options.json ? JSON.stringify(names) : list(files)}\n`);
    return true;
  }
  const benchmark = known.find((each) => each.name === name);
  if (benchmark === undefined) {
    io.err(`There is no benchmark "${name}"; "npm run bench" lists them\n`);
    return false;
  }
  const record = await runBench(benchmark, options, (line) => io.err(`${line}\n`));
  io.out(`${options.json ? JSON.stringify(record) : renderRecord(record)}\n`);
  return true;
}
