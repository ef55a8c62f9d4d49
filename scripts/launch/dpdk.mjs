/**
 * Builds the C shim over DPDK, after installing what its build needs where that is possible.
 *
 * Nothing here is fatal: without the shim the command line runs on the loopback device.
 *
 * @module
 */

import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture, findOnPath, LaunchError, runLoud, say, stateDir, statOf } from './state.mjs';

/** After a failed attempt `setup` tries again at once, other commands after this time. */
const RETRY_MS = 60 * 60 * 1000;

/** How long apt-get waits for another apt-get. */
const APT_LOCK_S = 120;

/** What the build needs, how to see whether it is there, and what it is called in Debian. */
const NEEDS = [
  { debian: 'gcc', isHere: () => findOnPath('gcc').length > 0 },
  { debian: 'make', isHere: () => findOnPath('make').length > 0 },
  { debian: 'libc6-dev', isHere: () => statOf('/usr/include/stdio.h') !== undefined },
  { debian: 'pkg-config', isHere: () => findOnPath('pkg-config').length > 0 },
  { debian: 'libdpdk-dev', isHere: () => capture('pkg-config', ['--exists', 'libdpdk']).ok },
];

/** The same by other package managers, for the message only: we install by apt-get alone. */
const ELSEWHERE = [
  { tool: 'dnf', install: 'dnf install gcc make glibc-devel pkgconf-pkg-config dpdk-devel' },
  { tool: 'apk', install: 'apk add gcc make musl-dev pkgconf dpdk-dev' },
];

function missingPackages() {
  return NEEDS.filter((need) => !need.isHere()).map((need) => need.debian);
}

/** True when the library exists and no source is newer. */
function isFresh(root) {
  const built = statOf(join(root, 'csrc/build/libtickwire.so'));
  if (built === undefined) return false;
  const sources = readdirSync(join(root, 'csrc')).filter((name) => /^Makefile$|\.[ch]$/.test(name));
  return sources.every((name) => statOf(join(root, 'csrc', name)).mtimeMs <= built.mtimeMs);
}

function installCommand(packages) {
  const other = ELSEWHERE.find(({ tool }) => findOnPath(tool).length > 0);
  const isDebian = findOnPath('apt-get').length > 0;
  if (!isDebian && other !== undefined) return other.install;
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  return `${sudo}apt-get install --no-install-recommends ${packages.join(' ')}`;
}

/** Why apt-get must not or cannot be used, or undefined when it can. */
function whyNotInstall(root, retry) {
  if (process.env.TICKWIRE_NO_INSTALL === '1') return 'TICKWIRE_NO_INSTALL is set';
  if (findOnPath('apt-get').length === 0) return 'this system has no apt-get';
  if (process.getuid?.() !== 0) return 'installing them needs root';
  const failed = statOf(join(stateDir(root), 'apt-failed'));
  if (failed !== undefined && !retry && Date.now() - failed.mtimeMs < RETRY_MS) {
    return 'apt-get failed less than an hour ago; npm run setup tries again';
  }
  return undefined;
}

/** Installs by apt-get; false (remembered for {@link RETRY_MS}) when it cannot. */
function aptInstall(root, packages) {
  say(`installing ${packages.join(' ')} by apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const lock = ['-o', `DPkg::Lock::Timeout=${APT_LOCK_S}`];
  const flags = ['install', '-y', '-q', '--no-install-recommends', ...lock];
  // An update may fail for one source of many and the packages be there nevertheless.
  runLoud('apt-get', ['update', '-q', ...lock], { env });
  const failed = join(stateDir(root), 'apt-failed');
  const ok = runLoud('apt-get', [...flags, ...packages], { env });
  if (ok) rmSync(failed, { force: true });
  else writeFileSync(failed, '');
  return ok;
}

function build(root) {
  say('building csrc/build/libtickwire.so');
  const result = capture('make', ['-C', join(root, 'csrc')]);
  if (result.ok && isFresh(root)) return;
  // A library of older sources must not be loaded in place of the one that did not build.
  rmSync(join(root, 'csrc/build/libtickwire.so'), { force: true });
  process.stderr.write(`${result.all}\n`);
  say('THE SHIM OVER DPDK DID NOT BUILD (output above): going on without DPDK, on the loopback');
}

/** Installs what is missing where that is allowed; says what is missing where it is not. */
function ensureBuildTools(root, retry, lock) {
  if (missingPackages().length === 0) return true;
  let reason = whyNotInstall(root, retry);
  if (reason === undefined) {
    lock();
    const wanted = missingPackages();
    const ok = wanted.length === 0 || aptInstall(root, wanted);
    reason = ok ? 'still missing after apt-get' : 'apt-get failed, see above';
  }
  const missing = missingPackages();
  if (missing.length === 0) return true;
  say(`going on without DPDK; missing: ${missing.join(', ')} (${reason})`);
  say(`to use DPDK: ${installCommand(missing)}`);
  return false;
}

/**
 * Leaves `csrc/build/libtickwire.so` up to date and returns true, or says in a line or two why it
 * is not.
 */
export function ensureDpdk(root, { retry }, lock) {
  if (process.env.TICKWIRE_NO_DPDK === '1') return false;
  if (statOf(join(root, 'csrc/Makefile')) === undefined) return false;
  if (isFresh(root)) return true;
  try {
    if (!ensureBuildTools(root, retry, lock)) return false;
    lock();
    if (!isFresh(root)) build(root);
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    say(`going on without DPDK: ${error.message}`);
  }
  return isFresh(root);
}
