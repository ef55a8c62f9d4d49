import { expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { MacAddress } from '@tickwire/wire';
import fc from 'fast-check';
import {
  arp,
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
  SECOND,
  udp,
  viewOf,
} from '../test/harness.ts';
import { RX_SUMMED, Verdict } from './link.ts';

/** Frames of every kind that we understand, to mutate. */
const SEEDS: Uint8Array[] = [
  ipv4(udp(counting(40))),
  ipv4(udp(counting(40)), { options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0) }),
  ipv4(udp(counting(40)), { fragment: 0x2000, identification: 3 }),
  ipv4(counting(64), { fragment: 5, identification: 3 }),
  icmpFrame(icmp(8, 0, 1, counting(30))),
  icmpFrame(icmp(3, 4, 1200, ipv4(counting(8), { src: OUR_IP, protocol: 6 }).slice(14))),
  ipv4(Uint8Array.of(0x11, 10, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0), {
    protocol: 2,
    ttl: 1,
    dst: ip4('224.0.0.1'),
  }),
  arp(1, PEER_MAC, PEER_IP, new MacAddress(0, 0), OUR_IP),
  arp(2, PEER_MAC, PEER_IP, OUR_MAC, OUR_IP, OUR_MAC),
  ipv4(counting(20), { protocol: 6 }),
];

/** Makes the IPv4 header checksum right again, so that mutations reach the deeper layers. */
function repair(bytes: Uint8Array): void {
  if (bytes.length < 34) return;
  const view = viewOf(bytes);
  const header = (bytes[14]! & 15) * 4;
  if (view.getUint16(12) !== 0x0800 || header < 20 || 14 + header > bytes.length) return;
  view.setUint16(24, 0);
  let sum = 0;
  for (let i = 14; i < 14 + header; i += 2) sum += view.getUint16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(24, ~sum & 0xffff);
}

test('receive() never throws, never leaks and answers nothing malformed, whatever arrives', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Prng(seed);
      const host = new Host({}, 256, 2048, seed);
      host.ip.joinGroup(0, 0, 0xffff, ip4('239.1.2.3'), host.nowNs);
      for (let step = 0; step < 200; step += 1) {
        let bytes = Uint8Array.from(SEEDS[random.nextBelow(SEEDS.length)]!);
        const flips = random.nextBelow(6);
        for (let i = 0; i < flips; i += 1) {
          bytes[random.nextBelow(bytes.length)] = random.nextUint32();
        }
        if (random.nextBelow(4) === 0) bytes = bytes.slice(0, random.nextBelow(bytes.length + 1));
        if (random.nextBelow(3) !== 0) repair(bytes);
        const flags = random.nextBelow(8) & ~(random.nextBelow(2) * RX_SUMMED);
        const verdict = host.receive(bytes, flags, random.nextBelow(8) === 0);
        if (verdict === Verdict.Tcp || verdict === Verdict.Udp) {
          const { meta } = host.ip;
          expect(meta.length).toBeGreaterThanOrEqual(8);
          if (verdict === Verdict.Udp) host.ip.portUnreachable(meta, host.nowNs);
          host.arena.free(meta.frame);
        }
        if (random.nextBelow(10) === 0) host.advance(random.nextBelow(4 * SECOND));
      }
      for (const sent of host.take()) expect(sent.length).toBeLessThanOrEqual(1514);
      host.ip.leaveGroup(0, 0, 0xffff, ip4('239.1.2.3'), host.nowNs);
      host.advance(100 * SECOND);
      for (const frame of host.retained) host.arena.free(frame);
      expect(host.ip.framesHeld).toBe(0);
      expect(host.framesInUse).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('the pool returns to its level after random frames', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 60 }), (frames) => {
      const host = new Host();
      for (const bytes of frames) {
        bytes.set(OUR_MAC.toBytes().subarray(0, Math.min(6, bytes.length)));
        if (bytes.length > 13) viewOf(bytes).setUint16(12, bytes[20]! & 1 ? 0x0800 : 0x0806);
        const verdict = host.receive(bytes);
        expect(verdict).toBe(Verdict.Consumed);
      }
      host.advance(100 * SECOND);
      expect(host.framesInUse).toBe(0);
    }),
  );
});
