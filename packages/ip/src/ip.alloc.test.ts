import { expect, test } from 'bun:test';
import { PROTOCOL_UDP } from '@tickwire/wire';
import {
  arpRequest,
  collectsDuring,
  counting,
  Host,
  icmp,
  icmpFrame,
  ip4,
  ipv4,
  PEER_IP,
  udp,
} from '../test/harness.ts';
import { RX_SUMMED, Verdict } from './link.ts';

/** One object per round would be 20 MB or more: several collections. */
const ROUNDS = 200_000;

test('echo, UDP input, UDP output, fragments and timers make no garbage', async () => {
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
  for (let i = 0; i < 20_000; i += 1) round(i);
  const collected = await collectsDuring(() => {
    for (let i = 20_000; i < ROUNDS; i += 1) round(i);
  });
  expect(collected).toBe(false);
  expect(ip.counters().icmpEchoRepliesTx).toBeGreaterThan(1000);
  expect(ip.counters().udpBadChecksum).toBe(ROUNDS);
  expect(ip.counters().ipv4FragmentsTx).toBeGreaterThan(1000);
  expect(host.framesInUse).toBe(0);
});
