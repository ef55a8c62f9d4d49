/**
 * The layer-3 port: IP packets in as bytes, IP packets out as bytes with the instant at which
 * they left. No device, no root, no time but the one that is passed in.
 *
 * @module
 */

import {
  checkIpv4,
  checkIpv6,
  checksumAdd,
  checksumFold,
  CHECKSUM_GOOD,
  emitEthernet,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ethernetType,
  ipv4ChecksumOk,
  ipv4Dst,
  ipv4HeaderLength,
  ipv4IsFragment,
  ipv4Protocol,
  ipv4Src,
  ipv4TotalLength,
  IPV6_HEADER_BYTES,
  ipv6Dst,
  ipv6NextHeader,
  ipv6PayloadLength,
  ipv6Src,
  ipv6Version,
  MAC_BROADCAST_HIGH,
  MAC_BROADCAST_LOW,
  MAC_MULTICAST4_HIGH,
  MacAddress,
  macMulticast4Low,
  PROTOCOL_ICMP,
  PROTOCOL_IGMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pseudoSum4,
  pseudoSum6,
} from '@tickwire/wire';
import { MemoryDevice, type MemoryDeviceOptions } from './memory-device.ts';

/** The MAC address behind which every simulated neighbour lives. */
export const PEER_MAC: MacAddress = MacAddress.fromBytes(Uint8Array.of(2, 0, 0, 0, 0, 2));

/** An IP packet that the stack has sent. */
export interface Emission {
  /** When it left. */
  readonly atNs: number;
  /** The packet, IP header first. */
  readonly bytes: Uint8Array;
  /** Whether it went to a group or to all on the link. */
  readonly linkDst: LinkDestination;
}

/** How a frame is addressed on the link. */
export type LinkDestination = 'unicast' | 'multicast' | 'broadcast';

/** Options of {@link Layer3Port}. */
export interface Layer3PortOptions extends MemoryDeviceOptions {
  /** Carries IPv6 instead of IPv4. */
  readonly ipv6?: boolean;
}

/** IPv4 packets in, IPv4 packets out; or IPv6. */
export class Layer3Port {
  readonly device: MemoryDevice;
  readonly #etherType: number;
  /** Packets that have left and were not taken, oldest first. */
  readonly emissions: Emission[] = [];
  /**
   * Frames of the stack that were not what the port carries: ARP, and of IPv6 all but TCP and UDP
   * (neighbour discovery, MLD). Nothing is made of them.
   */
  otherFrames = 0;

  constructor(options: Layer3PortOptions = {}) {
    this.#etherType = options.ipv6 === true ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    this.device = new MemoryDevice((frame, nowNs) => this.#sent(frame, nowNs), options);
  }

  /** Puts a packet before the stack; the next poll finds it. */
  inject(packet: Uint8Array, linkDst: LinkDestination = 'unicast'): void {
    const frame = new Uint8Array(ETHERNET_HEADER_BYTES + packet.length);
    const view = new DataView(frame.buffer);
    const own = MacAddress.fromBytes(this.device.macAddress);
    let high = own.high;
    let low = own.low;
    if (linkDst === 'broadcast') {
      high = MAC_BROADCAST_HIGH;
      low = MAC_BROADCAST_LOW;
    } else if (linkDst === 'multicast') {
      high = MAC_MULTICAST4_HIGH;
      low = macMulticast4Low(
        packet.length >= 20 ? new DataView(packet.buffer, packet.byteOffset).getInt32(16) : 0,
      );
    }
    emitEthernet(view, 0, high, low, PEER_MAC.high, PEER_MAC.low, this.#etherType);
    frame.set(packet, ETHERNET_HEADER_BYTES);
    this.device.deliver(frame);
  }

  /** Takes the oldest packet, or undefined. */
  take(): Emission | undefined {
    return this.emissions.shift();
  }

  /** Takes all packets. */
  takeAll(): Emission[] {
    return this.emissions.splice(0);
  }

  #isCarried(view: DataView): boolean {
    if (ethernetType(view, 0) !== this.#etherType) return false;
    if (this.#etherType === ETHERTYPE_IPV4) return true;
    const protocol = ipv6NextHeader(view, ETHERNET_HEADER_BYTES);
    return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
  }

  #sent(frame: Uint8Array, nowNs: number): void {
    const view = new DataView(frame.buffer);
    if (!this.#isCarried(view)) {
      this.otherFrames += 1;
      return;
    }
    const bytes = frame.slice(ETHERNET_HEADER_BYTES);
    const group = (frame[0]! & 1) !== 0;
    const broadcast = group && frame.subarray(0, 6).every((byte) => byte === 0xff);
    const linkDst = broadcast ? 'broadcast' : group ? 'multicast' : 'unicast';
    this.emissions.push({ atNs: nowNs, bytes, linkDst });
  }
}

/** What is wrong with the checksums and lengths of a packet; undefined when all is well. */
export function packetFault(packet: Uint8Array): string | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (ipv6Version(view, 0) === 6) return ipv6Fault(view);
  if (checkIpv4(view, 0, packet.length) < 0) return 'the IPv4 header is impossible';
  if (ipv4TotalLength(view, 0) !== packet.length) return 'total length differs from the bytes sent';
  if (!ipv4ChecksumOk(view, 0)) return 'IPv4 header checksum is wrong';
  if (ipv4IsFragment(view, 0)) return undefined;
  const at = ipv4HeaderLength(view, 0);
  const length = packet.length - at;
  const protocol = ipv4Protocol(view, 0);
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_IGMP) {
    const good = checksumFold(checksumAdd(view, at, length, 0)) === CHECKSUM_GOOD;
    return good ? undefined : 'ICMP or IGMP checksum is wrong';
  }
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return undefined;
  const pseudo = pseudoSum4(ipv4Src(view, 0), ipv4Dst(view, 0), protocol, length);
  const good = checksumFold(checksumAdd(view, at, length, pseudo)) === CHECKSUM_GOOD;
  return good ? undefined : 'transport checksum is wrong';
}

/** The same for IPv6, without extension headers. */
function ipv6Fault(view: DataView): string | undefined {
  if (checkIpv6(view, 0, view.byteLength) < 0) return 'the IPv6 header is impossible';
  const length = ipv6PayloadLength(view, 0);
  const at = IPV6_HEADER_BYTES;
  if (at + length !== view.byteLength) return 'payload length differs from the bytes sent';
  const pseudo = pseudoSum6(
    ipv6Src(view, 0, 0),
    ipv6Src(view, 0, 1),
    ipv6Src(view, 0, 2),
    ipv6Src(view, 0, 3),
    ipv6Dst(view, 0, 0),
    ipv6Dst(view, 0, 1),
    ipv6Dst(view, 0, 2),
    ipv6Dst(view, 0, 3),
    ipv6NextHeader(view, 0),
    length,
  );
  const good = checksumFold(checksumAdd(view, at, length, pseudo)) === CHECKSUM_GOOD;
  return good ? undefined : 'transport checksum is wrong';
}
