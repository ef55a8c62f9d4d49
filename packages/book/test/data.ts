/**
 * Recorded order flow that is not part of the repository. Its folder is named by the environment
 * variable `TICKWIRE_DATA` or lies beside the repository as `shared/data`.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const DIRECTORY =
  process.env['TICKWIRE_DATA'] ?? resolve(import.meta.dir, '../../../../shared/data');

let warned = false;

/** Whether all `names` are there; says loudly what is skipped when they are not. */
export function haveData(names: readonly string[]): boolean {
  const missing = names.filter((name) => !existsSync(join(DIRECTORY, name)));
  if (missing.length > 0 && !warned) {
    warned = true;
    process.stderr.write(
      `\n*** SKIPPED: tests against recorded order flow. Missing: ${missing.join(', ')}.\n` +
        '*** Set TICKWIRE_DATA to the folder that holds them.\n',
    );
  }
  return missing.length === 0;
}

/** The bytes of one file. */
export function readData(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(DIRECTORY, name)));
}
