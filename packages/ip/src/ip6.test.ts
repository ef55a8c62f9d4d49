import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import {
  checksumAdd,
  checksumFold,
  Cidr,
  formatMld,
  formatNdp,
  icmpv6Code,
  icmpv6Type,
  IpAddress,
  IpFlow,
  ipv6DstText,
  ipv6HopLimit,
  IPV6_HEADER_BYTES,
  ipv6NextHeader,
  ipv6PayloadLength,
  ipv6SrcText,
  type MacAddress,
  PROTOCOL_ICMPV6,
  PROTOCOL_UDP,
  pseudoSum6,
} from '@tickwire/wire';
import { counting, Host, OUR_MAC, PEER_MAC, SECOND, viewOf } from '../test/harness.ts';
import { IcmpErrorKind } from './icmp-error.ts';
import { RX_SUMMED, RX_VERIFIED, Verdict } from './link.ts';

const OURS = IpAddress.parse('2001:db8::1');
const PEER = IpAddress.parse('2001:db8::2');
const GROUP = IpAddress.parse('ff05::1234');

function host6(mac: MacAddress, address: IpAddress): Host {
  return new Host({
    mac,
    addresses: [new Cidr(address, 64)],
    gateway: IpAddress.parse('fe80::ff'),
  });
}

/** Two hosts past duplicate address detection. */
function pair(): { a: Host; b: Host } {
  const a = host6(OUR_MAC, OURS);
  const b = host6(PEER_MAC, PEER);
  a.advance(3 * SECOND);
  b.advance(3 * SECOND);
  a.take();
  b.take();
  return { a, b };
}

/** Carries frames to and fro until both are silent; returns the verdicts that were deliveries. */
function exchange(a: Host, b: Host, rxFlags = 0): number[] {
  const verdicts: number[] = [];
  for (let quiet = false; !quiet;) {
    quiet = true;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const bytes of from.take()) {
        quiet = false;
        const verdict = to.receive(bytes, rxFlags);
        if (verdict !== Verdict.Consumed) verdicts.push(verdict);
        if (verdict === Verdict.Udp || verdict === Verdict.Tcp) to.arena.free(to.ip.meta.frame);
      }
    }
  }
  return verdicts;
}

function flow6(host: Host, remote: IpAddress): IpFlow {
  const flow = new IpFlow();
  flow.remote0 = remote.word0;
  flow.remote1 = remote.word1;
  flow.remote2 = remote.word2;
  flow.remote3 = remote.word3;
  host.ip.bindFlow(flow, host.nowNs);
  return flow;
}

/** `source > destination hop: text` of an NDP or MLD message; checks the checksum. */
function describeMessage(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  const length = ipv6PayloadLength(view, 14);
  const isAlerted = ipv6NextHeader(view, 14) === 0;
  const at = 14 + IPV6_HEADER_BYTES + (isAlerted ? 8 : 0);
  const size = 14 + IPV6_HEADER_BYTES + length - at;
  const word = (i: number): number => view.getInt32(22 + 4 * i);
  const pseudo = pseudoSum6(
    word(0),
    word(1),
    word(2),
    word(3),
    word(4),
    word(5),
    word(6),
    word(7),
    PROTOCOL_ICMPV6,
    size,
  );
  expect(checksumFold(checksumAdd(view, at, size, pseudo))).toBe(0xffff);
  const text = isAlerted ? formatMld(view, at, size) : formatNdp(view, at, size);
  const hops = String(ipv6HopLimit(view, 14));
  return ipv6SrcText(view, 14) + ' > ' + ipv6DstText(view, 14) + ' ' + hops + ': ' + text;
}

