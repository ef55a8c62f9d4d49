/**
 * A frame as one line of text, in the manner of tcpdump. For eyes and logs, never for the hot path.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import {
  ARP_BYTES,
  checkArp,
  checkIcmp,
  checkIcmpv6,
  checkIgmp,
  checkIpv4,
  checkIpv6,
  checkMld,
  checkNdp,
  checkTcp,
  checkUdp,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ethernetType,
  formatArp,
  formatEthernet,
  formatIcmp,
  formatIcmpv6,
  formatIgmp,
  formatIpv4,
  formatMld,
  formatNdp,
  formatTcpOptions,
  icmpv6Type,
  ipv4Dst,
  ipv4FragmentOffset,
  ipv4HeaderLength,
  ipv4IsFragment,
  ipv4Protocol,
  ipv4Src,
  ipv4TotalLength,
  IPV6_HEADER_BYTES,
  ipv6DstText,
  ipv6NextHeader,
  IPV6_NEXT_HEADER_OFFSET,
  ipv6PayloadLength,
  ipv6SrcText,
  Ipv6Walk,
  NDP_REDIRECT,
  NDP_ROUTER_SOLICITATION,
  parseTcpOptions,
  PROTOCOL_FRAGMENT,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_IGMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  protocolName,
  seqDiff,
  TCP_ACK,
  TCP_HEADER_BYTES,
  TCP_SYN,
  tcpAck,
  tcpDstPort,
  tcpFlags,
  tcpFlagsText,
  tcpHeaderLength,
  TcpOptions,
  tcpSegmentLength,
  tcpSeq,
  tcpSrcPort,
  tcpWindow,
  UDP_HEADER_BYTES,
  udpDstPort,
  udpLength,
  udpSrcPort,
  walkIpv6,
} from '@tickwire/wire';

/** Directions of flows remembered for relative sequence numbers; the oldest is forgotten. */
const FLOWS_MAX = 4096;
const MLD_FIRST = 130;
const MLD_LAST = 132;
const MLD_V2_REPORT_TYPE = 143;

/** Turns frames into lines; remembers initial sequence numbers to print relative ones. */
export class PacketPrinter {
  readonly #initial = new Map<string, number>();
  readonly #options = new TcpOptions();
  readonly #walk = new Ipv6Walk();

  /** The line for the frame of `length` bytes at `at`. Never throws, whatever the bytes are. */
  frame(view: DataView, at: number, length: number): string {
    if (length < ETHERNET_HEADER_BYTES) return `[truncated frame, ${length} bytes]`;
    const ip = at + ETHERNET_HEADER_BYTES;
    const left = length - ETHERNET_HEADER_BYTES;
    switch (ethernetType(view, at)) {
      case ETHERTYPE_ARP:
        if (checkArp(view, ip, left) !== Status.Ok) return '[malformed ARP]';
        return `${formatArp(view, ip)}, length ${ARP_BYTES}`;
      case ETHERTYPE_IPV4:
        return this.#ipv4(view, ip, left);
      case ETHERTYPE_IPV6:
        return this.#ipv6(view, ip, left);
      default:
        return `${formatEthernet(view, at)}, length ${left}`;
    }
  }

