/**
 * What the build relies on: exports maps that match the tree, references that match dependencies.
 */

import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ExportsMap, exportFaults } from '../scripts/exports-map.ts';
import { root } from './support/source.ts';

interface Manifest {
  readonly version: string;
  readonly files: readonly string[];
  readonly exports: ExportsMap;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface BuildConfig {
  readonly references: readonly { readonly path: string }[];
}

const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'));
const packages = readdirSync(join(root, 'packages')).toSorted();

describe.each(packages)('packages/%s', (name) => {
  const manifest = read(`packages/${name}/package.json`) as Manifest;

  test('has an exports map that matches the tree', () => {
    // dist/ is there only after a build, which checks it by the same function.
    const exists = (path: string): boolean =>
      path.startsWith('./dist/') || existsSync(join(root, 'packages', name, path));
    expect(exportFaults(manifest.exports, exists)).toEqual([]);
    expect(manifest.files).toEqual(['src', 'dist', 'README.md']);
  });

  test('has references of the build that match its dependencies', () => {
    const config = read(`packages/${name}/tsconfig.build.json`) as BuildConfig;
    const wanted = Object.keys(manifest.dependencies ?? {})
      .filter((each) => each.startsWith('@tickwire/'))
      .map((each) => `../${each.slice('@tickwire/'.length)}/tsconfig.build.json`);
    expect(config.references.map(({ path }) => path).toSorted()).toEqual(wanted.toSorted());
  });
});

test('tsconfig.build.json refers to every package', () => {
  const config = read('tsconfig.build.json') as BuildConfig;
  const wanted = packages.map((name) => `packages/${name}/tsconfig.build.json`);
  expect(config.references.map(({ path }) => path).toSorted()).toEqual(wanted.toSorted());
});

test('all packages have the same version', () => {
  const versions = packages.map(
    (name) => (read(`packages/${name}/package.json`) as Manifest).version,
  );
  expect(new Set(versions).size).toBe(1);
});

describe('exportFaults()', () => {
  const good = { bun: './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' };
  const exists = (path: string): boolean => Object.values(good).includes(path);

  test('accepts a map whose files exist', () => {
    expect(exportFaults({ '.': good }, exists)).toEqual([]);
  });

  test.each([
    ['no main entry', { './a': good }],
    ['a file that does not exist', { '.': { ...good, bun: './src/main.ts' } }],
    ['a missing condition', { '.': { bun: good.bun, default: good.default } }],
    ['types after default', { '.': { bun: good.bun, default: good.default, types: good.types } }],
  ])('refuses %s', (_title, map) => {
    expect(exportFaults(map, exists)).toHaveLength(1);
  });
});
