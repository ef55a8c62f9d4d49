/**
 * Emit, then parse, gives back what went in; a check refuses every truncation; and what a check
 * accepts can be read without leaving the bytes.
 */

import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import * as fc from 'fast-check';
import { ARP_BYTES, checkArp, emitArp, formatArp, parseArp } from './arp.ts';
import { checkEthernet, emitEthernet, formatEthernet, parseEthernet } from './ethernet.ts';
import {
  checkIcmp,
  checkIcmpQuote,
  emitIcmp,
  emitIcmpError,
  formatIcmp,
  ICMP_QUOTE_BYTES_MAX,
  icmpChecksumOk,
  parseIcmp,
} from './icmp.ts';
import {
  checkIcmpv6,
  checkIcmpv6Quote,
  emitIcmpv6,
  emitIcmpv6Error,
  formatIcmpv6,
  ICMPV6_QUOTE_BYTES_MAX,
  parseIcmpv6,
} from './icmpv6.ts';
import {
  checkIgmp,
  emitIgmp,
  emitIgmpRecord,
  emitIgmpV3Query,
  emitIgmpV3Report,
  formatIgmp,
  IGMP_QUERY,
  igmpChecksumOk,
  igmpMaxResponse,
  igmpQueryVersion,
  parseIgmp,
} from './igmp.ts';
import {
  checkIpv4,
  emitIpv4,
  fillIpv4Checksum,
  formatIpv4Header,
  IPV4_HAS_OTHER_OPTION,
  IPV4_HAS_ROUTER_ALERT,
  IPV4_HAS_SOURCE_ROUTE,
  IPV4_ROUTER_ALERT,
  ipv4ChecksumOk,
  ipv4Options,
  parseIpv4,
} from './ipv4.ts';
import {
  checkIpv6,
  emitIpv6,
  formatIpv6Header,
  ipv6Dst,
  ipv6Src,
  parseIpv6,
  setIpv6Dst,
  setIpv6Src,
} from './ipv6.ts';
import {
  checkMld,
  emitMld,
  emitMldRecord,
  emitMldV2Report,
  formatMld,
  mldMaxResponseMs,
  parseMld,
} from './mld.ts';
import { checkNdp, emitNdpNeighbor, formatNdp, ndpFindOption, parseNdpNeighbor } from './ndp.ts';
import { checkTcp, emitTcp, formatTcp, parseTcp, setTcpFlags, TCP_FLAGS_MASK } from './tcp.ts';
import { checkUdp, emitUdp, formatUdp, parseUdp } from './udp.ts';

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const i32 = fc.integer();

/** Where headers are put: an odd offset, noise around. */
const AT = 3;
function noise(): DataView {
  return new DataView(new Uint8Array(256).fill(0xa5).buffer);
}

/** That only `length` bytes at `AT` were written. */
function expectUntouchedAround(view: DataView, length: number): void {
  const bytes = new Uint8Array(view.buffer as ArrayBuffer);
  expect(bytes.slice(0, AT).every((byte) => byte === 0xa5)).toBe(true);
  expect(bytes.slice(AT + length).every((byte) => byte === 0xa5)).toBe(true);
}

