/**
 * Rings between two Workers: messages per second one way, and round trips one at a time.
 *
 * ```text
 * bun run bench ring
 * ```
 *
 * The file is its own Worker. With `spin` both threads need a core each; on a shared machine the
 * upper percentiles are those of its neighbours.
 *
 * @module
 */

import { isMainThread } from 'node:worker_threads';
import {
  type Consumer,
  RingBuffer,
  type RingDescriptor,
  type Sequencer,
  type WaitStrategyName,
} from '../../packages/ring/src/index.ts';
import { type BenchCase, type Benchmark, caseOf } from '../contract.ts';

/** How much is sent. */
interface Amount {
  readonly messages: number;
  readonly roundTrips: number;
  readonly warmUp: number;
}

const FULL: Amount = { messages: 20_000_000, roundTrips: 200_000, warmUp: 20_000 };
const TINY: Amount = { messages: 3200, roundTrips: 100, warmUp: 10 };
const BATCH = 32;
const SLOTS = 4096;
const SLOT_BYTES = 64;

interface Task {
  readonly there: RingDescriptor;
  readonly back: RingDescriptor;
}

/** Sends one message and returns when it is published; the ring has room. */
function send(ring: RingBuffer, producer: Sequencer, value: number): void {
  const at = producer.claim(1, Number.POSITIVE_INFINITY);
  ring.view.setFloat64(ring.slotAt(at), value, true);
  producer.publish(1);
}

/** The other thread: sums what it gets in bulk, and answers every message that asks for it. */
function echo(task: Task): void {
  const there = RingBuffer.attach(task.there);
  const back = RingBuffer.attach(task.back);
  using consumer = there.consumer('echo');
  using producer = back.producer();
  for (;;) {
    const ready = consumer.wait(BATCH * 8, Number.POSITIVE_INFINITY);
    if (ready < 0) break;
    let answer = 0;
    for (let i = 0; i < ready; i++) {
      const value = there.view.getFloat64(there.slotAt(consumer.next + i), true);
      if (value > answer) answer = value;
    }
    consumer.release(ready);
    if (answer > 0) send(back, producer, answer);
  }
  producer.finish();
}

/** Waits for one answer and releases it. */
function receive(ring: RingBuffer, consumer: Consumer): number {
  consumer.wait(1, Number.POSITIVE_INFINITY);
  const value = ring.view.getFloat64(ring.slotAt(consumer.next), true);
  consumer.release(1);
  return value;
}

async function measure(wait: WaitStrategyName, amount: Amount): Promise<BenchCase> {
  const { messages, roundTrips, warmUp } = amount;
  const shape = { slots: SLOTS, slotBytes: SLOT_BYTES, wait };
  const consumers = [{ name: 'echo', after: [] }];
  const there = RingBuffer.create({ ...shape, name: 'there', consumers });
  const back = RingBuffer.create({ ...shape, name: 'back', consumers });
  const worker = new Worker(new URL(import.meta.url).href);
  await new Promise((resolve) => {
    worker.onmessage = resolve;
  });
  const task: Task = { there: there.descriptor, back: back.descriptor };
  worker.postMessage(task);
  const producer = there.producer();
  const consumer = back.consumer('echo');
  const samples = new Float64Array(roundTrips);
  for (let i = -warmUp; i < roundTrips; i++) {
    const startNs = Bun.nanoseconds();
    send(there, producer, 1);
    receive(back, consumer);
    if (i >= 0) samples[i] = Bun.nanoseconds() - startNs;
  }

  // One way: only the very last message asks for an answer.
  const startNs = Bun.nanoseconds();
  for (let left = messages; left > 0; left -= BATCH) {
    const at = producer.claim(BATCH, Number.POSITIVE_INFINITY);
    for (let i = 0; i < BATCH; i++) there.view.setFloat64(there.slotAt(at + i), 0, true);
    producer.publish(BATCH);
  }
  send(there, producer, 2);
  while (receive(back, consumer) !== 2);
  const perSecond = (messages * 1e9) / (Bun.nanoseconds() - startNs);
  producer.finish();
  worker.terminate();
  const remark = `rate one way, batches of ${BATCH}, slots of ${SLOT_BYTES} bytes`;
  return caseOf(`round trip, ${wait}`, samples, { perSecond, rateOf: 'messages', remark });
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'ring',
  description: 'Rings between two threads: round trips one at a time, and messages one way',
  async run({ tiny }) {
    const cases: BenchCase[] = [];
    for (const wait of ['spin', 'yield', 'block'] as const) {
      cases.push(await measure(wait, tiny ? TINY : FULL));
    }
    return { cases };
  },
};

if (!isMainThread) {
  const scope = globalThis as unknown as Worker;
  scope.onmessage = (event: MessageEvent): void => echo(event.data as Task);
  scope.postMessage('ready');
}
