/**
 * `serve`: the small services on a device.
 *
 * @module
 */

import { buildCommand, type Command } from '@stricli/core';
import { parseCidr, parseDuration } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { type LinkFlags, linkFlags } from '../flags.ts';

/** The flags of `serve`. */
export interface ServeFlags extends LinkFlags {
  readonly address: string;
  readonly hostAddress?: string;
  readonly duration?: number;
}

/** The command. */
export const serveCommand: Command<CliContext> = buildCommand<ServeFlags, [], CliContext>({
  loader: async () => {
    const { serve } = await import('./serve.ts');
    return function run(flags) {
      return serve(this, flags);
    };
  },
  parameters: {
    flags: {
      ...linkFlags,
      address: {
        kind: 'parsed',
        parse: parseCidr,
        brief: 'Own address',
        placeholder: 'A/N',
        default: '10.77.0.1/24',
      },
      hostAddress: {
        kind: 'parsed',
        parse: String,
        brief: "The kernel's end of a TAP, or none (last of the subnet)",
        placeholder: 'A/N',
        optional: true,
      },
      duration: {
        kind: 'parsed',
        parse: parseDuration,
        brief: 'End after this time (on SIGINT)',
        placeholder: 'S',
        optional: true,
      },
    },
  },
  docs: {
    brief: 'Serve echo (7), discard (9), chargen (19) and HTTP (80) on a device',
    fullDescription: [
      'Echo, discard and chargen of RFC 862 to 864 over TCP and UDP, and one fixed HTTP/1.1',
      'answer. Needs --device, for example net_tap:iface=tap0.',
    ].join('\n'),
  },
});