describe('emit and parse', () => {
  test('emitEthernet() and parseEthernet() are inverse', () => {
    const header = fc.record({ dstHigh: u16, dstLow: i32, srcHigh: u16, srcLow: i32, type: u16 });
    fc.assert(
      fc.property(header, (h) => {
        const view = noise();
        emitEthernet(view, AT, h.dstHigh, h.dstLow, h.srcHigh, h.srcLow, h.type);
        expect(parseEthernet(view, AT)).toEqual(h);
        expectUntouchedAround(view, 14);
      }),
    );
  });

  test('emitArp() and parseArp() are inverse', () => {
    const packet = fc.record({
      operation: u16,
      senderMacHigh: u16,
      senderMacLow: i32,
      senderIp: i32,
      targetMacHigh: u16,
      targetMacLow: i32,
      targetIp: i32,
    });
    fc.assert(
      fc.property(packet, (p) => {
        const view = noise();
        emitArp(
          view,
          AT,
          p.operation,
          p.senderMacHigh,
          p.senderMacLow,
          p.senderIp,
          p.targetMacHigh,
          p.targetMacLow,
          p.targetIp,
        );
        expect(checkArp(view, AT, ARP_BYTES)).toBe(Status.Ok);
        expect(parseArp(view, AT)).toEqual(p);
        expectUntouchedAround(view, ARP_BYTES);
      }),
    );
  });

  test('emitIpv4() and parseIpv4() are inverse, with a right checksum', () => {
    const header = fc.record({
      words: fc.integer({ min: 5, max: 15 }),
      trafficClass: u8,
      payload: fc.nat(1000),
      identification: u16,
      fragment: u16,
      ttl: u8,
      protocol: u8,
      src: i32,
      dst: i32,
    });
    fc.assert(
      fc.property(header, ({ words, payload, ...h }) => {
        const view = noise();
        const headerLength = 4 * words;
        const totalLength = headerLength + payload;
        emitIpv4(
          view,
          AT,
          headerLength,
          h.trafficClass,
          totalLength,
          h.identification,
          h.fragment,
          h.ttl,
          h.protocol,
          h.src,
          h.dst,
        );
        const { checksum, ...read } = parseIpv4(view, AT);
        expect(read).toEqual({ headerLength, totalLength, ...h });
        expect(checkIpv4(view, AT, totalLength)).toBe(Status.Ok);
        expect(ipv4ChecksumOk(view, AT)).toBe(true);
        view.setUint16(AT + 4, h.identification ^ 1);
        expect(ipv4ChecksumOk(view, AT)).toBe(false);
        view.setUint16(AT + 4, h.identification);
        fillIpv4Checksum(view, AT);
        expect(parseIpv4(view, AT).checksum).toBe(checksum);
        expectUntouchedAround(view, headerLength);
      }),
    );
  });

  test('emitIpv6(), setIpv6Src(), setIpv6Dst() and parseIpv6() are inverse', () => {
    const header = fc.record({
      trafficClass: u8,
      flowLabel: fc.nat(0xfffff),
      payloadLength: u16,
      nextHeader: u8,
      hopLimit: u8,
    });
    const words = fc.array(i32, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(header, words, (h, w) => {
        const view = noise();
        const { trafficClass, flowLabel, payloadLength, nextHeader, hopLimit } = h;
        emitIpv6(view, AT, trafficClass, flowLabel, payloadLength, nextHeader, hopLimit);
        setIpv6Src(view, AT, w[0]!, w[1]!, w[2]!, w[3]!);
        setIpv6Dst(view, AT, w[4]!, w[5]!, w[6]!, w[7]!);
        const { src, dst, ...read } = parseIpv6(view, AT);
        expect(read).toEqual(h);
        expect([src, dst]).not.toContain('');
        for (let i = 0; i < 4; i += 1) {
          expect(ipv6Src(view, AT, i)).toBe(w[i]!);
          expect(ipv6Dst(view, AT, i)).toBe(w[4 + i]!);
        }
        expectUntouchedAround(view, 40);
      }),
    );
  });

  test('emitUdp() and parseUdp() are inverse', () => {
    const header = fc.record({ srcPort: u16, dstPort: u16, length: u16, checksum: u16 });
    fc.assert(
      fc.property(header, (h) => {
        const view = noise();
        emitUdp(view, AT, h.srcPort, h.dstPort, h.length, h.checksum);
        expect(parseUdp(view, AT)).toEqual(h);
        expectUntouchedAround(view, 8);
      }),
    );
  });

  test('emitTcp() and parseTcp() are inverse', () => {
    const header = fc.record({
      srcPort: u16,
      dstPort: u16,
      seq: i32,
      ack: i32,
      words: fc.integer({ min: 5, max: 15 }),
      flags: fc.nat(TCP_FLAGS_MASK),
      window: u16,
      urgent: u16,
    });
    fc.assert(
      fc.property(header, fc.nat(TCP_FLAGS_MASK), ({ words, ...h }, other) => {
        const view = noise();
        const headerLength = 4 * words;
        const { srcPort, dstPort, seq, ack, flags, window, urgent } = h;
        emitTcp(view, AT, srcPort, dstPort, seq, ack, headerLength, flags, window, urgent);
        const expected = { ...h, headerLength, checksum: 0 };
        expect(parseTcp(view, AT)).toEqual(expected);
        expect(checkTcp(view, AT, headerLength)).toBe(Status.Ok);
        expectUntouchedAround(view, 20);
        setTcpFlags(view, AT, other);
        expect(parseTcp(view, AT)).toEqual({ ...expected, flags: other });
      }),
    );
  });

  test('emitIcmp() and emitIcmpv6() are inverse to their parsers', () => {
    fc.assert(
      fc.property(u8, u8, i32, (type, code, rest) => {
        const view = noise();
        emitIcmp(view, AT, type, code, rest);
        expect(parseIcmp(view, AT)).toEqual({ type, code, checksum: 0, rest });
        emitIcmpv6(view, AT, type, code, rest);
        expect(parseIcmpv6(view, AT)).toEqual({ type, code, checksum: 0, rest });
        expectUntouchedAround(view, 8);
      }),
    );
  });

  test('emitIgmp() and parseIgmp() are inverse, with a right checksum', () => {
    fc.assert(
      fc.property(u8, u8, i32, (type, maxResponseCode, group) => {
        const view = noise();
        emitIgmp(view, AT, type, maxResponseCode, group);
        expect(parseIgmp(view, AT)).toMatchObject({ type, maxResponseCode, group });
        expect(igmpChecksumOk(view, AT, 8)).toBe(true);
        expectUntouchedAround(view, 8);
      }),
    );
  });

  test('emitMld() and emitNdpNeighbor() are inverse to their parsers', () => {
    const view = noise();
    emitMld(view, AT, 131, 1000, 0xff020000, 0, 0, 0xfb);
    expect(parseMld(view, AT)).toEqual({ type: 131, maxResponse: 1000, address: 'ff02::fb' });
    expectUntouchedAround(view, 24);
    emitNdpNeighbor(view, AT, 136, 0xe0, 0xfe800000, 0, 0, 1);
    expect(parseNdpNeighbor(view, AT)).toEqual({ type: 136, flags: 0xe0, target: 'fe80::1' });
    expectUntouchedAround(view, 24);
  });
});

