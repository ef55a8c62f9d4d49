import { describe, expect, test } from 'bun:test';
import {
  ARP_REPLY,
  ARP_REQUEST,
  arpOperation,
  arpTargetIp,
  checksumAdd,
  checksumFold,
  ETHERTYPE_ARP,
  ethernetDstHigh,
  ethernetDstLow,
  ethernetType,
  icmpChecksumOk,
  icmpCode,
  icmpType,
  IpAddress,
  ipv4ChecksumOk,
  ipv4Dst,
  ipv4Fragment,
  ipv4Src,
  ipv4TotalLength,
  IPV4_DONT_FRAGMENT,
  MacAddress,
  PROTOCOL_UDP,
  pseudoSum4,
} from '@tickwire/wire';
import {
  arpRequest,
  counting,
  Host,
  icmp,
  icmpFrame,
  ip4,
  ipv4,
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  PEER_MAC,
  udp,
  viewOf,
} from '../test/harness.ts';
import { RX_BAD, RX_SUMMED, RX_VERIFIED, Verdict } from './link.ts';

describe('receive()', () => {
  test('answers an ARP request for our address and learns the peer (RFC 826)', () => {
    const host = new Host();
    host.receive(arpRequest());
    const [reply] = host.take();
    const view = viewOf(reply!);
    expect(ethernetType(view, 0)).toBe(ETHERTYPE_ARP);
    expect(arpOperation(view, 14)).toBe(ARP_REPLY);
    expect(arpTargetIp(view, 14)).toBe(PEER_IP);
    expect(ethernetDstLow(view, 0)).toBe(PEER_MAC.low);
    expect(host.ip.neighbours()).toEqual([
      { address: '10.0.0.2', mac: '02:00:00:00:00:02', state: 'stale', queuedFrames: 0 },
    ]);
    expect(host.framesInUse).toBe(0);
  });

  test('delivers UDP with its metadata and leaves the frame to the caller', () => {
    const host = new Host();
    const verdict = host.receive(ipv4(udp(counting(5)), { trafficClass: 0x2e, ttl: 7 }));
    expect(verdict).toBe(Verdict.Udp);
    const meta = host.ip.meta;
    expect(meta.src3).toBe(PEER_IP);
    expect(meta.dst3).toBe(OUR_IP);
    expect(meta.length).toBe(13);
    expect(meta.trafficClass).toBe(0x2e);
    expect(meta.hopLimit).toBe(7);
    expect(host.framesInUse).toBe(1);
    host.arena.free(meta.frame);
    expect(host.framesInUse).toBe(0);
  });

  for (const [name, flags] of [
    ['computed here', 0],
    ['derived from the sum of the device', RX_SUMMED],
    ['computed again when the device calls it bad', RX_BAD],
    ['computed again when the device sums but calls it bad', RX_BAD | RX_SUMMED],
  ] as const) {
    for (const length of [0, 1, 2, 3, 17, 18, 100, 1472]) {
      test(`verifies the UDP checksum, ${name}, over ${length} bytes (RFC 768)`, () => {
        const host = new Host();
        const good = ipv4(udp(counting(length)), { padding: Math.max(0, 18 - length) });
        expect(host.receive(good, flags)).toBe(Verdict.Udp);
        host.arena.free(host.ip.meta.frame);
        const bad = ipv4(udp(counting(length)));
        bad[14 + 20 + 4 + (length > 0 ? 4 : 2)]! ^= 0x10;
        expect(host.receive(bad, flags)).toBe(Verdict.Consumed);
        expect(host.ip.counters().udpBadChecksum).toBe(1);
        expect(host.framesInUse).toBe(0);
      });
    }
  }

  test('trusts the device that vouches for the checksum', () => {
    const host = new Host();
    const bad = ipv4(udp(counting(8)));
    bad[40]! ^= 1;
    expect(host.receive(bad, RX_VERIFIED)).toBe(Verdict.Udp);
    expect(host.ip.counters().checksumVerified).toBe(1);
  });

  test('takes a UDP datagram without a checksum (RFC 768)', () => {
    const host = new Host();
    const datagram = udp(counting(8));
    datagram[6] = 0;
    datagram[7] = 0;
    expect(host.receive(ipv4(datagram), RX_SUMMED)).toBe(Verdict.Udp);
  });

  test('ignores what lies behind a UDP datagram inside the packet', () => {
    const host = new Host();
    const datagram = udp(counting(7));
    const payload = new Uint8Array(datagram.length + 5).fill(0x77);
    payload.set(datagram);
    expect(host.receive(ipv4(payload), RX_SUMMED)).toBe(Verdict.Udp);
    expect(host.ip.meta.length).toBe(15);
  });

  const drops: [string, Uint8Array, string][] = [
    ['a frame for another MAC', ipv4(udp(counting(1)), { to: PEER_MAC }), 'rxNotOurMac'],
    [
      'a frame from a group address',
      ipv4(udp(counting(1)), { from: MacAddress.broadcast }),
      'rxLinkMalformed',
    ],
    ['a runt', new Uint8Array(13), 'rxLinkMalformed'],
    [
      'a packet for another host (RFC 1122, 3.2.1.3)',
      ipv4(udp(counting(1)), { dst: ip4('10.0.0.9') }),
      'ipv4NotForUs',
    ],
    [
      'a group that nobody joined',
      ipv4(udp(counting(1)), { dst: ip4('239.1.1.1') }),
      'ipv4NotForUs',
    ],
    [
      'a unicast packet in a broadcast frame (RFC 1122, 3.3.6)',
      ipv4(udp(counting(1)), { to: MacAddress.broadcast }),
      'ipv4LinkMismatch',
    ],
    [
      'a source of 0/8 (RFC 1122, 3.2.1.3)',
      ipv4(udp(counting(1)), { src: ip4('0.0.0.1') }),
      'ipv4Martian',
    ],
    ['a source of 127/8', ipv4(udp(counting(1)), { src: ip4('127.0.0.1') }), 'ipv4Martian'],
    ['a destination of 127/8', ipv4(udp(counting(1)), { dst: ip4('127.0.0.1') }), 'ipv4Martian'],
    ['a broadcast source', ipv4(udp(counting(1)), { src: ip4('255.255.255.255') }), 'ipv4Martian'],
    [
      'a directed broadcast source',
      ipv4(udp(counting(1)), { src: ip4('10.0.0.255') }),
      'ipv4Martian',
    ],
    ['a multicast source', ipv4(udp(counting(1)), { src: ip4('224.0.0.5') }), 'ipv4Martian'],
    ['a class E source', ipv4(udp(counting(1)), { src: ip4('240.0.0.1') }), 'ipv4Martian'],
    ['our own address as source', ipv4(udp(counting(1)), { src: OUR_IP }), 'ipv4Martian'],
    [
      'a source route (RFC 7126, 4.3)',
      ipv4(udp(counting(1)), { options: Uint8Array.of(131, 3, 4, 0) }),
      'ipv4SourceRoute',
    ],
    [
      'options that do not parse',
      ipv4(udp(counting(1)), { options: Uint8Array.of(7, 9, 4, 0) }),
      'ipv4BadOptions',
    ],
    ['an unknown protocol', ipv4(counting(8), { protocol: 99 }), 'ipv4UnknownProtocol'],
  ];
  for (const [what, frame, counter] of drops) {
    test(`drops and counts ${what}`, () => {
      const host = new Host();
      expect(host.receive(frame)).toBe(Verdict.Consumed);
      expect((host.ip.counters() as unknown as Record<string, number>)[counter]).toBe(1);
      expect(host.framesInUse).toBe(host.ip.framesHeld);
    });
  }

  test('drops a wrong header checksum and a wrong version', () => {
    const host = new Host();
    const frame = ipv4(udp(counting(1)));
    frame[24]! ^= 1;
    host.receive(frame);
    expect(host.ip.counters().ipv4BadHeaderChecksum).toBe(1);
    frame[14] = 0x55;
    host.receive(frame);
    expect(host.ip.counters().ipv4Malformed).toBe(1);
  });

  test('takes packets with harmless options (RFC 1122, 3.2.1.8)', () => {
    const host = new Host();
    const frame = ipv4(udp(counting(3)), { options: Uint8Array.of(1, 1, 1, 0) });
    expect(host.receive(frame, RX_SUMMED)).toBe(Verdict.Udp);
  });

  test('drops a TCP segment to a broadcast address (RFC 1122, 4.2.3.10)', () => {
    const host = new Host();
    const frame = ipv4(counting(20), { protocol: 6, dst: ip4('10.0.0.255') });
    expect(host.receive(frame)).toBe(Verdict.Consumed);
    expect(host.ip.counters().tcpDropped).toBe(1);
  });
});

