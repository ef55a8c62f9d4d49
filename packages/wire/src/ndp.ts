// @hot
/**
 * Neighbour Discovery (RFC 4861). Every message is an ICMPv6 message sent with hop limit 255, which
 * the receiver checks: so nobody beyond the link can forge one.
 *
 * ```text
 *  solicitation, advertisement (135, 136)       redirect (137)
 * +------+------+-----------------+            +------+------+-----------------+
 * | type | code |    checksum     |            | type | code |    checksum     |
 * +-+-+-+--------------------------+           +---------------------------------+
 * |R|S|O|        reserved         |            |            reserved             |
 * +-+-+-+--------------------------+           +---------------------------------+
 * |   target address, 4 words      |           |    target address, 4 words      |
 * +--------------------------------+           +---------------------------------+
 * |   options                                  |  destination address, 4 words   |
 *
 *  router advertisement (134)                   option
 * +------+------+-----------------+            +------+------+--------------------
 * | type | code |    checksum     |            | type | len  | in units of 8 bytes
 * +------+-+-+--+-----------------+            +------+------+--------------------
 * | hops |M|O|  | router lifetime |
 * +------+-+-+--+-----------------+
 * |      reachable time, ms       |
 * +-------------------------------+
 * |      retransmit timer, ms     |
 * +-------------------------------+
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { formatIpv6, formatMac } from './address.ts';
import { ICMPV6_HEADER_BYTES, emitIcmpv6, icmpv6Type } from './icmpv6.ts';

const FLAGS = 4;
const TARGET = 8;
const REDIRECT_DESTINATION = 24;
const RA_HOP_LIMIT = 4;
const RA_FLAGS = 5;
const RA_LIFETIME = 6;
const RA_REACHABLE = 8;
const RA_RETRANSMIT = 12;

const OPTION_TYPE = 0;
const OPTION_LENGTH = 1;
const OPTION_MAC_HIGH = 2;
const OPTION_MAC_LOW = 4;
const OPTION_MTU = 4;
const PREFIX_LENGTH = 2;
const PREFIX_FLAGS = 3;
const PREFIX_VALID = 4;
const PREFIX_PREFERRED = 8;
const PREFIX_ADDRESS = 16;

/** A host asks for routers. */
export const NDP_ROUTER_SOLICITATION = 133;
/** A router presents itself, its prefixes and its MTU. */
export const NDP_ROUTER_ADVERTISEMENT = 134;
/** Who has the target address? */
export const NDP_NEIGHBOR_SOLICITATION = 135;
/** The sender has it. */
export const NDP_NEIGHBOR_ADVERTISEMENT = 136;
/** There is a better first hop. */
export const NDP_REDIRECT = 137;

/** Hop limit of every message; anything else was forwarded and is dropped (RFC 4861, 3.1). */
export const NDP_HOP_LIMIT = 255;

/** Bytes of a solicitation or advertisement without options. */
export const NDP_NEIGHBOR_BYTES = 24;
/** Bytes of a router solicitation without options. */
export const NDP_ROUTER_SOLICITATION_BYTES = 8;
/** Bytes of a router advertisement without options. */
export const NDP_ROUTER_ADVERTISEMENT_BYTES = 16;
/** Bytes of a redirect without options. */
export const NDP_REDIRECT_BYTES = 40;
/** Bytes of a link-layer address option for Ethernet. */
export const NDP_LINK_ADDRESS_BYTES = 8;

/** Sender is a router: flag of an advertisement. */
export const NDP_FLAG_ROUTER = 0x80;
/** Answers a solicitation: flag of an advertisement. */
export const NDP_FLAG_SOLICITED = 0x40;
/** Replaces a cached link-layer address: flag of an advertisement. */
export const NDP_FLAG_OVERRIDE = 0x20;

/** Addresses by DHCPv6: flag of a router advertisement. */
export const NDP_RA_MANAGED = 0x80;
/** Other configuration by DHCPv6: flag of a router advertisement. */
export const NDP_RA_OTHER = 0x40;

/** Link-layer address of the sender. */
export const NDP_OPTION_SOURCE_LINK = 1;
/** Link-layer address of the target. */
export const NDP_OPTION_TARGET_LINK = 2;
/** A prefix of the link. */
export const NDP_OPTION_PREFIX = 3;
/** Start of the packet that caused a redirect. */
export const NDP_OPTION_REDIRECTED = 4;
/** MTU of the link. */
export const NDP_OPTION_MTU = 5;

/** Prefix is on this link: flag of a prefix option. */
export const NDP_PREFIX_ON_LINK = 0x80;
/** Prefix may be used for stateless autoconfiguration: flag of a prefix option. */
export const NDP_PREFIX_AUTONOMOUS = 0x40;
/** Bytes of a prefix option. */
export const NDP_PREFIX_BYTES = 32;

