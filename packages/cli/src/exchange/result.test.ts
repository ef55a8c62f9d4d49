import { describe, expect, test } from 'bun:test';
import * as v from 'valibot';
import { RESULT } from '../../test/results.ts';
import { resultJson, runResultSchema } from './result.ts';

describe('resultJson()', () => {
  test('is one line that satisfies the schema and has what scripts rely on', () => {
    const text = resultJson(RESULT);
    expect(text).not.toContain('\n');
    const parsed = JSON.parse(text) as Record<string, unknown>;
    expect(v.is(runResultSchema, parsed)).toBe(true);
    expect(Object.keys(parsed)).toEqual(
      expect.arrayContaining([
        'device',
        'orders',
        'fills',
        'rejects',
        'ratePerSecond',
        'latencyNs',
        'multicastGaps',
        'journalBytes',
        'reportSha256',
        'replay',
      ]),
    );
    expect(parsed['latencyNs']).toMatchObject({ p50: 11_703, p9999: 4_012_000, max: 5_678_901 });
  });

  test.each([
    ['a negative count', { orders: -1 }],
    ['a fraction of an order', { lost: 0.5 }],
    ['no number', { ratePerSecond: Number.NaN }],
    ['half a hash', { reportSha256: 'e97dd910' }],
    ['a field nobody knows', { surprise: 1 }],
    ['another policy', { journal: 'sometimes' }],
  ])('refuses %s', (_title, change) => {
    expect(() => resultJson({ ...RESULT, ...change } as typeof RESULT)).toThrow();
  });
});
