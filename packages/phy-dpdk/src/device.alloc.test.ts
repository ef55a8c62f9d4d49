import { heapStats } from 'bun:jsc';
import { describe, expect, test } from 'bun:test';
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
  test('alloc, transmit, receive and free leave no garbage in 1.6 million frames', () => {
    using pool = createMemPool(testEal(), { frames: 2047 });
    const [a, b] = createRingPair(pool);
    const tx = new TxBurst();
    const rx = new RxBurst();
    run(a, b, pool, tx, rx, 20_000);
    Bun.gc(true);
    const before = heapStats().heapSize;
    run(a, b, pool, tx, rx, 50_000);
    // Without a collection in between: whatever was made would still be counted. 50,000 bursts with
    // one number of 16 bytes each would be 800 kB.
    expect(heapStats().heapSize - before).toBeLessThan(200_000);
    a.close();
    b.close();
  });
});
