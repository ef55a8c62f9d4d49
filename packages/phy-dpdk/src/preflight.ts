/**
 * What a driver needs from the machine, looked up before DPDK is asked: DPDK's own messages say
 * "No such device" for almost everything.
 *
 * @module
 */

import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { NetError } from '@tickwire/base';

/** Capabilities by their bit in linux/capability.h. */
const CAPABILITY_BITS = {
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_SYS_ADMIN: 21,
} as const;

type Capability = keyof typeof CAPABILITY_BITS;

/** What the drivers over the kernel were found to need; root outside of containers has them all. */
const NEEDED: Readonly<Record<string, readonly Capability[]>> = {
  net_tap: ['CAP_NET_ADMIN'],
  net_af_packet: ['CAP_NET_RAW', 'CAP_NET_ADMIN'],
  net_af_xdp: ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_SYS_ADMIN'],
};

/** True when this process has the capability. */
export function hasCapability(capability: Capability): boolean {
  const status = readFileSync('/proc/self/status', 'utf8');
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return ((mask >> BigInt(CAPABILITY_BITS[capability])) & 1n) === 1n;
}

function requireCapabilities(driver: string): void {
  const needed = NEEDED[driver] ?? [];
  const missing = needed.filter((capability) => !hasCapability(capability));
  if (missing.length === 0) return;
  throw new NetError(
    'EPERM',
    `${driver} needs ${missing.join(' and ')}; run as root, or start the process with these ` +
      'capabilities (setpriv --ambient-caps, AmbientCapabilities= of systemd)',
    { driver, missing: missing.join(' ') },
  );
}

/** Interfaces of the network namespace that this process is in. */
function hasInterface(name: string): boolean {
  return readFileSync('/proc/self/net/dev', 'utf8')
    .split('\n')
    .some((line) => line.trimStart().startsWith(`${name}:`));
}

function requireInterface(name: string): void {
  if (name !== '' && hasInterface(name)) return;
  throw new NetError(
    'ENODEV',
    `There is no network interface "${name}" here; "ip link" lists them`,
    { iface: name },
  );
}

function requireTun(): void {
  if (!existsSync('/dev/net/tun')) {
    throw new NetError(
      'ENOENT',
      '/dev/net/tun is missing; load the module with "modprobe tun", or pass the device into the ' +
        'container with --device /dev/net/tun',
    );
  }
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new NetError('EACCES', '/dev/net/tun cannot be opened; run as root', {}, { cause });
  }
}

/** Huge pages of any size that are free now. */
function freeHugePages(): number {
  const info = readFileSync('/proc/meminfo', 'utf8');
  return Number(/^HugePages_Free:\s*(\d+)/m.exec(info)?.[1] ?? '0');
}

/** True when DPDK can take its memory from huge pages. */
export function hasHugePages(): boolean {
  return freeHugePages() > 0;
}

/** @throws NetError `ENOMEM` when no huge page is free. */
export function requireHugePages(): void {
  if (hasHugePages()) return;
  throw new NetError(
    'ENOMEM',
    'No huge page is free; reserve some with "echo 256 > /proc/sys/vm/nr_hugepages", or use ' +
      'noHuge()',
  );
}

function requirePci(address: string): void {
  const folder = `/sys/bus/pci/devices/${address}`;
  if (!existsSync(folder)) {
    throw new NetError(
      'ENODEV',
      `There is no PCI device ${address} here; "dpdk-devbind.py --status-dev net" lists the NICs`,
      { address },
    );
  }
}

/**
 * Checks what `driver` needs.
 *
 * @param driver - `net_tap`, `net_af_packet`, `net_af_xdp`, `pci`, or another one (not checked).
 * @param target - The interface or the PCI address.
 * @throws NetError that names what is missing and how to get it.
 */
export function requireDriver(driver: string, target: string): void {
  if (driver === 'net_tap') requireTun();
  if (driver === 'net_af_packet' || driver === 'net_af_xdp') requireInterface(target);
  if (driver === 'pci') requirePci(target);
  requireCapabilities(driver);
}
