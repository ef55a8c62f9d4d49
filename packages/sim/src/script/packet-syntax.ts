/**
 * Packets in the notation of scripts: `S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>`.
 *
 * @module
 */

import {
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
} from '@tickwire/wire';
import type {
  Attributes,
  IcmpSyntax,
  IgmpSyntax,
  PacketSyntax,
  TcpSyntax,
  UdpSyntax,
} from './script.ts';

/** Names of ICMP types. */
export const ICMP_TYPES: Readonly<Record<string, number>> = {
  echo_reply: ICMP_ECHO_REPLY,
  unreachable: ICMP_UNREACHABLE,
  source_quench: ICMP_SOURCE_QUENCH,
  redirect: ICMP_REDIRECT,
  echo_request: ICMP_ECHO_REQUEST,
  time_exceeded: ICMP_TIME_EXCEEDED,
  parameter_problem: ICMP_PARAMETER_PROBLEM,
};

/** Names of ICMP codes, by type. */
export const ICMP_CODES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  unreachable: {
    net: 0,
    host: 1,
    protocol: 2,
    port: 3,
    frag_needed: 4,
    source_route: 5,
    net_unknown: 6,
    host_unknown: 7,
    net_prohibited: 9,
    host_prohibited: 10,
    prohibited: 13,
  },
  time_exceeded: { ttl: 0, reassembly: 1 },
  parameter_problem: { pointer: 0 },
  redirect: { net: 0, host: 1 },
};

/** Names of IGMP types. */
export const IGMP_TYPES: Readonly<Record<string, number>> = {
  query: 0x11,
  v1_report: 0x12,
  v2_report: 0x16,
  leave: 0x17,
  v3_report: 0x22,
};

/** Names of the record types of a v3 report. */
export const IGMP_RECORDS: Readonly<Record<string, number>> = {
  is_include: 1,
  is_exclude: 2,
  to_include: 3,
  to_exclude: 4,
};

/** Flags in the order in which they are written. */
export const FLAG_LETTERS: readonly string[] = ['S', 'F', 'R', 'P', '.', 'U', 'E', 'W', 'A'];

const ATTRIBUTES = /^\[([^\]]*)\]\s*/;
/** Flags, sequence numbers, ack, window, urgent pointer, options. */
const TCP = new RegExp(
  String.raw`^([SFPRUEWA.]+|none)\s+(\d+)(?::(\d+)\((\d+)\))?(?:\s+ack\s+(\d+))?` +
    String.raw`(?:\s+win\s+(\d+))?(?:\s+urg\s+(\d+))?(?:\s*<(.*)>)?$`,
);

/** Takes `[a, b 1]` off the front of a text. */
export function parseAttributes(text: string): { attributes: Attributes; rest: string } {
  const attributes = new Map<string, string>();
  const match = ATTRIBUTES.exec(text);
  if (match === null) return { attributes, rest: text };
  for (const part of match[1]!.split(',')) {
    const [name = '', ...value] = part.trim().split(/\s+/);
    attributes.set(name, value.join(' '));
  }
  return { attributes, rest: text.slice(match[0].length) };
}

/** Reads one packet; the message of an error says what is wrong. */
export function parsePacket(text: string): PacketSyntax {
  const word = /^\w+/.exec(text)?.[0] ?? '';
  switch (word) {
    case 'udp':
      return parseUdp(text);
    case 'icmp':
      return parseIcmp(text);
    case 'igmp':
      return parseIgmp(text);
    case 'ip': {
      const match = /^ip\s+(\d+)\s+\((\d+)\)$/.exec(text);
      if (match === null) throw new Error('write ip PROTOCOL (BYTES)');
      return { kind: 'ip', protocol: Number(match[1]), length: Number(match[2]) };
    }
    case 'raw':
      return { kind: 'raw', bytes: parseHex(text.slice(3)) };
    default:
      return parseTcp(text);
  }
}

