/**
 * Temporary folders of the tests: captures are large, and a run that is killed removes nothing.
 *
 * @module
 */

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'tickwire-kernel-';

let isSwept = false;

/** Removes the folders of processes that are gone: their number is in the name. */
function sweep(): void {
  if (isSwept) return;
  isSwept = true;
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^tickwire-kernel-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeFolder(join(tmpdir(), name));
  }
}

/** Makes a folder; whoever made it removes it, or the next run does. */
export function makeFolder(): string {
  sweep();
  return mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
}

/** Removes a folder with what is in it. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
