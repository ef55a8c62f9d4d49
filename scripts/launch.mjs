#!/usr/bin/env node
/**
 * The one door to tickwire: brings a fresh checkout to life and hands over to the command.
 *
 * This file and `launch/*.mjs` are plain JavaScript without dependencies, because they run before
 * anything is installed. Every step looks first whether it is done, so that a warm start costs a
 * few file lookups. Everything said here goes to stderr: stdout belongs to the command.
 *
 * Environment:
 * - `TICKWIRE_NO_DPDK=1` uses no DPDK at all; the loopback device takes its place.
 * - `TICKWIRE_NO_INSTALL=1` installs no system packages.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBun } from './launch/bun.mjs';
import { ensureDpdk } from './launch/dpdk.mjs';
import { ensurePackages } from './launch/packages.mjs';
import { LaunchError, say, stateDir, withLock } from './launch/state.mjs';

/** The oldest Node that the launcher is tried with. */
const NODE_MAJOR_MIN = 20;

/** Signals that are handed to the command, which decides how to end. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [command, ...rest] = process.argv.slice(2);

/** Prepares what the commands need: the path of Bun, and whether there is DPDK. */
function prepare() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR_MIN) {
    throw new LaunchError(`Node ${NODE_MAJOR_MIN} or newer is needed; this is ${process.version}`);
  }
  return withLock(root, (lock) => {
    const bun = ensureBun(root, lock);
    ensurePackages(root, bun, lock);
    const hasDpdk = ensureDpdk(root, { retry: command === 'setup' }, lock);
    return { bun, hasDpdk };
  });
}

/** Replaces this process as far as Node can: same stdio, same signals, same exit code. */
function handOver(bun, args) {
  const path = [join(stateDir(root), 'bin'), process.env.PATH ?? ''].join(delimiter);
  // Bun collects garbage about once a second even where none was made, a pause of 2-3 ms (seen with
  // BUN_JSC_logGC=1). Without that timer the collector runs when memory asks for it, and only then.
  const env = { BUN_GC_TIMER_DISABLE: '1', ...process.env, PATH: path };
  const child = spawn(bun, args, { stdio: 'inherit', env });
  for (const signal of FORWARDED) {
    // In a terminal, Ctrl-C and Ctrl-\ reach the whole foreground group: the child has them.
    const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
    process.on(signal, () => fromTerminal || child.kill(signal));
  }
  child.on('error', (error) => {
    say(`cannot start ${bun}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? code : 128 + constants.signals[signal]);
  });
}

try {
  const { bun, hasDpdk } = prepare();
  if (command === 'setup') say(hasDpdk ? 'ready, with DPDK' : 'ready, without DPDK (loopback)');
  else if (command === 'test') handOver(bun, [join(root, 'scripts', 'test.ts'), ...rest]);
  else handOver(bun, [join(root, 'packages/cli/src/main.ts'), ...process.argv.slice(2)]);
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  say(error.message);
  // Whoever reads the result of the tests finds the last line in its place here as well.
  if (command === 'test') process.stdout.write('0 passed, 1 failed, 0 skipped\n');
  process.exitCode = 1;
}
