/**
 * From the notation of a script to the bytes of a packet.
 *
 * @module
 */

import {
  checksumAdd,
  checksumFinish,
  checksumFinishUdp,
  emitIcmp,
  emitIgmp,
  emitIpv4,
  emitIpv6,
  emitTcp,
  emitUdp,
  fillIcmpChecksum,
  IpAddress,
  IPV6_HEADER_BYTES,
  PROTOCOL_ICMP,
  PROTOCOL_IGMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  setIpv6Dst,
  setIpv6Src,
  setTcpChecksum,
  setUdpChecksum,
  TCP_ACK,
  TCP_AE,
  TCP_CWR,
  TCP_ECE,
  TCP_FIN,
  TCP_OPTION_ACCECN_0,
  TCP_OPTION_ACCECN_1,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
} from '@tickwire/wire';
import {
  type Conversation,
  type Conversations,
  type FlowKey,
  streamBytes,
} from './conversation.ts';
import { type Family, IPV6_SCRIPT_WORD, pseudoSumOn } from './family.ts';
import { parseHex } from './packet-syntax.ts';
import type { Attributes, IcmpSyntax, PacketSyntax, TcpSyntax, UdpSyntax } from './script.ts';

const IP_BYTES = 20;
const TCP_BYTES = 20;
const UDP_BYTES = 8;
const ICMP_BYTES = 8;
/** Bytes of the offending packet behind its IP header that simulated routers quote. */
const QUOTED_BYTES = 8;

/** Bits of the flags by letter. */
export const TCP_FLAG_BITS: Readonly<Record<string, number>> = {
  S: TCP_SYN,
  F: TCP_FIN,
  R: TCP_RST,
  P: TCP_PSH,
  '.': TCP_ACK,
  U: TCP_URG,
  E: TCP_ECE,
  W: TCP_CWR,
  A: TCP_AE,
};

/** Addresses and ports of a packet from the peer: the current ones unless the brackets say. */
export function inboundKey(conversations: Conversations, attributes: Attributes): FlowKey {
  const { current } = conversations;
  return {
    local: attributes.get('dst') ?? current.local,
    localPort: Number(attributes.get('dport') ?? current.localPort),
    peer: attributes.get('src') ?? current.peer,
    peerPort: Number(attributes.get('sport') ?? current.peerPort),
  };
}

/** The bytes of a packet that the peer sends. */
export function buildPacket(
  conversations: Conversations,
  attributes: Attributes,
  packet: PacketSyntax,
): Uint8Array {
  if (packet.kind === 'raw') return packet.bytes;
  const key = inboundKey(conversations, attributes);
  const src = IpAddress.parse(key.peer).v4;
  const dst = IpAddress.parse(key.local).v4;
  const { family } = conversations;
  switch (packet.kind) {
    case 'tcp': {
      const conversation = conversations.of(key);
      const { cookie } = conversations;
      const segment = buildTcp(family, conversation, attributes, packet, src, dst, cookie);
      if (packet.flags.includes('S')) {
        conversation.peerData = packet.seq + 1;
        const scale = packet.options?.find((option) => option.startsWith('wscale '));
        const shift = scale === undefined ? undefined : Number(scale.split(' ')[1]);
        // RFC 7323, 2.3: more than 14 counts as 14.
        conversation.peerShift = shift === undefined ? undefined : Math.min(shift, 14);
      }
      if (!packet.flags.includes('R')) {
        conversation.offer(packet.flags.includes('S'), packet.ack, packet.window ?? 65_535);
      }
      return wrapOn(family, attributes, PROTOCOL_TCP, src, dst, segment);
    }
    case 'udp': {
      const datagram = buildUdp(family, key, attributes, packet, src, dst);
      return wrapOn(family, attributes, PROTOCOL_UDP, src, dst, datagram);
    }
    case 'icmp':
      return wrap(
        attributes,
        PROTOCOL_ICMP,
        src,
        dst,
        buildIcmp(conversations, attributes, packet),
      );
    case 'igmp': {
      const bytes = new Uint8Array(8);
      const group = IpAddress.parse(packet.group).v4;
      emitIgmp(new DataView(bytes.buffer), 0, packet.type, packet.code, group);
      return wrap(attributes, PROTOCOL_IGMP, src, dst, bytes);
    }
    case 'ip':
      return wrap(attributes, packet.protocol, src, dst, streamBytes(0, packet.length));
  }
}

function wrapOn(
  family: Family,
  attributes: Attributes,
  protocol: number,
  src: number,
  dst: number,
  payload: Uint8Array,
): Uint8Array {
  if (family === 4) return wrap(attributes, protocol, src, dst, payload);
  const packet = new Uint8Array(IPV6_HEADER_BYTES + payload.length);
  const view = new DataView(packet.buffer);
  const trafficClass = Number(attributes.get('tos') ?? 0) | ecnBits(attributes);
  const hopLimit = Number(attributes.get('ttl') ?? 64);
  emitIpv6(view, 0, trafficClass, 0, payload.length, protocol, hopLimit);
  setIpv6Src(view, 0, IPV6_SCRIPT_WORD, 0, 0, src);
  setIpv6Dst(view, 0, IPV6_SCRIPT_WORD, 0, 0, dst);
  packet.set(payload, IPV6_HEADER_BYTES);
  return packet;
}

