import { expect, test } from 'bun:test';
import { collectsDuring } from '@tickwire/base/testing';
import { createHeapArena } from '@tickwire/base';
import { BURST_MAX, type Device, RxBurst, TxBurst } from './device.ts';
import { FaultInjector } from './fault-injector.ts';
import { createLoopbackPair } from './loopback.ts';

const BURST = 32;
/** One object per frame would be 1.6 million: several collections. */
const ROUNDS = 50_000;

const tx = new TxBurst();
const rx = new RxBurst();

function pass(from: Device, to: Device, nowNs: number): void {
  const { arena } = from;
  for (let i = 0; i < BURST; i += 1) {
    const frame = arena.alloc();
    const at = arena.dataAt[frame]!;
    tx.frame[i] = frame;
    tx.at[i] = at;
    tx.length[i] = 60;
    tx.checksumStart[i] = at + 34;
    tx.checksumAt[i] = at + 50;
  }
  const taken = from.transmit(tx, BURST, nowNs);
  for (let i = taken; i < BURST; i += 1) arena.free(tx.frame[i]!);
  const count = to.receive(rx, BURST_MAX, nowNs);
  for (let i = 0; i < count; i += 1) arena.free(rx.frame[i]!);
}

function passes(from: Device, to: Device): () => void {
  for (let round = 0; round < 1000; round += 1) pass(from, to, round);
  return () => {
    for (let round = 0; round < ROUNDS; round += 1) pass(from, to, round);
  };
}

test('a loopback makes no garbage', async () => {
  const arena = createHeapArena({ frames: 256, dataRoom: 2048 });
  const { a, b } = createLoopbackPair(arena);
  expect(await collectsDuring(passes(a, b))).toBe(false);
  expect(b.stats.rxFrames).toBeGreaterThanOrEqual((ROUNDS + 1000) * BURST);
  expect(arena.available()).toBe(256);
});

test('a fault injector makes no garbage', async () => {
  const arena = createHeapArena({ frames: 4096, dataRoom: 2048 });
  const { a, b } = createLoopbackPair(arena);
  const faults = { drop: 0.01, duplicate: 0.01, reorder: 0.01, reorderNs: 3 };
  const device = new FaultInjector(a, { seed: 1, transmit: faults });
  expect(await collectsDuring(passes(device, b))).toBe(false);
  expect(device.transmitFaults.duplicated).toBeGreaterThan(0);
  device.close();
  b.close();
  expect(arena.available()).toBe(4096);
});
