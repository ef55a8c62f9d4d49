/**
 * Runs `doctor`.
 *
 * @module
 */

import { type CliContext, ExitCode } from '../context.ts';
import { examine, type Finding } from '../doctor/findings.ts';
import { thisMachine } from '../doctor/machine.ts';
import { type Style, styleOf, type Terminal, wrap } from '../render/terminal.ts';
import type { DoctorFlags } from './doctor-command.ts';

const NAME_WIDTH = 12;
const INDENT = ' '.repeat(2 + 2 + NAME_WIDTH);

function mark(finding: Finding, style: Style): string {
  if (finding.state === 'ok') return style.good('✓');
  return finding.state === 'note' ? style.accent('·') : style.bad('✗');
}

/** The findings as lines: a mark, the name, what is, and below it what to do. */
export function renderFindings(findings: readonly Finding[], terminal: Terminal): string {
  const style = styleOf(terminal);
  const lines = findings.flatMap((finding) => {
    const [first = '', ...rest] = wrap(finding.text, terminal.columns, INDENT);
    const head = `  ${mark(finding, style)} ${finding.name.padEnd(NAME_WIDTH)}${first.trimStart()}`;
    const advice =
      finding.advice === undefined ? [] : wrap(`→ ${finding.advice}`, terminal.columns, INDENT);
    return [head, ...rest, ...advice.map((line) => style.dim(line))];
  });
  const isFit = findings.every((finding) => finding.state !== 'missing');
  const verdict = isFit ? 'Ready: try "npm run exchange".' : 'Something is missing, see above.';
  return [...lines, '', `  ${style.bold(verdict)}`].join('\n');
}

/** Examines the machine; fails only when nothing would run. */
export function doctor(context: CliContext, flags: DoctorFlags): void {
  const findings = examine(thisMachine(context.process.env));
  const isFit = findings.every((finding) => finding.state !== 'missing');
  const text = flags.json
    ? JSON.stringify({ ready: isFit, findings })
    : renderFindings(findings, context.out);
  context.process.stdout.write(`${text}\n`);
  context.process.exitCode = isFit ? ExitCode.Ok : ExitCode.Failed;
}