describe('IPv6', () => {
  test('sleeps without an IPv6 address, and wakes with the first', () => {
    const host = new Host();
    expect(flow6(host, PEER).neighbour).toBe(-1);
    const { word0, word1, word2, word3 } = GROUP;
    expect(host.ip.joinGroup(word0, word1, word2, word3, 0)).toBe(Status.OutOfRange);
    expect(host.link.joined).toEqual(['01:00:5e:00:00:01']);
    host.ip.addAddress(new Cidr(OURS, 64), host.nowNs);
    expect(host.link.joined).toContain('33:33:00:00:00:01');
    expect(host.link.joined).toContain('33:33:ff:00:00:01');
  });

  test('carries UDP in both directions, resolving by NDP (RFC 4861, 7.2)', () => {
    for (const flags of [0, RX_SUMMED, RX_VERIFIED]) {
      const { a, b } = pair();
      for (const length of [0, 1, 33, 1400]) {
        a.sendUdp(flow6(a, PEER), length);
        expect(exchange(a, b, flags)).toEqual([Verdict.Udp]);
        expect(b.ip.meta.length).toBe(8 + length);
        expect(b.ip.meta.src0).toBe(OURS.word0);
      }
      b.sendUdp(flow6(b, OURS), 10);
      expect(exchange(a, b, flags)).toEqual([Verdict.Udp]);
      expect(a.ip.neighbours()[0]).toMatchObject({ address: '2001:db8::2', state: 'reachable' });
      expect(a.framesInUse + b.framesInUse).toBe(0);
    }
  });

  test('drops a wrong checksum and an absent UDP checksum (RFC 8200, 8.1)', () => {
    const { a, b } = pair();
    a.sendUdp(flow6(a, PEER), 10);
    exchange(a, b);
    for (const change of [
      (bytes: Uint8Array): void => void (bytes[70]! ^= 1),
      (bytes: Uint8Array): void => void bytes.fill(0, 60, 62),
    ]) {
      for (const flags of [0, RX_SUMMED]) {
        a.sendUdp(flow6(a, PEER), 10);
        const [frame] = a.take();
        change(frame!);
        expect(b.receive(frame!, flags)).toBe(Verdict.Consumed);
      }
    }
    expect(b.ip.counters().udpBadChecksum).toBe(4);
    expect(b.framesInUse).toBe(0);
  });

  test('refuses an absent UDP checksum even when zero would fit the sum (RFC 8200, 8.1)', () => {
    const { a, b } = pair();
    a.sendUdp(flow6(a, PEER), 10);
    exchange(a, b);
    a.sendUdp(flow6(a, PEER), 10);
    const view = viewOf(a.take()[0]!);
    // The checksum moves into the payload: the sum stays right, the field becomes zero.
    const word = view.getUint16(62) + view.getUint16(60);
    view.setUint16(62, (word & 0xffff) + (word >>> 16));
    view.setUint16(60, 0);
    expect(b.receive(new Uint8Array(view.buffer))).toBe(Verdict.Consumed);
    expect(b.ip.counters().udpBadChecksum).toBe(1);
  });

  test('takes Ethernet padding behind a short packet for what it is', () => {
    const { a, b } = pair();
    a.sendUdp(flow6(a, PEER), 1);
    exchange(a, b);
    a.sendUdp(flow6(a, PEER), 1);
    const [frame] = a.take();
    const padded = new Uint8Array(frame!.length + 7).fill(0xee);
    padded.set(frame!);
    expect(b.receive(padded, RX_SUMMED)).toBe(Verdict.Udp);
  });

  test('loops to ::1 and to our own address', () => {
    const { a } = pair();
    for (const address of [IpAddress.parse('::1'), OURS]) {
      a.sendUdp(flow6(a, address), 5);
      expect(a.ip.receiveLooped(a.nowNs)).toBe(Verdict.Udp);
      expect(a.ip.meta.src3).toBe(address.word3);
      a.arena.free(a.ip.meta.frame);
    }
    expect(a.framesInUse).toBe(0);
  });

  test('speaks to link-local peers from the link-local address (RFC 6724, 5)', () => {
    const { a, b } = pair();
    const peerLocal = IpAddress.parse('fe80::ff:fe00:2');
    const flow = flow6(a, peerLocal);
    expect(String(new IpAddress(flow.local0, flow.local1, flow.local2, flow.local3))).toBe(
      'fe80::ff:fe00:1',
    );
    a.sendUdp(flow, 3);
    expect(exchange(a, b)).toEqual([Verdict.Udp]);
    expect(flow6(a, IpAddress.parse('2001:db8:9::1')).local0).toBe(OURS.word0);
  });

  test('refuses what is beyond the path MTU, which packet too big lowers (RFC 8201)', () => {
    const { a } = pair();
    const far = IpAddress.parse('2001:db8:9::9');
    const flow = flow6(a, far);
    expect(a.sendUdp(flow, 1453)).toBe(Status.TooLong);
    a.sendUdp(flow, 1400);
    const errors: number[] = [];
    const tooBig = (mtu: number): number => {
      const quote = new Uint8Array(48);
      const view = viewOf(quote);
      view.setInt32(0, 0x60000000);
      view.setInt32(4, (8 << 16) | (PROTOCOL_UDP << 8) | 64);
      for (let i = 0; i < 4; i += 1) {
        view.setInt32(8 + 4 * i, [OURS.word0, OURS.word1, OURS.word2, OURS.word3][i]!);
        view.setInt32(24 + 4 * i, [far.word0, far.word1, far.word2, far.word3][i]!);
      }
      view.setInt32(40, (1000 << 16) | 2000);
      return a.receive(message6(2, 0, mtu, quote, PEER, OURS));
    };
    expect(tooBig(1300)).toBe(Verdict.IcmpError);
    errors.push(a.ip.icmpError.kind, a.ip.icmpError.mtu, a.ip.icmpError.remotePort);
    expect(errors).toEqual([IcmpErrorKind.PacketTooBig, 1300, 2000]);
    expect(a.sendUdp(flow, 1400)).toBe(Status.TooLong);
    expect(tooBig(1279)).toBe(Verdict.Consumed);
    expect(flow6(a, far).mtu).toBe(1300);
  });

  test('drops martians, fragments and bad extension headers', () => {
    const { a, b } = pair();
    a.sendUdp(flow6(a, PEER), 10);
    exchange(a, b);
    const mutate = (change: (view: DataView) => void): void => {
      a.sendUdp(flow6(a, PEER), 10);
      const [frame] = a.take();
      change(viewOf(frame!));
      expect(b.receive(frame!)).toBe(Verdict.Consumed);
    };
    mutate((view) => view.setUint8(22, 0xff));
    mutate((view) => view.setInt32(34, PEER.word3));
    mutate((view) => view.setInt32(50, 9));
    mutate((view) => {
      view.setUint8(20, 44);
      view.setUint32(54, 0x11000001);
    });
    mutate((view) => {
      view.setUint8(20, 0);
      view.setUint32(54, 0x11200000);
    });
    mutate((view) => view.setUint8(20, 99));
    mutate((view) => view.setUint8(14, 0x40));
    expect(b.ip.counters()).toMatchObject({
      ipv6Martian: 2,
      ipv6NotForUs: 1,
      ipv6Fragments: 1,
      ipv6BadExtension: 1,
      ipv6UnknownProtocol: 1,
      ipv6Malformed: 1,
    });
    expect(b.framesInUse).toBe(0);
  });
});

