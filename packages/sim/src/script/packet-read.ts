/**
 * From the bytes of a packet that the stack sent to the notation of scripts.
 *
 * @module
 */

import {
  formatIpv4,
  icmpCode,
  icmpIsError,
  icmpType,
  IGMP_V3_REPORT,
  igmpGroup,
  igmpRecordGroup,
  igmpRecordType,
  igmpType,
  ipv4Dst,
  ipv4Fragment,
  ipv4FragmentOffset,
  ipv4HeaderLength,
  ipv4IsFragment,
  ipv4Protocol,
  ipv4Src,
  ipv4TrafficClass,
  ipv4Ttl,
  IPV6_HEADER_BYTES,
  ipv6Dst,
  ipv6HopLimit,
  ipv6NextHeader,
  ipv6Src,
  ipv6TrafficClass,
  PROTOCOL_ICMP,
  PROTOCOL_IGMP,
  PROTOCOL_TCP,
  parseTcpOptions,
  PROTOCOL_UDP,
  TCP_OPTION_ACCECN_0,
  TCP_OPTION_ACCECN_1,
  TCP_SYN,
  tcpAck,
  tcpDstPort,
  tcpFlags,
  tcpHeaderLength,
  TcpOptions,
  tcpSeq,
  tcpSrcPort,
  tcpUrgent,
  tcpWindow,
  udpDstPort,
  udpSrcPort,
} from '@tickwire/wire';
import { type Emission, packetFault } from '../port/layer3-port.ts';
import { type Conversation, type Conversations, type FlowKey, streamByte } from './conversation.ts';
import { TCP_FLAG_BITS } from './packet-build.ts';
import { FLAG_LETTERS } from './packet-syntax.ts';
import type { PacketSyntax, TcpSyntax } from './script.ts';

/** A packet of the stack, read. */
export interface ReadPacket {
  readonly atNs: number;
  readonly key: FlowKey;
  readonly packet: PacketSyntax;
  /** IP header fields that brackets may ask for. */
  readonly fields: ReadonlyMap<string, string>;
  /** Undefined when checksums and payload are as they must be. */
  readonly fault: string | undefined;
}

const ECN: readonly string[] = ['noecn', 'ect1', 'ect0', 'ce'];

/** Reads an emission; learns the initial sequence number from a SYN. */
export function readPacket(conversations: Conversations, emission: Emission): ReadPacket {
  const { bytes, atNs } = emission;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { at, protocol, fields } = conversations.family === 4 ? readIpv4(view) : readIpv6(view);
  fields.set(emission.linkDst, '');
  const length = bytes.length - at;
  let key: FlowKey = {
    local: fields.get('src')!,
    localPort: 0,
    peer: fields.get('dst')!,
    peerPort: 0,
  };
  let fault = packetFault(bytes);
  let packet: PacketSyntax;
  if (conversations.family === 4 && ipv4IsFragment(view, 0)) {
    const from = ipv4FragmentOffset(view, 0);
    const more = (ipv4Fragment(view, 0) & 0x2000) === 0 ? '' : '+';
    fields.set('frag', `${from}:${from + length}${more}`);
    packet = { kind: 'ip', protocol, length };
  } else if (protocol === PROTOCOL_TCP) {
    key = { ...key, localPort: tcpSrcPort(view, at), peerPort: tcpDstPort(view, at) };
    const conversation = conversations.of(key);
    const isSyn = (tcpFlags(view, at) & TCP_SYN) !== 0;
    if (isSyn) conversation.learnSyn(tcpSeq(view, at), shiftOf(view, at));
    const segment = readTcp(conversation, view, at, length);
    for (const option of segment.options ?? []) {
      if (option.startsWith('FO ')) conversations.cookie = option.slice(3);
    }
    packet = segment;
    // Data begins behind the SYN, which may carry it (RFC 7413).
    const first = segment.flags.includes('S') ? segment.seq : segment.seq - 1;
    fault ??= payloadFault(bytes, at + tcpHeaderLength(view, at), first);
    const stamp = segment.options?.find((option) => option.startsWith('TS val '));
    const timestamp = stamp === undefined ? undefined : Number(stamp.split(' ')[2]);
    fault ??= promiseFault(conversation, segment, timestamp);
    if (segment.length > 0 && conversation.isBeyondWindow(segment.seq + segment.length)) {
      fault ??= 'the data lies beyond every window that the peer has offered';
    }
  } else if (protocol === PROTOCOL_UDP) {
    key = { ...key, localPort: udpSrcPort(view, at), peerPort: udpDstPort(view, at) };
    packet = { kind: 'udp', length: length - 8 };
    fault ??= payloadFault(bytes, at + 8, 0);
  } else if (protocol === PROTOCOL_ICMP) {
    const type = icmpType(view, at);
    packet = {
      kind: 'icmp',
      type,
      code: icmpCode(view, at),
      rest: view.getInt32(at + 4),
      length: icmpIsError(type) ? 0 : length - 8,
      about: undefined,
    };
    if (!icmpIsError(type)) fault ??= payloadFault(bytes, at + 8, 0);
  } else if (protocol === PROTOCOL_IGMP) packet = readIgmp(view, at);
  else packet = { kind: 'ip', protocol, length };
  fields.set('sport', String(key.localPort));
  fields.set('dport', String(key.peerPort));
  return { atNs, key, packet, fields, fault };
}

