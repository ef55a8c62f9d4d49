/**
 * Runs `bench`.
 *
 * The benchmarks are no part of this package: they lie in the `bench` folder of a checkout and are
 * loaded from there.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { NetError } from '@tickwire/base';
import { ExitCode, type CliContext } from '../context.ts';
import type { BenchFlags } from './bench-command.ts';

/** The door of `bench/index.ts`. */
interface BenchDoor {
  readonly benchMain: (
    name: string | undefined,
    options: { readonly json: boolean; readonly tiny: boolean; readonly signal: AbortSignal },
    io: { readonly out: (text: string) => void; readonly err: (text: string) => void },
  ) => Promise<boolean>;
}

/** Lists the benchmarks or runs one. */
export async function bench(context: CliContext, flags: BenchFlags, name?: string): Promise<void> {
  const door = join(import.meta.dir, '../../../../bench/index.ts');
  if (!existsSync(door)) {
    throw new NetError(
      'ENOENT',
      'There are no benchmarks here; run this in a checkout of tickwire',
    );
  }
  const { benchMain } = (await import(door)) as BenchDoor;
  const { stdout, stderr } = context.process;
  const isDone = await benchMain(
    name,
    { ...flags, signal: context.signal },
    { out: (text) => void stdout.write(text), err: (text) => void stderr.write(text) },
  );
  context.process.exitCode = isDone ? ExitCode.Ok : ExitCode.Failed;
}
