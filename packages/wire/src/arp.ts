// @hot
/**
 * ARP for IPv4 over Ethernet (RFC 826). Other hardware and protocol types are refused by
 * {@link checkArp}.
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |       hardware type (1)       |     protocol type (0x0800)    |
 * +---------------+---------------+-------------------------------+
 * |  hw len (6)   | proto len (4) |           operation           |
 * +---------------+---------------+-------------------------------+
 * |    sender MAC, high 16        |        sender MAC, low 32     |
 * +-------------------------------+-------------------------------+
 * |    sender MAC (continued)     |          sender IPv4          |
 * +-------------------------------+-------------------------------+
 * |    sender IPv4 (continued)    |      target MAC, high 16      |
 * +-------------------------------+-------------------------------+
 * |                       target MAC, low 32                      |
 * +---------------------------------------------------------------+
 * |                          target IPv4                          |
 * +---------------------------------------------------------------+
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { formatIpv4, formatMac } from './address.ts';
import { ETHERTYPE_IPV4 } from './ethernet.ts';

const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const HARDWARE_LENGTH = 4;
const OPERATION = 6;
const SENDER_MAC_HIGH = 8;
const SENDER_MAC_LOW = 10;
const SENDER_IP = 14;
const TARGET_MAC_HIGH = 18;
const TARGET_MAC_LOW = 20;
const TARGET_IP = 24;

/** Bytes of an ARP packet for IPv4 over Ethernet. */
export const ARP_BYTES = 28;
/** Who has the target address? */
export const ARP_REQUEST = 1;
/** The sender has it. */
export const ARP_REPLY = 2;

/** Ethernet (RFC 826; IANA hardware type 1). */
const HARDWARE_ETHERNET = 1;
/** Hardware length 6 and protocol length 4, read as one 16-bit word. */
const LENGTHS_ETHERNET_IPV4 = 0x0604;

/** {@link ARP_REQUEST}, {@link ARP_REPLY}, or a value to ignore. */
export function arpOperation(view: DataView, at: number): number {
  return view.getUint16(at + OPERATION);
}

/** High 16 bits of the sender's MAC. */
export function arpSenderMacHigh(view: DataView, at: number): number {
  return view.getUint16(at + SENDER_MAC_HIGH);
}

/** Low 32 bits of the sender's MAC, as an int32. */
export function arpSenderMacLow(view: DataView, at: number): number {
  return view.getInt32(at + SENDER_MAC_LOW);
}

/** The sender's IPv4 address, as an int32. */
export function arpSenderIp(view: DataView, at: number): number {
  return view.getInt32(at + SENDER_IP);
}

/** High 16 bits of the target's MAC; zero in a request. */
export function arpTargetMacHigh(view: DataView, at: number): number {
  return view.getUint16(at + TARGET_MAC_HIGH);
}

/** Low 32 bits of the target's MAC, as an int32. */
export function arpTargetMacLow(view: DataView, at: number): number {
  return view.getInt32(at + TARGET_MAC_LOW);
}

/** The target's IPv4 address, as an int32. */
export function arpTargetIp(view: DataView, at: number): number {
  return view.getInt32(at + TARGET_IP);
}

/**
 * `Ok`; `Truncated` below {@link ARP_BYTES}; `Malformed` when it is not IPv4 over Ethernet.
 */
export function checkArp(view: DataView, at: number, length: number): number {
  if (length < ARP_BYTES) return Status.Truncated;
  if (
    view.getUint16(at + HARDWARE_TYPE) !== HARDWARE_ETHERNET ||
    view.getUint16(at + PROTOCOL_TYPE) !== ETHERTYPE_IPV4 ||
    view.getUint16(at + HARDWARE_LENGTH) !== LENGTHS_ETHERNET_IPV4
  ) {
    return Status.Malformed;
  }
  return Status.Ok;
}

/** Writes the whole packet. */
export function emitArp(
  view: DataView,
  at: number,
  operation: number,
  senderMacHigh: number,
  senderMacLow: number,
  senderIp: number,
  targetMacHigh: number,
  targetMacLow: number,
  targetIp: number,
): void {
  view.setUint16(at + HARDWARE_TYPE, HARDWARE_ETHERNET);
  view.setUint16(at + PROTOCOL_TYPE, ETHERTYPE_IPV4);
  view.setUint16(at + HARDWARE_LENGTH, LENGTHS_ETHERNET_IPV4);
  view.setUint16(at + OPERATION, operation);
  view.setUint16(at + SENDER_MAC_HIGH, senderMacHigh);
  view.setInt32(at + SENDER_MAC_LOW, senderMacLow);
  view.setInt32(at + SENDER_IP, senderIp);
  view.setUint16(at + TARGET_MAC_HIGH, targetMacHigh);
  view.setInt32(at + TARGET_MAC_LOW, targetMacLow);
  view.setInt32(at + TARGET_IP, targetIp);
}

/** The packet as an object; for tests and logs. */
export interface ArpPacket {
  operation: number;
  senderMacHigh: number;
  senderMacLow: number;
  senderIp: number;
  targetMacHigh: number;
  targetMacLow: number;
  targetIp: number;
}

/** Reads a packet that {@link checkArp} has accepted. @cold */
export function parseArp(view: DataView, at: number): ArpPacket {
  return {
    operation: arpOperation(view, at),
    senderMacHigh: arpSenderMacHigh(view, at),
    senderMacLow: arpSenderMacLow(view, at),
    senderIp: arpSenderIp(view, at),
    targetMacHigh: arpTargetMacHigh(view, at),
    targetMacLow: arpTargetMacLow(view, at),
    targetIp: arpTargetIp(view, at),
  };
}

/** One line, as tcpdump prints it: `ARP who-has 10.0.0.2 tell 10.0.0.1`. @cold */
export function formatArp(view: DataView, at: number): string {
  const operation = arpOperation(view, at);
  const sender = formatIpv4(arpSenderIp(view, at));
  if (operation === ARP_REQUEST) {
    return 'ARP who-has ' + formatIpv4(arpTargetIp(view, at)) + ' tell ' + sender;
  }
  const mac = formatMac(arpSenderMacHigh(view, at), arpSenderMacLow(view, at));
  if (operation === ARP_REPLY) return 'ARP reply ' + sender + ' is-at ' + mac;
  return 'ARP operation ' + String(operation) + ' from ' + sender;
}