/** Bytes of `45 00 001c`. */
export function parseHex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s+/g, '');
  if (!/^([0-9a-fA-F]{2})*$/.test(digits)) throw new Error('write bytes as pairs of hex digits');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function parseTcp(text: string): TcpSyntax {
  const match = TCP.exec(text);
  if (match === null) {
    throw new Error('write FLAGS SEQ:END(LENGTH) ack N win N <OPTIONS>, or udp, icmp, igmp, ip');
  }
  const [, flags = '', seqText, endText, lengthText, ack, window, urgent, options] = match;
  const seq = Number(seqText);
  const length = lengthText === undefined ? 0 : Number(lengthText);
  if (endText !== undefined && Number(endText) !== seq + length) {
    throw new Error(`${seq}:${endText}(${length}) does not add up; write ${seq}:${seq + length}`);
  }
  return {
    kind: 'tcp',
    flags: flags === 'none' ? '' : canonicalFlags(flags),
    seq,
    length,
    ack: number(ack),
    window: number(window),
    urgent: number(urgent),
    options: parseOptions(options),
  };
}

/** The letters of the flags in the order of this notation. */
export function canonicalFlags(flags: string): string {
  return FLAG_LETTERS.filter((letter) => flags.includes(letter)).join('');
}

function parseOptions(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return [];
  if (text.trim() === '...') return undefined;
  return text.split(',').map((option) => option.trim().replaceAll(/\s+/g, ' '));
}

function parseUdp(text: string): UdpSyntax {
  const match = /^udp\s+\((\d+)\)$/.exec(text);
  if (match === null) throw new Error('write udp (BYTES); ports go into brackets');
  return { kind: 'udp', length: Number(match[1]) };
}

function parseIcmp(text: string): IcmpSyntax {
  const [front = '', aboutText] = text.split(/\s+about\s+/);
  const words = front.split(/\s+/);
  words.shift();
  const typeName = words.shift() ?? '';
  const type = ICMP_TYPES[typeName] ?? Number(typeName);
  if (!Number.isInteger(type)) throw new TypeError(`unknown ICMP type ${typeName}`);
  let code = 0;
  const next = words[0] ?? '';
  const named = ICMP_CODES[typeName]?.[next];
  if (named !== undefined) {
    code = named;
    words.shift();
  } else if (/^\d+$/.test(next)) code = Number(words.shift());
  let rest = 0;
  let length = 0;
  while (words.length > 0) {
    const name = words.shift()!;
    if (name.startsWith('(')) length = Number(name.slice(1, -1));
    else {
      const value = Number(words.shift());
      if (!Number.isInteger(value)) throw new TypeError(`${name} needs a number`);
      if (name === 'mtu') rest |= value & 0xffff;
      else if (name === 'id') rest |= value << 16;
      else if (name === 'seq') rest |= value & 0xffff;
      else if (name === 'pointer') rest |= value << 24;
      else throw new Error(`unknown word ${name}; write mtu, id, seq, pointer or (BYTES)`);
    }
  }
  const about = aboutText === undefined ? undefined : parseAbout(aboutText.trim());
  return { kind: 'icmp', type, code, rest: rest | 0, length, about };
}

function parseAbout(text: string): TcpSyntax | UdpSyntax {
  if (text.startsWith('udp')) return parseUdp(text);
  return parseTcp(/^\d/.test(text) ? `. ${text}` : text);
}

function parseIgmp(text: string): IgmpSyntax {
  const match = /^igmp\s+(\w+)(?:\s+([\d.]+))?(?:\s+(\w+))?$/.exec(text);
  const type = IGMP_TYPES[match?.[1] ?? ''];
  if (match === null || type === undefined) {
    throw new Error('write igmp query|v2_report|leave|v3_report GROUP [TENTHS or RECORD]');
  }
  const codeText = match[3] ?? '0';
  const code = IGMP_RECORDS[codeText] ?? Number(codeText);
  return { kind: 'igmp', type, group: match[2] ?? '0.0.0.0', code };
}

function number(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
