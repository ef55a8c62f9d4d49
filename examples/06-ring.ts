/**
 * A disruptor: one producer, a journal and a book side by side, a publisher behind both.
 */

import { RingBuffer } from '@tickwire/ring';

const ring = RingBuffer.create({
  name: 'orders',
  slots: 8,
  slotBytes: 64,
  consumers: [
    { name: 'journal', after: [] },
    { name: 'book', after: [] },
    { name: 'publisher', after: ['journal', 'book'] },
  ],
});
const producer = ring.producer();
const stages = ['journal', 'book', 'publisher'].map((name) => ring.consumer(name));

for (let order = 1; order <= 3; order += 1) {
  const at = producer.tryClaim(1);
  if (at < 0) throw new Error('the ring is full');
  ring.view.setInt32(ring.slotAt(at), order * 100, true);
  producer.publish(1);
}
for (const stage of stages) {
  const ready = stage.poll(8);
  const orders: number[] = [];
  for (let i = 0; i < ready; i += 1) {
    orders.push(ring.view.getInt32(ring.slotAt(stage.next + i), true));
  }
  stage.release(ready);
  console.log(`${stage.name.padEnd(9)} saw ${orders.join(', ')}`);
}