  #ipv4(view: DataView, at: number, length: number): string {
    if (checkIpv4(view, at, length) !== Status.Ok) return '[malformed IPv4]';
    const src = formatIpv4(ipv4Src(view, at));
    const dst = formatIpv4(ipv4Dst(view, at));
    const header = ipv4HeaderLength(view, at);
    const payload = ipv4TotalLength(view, at) - header;
    if (ipv4IsFragment(view, at)) {
      const offset = ipv4FragmentOffset(view, at);
      const name = protocolName(ipv4Protocol(view, at));
      return `IP ${src} > ${dst}: ${name} fragment at ${offset}, length ${payload}`;
    }
    const protocol = ipv4Protocol(view, at);
    return this.#transport('IP', view, at + header, payload, protocol, src, dst);
  }

  #ipv6(view: DataView, at: number, length: number): string {
    if (checkIpv6(view, at, length) !== Status.Ok) return '[malformed IPv6]';
    const src = ipv6SrcText(view, at);
    const dst = ipv6DstText(view, at);
    const walk = this.#walk;
    const status = walkIpv6(
      view,
      ipv6NextHeader(view, at),
      at + IPV6_NEXT_HEADER_OFFSET,
      at + IPV6_HEADER_BYTES,
      ipv6PayloadLength(view, at),
      true,
      walk,
    );
    if (status !== Status.Ok) return `IP6 ${src} > ${dst}: [bad extension header]`;
    if (walk.protocol === PROTOCOL_FRAGMENT) {
      return `IP6 ${src} > ${dst}: fragment at ${walk.fragment & 0xfff8}, length ${walk.length}`;
    }
    return this.#transport('IP6', view, walk.at, walk.length, walk.protocol, src, dst);
  }

  #transport(
    family: string,
    view: DataView,
    at: number,
    length: number,
    protocol: number,
    src: string,
    dst: string,
  ): string {
    const plain = `${family} ${src} > ${dst}: `;
    switch (protocol) {
      case PROTOCOL_TCP:
        if (checkTcp(view, at, length) !== Status.Ok) return `${plain}[malformed TCP]`;
        return this.#tcp(family, view, at, length, src, dst);
      case PROTOCOL_UDP: {
        if (checkUdp(view, at, length) !== Status.Ok) return `${plain}[malformed UDP]`;
        const from = `${src}.${udpSrcPort(view, at)}`;
        const to = `${dst}.${udpDstPort(view, at)}`;
        return `${family} ${from} > ${to}: UDP, length ${udpLength(view, at) - UDP_HEADER_BYTES}`;
      }
      case PROTOCOL_ICMP:
        if (checkIcmp(view, at, length) !== Status.Ok) return `${plain}[malformed ICMP]`;
        return `${plain}${formatIcmp(view, at)}, length ${length}`;
      case PROTOCOL_ICMPV6:
        if (checkIcmpv6(view, at, length) !== Status.Ok) return `${plain}[malformed ICMPv6]`;
        return `${plain}${icmpv6Text(view, at, length)}, length ${length}`;
      case PROTOCOL_IGMP:
        if (checkIgmp(view, at, length) !== Status.Ok) return `${plain}[malformed IGMP]`;
        return `${plain}${formatIgmp(view, at, length)}, length ${length}`;
      default:
        return `${plain}${protocolName(protocol)}, length ${length}`;
    }
  }

  #tcp(
    family: string,
    view: DataView,
    at: number,
    length: number,
    src: string,
    dst: string,
  ): string {
    const from = `${src}.${tcpSrcPort(view, at)}`;
    const to = `${dst}.${tcpDstPort(view, at)}`;
    const flags = tcpFlags(view, at);
    const header = tcpHeaderLength(view, at);
    const payload = length - header;
    const ends = tcpSegmentLength(flags, payload);
    const seq = this.#relativeSeq(`${from}>${to}`, tcpSeq(view, at), (flags & TCP_SYN) !== 0);
    let line = `${family} ${from} > ${to}: Flags [${tcpFlagsText(flags)}], seq ${seq}`;
    if (ends > 0 && payload > 0) line += `:${(seq + payload) >>> 0}`;
    if ((flags & TCP_ACK) !== 0) {
      const base = this.#initial.get(`${to}>${from}`);
      const ack = tcpAck(view, at);
      line += `, ack ${base === undefined ? ack >>> 0 : seqDiff(ack, base) >>> 0}`;
    }
    line += `, win ${tcpWindow(view, at)}`;
    const optionBytes = header - TCP_HEADER_BYTES;
    if (optionBytes > 0) {
      const status = parseTcpOptions(view, at + TCP_HEADER_BYTES, optionBytes, this.#options);
      const text = formatTcpOptions(this.#options);
      line += `, options [${text}${status === Status.Ok ? '' : ' malformed'}]`;
    }
    return `${line}, length ${payload}`;
  }

  /** Sequence number relative to the SYN, or to the first segment seen. */
  #relativeSeq(flow: string, seq: number, syn: boolean): number {
    let base = this.#initial.get(flow);
    if (base === undefined || syn) {
      if (this.#initial.size >= FLOWS_MAX) {
        const oldest = this.#initial.keys().next();
        if (oldest.done !== true) this.#initial.delete(oldest.value);
      }
      // A flow that is picked up in its middle starts at 1, as if the SYN had gone before.
      base = syn ? seq : (seq - 1) | 0;
      this.#initial.set(flow, base);
    }
    return seqDiff(seq, base) >>> 0;
  }
}

function icmpv6Text(view: DataView, at: number, length: number): string {
  const type = icmpv6Type(view, at);
  if (type >= NDP_ROUTER_SOLICITATION && type <= NDP_REDIRECT) {
    if (checkNdp(view, at, length) !== Status.Ok) return '[malformed NDP]';
    return formatNdp(view, at, length);
  }
  if ((type >= MLD_FIRST && type <= MLD_LAST) || type === MLD_V2_REPORT_TYPE) {
    if (checkMld(view, at, length) !== Status.Ok) return '[malformed MLD]';
    return formatMld(view, at, length);
  }
  return formatIcmpv6(view, at);
}
