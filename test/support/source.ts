/**
 * The files of the checkout as the rules of the house see them.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The root of the checkout. */
export const root: string = join(import.meta.dir, '..', '..');

const SKIPPED = /(^|\/)(node_modules|dist|\.git|\.tickwire|build|tmp)\//;
const TEXT =
  /\.(ts|mjs|js|c|h|md|json|jsonc|toml|yml|yaml|sh|txt|tw)$|(^|\/)(Makefile|run|LICENSE)$/;

/** One text file. */
export interface Source {
  /** Path below the root, with `/`. */
  readonly path: string;
  /** The text as it is. */
  readonly text: string;
  /** The same length and lines, but comments and the contents of literals are blank. */
  readonly code: string;
}

/** Makes a {@link Source}; the rules' own examples are made by it too. */
export function source(path: string, text: string): Source {
  return { path, text, code: /\.(ts|mjs|js|c|h)$/.test(path) ? blank(text) : text };
}

/** Every text file below the root that is not made by a tool. */
export function allSources(): Source[] {
  return [...new Bun.Glob('**/*').scanSync({ cwd: root, dot: true })]
    .filter((path) => !SKIPPED.test(path) && TEXT.test(path))
    .toSorted()
    .map((path) => source(path, readFileSync(join(root, path), 'utf8')));
}

/** Line number (from 1) of an offset. */
export function lineAt(text: string, at: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i !== -1 && i < at; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

/** Where a slash opens a regular expression rather than divides: after one of these. */
const BEFORE_REGEX = /(^|[=(,:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|throw|void))\s*$/;

/** End of a quoted literal or regular expression that opens at `at`; just past the closing mark. */
function endOfQuoted(text: string, at: number): number {
  const mark = text[at];
  let inClass = false;
  for (let i = at + 1; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (mark === '/' && c === '[') inClass = true;
    else if (mark === '/' && c === ']') inClass = false;
    else if (c === mark && !inClass) return i + 1;
    else if (c === '\n') return i;
  }
  return text.length;
}

/** Copies only line breaks of text[from, to), everything else becomes a blank. */
function blanks(text: string, from: number, to: number): string {
  return text.slice(from, to).replaceAll(/[^\n]/g, ' ');
}

/**
 * Blanks comments and the contents of string, template and regular-expression literals. The marks
 * around literals stay, so that a rule still sees that there is one. Code inside `${}` stays too.
 */
export function blank(text: string): string {
  let out = '';
  let i = 0;
  /** For every open template: the depth of braces at which its substitution closes. */
  const templates: number[] = [];
  let depth = 0;
  const copyTemplate = (): void => {
    for (; i < text.length; i++) {
      if (text[i] === '\\') {
        out += blanks(text, i, i + 2);
        i++;
      } else if (text[i] === '`') {
        out += '`';
        i++;
        return;
      } else if (text.startsWith('${', i)) {
        out += '${';
        i += 2;
        templates.push(depth);
        return;
      } else {
        out += text[i] === '\n' ? '\n' : ' ';
      }
    }
  };
  while (i < text.length) {
    const c = text[i] ?? '';
    if (text.startsWith('//', i) || text.startsWith('/*', i)) {
      const mark = text[i + 1] === '/' ? '\n' : '*/';
      const found = text.indexOf(mark, i + 2);
      const end = found === -1 ? text.length : found + (mark === '\n' ? 0 : 2);
      out += blanks(text, i, end);
      i = end;
    } else if (c === "'" || c === '"' || (c === '/' && BEFORE_REGEX.test(out.slice(-40)))) {
      const end = endOfQuoted(text, i);
      out += c + blanks(text, i + 1, end - 1) + (end - i > 1 ? c : '');
      i = end;
    } else if (c === '`') {
      out += c;
      i++;
      copyTemplate();
    } else if (c === '}' && templates.at(-1) === depth) {
      templates.pop();
      out += c;
      i++;
      copyTemplate();
    } else {
      if (c === '{') depth++;
      else if (c === '}') depth--;
      out += c;
      i++;
    }
  }
  return out;
}