/** Flags of an advertisement, `NDP_FLAG_*`. */
export function ndpFlags(view: DataView, at: number): number {
  return view.getUint8(at + FLAGS);
}

/** The `word`-th word (0..3) of the target of a solicitation, advertisement or redirect. */
export function ndpTarget(view: DataView, at: number, word: number): number {
  return view.getInt32(at + TARGET + 4 * word);
}

/** The `word`-th word (0..3) of the destination of a redirect. */
export function ndpRedirectDestination(view: DataView, at: number, word: number): number {
  return view.getInt32(at + REDIRECT_DESTINATION + 4 * word);
}

/** Hop limit that hosts should use; 0 when unspecified. */
export function ndpRouterHopLimit(view: DataView, at: number): number {
  return view.getUint8(at + RA_HOP_LIMIT);
}

/** Flags of a router advertisement, `NDP_RA_*`. */
export function ndpRouterFlags(view: DataView, at: number): number {
  return view.getUint8(at + RA_FLAGS);
}

/** Seconds for which the sender is a default router; 0 when it is none. */
export function ndpRouterLifetimeSeconds(view: DataView, at: number): number {
  return view.getUint16(at + RA_LIFETIME);
}

/** Milliseconds for which a neighbour counts as reachable; 0 when unspecified. */
export function ndpReachableMs(view: DataView, at: number): number {
  return view.getUint32(at + RA_REACHABLE);
}

/** Milliseconds between solicitations; 0 when unspecified. */
export function ndpRetransmitMs(view: DataView, at: number): number {
  return view.getUint32(at + RA_RETRANSMIT);
}

/** Bytes before the options of a message of this type, or 0 for a type that is not NDP. */
export function ndpFixedBytes(type: number): number {
  switch (type) {
    case NDP_ROUTER_SOLICITATION:
      return NDP_ROUTER_SOLICITATION_BYTES;
    case NDP_ROUTER_ADVERTISEMENT:
      return NDP_ROUTER_ADVERTISEMENT_BYTES;
    case NDP_NEIGHBOR_SOLICITATION:
    case NDP_NEIGHBOR_ADVERTISEMENT:
      return NDP_NEIGHBOR_BYTES;
    case NDP_REDIRECT:
      return NDP_REDIRECT_BYTES;
    default:
      return 0;
  }
}

/**
 * `Ok` when the fixed part and every option lie inside `length` bytes, code is 0 and no option has
 * length zero, which would make a walk endless (RFC 4861, 4.6 demands the drop). A multicast target
 * is refused (7.1.1, 7.1.2, 8.1). Hop limit and checksum are the caller's.
 */
export function checkNdp(view: DataView, at: number, length: number): number {
  if (length < ICMPV6_HEADER_BYTES) return Status.Truncated;
  const type = icmpv6Type(view, at);
  const fixed = ndpFixedBytes(type);
  if (fixed === 0 || view.getUint8(at + 1) !== 0) return Status.Malformed;
  if (length < fixed) return Status.Truncated;
  if (type >= NDP_NEIGHBOR_SOLICITATION && view.getUint8(at + TARGET) === 0xff) {
    return Status.Malformed;
  }
  const end = at + length;
  let i = at + fixed;
  while (i < end) {
    if (i + 8 > end) return Status.Truncated;
    const size = view.getUint8(i + OPTION_LENGTH) << 3;
    if (size === 0) return Status.Malformed;
    if (i + size > end) return Status.Truncated;
    i += size;
  }
  return Status.Ok;
}

/**
 * Offset of the first option of `kind` in a message that {@link checkNdp} has accepted, or -1.
 * Start a search for the next one by passing the offset behind the last as `from`; 0 begins at the
 * first option. An option of the wrong size for its kind is passed over.
 */
export function ndpFindOption(
  view: DataView,
  at: number,
  length: number,
  kind: number,
  from: number,
): number {
  const end = at + length;
  let i = from === 0 ? at + ndpFixedBytes(icmpv6Type(view, at)) : from;
  while (i < end) {
    const size = ndpOptionBytes(view, i);
    if (view.getUint8(i + OPTION_TYPE) === kind && (kind !== NDP_OPTION_PREFIX || size === 32)) {
      return i;
    }
    i += size;
  }
  return -1;
}

/** Bytes of the option at `at`. */
export function ndpOptionBytes(view: DataView, at: number): number {
  return view.getUint8(at + OPTION_LENGTH) << 3;
}

