/**
 * The kernel's end of a TAP that we made: it needs an address before anything can be pinged.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { parseDeviceSpec } from '@tickwire/phy-dpdk';
import { Cidr, IpAddress } from '@tickwire/wire';

/** Longest IPv4 prefix whose subnet has room for two hosts besides network and broadcast. */
const PREFIX_MAX = 30;

/**
 * An address for the kernel beside `address`: the last of the subnet, or the one before when that
 * is `address` itself. Undefined for IPv6 and for subnets without room.
 *
 * @example
 * ```ts
 * neighbourOf('10.77.0.1/24'); // '10.77.0.254/24'
 * ```
 */
export function neighbourOf(address: string): string | undefined {
  const cidr = Cidr.parse(address);
  if (!cidr.address.isV4 || cidr.prefix > PREFIX_MAX) return undefined;
  const { word0, word1, word2, word3 } = cidr.address;
  const last = (word3 | ~cidr.mask4) - 1;
  const host = new IpAddress(word0, word1, word2, (last | 0) === word3 ? last - 1 : last);
  return `${host.toString()}/${cidr.prefix}`;
}

/**
 * Gives the kernel's interface an address and brings it up. The interface belongs to this process
 * and goes with it, so nothing has to be undone.
 *
 * @param own - the venue's address with prefix length.
 * @param wanted - an address with prefix length, `none`, or undefined for the default.
 * @returns what the user should know.
 * @throws NetError `EINVAL` when `wanted` is given for a device that is no TAP, or `ip` refuses.
 */
export function configureHost(
  device: string,
  own: string,
  wanted: string | undefined,
): string | undefined {
  const spec = parseDeviceSpec(device);
  if (spec.driver !== 'net_tap') {
    if (wanted === undefined || wanted === 'none') return undefined;
    throw new NetError(
      'EINVAL',
      '--host-address is for the kernel end of a net_tap; configure this interface with "ip addr"',
    );
  }
  const iface = spec.target === '' ? undefined : spec.target;
  if (wanted === 'none') return undefined;
  if (iface === undefined) {
    return 'DPDK chose the name of the TAP; name it (net_tap:iface=tap0) to have it configured.';
  }
  const address = wanted ?? neighbourOf(own);
  if (address === undefined) return `Give ${iface} an address beside ${own} with "ip addr".`;
  runIp(['addr', 'add', address, 'dev', iface]);
  runIp(['link', 'set', iface, 'up']);
  return `The kernel has ${address} on ${iface}.`;
}

function runIp(args: readonly string[]): void {
  const command = ['ip', ...args].join(' ');
  let reason: string;
  try {
    const { exitCode, stderr } = Bun.spawnSync(['ip', ...args]);
    if (exitCode === 0) return;
    reason = stderr.toString().trim();
  } catch {
    reason = 'the command "ip" is missing; install iproute2';
  }
  throw new NetError(
    'EINVAL',
    `"${command}" failed (${reason}); do it by hand and give --host-address none`,
    { command },
  );
}
