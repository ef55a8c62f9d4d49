/**
 * Runs command lines without a process.
 */

import { runCli } from '../src/app.ts';
import { createContext } from '../src/context.ts';

/** What a command line printed and how it ended. */
export interface CliOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line on the loopback device, with streams that are no terminals. */
export async function cli(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CliOutcome> {
  const out: string[] = [];
  const err: string[] = [];
  const context = createContext(
    {
      stdout: { write: (text) => out.push(text) },
      stderr: { write: (text) => err.push(text) },
      env: { TICKWIRE_NO_DPDK: '1', ...env },
    },
    signal,
  );
  const code = await runCli(args, context);
  return { code, out: out.join(''), err: err.join('') };
}
