#!/usr/bin/env bun
/**
 * The entry of the command line: `bun packages/cli/src/main.ts <command>`.
 *
 * The first SIGINT or SIGTERM asks the command to end with what it has; the second ends the
 * process. The process is left to end by itself, so that a pipe gets everything that was written.
 *
 * @module
 */

import { runCli } from './app.ts';
import { createContext, ExitCode } from './context.ts';

/** What a shell expects of a process that SIGINT has ended. */
const EXIT_SIGINT = 130;

const controller = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (controller.signal.aborted) process.exit(EXIT_SIGINT);
    controller.abort();
  });
}

// Without a listener Bun would print a stack; nothing that is still to be said can be said there.
for (const stream of [process.stdout, process.stderr] as const) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    const isQuiet = error.code === 'EPIPE' || stream === process.stderr;
    if (!isQuiet) {
      process.stderr.write(`tickwire: The output cannot be written [${error.code ?? 'EIO'}]\n`);
    }
    process.exit(ExitCode.Failed);
  });
}

process.exitCode = await runCli(process.argv.slice(2), createContext(process, controller.signal));
