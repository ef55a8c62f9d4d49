/**
 * Every benchmark, once and tiny: none of them rots. No figure decides anything.
 */

import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type BenchFile, findBenches, renderRecord, runBench } from './index.ts';
import { caseOf } from './contract.ts';

// Whole runs, on machines that have other things to do.
setDefaultTimeout(60_000);

const files: readonly BenchFile[] = await findBenches();
const signal = new AbortController().signal;

describe('benchmarks', () => {
  test('follow the contract, have names of their own and fit a line of the list', () => {
    expect(files.filter((file) => file.benchmark === undefined).map(({ path }) => path)).toEqual(
      [],
    );
    const names = files.map((file) => file.benchmark?.name);
    expect(new Set(names).size).toBe(names.length);
    for (const { benchmark } of files) {
      expect(benchmark?.name).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(benchmark?.description.length).toBeLessThanOrEqual(90);
    }
  });

  for (const { benchmark } of files) {
    if (benchmark === undefined) continue;
    test(`${benchmark.name} runs with tiny sizes`, async () => {
      const record = await runBench(benchmark, { json: false, tiny: true, signal }, () => {});
      expect(record.machine.cores).toBeGreaterThan(0);
      if (record.skipped === undefined) expect(record.cases.length).toBeGreaterThan(0);
      for (const each of record.cases) {
        expect(each.count).toBeGreaterThan(0);
        const { p50, p90, p99, p999, max } = each;
        expect([p50, p90, p99, p999, max].toSorted((a, b) => a - b)).toEqual([
          p50,
          p90,
          p99,
          p999,
          max,
        ]);
        expect(max).toBeGreaterThan(0);
      }
      expect(renderRecord(record)).toContain(benchmark.name);
    });
  }
});

describe('caseOf()', () => {
  test('takes percentiles from the samples, without interpolation', () => {
    const samples = Float64Array.from({ length: 1000 }, (_, i) => 1000 - i);
    expect(caseOf('x', samples)).toMatchObject({
      count: 1000,
      p50: 500,
      p90: 900,
      p99: 990,
      p999: 999,
      max: 1000,
    });
    expect(caseOf('none', new Float64Array(0))).toMatchObject({ count: 0, p50: 0, max: 0 });
  });
});