describe('output()', () => {
  test('asks for the neighbour, queues, and sends when the reply comes', () => {
    const host = new Host();
    const flow = host.flow(PEER_IP);
    host.sendUdp(flow, 4, 10);
    host.sendUdp(flow, 4, 20);
    const asked = host.take();
    expect(asked).toHaveLength(1);
    expect(arpOperation(viewOf(asked[0]!), 14)).toBe(ARP_REQUEST);
    expect(host.framesInUse).toBe(2);
    host.resolve();
    const sent = host.take();
    expect(sent.map((bytes) => bytes[42])).toEqual([10, 20]);
    expect(host.framesInUse).toBe(0);
  });

  test('writes headers with correct checksums', () => {
    const host = new Host();
    const flow = host.flow(PEER_IP);
    flow.trafficClass = 0xb8;
    flow.hopLimit = 3;
    host.sendUdp(flow, 33);
    host.resolve();
    const view = viewOf(host.take()[1]!);
    expect(ethernetDstHigh(view, 0)).toBe(PEER_MAC.high);
    expect(ethernetDstLow(view, 0)).toBe(PEER_MAC.low);
    expect(ipv4ChecksumOk(view, 14)).toBe(true);
    expect(ipv4Src(view, 14)).toBe(OUR_IP);
    expect(ipv4Dst(view, 14)).toBe(PEER_IP);
    expect(ipv4TotalLength(view, 14)).toBe(61);
    expect(ipv4Fragment(view, 14)).toBe(IPV4_DONT_FRAGMENT);
    const pseudo = pseudoSum4(OUR_IP, PEER_IP, PROTOCOL_UDP, 41);
    expect(checksumFold(checksumAdd(view, 34, 41, pseudo))).toBe(0xffff);
  });

  test('sends to a gateway what is not on the link', () => {
    const host = new Host();
    host.sendUdp(host.flow(ip4('8.8.8.8')), 1);
    expect(arpTargetIp(viewOf(host.take()[0]!), 14)).toBe(ip4('10.0.0.254'));
  });

  test('maps groups and broadcasts to MAC addresses (RFC 1112, 6.4)', () => {
    const host = new Host();
    host.sendUdp(host.flow(ip4('239.129.2.3')), 1);
    host.sendUdp(host.flow(ip4('10.0.0.255')), 1);
    host.sendUdp(host.flow(ip4('255.255.255.255')), 1);
    const macs = host.take().map((bytes) => String(MacAddress.fromBytes(bytes.slice(0, 6))));
    expect(macs).toEqual(['01:00:5e:01:02:03', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff']);
  });

  test('loops packets to our own addresses without the device', () => {
    const host = new Host();
    for (const address of [OUR_IP, ip4('127.0.0.1')]) {
      host.sendUdp(host.flow(address), 9);
      expect(host.ip.receiveLooped(host.nowNs)).toBe(Verdict.Udp);
      expect(host.ip.meta.src3).toBe(address);
      host.arena.free(host.ip.meta.frame);
    }
    expect(host.ip.receiveLooped(host.nowNs)).toBe(Verdict.None);
    expect(host.link.count).toBe(0);
    expect(host.framesInUse).toBe(0);
  });

  test('numbers datagrams that may be fragmented, and only those (RFC 6864, 4)', () => {
    const host = new Host();
    const flow = host.flow(PEER_IP, 0);
    host.sendUdp(flow, 1);
    host.sendUdp(flow, 1);
    host.sendUdp(host.flow(PEER_IP, 1), 1);
    host.resolve();
    const ids = host
      .take()
      .slice(1)
      .map((bytes) => viewOf(bytes).getUint16(18));
    expect(ids[1]).toBe((ids[0]! + 1) & 0xffff);
    expect(ids[2]).toBe(0);
  });
});

describe('echo', () => {
  test('answers with the same bytes (RFC 792)', () => {
    const host = new Host();
    host.receive(arpRequest());
    host.take();
    for (const [length, retain] of [
      [0, false],
      [57, true],
      [1472, false],
      [1472, true],
    ] as const) {
      const request = icmpFrame(icmp(8, 0, 0x12340001, counting(length)));
      host.receive(request, 0, retain);
      const reply = host.take()[0]!;
      const view = viewOf(reply);
      expect(icmpType(view, 34)).toBe(0);
      expect(icmpChecksumOk(view, 34, 8 + length)).toBe(true);
      expect(view.getUint32(38)).toBe(0x12340001);
      expect(reply.slice(42)).toEqual(counting(length));
      expect(ipv4Src(view, 14)).toBe(OUR_IP);
    }
  });

  test('never writes into a frame that somebody else holds', () => {
    const host = new Host();
    host.receive(arpRequest());
    const request = icmpFrame(icmp(8, 0, 7, counting(32)));
    const frame = host.arena.alloc();
    const at = host.arena.dataAt[frame]!;
    host.arena.bytes.set(request, at);
    host.arena.retain(frame);
    host.ip.receive(frame, at, request.length, 0, 0, host.nowNs);
    expect(request).toEqual(Uint8Array.from(host.arena.bytes.slice(at, at + request.length)));
    expect(host.arena.refCount(frame)).toBe(1);
    host.arena.free(frame);
    expect(host.framesInUse).toBe(0);
  });

  test('is silent to broadcast and multicast pings (RFC 1122, 3.2.2.6)', () => {
    const host = new Host();
    host.receive(arpRequest());
    host.take();
    for (const dst of [ip4('10.0.0.255'), ip4('255.255.255.255'), ip4('224.0.0.1')]) {
      host.receive(icmpFrame(icmp(8, 0, 1, counting(8)), { dst, to: MacAddress.broadcast }));
    }
    expect(host.take()).toHaveLength(0);
    expect(host.ip.counters().icmpEchoIgnored).toBe(3);
  });

  test('sendEcho() sends a request, and the reply reaches the sink', () => {
    const host = new Host();
    const seen: number[] = [];
    host.ip.events = {
      ...host.ip.events,
      echoReply(identifier, sequence, _a, _b, _c, src3, at, length): void {
        seen.push(identifier, sequence, src3, length, host.arena.bytes[at + 1]!);
      },
    };
    host.ip.sendEcho(IpAddress.v4(PEER_IP), 77, 3, counting(20), 4, 6, host.nowNs);
    host.resolve();
    const request = host.take()[1]!;
    expect(icmpChecksumOk(viewOf(request), 34, 14)).toBe(true);
    host.receive(icmpFrame(icmp(0, 0, (77 << 16) | 3, request.slice(42))));
    expect(seen).toEqual([77, 3, PEER_IP, 6, 5]);
    expect(host.framesInUse).toBe(0);
  });
});

test('portUnreachable() quotes the datagram, never a multicast (RFC 1122, 3.2.2)', () => {
  const host = new Host();
  host.receive(arpRequest());
  host.take();
  const datagram = ipv4(udp(counting(600)));
  host.receive(datagram);
  host.ip.portUnreachable(host.ip.meta, host.nowNs);
  host.arena.free(host.ip.meta.frame);
  const error = host.take()[0]!;
  const view = viewOf(error);
  expect([icmpType(view, 34), icmpCode(view, 34)]).toEqual([3, 3]);
  expect(icmpChecksumOk(view, 34, error.length - 34)).toBe(true);
  expect(error.length).toBe(14 + 576);
  expect(error.slice(42)).toEqual(datagram.slice(14, 14 + 548));
  expect(String(MacAddress.fromBytes(error.slice(0, 6)))).toBe(String(PEER_MAC));
  expect(String(MacAddress.fromBytes(error.slice(6, 12)))).toBe(String(OUR_MAC));
  const group = ip4('224.0.0.1');
  const to = MacAddress.parse('01:00:5e:00:00:01');
  host.receive(ipv4(udp(counting(1), PEER_IP, group), { dst: group, to }));
  host.ip.portUnreachable(host.ip.meta, host.nowNs);
  host.arena.free(host.ip.meta.frame);
  expect(host.take()).toHaveLength(0);
  expect(host.framesInUse).toBe(0);
});
