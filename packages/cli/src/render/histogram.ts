/**
 * A histogram drawn with block characters.
 *
 * @module
 */

import { formatCount, formatNs, formatShare } from './format.ts';
import type { Style } from './terminal.ts';

/** Counts of values in [fromNs, toNs). */
export interface HistogramBin {
  readonly fromNs: number;
  readonly toNs: number;
  readonly count: number;
}

/** Rows drawn at most: what fits beside the summary on one screen. */
const ROWS_MAX = 14;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/** A bar of `width` characters at full scale, to an eighth; anything above 0 is visible. */
export function bar(share: number, width: number): string {
  if (share <= 0) return '';
  const eighths = Math.max(1, Math.round(share * width * 8));
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!;
}

/** Joins neighbours until at most `rowsMax` rows are left; cuts empty ends. */
export function joinBins(bins: readonly HistogramBin[], rowsMax: number): HistogramBin[] {
  const first = bins.findIndex((bin) => bin.count > 0);
  if (first < 0) return [];
  let rows = bins.slice(first, bins.findLastIndex((bin) => bin.count > 0) + 1);
  while (rows.length > rowsMax) {
    const joined: HistogramBin[] = [];
    for (let i = 0; i < rows.length; i += 2) {
      const a = rows[i]!;
      const b = rows[i + 1] ?? a;
      const count = b === a ? a.count : a.count + b.count;
      joined.push({ fromNs: a.fromNs, toNs: b.toNs, count });
    }
    rows = joined;
  }
  return rows;
}

/**
 * One line for each row: lower bound, bar, count, share of all values up to here. Bars are linear
 * in the count, so areas can be compared; the scale of the rows is logarithmic.
 */
export function renderHistogram(
  bins: readonly HistogramBin[],
  columns: number,
  style: Style,
): string[] {
  const rows = joinBins(bins, ROWS_MAX);
  if (rows.length === 0) return [];
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  const most = rows.reduce((max, row) => Math.max(max, row.count), 0);
  const labels = rows.map((row) => formatNs(row.fromNs));
  const counts = rows.map((row) => formatCount(row.count));
  const labelWidth = Math.max(...labels.map((label) => label.length));
  const countWidth = Math.max(...counts.map((count) => count.length));
  // Two blanks before, one behind the label and the axis, two between the columns on the right.
  const width = Math.max(10, columns - 2 - labelWidth - 2 - 2 - countWidth - 2 - 9);
  let seen = 0;
  return rows.map((row, i) => {
    seen += row.count;
    const drawn = bar(row.count / most, width);
    const filled = style.accent(drawn) + ' '.repeat(width - drawn.length);
    const share = formatShare(seen / total).padStart(9);
    const label = labels[i]!.padStart(labelWidth);
    const count = counts[i]!.padStart(countWidth);
    return `  ${label} ${style.dim('│')}${filled}  ${count}${style.dim(share)}`;
  });
}
