/**
 * `exchange`: a venue, by default with traders of its own.
 *
 * @module
 */

import { buildCommand, type Command } from '@stricli/core';
import type { CliContext } from '../context.ts';
import {
  type LinkFlags,
  linkFlags,
  type LoadFlags,
  loadFlags,
  type OutputFlags,
  outputFlags,
  type VenueFlags,
  venueFlags,
} from '../flags.ts';

/** The flags of `exchange`. */
export interface ExchangeFlags extends LoadFlags, LinkFlags, VenueFlags, OutputFlags {
  readonly threads?: '1' | '3';
  readonly journal?: 'none' | 'async' | 'group-commit';
  readonly journalDir?: string;
  readonly keep: boolean;
  readonly hostAddress?: string;
}

/** The command. */
export const exchangeCommand: Command<CliContext> = buildCommand<ExchangeFlags, [], CliContext>({
  loader: async () => {
    const { exchange } = await import('./exchange.ts');
    return function run(flags) {
      return exchange(this, flags);
    };
  },
  parameters: {
    flags: {
      ...loadFlags,
      threads: {
        kind: 'enum',
        values: ['1', '3'],
        brief: 'All in one thread (1), or book and journal in their own',
        optional: true,
      },
      journal: {
        kind: 'enum',
        values: ['none', 'async', 'group-commit'],
        brief: 'A report waits for nothing, the kernel (async), the disk',
        optional: true,
      },
      journalDir: {
        kind: 'parsed',
        parse: String,
        brief: 'Folder of the journal, continued if there (temporary)',
        placeholder: 'DIR',
        optional: true,
      },
      keep: { kind: 'boolean', brief: 'Keep the temporary journal', default: false },
      ...linkFlags,
      ...venueFlags,
      hostAddress: {
        kind: 'parsed',
        parse: String,
        brief: "The kernel's end of a TAP, or none (last of the subnet)",
        placeholder: 'A/N',
        optional: true,
      },
      ...outputFlags,
    },
  },
  docs: {
    brief: 'Run the exchange, with traders of its own or on a device',
    fullDescription: [
      'Without --device, venue and traders run in this process on two stacks that are joined by',
      'a pair of crossed DPDK rings (no root, no huge pages, no NIC); where DPDK is missing, by',
      'the loopback device. Seeded orders go to the venue over TCP on an open-loop schedule; the',
      'run ends with a summary and the replay of its own journal.',
      '',
      'With --device the venue waits on a real port: ping it, use its echo service on port 7,',
      'connect the trader command from elsewhere. A device is net_tap:iface=tap0,',
      'net_af_packet:iface=eth0, net_af_xdp:iface=eth0, or the address of a NIC (0000:01:00.0).',
      '',
      'Exits with 0 only if no order was lost and the replay is equal.',
    ].join('\n'),
  },
});
