/** The ledger: complete, in order, and as committed. */

import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { collectEvidence, compareSections, ROOT, titleEvidence } from './collect.ts';
import { KNOWN_GAPS } from './known-gaps.ts';
import { conformanceMarkdown, RFC_TITLES } from './report.ts';

test('docs/conformance.md is what the tests say now', async () => {
  const committed = await Bun.file(join(ROOT, 'docs', 'conformance.md')).text();
  const fresh = conformanceMarkdown(collectEvidence());
  const hint = 'run bun packages/sim/src/conformance/main.ts and commit docs/conformance.md';
  expect(committed === fresh, hint).toBe(true);
});

test('expected failures are listed as knowingly not done, and never as conforming', () => {
  const evidence = collectEvidence();
  for (const each of evidence) expect(each.verdict === 'conforms').toBe(each.reason === '');
  const text = conformanceMarkdown(evidence);
  for (const each of evidence) if (each.reason !== '') expect(text).toContain(each.reason);
});

test('every RFC of the ledger has its title', () => {
  const named = [...collectEvidence().map((each) => each.rfc), ...KNOWN_GAPS.map(documentOf)];
  const isWithout = (rfc: number | string): boolean =>
    typeof rfc === 'number' && RFC_TITLES[rfc] === undefined;
  expect([...new Set(named)].filter(isWithout)).toEqual([]);
});

test('known gaps are complete, in order, listed, and decided in files that exist', () => {
  const text = conformanceMarkdown([]);
  const before = ([a, b]: readonly [number, number]): boolean => a < b;
  for (const [i, gap] of KNOWN_GAPS.entries()) {
    for (const cell of [gap.asked, gap.ours, gap.why]) {
      expect(cell).not.toBe('');
      expect(text).toContain(cell);
    }
    expect([gap.file, existsSync(join(ROOT, gap.file))]).toEqual([gap.file, true]);
    const next = KNOWN_GAPS[i + 1];
    if (next === undefined || typeof next.document === 'string') continue;
    const numbers = [Number(gap.document), next.document] as const;
    const isSorted = before(numbers) || compareSections(gap.section, next.section) < 0;
    expect([gap.section, next.section, isSorted]).toEqual([gap.section, next.section, true]);
  }
});

test('titleEvidence() finds titles of every form', () => {
  const text = [
    "test('drops it (RFC 5961, 3.2)', () => {});",
    'describe("closes (RFC 9293, 3.6)", () => {});',
    "test.each([\n  [1],\n])('counts %d (RFC 768)', () => {});",
    'describe.each([1])(`sends (RFC 6298, 2.1; RFC 1122, 4.2.3.1)`, () => {});',
    "const text = 'RFC 1'; expect(text).toBe('RFC 2');",
    '// test(about RFC 3)',
  ].join('\n');
  const found = titleEvidence('a.test.ts', text).map((each) => [
    each.rfc,
    each.section,
    each.title,
  ]);
  expect(found).toEqual([
    [5961, '3.2', 'drops it'],
    [9293, '3.6', 'closes'],
    [768, '', 'counts %d'],
    [6298, '2.1', 'sends'],
    [1122, '4.2.3.1', 'sends'],
  ]);
});

test('compareSections() orders by number, not by letter', () => {
  const sections = ['3.10.7.4', '3.2', '3.10', '', '2', '3.9.2'];
  expect(sections.toSorted(compareSections)).toEqual(['', '2', '3.2', '3.9.2', '3.10', '3.10.7.4']);
});

function documentOf(gap: { readonly document: number | string }): number | string {
  return gap.document;
}
