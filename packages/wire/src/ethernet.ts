// @hot
/**
 * Ethernet II (IEEE 802.3, RFC 894). A MAC address is two numbers: the high 16 bits and the low 32
 * bits as an int32, so that comparing it costs two comparisons.
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |     destination, high 16      |      destination, low 32      |
 * +-------------------------------+-------------------------------+
 * |    destination (continued)    |        source, high 16        |
 * +-------------------------------+-------------------------------+
 * |                        source, low 32                         |
 * +-------------------------------+-------------------------------+
 * |           EtherType           |            payload
 * +-------------------------------+----
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { formatMac } from './address.ts';

const DST_HIGH = 0;
const DST_LOW = 2;
const SRC_HIGH = 6;
const SRC_LOW = 8;
const TYPE = 12;

/** Bytes of the header. */
export const ETHERNET_HEADER_BYTES = 14;
/** Smallest frame without FCS; shorter ones are padded on the wire (IEEE 802.3, 3.2.8). */
export const ETHERNET_FRAME_BYTES_MIN = 60;
/** Payload bytes of a standard frame. */
export const ETHERNET_MTU = 1500;

/** IPv4. */
export const ETHERTYPE_IPV4 = 0x0800;
/** ARP. */
export const ETHERTYPE_ARP = 0x0806;
/** IPv6. */
export const ETHERTYPE_IPV6 = 0x86dd;
/** An 802.1Q tag follows; recognised, counted and dropped: the stack terminates no VLANs. */
export const ETHERTYPE_VLAN = 0x8100;
/** An 802.1ad service tag follows; treated as {@link ETHERTYPE_VLAN}. */
export const ETHERTYPE_QINQ = 0x88a8;
/** Values below are 802.3 lengths, not types. */
export const ETHERTYPE_MIN = 0x0600;

/** High 16 bits of ff:ff:ff:ff:ff:ff. */
export const MAC_BROADCAST_HIGH = 0xffff;
/** Low 32 bits of ff:ff:ff:ff:ff:ff, as an int32. */
export const MAC_BROADCAST_LOW = -1;
/** Group bit (I/G) in the high 16 bits: set for multicast and broadcast. */
export const MAC_GROUP_BIT = 0x0100;

/** High 16 bits of the destination. */
export function ethernetDstHigh(view: DataView, at: number): number {
  return view.getUint16(at + DST_HIGH);
}

/** Low 32 bits of the destination, as an int32. */
export function ethernetDstLow(view: DataView, at: number): number {
  return view.getInt32(at + DST_LOW);
}

/** High 16 bits of the source. */
export function ethernetSrcHigh(view: DataView, at: number): number {
  return view.getUint16(at + SRC_HIGH);
}

/** Low 32 bits of the source, as an int32. */
export function ethernetSrcLow(view: DataView, at: number): number {
  return view.getInt32(at + SRC_LOW);
}

/** EtherType. */
export function ethernetType(view: DataView, at: number): number {
  return view.getUint16(at + TYPE);
}

/** Writes the destination. */
export function setEthernetDst(view: DataView, at: number, high: number, low: number): void {
  view.setUint16(at + DST_HIGH, high);
  view.setInt32(at + DST_LOW, low);
}

/** Writes the source. */
export function setEthernetSrc(view: DataView, at: number, high: number, low: number): void {
  view.setUint16(at + SRC_HIGH, high);
  view.setInt32(at + SRC_LOW, low);
}

/** Writes the EtherType. */
export function setEthernetType(view: DataView, at: number, type: number): void {
  view.setUint16(at + TYPE, type);
}

/** Whether a MAC with these high bits is a group address (multicast or broadcast). */
export function macIsGroup(high: number): boolean {
  return (high & MAC_GROUP_BIT) !== 0;
}

/** Whether this is ff:ff:ff:ff:ff:ff. */
export function macIsBroadcast(high: number, low: number): boolean {
  return high === MAC_BROADCAST_HIGH && low === MAC_BROADCAST_LOW;
}

/** High bits of the MAC of every IPv4 multicast group (RFC 1112, 6.4). */
export const MAC_MULTICAST4_HIGH = 0x0100;
/** High bits of the MAC of every IPv6 multicast group (RFC 2464, 7). */
export const MAC_MULTICAST6_HIGH = 0x3333;

/** Low bits of the MAC of an IPv4 group: 5e, a zero bit, the low 23 bits (RFC 1112, 6.4). */
export function macMulticast4Low(group: number): number {
  return 0x5e000000 | (group & 0x007fffff);
}

/** Low bits of the MAC of an IPv6 group: its last word (RFC 2464, 7). */
export function macMulticast6Low(group3: number): number {
  return group3 | 0;
}

/** `Ok`, or `Truncated` when `length` bytes do not hold the header. */
export function checkEthernet(_view: DataView, _at: number, length: number): number {
  return length < ETHERNET_HEADER_BYTES ? Status.Truncated : Status.Ok;
}

/** Writes the whole header. */
export function emitEthernet(
  view: DataView,
  at: number,
  dstHigh: number,
  dstLow: number,
  srcHigh: number,
  srcLow: number,
  type: number,
): void {
  view.setUint16(at + DST_HIGH, dstHigh);
  view.setInt32(at + DST_LOW, dstLow);
  view.setUint16(at + SRC_HIGH, srcHigh);
  view.setInt32(at + SRC_LOW, srcLow);
  view.setUint16(at + TYPE, type);
}

/** The header as an object; for tests and logs. */
export interface EthernetHeader {
  dstHigh: number;
  dstLow: number;
  srcHigh: number;
  srcLow: number;
  type: number;
}

/** Reads a header that {@link checkEthernet} has accepted. @cold */
export function parseEthernet(view: DataView, at: number): EthernetHeader {
  return {
    dstHigh: ethernetDstHigh(view, at),
    dstLow: ethernetDstLow(view, at),
    srcHigh: ethernetSrcHigh(view, at),
    srcLow: ethernetSrcLow(view, at),
    type: ethernetType(view, at),
  };
}

/** The name of an EtherType, or its hexadecimal form. @cold */
export function ethertypeName(type: number): string {
  switch (type) {
    case ETHERTYPE_IPV4:
      return 'IPv4';
    case ETHERTYPE_ARP:
      return 'ARP';
    case ETHERTYPE_IPV6:
      return 'IPv6';
    case ETHERTYPE_VLAN:
      return 'VLAN';
    case ETHERTYPE_QINQ:
      return 'QinQ';
    default:
      return '0x' + type.toString(16).padStart(4, '0');
  }
}

/** One line: `02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP`. @cold */
export function formatEthernet(view: DataView, at: number): string {
  const src = formatMac(ethernetSrcHigh(view, at), ethernetSrcLow(view, at));
  const dst = formatMac(ethernetDstHigh(view, at), ethernetDstLow(view, at));
  return src + ' > ' + dst + ' ' + ethertypeName(ethernetType(view, at));
}