/** An ICMPv6 message in its frame, with a correct checksum. */
function message6(
  type: number,
  code: number,
  rest: number,
  data: Uint8Array,
  src: IpAddress,
  dst: IpAddress,
  hopLimit = 64,
): Uint8Array {
  const bytes = new Uint8Array(14 + 40 + 8 + data.length);
  const view = viewOf(bytes);
  bytes.set(OUR_MAC.toBytes(), 0);
  bytes.set(PEER_MAC.toBytes(), 6);
  view.setUint16(12, 0x86dd);
  view.setInt32(14, 0x60000000);
  view.setInt32(18, ((8 + data.length) << 16) | (PROTOCOL_ICMPV6 << 8) | hopLimit);
  for (const [i, word] of [src.word0, src.word1, src.word2, src.word3].entries()) {
    view.setInt32(22 + 4 * i, word);
  }
  for (const [i, word] of [dst.word0, dst.word1, dst.word2, dst.word3].entries()) {
    view.setInt32(38 + 4 * i, word);
  }
  view.setUint16(54, (type << 8) | code);
  view.setInt32(58, rest);
  bytes.set(data, 62);
  const sum = checksumAdd(view, 22, bytes.length - 22, PROTOCOL_ICMPV6 + 8 + data.length);
  view.setUint16(56, ~checksumFold(sum) & 0xffff);
  return bytes;
}

