import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import {
  Cidr,
  icmpChecksumOk,
  icmpCode,
  icmpType,
  ipv4ChecksumOk,
  ipv4Fragment,
  ipv4FragmentOffset,
  ipv4Identification,
  ipv4TotalLength,
  IPV4_MORE_FRAGMENTS,
  MacAddress,
} from '@tickwire/wire';
import {
  arpRequest,
  counting,
  Host,
  ip4,
  ipv4,
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  SECOND,
  udp,
  viewOf,
} from '../test/harness.ts';
import { Verdict } from './link.ts';

const MF = IPV4_MORE_FRAGMENTS;

/** Cuts a payload at multiples of eight into fragments of one datagram. */
function cut(
  payload: Uint8Array,
  at: number[],
  identification = 9,
  trafficClass = 0,
): Uint8Array[] {
  const edges = [0, ...at, payload.length];
  const parts: Uint8Array[] = [];
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const from = edges[i]!;
    const more = edges[i + 1] === payload.length ? 0 : MF;
    const fragment = more | (from >> 3);
    const data = payload.slice(from, edges[i + 1]);
    parts.push(ipv4(data, { identification, fragment, trafficClass }));
  }
  return parts;
}

describe('output() beyond the MTU (RFC 791, 3.2)', () => {
  test('fragments what a host under test puts together again', () => {
    for (const [length, count] of [
      [1473, 2],
      [1480, 2],
      [1990, 2],
    ] as const) {
      const host = new Host();
      host.receive(arpRequest());
      host.take();
      expect(host.sendUdp(host.flow(PEER_IP, 0), length)).toBe(Status.Ok);
      const parts = host.take();
      expect(parts).toHaveLength(count);
      for (const part of parts) {
        const view = viewOf(part);
        expect(ipv4ChecksumOk(view, 14)).toBe(true);
        expect(ipv4TotalLength(view, 14)).toBeLessThanOrEqual(1500);
        expect(ipv4Identification(view, 14)).toBe(ipv4Identification(viewOf(parts[0]!), 14));
      }
      expect(ipv4Fragment(viewOf(parts[0]!), 14)).toBe(MF);
      expect(ipv4FragmentOffset(viewOf(parts[1]!), 14)).toBe(1480);
      // The peer's host has the addresses the other way round.
      const peer = new Host({ addresses: [] });
      peer.ip.addAddress(Cidr.parse('10.0.0.2/24'), peer.nowNs);
      peer.take();
      const verdicts = parts.toReversed().map((part) => {
        part.set(OUR_MAC.toBytes(), 0);
        return peer.receive(part);
      });
      expect(verdicts.at(-1)).toBe(Verdict.Udp);
      expect(peer.ip.meta.length).toBe(8 + length);
      const at = peer.ip.meta.at + 8;
      expect(Uint8Array.from(peer.arena.bytes.slice(at, at + length))).toEqual(counting(length));
      peer.arena.free(peer.ip.meta.frame);
      expect(peer.framesInUse).toBe(0);
      expect(host.framesInUse).toBe(0);
    }
  });

  test('refuses with DF, and sends nothing when memory or room is short', () => {
    const host = new Host();
    host.receive(arpRequest());
    host.take();
    expect(host.sendUdp(host.flow(PEER_IP, 1), 1473)).toBe(Status.TooLong);
    host.link.left = 1;
    expect(host.sendUdp(host.flow(PEER_IP, 0), 1473)).toBe(Status.Again);
    host.link.left = 10;
    const held: number[] = [];
    while (host.arena.available() > 2) held.push(host.arena.alloc());
    expect(host.sendUdp(host.flow(PEER_IP, 0), 1473)).toBe(Status.Again);
    expect(host.arena.available()).toBe(2);
    expect(host.take()).toHaveLength(0);
    expect(host.ip.counters().ipv4FragmentNoMemory).toBe(2);
  });
});

