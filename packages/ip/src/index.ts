/**
 * IP over Ethernet: neighbours, addresses, routes, fragmentation, reassembly, ICMP, IGMP and their
 * IPv6 counterparts.
 *
 * @packageDocumentation
 */

export {
  DEFAULT_LIMITS,
  type IpConfig,
  type IpLimits,
  type IpRoute,
  type StaticNeighbour,
} from './config.ts';
export { IGNORE_EVENTS, type IpEvents } from './events.ts';
export { IcmpError, IcmpErrorKind } from './icmp-error.ts';
export { IpCounters } from './counters.ts';
export { Ip } from './ip.ts';
export { type NeighbourRow } from './neighbour-rows.ts';
export { NeighbourState } from './neighbours.ts';
export { type LinkOutput, RX_BAD, RX_SUMMED, RX_VERIFIED, Verdict } from './link.ts';
