import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { fillMessage } from '../test/stress-message.ts';
import type { StressResult, StressTask } from '../test/stress-worker.ts';
import { type ConsumerSpec, RingBuffer } from './ring-buffer.ts';
import type { WaitStrategyName } from './wait-strategy.ts';

interface Case {
  readonly slots: number;
  readonly messages: number;
  readonly wait: WaitStrategyName;
  readonly consumers: readonly ConsumerSpec[];
  readonly stallOneIn: number;
}

const PAIR: ConsumerSpec[] = [
  { name: 'journal', after: [] },
  { name: 'book', after: ['journal'] },
];
const FORK: ConsumerSpec[] = [
  { name: 'journal', after: [] },
  { name: 'replication', after: [] },
];
const CASES: Case[] = [
  { slots: 2, messages: 50_000, wait: 'block', consumers: PAIR, stallOneIn: 2_000 },
  { slots: 4, messages: 50_000, wait: 'yield', consumers: FORK, stallOneIn: 2_000 },
  { slots: 64, messages: 1_000_000, wait: 'block', consumers: PAIR, stallOneIn: 1_000 },
  { slots: 1024, messages: 3_000_000, wait: 'block', consumers: FORK, stallOneIn: 500 },
];

/** Resolves with the next message of a worker. */
function nextMessage(worker: Worker): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  worker.onmessage = (event: MessageEvent): void => resolve(event.data);
  worker.onerror = (event: ErrorEvent): void => reject(new Error(event.message));
  return promise;
}

/** Publishes everything from this thread, in batches of random size, and finishes the ring. */
function produce(ring: RingBuffer, total: number): void {
  using producer = ring.producer();
  const prng = new Prng(7);
  for (let left = total; left > 0;) {
    const n = Math.min(left, ring.slots, 1 + prng.nextBelow(32));
    const at = producer.claim(n, 20e9);
    if (at !== START + total - left) throw new Error(`claim() returned ${at}`);
    for (let i = 0; i < n; i++) fillMessage(ring.view, ring.slotAt(at + i), at + i);
    producer.publish(n);
    left -= n;
  }
  producer.finish();
}

/** The wrap of the cursor comes after 1,000 messages. */
const START = 2 ** 31 - 1_000;

describe('RingBuffer between Workers', () => {
  test.each(CASES)(
    'delivers every message intact: $slots slots, $wait',
    async (run) => {
      const ring = RingBuffer.create({
        name: 'stress',
        slots: run.slots,
        slotBytes: 64,
        consumers: run.consumers,
        wait: run.wait,
        initialSequence: START,
      });
      const workers: Worker[] = [];
      for (let i = 0; i < run.consumers.length; i++) {
        workers.push(new Worker(new URL('../test/stress-worker.ts', import.meta.url).href));
      }
      try {
        await Promise.all(workers.map(nextMessage));
        const results = workers.map(nextMessage);
        workers.forEach((worker, i) => {
          const name = run.consumers[i]!.name;
          const { descriptor } = ring;
          const task: StressTask = { descriptor, name, batch: 64, stallOneIn: run.stallOneIn };
          worker.postMessage(task);
        });
        produce(ring, run.messages);
        for (const result of (await Promise.all(results)) as StressResult[]) {
          expect(result).toEqual({ name: result.name, messages: run.messages, bad: 0 });
        }
        expect(ring.producerSequence().count).toBe(START + run.messages);
      } finally {
        for (const worker of workers) worker.terminate();
      }
    },
    60_000,
  );
});