describe('addresses', () => {
  test('the source has the scope of the destination (RFC 6724, 5, rule 2)', () => {
    const host = host6(OUR_MAC, IpAddress.parse('fd00::1'));
    host.advance(3 * SECOND);
    expect(flow6(host, IpAddress.parse('2600::1')).local0).toBe(0xfd000000 | 0);
    expect(flow6(host, IpAddress.parse('ff02::7')).local0).toBe(0xfe800000 | 0);
    expect(flow6(host, GROUP).local0).toBe(0xfd000000 | 0);
  });

  test('a subnet stays on the link while another address lies in it', () => {
    const host = new Host({ addresses: [Cidr.parse('2001:db8:0:1::1/48')] });
    host.ip.addAddress(Cidr.parse('2001:db8:0:2::1/48'), host.nowNs);
    host.advance(3 * SECOND);
    host.ip.removeAddress(IpAddress.parse('2001:db8:0:1::1'), host.nowNs);
    const near = IpAddress.parse('2001:db8:0:3::1');
    expect(flow6(host, near).neighbour).toBeGreaterThanOrEqual(0);
    host.ip.removeAddress(IpAddress.parse('2001:db8:0:2::1'), host.nowNs);
    expect(flow6(host, near).neighbour).toBe(-1);
  });
});

describe('ICMPv6 (RFC 4443)', () => {
  test('no error is sent about a multicast (2.4 e)', () => {
    const { a, b } = pair();
    join6(b);
    b.advance(2 * SECOND);
    b.take();
    a.sendUdp(flow6(a, GROUP), 4);
    expect(b.receive(a.take()[0]!)).toBe(Verdict.Udp);
    b.ip.portUnreachable(b.ip.meta, b.nowNs);
    b.arena.free(b.ip.meta.frame);
    expect(b.take()).toHaveLength(0);
    expect(b.framesInUse).toBe(0);
  });

  test('an echo is answered from a copy when somebody else holds the frame', () => {
    const { a, b } = pair();
    a.ip.sendEcho(PEER, 5, 6, counting(9), 0, 9, a.nowNs);
    exchange(a, b);
    a.ip.sendEcho(PEER, 5, 7, counting(9), 0, 9, a.nowNs);
    const [request] = a.take();
    b.receive(request!, 0, true);
    const at = b.arena.dataAt[b.retained[0]!]!;
    expect(request).toEqual(Uint8Array.from(b.arena.bytes.slice(at, at + request!.length)));
    expect(b.take()).toHaveLength(1);
  });

  test('echo goes there and back, also when the frame is shared', () => {
    const { a, b } = pair();
    const seen: number[] = [];
    a.ip.events = {
      ...a.ip.events,
      echoReply(identifier, sequence, _a, _b, _c, _d, at, length): void {
        seen.push(identifier, sequence, a.arena.bytes[at + length - 1]!);
      },
    };
    a.ip.sendEcho(PEER, 5, 6, counting(99), 0, 99, a.nowNs);
    exchange(a, b);
    a.ip.sendEcho(PEER, 5, 7, counting(100), 0, 100, a.nowNs);
    b.receive(a.take()[0]!, 0, true);
    exchange(a, b);
    expect(seen).toEqual([5, 6, 98, 5, 7, 99]);
    b.arena.free(b.retained[0]!);
    expect(a.framesInUse + b.framesInUse).toBe(0);
  });

  test('portUnreachable() reaches the sender as an error about its datagram', () => {
    const { a, b } = pair();
    a.sendUdp(flow6(a, PEER), 20);
    exchange(a, b);
    a.sendUdp(flow6(a, PEER), 20);
    b.receive(a.take()[0]!);
    b.ip.portUnreachable(b.ip.meta, b.nowNs);
    b.arena.free(b.ip.meta.frame);
    const [error] = b.take();
    expect([icmpv6Type(viewOf(error!), 54), icmpv6Code(viewOf(error!), 54)]).toEqual([1, 4]);
    expect(a.receive(error!)).toBe(Verdict.IcmpError);
    expect(a.ip.icmpError).toMatchObject({
      kind: IcmpErrorKind.PortUnreachable,
      family: 6,
      protocol: PROTOCOL_UDP,
      localPort: 1000,
      remotePort: 2000,
      remote3: PEER.word3,
    });
    expect(a.framesInUse + b.framesInUse).toBe(0);
  });

  test('a neighbour that does not answer is reported for what waited', () => {
    const { a } = pair();
    const seen: number[] = [];
    a.ip.events = {
      ...a.ip.events,
      icmpError: (error): void => void seen.push(error.isLocal, error.family, error.remote3),
    };
    a.sendUdp(flow6(a, IpAddress.parse('2001:db8::77')), 1);
    a.advance(4 * SECOND);
    expect(seen).toEqual([1, 6, 0x77]);
    expect(a.take().filter((bytes) => viewOf(bytes).getUint16(12) === 0x86dd)).toHaveLength(3);
    expect(a.framesInUse).toBe(0);
  });
});

