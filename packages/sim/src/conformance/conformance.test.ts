/** The ledger: complete, in order, and as committed. */

import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { collectEvidence, compareSections, ROOT, titleEvidence } from './collect.ts';
import { conformanceMarkdown } from './report.ts';

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
