/**
 * `replay-journal`: from a journal to the hash of the book.
 *
 * @module
 */

import { buildCommand, type Command } from '@stricli/core';
import type { CliContext } from '../context.ts';

/** The flags of `replay-journal`. */
export interface ReplayFlags {
  readonly json: boolean;
  readonly snapshot: boolean;
}

/** The command. */
export const replayCommand: Command<CliContext> = buildCommand<ReplayFlags, [string], CliContext>({
  loader: async () => {
    const { replay } = await import('./replay.ts');
    return function run(flags, directory) {
      return replay(this, flags, directory);
    };
  },
  parameters: {
    flags: {
      json: { kind: 'boolean', brief: 'One JSON object', default: false },
      snapshot: { kind: 'boolean', brief: 'Begin with the newest snapshot', default: false },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, brief: 'Directory of the journal', placeholder: 'DIR' }],
    },
  },
  docs: { brief: 'Replay a journal and print the hash of the state it leads to' },
});