describe('checks', () => {
  type Check = (view: DataView, at: number, length: number) => number;
  type Look = (view: DataView, at: number, length: number) => unknown;
  const fixed = (...bytes: number[]): fc.Arbitrary<number>[] => bytes.map((b) => fc.constant(b));
  const small = fc.nat(80);
  const cases: [string, Check, Look, fc.Arbitrary<number>[]][] = [
    ['checkEthernet', checkEthernet, formatEthernet, []],
    ['checkArp', checkArp, formatArp, fixed(0, 1, 8, 0, 6, 4)],
    [
      'checkIpv4',
      checkIpv4,
      formatIpv4Header,
      [fc.constantFrom(0x45, 0x46, 0x4f, 0x44, 0x65), ...fixed(0, 0), small],
    ],
    [
      'checkIpv4 with options',
      checkIpv4,
      ipv4Options,
      [fc.constantFrom(0x46, 0x47, 0x4f), ...fixed(0, 0), small],
    ],
    [
      'checkIpv6',
      checkIpv6,
      formatIpv6Header,
      [fc.constantFrom(0x60, 0x6f, 0x45), ...fixed(0, 0, 0, 0), small],
    ],
    ['checkUdp', checkUdp, formatUdp, [...fixed(0, 1, 0, 2, 0), small]],
    ['checkTcp', checkTcp, formatTcp, [...fixed(0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0), fc.nat(255)]],
    ['checkIcmp', checkIcmp, formatIcmp, [fc.constantFrom(0, 3, 8, 11, 12, 99)]],
    ['checkIcmpv6', checkIcmpv6, formatIcmpv6, [fc.constantFrom(1, 2, 3, 4, 128, 129, 200)]],
    ['checkNdp', checkNdp, formatNdp, [fc.integer({ min: 132, max: 138 }), fc.constant(0)]],
    ['checkIgmp', checkIgmp, formatIgmp, [fc.constantFrom(0x11, 0x12, 0x16, 0x17, 0x22, 0)]],
    ['checkMld', checkMld, formatMld, [fc.constantFrom(130, 131, 132, 143, 1)]],
  ];

  test.each(cases)(
    '%s: what is accepted can be read inside its bytes',
    (_name, check, look, first) => {
      const tail = fc.oneof(
        fc.uint8Array({ maxLength: 90, size: 'max' }),
        fc.array(fc.nat(8), { maxLength: 90, size: 'max' }).map((bytes) => Uint8Array.from(bytes)),
      );
      let accepted = 0;
      fc.assert(
        fc.property(fc.tuple(...first), tail, (head, rest) => {
          // The view ends where the packet ends: a read beyond it throws.
          const bytes = Uint8Array.from([...head, ...rest]);
          const view = new DataView(bytes.buffer);
          if (check(view, 0, bytes.length) !== Status.Ok) return;
          accepted += 1;
          look(view, 0, bytes.length);
        }),
        { numRuns: 3_000 },
      );
      expect(accepted).toBeGreaterThan(20);
    },
  );

  const truncations: [string, Check, number, (view: DataView) => void][] = [
    ['checkEthernet', checkEthernet, 14, (v) => emitEthernet(v, 0, 0, 0, 0, 0, 0)],
    ['checkArp', checkArp, 28, (v) => emitArp(v, 0, 1, 0, 0, 0, 0, 0, 0)],
    ['checkIpv4', checkIpv4, 64, (v) => emitIpv4(v, 0, 24, 0, 64, 0, 0, 1, 6, 0, 0)],
    ['checkIpv6', checkIpv6, 60, (v) => emitIpv6(v, 0, 0, 0, 20, 6, 64)],
    ['checkUdp', checkUdp, 30, (v) => emitUdp(v, 0, 1, 2, 30, 0)],
    ['checkTcp', checkTcp, 40, (v) => emitTcp(v, 0, 1, 2, 3, 4, 40, 0, 0, 0)],
    ['checkIcmp', checkIcmp, 8, (v) => emitIcmp(v, 0, 8, 0, 0)],
    ['checkIcmpv6', checkIcmpv6, 8, (v) => emitIcmpv6(v, 0, 128, 0, 0)],
    ['checkNdp', checkNdp, 24, (v) => emitNdpNeighbor(v, 0, 135, 0, 0, 0, 0, 0)],
    ['checkIgmp', checkIgmp, 8, (v) => emitIgmp(v, 0, 0x16, 0, 0)],
    ['checkMld', checkMld, 24, (v) => emitMld(v, 0, 131, 0, 0, 0, 0, 0)],
  ];

  test.each(truncations)('%s refuses every truncation', (_name, check, length, emit) => {
    const whole = new DataView(new ArrayBuffer(length));
    emit(whole);
    expect(check(whole, 0, length)).toBe(Status.Ok);
    for (let cut = 0; cut < length; cut += 1) {
      const view = new DataView(whole.buffer.slice(0, cut));
      expect(check(view, 0, cut)).toBe(Status.Truncated);
    }
  });

  test('checkArp() refuses other hardware and protocols (RFC 826)', () => {
    for (const [at, byte] of [
      [1, 6],
      [2, 0x86],
      [4, 8],
      [5, 16],
    ] as const) {
      const view = new DataView(new ArrayBuffer(28));
      emitArp(view, 0, 1, 0, 0, 0, 0, 0, 0);
      view.setUint8(at, byte);
      expect(checkArp(view, 0, 28)).toBe(Status.Malformed);
    }
  });

  test('checkIgmp() refuses records and sources that do not fit (RFC 9776, 4.2)', () => {
    const view = new DataView(new ArrayBuffer(24));
    emitIgmpV3Report(view, 0, 1);
    emitIgmpRecord(view, 8, 4, 1, 2);
    expect(checkIgmp(view, 0, 24)).toBe(Status.Ok);
    for (let cut = 0; cut < 24; cut += 1) expect(checkIgmp(view, 0, cut)).toBe(Status.Truncated);
    view.setUint8(9, 1);
    expect(checkIgmp(view, 0, 24)).toBe(Status.Truncated);
    emitIgmpV3Query(view, 0, 0, 0, 2, 125);
    view.setUint16(10, 3);
    expect(checkIgmp(view, 0, 24)).toBe(Status.Ok);
    expect(checkIgmp(view, 0, 23)).toBe(Status.Truncated);
  });

  test('checkMld() refuses records and sources that do not fit (RFC 9777, 5.2)', () => {
    const view = new DataView(new ArrayBuffer(60));
    emitMldV2Report(view, 0, 1);
    emitMldRecord(view, 8, 4, 0, 0, 0, 0);
    view.setUint16(10, 2);
    expect(checkMld(view, 0, 60)).toBe(Status.Ok);
    for (let cut = 0; cut < 60; cut += 1) expect(checkMld(view, 0, cut)).toBe(Status.Truncated);
    emitMld(view, 0, 130, 0, 0, 0, 0, 0);
    view.setUint16(26, 2);
    expect(checkMld(view, 0, 60)).toBe(Status.Ok);
    expect(checkMld(view, 0, 59)).toBe(Status.Truncated);
    expect(checkMld(view, 0, 27)).toBe(Status.Malformed);
  });

  test('checkNdp() refuses options that do not fit (RFC 4861, 4.6)', () => {
    const view = new DataView(new ArrayBuffer(40));
    emitNdpNeighbor(view, 0, 135, 0, 0, 0, 0, 1);
    view.setUint16(24, 0x0102);
    expect(checkNdp(view, 0, 40)).toBe(Status.Ok);
    for (let cut = 25; cut < 40; cut += 1) expect(checkNdp(view, 0, cut)).toBe(Status.Truncated);
  });

  test('checkNdp() refuses an option of length zero (RFC 4861, 4.6)', () => {
    const view = new DataView(new ArrayBuffer(32));
    emitNdpNeighbor(view, 0, 135, 0, 0, 0, 0, 1);
    view.setUint8(24, 1);
    expect(checkNdp(view, 0, 32)).toBe(Status.Malformed);
    view.setUint8(25, 1);
    expect(checkNdp(view, 0, 32)).toBe(Status.Ok);
    expect(ndpFindOption(view, 0, 32, 1, 0)).toBe(24);
    expect(ndpFindOption(view, 0, 32, 1, 32)).toBe(-1);
    expect(ndpFindOption(view, 0, 32, 2, 0)).toBe(-1);
  });

  test('checkNdp() refuses a multicast target (RFC 4861, 7.1.1)', () => {
    const view = new DataView(new ArrayBuffer(24));
    emitNdpNeighbor(view, 0, 135, 0, 0xff020000, 0, 0, 1);
    expect(checkNdp(view, 0, 24)).toBe(Status.Malformed);
  });
});

