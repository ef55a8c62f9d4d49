/**
 * What a command sees of the process: streams, environment, the signal that ends it. Injected, so
 * that tests run a command without a process.
 *
 * @module
 */

import type { CommandContext } from '@stricli/core';
import { type Terminal, terminalOf, type TextSink } from './render/terminal.ts';

/** The context of every command. */
export interface CliContext extends CommandContext {
  readonly process: {
    readonly stdout: TextSink & CommandContext['process']['stdout'];
    readonly stderr: TextSink & CommandContext['process']['stderr'];
    readonly env: Readonly<Record<string, string | undefined>>;
    exitCode?: number | string | null;
  };
  /** Properties of stdout. */
  readonly out: Terminal;
  /** Properties of stderr. */
  readonly err: Terminal;
  /** Aborts when the user wants the command to end. */
  readonly signal: AbortSignal;
}

/** Exit statuses. */
export const ExitCode = {
  /** Everything held. */
  Ok: 0,
  /** It ran, and something is wrong: an order lost, a replay that differs, a missing device. */
  Failed: 1,
  /** The command line makes no sense. */
  Usage: 2,
} as const;

interface ProcessLike {
  readonly stdout: TextSink & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: TextSink & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Makes the context of a process. */
export function createContext(process: ProcessLike, signal: AbortSignal): CliContext {
  const { stdout, stderr, env } = process;
  const out = terminalOf(stdout, env);
  const err = terminalOf(stderr, env);
  // Stricli asks the stream how many colours it has; our own judgement knows about NO_COLOR.
  const depth = (terminal: Terminal) => (): number => (terminal.hasColor ? 8 : 1);
  return {
    process: {
      stdout: { write: (text) => void stdout.write(text), getColorDepth: depth(out) },
      stderr: { write: (text) => void stderr.write(text), getColorDepth: depth(err) },
      env,
    },
    out,
    err,
    signal,
  };
}
