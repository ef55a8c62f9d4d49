/**
 * Child of the no-garbage test. Argument: `ring`, or `control`, which makes one object per batch.
 */

import { RingBuffer } from '../src/index.ts';

const BATCH = 32;
const isControl = process.argv[2] === 'control';
const kept: { round: number; sum: number }[] = [{ round: 0, sum: 0 }];

function run(ring: RingBuffer, rounds: number): void {
  using producer = ring.producer();
  using reader = ring.consumer('reader');
  for (let round = 0; round < rounds; round++) {
    const at = producer.tryClaim(BATCH);
    for (let i = 0; i < BATCH; i++) ring.view.setInt32(ring.slotAt(at + i), i, true);
    producer.publish(BATCH);
    const ready = reader.wait(64, 0);
    let sum = 0;
    for (let i = 0; i < ready; i++) {
      sum += ring.view.getInt32(ring.slotAt(reader.next + i), true);
    }
    if (sum !== 496) throw new Error('A message was lost');
    reader.release(ready);
    if (isControl) kept[0] = { round, sum };
  }
}

const ring = RingBuffer.create({
  name: 'garbage',
  slots: 64,
  slotBytes: 64,
  consumers: [{ name: 'reader', after: [] }],
  // Counts leave the range of int32 on the way: were they boxed, it would show.
  initialSequence: 2 ** 31 - 5_000_000,
});
run(ring, 50_000);
Bun.gc(true);
console.error('steady');
run(ring, 500_000);
console.error('done');
