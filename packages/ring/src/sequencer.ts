// @hot
/**
 * Handing out slots to the one producer of a ring.
 *
 * @module
 */

import { assert, Status } from '@tickwire/base';
import { freeSlots, wrapPoint } from './arithmetic.ts';
import type { SequenceBarrier } from './barrier.ts';
import { STATE_FINISHED, STATE_OPEN, STATE_WORD } from './layout.ts';
import type { Sequence } from './sequence.ts';

/**
 * Claims slots and publishes them, once per batch. Single producer: `RingBuffer.producer()` gives
 * the role to one thread.
 *
 * The gate (the slowest of the last consumers) is cached: shared memory is read only when the
 * cached value would not allow the claim, about once per lap of the ring.
 *
 * When the ring is full {@link tryClaim} says `Status.Again` at once and {@link claim} after its
 * timeout; nothing is ever overwritten or dropped. What to do then (wait, reject the client) is the
 * caller's decision.
 *
 * @example
 * ```ts
 * const at = producer.tryClaim(2);
 * if (at < 0) return at; // Status.Again: the ring is full
 * ring.view.setInt32(ring.slotAt(at), 1, true);
 * ring.view.setInt32(ring.slotAt(at + 1), 2, true);
 * producer.publish(2);
 * ```
 */
export class Sequencer {
  /** The producer's own count. */
  readonly cursor: Sequence;
  /** Stands on the last consumers; `gate.slowest.name` tells who held up a claim. */
  readonly gate: SequenceBarrier;
  readonly #words: Int32Array;
  readonly #slots: number;
  #claimed: number;

  constructor(cursor: Sequence, gate: SequenceBarrier, slots: number, words: Int32Array) {
    this.cursor = cursor;
    this.gate = gate;
    this.#slots = slots;
    this.#words = words;
    this.#claimed = cursor.count;
  }

  /** Sequence that the next claim returns. */
  get next(): number {
    return this.#claimed;
  }

  /** Slots claimed and not yet published. */
  get pending(): number {
    return this.#claimed - this.cursor.count;
  }

  /** Slots that could be claimed now. Reads the gate. */
  remaining(): number {
    return freeSlots(this.#claimed, this.gate.available(), this.#slots);
  }

  /**
   * Claims `n` slots if they are free.
   *
   * @returns the sequence of the first; `Status.Again` when the ring is full, `Status.TooLong` when
   * it has fewer than `n` slots in all, `Status.BadState` when it is finished or halted.
   */
  tryClaim(n: number): number {
    return this.claim(n, 0);
  }

  /**
   * As {@link tryClaim}, but waits up to `timeoutNs` by the ring's strategy; Infinity waits until
   * the ring is halted.
   */
  claim(n: number, timeoutNs: number): number {
    assert(n > 0, 'A claim is for at least one slot');
    if (n > this.#slots) return Status.TooLong;
    if (!this.gate.open) return Status.BadState;
    const needed = wrapPoint(this.#claimed, n, this.#slots);
    if (needed > this.gate.cached) {
      const released = this.gate.waitFor(needed, timeoutNs);
      if (released < needed) return released;
    }
    const first = this.#claimed;
    this.#claimed = first + n;
    return first;
  }

  /**
   * Publishes the first `count` of the claimed slots; the rest go back. One atomic store and one
   * load, however many.
   */
  publish(count: number): void {
    assert(count >= 0 && count <= this.pending, 'Only claimed slots can be published');
    const published = this.cursor.count + count;
    this.#claimed = published;
    if (count > 0) this.cursor.store(published);
  }

  /**
   * Ends the stream: later claims say `Status.BadState`, and every consumer gets the same once it
   * has released all that was published, however far the stages before it lag.
   */
  finish(): void {
    this.#claimed = this.cursor.count;
    Atomics.compareExchange(this.#words, STATE_WORD, STATE_OPEN, STATE_FINISHED);
    this.cursor.wake();
  }

  /** Gives the role up. Claimed and unpublished slots go back. */
  [Symbol.dispose](): void {
    this.#claimed = this.cursor.count;
    this.cursor.disown();
  }
}
