/**
 * A host under test: an `Ip` over a link that records what is sent, and builders for what arrives.
 *
 * @module
 */

import { createHeapArena, type FrameArena, NO_FRAME, Prng, Status } from '@tickwire/base';
import {
  ARP_BYTES,
  ARP_REPLY,
  ARP_REQUEST,
  checksumAdd,
  checksumFinishUdp,
  checksumFold,
  Cidr,
  emitArp,
  emitEthernet,
  emitIcmp,
  emitIpv4,
  emitUdp,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  fillIcmpChecksum,
  formatEthernet,
  IpAddress,
  IpFlow,
  MacAddress,
  PROTOCOL_ICMP,
  PROTOCOL_UDP,
  pseudoSum4,
} from '@tickwire/wire';
import { Ip, type IpConfig, type LinkOutput, RX_SUMMED } from '../src/index.ts';

export const SECOND = 1e9;
export const OUR_MAC: MacAddress = MacAddress.parse('02:00:00:00:00:01');
export const PEER_MAC: MacAddress = MacAddress.parse('02:00:00:00:00:02');
export const OUR_IP: number = IpAddress.parse('10.0.0.1').v4;
export const PEER_IP: number = IpAddress.parse('10.0.0.2').v4;

/** The int32 of a dotted quad. */
export function ip4(text: string): number {
  return IpAddress.parse(text).v4;
}

/** A link that copies what is sent, completes checksums as a device does, and frees the frame. */
export class RecordingLink implements LinkOutput {
  readonly sent: Uint8Array<ArrayBuffer>[] = [];
  readonly joined: string[] = [];
  /** Frames that may still be taken. */
  left: number = Number.POSITIVE_INFINITY;
  /** When false, frames are freed without a copy: for tests that count garbage. */
  isRecording = true;
  count = 0;
  readonly #arena: FrameArena;

  constructor(arena: FrameArena) {
    this.#arena = arena;
  }

  room(): number {
    return this.left;
  }