describe('ipv4Options()', () => {
  const optionsOf = (...bytes: number[]): number => {
    const view = new DataView(new ArrayBuffer(20 + bytes.length));
    for (const [i, byte] of bytes.entries()) view.setUint8(20 + i, byte);
    emitIpv4(view, 0, 20 + bytes.length, 0, 20 + bytes.length, 0, 0, 1, 6, 0, 0);
    return ipv4Options(view, 0);
  };

  test('names what it finds and stops at the end of the list', () => {
    expect(optionsOf()).toBe(0);
    expect(optionsOf(1, 1, 1, 0)).toBe(0);
    expect(optionsOf(131, 3, 4, 0)).toBe(IPV4_HAS_SOURCE_ROUTE);
    expect(optionsOf(137, 3, 4, 0)).toBe(IPV4_HAS_SOURCE_ROUTE);
    expect(optionsOf(7, 3, 4, 0)).toBe(IPV4_HAS_OTHER_OPTION);
    expect(optionsOf(0, 131, 3, 4)).toBe(0);
    const view = new DataView(new ArrayBuffer(24));
    view.setInt32(20, IPV4_ROUTER_ALERT);
    emitIpv4(view, 0, 24, 0, 24, 0, 0, 1, 2, 0, 0);
    expect(ipv4Options(view, 0)).toBe(IPV4_HAS_ROUTER_ALERT);
  });

  test('refuses options that do not fit', () => {
    expect(optionsOf(1, 1, 1, 7)).toBe(Status.Malformed);
    expect(optionsOf(7, 0, 0, 0)).toBe(Status.Malformed);
    expect(optionsOf(7, 1, 0, 0)).toBe(Status.Malformed);
    expect(optionsOf(7, 5, 0, 0)).toBe(Status.Malformed);
  });
});

