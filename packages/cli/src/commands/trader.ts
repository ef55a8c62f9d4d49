/**
 * Runs `trader`.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { SESSIONS_MAX } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { makeLoad } from '../exchange/load.ts';
import { runTrader, TRADER_ADDRESS } from '../exchange/run.ts';
import { linkOptions, reportRun } from './report.ts';
import type { TraderFlags } from './trader-command.ts';

/** Traders on a device. */
export async function trader(context: CliContext, flags: TraderFlags): Promise<void> {
  const { device } = flags;
  if (device === undefined) {
    throw new NetError(
      'ERR_TW_CONFIG',
      'A trader needs a port to reach its venue; give --device, for example ' +
        'net_af_packet:iface=veth1, or use "exchange", which has traders of its own',
    );
  }
  const load = makeLoad(flags, flags.idle ?? 'spin');
  const { firstTrader } = flags;
  if (firstTrader + load.sessions > SESSIONS_MAX) {
    throw new NetError(
      'ERR_TW_CONFIG',
      `A venue has traders 0 to ${SESSIONS_MAX - 1}; lower --first-trader or --sessions`,
    );
  }
  const { port, group, groupPort } = flags;
  await reportRun(context, flags, (hooks) =>
    runTrader(
      {
        device,
        address: flags.address ?? TRADER_ADDRESS,
        venueAddress: flags.venue,
        firstTrader,
        venue: { port, group, groupPort },
        load,
        link: linkOptions(context, flags),
      },
      hooks,
    ),
  );
}