/** High 16 bits of the MAC in a link-layer address option. */
export function ndpOptionMacHigh(view: DataView, at: number): number {
  return view.getUint16(at + OPTION_MAC_HIGH);
}

/** Low 32 bits of the MAC in a link-layer address option, as an int32. */
export function ndpOptionMacLow(view: DataView, at: number): number {
  return view.getInt32(at + OPTION_MAC_LOW);
}

/** MTU of an MTU option, in [0, 2^32). */
export function ndpOptionMtu(view: DataView, at: number): number {
  return view.getUint32(at + OPTION_MTU);
}

/** Prefix length of a prefix option, 0..128 unless forged. */
export function ndpPrefixLength(view: DataView, at: number): number {
  return view.getUint8(at + PREFIX_LENGTH);
}

/** Flags of a prefix option, `NDP_PREFIX_*`. */
export function ndpPrefixFlags(view: DataView, at: number): number {
  return view.getUint8(at + PREFIX_FLAGS);
}

/** Valid lifetime in seconds; 2^32 - 1 is for ever. */
export function ndpPrefixValidSeconds(view: DataView, at: number): number {
  return view.getUint32(at + PREFIX_VALID);
}

/** Preferred lifetime in seconds; 2^32 - 1 is for ever. */
export function ndpPrefixPreferredSeconds(view: DataView, at: number): number {
  return view.getUint32(at + PREFIX_PREFERRED);
}

/** The `word`-th word (0..3) of the prefix. */
export function ndpPrefixAddress(view: DataView, at: number, word: number): number {
  return view.getInt32(at + PREFIX_ADDRESS + 4 * word);
}

/**
 * Writes a neighbour solicitation or advertisement (24 bytes) with a zero checksum. Options go
 * behind it.
 */
export function emitNdpNeighbor(
  view: DataView,
  at: number,
  type: number,
  flags: number,
  target0: number,
  target1: number,
  target2: number,
  target3: number,
): void {
  emitIcmpv6(view, at, type, 0, flags << 24);
  view.setInt32(at + TARGET, target0);
  view.setInt32(at + TARGET + 4, target1);
  view.setInt32(at + TARGET + 8, target2);
  view.setInt32(at + TARGET + 12, target3);
}

/** Writes a router solicitation (8 bytes) with a zero checksum. Options go behind it. */
export function emitNdpRouterSolicitation(view: DataView, at: number): void {
  emitIcmpv6(view, at, NDP_ROUTER_SOLICITATION, 0, 0);
}

/** Writes a link-layer address option (8 bytes) and returns the offset behind it. */
export function emitNdpLinkAddress(
  view: DataView,
  at: number,
  kind: number,
  macHigh: number,
  macLow: number,
): number {
  view.setUint16(at, (kind << 8) | 1);
  view.setUint16(at + OPTION_MAC_HIGH, macHigh);
  view.setInt32(at + OPTION_MAC_LOW, macLow);
  return at + NDP_LINK_ADDRESS_BYTES;
}

/** A neighbour message as an object; for tests and logs. */
export interface NdpNeighbor {
  type: number;
  flags: number;
  target: string;
}

function targetText(view: DataView, at: number): string {
  return formatIpv6(
    ndpTarget(view, at, 0),
    ndpTarget(view, at, 1),
    ndpTarget(view, at, 2),
    ndpTarget(view, at, 3),
  );
}

/** Reads a solicitation or advertisement that {@link checkNdp} has accepted. @cold */
export function parseNdpNeighbor(view: DataView, at: number): NdpNeighbor {
  return {
    type: icmpv6Type(view, at),
    flags: ndpFlags(view, at),
    target: targetText(view, at),
  };
}

/** One line for a message that {@link checkNdp} has accepted. @cold */
export function formatNdp(view: DataView, at: number, length: number): string {
  switch (icmpv6Type(view, at)) {
    case NDP_ROUTER_SOLICITATION:
      return 'NDP router solicitation';
    case NDP_ROUTER_ADVERTISEMENT:
      return 'NDP router advertisement ' + String(ndpRouterLifetimeSeconds(view, at)) + ' s';
    case NDP_NEIGHBOR_SOLICITATION:
      return 'NDP who-has ' + targetText(view, at);
    case NDP_NEIGHBOR_ADVERTISEMENT: {
      const option = ndpFindOption(view, at, length, NDP_OPTION_TARGET_LINK, 0);
      const line = 'NDP ' + targetText(view, at) + ' is-at ';
      if (option < 0) return line + 'sender';
      return line + formatMac(ndpOptionMacHigh(view, option), ndpOptionMacLow(view, option));
    }
    default:
      return 'NDP redirect to ' + targetText(view, at);
  }
}
