/**
 * What the steps of the launcher share: messages, the state folder, child processes, the lock.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';

/** How long one launcher waits for another that is setting up the same checkout. */
const LOCK_WAIT_MS_MAX = 15 * 60 * 1000;

/** A lock without a readable owner is this old before it is taken for abandoned. */
const LOCK_NAMELESS_MS_MAX = 10_000;

/** Something the user has to see and can act on; printed without a stack. */
export class LaunchError extends Error {}

/** Writes one line for people. Never to stdout, which belongs to the command. */
export function say(line) {
  process.stderr.write(`tickwire: ${line}\n`);
}

/** The folder that holds everything the launcher makes; deleting it is always safe. */
export function stateDir(root) {
  return join(root, '.tickwire');
}

/** The text of a file, or undefined where there is none. */
export function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The file's status, or undefined where there is none. */
export function statOf(path) {
  return statSync(path, { throwIfNoEntry: false });
}

/** Every executable file of this name on PATH, in order. */
export function findOnPath(name) {
  const found = [];
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder || '.', name);
    try {
      accessSync(path, constants.X_OK);
      if (statOf(path)?.isFile()) found.push(path);
    } catch {
      // Not here: the next folder of PATH is looked at.
    }
  }
  return found;
}

/** Runs a program to its end. Its output is returned, stdin is empty. */
export function capture(program, args, options = {}) {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 << 20,
    ...options,
  });
  return {
    ok: result.status === 0,
    signal: result.signal,
    out: (result.stdout ?? '').trim(),
    all: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`.trim(),
  };
}

/** Runs a program with all its output on our stderr; true when it ended with status 0. */
export function runLoud(program, args, options = {}) {
  return spawnSync(program, args, { stdio: ['ignore', 2, 2], ...options }).status === 0;
}

/** Stops this thread; there is nothing else to do while another launcher works. */
function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function isAbandoned(path) {
  const owner = Number(readText(path));
  if (!Number.isInteger(owner) || owner <= 0) {
    const age = Date.now() - (statOf(path)?.mtimeMs ?? 0);
    return age > LOCK_NAMELESS_MS_MAX;
  }
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function acquire(path) {
  const deadline = Date.now() + LOCK_WAIT_MS_MAX;
  for (let told = false; ; sleep(100)) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(path)) {
      // Two that wait may both take over; then both install, which is slow but harmless.
      unlinkIfThere(path);
    } else if (Date.now() > deadline) {
      throw new LaunchError(`another launcher holds ${path} for too long; delete it if none runs`);
    } else if (!told) {
      say('waiting for another launcher that sets up this checkout');
      told = true;
    }
  }
}

function unlinkIfThere(path) {
  try {
    unlinkSync(path);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

/**
 * Calls `work` with a function that takes the lock of this checkout. A step calls it once it knows
 * that it has something to do, and looks again afterwards: the other launcher may have done it.
 * A warm start never takes the lock.
 */
export function withLock(root, work) {
  const path = join(stateDir(root), 'lock');
  let held = false;
  const lock = () => {
    if (held) return;
    makeStateDir(root);
    acquire(path);
    held = true;
  };
  try {
    return work(lock);
  } finally {
    if (held) unlinkIfThere(path);
  }
}

function makeStateDir(root) {
  try {
    mkdirSync(stateDir(root), { recursive: true });
    accessSync(stateDir(root), constants.W_OK);
  } catch (error) {
    throw new LaunchError(
      `cannot write ${stateDir(root)} (${error.code}); ` +
        'run from a checkout that belongs to you, or have its owner run: npm run setup',
    );
  }
}
