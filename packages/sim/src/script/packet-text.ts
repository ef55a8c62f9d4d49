/**
 * Packets printed in the notation of scripts, and compared in it.
 *
 * @module
 */

import type { FlowKey } from './conversation.ts';
import { ICMP_CODES, ICMP_TYPES, IGMP_RECORDS, IGMP_TYPES } from './packet-syntax.ts';
import type { ReadPacket } from './packet-read.ts';
import type { Attributes, IcmpSyntax, PacketSyntax, TcpSyntax } from './script.ts';

/** One packet as a script would write it. */
export function packetText(packet: PacketSyntax): string {
  switch (packet.kind) {
    case 'tcp':
      return tcpText(packet);
    case 'udp':
      return `udp (${packet.length})`;
    case 'icmp':
      return icmpText(packet);
    case 'igmp': {
      const name = nameOf(IGMP_TYPES, packet.type);
      const code = packet.code === 0 ? '' : ` ${nameOf(IGMP_RECORDS, packet.code)}`;
      return `igmp ${name} ${packet.group}${code}`;
    }
    case 'ip':
      return `ip ${packet.protocol} (${packet.length})`;
    case 'raw':
      return `raw ${Buffer.from(packet.bytes).toString('hex')}`;
  }
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? String(value);
}

function tcpText(packet: TcpSyntax): string {
  const { flags, seq, length, ack, window, urgent, options } = packet;
  let text = `${flags === '' ? 'none' : flags} ${seq}:${seq + length}(${length})`;
  if (ack !== undefined) text += ` ack ${ack}`;
  if (window !== undefined) text += ` win ${window}`;
  if (urgent !== undefined) text += ` urg ${urgent}`;
  if (options === undefined) return `${text} <...>`;
  return options.length === 0 ? text : `${text} <${options.join(',')}>`;
}

function icmpText(packet: IcmpSyntax): string {
  const type = nameOf(ICMP_TYPES, packet.type);
  const code = nameOf(ICMP_CODES[type] ?? {}, packet.code);
  if (type === 'echo_request' || type === 'echo_reply') {
    const id = packet.rest >>> 16;
    return `icmp ${type} id ${id} seq ${packet.rest & 0xffff} (${packet.length})`;
  }
  let text = `icmp ${type} ${code}`;
  if (code === 'frag_needed') text += ` mtu ${packet.rest & 0xffff}`;
  if (type === 'parameter_problem') text += ` pointer ${packet.rest >>> 24}`;
  return packet.length > 0 ? `${text} (${packet.length})` : text;
}

/** Brackets and packet, as `>` lines write it; only what was asked for is in the brackets. */
export function readText(read: ReadPacket, wanted: Attributes, current: FlowKey): string {
  const parts: string[] = [];
  const { fields, key } = read;
  for (const name of ['ect0', 'ect1', 'ce', 'noecn', 'df', 'nodf', 'multicast', 'broadcast']) {
    const asked = wanted.has(name) || (isEcn(name) && [...wanted.keys()].some(isEcn));
    if (fields.has(name) && (asked || name === 'multicast' || name === 'broadcast')) {
      parts.push(name);
    }
  }
  for (const name of ['ttl', 'tos', 'frag', 'ipopt']) {
    const value = fields.get(name);
    if (value !== undefined && (wanted.has(name) || name === 'frag'))
      parts.push(`${name} ${value}`);
  }
  const hasPorts = read.packet.kind === 'tcp' || read.packet.kind === 'udp';
  if (key.local !== current.local) parts.push(`src ${key.local}`);
  if (key.peer !== current.peer) parts.push(`dst ${key.peer}`);
  if (hasPorts && key.localPort !== current.localPort) parts.push(`sport ${key.localPort}`);
  if (hasPorts && key.peerPort !== current.peerPort) parts.push(`dport ${key.peerPort}`);
  const brackets = parts.length === 0 ? '' : `[${parts.join(', ')}] `;
  return brackets + packetText(read.packet);
}

function isEcn(name: string): boolean {
  return name === 'ect0' || name === 'ect1' || name === 'ce' || name === 'noecn';
}

/** What differs between what a `>` line wants and what left; empty when nothing does. */
export function differences(
  wanted: PacketSyntax,
  attributes: Attributes,
  read: ReadPacket,
  current: FlowKey,
): string[] {
  const faults: string[] = [];
  if (read.fault !== undefined) faults.push(read.fault);
  for (const [name, value] of attributes) {
    if (read.fields.get(name) !== value) faults.push(`[${`${name} ${value}`.trim()}]`);
  }
  const hasPorts = read.packet.kind === 'tcp' || read.packet.kind === 'udp';
  if (!attributes.has('dst') && read.key.peer !== current.peer) faults.push('destination');
  if (!attributes.has('src') && read.key.local !== current.local) faults.push('source');
  if (hasPorts && !attributes.has('sport') && read.key.localPort !== current.localPort) {
    faults.push('source port');
  }
  if (hasPorts && !attributes.has('dport') && read.key.peerPort !== current.peerPort) {
    faults.push('destination port');
  }
  if (read.fields.has('multicast') && !attributes.has('multicast')) faults.push('multicast');
  if (read.fields.has('broadcast') && !attributes.has('broadcast')) faults.push('broadcast');
  const got = read.packet;
  if (wanted.kind === 'tcp' && got.kind === 'tcp') faults.push(...tcpDifferences(wanted, got));
  else if (packetText(wanted) !== packetText(got)) faults.push('packet');
  return faults;
}

function tcpDifferences(wanted: TcpSyntax, got: TcpSyntax): string[] {
  const faults: string[] = [];
  if (wanted.flags !== got.flags) faults.push('flags');
  if (wanted.seq !== got.seq) faults.push('sequence number');
  if (wanted.length !== got.length) faults.push('length');
  if (wanted.ack !== got.ack) faults.push('ack');
  if (wanted.window !== undefined && wanted.window !== got.window) faults.push('window');
  if (wanted.urgent !== got.urgent) faults.push('urgent pointer');
  if (wanted.options !== undefined && !sameOptions(wanted.options, got.options ?? [])) {
    faults.push('options');
  }
  return faults;
}

/** `*` in a wanted option stands for any number. */
function sameOptions(wanted: readonly string[], got: readonly string[]): boolean {
  if (wanted.length !== got.length) return false;
  return wanted.every((option, i) => {
    const words = option.split(' ');
    const other = got[i]!.split(' ');
    return words.length === other.length && words.every((w, j) => w === '*' || w === other[j]);
  });
}
