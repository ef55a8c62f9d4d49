/**
 * Finds every test that names a section of an RFC: packet scripts by their header, and tests in
 * TypeScript by their titles.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { findScripts, loadScripts, SCRIPTS_FOLDER } from '../script/load-script.ts';

/** The root of the checkout. */
export const ROOT: string = join(import.meta.dir, '..', '..', '..', '..');

/** What a test says about conformance. */
export type Verdict = 'conforms' | 'knowingly not done';

/** One test of one section. */
export interface Evidence {
  readonly rfc: number;
  /** Empty when the test names none. */
  readonly section: string;
  /** MUST, SHOULD and so on; empty for tests that do not say. */
  readonly level: string;
  readonly title: string;
  /** Tests that the line stands for: variants of a script, 1 otherwise. */
  readonly cases: number;
  readonly verdict: Verdict;
  /** Why it is not done; empty when it is. */
  readonly reason: string;
  /** Path below the root. */
  readonly path: string;
}

/** Evidence of the packet scripts. */
export function scriptEvidence(): Evidence[] {
  return findScripts().map((path) => {
    const scripts = loadScripts(path);
    const { header } = scripts[0]!;
    return {
      rfc: Number(header.rfc),
      section: header.section,
      level: header.level,
      title: header.title,
      cases: scripts.length,
      verdict: header.expectFail === undefined ? 'conforms' : 'knowingly not done',
      reason: header.expectFail ?? '',
      path: relative(ROOT, join(SCRIPTS_FOLDER, scripts[0]!.file)),
    };
  });
}

/** A title at the beginning of the arguments of `test`, `describe` or of what `each` returned. */
const TITLE = /\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;
/** `RFC 9293, 3.10.7.4` inside a title. */
const REFERENCE = /RFC (\d+)(?:,\s*(\d[\w.]*(?:-\d[\w.]*)?))?/g;

/** Evidence in the titles of one test file; `path` is below the root. */
export function titleEvidence(path: string, text: string): Evidence[] {
  const found: Evidence[] = [];
  for (const match of text.matchAll(TITLE)) {
    const before = text.slice(Math.max(0, match.index - 12), match.index);
    if (!/(?:\b(?:test|it|describe)(?:\.\w+)*|\))$/.test(before)) continue;
    const title = (match[1] ?? match[2] ?? match[3] ?? '').replaceAll(/\\(.)/g, '$1');
    for (const [, rfc, section] of title.matchAll(REFERENCE)) {
      found.push({
        rfc: Number(rfc),
        section: (section ?? '').replace(/\.$/, ''),
        level: '',
        title: title.replace(/\s*\((?:RFC[^()]*)\)\s*$/, '').replaceAll(/\s+/g, ' '),
        cases: 1,
        verdict: 'conforms',
        reason: '',
        path,
      });
    }
  }
  return found;
}

/** Evidence of every test file of every package. */
export function testEvidence(): Evidence[] {
  const files = [...new Bun.Glob('packages/*/{src,test}/**/*.test.ts').scanSync({ cwd: ROOT })];
  return files
    .filter((path) => !path.includes('node_modules') && !path.startsWith('packages/sim/'))
    .toSorted()
    .flatMap((path) => titleEvidence(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** All evidence: by RFC, then by section. */
export function collectEvidence(): Evidence[] {
  return [...scriptEvidence(), ...testEvidence()].toSorted(compare);
}

function compare(a: Evidence, b: Evidence): number {
  if (a.rfc !== b.rfc) return a.rfc - b.rfc;
  const bySection = compareSections(a.section, b.section);
  if (bySection !== 0) return bySection;
  return a.path < b.path ? -1 : a.path > b.path ? 1 : a.title < b.title ? -1 : 1;
}

/** `3.10` comes after `3.9`. */
export function compareSections(a: string, b: string): number {
  const left = a.split('.');
  const right = b.split('.');
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const x = left[i] ?? '';
    const y = right[i] ?? '';
    if (x === y) continue;
    const difference = Number(x) - Number(y);
    if (Number.isFinite(difference) && difference !== 0) return difference;
    return x < y ? -1 : 1;
  }
  return 0;
}