/** Puts the IPv4 header on, and does to the packet what the brackets ask for. */
function wrap(
  attributes: Attributes,
  protocol: number,
  src: number,
  dst: number,
  payload: Uint8Array,
): Uint8Array {
  let body = payload;
  let fragment = attributes.has('df') ? 0x4000 : 0;
  const slice = attributes.get('frag');
  if (slice !== undefined) {
    const match = /^(\d+):(\d+)(\+?)$/.exec(slice);
    if (match === null) throw new Error('write frag FROM:TO, with + when more follow');
    body = payload.slice(Number(match[1]), Number(match[2]));
    fragment |= (Number(match[1]) >> 3) | (match[3] === '+' ? 0x2000 : 0);
  }
  const ipOptions = parseHex(attributes.get('ipopt') ?? '');
  const headerBytes = IP_BYTES + ipOptions.length;
  const packet = new Uint8Array(headerBytes + body.length);
  const view = new DataView(packet.buffer);
  packet.set(ipOptions, IP_BYTES);
  packet.set(body, headerBytes);
  emitIpv4(
    view,
    0,
    headerBytes,
    Number(attributes.get('tos') ?? 0) | ecnBits(attributes),
    Number(attributes.get('len') ?? packet.length),
    Number(attributes.get('id') ?? 1),
    fragment,
    Number(attributes.get('ttl') ?? 64),
    protocol,
    src,
    dst,
  );
  if (attributes.has('badip')) view.setUint16(10, view.getUint16(10) ^ 0x5555);
  if (attributes.has('version')) packet[0] = (Number(attributes.get('version')) << 4) | 5;
  if (attributes.has('ihl')) packet[0] = 0x40 | Number(attributes.get('ihl'));
  if (attributes.has('version') || attributes.has('ihl')) {
    view.setUint16(10, 0);
    view.setUint16(10, checksumFinish(checksumAdd(view, 0, headerBytes, 0)));
  }
  const cut = attributes.get('cut');
  return cut === undefined ? packet : packet.slice(0, Number(cut));
}

function ecnBits(attributes: Attributes): number {
  if (attributes.has('ect0')) return 2;
  if (attributes.has('ect1')) return 1;
  return attributes.has('ce') ? 3 : 0;
}

function buildTcp(
  family: Family,
  conversation: Conversation,
  attributes: Attributes,
  packet: TcpSyntax,
  src: number,
  dst: number,
  cookie: string,
): Uint8Array {
  const options = buildOptions(conversation, packet.options ?? [], cookie);
  const headerBytes = TCP_BYTES + options.length;
  const bytes = new Uint8Array(headerBytes + packet.length);
  const view = new DataView(bytes.buffer);
  let flags = 0;
  for (const letter of packet.flags) flags |= TCP_FLAG_BITS[letter]!;
  emitTcp(
    view,
    0,
    conversation.key.peerPort,
    conversation.key.localPort,
    conversation.peerSeqToWire(packet.seq),
    packet.ack === undefined ? 0 : conversation.hostSeqToWire(packet.ack),
    headerBytes,
    flags,
    packet.window ?? 65_535,
    packet.urgent ?? 0,
  );
  bytes.set(options, TCP_BYTES);
  const synBytes = packet.flags.includes('S') ? 1 : 0;
  const offset = packet.seq + synBytes - (synBytes === 1 ? packet.seq + 1 : conversation.peerData);
  bytes.set(streamBytes(offset, packet.length), headerBytes);
  if (attributes.has('doff')) bytes[12] = Number(attributes.get('doff')) << 4;
  if (attributes.has('reserved')) bytes[12] = bytes[12]! | 0x0e;
  const pseudo = pseudoSumOn(family, src, dst, PROTOCOL_TCP, bytes.length);
  const sum = checksumFinish(checksumAdd(view, 0, bytes.length, pseudo));
  setTcpChecksum(view, 0, attributes.has('badsum') ? sum ^ 0x5555 : sum);
  return bytes;
}

function buildOptions(
  conversation: Conversation,
  options: readonly string[],
  cookie: string,
): Uint8Array {
  const bytes: number[] = [];
  for (const option of options) bytes.push(...buildOption(conversation, option, cookie));
  while (bytes.length % 4 !== 0) bytes.push(0);
  return Uint8Array.from(bytes);
}

