// @hot
/**
 * Reading a ring at one's own pace.
 *
 * @module
 */

import { assert } from '@tickwire/base';
import type { SequenceBarrier } from './barrier.ts';
import type { Sequence } from './sequence.ts';

/**
 * One stage of the dependency graph: sees a message when every stage before it has released it, and
 * releases it when it is done, so that the stages after it may see it, and the producer may use the
 * slot again after the last ones.
 *
 * @example
 * ```ts
 * const ready = consumer.poll(32);
 * for (let i = 0; i < ready; i++) handle(ring.view, ring.slotAt(consumer.next + i));
 * consumer.release(ready);
 * ```
 */
export class Consumer {
  /** This consumer's own count. */
  readonly sequence: Sequence;
  /** What it depends on. */
  readonly barrier: SequenceBarrier;

  constructor(sequence: Sequence, barrier: SequenceBarrier) {
    this.sequence = sequence;
    this.barrier = barrier;
  }

  /** The name under which the ring was made with it. */
  get name(): string {
    return this.sequence.name;
  }

  /** Sequence of the first message not yet released. */
  get next(): number {
    return this.sequence.count;
  }

  /**
   * How many messages may be read from {@link next} on, at most `limit`; 0 when there is none. Does
   * not wait.
   */
  poll(limit: number): number {
    let ready = this.barrier.cached - this.sequence.count;
    if (ready < limit) ready = this.barrier.available() - this.sequence.count;
    return ready < limit ? ready : limit;
  }

  /**
   * As {@link poll}, but waits up to `timeoutNs` for the first message.
   *
   * @returns at least 1; or `Status.Again` when time is up, or `Status.BadState` when the ring is
   * halted, or finished and drained.
   */
  wait(limit: number, timeoutNs: number): number {
    assert(limit > 0, 'A wait is for at least one message');
    const available = this.barrier.waitFor(this.sequence.count + 1, timeoutNs);
    if (available < 0) return available;
    const ready = available - this.sequence.count;
    return ready < limit ? ready : limit;
  }

  /** Releases the next `count` messages. Their slots must not be touched afterwards. */
  release(count: number): void {
    const released = this.sequence.count + count;
    assert(count >= 0 && released <= this.barrier.cached, 'Only messages that were ready');
    if (count > 0) this.sequence.store(released);
  }

  /** Gives the role up; the next holder goes on where this one stopped. */
  [Symbol.dispose](): void {
    this.sequence.disown();
  }
}