describe('duplicate address detection (RFC 4862, 5.4)', () => {
  test('probes from ::, joins the solicited-node group, and announces after a second', () => {
    const host = host6(OUR_MAC, OURS);
    const begun = host.take().map((bytes) => describeMessage(bytes));
    expect(begun.filter((line) => line.startsWith(':: > ff02::1:ff00:1 255'))).toHaveLength(2);
    expect(flow6(host, PEER).neighbour).toBe(-1);
    host.advance(3 * SECOND);
    const after = host.take().map((bytes) => describeMessage(bytes));
    expect(after.filter((line) => line.startsWith('2001:db8::1 > ff02::1 255'))).toHaveLength(1);
    expect(flow6(host, PEER).neighbour).toBeGreaterThanOrEqual(0);
  });

  test('an address that another host has is not used', () => {
    const a = host6(OUR_MAC, OURS);
    a.advance(3 * SECOND);
    a.take();
    const b = host6(PEER_MAC, OURS);
    exchange(a, b);
    b.advance(3 * SECOND);
    expect(b.ip.counters().addressConflicts).toBe(1);
    // What is left to speak from is the link-local address.
    expect(flow6(b, PEER).local0).toBe(0xfe800000 | 0);
    expect(flow6(a, PEER).local0).toBe(OURS.word0);
  });

  test('two hosts that probe at once both refrain (5.4.3)', () => {
    const a = host6(OUR_MAC, OURS);
    const b = host6(PEER_MAC, OURS);
    exchange(a, b);
    a.advance(3 * SECOND);
    b.advance(3 * SECOND);
    expect(a.ip.counters().addressConflicts + b.ip.counters().addressConflicts).toBe(2);
  });

  test('removeAddress() leaves the solicited-node group', () => {
    const { a } = pair();
    expect(a.ip.removeAddress(OURS, a.nowNs)).toBe(true);
    expect(a.ip.removeAddress(OURS, a.nowNs)).toBe(false);
    expect(flow6(a, PEER).neighbour).toBe(-1);
    a.advance(3 * SECOND);
    expect(a.framesInUse).toBe(0);
  });
});

describe('neighbour discovery', () => {
  test('ignores messages that a router may have forwarded (RFC 4861, 7.1)', () => {
    const { a } = pair();
    const target = new Uint8Array(16);
    viewOf(target).setInt32(0, OURS.word0);
    viewOf(target).setInt32(12, OURS.word3);
    a.receive(message6(135, 0, 0, target, PEER, OURS, 254));
    expect(a.ip.counters().icmpv6Malformed).toBe(1);
    expect(a.take()).toHaveLength(0);
  });

  test('without the override flag a known address stays (RFC 4861, 7.2.5)', () => {
    const { a, b } = pair();
    a.sendUdp(flow6(a, PEER), 1);
    exchange(a, b);
    const data = new Uint8Array(24);
    viewOf(data).setInt32(0, PEER.word0);
    viewOf(data).setInt32(12, PEER.word3);
    data.set([2, 1, 2, 0, 0, 0, 0, 9], 16);
    a.receive(message6(136, 0, 0, data, PEER, OURS, 255));
    expect(a.ip.neighbours()[0]!.mac).toBe(String(PEER_MAC));
    a.receive(message6(136, 0, 0x20000000, data, PEER, OURS, 255));
    expect(a.ip.neighbours()[0]).toMatchObject({ mac: '02:00:00:00:00:09', state: 'stale' });
  });
});

