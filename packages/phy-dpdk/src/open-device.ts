/**
 * From `--device net_tap:iface=tap0` to a running `Device` in one call.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { NetError } from '@tickwire/base';
import { type DeviceSpec, parseDeviceSpec, toDevargs } from './device-spec.ts';
import { DpdkDevice } from './dpdk-device.ts';
import { Eal, EalBuilder } from './eal.ts';
import { EthDev, type EthDevOptions } from './eth-dev.ts';
import { createMemPool, type MemPool } from './mem-pool.ts';
import { hasCapability, hasHugePages, requireDriver } from './preflight.ts';

/** Bytes of an Ethernet header, for which a frame needs room besides the MTU. */
const LINK_BYTES = 14;

/** Options of {@link openDevice}. */
export interface OpenDeviceOptions {
  /** Packet memory; without it the device makes its own and frees it when it closes. */
  readonly pool?: MemPool;
  /** Frames of the pool that is made, default 8,191. */
  readonly frames?: number;
  /** Largest IP packet; the default is the MTU of the interface. */
  readonly mtu?: number;
  /** Queue pairs, default 1; open the others with `DpdkDevice.attach`. */
  readonly queues?: number;
  /** Receives frames for every address. */
  readonly promiscuous?: boolean;
  /** The stack's MAC address; the default is the port's, and for a TAP one beside it. */
  readonly macAddress?: Uint8Array;
  /** Descriptors per receive queue. */
  readonly rxDescriptors?: number;
  /** Descriptors per transmit queue. */
  readonly txDescriptors?: number;
}

/** Frames of a pool that a device makes for itself: dpdk-net's default. */
const FRAMES = 8191;

/** Threads number their devices apart: DPDK's names are those of the process. */
const DEVICES_PER_THREAD = 1000;

let devicesOpened = 0;

/** Bytes of a frame with its mbuf, rounded up to what two cache lines of padding may add. */
const FRAME_BYTES_MAX = 2560;
/** MiB besides the frames: rings, queues and what DPDK needs for itself. */
const OTHER_MB = 40;

/** DPDK as it runs, or with the defaults for `spec`: huge pages where there are some. */
function environment(spec: DeviceSpec, frames: number): Eal {
  if (Eal.current !== undefined) return Eal.current;
  const builder = new EalBuilder();
  if (!hasHugePages()) builder.noHuge().memoryMb(OTHER_MB + ((frames * FRAME_BYTES_MAX) >> 20));
  // The device is added later by name; at the start DPDK takes none.
  if (spec.driver === 'pci') builder.allow(spec.target);
  else builder.noPci();
  return builder.init();
}

/** The MTU that the kernel has for its interface; drivers over the kernel report 1,500 always. */
function kernelMtu(iface: string): number | undefined {
  if (iface === '') return undefined;
  try {
    const mtu = Number(readFileSync(`/sys/class/net/${iface}/mtu`, 'utf8'));
    return Number.isInteger(mtu) && mtu > 0 ? mtu : undefined;
  } catch {
    // The interface belongs to another namespace than the mounted /sys.
    return undefined;
  }
}

/**
 * The stack's address. The kernel's end of a TAP has the port's address, and two hosts with one
 * address would make the same link-local IPv6 address and find each other a duplicate.
 */
function stackMac(spec: DeviceSpec, port: EthDev): Uint8Array {
  const mac = port.macAddress;
  if (spec.driver === 'net_tap') {
    mac[0] = (mac[0]! | 0x02) & 0xfe;
    mac[5] = mac[5]! ^ 0x80;
  }
  return mac;
}

/**
 * Frames in each ring of a packet socket. DPDK's default of 512 is overrun within one burst of a
 * fast sender, and the kernel's drops do not show in the driver's counters.
 */
const PACKET_RING_FRAMES = '4096';

function withDefaults(spec: DeviceSpec): DeviceSpec {
  if (spec.driver !== 'net_af_packet' || spec.args.has('framecnt')) return spec;
  // The two rings are locked memory, 16 MiB of it, twice of what is allowed by default.
  if (!hasCapability('CAP_IPC_LOCK')) return spec;
  return { ...spec, args: new Map([...spec.args, ['framecnt', PACKET_RING_FRAMES]]) };
}

function portOptions(spec: DeviceSpec, port: EthDev, options: OpenDeviceOptions): EthDevOptions {
  return {
    queues: options.queues ?? 1,
    rxDescriptors: options.rxDescriptors ?? 0,
    txDescriptors: options.txDescriptors ?? 0,
    mtu: options.mtu ?? 0,
    // Drivers over the kernel check in software, and we sum faster than they do.
    rxChecksum: spec.driver === 'pci' && port.info.canCheckChecksums,
  };
}

function start(
  spec: DeviceSpec,
  port: EthDev,
  pool: MemPool,
  options: OpenDeviceOptions,
  onClose: () => void,
): DpdkDevice {
  const config = portOptions(spec, port, options);
  port.start(pool, config);
  if (options.promiscuous === true) port.setPromiscuous(true);
  const room = pool.arena.dataRoom - LINK_BYTES;
  const mtu = options.mtu ?? kernelMtu(spec.target) ?? port.mtu;
  if (mtu > room) {
    throw new NetError(
      'EMSGSIZE',
      `${port.name} has an MTU of ${mtu} and a frame holds ${room}; lower the MTU of the ` +
        'interface, or make a pool with a larger dataRoom',
      { mtu, room },
    );
  }
  return new DpdkDevice(
    port,
    pool,
    {
      mtu,
      macAddress: options.macAddress ?? stackMac(spec, port),
      checksum: 'full',
      isNicTrusted: config.rxChecksum === true,
      isPadded: true,
    },
    onClose,
  );
}

/**
 * Opens a device by its specification, see {@link parseDeviceSpec}. Starts DPDK when it does not
 * run yet; it keeps running when the device closes.
 *
 * @throws NetError `EINVAL` for the specification, `ERR_TW_NO_DPDK` without the library, `EPERM`,
 *   `ENODEV`, `ENOENT` or `ENOMEM` for what the machine lacks, with what to do in the message.
 *
 * @example
 * ```ts
 * using device = openDevice('net_tap:iface=tap0');
 * ```
 */
export function openDevice(text: string, options: OpenDeviceOptions = {}): DpdkDevice {
  const spec = withDefaults(parseDeviceSpec(text));
  requireDriver(spec.driver, spec.target);
  const frames = options.frames ?? FRAMES;
  const eal = environment(spec, frames);
  const isOwnPool = options.pool === undefined;
  const pool = options.pool ?? createMemPool(eal, { frames });
  let port: EthDev | undefined;
  const close = (): void => {
    port?.close();
    if (isOwnPool) pool.close();
  };
  try {
    port = EthDev.open(toDevargs(spec, threadId * DEVICES_PER_THREAD + devicesOpened));
    devicesOpened += 1;
    return start(spec, port, pool, options, close);
  } catch (error) {
    close();
    throw error;
  }
}