/** What an IP header says: where its payload begins, of which protocol, and the fields. */
interface ReadHeader {
  readonly at: number;
  readonly protocol: number;
  readonly fields: Map<string, string>;
}

function readIpv4(view: DataView): ReadHeader {
  const at = ipv4HeaderLength(view, 0);
  const traffic = ipv4TrafficClass(view, 0);
  const fields = new Map<string, string>([
    ['src', formatIpv4(ipv4Src(view, 0))],
    ['dst', formatIpv4(ipv4Dst(view, 0))],
    ['ttl', String(ipv4Ttl(view, 0))],
    ['tos', String(traffic & 0xfc)],
    [ECN[traffic & 3]!, ''],
    [(ipv4Fragment(view, 0) & 0x4000) === 0 ? 'nodf' : 'df', ''],
  ]);
  const options = Buffer.from(view.buffer, view.byteOffset + 20, at - 20);
  if (at > 20) fields.set('ipopt', options.toString('hex'));
  return { at, protocol: ipv4Protocol(view, 0), fields };
}

/** In the words of IPv4: the last word of an address is all that differs in a script. */
function readIpv6(view: DataView): ReadHeader {
  const traffic = ipv6TrafficClass(view, 0);
  const fields = new Map<string, string>([
    ['src', formatIpv4(ipv6Src(view, 0, 3))],
    ['dst', formatIpv4(ipv6Dst(view, 0, 3))],
    ['ttl', String(ipv6HopLimit(view, 0))],
    ['tos', String(traffic & 0xfc)],
    [ECN[traffic & 3]!, ''],
  ]);
  return { at: IPV6_HEADER_BYTES, protocol: ipv6NextHeader(view, 0), fields };
}

/** The window scale option of a SYN, or undefined. */
function shiftOf(view: DataView, at: number): number | undefined {
  const options = new TcpOptions();
  const length = tcpHeaderLength(view, at) - 20;
  parseTcpOptions(view, at + 20, length, options);
  return options.windowScale < 0 ? undefined : options.windowScale;
}

/** A segment of a connection (not a reset) keeps what it has promised. */
function promiseFault(
  conversation: Conversation,
  segment: TcpSyntax,
  timestamp: number | undefined,
): string | undefined {
  if (segment.ack === undefined || segment.flags.includes('R')) return undefined;
  const isSyn = segment.flags.includes('S');
  const fault = conversation.movedBack(isSyn, segment.ack, segment.window ?? 0, timestamp);
  return fault === '' ? undefined : fault;
}