describe('MLD version 2 (RFC 9777)', () => {
  function join(host: Host): number {
    return host.ip.joinGroup(GROUP.word0, GROUP.word1, GROUP.word2, GROUP.word3, host.nowNs);
  }

  test('reports joins and leaves twice, from the link-local address with router alert', () => {
    const { a } = pair();
    expect(join(a)).toBe(Status.Ok);
    a.advance(2 * SECOND);
    const joined = a.take().map((bytes) => describeMessage(bytes));
    expect(joined).toHaveLength(2);
    for (const line of joined) expect(line).toStartWith('fe80::ff:fe00:1 > ff02::16 1: ');
    a.ip.leaveGroup(GROUP.word0, GROUP.word1, GROUP.word2, GROUP.word3, a.nowNs);
    a.advance(2 * SECOND);
    expect(a.take()).toHaveLength(2);
    expect(a.link.joined).not.toContain('33:33:00:00:12:34');
  });

  test('membership decides which multicasts are taken', () => {
    const { a, b } = pair();
    a.sendUdp(flow6(a, GROUP), 4);
    expect(exchange(a, b)).toEqual([]);
    join(b);
    b.take();
    a.sendUdp(flow6(a, GROUP), 4);
    expect(exchange(a, b)).toEqual([Verdict.Udp]);
  });

  test('answers a general query with all groups', () => {
    const { a } = pair();
    join(a);
    a.advance(2 * SECOND);
    a.take();
    const data = new Uint8Array(20);
    const router = IpAddress.parse('fe80::99');
    a.receive(message6(130, 0, 1000 << 16, data, router, IpAddress.parse('ff02::1'), 1));
    a.advance(2 * SECOND);
    const answers = a.take();
    expect(answers).toHaveLength(1);
    // The group, and the solicited-node group that both of our addresses share.
    expect(viewOf(answers[0]!).getUint16(14 + 40 + 8 + 6)).toBe(2);
  });
});

test('random IPv6 bytes never throw and never leak', () => {
  const { a, b } = pair();
  let state = 12345;
  const random = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
  join6(b);
  const seeds: Uint8Array[] = [];
  for (let i = 0; i < 3; i += 1) {
    a.sendUdp(flow6(a, PEER), 30);
    seeds.push(...a.take());
    for (const bytes of seeds) {
      if (b.receive(bytes) === Verdict.Udp) b.arena.free(b.ip.meta.frame);
    }
    for (const bytes of b.take()) a.receive(bytes);
  }
  a.ip.sendEcho(PEER, 1, 1, counting(20), 0, 20, a.nowNs);
  seeds.push(...a.take(), message6(130, 0, 0, new Uint8Array(20), PEER, PEER, 1));
  expect(seeds.length).toBeGreaterThan(4);
  for (let step = 0; step < 20_000; step += 1) {
    const seed = Uint8Array.from(seeds[random(seeds.length)]!);
    for (let flips = random(5); flips > 0; flips -= 1) seed[random(seed.length)] = random(256);
    const bytes = random(5) === 0 ? seed.slice(0, random(seed.length + 1)) : seed;
    const verdict = b.receive(bytes, random(8));
    if (verdict === Verdict.Udp) b.ip.portUnreachable(b.ip.meta, b.nowNs);
    if (verdict === Verdict.Udp || verdict === Verdict.Tcp) b.arena.free(b.ip.meta.frame);
    b.take();
  }
  b.advance(100 * SECOND);
  expect(b.ip.framesHeld).toBe(0);
  expect(b.framesInUse).toBe(0);
});

function join6(host: Host): void {
  host.ip.joinGroup(GROUP.word0, GROUP.word1, GROUP.word2, GROUP.word3, host.nowNs);
  host.take();
}