describe('ICMP errors', () => {
  test('quote at most what the RFCs allow, and pass their own check', () => {
    fc.assert(
      fc.property(fc.integer({ min: 28, max: 1500 }), (length) => {
        const view = new DataView(new ArrayBuffer(8192));
        emitIpv4(view, 4096, 20, 0, length, 1, 0, 64, 17, 1, 2);
        const bytes = emitIcmpError(view, 1, 3, 4, 1400, 4096, length);
        expect(bytes).toBe(8 + Math.min(length, ICMP_QUOTE_BYTES_MAX));
        expect(20 + bytes).toBeLessThanOrEqual(576);
        expect(icmpChecksumOk(view, 1, bytes)).toBe(true);
        expect(checkIcmpQuote(view, 1, bytes)).toBe(Status.Ok);
        expect(formatIcmp(view, 1)).toBe('ICMP fragmentation needed mtu 1400');
        emitIpv6(view, 4096, 0, 0, length - 28, 17, 64);
        const bytes6 = emitIcmpv6Error(view, 1, 2, 0, 1280, 4096, length + 12);
        expect(bytes6).toBe(8 + Math.min(length + 12, ICMPV6_QUOTE_BYTES_MAX));
        expect(40 + bytes6).toBeLessThanOrEqual(1280);
        expect(checkIcmpv6Quote(view, 1, bytes6)).toBe(Status.Ok);
      }),
    );
  });
});

