/**
 * The command line as a process of its own, as a user starts it.
 */

import { join } from 'node:path';
import * as v from 'valibot';
import { type RunResult, runResultSchema } from '../src/exchange/result.ts';

/** The entry of the command line. */
export const MAIN: string = join(import.meta.dir, '../src/main.ts');

/** No process of a test may take longer. */
const TIMEOUT_MS = 50_000;

/** A started command line. */
export type CliProcess = Bun.Subprocess<'ignore', 'pipe', 'pipe'>;

/** Starts a command line; `prefix` is put before it, for a namespace. */
export function start(args: readonly string[], prefix: readonly string[] = []): CliProcess {
  return Bun.spawn([...prefix, process.execPath, MAIN, ...args], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
}

/** Waits for its end. */
export async function finish(
  child: CliProcess,
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [out, err, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { code, out, err };
}

/** The result that a command line printed with `--json`: its last line. */
export function resultOf(out: string): RunResult {
  return v.parse(runResultSchema, JSON.parse(out.trimEnd().split('\n').at(-1) ?? ''));
}
