/**
 * IPv4 over Ethernet: neighbours, addresses, routes, fragmentation, reassembly, ICMP and IGMP.
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
export { Ip, type NeighbourRow } from './ip.ts';
export { type LinkOutput, RX_BAD, RX_SUMMED, RX_VERIFIED, Verdict } from './link.ts';
