/**
 * `trader`: the traders of a venue that runs elsewhere.
 *
 * @module
 */

import { buildCommand, type Command } from '@stricli/core';
import { parseFirstTrader } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import {
  type LinkFlags,
  linkFlags,
  type LoadFlags,
  loadFlags,
  type OutputFlags,
  outputFlags,
  venueAddressFlag,
  type VenueFlags,
  venueFlags,
} from '../flags.ts';

/** The flags of `trader`. */
export interface TraderFlags extends LoadFlags, LinkFlags, VenueFlags, OutputFlags {
  readonly venue: string;
  readonly firstTrader: number;
}

/** The command. */
export const traderCommand: Command<CliContext> = buildCommand<TraderFlags, [], CliContext>({
  loader: async () => {
    const { trader } = await import('./trader.ts');
    return function run(flags) {
      return trader(this, flags);
    };
  },
  parameters: {
    flags: {
      ...loadFlags,
      firstTrader: {
        kind: 'parsed',
        parse: parseFirstTrader,
        brief: 'Number of the first trader: the venue must not know it yet',
        placeholder: 'N',
        default: '0',
      },
      ...linkFlags,
      ...venueAddressFlag,
      ...venueFlags,
      ...outputFlags,
    },
  },
  docs: {
    brief: 'Send orders to a venue elsewhere, over a device of its own',
    fullDescription: [
      'Logs in over TCP, sends on an open-loop schedule, joins the multicast group and checks',
      'its sequence. Needs --device, for example net_af_packet:iface=veth1. The venue must not',
      'have seen these traders: client sequences start at 1. A second run against the same venue',
      'takes other numbers with --first-trader.',
    ].join('\n'),
  },
});
