/**
 * Finds or installs the exact Bun that package.json names.
 *
 * @module
 */

import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { capture, findOnPath, LaunchError, readText, runLoud } from './state.mjs';
import { say, stateDir, statOf } from './state.mjs';

/** The version in `packageManager`, for example "1.4.5". */
function pinnedVersion(root) {
  const manifest = JSON.parse(readText(join(root, 'package.json')));
  const match = /^bun@(\d+\.\d+\.\d+)/.exec(manifest.packageManager ?? '');
  if (match === null) throw new LaunchError('package.json names no bun version (packageManager)');
  return match[1];
}

/** Identity of a file that changes when the file does. */
function fingerprint(path) {
  const stat = statOf(path);
  return stat === undefined ? '' : `${stat.size}:${stat.mtimeMs}`;
}

/** The Bun that an earlier start chose, if it is still that file. */
function remembered(stamp, version) {
  try {
    const saved = JSON.parse(readText(stamp) ?? '{}');
    const same = saved.version === version && saved.fingerprint === fingerprint(saved.path);
    return same && statOf(join(dirname(stamp), 'bin', 'bun')) ? saved.path : undefined;
  } catch {
    return undefined;
  }
}

function isVersion(path, version) {
  return capture(path, ['--version']).out === version;
}

/**
 * Installs from npm. The npm package `bun` is a stub whose install script links the binary of
 * `@oven/bun-<platform>`; several npm versions block install scripts, so we never run it and take
 * the binary directly, which works with all of them.
 */
function installBun(root, version) {
  const [npm] = findOnPath('npm');
  if (npm === undefined) {
    throw new LaunchError(`bun ${version} is needed and there is no npm to install it with`);
  }
  const folder = join(stateDir(root), 'toolchain');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  say(`installing bun ${version} into ${folder}`);
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  if (!runLoud(npm, ['install', '--prefix', folder, ...flags, `bun@${version}`], { cwd: folder })) {
    throw new LaunchError(`npm could not install bun@${version}; see its messages above`);
  }
  return pickBinary(join(folder, 'node_modules', '@oven'), version);
}

/** The binary that runs here: glibc and musl builds may lie beside one another. */
function pickBinary(folder, version) {
  let reason = 'npm offers no build of it for this platform';
  for (const name of statOf(folder) ? readdirSync(folder) : []) {
    const path = join(folder, name, 'bin', 'bun');
    const result = capture(path, ['--version']);
    if (result.out === version) return path;
    reason = result.signal === 'SIGILL' ? lackOfAvx2() : `${path} does not run: ${result.all}`;
  }
  throw new LaunchError(`bun ${version} cannot be used: ${reason}`);
}

function lackOfAvx2() {
  const lacks = process.arch === 'x64' && !/\bavx2\b/.test(readText('/proc/cpuinfo') ?? 'avx2');
  return lacks
    ? 'this processor lacks AVX2, which its x64 build needs; use a machine with AVX2'
    : 'it stopped at an illegal instruction; this processor lacks something its build needs';
}

/** The path of the pinned Bun; also linked as `.tickwire/bin/bun` for the PATH of children. */
export function ensureBun(root, lock) {
  const version = pinnedVersion(root);
  const stamp = join(stateDir(root), 'bun.json');
  const warm = remembered(stamp, version);
  if (warm !== undefined) return warm;
  lock();
  const again = remembered(stamp, version);
  if (again !== undefined) return again;

  const bin = join(stateDir(root), 'bin');
  rmSync(bin, { recursive: true, force: true });
  const path = findOnPath('bun').find((each) => isVersion(each, version));
  const chosen = path ?? installBun(root, version);
  mkdirSync(bin, { recursive: true });
  symlinkSync(chosen, join(bin, 'bun'));
  const saved = { version, path: chosen, fingerprint: fingerprint(chosen) };
  writeFileSync(stamp, `${JSON.stringify(saved)}\n`);
  return chosen;
}
