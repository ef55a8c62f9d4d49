/**
 * The machine that figures come from.
 *
 * @module
 */

import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** What a figure is worth nothing without. */
export interface BenchMachine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly bun: string;
  /** Load average of the last minute at the start: above 1, somebody else was at work. */
  readonly load: number;
}

/** Describes this machine. */
export function thisMachine(): BenchMachine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    bun: Bun.version,
    load: loadavg()[0] ?? 0,
  };
}
