import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RESULT } from '../../test/results.ts';
import type { HistogramBin } from './histogram.ts';
import { renderSummary } from './summary.ts';
import { type Terminal, visibleLength } from './terminal.ts';

const PLAIN: Terminal = { isTty: false, columns: 80, hasColor: false };
const bins: HistogramBin[] = [
  { fromNs: 4096, toNs: 8192, count: 256_224 },
  { fromNs: 8192, toNs: 16_384, count: 541_752 },
  { fromNs: 16_384, toNs: 32_768, count: 100_024 },
  { fromNs: 32_768, toNs: 65_536, count: 2000 },
];
const input = { result: RESULT, bins, notices: ['The journal is in j; keep it.'] };

describe('renderSummary()', () => {
  test('is what the golden file shows', () => {
    const golden = readFileSync(join(import.meta.dir, '../../fixtures/summary.txt'), 'utf8');
    expect(`${renderSummary(input, PLAIN)}\n`).toBe(golden);
  });

  test.each([80, 95, 110])('keeps to %p columns, with and without colours', (columns) => {
    for (const hasColor of [true, false]) {
      const text = renderSummary(input, { isTty: hasColor, columns, hasColor });
      for (const line of text.split('\n')) expect(visibleLength(line)).toBeLessThanOrEqual(columns);
      expect(text.includes('\u001b[')).toBe(hasColor);
    }
  });

  test('says what is wrong: lost orders, another state, a signal', () => {
    const replay = { ...RESULT.replay, equal: false };
    const result = { ...RESULT, lost: 3, interrupted: true, replay };
    const text = renderSummary({ ...input, result }, PLAIN);
    expect(text).toContain('3 orders lost');
    expect(text).toContain('ANOTHER STATE OR OTHER REPORTS');
    expect(text).toContain('ended early by a signal');
  });

  test('leaves out what a run without journal, answers or DPDK does not have', () => {
    const latencyNs = { count: 0, p50: 0, p90: 0, p99: 0, p999: 0, p9999: 0, max: 0 };
    const replay = { equal: null, stateHash: '', records: 0, elapsedNs: 0 };
    const result = { ...RESULT, latencyNs, replay, dpdk: null, device: 'loopback' };
    const text = renderSummary(
      { result: { ...result, journal: 'none' }, bins, notices: [] },
      PLAIN,
    );
    expect(text).toContain('loopback ·');
    expect(text).not.toContain('order to report');
    expect(text).not.toContain('replay');
    expect(text).not.toContain('MiB');
  });
});
