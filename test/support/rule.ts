/**
 * What a rule of the house is.
 *
 * @module
 */

import { lineAt, type Source } from './source.ts';

/** One place that breaks a rule. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  /** What is there and what to do instead. */
  readonly message: string;
}

/** A rule that looks at one file at a time. */
export interface Rule {
  /** Completes the sentence "the sources keep the rule: ...". */
  readonly name: string;
  /** True for the files that the rule is about. */
  appliesTo(path: string): boolean;
  /** The places that break it. */
  find(file: Source): Finding[];
  /** Examples `[path, text]` that break it, each in one place: they prove that it can fail. */
  readonly bad: readonly (readonly [string, string])[];
  /** Examples `[path, text]` that keep it, close to those that do not. */
  readonly good: readonly (readonly [string, string])[];
}

/** Findings for every match of `pattern` in `text`, which is the file's text or its code. */
export function findAll(
  file: Source,
  text: string,
  pattern: RegExp,
  message: string | ((match: RegExpExecArray) => string),
): Finding[] {
  return [...text.matchAll(new RegExp(pattern, 'gm'))].map((match) => ({
    path: file.path,
    line: lineAt(text, match.index),
    message: typeof message === 'string' ? message : message(match),
  }));
}

/** The findings of a rule over files, as lines for people. */
export function judge(rule: Rule, files: readonly Source[]): string[] {
  return files
    .filter((file) => rule.appliesTo(file.path))
    .flatMap((file) => rule.find(file))
    .map(({ path, line, message }) => `${path}:${line}: ${message}`);
}

/** Sources of the packages that ship: not their tests. */
export function isShipped(path: string): boolean {
  return /^packages\/[^/]+\/src\/.*\.ts$/.test(path) && !isTest(path);
}

/** Test files. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

/** Everything a compiler or an engine reads. */
export function isCode(path: string): boolean {
  return /\.(ts|mjs|c|h)$/.test(path);
}
