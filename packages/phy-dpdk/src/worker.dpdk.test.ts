import { describe, expect, test } from 'bun:test';
import { RxBurst, TxBurst } from '@tickwire/phy';
import type { EchoTask } from '../test/echo-worker.ts';
import { testEal, whyNoDpdk } from '../test/environment.ts';
import { createMemPool, createRingPair, DpdkDevice, type MemPool } from './index.ts';

const ECHO_WORKER = new URL('../test/echo-worker.ts', import.meta.url);
/** Frames per thread: many times the pool, so that every frame is reused by both threads. */
const FRAMES = 20_000;
const LENGTH = 64;
/** Frames on their way at most: fewer than the pool and the ring hold. */
const WINDOW = 256;

/** Sends numbered frames through `device` and counts those that come back right and in order. */
async function converse(device: DpdkDevice, pool: MemPool): Promise<number> {
  const { arena } = pool;
  const rx = new RxBurst();
  const tx = new TxBurst();
  let sent = 0;
  let back = 0;
  for (let round = 0; back < FRAMES && round < 1_000_000; round += 1) {
    if (sent < FRAMES && sent - back < WINDOW) {
      const frame = arena.alloc();
      const at = arena.dataAt[frame]!;
      arena.view.setUint32(at + 20, sent);
      arena.view.setUint32(at + 60, ~sent >>> 0);
      tx.frame[0] = frame;
      tx.at[0] = at;
      tx.length[0] = LENGTH;
      sent += device.transmit(tx, 1, 0);
    }
    const count = device.receive(rx, 32, 0);
    for (let i = 0; i < count; i += 1) {
      const number = arena.view.getUint32(rx.at[i]! + 20);
      if (number !== back || arena.view.getUint32(rx.at[i]! + 60) !== ~back >>> 0) return back;
      back += 1;
      arena.free(rx.frame[i]!);
    }
    if (count === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return back;
}

describe.skipIf(whyNoDpdk() !== undefined)('a Worker', () => {
  test('allocates, sends and receives on its own queue of a shared port and pool', async () => {
    const pool = createMemPool(testEal(), { frames: 4095 });
    const [near, far] = createRingPair(pool, { queues: 2 });
    const worker = new Worker(ECHO_WORKER);
    try {
      const answer = new Promise<number>((resolve, reject) => {
        worker.onmessage = (event: MessageEvent<number>) => resolve(event.data);
        worker.onerror = (event) => reject(new Error(event.message));
      });
      const task: EchoTask = {
        pool: pool.share(),
        device: far.share(),
        queue: 1,
        frames: FRAMES,
      };
      worker.postMessage(task);
      using ours = DpdkDevice.attach(near.share(), pool, 1);
      expect(await converse(ours, pool)).toBe(FRAMES);
      expect(await answer).toBe(FRAMES);
    } finally {
      worker.terminate();
    }
    near.close();
    far.close();
    // Every frame is back, whichever thread took it and whichever gave it back.
    expect(pool.inUse).toBe(0);
    pool.close();
  });
});
