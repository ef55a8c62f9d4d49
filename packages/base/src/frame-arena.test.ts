import { describe, expect, test } from 'bun:test';
import { createHeapArena, FRAME_HEADROOM_BYTES, NO_FRAME } from './frame-arena.ts';
import { Prng } from './prng.ts';

describe('FrameArena', () => {
  test('alloc() hands out every frame once and then NO_FRAME, which is counted', () => {
    const arena = createHeapArena({ frames: 700, dataRoom: 64 });
    const seen = new Set<number>();
    for (let i = 0; i < 700; i += 1) seen.add(arena.alloc());
    expect(seen.size).toBe(700);
    expect(seen.has(NO_FRAME)).toBe(false);
    expect(arena.alloc()).toBe(NO_FRAME);
    expect(arena.allocFailures).toBe(1);
    for (const frame of seen) arena.free(frame);
    expect(arena.available()).toBe(700);
  });

  test('frames do not overlap, headroom included', () => {
    const arena = createHeapArena({ frames: 50, dataRoom: 100 });
    const frames = Array.from({ length: 50 }, () => arena.alloc());
    for (const frame of frames) {
      const at = arena.dataAt[frame]!;
      arena.bytes.fill(frame + 1, at - FRAME_HEADROOM_BYTES, at + arena.dataRoom);
    }
    for (const frame of frames) {
      const at = arena.dataAt[frame]!;
      const own = arena.bytes.subarray(at - FRAME_HEADROOM_BYTES, at + arena.dataRoom);
      expect(own.every((byte) => byte === frame + 1)).toBe(true);
      expect(arena.refCount(frame)).toBe(1);
    }
  });

  test('free() gives a retained frame back only with its last reference', () => {
    const arena = createHeapArena({ frames: 4, dataRoom: 64 });
    const frame = arena.alloc();
    arena.retain(frame);
    arena.retain(frame);
    expect(arena.refCount(frame)).toBe(3);
    arena.free(frame);
    arena.free(frame);
    expect(arena.available()).toBe(3);
    expect(arena.refCount(frame)).toBe(1);
    arena.free(frame);
    expect(arena.available()).toBe(4);
    expect(arena.refCount(frame)).toBe(1);
  });

  test('keeps exact accounts under random alloc, retain and free', () => {
    const seed = 20_261_120;
    const random = new Prng(seed);
    const arena = createHeapArena({ frames: 1500, dataRoom: 64 });
    const held: number[] = [];
    const references = new Map<number, number>();
    for (let step = 0; step < 50_000; step += 1) {
      const choice = random.nextBelow(5);
      if (choice < 2) {
        const frame = arena.alloc();
        if (frame === NO_FRAME) continue;
        expect(references.has(frame)).toBe(false);
        references.set(frame, 1);
        held.push(frame);
      } else if (choice === 2 && held.length > 0) {
        const frame = held[random.nextBelow(held.length)]!;
        arena.retain(frame);
        references.set(frame, references.get(frame)! + 1);
        held.push(frame);
      } else if (held.length > 0) {
        const index = random.nextBelow(held.length);
        const frame = held[index]!;
        held[index] = held.at(-1)!;
        held.pop();
        arena.free(frame);
        const left = references.get(frame)! - 1;
        if (left === 0) references.delete(frame);
        else references.set(frame, left);
      }
      if (step % 1000 === 0) expect(arena.available()).toBe(1500 - references.size);
    }
    for (const frame of held) arena.free(frame);
    arena.flush();
    expect(arena.available()).toBe(1500);
  });
});
