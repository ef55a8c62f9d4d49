/**
 * Scripts over IPv6: the same text, other addresses on the wire.
 *
 * A script names IPv4 addresses; over IPv6 each of them is the last word of one in fd00::/96.
 * The link takes 20 bytes more, which is by how much the IP header is longer: MSS, windows and
 * segment sizes are those that the script says.
 *
 * @module
 */

import type { ScriptedStackOptions } from '../port/scripted-stack.ts';
import { IpAddress, IPV6_MTU_MIN, pseudoSum4, pseudoSum6 } from '@tickwire/wire';
import type { PacketEvent, Script } from './script.ts';

/** Which IP a script runs over. */
export type Family = 4 | 6;

/** fd00::/96: the first word; the second and the third are 0. */
export const IPV6_SCRIPT_WORD: number = 0xfd000000 | 0;
/** Bits of the prefix in front of an IPv4 address. */
const PREFIX_BITS = 96;
/** By how much an IPv6 header is longer. */
const HEADER_DIFFERENCE = 20;
/** MTU of scripts that name none. */
const MTU = 1500;

/** An address of a script as the stack gets it; any address stays any address. */
export function addressOn(family: Family, text: string): string {
  if (family === 4) return text;
  const address = IpAddress.parse(text);
  if (!address.isV4 || address.isUnspecified) return text;
  return String(new IpAddress(IPV6_SCRIPT_WORD, 0, 0, address.v4));
}

/** Sum of the pseudo header between two addresses of a script. */
export function pseudoSumOn(
  family: Family,
  src: number,
  dst: number,
  protocol: number,
  length: number,
): number {
  if (family === 4) return pseudoSum4(src, dst, protocol, length);
  const word = IPV6_SCRIPT_WORD;
  return pseudoSum6(word, 0, 0, src, word, 0, 0, dst, protocol, length);
}

/** The stack of a script on one of the families. */
export function stackOptionsOn(
  family: Family,
  options: ScriptedStackOptions,
): ScriptedStackOptions {
  if (family === 4) return options;
  const address = options.address ?? '10.0.0.1/24';
  const [host = '', bits = '24'] = address.split('/');
  const neighbours = options.neighbours ?? ['10.0.0.2', '10.0.0.3', '10.0.0.254'];
  return {
    ...options,
    ipv6: true,
    mtu: (options.mtu ?? MTU) + HEADER_DIFFERENCE,
    address: `${addressOn(6, host)}/${PREFIX_BITS + Number(bits)}`,
    gateway: addressOn(6, options.gateway ?? '10.0.0.254'),
    neighbours: neighbours.map((text) => addressOn(6, text)),
  };
}

/** What belongs to the IPv4 header, to a group, or to a checksum that IPv6 does not allow. */
const IPV4_ATTRIBUTES: readonly string[] = [
  'badip',
  'broadcast',
  'cut',
  'df',
  'frag',
  'id',
  'ihl',
  'ipopt',
  'len',
  'multicast',
  'nodf',
  'nosum',
  'version',
];

/**
 * Whether a script says the same of both families: TCP and UDP between unicast addresses, nothing
 * of the IPv4 header, no ICMP, no group. Scripts whose numbers differ by the RFC say `ip: 4`.
 */
export function isForBothFamilies(script: Script): boolean {
  const { header, events } = script;
  if (header.family !== undefined) return false;
  if ((header.options.mtu ?? MTU) + HEADER_DIFFERENCE < IPV6_MTU_MIN) return false;
  return events.every(({ what, text }) => {
    if (what.kind === 'call') return !/MEMBERSHIP|MULTICAST/.test(text);
    if (what.kind === 'assert') return !/\bip\./.test(text);
    return what.kind === 'inbound' || what.kind === 'outbound' ? isPlain(what) : true;
  });
}

function isPlain({ attributes, packet }: PacketEvent): boolean {
  if (packet.kind !== 'tcp' && packet.kind !== 'udp') return false;
  if (IPV4_ATTRIBUTES.some((name) => attributes.has(name))) return false;
  return ['src', 'dst'].every((name) => {
    const text = attributes.get(name);
    return text === undefined || isHost(IpAddress.parse(text));
  });
}

/** Neither group nor broadcast nor loopback: what such an address means differs. */
function isHost(address: IpAddress): boolean {
  const last = address.v4 & 0xff;
  if (address.isUnspecified || address.isMulticast || address.isBroadcast) return false;
  return !address.isLoopback && last !== 0xff && last !== 0;
}