  transmit(
    frame: number,
    at: number,
    length: number,
    checksumStart: number,
    checksumAt: number,
  ): number {
    if (this.left <= 0) {
      this.#arena.free(frame);
      return Status.Again;
    }
    this.left -= 1;
    this.count += 1;
    const view = this.#arena.view;
    if (checksumStart !== 0) {
      const sum = checksumAdd(view, checksumStart, at + length - checksumStart, 0);
      view.setUint16(checksumAt, checksumFinishUdp(sum));
    }
    if (this.isRecording) this.sent.push(new Uint8Array(this.#arena.bytes.slice(at, at + length)));
    this.#arena.free(frame);
    return Status.Ok;
  }

  joinMulticast(macHigh: number, macLow: number): void {
    this.joined.push(String(new MacAddress(macHigh, macLow)));
  }

  leaveMulticast(macHigh: number, macLow: number): void {
    const mac = String(new MacAddress(macHigh, macLow));
    this.joined.splice(this.joined.indexOf(mac), 1);
  }
}

/** One host with its clock. */
export class Host {
  readonly arena: FrameArena;
  readonly link: RecordingLink;
  readonly ip: Ip;
  nowNs: number = 1000 * SECOND;
  /** Frames of which the test holds a reference. */
  readonly retained: number[] = [];

  constructor(config: Partial<IpConfig> = {}, frames = 512, dataRoom = 2048, seed = 1) {
    this.arena = createHeapArena({ frames, dataRoom });
    this.link = new RecordingLink(this.arena);
    this.ip = new Ip(
      this.arena,
      this.link,
      {
        mac: OUR_MAC,
        mtu: 1500,
        addresses: [Cidr.parse('10.0.0.1/24')],
        gateway: IpAddress.parse('10.0.0.254'),
        announce: false,
        ...config,
      },
      new Prng(seed),
      this.nowNs,
    );
  }

  /** Takes what was sent since the last call. */
  take(): Uint8Array<ArrayBuffer>[] {
    return this.link.sent.splice(0);
  }

  /** Lets a frame arrive; returns the verdict. The device's sum is given when `summed`. */
  receive(bytes: Uint8Array, rxFlags = 0, retain = false): number {
    const frame = this.arena.alloc();
    if (frame === NO_FRAME) throw new Error('The test took all frames');
    const at = this.arena.dataAt[frame]!;
    this.arena.bytes.set(bytes, at);
    if (retain) {
      this.arena.retain(frame);
      this.retained.push(frame);
    }
    const summed = Math.max(0, bytes.length - 14);
    const sum =
      (rxFlags & RX_SUMMED) === 0
        ? 0
        : checksumFold(checksumAdd(this.arena.view, at + 14, summed, 0));
    return this.ip.receive(frame, at, bytes.length, rxFlags, sum, this.nowNs);
  }

  /** Moves the clock, firing each timer at its own instant; `then` is called after each. */
  advance(deltaNs: number, then?: () => void): void {
    const endNs = this.nowNs + deltaNs;
    for (;;) {
      const dueNs = this.ip.nextDeadlineNs();
      if (dueNs > endNs) break;
      this.nowNs = Math.max(this.nowNs, dueNs);
      this.ip.timers(this.nowNs);
      then?.();
    }
    this.nowNs = endNs;
  }

  /** Frames that are not in the pool. */
  get framesInUse(): number {
    return this.arena.capacity - this.arena.available();
  }

  /** A flow to `remote`, bound. */
  flow(remote: number, dontFragment = 1): IpFlow {
    const flow = new IpFlow();
    flow.remote2 = 0xffff;
    flow.remote3 = remote;
    flow.dontFragment = dontFragment;
    this.ip.bindFlow(flow, this.nowNs);
    return flow;
  }

  /** Sends a UDP datagram of `length` payload bytes counting up. */
  sendUdp(flow: IpFlow, length: number, fill = 0): number {
    const frame = this.arena.alloc();
    if (frame === NO_FRAME) throw new Error('The test took all frames');
    const at = this.arena.dataAt[frame]!;
    for (let i = 0; i < length; i += 1) this.arena.bytes[at + 8 + i] = fill + i;
    const pseudo = checksumFold(flow.addressSum + PROTOCOL_UDP + 8 + length);
    emitUdp(this.arena.view, at, 1000, 2000, 8 + length, pseudo);
    return this.ip.output(flow, PROTOCOL_UDP, frame, at, 8 + length, 6, this.nowNs);
  }

  /** The peer answers our request for its address. */
  resolve(address: number = PEER_IP, mac: MacAddress = PEER_MAC): void {
    this.receive(arp(ARP_REPLY, mac, address, OUR_MAC, OUR_IP, OUR_MAC));
  }
}

/** A DataView over bytes of their own. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An ARP frame; `to` is the Ethernet destination. */
export function arp(
  operation: number,
  senderMac: MacAddress,
  senderIp: number,
  targetMac: MacAddress,
  targetIp: number,
  to: MacAddress = MacAddress.broadcast,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(14 + ARP_BYTES + 18);
  const view = viewOf(bytes);
  emitEthernet(view, 0, to.high, to.low, senderMac.high, senderMac.low, ETHERTYPE_ARP);
  emitArp(
    view,
    14,
    operation,
    senderMac.high,
    senderMac.low,
    senderIp,
    targetMac.high,
    targetMac.low,
    targetIp,
  );
  return bytes;
}

/** An ARP request of the peer for our address. */
export function arpRequest(
  address: number = PEER_IP,
  mac: MacAddress = PEER_MAC,
): Uint8Array<ArrayBuffer> {
  return arp(ARP_REQUEST, mac, address, new MacAddress(0, 0), OUR_IP);
}

/** Fields of {@link ipv4} that differ from those of an ordinary packet of the peer. */
export interface PacketOptions {
  src?: number;
  dst?: number;
  to?: MacAddress;
  from?: MacAddress;
  protocol?: number;
  identification?: number;
  /** Flags and offset as one word. */
  fragment?: number;
  ttl?: number;
  trafficClass?: number;
  /** Options, a multiple of four bytes. */
  options?: Uint8Array;
  /** Bytes behind the packet. */
  padding?: number;
}

/** An IPv4 packet of the peer in its frame. */
export function ipv4(payload: Uint8Array, options: PacketOptions = {}): Uint8Array {
  const extra = options.options ?? new Uint8Array();
  const header = 20 + extra.length;
  const bytes = new Uint8Array(14 + header + payload.length + (options.padding ?? 0));
  const view = viewOf(bytes);
  const to = options.to ?? OUR_MAC;
  const from = options.from ?? PEER_MAC;
  emitEthernet(view, 0, to.high, to.low, from.high, from.low, ETHERTYPE_IPV4);
  bytes.set(extra, 34);
  bytes.set(payload, 14 + header);
  bytes.fill(0xa5, 14 + header + payload.length);
  emitIpv4(
    view,
    14,
    header,
    options.trafficClass ?? 0,
    header + payload.length,
    options.identification ?? 0,
    options.fragment ?? 0,
    options.ttl ?? 64,
    options.protocol ?? PROTOCOL_UDP,
    options.src ?? PEER_IP,
    options.dst ?? OUR_IP,
  );
  return bytes;
}

/** A UDP datagram with a correct checksum. */
export function udp(
  data: Uint8Array,
  src: number = PEER_IP,
  dst: number = OUR_IP,
  srcPort = 5000,
  dstPort = 7,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + data.length);
  const view = viewOf(bytes);
  bytes.set(data, 8);
  emitUdp(view, 0, srcPort, dstPort, bytes.length, 0);
  const sum = checksumAdd(view, 0, bytes.length, pseudoSum4(src, dst, PROTOCOL_UDP, bytes.length));
  view.setUint16(6, checksumFinishUdp(sum));
  return bytes;
}

/** An ICMP message with a correct checksum. */
export function icmp(
  type: number,
  code: number,
  rest: number,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + data.length);
  emitIcmp(viewOf(bytes), 0, type, code, rest);
  bytes.set(data, 8);
  fillIcmpChecksum(viewOf(bytes), 0, bytes.length);
  return bytes;
}

/** An ICMP packet of the peer in its frame. */
export function icmpFrame(message: Uint8Array, options: PacketOptions = {}): Uint8Array {
  return ipv4(message, { protocol: PROTOCOL_ICMP, ...options });
}

/** Bytes that count up. */
export function counting(length: number, from = 0): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (from + i) & 255);
}

/** For messages of failing tests. */
export function describeFrame(bytes: Uint8Array): string {
  return formatEthernet(viewOf(bytes), 0);
}
