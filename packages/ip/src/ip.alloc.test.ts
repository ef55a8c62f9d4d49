import { expect, test } from 'bun:test';
import { collectsDuring } from '@tickwire/base/testing';
import { Cidr, IpAddress, IpFlow, PROTOCOL_UDP } from '@tickwire/wire';
import {
  arpRequest,
  counting,
  Host,
  icmp,
  icmpFrame,
  ip4,
  ipv4,
  PEER_IP,
  PEER_MAC,
  udp,
} from '../test/harness.ts';
import { RX_SUMMED, Verdict } from './link.ts';

/** One object per round would be 24 MB or more: several collections. */
const ROUNDS = 1_000_000;
const PEER6 = IpAddress.parse('2001:db8::2');
const PAYLOAD = new Uint8Array(16);

function steadyHost(): { host: Host; round: (i: number) => void } {
  const host = new Host();
  host.receive(arpRequest());
  host.link.isRecording = false;
  const { arena, ip } = host;
  const echo = icmpFrame(icmp(8, 0, 7, counting(56)));
  const datagram = ipv4(udp(counting(48)));
  const flow = host.flow(PEER_IP);
  const group = host.flow(ip4('239.1.1.1'), 0);
  const big = host.flow(PEER_IP, 0);
  const inject = (bytes: Uint8Array, flags: number, nowNs: number): number => {
    const frame = arena.alloc();
    const at = arena.dataAt[frame]!;
    arena.bytes.set(bytes, at);
    return ip.receive(frame, at, bytes.length, flags, 0x1234, nowNs);
  };
  const send = (to: typeof flow, length: number, nowNs: number): void => {
    const frame = arena.alloc();
    ip.output(to, PROTOCOL_UDP, frame, arena.dataAt[frame]!, length, 6, nowNs);
  };
  const round = (i: number): void => {
    const nowNs = 1e12 + i * 1000;
    inject(echo, 0, nowNs);
    if (inject(datagram, 0, nowNs) === Verdict.Udp) arena.free(ip.meta.frame);
    // A wrong sum of the device: the drop path.
    inject(datagram, RX_SUMMED, nowNs);
    send(flow, 100, nowNs);
    send(group, 100, nowNs);
    if (i % 16 === 0) send(big, 1800, nowNs);
    ip.timers(nowNs);
  };
  return { host, round };
}

test('echo, UDP input, UDP output, fragments and timers make no garbage', async () => {
  const { host, round } = steadyHost();
  for (let i = 0; i < 20_000; i += 1) round(i);
  const collected = await collectsDuring(() => {
    for (let i = 20_000; i < ROUNDS; i += 1) round(i);
  });
  expect(collected).toBe(false);
  expect(host.ip.counters().icmpEchoRepliesTx).toBeGreaterThan(1000);
  expect(host.ip.counters().udpBadChecksum).toBeGreaterThanOrEqual(ROUNDS);
  expect(host.ip.counters().ipv4FragmentsTx).toBeGreaterThan(1000);
  expect(host.framesInUse).toBe(0);
});

test('IPv6 input, output and echo make no garbage', async () => {
  const host = new Host({ addresses: [Cidr.parse('2001:db8::1/64')], gateway: PEER6 });
  host.ip.setNeighbour(PEER6, PEER_MAC, host.nowNs);
  host.advance(3e9);
  host.link.isRecording = false;
  const { arena, ip } = host;
  const flow = new IpFlow();
  flow.remote0 = PEER6.word0;
  flow.remote3 = PEER6.word3;
  ip.bindFlow(flow, host.nowNs);
  const round = (i: number): void => {
    const frame = arena.alloc();
    ip.output(flow, PROTOCOL_UDP, frame, arena.dataAt[frame]!, 64, 6, i);
    ip.sendEcho(PEER6, 1, i & 0xffff, PAYLOAD, 0, 16, i);
    const looped = arena.alloc();
    arena.view.setInt32(arena.dataAt[looped]! + 4, 64 << 16);
    ip.output(toOurselves, PROTOCOL_UDP, looped, arena.dataAt[looped]!, 64, 6, i);
    if (ip.receiveLooped(i) === Verdict.Udp) arena.free(ip.meta.frame);
    ip.timers(1e12 + i);
  };
  const toOurselves = new IpFlow();
  toOurselves.remote3 = 1;
  ip.bindFlow(toOurselves, host.nowNs);
  for (let i = 0; i < 20_000; i += 1) round(i);
  const collected = await collectsDuring(() => {
    for (let i = 20_000; i < ROUNDS; i += 1) round(i);
  });
  expect(collected).toBe(false);
  expect(ip.counters().checksumVerified).toBeGreaterThanOrEqual(ROUNDS);
  expect(host.framesInUse).toBe(0);
});

// Last in the file: what it leaves behind would trouble the counts of the others.
