/**
 * The command line: its commands, its help, and how an error looks.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import {
  type Application,
  type ApplicationText,
  buildApplication,
  buildRouteMap,
  help,
  run,
  text_en,
} from '@stricli/core';
import { benchCommand } from './commands/bench-command.ts';
import { doctorCommand } from './commands/doctor-command.ts';
import { exchangeCommand } from './commands/exchange-command.ts';
import { replayCommand } from './commands/replay-command.ts';
import { serveCommand } from './commands/serve-command.ts';
import { traderCommand } from './commands/trader-command.ts';
import { type CliContext, ExitCode } from './context.ts';

/**
 * An error as its reader needs it: what the user or the machine did wrong in one sentence with its
 * code, what we did wrong with the stack.
 */
export function errorText(error: unknown): string {
  if (error instanceof NetError) return netErrorText(error);
  if (error instanceof Error) return `tickwire: ${error.stack ?? error.message}`;
  return `tickwire: ${String(error)}`;
}

/** The log of a driver that an error carries is shown, where the message points to it. */
function netErrorText(error: NetError): string {
  const { message, code, details } = error;
  const line = (text: string): string => `tickwire: ${text} [${code}]`;
  const { log } = details;
  if (!message.includes('details.log')) return line(message);
  if (typeof log !== 'string' || log === '') {
    return line(message.replaceAll('details.log', "DPDK's log, which is empty"));
  }
  const text = line(message.replaceAll('details.log', 'the lines below'));
  return `${text}\n${log.replaceAll(/^/gm, '  ')}`;
}

const paint = (text: string, hasColor: boolean): string =>
  hasColor ? `\u001b[1m\u001b[31m${text}\u001b[39m\u001b[22m` : text;

const text: ApplicationText = {
  ...text_en,
  exceptionWhileRunningCommand: (error, hasColor) => paint(errorText(error), hasColor),
  exceptionWhileLoadingCommandFunction: (error, hasColor) => paint(errorText(error), hasColor),
  commandErrorResult: (error, hasColor) => paint(errorText(error), hasColor),
};

/** The application. */
export const app: Application<CliContext> = buildApplication(
  buildRouteMap<string, CliContext>({
    routes: {
      exchange: exchangeCommand,
      trader: traderCommand,
      serve: serveCommand,
      replayJournal: replayCommand,
      bench: benchCommand,
      doctor: doctorCommand,
    },
    docs: {
      brief: 'A TCP/IP stack and an exchange in user space, in TypeScript',
      fullDescription: [
        'tickwire: a TCP/IP stack and an exchange in user space, in TypeScript on Bun over DPDK.',
        '',
        'Begin with "exchange": it needs no root, no NIC and no preparation.',
      ].join('\n'),
    },
  }),
  {
    name: 'tickwire',
    scanner: { caseStyle: 'allow-kebab-for-camel' },
    localization: { text },
  },
  {
    help: help({
      brief: 'Print this help',
      formatting: {
        onlyRequiredInUsageLine: true,
        useAliasInUsageLine: false,
        caseStyle: 'convert-camel-to-kebab',
      },
    }),
  },
);

/** Runs one command line; returns the exit status. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  await run(app, args.length === 0 ? ['--help'] : args, context);
  const code = Number(context.process.exitCode ?? ExitCode.Ok);
  // Stricli's own codes are negative: whatever they say, the command line was at fault.
  return code < 0 ? ExitCode.Usage : code;
}
