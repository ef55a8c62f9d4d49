/**
 * Documentation that cannot rot: links lead somewhere, code blocks are code.
 */

import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { allSources, lineAt, root, source, type Source } from './support/source.ts';

const transpiler = new Bun.Transpiler({ loader: 'ts' });

/** Fenced blocks of a Markdown file: language, text and line of the fence. */
function fencesOf(file: Source): { language: string; text: string; line: number }[] {
  return [...file.text.matchAll(/^( *)```([\w-]*)[^\n]*\n([^]*?)^\1```/gm)].map((match) => ({
    language: match[2] ?? '',
    text: match[3] ?? '',
    line: lineAt(file.text, match.index),
  }));
}

/** Blank lines in place of the fenced blocks, so that lines keep their numbers. */
function prose(text: string): string {
  return text
    .replaceAll(/^( *)```[^]*?^\1```/gm, (block) => block.replaceAll(/[^\n]/g, ''))
    .replaceAll(/`[^`\n]*`/g, (code) => ' '.repeat(code.length));
}

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  const withoutFences = text.replaceAll(/^( *)```[^]*?^\1```/gm, '');
  for (const [, heading] of withoutFences.matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const anchor = anchorOf(heading ?? '');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}

/** Relative links that lead nowhere. `read` returns the text of a file, undefined for none. */
function linkFaults(file: Source, read: (path: string) => string | undefined): string[] {
  const faults: string[] = [];
  const text = prose(file.text);
  const inline = /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)/gm;
  for (const match of text.matchAll(inline)) {
    const target = match[1] ?? match[2] ?? '';
    if (/^[a-z][a-z+.-]*:/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const found = path === '' ? file.path : join(dirname(file.path), decodeURI(path));
    const content = read(found);
    const at = `${file.path}:${lineAt(text, match.index)}: ${target}`;
    if (content === undefined) faults.push(`${at} leads nowhere; mend the path`);
    else if (anchor !== undefined && found.endsWith('.md') && !anchorsOf(content).has(anchor)) {
      faults.push(`${at} names no heading of ${found}`);
    }
  }
  return faults;
}

/** TypeScript blocks that do not parse. */
function codeFaults(file: Source): string[] {
  return fencesOf(file).flatMap(({ language, text, line }) => {
    if (language !== 'ts' && language !== 'typescript') return [];
    try {
      transpiler.transformSync(text);
      return [];
    } catch (error) {
      return [`${file.path}:${line}: does not parse as TypeScript: ${String(error)}`];
    }
  });
}

/** Code blocks in the docstrings of a source file, as a Markdown file of the same name. */
function docstringsOf(file: Source): Source {
  const text = file.text
    .split('\n')
    .map((line) => (/^\s*\/?\*/.test(line) ? line.replace(/^\s*\/?\*+\/? ?/, '') : ''))
    .join('\n');
  return source(file.path, text);
}

const sources = allSources();
const documents = sources.filter((file) => file.path.endsWith('.md'));
const read = (path: string): string | undefined => {
  const full = join(root, path);
  if (!existsSync(full)) return undefined;
  return statSync(full).isFile() ? (sources.find((f) => f.path === path)?.text ?? '') : '';
};

describe('documents', () => {
  test('exist', () => {
    const paths = documents.map((file) => file.path);
    for (const name of ['CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/dependencies.md']) {
      expect(paths).toContain(name);
    }
  });

  test('have links that lead somewhere', () => {
    expect(documents.flatMap((file) => linkFaults(file, read))).toEqual([]);
  });

  test('have TypeScript blocks that parse', () => {
    expect(documents.flatMap((file) => codeFaults(file))).toEqual([]);
  });

  test('have docstring examples that parse', () => {
    const code = sources.filter((file) => /^packages\/.*\.ts$/.test(file.path));
    expect(code.flatMap((file) => codeFaults(docstringsOf(file)))).toEqual([]);
  });
});

describe('linkFaults()', () => {
  const files = new Map([
    ['docs/a.md', '# One *thing*: `x`\n\n## Same\n\n## Same\n'],
    ['docs', ''],
  ]);
  const faultsOf = (text: string): string[] =>
    linkFaults(source('docs/b.md', text), (path) => files.get(path));

  test.each([
    ['[x](c.md)'],
    ['[x](../a.md)'],
    ['![x](a.png)'],
    ['[x]: c.md'],
    ['[x](a.md#two)'],
    ['[x](a.md#same-2)'],
  ])('refuses %s', (text) => {
    expect(faultsOf(text)).toHaveLength(1);
  });

  test.each([
    ['[x](a.md)'],
    ['[x](a.md#one-thing-x)'],
    ['[x](a.md#same-1)'],
    ['[x](https://example.org/c.md)'],
    ['`[x](c.md)`'],
    ['```md\n[x](c.md)\n```'],
    ['[x](a.md "title")'],
  ])('accepts %s', (text) => {
    expect(faultsOf(text)).toEqual([]);
  });
});

describe('codeFaults()', () => {
  test('refuses a block that does not parse and says where', () => {
    const [fault] = codeFaults(source('a.md', 'x\n\n```ts\nconst = 1;\n```\n'));
    expect(fault).toStartWith('a.md:3: ');
  });

  test('accepts TypeScript and whatever is not TypeScript', () => {
    const text = '```ts\nconst a: number = await f();\n```\n\n```sh\nconst = 1\n```\n';
    expect(codeFaults(source('a.md', text))).toEqual([]);
  });

  test('finds the example of a docstring', () => {
    const text = '/**\n * A.\n *\n * ```ts\n * const = 1;\n * ```\n */\nexport const a = 1;\n';
    expect(codeFaults(docstringsOf(source('a.ts', text)))).toHaveLength(1);
    expect(codeFaults(docstringsOf(source('a.ts', text.replace('= 1', 'b = 1'))))).toEqual([]);
  });
});

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Foreign packages of a manifest that have no line, or another version, in the document. */
function undocumented(manifest: Manifest, document: string): string[] {
  const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  return all
    .filter(([name]) => !name.startsWith('@tickwire/'))
    .filter(([name, version]) => {
      const line = document.split('\n').find((each) => each.startsWith(`| \`${name}\` `));
      return line?.split('|')[2]?.trim() !== version;
    })
    .map(([name, version]) => `${name} ${version}: argue it in docs/dependencies.md`);
}

describe('docs/dependencies.md', () => {
  test('argues every dependency in its exact version', () => {
    const document = read('docs/dependencies.md') ?? '';
    const paths = ['package.json', ...new Bun.Glob('packages/*/package.json').scanSync(root)];
    const faults = paths.flatMap((path) =>
      undocumented(JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest, document),
    );
    expect(faults).toEqual([]);
    expect(paths.length).toBeGreaterThan(10);
  });

  test('is found wanting for a missing line and for another version', () => {
    const document = '| `a` | 1.0.0 | why |\n';
    expect(undocumented({ dependencies: { a: '1.0.0', '@tickwire/b': '' } }, document)).toEqual([]);
    expect(undocumented({ dependencies: { a: '1.0.1' } }, document)).toHaveLength(1);
    expect(undocumented({ devDependencies: { b: '1.0.0' } }, document)).toHaveLength(1);
  });
});
