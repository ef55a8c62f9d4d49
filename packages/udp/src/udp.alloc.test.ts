import { expect, test } from 'bun:test';
import { emitUdp } from '@tickwire/wire';
import { collectsDuring } from '@tickwire/base/testing';
import { Bench, GROUP, OUR_IP, PEER_IP, V4 } from '../test/harness.ts';

/** One object per round would be 24 MB or more: several collections. */
const ROUNDS = 1_000_000;

function steadyBench(): { bench: Bench; round: (i: number) => void } {
  const bench = new Bench();
  bench.ip.isRecording = false;
  bench.isRecording = false;
  const socket = bench.bound(7);
  bench.udp.joinGroup(socket, 0, 0, V4, GROUP, 0);
  const bytes = new Uint8Array(48);
  const meta = bench.meta;
  const round = (i: number): void => {
    bench.udp.send(socket, 0, 0, V4, PEER_IP, 9, bytes, 0, 48, i);
    bench.udp.send(socket, 0, 0, V4, GROUP, 7, bytes, 8, 24, i);
    bench.udp.receiveLooped(i);
    const frame = bench.arena.alloc();
    meta.frame = frame;
    meta.at = bench.arena.dataAt[frame]!;
    meta.length = 56;
    meta.dst2 = V4;
    meta.dst3 = OUR_IP;
    meta.linkDst = 0;
    emitUdp(bench.arena.view, meta.at, 9, 7, 56, 0);
    bench.udp.receive(meta, i);
  };
  return { bench, round };
}

test('send(), receive() and the multicast loop make no garbage', async () => {
  const { bench, round } = steadyBench();
  for (let i = 0; i < 20_000; i += 1) round(i);
  const collected = await collectsDuring(() => {
    for (let i = 0; i < ROUNDS; i += 1) round(i * 1e6);
  });
  expect(collected).toBe(false);
  expect(bench.count).toBeGreaterThanOrEqual(2 * (ROUNDS + 20_000));
  expect(bench.framesInUse).toBe(0);
});
