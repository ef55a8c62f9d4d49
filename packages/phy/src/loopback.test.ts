import { describe, expect, test } from 'bun:test';
import { createHeapArena, type FrameArena, NetError } from '@tickwire/base';
import { deviceConformance } from './conformance.ts';
import { RxBurst, TxBurst } from './device.ts';
import { createLoopbackPair, Loopback, type LoopbackOptions } from './loopback.ts';
import { DeviceMiddleware } from './middleware.ts';

const arenaOf = (): FrameArena => createHeapArena({ frames: 2048, dataRoom: 2048 });

deviceConformance('loopback with checksums', () => createLoopbackPair(arenaOf()));
deviceConformance('loopback without checksums', () =>
  createLoopbackPair(arenaOf(), { checksum: 'none' }),
);
deviceConformance('loopback that drops when full', () =>
  createLoopbackPair(arenaOf(), { overflow: 'drop', queueFrames: 64 }),
);
deviceConformance('loopback through middlewares', () => {
  const { a, b } = createLoopbackPair(arenaOf());
  return { a: new DeviceMiddleware(a, 'outer-a'), b: new DeviceMiddleware(b, 'outer-b') };
});

function fill(arena: FrameArena, tx: TxBurst, count: number, length: number): void {
  for (let i = 0; i < count; i += 1) {
    const frame = arena.alloc();
    tx.frame[i] = frame;
    tx.at[i] = arena.dataAt[frame]!;
    tx.length[i] = length;
    tx.checksumStart[i] = 0;
  }
}

describe('Loopback', () => {
  test('hears itself', () => {
    const arena = arenaOf();
    using device = new Loopback(arena);
    const tx = new TxBurst();
    const rx = new RxBurst();
    fill(arena, tx, 3, 60);
    expect(device.transmit(tx, 3, 0)).toBe(3);
    expect(device.receive(rx, 32, 0)).toBe(3);
    expect(Array.from(rx.frame.slice(0, 3))).toEqual(Array.from(tx.frame.slice(0, 3)));
  });

  const overflow = (options: LoopbackOptions): { taken: number; a: Loopback; b: Loopback } => {
    const arena = arenaOf();
    const { a, b } = createLoopbackPair(arena, { queueFrames: 4, ...options });
    const tx = new TxBurst();
    fill(arena, tx, 6, 60);
    return { taken: a.transmit(tx, 6, 0), a, b };
  };

  test('transmit() refuses what does not fit into the queue', () => {
    const { taken, a, b } = overflow({});
    expect(taken).toBe(4);
    expect(a.stats.txFrames).toBe(4);
    expect(b.stats.rxMissed).toBe(0);
  });

  test('transmit() drops and counts what does not fit, by option', () => {
    const { taken, a, b } = overflow({ overflow: 'drop' });
    expect(taken).toBe(6);
    expect(b.stats.rxMissed).toBe(2);
    a.close();
    b.close();
    expect(a.arena.available()).toBe(2048);
  });

  test.each([0, 13, 1515])('transmit() drops a frame of %d bytes and counts it', (length) => {
    const arena = arenaOf();
    const { a, b } = createLoopbackPair(arena);
    const tx = new TxBurst();
    fill(arena, tx, 1, length);
    expect(a.transmit(tx, 1, 0)).toBe(1);
    expect(a.stats.txDropped).toBe(1);
    expect(b.receive(new RxBurst(), 1, 0)).toBe(0);
    expect(arena.available()).toBe(2048);
  });

  test('transmit() drops and counts frames for a closed peer', () => {
    const arena = arenaOf();
    const { a, b } = createLoopbackPair(arena);
    b.close();
    const tx = new TxBurst();
    fill(arena, tx, 2, 60);
    expect(a.transmit(tx, 2, 0)).toBe(2);
    expect(a.stats.txDropped).toBe(2);
    expect(arena.available()).toBe(2048);
  });

  test('refuses an MTU that no frame of the arena can hold', () => {
    expect(() => new Loopback(arenaOf(), { mtu: 2035 })).toThrow(NetError);
    expect(() => new Loopback(arenaOf(), { mtu: 2034 })).not.toThrow();
  });
});
