/**
 * Builds every package into its `dist`: JavaScript by tsup, declarations by tsc, then checks each
 * with publint, its exports map against the tree, and the portable ones by loading them under Node.
 *
 * Bun needs none of this: it runs `src` through the `bun` condition of the exports maps.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ExportsMap, exportFaults } from './exports-map.ts';

const root = join(import.meta.dir, '..');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);

/** Modules that only Bun has; the bundler leaves them alone. */
const BUILT_IN = ['bun', 'bun:ffi', 'bun:jsc', 'bun:test'].flatMap((name) => ['--external', name]);

/** Starts a program in a folder; throws with its output when it fails. */
async function run(cwd: string, command: string[]): Promise<void> {
  const child = Bun.spawn(command, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (child.exitCode === 0) return;
  throw new Error(`${command.join(' ')} failed in ${cwd}\n${out}${err}`);
}

function readManifest(folder: string): { readonly exports: ExportsMap } {
  const text = readFileSync(join(folder, 'package.json'), 'utf8');
  return JSON.parse(text) as { readonly exports: ExportsMap };
}

/**
 * JavaScript and source maps of what is exported or started; tsup leaves the dependencies that
 * package.json names outside.
 */
async function bundle(folder: string): Promise<void> {
  const { exports } = readManifest(folder);
  const exported = Object.values(exports).map((conditions) => conditions['bun'] ?? '');
  const others = readdirSync(join(folder, 'src'))
    .filter((name) => name === 'main.ts' || name.endsWith('worker.ts'))
    .map((name) => `./src/${name}`);
  const files = [...new Set([...exported, ...others])];
  const shape = ['--format', 'esm', '--target', 'esnext', '--sourcemap', '--no-dts', '--silent'];
  await run(folder, [bin('tsup'), ...files, ...shape, '--out-dir', 'dist', ...BUILT_IN]);
}

async function lintPackage(folder: string): Promise<void> {
  await run(folder, [bin('publint'), '--strict', '--pack', 'false']);
  const faults = exportFaults(readManifest(folder).exports, (path) =>
    existsSync(join(folder, path)),
  );
  if (faults.length > 0) throw new Error(`${folder}/package.json\n${faults.join('\n')}`);
}

/** Packages that promise to load under Node; the others use what only Bun has. */
const NODE_PACKAGES = ['base', 'book', 'protocol', 'ring', 'wire'];

/** Loads the built packages by their names, as the package that depends on them all does. */
async function loadUnderNode(): Promise<void> {
  const code = NODE_PACKAGES.map(
    (name) => `
      if (Object.keys(await import('@tickwire/${name}')).length === 0) {
        throw new Error('@tickwire/${name} exports nothing');
      }`,
  ).join('');
  await run(join(root, 'packages/cli'), ['node', '--input-type=module', '--eval', code]);
}

const packages = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
for (const folder of packages) rmSync(join(folder, 'dist'), { recursive: true, force: true });
for (const folder of packages) await bundle(folder);
await run(root, [bin('tsc'), '-b', 'tsconfig.build.json']);
for (const folder of packages) await lintPackage(folder);
await loadUnderNode();
console.log(`built ${packages.length} packages`);
