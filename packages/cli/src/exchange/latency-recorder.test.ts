import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { binOf, binStart, LATENCY_MAX_NS, LatencyRecorder } from './latency-recorder.ts';

describe('binOf()', () => {
  test('finds the quarter octave of every value', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: 0, max: 100 }),
          fc.integer({ min: 0, max: 2 ** 31 - 1 }),
          fc.integer({ min: 0, max: LATENCY_MAX_NS }),
          fc.integer({ min: 0, max: 38 }).map((exponent) => 2 ** exponent),
          fc.integer({ min: 2, max: 38 }).map((exponent) => 2 ** exponent - 1),
        ),
        (ns) => {
          const bin = binOf(ns);
          expect(binStart(bin)).toBeLessThanOrEqual(ns);
          if (ns >= 4) expect(binStart(bin + 1)).toBeGreaterThan(ns);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('LatencyRecorder', () => {
  test('gives percentiles to three digits and the exact maximum', () => {
    const recorder = new LatencyRecorder();
    for (let ns = 1; ns <= 100_000; ns += 1) recorder.record(ns);
    const { p50, p90, p99, p999, p9999, max, count } = recorder.summary();
    expect(count).toBe(100_000);
    for (const [value, expected] of [
      [p50, 50_000],
      [p90, 90_000],
      [p99, 99_000],
      [p999, 99_900],
      [p9999, 99_990],
    ] as const) {
      expect(Math.abs(value / expected - 1)).toBeLessThan(0.001);
    }
    expect(max).toBe(100_000);
    expect(recorder.bins().reduce((sum, bin) => sum + bin.count, 0)).toBe(100_000);
  });

  test('no percentile lies beyond the maximum', () => {
    const recorder = new LatencyRecorder();
    for (const ns of [41_189_375, 45_686_267]) recorder.record(ns);
    expect(recorder.summary()).toMatchObject({ p99: 45_686_267, p9999: 45_686_267 });
  });

  test('roughPercentile() is an upper bound, at most a quarter octave too high', () => {
    const recorder = new LatencyRecorder();
    for (let ns = 1; ns <= 100_000; ns += 1) recorder.record(ns);
    expect(recorder.roughPercentile(99)).toBeGreaterThanOrEqual(99_000);
    expect(recorder.roughPercentile(99)).toBeLessThanOrEqual(99_000 * 1.25);
    expect(new LatencyRecorder().roughPercentile(99)).toBe(0);
  });

  test('takes a value beyond its range as the largest and a negative one as 0', () => {
    const recorder = new LatencyRecorder();
    recorder.record(-5);
    recorder.record(LATENCY_MAX_NS * 3);
    expect(recorder.summary().max).toBe(LATENCY_MAX_NS);
    expect(recorder.count).toBe(2);
    expect(recorder.bins()[0]!.count).toBe(1);
  });

  test('reset() forgets', () => {
    const recorder = new LatencyRecorder();
    recorder.record(7);
    recorder.reset();
    expect(recorder.summary()).toMatchObject({ count: 0, p50: 0, max: 0 });
  });
});
