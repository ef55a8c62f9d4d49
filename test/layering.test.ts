/**
 * The table of layers in CONTRIBUTING against every package.json and every import.
 */

import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { allSources, lineAt, root, source, type Source } from './support/source.ts';

/** What a package may depend on; the `cli` may use everything. */
type Layers = ReadonlyMap<string, ReadonlySet<string> | 'anything'>;

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Names that say nothing about what is inside. */
const NAMELESS = new Set(['utils', 'util', 'common', 'shared', 'core', 'helpers', 'misc']);

/** Tests may read packets and generate them anywhere, whatever their package's layer. */
const FOR_TESTS = new Set(['@tickwire/wire', 'fast-check', 'bun:test']);

/** Foreign functions: for DPDK, and for the system calls of the journal. */
const FFI_FILES = new Set(['packages/phy-dpdk/src/native.ts', 'packages/journal/src/libc.ts']);

/** Reads the table "package | may import" of CONTRIBUTING.md. */
function parseLayers(markdown: string): Layers {
  const layers = new Map<string, ReadonlySet<string> | 'anything'>();
  const table = markdown.slice(
    markdown.indexOf('## Layers'),
    markdown.indexOf('\nOnly `packages/'),
  );
  for (const line of table.split('\n')) {
    const [, left, right] = /^\| (`.*?) +\| (.*?) +\|$/.exec(line) ?? [];
    if (left === undefined || right === undefined) continue;
    const names = (text: string): string[] => [...text.matchAll(/`([\w-]+)`/g)].map((m) => m[1]!);
    const allowed = right === 'anything' ? right : new Set(names(right.replace(/\(.*\)/, '')));
    for (const name of names(left)) layers.set(name, allowed);
  }
  return layers;
}

function mayImport(layers: Layers, from: string, to: string): boolean {
  const allowed = layers.get(from);
  return from === to || allowed === 'anything' || allowed?.has(to) === true;
}

/** What is wrong with a package's manifest. */
function manifestFaults(layers: Layers, folder: string, manifest: Manifest): string[] {
  const path = `packages/${folder}/package.json`;
  const faults: string[] = [];
  if (manifest.name !== `@tickwire/${folder}`) faults.push(`${path}: name is not its folder`);
  if (NAMELESS.has(folder)) faults.push(`${path}: ${folder} names no idea; name what is inside`);
  if (!layers.has(folder)) faults.push(`${path}: CONTRIBUTING.md has no line for ${folder}`);
  const runtime = {
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
  };
  for (const name of Object.keys(runtime)) {
    if (!name.startsWith('@tickwire/')) continue;
    const to = name.slice('@tickwire/'.length);
    if (mayImport(layers, folder, to)) continue;
    faults.push(`${path}: ${folder} may not depend on ${to}; see the table of CONTRIBUTING.md`);
  }
  return faults;
}

/** Tests and what helps them: `x.test.ts` anywhere, everything in `packages/x/test`. */
function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || /^packages\/[^/]+\/test\//.test(path);
}

interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** Import and export ... from statements, dynamic imports, require and worker URLs. */
function importsOf(file: Source): Import[] {
  const pattern =
    /\b(?:from|import|require\(|import\(|new URL\(|import\.meta\.resolve\()\s*(['"])([^'"\n]+)\1/g;
  return (
    [...file.text.matchAll(pattern)]
      .filter((match) => /['"]/.test(file.code[match.index + match[0].length - 1] ?? ''))
      // A URL may lead to anything; it is an import where it leads to code.
      .filter((match) => !match[0].startsWith('new URL') || /\.[cm]?[jt]s$/.test(match[2] ?? ''))
      .map((match) => ({ specifier: match[2]!, line: lineAt(file.text, match.index) }))
  );
}

/** Whether `@tickwire/x/part` is among the exports of packages/x/package.json. */
function isExported(specifier: string): boolean {
  const [, folder, ...part] = specifier.split('/');
  const path = join(root, 'packages', folder ?? '', 'package.json');
  if (!existsSync(path)) return false;
  const { exports } = JSON.parse(readFileSync(path, 'utf8')) as { exports?: object };
  return exports !== undefined && Object.hasOwn(exports, `./${part.join('/')}`);
}

/** What is wrong with the imports of one file of a package. */
function importFaults(layers: Layers, file: Source, manifest: Manifest): string[] {
  const folder = file.path.split('/')[1]!;
  const faults: string[] = [];
  const declared = new Set([
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.peerDependencies ?? {}),
    ...Object.keys(manifest.optionalDependencies ?? {}),
    ...(isTest(file.path) ? Object.keys(manifest.devDependencies ?? {}) : []),
  ]);
  for (const { specifier, line } of importsOf(file)) {
    const fault = (message: string): void => {
      faults.push(`${file.path}:${line}: imports ${specifier}; ${message}`);
    };
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
    if (specifier.startsWith('.')) {
      const target = normalize(join(file.path, '..', specifier));
      if (!target.startsWith(`packages/${folder}/`)) fault('use the name of the other package');
      if (target === `packages/${folder}/src/index.ts` && !isTest(file.path)) {
        fault('import the file that defines it, not the index');
      }
    } else if (specifier === 'bun:ffi') {
      if (!FFI_FILES.has(file.path)) fault(`only ${[...FFI_FILES].join(' and ')} may`);
    } else if (/^(?:node:|bun:|bun$)/.test(specifier)) {
      continue;
    } else if (isTest(file.path) && FOR_TESTS.has(name)) {
      continue;
    } else {
      if (specifier !== name && specifier.startsWith('@tickwire/') && !isExported(specifier)) {
        fault('import the package, or a part that its manifest exports');
      }
      if (!declared.has(name)) fault(`declare ${name} in package.json`);
      const to = name.startsWith('@tickwire/') ? name.slice('@tickwire/'.length) : folder;
      if (!isTest(file.path) && !mayImport(layers, folder, to)) {
        fault(`${folder} may not import ${to}; see the table of CONTRIBUTING.md`);
      }
    }
  }
  return faults;
}

const layers = parseLayers(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8'));
const files = allSources().filter((file) => /^packages\/[^/]+\/.*\.ts$/.test(file.path));
const folders = [...new Set(files.map((file) => file.path.split('/')[1]!))];
const manifests = new Map(
  folders.map((folder) => {
    const text = readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8');
    return [folder, JSON.parse(text) as Manifest] as const;
  }),
);

describe('layers', () => {
  test('parseLayers() reads every line of the table', () => {
    expect(layers.get('base')).toEqual(new Set());
    expect(layers.get('tcp')).toEqual(new Set(['base', 'wire']));
    expect(layers.get('udp')).toEqual(new Set(['base', 'wire']));
    expect(layers.get('cli')).toBe('anything');
    expect([...layers.keys()]).toEqual(expect.arrayContaining(folders));
  });

  test('the table has no cycle', () => {
    const done = new Set<string>();
    const visit = (name: string, path: readonly string[]): void => {
      expect(path).not.toContain(name);
      const next = layers.get(name);
      if (done.has(name) || next === 'anything' || next === undefined) return;
      for (const each of next) visit(each, [...path, name]);
      done.add(name);
    };
    for (const name of layers.keys()) visit(name, []);
  });

  test('every package.json keeps to the table', () => {
    const faults = folders.flatMap((name) => manifestFaults(layers, name, manifests.get(name)!));
    expect(faults).toEqual([]);
  });

  test('every import keeps to the table', () => {
    const faults = files.flatMap((file) =>
      importFaults(layers, file, manifests.get(file.path.split('/')[1]!)!),
    );
    expect(faults).toEqual([]);
  });
});

describe('manifestFaults()', () => {
  const base = '@tickwire/base';

  test.each([
    [
      'a dependency upwards',
      'tcp',
      { name: '@tickwire/tcp', dependencies: { '@tickwire/ip': '' } },
    ],
    [
      'a peer upwards',
      'ring',
      { name: '@tickwire/ring', peerDependencies: { '@tickwire/book': '' } },
    ],
    ['another name', 'tcp', { name: '@tickwire/tcp4', dependencies: { [base]: '' } }],
    ['a folder that is not in the table', 'dns', { name: '@tickwire/dns' }],
  ])('refuses %s', (_title, folder, manifest) => {
    expect(manifestFaults(layers, folder, manifest)).toHaveLength(1);
  });

  test('accepts what the table allows', () => {
    const manifest = { name: '@tickwire/tcp', dependencies: { [base]: '', '@tickwire/wire': '' } };
    expect(manifestFaults(layers, 'tcp', manifest)).toEqual([]);
  });
});

describe('importFaults()', () => {
  const manifest: Manifest = {
    name: '@tickwire/tcp',
    dependencies: { '@tickwire/base': '', '@tickwire/phy': '', valibot: '' },
    devDependencies: { '@tickwire/sim': '' },
  };
  const faultsOf = (path: string, text: string): string[] =>
    importFaults(layers, source(path, text), manifest);

  test.each([
    ['a package above', 'a.ts', "import { b } from '@tickwire/phy';\n"],
    ['an undeclared package', 'a.ts', "import type { b } from '@tickwire/wire';\n"],
    ['an undeclared foreign package', 'a.ts', "import b from 'left-pad';\n"],
    ['a file of another package', 'a.ts', "export { b } from '../../ip/src/b.ts';\n"],
    ['a part of another package', 'a.ts', "import { b } from '@tickwire/base/src/b.ts';\n"],
    ['foreign functions', 'a.ts', "import { dlopen } from 'bun:ffi';\n"],
    ['the own index', 'a.ts', "import { b } from './index.ts';\n"],
    ['a development package in shipped code', 'a.ts', "import '@tickwire/sim';\n"],
    ['a package above, late', 'a.ts', "const b = await import('@tickwire/phy');\n"],
    ['a worker of another package', 'a.ts', "new Worker(new URL('../../ip/src/w.ts', x));\n"],
    ['a test importing what nobody declared', 'a.test.ts', "import { b } from '@tickwire/ip';\n"],
  ])('refuses %s', (_title, name, text) => {
    expect(faultsOf(`packages/tcp/src/${name}`, text).length).toBeGreaterThan(0);
  });

  test.each([
    ['what is declared and allowed', 'a.ts', "import { assert } from '@tickwire/base';\n"],
    ['a foreign package that is declared', 'a.ts', "import * as v from 'valibot';\n"],
    ['files of the same package', 'b/a.ts', "import { b } from '../c.ts';\n"],
    ['built-in modules', 'a.ts', "import { join } from 'node:path';\n"],
    ['a URL of something else', 'a.ts', "new URL('../../../csrc/build/x.so', import.meta.url);\n"],
    ['words in comments', 'a.ts', "// import { b } from '@tickwire/phy'\n"],
    [
      'wire and fast-check in tests',
      'a.test.ts',
      "import '@tickwire/wire';\nimport 'fast-check';\n",
    ],
    ['development packages in tests', 'a.test.ts', "import { b } from '@tickwire/sim';\n"],
  ])('accepts %s', (_title, name, text) => {
    expect(faultsOf(`packages/tcp/src/${name}`, text)).toEqual([]);
  });

  test('accepts foreign functions in the two files that wrap them', () => {
    for (const path of FFI_FILES) {
      const text = "import { dlopen } from 'bun:ffi';\n";
      expect(importFaults(layers, source(path, text), manifest)).toEqual([]);
    }
  });
});
