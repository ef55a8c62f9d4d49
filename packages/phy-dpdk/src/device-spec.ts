/**
 * The words of `--device`: a driver with its arguments, or the address of a NIC.
 *
 * ```text
 * net_tap                          a TAP interface that the kernel names
 * net_tap:iface=tap7               the same, named
 * net_af_packet:iface=veth0        an interface of the kernel, through a packet socket
 * net_af_xdp:iface=veth0           the same, through XDP
 * 0000:01:00.0                     a NIC that is bound to vfio-pci, or has a bifurcated driver
 * ```
 *
 * @module
 */

import { NetError } from '@tickwire/base';

/** A parsed specification. */
export interface DeviceSpec {
  /** DPDK's driver without the number (`net_tap`), or `pci`. */
  readonly driver: string;
  /** The interface or the PCI address; empty where the driver chooses. */
  readonly target: string;
  /** Arguments of the driver, in order. */
  readonly args: ReadonlyMap<string, string>;
  /** Number that was written behind the driver, if any: two TAPs are `net_tap0` and `net_tap1`. */
  readonly index: number | undefined;
}

const PCI = /^((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?:[,:](.*))?$/i;
const VIRTUAL = /^(net_[a-z][a-z_]*?)(\d+)?(?:[,:](.*))?$/;

/** Drivers that attach to an interface of the kernel and cannot do without its name. */
const NEEDS_INTERFACE: readonly string[] = ['net_af_packet', 'net_af_xdp'];

/** Longest name of an interface, without the terminating zero; linux/if.h, IFNAMSIZ. */
const IFNAME_LENGTH_MAX = 15;

function invalid(text: string, why: string): NetError {
  return new NetError(
    'EINVAL',
    `"${text}" is no device: ${why}; write for example net_tap:iface=tap0, ` +
      'net_af_packet:iface=eth0 or 0000:01:00.0',
    { device: text },
  );
}

function parseArgs(text: string, list: string | undefined): Map<string, string> {
  const args = new Map<string, string>();
  if (list === undefined || list === '') return args;
  for (const part of list.split(',')) {
    const [key, ...rest] = part.split('=');
    if (key === undefined || key === '' || rest.length === 0) {
      throw invalid(text, `"${part}" is not name=value`);
    }
    if (args.has(key)) throw invalid(text, `"${key}" occurs twice`);
    args.set(key, rest.join('='));
  }
  return args;
}

/**
 * Parses a specification.
 *
 * @throws NetError `EINVAL` that says what is wrong with it.
 *
 * @example
 * ```ts
 * parseDeviceSpec('net_af_packet:iface=veth0').target; // 'veth0'
 * ```
 */
export function parseDeviceSpec(text: string): DeviceSpec {
  const pci = PCI.exec(text);
  if (pci !== null) {
    const short = (pci[1] ?? '').toLowerCase();
    const target = short.length === 7 ? `0000:${short}` : short;
    return { driver: 'pci', target, args: parseArgs(text, pci[2]), index: undefined };
  }
  const virtual = VIRTUAL.exec(text);
  if (virtual === null) throw invalid(text, 'neither a driver of DPDK nor a PCI address');
  const driver = virtual[1] ?? '';
  const args = parseArgs(text, virtual[3]);
  const target = args.get('iface') ?? '';
  if (driver === 'net_ring') {
    throw invalid(text, 'a ring has two ends, use createRingPair() or the loopback device');
  }
  if (target === '' && NEEDS_INTERFACE.includes(driver)) throw invalid(text, 'iface is missing');
  if (target.length > IFNAME_LENGTH_MAX || /[\s/]/.test(target)) {
    throw invalid(text, `"${target}" cannot name an interface`);
  }
  const index = virtual[2] === undefined ? undefined : Number(virtual[2]);
  return { driver, target, args, index };
}

/** The device arguments that DPDK understands; `index` numbers the devices of one driver. */
export function toDevargs(spec: DeviceSpec, index: number): string {
  const name = spec.driver === 'pci' ? spec.target : `${spec.driver}${spec.index ?? index}`;
  return [name, ...[...spec.args].map(([key, value]) => `${key}=${value}`)].join(',');
}
