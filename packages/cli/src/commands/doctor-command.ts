/**
 * `doctor`: what this machine offers.
 *
 * @module
 */

import { buildCommand, type Command } from '@stricli/core';
import type { CliContext } from '../context.ts';

/** The flags of `doctor`. */
export interface DoctorFlags {
  readonly json: boolean;
}

/** The command. */
export const doctorCommand: Command<CliContext> = buildCommand<DoctorFlags, [], CliContext>({
  loader: async () => {
    const { doctor } = await import('./doctor.ts');
    return function run(flags) {
      return doctor(this, flags);
    };
  },
  parameters: { flags: { json: { kind: 'boolean', brief: 'One JSON object', default: false } } },
  docs: { brief: 'Say what this machine offers and what to do about what is missing' },
});
