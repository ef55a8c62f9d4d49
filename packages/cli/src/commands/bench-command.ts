/**
 * `bench`: lists the benchmarks or runs one.
 *
 * @module
 */

import { buildCommand, type Command } from '@stricli/core';
import type { CliContext } from '../context.ts';

/** The flags of `bench`. */
export interface BenchFlags {
  readonly json: boolean;
  readonly tiny: boolean;
}

type Positional = [name?: string];

/** The command. */
export const benchCommand: Command<CliContext> = buildCommand<BenchFlags, Positional, CliContext>({
  loader: async () => {
    const { bench } = await import('./bench.ts');
    return function run(flags, name) {
      return bench(this, flags, name);
    };
  },
  parameters: {
    flags: {
      json: { kind: 'boolean', brief: 'One JSON object, last on stdout', default: false },
      tiny: { kind: 'boolean', brief: 'Tiny sizes: does it still run', default: false },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, brief: 'A benchmark', placeholder: 'NAME', optional: true }],
    },
  },
  docs: { brief: 'List the benchmarks, or run one by its name' },
});
