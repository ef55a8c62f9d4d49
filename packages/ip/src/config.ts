/**
 * Configuration of the IP layer, with every limit named and argued.
 *
 * @module
 */

import type { Cidr, IpAddress, MacAddress } from '@tickwire/wire';

/** A route: packets for `destination` go to `gateway`, or straight to the peer without one. */
export interface IpRoute {
  readonly destination: Cidr;
  readonly gateway?: IpAddress;
}

/** A neighbour that is configured and never asked for. */
export interface StaticNeighbour {
  readonly address: IpAddress;
  readonly mac: MacAddress;
}

/** Bounds of the tables. All memory is taken at construction. */
export interface IpLimits {
  /**
   * Neighbours known at once. A /22 with some strangers; 1024 entries take about 100 kB.
   */
  readonly neighbours: number;
  /**
   * Frames that wait for one unresolved neighbour. 64 covers the SYNs of a client that opens many
   * connections at once, which would otherwise come a retransmission timeout later (Linux keeps
   * 208 kB, about 100 frames; RFC 1122, 2.3.2.2 asks for at least one).
   */
  readonly neighbourQueueFrames: number;
  /**
   * Frames that wait for all unresolved neighbours together, so that a scan of silent addresses
   * cannot drain the pool.
   */
  readonly neighbourQueueFramesTotal: number;
  /** Own addresses of each family. */
  readonly addresses: number;
  /** Routes, those of the addresses' subnets included. */
  readonly routes: number;
  /** Destinations with a known path MTU below the link's (RFC 1191). */
  readonly pathMtus: number;
  /** Datagrams under reassembly at once; the oldest gives way to a new one (RFC 815). */
  readonly reassemblies: number;
  /** Frames held by all reassemblies together. */
  readonly reassemblyFrames: number;
  /** Multicast groups of each family joined at once. */
  readonly groups: number;
  /** Looped packets (to our own addresses) that wait for `receiveLooped`; a power of two. */
  readonly loopedFrames: number;
  /** ICMP errors per second (token bucket; RFC 1812, 4.3.2.8; RFC 4443, 2.4 f). */
  readonly icmpErrorsPerSecond: number;
  /** ICMP errors in one burst at most. */
  readonly icmpErrorBurst: number;
  /** Echo replies per second; a flood of pings must not take the transmit queue. */
  readonly echoRepliesPerSecond: number;
}

/** Limits that hold unless the configuration says otherwise. */
export const DEFAULT_LIMITS: IpLimits = {
  neighbours: 1024,
  neighbourQueueFrames: 64,
  neighbourQueueFramesTotal: 512,
  addresses: 16,
  routes: 64,
  pathMtus: 256,
  reassemblies: 16,
  reassemblyFrames: 256,
  groups: 64,
  loopedFrames: 256,
  icmpErrorsPerSecond: 1000,
  icmpErrorBurst: 50,
  echoRepliesPerSecond: 100_000,
};

/** Configuration of {@link Ip}. */
export interface IpConfig {
  /** Our Ethernet address. */
  readonly mac: MacAddress;
  /** Largest IP packet on the link. */
  readonly mtu: number;
  /**
   * Own addresses with their subnets, for example `Cidr.parse('10.0.0.1/24')`. The first IPv6
   * address switches IPv6 on.
   */
  readonly addresses: readonly Cidr[];
  /** Default gateway. */
  readonly gateway?: IpAddress;
  /** Routes besides the subnets and the gateway. */
  readonly routes?: readonly IpRoute[];
  /** Neighbours that need no resolution. */
  readonly neighbours?: readonly StaticNeighbour[];
  /** Deviations from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<IpLimits>;
  /** Announce own addresses by gratuitous ARP when they are added (RFC 5227, 2.3); default true. */
  readonly announce?: boolean;
  /** Speak IPv6 with a link-local address alone; default false. */
  readonly ipv6?: boolean;
  /** Answer echo requests; default true. */
  readonly echo?: boolean;
}
