/**
 * One consumer of the stress test in a Worker of its own: checks every word of every message.
 */

import { Prng } from '@tickwire/base';
import { RingBuffer, type RingDescriptor } from '../src/index.ts';
import { checkMessage } from './stress-message.ts';

declare const self: Worker;

/** What the test asks of a worker. */
export interface StressTask {
  readonly descriptor: RingDescriptor;
  readonly name: string;
  readonly batch: number;
  /** One batch in this many is followed by a stall. */
  readonly stallOneIn: number;
}

/** What the worker found. */
export interface StressResult {
  readonly name: string;
  readonly messages: number;
  readonly bad: number;
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));

self.onmessage = (event: MessageEvent): void => {
  const task = event.data as StressTask;
  const ring = RingBuffer.attach(task.descriptor);
  using consumer = ring.consumer(task.name);
  const prng = new Prng(task.name.length);
  let messages = 0;
  let bad = 0;
  for (;;) {
    const ready = consumer.wait(task.batch, Number.POSITIVE_INFINITY);
    if (ready < 0) break;
    for (let i = 0; i < ready; i++) {
      const sequence = consumer.next + i;
      if (!checkMessage(ring.view, ring.slotAt(sequence), sequence)) bad++;
    }
    messages += ready;
    if (prng.nextBelow(task.stallOneIn) === 0) Atomics.wait(NEVER, 0, 0, 0.2);
    consumer.release(ready);
  }
  const result: StressResult = { name: task.name, messages, bad };
  self.postMessage(result);
};
self.postMessage('ready');