function word(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

function buildOption(conversation: Conversation, option: string, cookie: string): number[] {
  const [name = '', ...rest] = option.split(' ');
  switch (name) {
    case '':
      return [];
    case 'nop':
      return [1];
    case 'eol':
      return [0];
    case 'mss': {
      const mss = Number(rest[0]);
      return [2, 4, mss >> 8, mss & 0xff];
    }
    case 'wscale':
      return [3, 3, Number(rest[0])];
    case 'sackOK':
      return [4, 2];
    case 'TS': {
      const match = /^val (\d+) ecr (\d+)$/.exec(rest.join(' '));
      if (match === null) throw new Error('write TS val N ecr N');
      return [
        8,
        10,
        ...word(Number(match[1])),
        ...word(conversation.hostTsToWire(Number(match[2]))),
      ];
    }
    case 'sack': {
      const edges = rest.flatMap((block) => block.split(':').map(Number));
      const words = edges.flatMap((edge) => word(conversation.hostSeqToWire(edge)));
      return [5, 2 + words.length, ...words];
    }
    case 'FO': {
      const text = rest[0] ?? '';
      const data = parseHex(text === 'cookie' ? cookie : text);
      return [34, 2 + data.length, ...data];
    }
    case 'ECN':
      return buildAccEcn(rest);
    case 'hex':
      return [...parseHex(rest.join(''))];
    default:
      throw new Error(
        `unknown option ${name}; write mss, wscale, sackOK, TS, sack, FO, ECN, nop, eol, hex`,
      );
  }
}

/** `e0b 1 ceb 0 e1b 1` or `e1b 1 ceb 0 e0b 1`, or the first of these (RFC 9768, 3.2.3). */
function buildAccEcn(words: readonly string[]): number[] {
  const kind = words[0] === 'e1b' ? TCP_OPTION_ACCECN_1 : TCP_OPTION_ACCECN_0;
  const wanted = words[0] === 'e1b' ? ['e1b', 'ceb', 'e0b'] : ['e0b', 'ceb', 'e1b'];
  const bytes: number[] = [];
  for (let i = 0; i < words.length; i += 2) {
    if (words[i] !== wanted[i / 2]) throw new Error('write ECN e0b N ceb N e1b N, or e1b first');
    bytes.push(...word(Number(words[i + 1])).slice(1));
  }
  return [kind, 2 + bytes.length, ...bytes];
}

function buildUdp(
  family: Family,
  key: FlowKey,
  attributes: Attributes,
  packet: UdpSyntax,
  src: number,
  dst: number,
): Uint8Array {
  const length = UDP_BYTES + packet.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const stated = Number(attributes.get('udplen') ?? length);
  emitUdp(view, 0, key.peerPort, key.localPort, stated, 0);
  bytes.set(streamBytes(0, packet.length), UDP_BYTES);
  if (attributes.has('nosum')) return bytes;
  const pseudo = pseudoSumOn(family, src, dst, PROTOCOL_UDP, stated);
  const sum = checksumFinishUdp(checksumAdd(view, 0, length, pseudo));
  setUdpChecksum(view, 0, attributes.has('badsum') ? sum ^ 0x5555 : sum);
  return bytes;
}

function buildIcmp(
  conversations: Conversations,
  attributes: Attributes,
  packet: IcmpSyntax,
): Uint8Array {
  const data =
    packet.about === undefined
      ? streamBytes(0, packet.length)
      : buildQuote(conversations, attributes, packet.about);
  const bytes = new Uint8Array(ICMP_BYTES + data.length);
  const view = new DataView(bytes.buffer);
  emitIcmp(view, 0, packet.type, packet.code, packet.rest);
  bytes.set(data, ICMP_BYTES);
  fillIcmpChecksum(view, 0, bytes.length);
  if (attributes.has('badsum')) view.setUint16(2, view.getUint16(2) ^ 0x5555);
  return bytes;
}

/** The packet of ours that an ICMP error quotes: IP header and the first eight bytes behind it. */
function buildQuote(
  conversations: Conversations,
  attributes: Attributes,
  about: TcpSyntax | UdpSyntax,
): Uint8Array {
  const { current } = conversations;
  const local = IpAddress.parse(attributes.get('qsrc') ?? current.local).v4;
  const peer = IpAddress.parse(attributes.get('qdst') ?? current.peer).v4;
  const localPort = Number(attributes.get('qsport') ?? current.localPort);
  const peerPort = Number(attributes.get('qdport') ?? current.peerPort);
  const protocol = about.kind === 'tcp' ? PROTOCOL_TCP : PROTOCOL_UDP;
  const transportBytes = about.length + (about.kind === 'tcp' ? TCP_BYTES : UDP_BYTES);
  const bytes = new Uint8Array(IP_BYTES + QUOTED_BYTES);
  const view = new DataView(bytes.buffer);
  const total = IP_BYTES + transportBytes;
  emitIpv4(view, 0, IP_BYTES, 0, total, 0, 0x4000, 60, protocol, local, peer);
  view.setUint16(IP_BYTES, localPort);
  view.setUint16(IP_BYTES + 2, peerPort);
  if (about.kind === 'tcp') {
    const conversation = conversations.of({ ...current, localPort, peerPort });
    view.setInt32(IP_BYTES + 4, conversation.hostSeqToWire(about.seq));
  } else view.setUint16(IP_BYTES + 4, transportBytes);
  return bytes.slice(0, Number(attributes.get('quote') ?? bytes.length));
}
