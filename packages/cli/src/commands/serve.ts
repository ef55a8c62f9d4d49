/**
 * Runs `serve`.
 *
 * @module
 */

import { monotonicClock, NetError } from '@tickwire/base';
import { runLoop, Stack, startServices } from '@tickwire/stack';
import type { CliContext } from '../context.ts';
import { configureHost } from '../exchange/kernel-side.ts';
import { openPort } from '../exchange/link.ts';
import { linkOptions } from './report.ts';
import type { ServeFlags } from './serve-command.ts';

/** The services until the signal or the end of `--duration`. */
export async function serve(context: CliContext, flags: ServeFlags): Promise<void> {
  const { device, address } = flags;
  if (device === undefined) {
    throw new NetError(
      'ERR_TW_CONFIG',
      'The services need a port; give --device, for example net_tap:iface=tap0',
    );
  }
  using port = openPort(device, { ...linkOptions(context, flags), nowNs: monotonicClock.nowNs() });
  const notice = configureHost(device, address, flags.hostAddress);
  using stack = new Stack({ device: port.device, addresses: [address] });
  using _services = startServices(stack);
  const host = address.split('/')[0]!;
  const { stderr } = context.process;
  if (notice !== undefined) stderr.write(`${notice}\n`);
  stderr.write(`Echo 7, discard 9, chargen 19 and HTTP 80 at ${host}. Ctrl-C ends it.\n`);
  const signals = [context.signal];
  if (flags.duration !== undefined) signals.push(AbortSignal.timeout(flags.duration * 1000));
  await runLoop([stack], monotonicClock, {
    signal: AbortSignal.any(signals),
    idle: flags.idle ?? 'sleep',
  });
  const { inSegs, outSegs } = stack.core.tcp.counters;
  const { rxFrames, txFrames } = port.device.stats;
  context.process.stdout.write(
    `frames ${rxFrames} in, ${txFrames} out; TCP segments ${inSegs} in, ${outSegs} out\n`,
  );
}
