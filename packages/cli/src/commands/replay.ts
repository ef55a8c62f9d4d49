/**
 * Runs `replay-journal`.
 *
 * @module
 */

import { replayJournal } from '@tickwire/engine';
import type { CliContext } from '../context.ts';
import { formatCount } from '../render/format.ts';
import type { ReplayFlags } from './replay-command.ts';

/** Replays a journal and prints what comes of it. */
export function replay(context: CliContext, flags: ReplayFlags, directory: string): void {
  const report = replayJournal(directory, { snapshot: flags.snapshot });
  if (flags.json) {
    context.process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  const lines = [
    ['inputs', formatCount(report.records)],
    ['reports', formatCount(report.reports)],
    ['sha-256', report.reportSha256 ?? 'unknown: a snapshot was used'],
    ['state', report.stateHash],
    ['torn', `${formatCount(report.tornBytes)} bytes`],
  ] as const;
  for (const [name, value] of lines) context.process.stdout.write(`${name.padEnd(10)}${value}\n`);
}
