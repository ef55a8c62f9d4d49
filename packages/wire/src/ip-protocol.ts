// @hot
/**
 * Numbers that IPv4 and IPv6 share: protocols (IANA), and the DSCP and ECN halves of the traffic
 * class byte (RFC 2474, RFC 3168).
 *
 * ```text
 *   0   1   2   3   4   5   6   7
 * +-----------------------+-------+
 * |         DSCP          |  ECN  |
 * +-----------------------+-------+
 * ```
 *
 * @module
 */

/** IPv6 hop-by-hop options header (RFC 8200, 4.3). */
export const PROTOCOL_HOP_BY_HOP = 0;
/** ICMP for IPv4. */
export const PROTOCOL_ICMP = 1;
/** IGMP. */
export const PROTOCOL_IGMP = 2;
/** TCP. */
export const PROTOCOL_TCP = 6;
/** UDP. */
export const PROTOCOL_UDP = 17;
/** IPv6 routing header (RFC 8200, 4.4). */
export const PROTOCOL_ROUTING = 43;
/** IPv6 fragment header (RFC 8200, 4.5). */
export const PROTOCOL_FRAGMENT = 44;
/** Encapsulating security payload; opaque to us. */
export const PROTOCOL_ESP = 50;
/** Authentication header; opaque to us. */
export const PROTOCOL_AH = 51;
/** ICMP for IPv6, with NDP and MLD. */
export const PROTOCOL_ICMPV6 = 58;
/** IPv6: nothing follows (RFC 8200, 4.7). */
export const PROTOCOL_NONE = 59;
/** IPv6 destination options header (RFC 8200, 4.6). */
export const PROTOCOL_DESTINATION = 60;

/** The two ECN bits of a traffic class. */
export const ECN_MASK = 0x03;
/** The sender does not take part in ECN. */
export const ECN_NOT_ECT = 0;
/** ECN-capable, codepoint ECT(1). */
export const ECN_ECT1 = 1;
/** ECN-capable, codepoint ECT(0): what classic TCP sets. */
export const ECN_ECT0 = 2;
/** Congestion experienced: set by a router in place of a drop. */
export const ECN_CE = 3;

/** The six DSCP bits of a traffic class, in place. */
export const DSCP_MASK = 0xfc;
/** Default forwarding. */
export const DSCP_DEFAULT = 0;
/** Expedited forwarding (RFC 3246): what order flow asks for. */
export const DSCP_EXPEDITED = 46;

/** The ECN codepoint of a traffic class. */
export function ecnOf(trafficClass: number): number {
  return trafficClass & ECN_MASK;
}

/** The DSCP of a traffic class. */
export function dscpOf(trafficClass: number): number {
  return trafficClass >> 2;
}

/** The traffic class of a DSCP and an ECN codepoint. */
export function trafficClassOf(dscp: number, ecn: number): number {
  return ((dscp << 2) | ecn) & 0xff;
}

/** The name of a protocol, or its number as text. @cold */
export function protocolName(protocol: number): string {
  switch (protocol) {
    case PROTOCOL_HOP_BY_HOP:
      return 'HOPOPT';
    case PROTOCOL_ICMP:
      return 'ICMP';
    case PROTOCOL_IGMP:
      return 'IGMP';
    case PROTOCOL_TCP:
      return 'TCP';
    case PROTOCOL_UDP:
      return 'UDP';
    case PROTOCOL_ROUTING:
      return 'ROUTING';
    case PROTOCOL_FRAGMENT:
      return 'FRAGMENT';
    case PROTOCOL_ESP:
      return 'ESP';
    case PROTOCOL_AH:
      return 'AH';
    case PROTOCOL_ICMPV6:
      return 'ICMPv6';
    case PROTOCOL_NONE:
      return 'NONE';
    case PROTOCOL_DESTINATION:
      return 'DSTOPT';
    default:
      return 'proto ' + String(protocol);
  }
}
