/**
 * Tables in Markdown as the formatter of the house writes them, so that generated files stay as
 * they are when the tree is formatted.
 *
 * @module
 */

/** How the cells of a column are aligned. */
export type Alignment = 'left' | 'right';

/** Narrowest column: the three dashes of the ruler. */
const WIDTH_MIN = 3;

/** The lines of a table; `|` in cells is escaped. */
export function markdownTable(
  head: readonly string[],
  alignments: readonly Alignment[],
  rows: readonly (readonly string[])[],
): string[] {
  const all = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) =>
    Math.max(WIDTH_MIN, ...all.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const padded = all.map((row) =>
    line(
      row.map((cell, column) => {
        const width = widths[column]!;
        return alignments[column] === 'right' ? cell.padStart(width) : cell.padEnd(width);
      }),
    ),
  );
  const ruler = line(
    widths.map((width, column) =>
      alignments[column] === 'right' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
    ),
  );
  return [padded[0]!, ruler, ...padded.slice(1)];
}
