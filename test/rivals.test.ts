/**
 * The table of other stacks' mistakes in docs/testing.md: each report that it names has a test that
 * is named after it, in a file that the row links to; and each such test has a row.
 */

import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { allSources, root } from './support/source.ts';

/** `smoltcp#19`, `tcpip.js PR#40`, `smoltcp 0.13.1`, `M4`; a bare `#41` is of the same project. */
const REPORT = /[\w.-]+(?: PR)?#\d+|(?<=, )(?:PR)?#\d+|smoltcp 0\.13\.1|\bM[1-6]\b/g;

/** Titles of a test file, one after the other. */
function titlesOf(text: string): string {
  const titles = text.matchAll(/\b(?:test|describe)(?:\.each\([^]*?\))?\(\s*(['"`])(.*?)\1/g);
  return [...titles].map((match) => match[2]).join('\n');
}

interface Row {
  readonly reports: readonly string[];
  readonly files: readonly string[];
}

function rowsOf(markdown: string): Row[] {
  const section = markdown.split('## Mistakes of others')[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\|([^\n]*)\|$/gm)].flatMap(([, line]) => {
    const cells = (line ?? '').split('|').map((cell) => cell.trim());
    if (!/^M?\d+$/.test(cells[0] ?? '')) return [];
    const reports = (cells[2] ?? '').replaceAll(/\([^)]*\)/g, '').match(REPORT) ?? [];
    const links = [...(cells[3] ?? '').matchAll(/\]\(([^)]+)\)/g)];
    return [{ reports, files: links.map(([, path]) => normalize(join('docs', path ?? ''))) }];
  });
}

/** Reports of the rows that no title of their files names. */
function missing(rows: readonly Row[], titles: (path: string) => string): string[] {
  return rows.flatMap(({ reports, files }) => {
    const all = files.map(titles).join('\n');
    return reports.filter((report) => !all.includes(report));
  });
}

const rows = rowsOf(readFileSync(join(root, 'docs', 'testing.md'), 'utf8'));

function read(path: string): string {
  return titlesOf(readFileSync(join(root, path), 'utf8'));
}

test('docs/testing.md has a row for each of the mistakes, and a test for each report', () => {
  expect(rows.length).toBeGreaterThanOrEqual(20);
  expect(missing(rows, read)).toEqual([]);
  expect(missing([{ reports: ['nobody#1'], files: rows[0]!.files }], read)).toEqual(['nobody#1']);
});

test('each test that is named after a report is in the table', () => {
  const named = new Set(rows.flatMap((row) => row.reports));
  const unlisted = allSources()
    .filter(({ path }) => /^packages\/.*\.test\.ts$/.test(path))
    .flatMap(
      ({ path, text }) =>
        titlesOf(text)
          .match(REPORT)
          ?.map((each) => [each, path]) ?? [],
    )
    .filter(([report]) => !named.has(report!) && !/RFC/.test(report!));
  expect(unlisted).toEqual([]);
});
