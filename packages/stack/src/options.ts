/**
 * What a stack is made of.
 *
 * @module
 */

import { type Clock, monotonicClock, NetError, Prng } from '@tickwire/base';
import type { IpConfig, IpLimits, IpRoute, StaticNeighbour } from '@tickwire/ip';
import { BURST_MAX, type Device } from '@tickwire/phy';
import { type TcpConfig, tcpConfig, type TcpOptions } from '@tickwire/tcp';
import { Cidr, IpAddress, MacAddress } from '@tickwire/wire';

/**
 * Frames handled before the egress round. Bounded, so that a flood of segments cannot starve the
 * acknowledgements.
 */
export const INGRESS_BATCH = 32;

/** UDP sockets of one stack. */
export const UDP_SOCKETS_MAX = 256;

/** Options of a stack. */
export interface StackOptions {
  /** The port. */
  readonly device: Device;
  /** Own addresses with prefix lengths: `['10.0.0.1/24']`. */
  readonly addresses: readonly string[];
  /** Default gateway. */
  readonly gateway?: string;
  /** Routes besides subnets and gateway. */
  readonly routes?: readonly IpRoute[];
  /** Neighbours that need no resolution. */
  readonly neighbours?: readonly StaticNeighbour[];
  /** Deviations from the limits of the IP layer. */
  readonly ipLimits?: Partial<IpLimits>;
  /** Announce own addresses by gratuitous ARP; default true. */
  readonly announce?: boolean;
  /** Deviations from the TCP defaults. */
  readonly tcp?: TcpOptions;
  /** Frames per poll before egress, at most {@link BURST_MAX}; default {@link INGRESS_BATCH}. */
  readonly ingressBatch?: number;
  /** The clock of `run` and of verbs called outside `poll`; default: the machine's. */
  readonly clock?: Clock;
  /**
   * Seed of every random choice (initial sequence numbers, ports, delays). Absent: drawn from the
   * system's cryptographic source. Give one for simulation only: it makes sequence numbers
   * predictable.
   */
  readonly seed?: number;
}

/** Options with every default filled in and every text parsed. */
export interface ResolvedOptions {
  readonly device: Device;
  readonly ip: IpConfig;
  readonly tcp: TcpConfig;
  readonly clock: Clock;
  readonly random: Prng;
  readonly ingressBatch: number;
}

/** Checks options. Throws `NetError` that names the option and says what to write instead. */
export function resolveOptions(options: StackOptions): ResolvedOptions {
  const { device } = options;
  const ingressBatch = options.ingressBatch ?? INGRESS_BATCH;
  if (!Number.isInteger(ingressBatch) || ingressBatch < 1 || ingressBatch > BURST_MAX) {
    throw new NetError(
      'ERR_TW_CONFIG',
      `ingressBatch is ${ingressBatch}; choose a whole number from 1 to ${BURST_MAX}`,
    );
  }
  if (options.addresses.length === 0) {
    throw new NetError(
      'ERR_TW_CONFIG',
      "A stack needs an address; write addresses: ['10.0.0.1/24']",
    );
  }
  const mtu = device.capabilities.mtu;
  const ip: IpConfig = {
    mac: MacAddress.fromBytes(device.macAddress),
    mtu,
    addresses: options.addresses.map((text) => Cidr.parse(text)),
    ...(options.gateway === undefined ? {} : { gateway: IpAddress.parse(options.gateway) }),
    ...(options.routes === undefined ? {} : { routes: options.routes }),
    ...(options.neighbours === undefined ? {} : { neighbours: options.neighbours }),
    ...(options.ipLimits === undefined ? {} : { limits: options.ipLimits }),
    ...(options.announce === undefined ? {} : { announce: options.announce }),
  };
  // IPv4 and TCP headers without options take 40 bytes: what is left is the largest MSS on the
  // link.
  const secret = options.seed === undefined ? randomWords() : null;
  const tcp = tcpConfig({ mssMax: mtu - 40, secret, ...options.tcp });
  return {
    device,
    ip,
    tcp,
    clock: options.clock ?? monotonicClock,
    random: new Prng(options.seed ?? randomWords()),
    ingressBatch,
  };
}

/** 128 bits from the system's cryptographic source. */
function randomWords(): Uint32Array {
  return crypto.getRandomValues(new Uint32Array(4));
}
