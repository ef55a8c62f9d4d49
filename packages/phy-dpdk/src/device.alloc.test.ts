import { describe, expect, test } from 'bun:test';
import { collectsDuring } from '@tickwire/base/testing';
import { RxBurst, TxBurst } from '@tickwire/phy';
import { testEal, whyNoDpdk } from '../test/environment.ts';
import { createMemPool, createRingPair, type DpdkDevice, type MemPool } from './index.ts';

const BURST = 32;

function run(
  a: DpdkDevice,
  b: DpdkDevice,
  { arena }: MemPool,
  tx: TxBurst,
  rx: RxBurst,
  rounds: number,
): void {
  for (let round = 0; round < rounds; round += 1) {
    for (let i = 0; i < BURST; i += 1) {
      const frame = arena.alloc();
      tx.frame[i] = frame;
      tx.at[i] = arena.dataAt[frame]!;
      tx.length[i] = 64;
    }
    if (a.transmit(tx, BURST, 0) !== BURST) throw new Error('the ring is full');
    const count = b.receive(rx, BURST, 0);
    if (count !== BURST) throw new Error('frames are missing');
    for (let i = 0; i < count; i += 1) arena.free(rx.frame[i]!);
    a.reclaim();
  }
}

describe.skipIf(whyNoDpdk() !== undefined)('DpdkDevice', () => {
  test('alloc, transmit, receive and free leave no garbage in 4.8 million frames', async () => {
    using pool = createMemPool(testEal(), { frames: 2047 });
    const [a, b] = createRingPair(pool);
    const tx = new TxBurst();
    const rx = new RxBurst();
    run(a, b, pool, tx, rx, 20_000);
    // 150,000 bursts: one object of a frame would be 77 MB, several collections.
    expect(await collectsDuring(() => run(a, b, pool, tx, rx, 150_000))).toBe(false);
    a.close();
    b.close();
  });
});
