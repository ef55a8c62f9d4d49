/**
 * What can be asked of a machine; a test answers instead of one.
 *
 * @module
 */

import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { hasNative } from '@tickwire/phy-dpdk';

/** Questions to a machine. */
export interface Machine {
  /** Text of a file, or undefined when it cannot be read. */
  read(path: string): string | undefined;
  /** Whether a file exists. */
  exists(path: string): boolean;
  /** Whether a file can be read and written. */
  isWritable(path: string): boolean;
  /** Where a command is, or undefined. */
  which(command: string): string | undefined;
  readonly bunVersion: string;
  readonly uid: number;
  /** Cores that this process may use. */
  readonly cores: number;
  /** Whether the shim over DPDK is built and wanted. */
  readonly hasDpdk: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The machine that this runs on. */
export function thisMachine(env: Readonly<Record<string, string | undefined>>): Machine {
  return {
    read(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    exists: (path) => existsSync(path),
    isWritable(path) {
      try {
        accessSync(path, constants.R_OK | constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
    which: (command) => Bun.which(command) ?? undefined,
    bunVersion: Bun.version,
    uid: process.getuid?.() ?? -1,
    cores: availableParallelism(),
    hasDpdk: hasNative(),
    env,
  };
}
