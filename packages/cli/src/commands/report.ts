/**
 * What `exchange` and `trader` do alike: watch a run and say how it was.
 *
 * @module
 */

import { type CliContext, ExitCode } from '../context.ts';
import { resultJson } from '../exchange/result.ts';
import type { RunHooks, RunOutcome } from '../exchange/run.ts';
import type { LinkFlags, OutputFlags } from '../flags.ts';
import type { LinkOptions } from '../exchange/link.ts';
import { ProgressLine } from '../render/progress.ts';
import { RunProgress } from '../render/run-progress.ts';
import { renderSummary } from '../render/summary.ts';

/** Runs with a progress line on stderr, then prints JSON or the summary on stdout. */
export async function reportRun(
  context: CliContext,
  flags: OutputFlags,
  run: (hooks: RunHooks) => Promise<RunOutcome>,
): Promise<void> {
  const line = new ProgressLine(context.process.stderr, context.err);
  let progress: RunProgress | undefined;
  const hooks: RunHooks = {
    signal: context.signal,
    ...(flags.quiet
      ? {}
      : {
          onReady: (traders, venue) => {
            progress = new RunProgress(line, traders, venue);
          },
          onRound: (nowNs) => progress?.round(nowNs),
        }),
  };
  let outcome: RunOutcome;
  try {
    outcome = await run(hooks);
  } finally {
    line.clear();
  }
  const { stdout, stderr } = context.process;
  if (flags.json) {
    for (const notice of outcome.notices) stderr.write(`${notice}\n`);
    stdout.write(`${resultJson(outcome.result)}\n`);
  } else {
    stdout.write(`${renderSummary(outcome, context.out)}\n`);
  }
  context.process.exitCode = outcome.result.ok ? ExitCode.Ok : ExitCode.Failed;
}

/** Capture and trace of a link, from its flags. */
export function linkOptions(context: CliContext, flags: LinkFlags): Omit<LinkOptions, 'nowNs'> {
  return {
    ...(flags.pcap === undefined ? {} : { pcap: flags.pcap }),
    ...(flags.trace
      ? { trace: (text: string): void => void context.process.stderr.write(`${text}\n`) }
      : {}),
  };
}