function readIgmp(view: DataView, at: number): PacketSyntax {
  const type = igmpType(view, at);
  if (type !== IGMP_V3_REPORT) {
    return { kind: 'igmp', type, group: formatIpv4(igmpGroup(view, at)), code: 0 };
  }
  const group = formatIpv4(igmpRecordGroup(view, at + 8));
  return { kind: 'igmp', type, group, code: igmpRecordType(view, at + 8) };
}

function readTcp(
  conversation: Conversation,
  view: DataView,
  at: number,
  length: number,
): TcpSyntax {
  const bits = tcpFlags(view, at);
  const flags = FLAG_LETTERS.filter((letter) => (bits & TCP_FLAG_BITS[letter]!) !== 0).join('');
  const headerBytes = tcpHeaderLength(view, at);
  return {
    kind: 'tcp',
    flags,
    seq: conversation.hostSeqToScript(tcpSeq(view, at)),
    length: length - headerBytes,
    ack: flags.includes('.') ? conversation.peerSeqToScript(tcpAck(view, at)) : undefined,
    window: tcpWindow(view, at),
    urgent: flags.includes('U') ? tcpUrgent(view, at) : undefined,
    options: readOptions(conversation, view, at + 20, at + headerBytes),
  };
}

function readOptions(
  conversation: Conversation,
  view: DataView,
  from: number,
  end: number,
): readonly string[] {
  const options: string[] = [];
  let at = from;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === 0) break;
    if (kind === 1) {
      options.push('nop');
      at += 1;
      continue;
    }
    const length = at + 1 < end ? view.getUint8(at + 1) : 0;
    if (length < 2 || at + length > end) {
      options.push('malformed');
      break;
    }
    options.push(readOption(conversation, view, at, kind, length));
    at += length;
  }
  return options;
}

function readOption(
  conversation: Conversation,
  view: DataView,
  at: number,
  kind: number,
  length: number,
): string {
  switch (kind) {
    case 2:
      return `mss ${view.getUint16(at + 2)}`;
    case 3:
      return `wscale ${view.getUint8(at + 2)}`;
    case 4:
      return 'sackOK';
    case 5: {
      const blocks: string[] = [];
      for (let i = at + 2; i + 8 <= at + length; i += 8) {
        const left = conversation.peerSeqToScript(view.getInt32(i));
        blocks.push(`${left}:${conversation.peerSeqToScript(view.getInt32(i + 4))}`);
      }
      return `sack ${blocks.join(' ')}`;
    }
    case 8: {
      const value = conversation.hostTsToScript(view.getUint32(at + 2));
      return `TS val ${value} ecr ${view.getUint32(at + 6)}`;
    }
    case 34: {
      const bytes = new Uint8Array(view.buffer, view.byteOffset + at + 2, length - 2);
      return `FO ${Buffer.from(bytes).toString('hex')}`.trim();
    }
    case TCP_OPTION_ACCECN_0:
    case TCP_OPTION_ACCECN_1:
      return readAccEcn(view, at, kind, length);
    default:
      return `option${kind} ${length}`;
  }
}

/** Counters in the order in which they lie in the option (RFC 9768, 3.2.3). */
function readAccEcn(view: DataView, at: number, kind: number, length: number): string {
  const names = kind === TCP_OPTION_ACCECN_0 ? ['e0b', 'ceb', 'e1b'] : ['e1b', 'ceb', 'e0b'];
  let text = 'ECN';
  for (let i = 0; 2 + 3 * i < length; i += 1) {
    const from = at + 2 + 3 * i;
    text += ` ${names[i]} ${(view.getUint8(from) << 16) | view.getUint16(from + 1)}`;
  }
  return text;
}

/** Every byte of every packet is checked: the stream is known. */
function payloadFault(bytes: Uint8Array, from: number, offset: number): string | undefined {
  for (let at = from; at < bytes.length; at += 1) {
    if (bytes[at] !== streamByte(offset + at - from)) {
      return `payload byte ${at - from} is not the byte that was written at this place`;
    }
  }
  return undefined;
}
