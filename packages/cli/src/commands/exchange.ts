/**
 * Runs `exchange`.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { CliContext } from '../context.ts';
import { makeLoad } from '../exchange/load.ts';
import { runEmbedded } from '../exchange/run.ts';
import type { VenueConfig } from '../exchange/venue-config.ts';
import type { ExchangeFlags } from './exchange-command.ts';
import { linkOptions, reportRun } from './report.ts';
import { serveVenue } from './venue.ts';

/** The venue with traders of its own, or on a device. */
export async function exchange(context: CliContext, flags: ExchangeFlags): Promise<void> {
  refuseContradictions(flags);
  if (flags.device !== undefined) {
    await serveVenue(context, { ...flags, device: flags.device });
    return;
  }
  const load = makeLoad(flags, flags.idle ?? 'spin');
  const venue: VenueConfig = {
    port: flags.port,
    group: flags.group,
    groupPort: flags.groupPort,
    threads: flags.threads === '3' ? 3 : 1,
    journal: flags.journal ?? 'async',
    limits: load.feed.limits,
    traders: load.sessions,
  };
  await reportRun(context, flags, (hooks) =>
    runEmbedded(
      {
        venue,
        load,
        journal: venue.journal,
        ...(flags.journalDir === undefined ? {} : { journalDir: flags.journalDir }),
        keep: flags.keep,
        link: linkOptions(context, flags),
        env: context.process.env,
      },
      hooks,
    ),
  );
}

/** Flags that would silently do nothing are an error: the user expects something of them. */
function refuseContradictions(flags: ExchangeFlags): void {
  const refuse = (message: string): never => {
    throw new NetError('ERR_TW_CONFIG', message);
  };
  if (flags.journal === 'none' && (flags.journalDir !== undefined || flags.keep)) {
    refuse('--journal none writes no journal; leave out --journal-dir and --keep');
  }
  if (flags.device === undefined) {
    if (flags.address !== undefined || flags.hostAddress !== undefined) {
      refuse('Without --device nobody else is on the wire; leave out --address, --host-address');
    }
    return;
  }
  const loadOnly = ['rate', 'orders', 'replay', 'arrivals', 'sessions', 'warmup'] as const;
  const useless = loadOnly.filter((name) => flags[name] !== undefined);
  if (useless.length > 0) {
    refuse(
      `With --device the orders come from elsewhere; give --${useless.join(', --')} to the ` +
        'trader command',
    );
  }
}
