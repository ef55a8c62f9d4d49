/**
 * The rules of CONTRIBUTING that can be a test. Each rule carries examples that break it.
 */

import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { judge } from './support/rule.ts';
import { rules } from './support/rules.ts';
import { allSources, blank, root, source } from './support/source.ts';

const sources = allSources();
const packages = readdirSync(join(root, 'packages')).toSorted();
const HEADINGS = ['Purpose', 'Use', 'Concepts', 'Limits', 'Tests'];

test('allSources() finds the code of every package and nothing that tools made', () => {
  const paths = sources.map((file) => file.path);
  for (const name of packages) expect(paths).toContain(`packages/${name}/src/index.ts`);
  expect(paths).toContain('CONTRIBUTING.md');
  expect(paths.filter((path) => /node_modules|\/dist\/|\.tickwire\//.test(path))).toEqual([]);
});

test('blank() keeps lines and marks, and code in substitutions', () => {
  const text = "a('x//y');//z\n/*b\n*/const r=/[/'\"]/g,t=`p${q+`r${'s'}`}u`;v/w;\n";
  const code = "a('    ');   \n   \n  const r=/     /g,t=` ${q+` ${' '}`} `;v/w;\n";
  expect(blank(text)).toBe(code);
});

describe.each(rules.map((rule) => [rule.name, rule] as const))('%s', (_name, rule) => {
  test('holds for every file', () => {
    expect(judge(rule, sources)).toEqual([]);
  });

  test.each(rule.bad.map((example) => [...example] as const))('fails for %s: %j', (path, text) => {
    expect(judge(rule, [source(path, text)])).toHaveLength(1);
  });

  test.each(rule.good.map((example) => [...example] as const))('accepts %s: %j', (path, text) => {
    expect(judge(rule, [source(path, text)])).toEqual([]);
  });
});

/** What is wrong with the headings of a package's README. */
function headingFaults(path: string, text: string | undefined): string[] {
  if (text === undefined) return [`${path}: is missing; write the five headings`];
  const found = [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1]);
  const order = found.filter((heading) => HEADINGS.includes(heading ?? ''));
  const wanted = HEADINGS.join(', ');
  return order.join(', ') === wanted ? [] : [`${path}: needs the headings ${wanted}, in order`];
}

describe('READMEs of the packages', () => {
  test('have the five headings', () => {
    const faults = packages.flatMap((name) => {
      const path = `packages/${name}/README.md`;
      const text = existsSync(join(root, path))
        ? readFileSync(join(root, path), 'utf8')
        : undefined;
      return headingFaults(path, text);
    });
    expect(faults).toEqual([]);
  });

  test('are found wanting when a heading is missing, out of order or the file is not there', () => {
    const headings = HEADINGS.map((heading) => `## ${heading}\n\nText.\n`);
    expect(headingFaults('a', headings.join('\n'))).toEqual([]);
    expect(headingFaults('a', headings.slice(1).join('\n'))).toHaveLength(1);
    expect(headingFaults('a', headings.toReversed().join('\n'))).toHaveLength(1);
    expect(headingFaults('a', undefined)).toHaveLength(1);
  });
});
