/**
 * Packets that another stack made, from `fixtures/`: every check accepts them, every checksum is
 * right, and our emitters write the same bytes from what the parsers read.
 */

import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Status } from '@tickwire/base';
import { checkArp, emitArp, formatArp, parseArp } from './arp.ts';
import { CHECKSUM_GOOD, checksumAdd, checksumFold, pseudoSum4, pseudoSum6 } from './checksum.ts';
import {
  checkEthernet,
  emitEthernet,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ethernetType,
  parseEthernet,
} from './ethernet.ts';
import {
  checkIcmp,
  checkIcmpQuote,
  emitIcmp,
  emitIcmpError,
  formatIcmp,
  icmpChecksumOk,
  parseIcmp,
} from './icmp.ts';
import { checkIcmpv6, checkIcmpv6Quote, emitIcmpv6, formatIcmpv6, parseIcmpv6 } from './icmpv6.ts';
import {
  checkIgmp,
  emitIgmpRecord,
  emitIgmpV3Report,
  fillIgmpChecksum,
  IGMP_ALL_V3_ROUTERS,
  igmpChecksumOk,
  igmpRecordGroup,
  igmpRecordType,
} from './igmp.ts';
import {
  PROTOCOL_FRAGMENT,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_IGMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from './ip-protocol.ts';
import {
  checkIpv4,
  emitIpv4,
  formatIpv4Header,
  IPV4_HAS_ROUTER_ALERT,
  ipv4ChecksumOk,
  ipv4Dst,
  ipv4IsFragment,
  ipv4Options,
  parseIpv4,
} from './ipv4.ts';
import {
  checkIpv6,
  emitIpv6,
  emitIpv6Fragment,
  formatIpv6Header,
  IPV6_HEADER_BYTES,
  ipv6Dst,
  Ipv6Walk,
  ipv6Src,
  parseIpv6,
  setIpv6Dst,
  setIpv6Src,
  walkIpv6,
} from './ipv6.ts';
import {
  checkMld,
  emitMldRecord,
  emitMldV2Report,
  mldRecordAddress,
  mldRecordType,
} from './mld.ts';
import {
  checkNdp,
  emitNdpLinkAddress,
  emitNdpNeighbor,
  emitNdpRouterSolicitation,
  formatNdp,
  NDP_OPTION_SOURCE_LINK,
  NDP_OPTION_TARGET_LINK,
  ndpFindOption,
  ndpFlags,
  ndpOptionMacHigh,
  ndpOptionMacLow,
  ndpTarget,
} from './ndp.ts';
import {
  emitTcpMss,
  emitTcpSackPermittedTimestamps,
  emitTcpTimestamps,
  emitTcpWindowScale,
  formatTcpOptions,
  parseTcpOptions,
  TcpOptions,
} from './tcp-options.ts';
import { checkTcp, emitTcp, formatTcp, parseTcp, setTcpChecksum } from './tcp.ts';
import { checkUdp, emitUdp, formatUdp, parseUdp } from './udp.ts';

const folder = join(import.meta.dir, '../fixtures');
const names = readdirSync(folder).toSorted();

/** The bytes of a fixture; its first line says where they come from. */
function load(name: string): DataView {
  const [provenance = '', ...lines] = readFileSync(join(folder, name), 'utf8').split('\n');
  expect(provenance).toMatch(/^# \w/);
  return new DataView(Uint8Array.from(Buffer.from(lines.join(''), 'hex')).buffer);
}

const hex = (view: DataView, at: number, length: number): string =>
  Buffer.from(view.buffer as ArrayBuffer, at, length).toString('hex');

/** A copy of the packet with everything after `at` zeroed, for an emitter to fill again. */
function blankFrom(view: DataView, at: number, length: number): DataView {
  const bytes = new Uint8Array(view.byteLength);
  bytes.set(new Uint8Array(view.buffer as ArrayBuffer));
  bytes.fill(0, at, at + length);
  return new DataView(bytes.buffer);
}

const IP = ETHERNET_HEADER_BYTES;

describe.each(names)('%s', (name) => {
  const view = load(name);
  const length = view.byteLength;

  test('has an Ethernet header that emitEthernet() writes alike', () => {
    expect(checkEthernet(view, 0, length)).toBe(Status.Ok);
    const header = parseEthernet(view, 0);
    const copy = blankFrom(view, 0, IP);
    const { dstHigh, dstLow, srcHigh, srcLow, type } = header;
    emitEthernet(copy, 0, dstHigh, dstLow, srcHigh, srcLow, type);
    expect(hex(copy, 0, length)).toBe(hex(view, 0, length));
  });

  test('is accepted, and written alike from what was read', () => {
    const type = ethernetType(view, 0);
    if (type === ETHERTYPE_ARP) arp(view);
    else if (type === ETHERTYPE_IPV4) ipv4(view);
    else ipv6(view);
  });
});

function arp(view: DataView): void {
  expect(checkArp(view, IP, view.byteLength - IP)).toBe(Status.Ok);
  const p = parseArp(view, IP);
  const copy = blankFrom(view, IP, 28);
  emitArp(
    copy,
    IP,
    p.operation,
    p.senderMacHigh,
    p.senderMacLow,
    p.senderIp,
    p.targetMacHigh,
    p.targetMacLow,
    p.targetIp,
  );
  expect(hex(copy, IP, 28)).toBe(hex(view, IP, 28));
}

function ipv4(view: DataView): void {
  expect(checkIpv4(view, IP, view.byteLength - IP)).toBe(Status.Ok);
  expect(ipv4ChecksumOk(view, IP)).toBe(true);
  const h = parseIpv4(view, IP);
  const copy = blankFrom(view, IP, 20);
  emitIpv4(
    copy,
    IP,
    h.headerLength,
    h.trafficClass,
    h.totalLength,
    h.identification,
    h.fragment,
    h.ttl,
    h.protocol,
    h.src,
    h.dst,
  );
  expect(hex(copy, IP, h.headerLength)).toBe(hex(view, IP, h.headerLength));
  const at = IP + h.headerLength;
  const length = h.totalLength - h.headerLength;
  if (ipv4IsFragment(view, IP)) return;
  const sum = checksumFold(
    checksumAdd(view, at, length, pseudoSum4(h.src, h.dst, h.protocol, length)),
  );
  switch (h.protocol) {
    case PROTOCOL_ICMP:
      icmp(view, at, length);
      break;
    case PROTOCOL_IGMP:
      expect(ipv4Options(view, IP)).toBe(IPV4_HAS_ROUTER_ALERT);
      expect(ipv4Dst(view, IP)).toBe(IGMP_ALL_V3_ROUTERS);
      igmp(view, at, length);
      break;
    case PROTOCOL_UDP:
      expect(sum).toBe(CHECKSUM_GOOD);
      udp(view, at, length);
      break;
    default:
      expect(h.protocol).toBe(PROTOCOL_TCP);
      expect(sum).toBe(CHECKSUM_GOOD);
      tcp(view, at, length);
  }
}

function icmp(view: DataView, at: number, length: number): void {
  expect(checkIcmp(view, at, length)).toBe(Status.Ok);
  expect(icmpChecksumOk(view, at, length)).toBe(true);
  const h = parseIcmp(view, at);
  const copy = blankFrom(view, at, 8);
  emitIcmp(copy, at, h.type, h.code, h.rest);
  copy.setUint16(at + 2, h.checksum);
  expect(hex(copy, at, length)).toBe(hex(view, at, length));
  if (h.type !== 3) return;
  expect(checkIcmpQuote(view, at, length)).toBe(Status.Ok);
  const error = new DataView(new ArrayBuffer(4096));
  for (let i = 8; i < length; i += 1) error.setUint8(2048 + i, view.getUint8(at + i));
  const bytes = emitIcmpError(error, 0, h.type, h.code, h.rest, 2056, length - 8);
  expect(hex(error, 0, bytes)).toBe(hex(view, at, length));
}

function igmp(view: DataView, at: number, length: number): void {
  expect(checkIgmp(view, at, length)).toBe(Status.Ok);
  expect(igmpChecksumOk(view, at, length)).toBe(true);
  const copy = blankFrom(view, at, length);
  emitIgmpV3Report(copy, at, 1);
  emitIgmpRecord(copy, at + 8, igmpRecordType(view, at + 8), igmpRecordGroup(view, at + 8), 0);
  fillIgmpChecksum(copy, at, length);
  expect(hex(copy, at, length)).toBe(hex(view, at, length));
}

function udp(view: DataView, at: number, length: number): void {
  expect(checkUdp(view, at, length)).toBe(Status.Ok);
  const h = parseUdp(view, at);
  const copy = blankFrom(view, at, 8);
  emitUdp(copy, at, h.srcPort, h.dstPort, h.length, h.checksum);
  expect(hex(copy, at, length)).toBe(hex(view, at, length));
}

function tcp(view: DataView, at: number, length: number): void {
  expect(checkTcp(view, at, length)).toBe(Status.Ok);
  const h = parseTcp(view, at);
  const copy = blankFrom(view, at, h.headerLength);
  emitTcp(
    copy,
    at,
    h.srcPort,
    h.dstPort,
    h.seq,
    h.ack,
    h.headerLength,
    h.flags,
    h.window,
    h.urgent,
  );
  setTcpChecksum(copy, at, h.checksum);
  const options = new TcpOptions();
  expect(parseTcpOptions(view, at + 20, h.headerLength - 20, options)).toBe(Status.Ok);
  let end = at + 20;
  if (options.mss > 0) {
    // Linux' order on a SYN: MSS, SACK permitted with timestamps, window scale.
    end = emitTcpMss(copy, end, options.mss);
    end = emitTcpSackPermittedTimestamps(copy, end, options.tsVal, options.tsEcr);
    end = emitTcpWindowScale(copy, end, options.windowScale);
  } else if (options.hasTimestamps === 1) {
    end = emitTcpTimestamps(copy, end, options.tsVal, options.tsEcr);
  }
  expect(end).toBe(at + h.headerLength);
  expect(hex(copy, at, length)).toBe(hex(view, at, length));
}

function ipv6(view: DataView): void {
  expect(checkIpv6(view, IP, view.byteLength - IP)).toBe(Status.Ok);
  const h = parseIpv6(view, IP);
  const copy = blankFrom(view, IP, IPV6_HEADER_BYTES);
  emitIpv6(copy, IP, h.trafficClass, h.flowLabel, h.payloadLength, h.nextHeader, h.hopLimit);
  const src = [0, 1, 2, 3].map((word) => ipv6Src(view, IP, word));
  const dst = [0, 1, 2, 3].map((word) => ipv6Dst(view, IP, word));
  const words = [...src, ...dst] as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  setIpv6Src(copy, IP, words[0], words[1], words[2], words[3]);
  setIpv6Dst(copy, IP, words[4], words[5], words[6], words[7]);
  expect(hex(copy, IP, 40)).toBe(hex(view, IP, 40));
  const walk = new Ipv6Walk();
  const status = walkIpv6(view, h.nextHeader, IP + 6, IP + 40, h.payloadLength, true, walk);
  expect(status).toBe(Status.Ok);
  const { at, length, protocol } = walk;
  if (protocol === PROTOCOL_FRAGMENT) {
    emitIpv6Fragment(copy, at, walk.fragmentNextHeader, walk.fragment, walk.identification);
    expect(hex(copy, at, length)).toBe(hex(view, at, length));
    return;
  }
  const sum = checksumAdd(view, at, length, pseudoSum6(...words, protocol, length));
  expect(checksumFold(sum)).toBe(CHECKSUM_GOOD);
  if (protocol === PROTOCOL_UDP) udp(view, at, length);
  else {
    expect(protocol).toBe(PROTOCOL_ICMPV6);
    icmpv6(view, at, length);
  }
}

function icmpv6(view: DataView, at: number, length: number): void {
  expect(checkIcmpv6(view, at, length)).toBe(Status.Ok);
  const h = parseIcmpv6(view, at);
  const whole = h.type >= 133;
  const copy = blankFrom(view, at, whole ? length : 8);
  if (!whole) emitIcmpv6(copy, at, h.type, h.code, h.rest);
  else if (h.type === 143) mldReport(view, copy, at, length);
  else ndp(view, copy, at, length, h.type);
  copy.setUint16(at + 2, h.checksum);
  expect(hex(copy, at, length)).toBe(hex(view, at, length));
  if (h.type < 128) expect(checkIcmpv6Quote(view, at, length)).toBe(Status.Ok);
}

function mldReport(view: DataView, copy: DataView, at: number, length: number): void {
  expect(checkMld(view, at, length)).toBe(Status.Ok);
  const records = (length - 8) / 20;
  emitMldV2Report(copy, at, records);
  for (let record = at + 8; record < at + length;) {
    const [a, b, c, d] = [0, 1, 2, 3].map((word) => mldRecordAddress(view, record, word));
    record = emitMldRecord(copy, record, mldRecordType(view, record), a!, b!, c!, d!);
  }
}

function ndp(view: DataView, copy: DataView, at: number, length: number, type: number): void {
  expect(checkNdp(view, at, length)).toBe(Status.Ok);
  const kind = type === 136 ? NDP_OPTION_TARGET_LINK : NDP_OPTION_SOURCE_LINK;
  const option = ndpFindOption(view, at, length, kind, 0);
  expect(option).toBeGreaterThan(at);
  if (type === 133) emitNdpRouterSolicitation(copy, at);
  else {
    const [a, b, c, d] = [0, 1, 2, 3].map((word) => ndpTarget(view, at, word));
    emitNdpNeighbor(copy, at, type, ndpFlags(view, at), a!, b!, c!, d!);
  }
  const [high, low] = [ndpOptionMacHigh(view, option), ndpOptionMacLow(view, option)];
  expect(emitNdpLinkAddress(copy, option, kind, high, low)).toBe(at + length);
}

describe('pretty printers', () => {
  test('say what tcpdump says', () => {
    expect(formatArp(load('arp-request.hex'), IP)).toBe('ARP who-has 10.0.0.2 tell 10.0.0.1');
    expect(formatArp(load('arp-reply.hex'), IP)).toBe('ARP reply 10.0.0.2 is-at 02:00:00:00:00:0b');
    const unreachable = load('icmp-unreachable-port.hex');
    expect(formatIpv4Header(unreachable, IP)).toBe('10.0.0.2 > 10.0.0.1 ICMP ttl 64 len 59');
    expect(formatIcmp(unreachable, IP + 20)).toBe('ICMP unreachable code 3');
    expect(formatIcmpv6(load('icmpv6-unreachable-port.hex'), IP + 40)).toBe(
      'ICMPv6 unreachable code 4',
    );
    expect(formatIpv6Header(load('ndp-solicitation.hex'), IP)).toBe(
      '2001:db8::1 > ff02::1:ff00:2 ICMPv6 hlim 255 len 32',
    );
    expect(formatNdp(load('ndp-advertisement.hex'), IP + 40, 32)).toBe(
      'NDP 2001:db8::2 is-at 02:00:00:00:00:0b',
    );
    expect(formatUdp(load('udp4-odd.hex'), IP + 20)).toEndWith(' > 9 len 3');
    const syn = load('tcp-syn.hex');
    expect(formatTcp(syn, IP + 20)).toMatch(/^TCP \d+ > 8080 \[S\] seq \d+ win 64240$/);
    const options = new TcpOptions();
    parseTcpOptions(syn, IP + 40, 20, options);
    expect(formatTcpOptions(options)).toMatch(/^mss 1460,wscale 10,sackOK,TS val \d+ ecr 0$/);
  });
});
