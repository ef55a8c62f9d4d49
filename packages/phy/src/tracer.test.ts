import { describe, expect, test } from 'bun:test';
import { createHeapArena, Prng } from '@tickwire/base';
import {
  ARP_REQUEST,
  emitArp,
  emitEthernet,
  emitIcmp,
  emitIpv4,
  emitIpv6,
  emitNdpNeighbor,
  emitTcp,
  emitTcpMss,
  emitTcpTimestamps,
  emitUdp,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ICMP_ECHO_REQUEST,
  NDP_NEIGHBOR_SOLICITATION,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  setIpv6Dst,
  setIpv6Src,
  TCP_ACK,
  TCP_PSH,
  TCP_SYN,
} from '@tickwire/wire';
import { deviceConformance } from './conformance.ts';
import { TxBurst } from './device.ts';
import { createLoopbackPair } from './loopback.ts';
import { PacketPrinter } from './packet-text.ts';
import { Tracer } from './tracer.ts';

deviceConformance('tracer', () => {
  const { a, b } = createLoopbackPair(createHeapArena({ frames: 2048, dataRoom: 2048 }));
  return { a: new Tracer(a, () => {}), b: new Tracer(b, () => {}) };
});

const A = 0x0a000001;
const B = 0x0a000002;

describe('PacketPrinter.frame()', () => {
  const view = new DataView(new ArrayBuffer(2048));
  const ip = 14;
  const frameOf = (type: number): void => emitEthernet(view, 0, 0x0200, 2, 0x0200, 1, type);
  const tcp = (
    printer: PacketPrinter,
    swap: boolean,
    seq: number,
    ack: number,
    flags: number,
    payload: number,
  ): string => {
    frameOf(ETHERTYPE_IPV4);
    const [src, dst] = swap ? [B, A] : [A, B];
    const [from, to] = swap ? [80, 4000] : [4000, 80];
    emitIpv4(view, ip, 20, 0, 52 + payload, 1, 0, 64, PROTOCOL_TCP, src, dst);
    emitTcp(view, ip + 20, from, to, seq, ack, 32, flags, 1000, 0);
    emitTcpTimestamps(view, ip + 40, 5, 6);
    return printer.frame(view, 0, 14 + 52 + payload);
  };

  test('prints sequence numbers relative to the SYN, across the wrap', () => {
    const printer = new PacketPrinter();
    const options = 'options [TS val 5 ecr 6]';
    expect(tcp(printer, false, -2, 0, TCP_SYN, 0)).toBe(
      `IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], seq 0, win 1000, ${options}, length 0`,
    );
    expect(tcp(printer, true, 100, -1, TCP_SYN | TCP_ACK, 0)).toBe(
      `IP 10.0.0.2.80 > 10.0.0.1.4000: Flags [S.], seq 0, ack 1, win 1000, ${options}, length 0`,
    );
    expect(tcp(printer, false, -1, 101, TCP_PSH | TCP_ACK, 10)).toBe(
      `IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [P.], seq 1:11, ack 1, win 1000, ` +
        `${options}, length 10`,
    );
  });

  test('prints options and absolute acknowledgments of flows it does not know', () => {
    frameOf(ETHERTYPE_IPV4);
    emitIpv4(view, ip, 20, 0, 44, 1, 0, 64, PROTOCOL_TCP, A, B);
    emitTcp(view, ip + 20, 1, 2, 77, -1, 24, TCP_ACK, 9, 0);
    emitTcpMss(view, ip + 40, 1460);
    expect(new PacketPrinter().frame(view, 0, 58)).toBe(
      'IP 10.0.0.1.1 > 10.0.0.2.2: Flags [.], seq 1, ack 4294967295, win 9, ' +
        'options [mss 1460], length 0',
    );
  });

  test('prints ARP, UDP, ICMP, NDP and fragments', () => {
    const printer = new PacketPrinter();
    frameOf(ETHERTYPE_ARP);
    emitArp(view, ip, ARP_REQUEST, 0x0200, 1, A, 0, 0, B);
    expect(printer.frame(view, 0, 42)).toBe('ARP who-has 10.0.0.2 tell 10.0.0.1, length 28');

    frameOf(ETHERTYPE_IPV4);
    emitIpv4(view, ip, 20, 0, 33, 1, 0, 64, PROTOCOL_UDP, A, B);
    emitUdp(view, ip + 20, 5, 6, 13, 0);
    expect(printer.frame(view, 0, 47)).toBe('IP 10.0.0.1.5 > 10.0.0.2.6: UDP, length 5');

    emitIpv4(view, ip, 20, 0, 28, 1, 0, 64, PROTOCOL_ICMP, A, B);
    emitIcmp(view, ip + 20, ICMP_ECHO_REQUEST, 0, 0x00010002);
    expect(printer.frame(view, 0, 42)).toBe(
      'IP 10.0.0.1 > 10.0.0.2: ICMP echo request id 1 seq 2, length 8',
    );

    emitIpv4(view, ip, 20, 0, 28, 1, 0x2003, 64, PROTOCOL_UDP, A, B);
    expect(printer.frame(view, 0, 42)).toBe('IP 10.0.0.1 > 10.0.0.2: UDP fragment at 24, length 8');

    frameOf(ETHERTYPE_IPV6);
    emitIpv6(view, ip, 0, 0, 24, PROTOCOL_ICMPV6, 255);
    setIpv6Src(view, ip, 0xfe800000, 0, 0, 1);
    setIpv6Dst(view, ip, 0xff020000, 0, 1, 0xff000002);
    emitNdpNeighbor(view, ip + 40, NDP_NEIGHBOR_SOLICITATION, 0, 0xfe800000, 0, 0, 2);
    expect(printer.frame(view, 0, 14 + 64)).toBe(
      'IP6 fe80::1 > ff02::1:ff00:2: NDP who-has fe80::2, length 24',
    );
  });

  test('prints something for every frame of noise, never throws and never reads outside', () => {
    const prng = new Prng(7);
    const types = [ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, 0x1234];
    const printer = new PacketPrinter();
    for (let round = 0; round < 20_000; round += 1) {
      const length = prng.nextBelow(120);
      const noise = new DataView(new ArrayBuffer(length));
      for (let i = 0; i < length; i += 1) noise.setUint8(i, prng.nextUint32() & 255);
      if (length >= 14) noise.setUint16(12, types[prng.nextBelow(4)]!);
      if (length >= 24 && noise.getUint16(12) === ETHERTYPE_IPV4) {
        noise.setUint8(14, 0x45);
        noise.setUint16(16, length - 14);
        noise.setUint16(20, 0);
        noise.setUint8(23, [1, 2, 6, 17][prng.nextBelow(4)]!);
      }
      if (length >= 24 && noise.getUint16(12) === ETHERTYPE_IPV6) {
        noise.setUint8(14, 0x60);
        noise.setUint16(18, Math.max(0, length - 54));
        noise.setUint8(20, [0, 6, 17, 43, 44, 58, 60][prng.nextBelow(7)]!);
      }
      expect(printer.frame(noise, 0, length)).not.toBe('');
    }
  });
});

describe('Tracer', () => {
  test('prints time, device, direction and packet, and only what was taken', () => {
    const arena = createHeapArena({ frames: 16, dataRoom: 2048 });
    const { a } = createLoopbackPair(arena, { queueFrames: 1 });
    const lines: string[] = [];
    const device = new Tracer(a, (line) => lines.push(line));
    const tx = new TxBurst();
    for (let i = 0; i < 2; i += 1) {
      const frame = arena.alloc();
      const at = arena.dataAt[frame]!;
      emitEthernet(arena.view, at, 0xffff, -1, 0x0200, 1, ETHERTYPE_ARP);
      emitArp(arena.view, at + 14, ARP_REQUEST, 0x0200, 1, A, 0, 0, B);
      tx.frame[i] = frame;
      tx.at[i] = at;
      tx.length[i] = 42;
    }
    expect(device.transmit(tx, 2, 1_000_000_002)).toBe(1);
    expect(lines).toEqual([
      '    1.000000002 loopback-a > ARP who-has 10.0.0.2 tell 10.0.0.1, length 28',
    ]);
  });
});
