import { describe, expect, test } from 'bun:test';
import { formatBytes, formatCount, formatElapsed, formatNs, formatShare } from './format.ts';
import { bar, joinBins, renderHistogram } from './histogram.ts';
import { ProgressLine } from './progress.ts';
import { styleOf, terminalOf, visibleLength, wrap } from './terminal.ts';

describe('numbers', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1_234_567, '1,234,567'],
    [-1_234_567, '-1,234,567'],
    [1999.6, '2,000'],
    [-0.2, '0'],
    [Number.NaN, '-'],
  ])('formatCount(%p) is %s', (value, text) => expect(formatCount(value)).toBe(text));

  test.each([
    [0, '0 ns'],
    [812, '812 ns'],
    [999.4, '999 ns'],
    [999.6, '1.00 µs'],
    [1000, '1.00 µs'],
    [11_234, '11.2 µs'],
    [123_456, '123 µs'],
    [999_960, '1.00 ms'],
    [12_345_678, '12.3 ms'],
    [1.5e9, '1.50 s'],
    [1.234e12, '1,234 s'],
    [Number.POSITIVE_INFINITY, '-'],
  ])('formatNs(%p) is %s', (ns, text) => expect(formatNs(ns)).toBe(text));

  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [96 * 2 ** 20, '96.0 MiB'],
    [2 ** 30 * 12.34, '12.3 GiB'],
  ])('formatBytes(%p) is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [9.84e9, '9.8 s'],
    [125e9, '2 min 05 s'],
  ])('formatElapsed(%p) is %s', (ns, text) => expect(formatElapsed(ns)).toBe(text));

  test.each([
    [0.5, '50.0 %'],
    [0.9999, '99.990 %'],
    [0.99999999, '99.999 %'],
    [0.995, '99.50 %'],
    [1, '100.0 %'],
  ])('formatShare(%p) is %s and never rounds up to a whole', (share, text) => {
    expect(formatShare(share)).toBe(text);
  });
});

describe('terminalOf()', () => {
  test('NO_COLOR wins over FORCE_COLOR, which wins over the stream', () => {
    const tty = { isTTY: true, columns: 100 };
    expect(terminalOf(tty, {})).toEqual({ isTty: true, columns: 100, hasColor: true });
    expect(terminalOf(tty, { NO_COLOR: '1' }).hasColor).toBe(false);
    expect(terminalOf(tty, { NO_COLOR: '' }).hasColor).toBe(true);
    expect(terminalOf(tty, { TERM: 'dumb' }).hasColor).toBe(false);
    expect(terminalOf({}, {})).toEqual({ isTty: false, columns: 80, hasColor: false });
    expect(terminalOf({}, { FORCE_COLOR: '1' }).hasColor).toBe(true);
    expect(terminalOf({}, { FORCE_COLOR: '1', NO_COLOR: '1' }).hasColor).toBe(false);
  });

  test('keeps the width within what can be read', () => {
    expect(terminalOf({ isTTY: true, columns: 20 }, {}).columns).toBe(80);
    expect(terminalOf({ isTTY: true, columns: 400 }, {}).columns).toBe(110);
  });
});

describe('wrap()', () => {
  test('breaks at blanks, indents every line and ignores colours when it counts', () => {
    const { bold } = styleOf({ isTty: true, columns: 80, hasColor: true });
    expect(wrap('one two three', 11, '  ')).toEqual(['  one two', '  three']);
    expect(wrap(`${bold('one')} two`, 7, '')).toHaveLength(1);
    expect(visibleLength(bold('µs █'))).toBe(4);
  });
});

describe('histogram', () => {
  test('bar() draws eighths and never hides a value', () => {
    expect(bar(1, 4)).toBe('████');
    expect(bar(0.5, 4)).toBe('██');
    expect(bar(0.5625, 2)).toBe('█▏');
    expect(bar(1e-9, 40)).toBe('▏');
    expect(bar(0, 40)).toBe('');
  });

  const bins = Array.from({ length: 40 }, (_, i) => ({
    fromNs: 2 ** i,
    toNs: 2 ** (i + 1),
    count: i >= 3 && i < 36 ? 1 : 0,
  }));

  test('joinBins() cuts empty ends, joins neighbours, keeps every count', () => {
    const rows = joinBins(bins, 14);
    expect(rows.length).toBeLessThanOrEqual(14);
    expect(rows[0]!.fromNs).toBe(8);
    expect(rows.at(-1)!.toNs).toBe(2 ** 36);
    expect(rows.reduce((sum, row) => sum + row.count, 0)).toBe(33);
    rows.slice(1).forEach((row, i) => expect(row.fromNs).toBe(rows[i]!.toNs));
    expect(joinBins([], 14)).toEqual([]);
  });

  test('renderHistogram() keeps to the width and ends at 100 %', () => {
    const style = styleOf({ isTty: false, columns: 80, hasColor: false });
    for (const columns of [60, 80, 110]) {
      const lines = renderHistogram(bins, columns, style);
      for (const line of lines) expect(visibleLength(line)).toBeLessThanOrEqual(columns);
      expect(lines.at(-1)).toEndWith('100.0 %');
    }
  });
});

describe('ProgressLine', () => {
  test('writes one line over and over on a terminal, and takes it away', () => {
    const written: string[] = [];
    const sink = { write: (text: string) => written.push(text) };
    const line = new ProgressLine(sink, { isTty: true, columns: 60, hasColor: true });
    expect(line.isDue(0)).toBe(true);
    line.show(0, 'x'.repeat(100));
    expect(line.isDue(249e6)).toBe(false);
    expect(line.isDue(250e6)).toBe(true);
    line.clear();
    line.clear();
    expect(written).toEqual([`\r\u001b[2K${'x'.repeat(59)}`, '\r\u001b[2K']);
  });

  test('writes a line per second into a log, without control characters', () => {
    const written: string[] = [];
    const sink = { write: (text: string) => written.push(text) };
    const line = new ProgressLine(sink, { isTty: false, columns: 80, hasColor: false });
    line.show(0, 'a');
    expect(line.isDue(999e6)).toBe(false);
    expect(line.isDue(1e9)).toBe(true);
    line.clear();
    expect(written).toEqual(['a\n']);
  });
});
