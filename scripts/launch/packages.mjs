/**
 * Installs the npm packages when they are missing or the lock file has changed.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LaunchError, readText, runLoud, say, statOf } from './state.mjs';

/**
 * Runs `bun install --frozen-lockfile` unless it ran for this very lock file. The stamp lies in
 * node_modules, so that whoever deletes the folder deletes the stamp with it.
 */
export function ensurePackages(root, bun, lock) {
  const text = readText(join(root, 'bun.lock'));
  if (text === undefined) throw new LaunchError('bun.lock is missing; restore it from git');
  const digest = createHash('sha256').update(text).digest('hex');
  const stamp = join(root, 'node_modules', '.tickwire');
  const isDone = () =>
    readText(stamp) === digest && statOf(join(root, 'packages/cli/node_modules')) !== undefined;
  if (isDone()) return;
  lock();
  if (isDone()) return;
  say('installing the npm packages of bun.lock');
  if (!runLoud(bun, ['install', '--frozen-lockfile'], { cwd: root })) {
    throw new LaunchError('bun install --frozen-lockfile failed; see its messages above');
  }
  writeFileSync(stamp, digest);
}