describe('reassembly', () => {
  test('takes fragments in any order, and the metadata is that of the first', () => {
    const host = new Host();
    const payload = udp(counting(600));
    const parts = cut(payload, [200, 400]);
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const verdicts = order.map((i) => host.receive(parts[i]!));
      expect(verdicts).toEqual([Verdict.Consumed, Verdict.Consumed, Verdict.Udp]);
      const { meta } = host.ip;
      expect([meta.length, meta.src3, meta.dst3]).toEqual([608, PEER_IP, OUR_IP]);
      expect(ipv4TotalLength(host.arena.view, meta.headerAt)).toBe(628);
      expect(ipv4ChecksumOk(host.arena.view, meta.headerAt)).toBe(true);
      host.arena.free(meta.frame);
      expect(host.framesInUse).toBe(0);
    }
  });

  test('ignores a fragment that comes twice', () => {
    const host = new Host();
    const parts = cut(udp(counting(600)), [200, 400]);
    for (const i of [0, 0, 2, 2]) expect(host.receive(parts[i]!)).toBe(Verdict.Consumed);
    expect(host.receive(parts[1]!)).toBe(Verdict.Udp);
    expect(host.ip.counters().fragmentsDuplicate).toBe(2);
  });

  test('gives a datagram up when fragments overlap (RFC 5722, as Linux does for IPv4)', () => {
    const host = new Host();
    const payload = udp(counting(600));
    host.receive(ipv4(payload.slice(0, 200), { identification: 9, fragment: MF }));
    host.receive(ipv4(payload.slice(192, 400), { identification: 9, fragment: MF | 24 }));
    expect(host.ip.counters().reassemblyOverlap).toBe(1);
    const forged = payload.slice(0, 200);
    forged[100]! ^= 1;
    host.receive(ipv4(payload.slice(0, 200), { identification: 9, fragment: MF }));
    host.receive(ipv4(forged, { identification: 9, fragment: MF }));
    expect(host.ip.counters().reassemblyOverlap).toBe(2);
    expect(host.framesInUse).toBe(0);
  });

  test('gives a datagram up when its end moves', () => {
    const host = new Host();
    host.receive(ipv4(counting(16), { identification: 1, fragment: 5 }));
    host.receive(ipv4(counting(16), { identification: 1, fragment: 9 }));
    host.receive(ipv4(counting(16), { identification: 2, fragment: 5 }));
    host.receive(ipv4(counting(16), { identification: 2, fragment: MF | 6 }));
    host.receive(ipv4(counting(16), { identification: 3, fragment: MF | 6 }));
    host.receive(ipv4(counting(16), { identification: 3, fragment: 2 }));
    expect(host.ip.counters().reassemblyOverlap).toBe(3);
    expect(host.framesInUse).toBe(0);
  });

  test('counts fragments that lie about their length', () => {
    const host = new Host();
    host.receive(ipv4(counting(15), { fragment: MF }));
    host.receive(ipv4(counting(0), { fragment: MF | 1 }));
    host.receive(ipv4(counting(32), { fragment: 0x1ffe }));
    expect(host.ip.counters().fragmentsMalformed).toBe(3);
    expect(host.framesInUse).toBe(0);
  });

  test('drops what does not fit into a frame', () => {
    const host = new Host();
    host.receive(ipv4(counting(1400), { identification: 4, fragment: MF }));
    host.receive(ipv4(counting(1400), { identification: 4, fragment: 175 }));
    expect(host.ip.counters().reassemblyTooLong).toBe(1);
    expect(host.framesInUse).toBe(0);
  });

  test('holds at most the limit; the oldest gives way', () => {
    const host = new Host({ limits: { reassemblies: 4 } });
    for (let id = 0; id < 10; id += 1) {
      host.receive(ipv4(counting(16), { identification: id, fragment: MF }));
      host.advance(1);
    }
    expect(host.framesInUse).toBe(4);
    expect(host.ip.counters().reassemblyEvicted).toBe(6);
    // The errors about the timeouts wait for an unknown peer, and are dropped too.
    host.advance(35 * SECOND);
    expect(host.framesInUse).toBe(0);
  });

  test('times out after 30 s and says so to who sent the first fragment (RFC 792)', () => {
    const host = new Host();
    host.receive(arpRequest());
    host.take();
    host.receive(cut(udp(counting(600)), [200])[0]!);
    host.receive(ipv4(counting(16), { identification: 77, fragment: 5 }));
    host.advance(29.9 * SECOND);
    expect(host.take()).toHaveLength(0);
    host.advance(0.2 * SECOND);
    const errors = host.take();
    expect(errors).toHaveLength(1);
    const view = viewOf(errors[0]!);
    expect([icmpType(view, 34), icmpCode(view, 34)]).toEqual([11, 1]);
    expect(icmpChecksumOk(view, 34, errors[0]!.length - 34)).toBe(true);
    expect(host.ip.counters().reassemblyTimeout).toBe(2);
    expect(host.framesInUse).toBe(0);
  });

  test('keeps congestion marks, and refuses them without ECN (RFC 3168, 5.3)', () => {
    const host = new Host();
    const payload = udp(counting(600));
    host.receive(cut(payload, [200], 1, 2)[0]!);
    expect(host.receive(cut(payload, [200], 1, 3)[1]!)).toBe(Verdict.Udp);
    expect(host.ip.meta.trafficClass & 3).toBe(3);
    host.arena.free(host.ip.meta.frame);
    host.receive(cut(payload, [200], 2, 0)[0]!);
    expect(host.receive(cut(payload, [200], 2, 3)[1]!)).toBe(Verdict.Consumed);
    expect(host.framesInUse).toBe(0);
  });

  test('reassembled datagrams are checked like others', () => {
    const host = new Host();
    const payload = udp(counting(600));
    payload[300]! ^= 1;
    for (const part of cut(payload, [200])) expect(host.receive(part)).toBe(Verdict.Consumed);
    expect(host.ip.counters().udpBadChecksum).toBe(1);
    expect(host.framesInUse).toBe(0);
  });

  test('a ping in fragments is answered in fragments', () => {
    const host = new Host();
    host.receive(arpRequest());
    host.take();
    const message = new Uint8Array(1800);
    message[0] = 8;
    message[2] = 0xf7;
    message[3] = 0xff;
    const parts = [
      ipv4(message.slice(0, 1400), { protocol: 1, fragment: MF, identification: 3 }),
      ipv4(message.slice(1400), { protocol: 1, fragment: 175, identification: 3 }),
    ];
    for (const part of parts) host.receive(part);
    const replies = host.take();
    expect(replies).toHaveLength(2);
    expect(replies[0]![34]).toBe(0);
    expect(host.framesInUse).toBe(0);
  });
});

test('fragments to a group are put together without an error on timeout (RFC 1122, 3.2.2)', () => {
  const host = new Host();
  host.receive(arpRequest());
  host.take();
  const dst = ip4('224.0.0.1');
  const to = MacAddress.parse('01:00:5e:00:00:01');
  host.receive(ipv4(counting(16), { dst, to, fragment: MF }));
  host.advance(31 * SECOND);
  expect(host.take()).toHaveLength(0);
});
