/**
 * What a driver needs from the machine, looked up before DPDK is asked: DPDK's own messages say
 * "No such device" for almost everything.
 *
 * @module
 */

import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { NetError } from '@tickwire/base';

/** Capability numbers of linux/capability.h. */
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;

function hasCapability(bit: number): boolean {
  const status = readFileSync('/proc/self/status', 'utf8');
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return ((mask >> BigInt(bit)) & 1n) === 1n;
}

function requireCapability(bit: number, name: string, what: string): void {
  if (hasCapability(bit)) return;
  throw new NetError(
    'EPERM',
    `${what} needs ${name}; run as root, or give it to the bun binary with setcap`,
    { capability: name },
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
  if (driver === 'net_tap') {
    requireTun();
    requireCapability(CAP_NET_ADMIN, 'CAP_NET_ADMIN', 'Making a TAP interface');
  } else if (driver === 'net_af_packet') {
    requireInterface(target);
    requireCapability(CAP_NET_RAW, 'CAP_NET_RAW', 'A packet socket');
  } else if (driver === 'net_af_xdp') {
    requireInterface(target);
    requireCapability(CAP_NET_ADMIN, 'CAP_NET_ADMIN', 'Loading an XDP program');
  } else if (driver === 'pci') {
    requirePci(target);
  }
}