describe('response times', () => {
  test('igmpMaxResponse() reads the codes of each version (RFC 9776, 4.1.1)', () => {
    const view = new DataView(new ArrayBuffer(12));
    const v3 = (code: number): number => {
      emitIgmpV3Query(view, 0, code, 0, 2, 125);
      expect(checkIgmp(view, 0, 12)).toBe(Status.Ok);
      expect(igmpQueryVersion(view, 0, 12)).toBe(3);
      return igmpMaxResponse(view, 0, 12);
    };
    expect([v3(0), v3(127), v3(128), v3(143), v3(255)]).toEqual([0, 127, 128, 248, 31_744]);
    emitIgmp(view, 0, IGMP_QUERY, 255, 0);
    expect([igmpQueryVersion(view, 0, 8), igmpMaxResponse(view, 0, 8)]).toEqual([2, 255]);
    emitIgmp(view, 0, IGMP_QUERY, 0, 0);
    expect([igmpQueryVersion(view, 0, 8), igmpMaxResponse(view, 0, 8)]).toEqual([1, 100]);
    expect(checkIgmp(view, 0, 10)).toBe(Status.Malformed);
  });

  test('mldMaxResponseMs() reads the codes of each version (RFC 9777, 5.1.3)', () => {
    const view = new DataView(new ArrayBuffer(28));
    const v2 = (code: number): number => {
      emitMld(view, 0, 130, code, 0, 0, 0, 0);
      return mldMaxResponseMs(view, 0, 28);
    };
    expect([v2(0), v2(32_767), v2(32_768), v2(65_535)]).toEqual([0, 32_767, 32_768, 8_387_584]);
    expect(mldMaxResponseMs(view, 0, 24)).toBe(65_535);
  });
});
