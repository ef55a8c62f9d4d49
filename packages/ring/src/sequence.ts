// @hot
/**
 * A count that one thread advances and others read.
 *
 * @module
 */

import { assert } from '@tickwire/base';
import { COUNT_MAX, distance, fromEpoch, toCursor, toEpoch } from './arithmetic.ts';
import { CURSOR_WORD, EPOCH_WORD, OWNER_WORD, WAITERS_WORD } from './layout.ts';

/**
 * One side's view of a shared count. Every thread makes its own instance over the same memory; each
 * keeps the 53-bit count privately and adds the distance that the 32-bit cursor moved since it last
 * looked, which costs no BigInt and no lock.
 *
 * Memory order: all accesses are `Atomics`, hence sequentially consistent. {@link store} is a
 * release: whoever sees the new count by {@link load} sees every plain write that preceded it.
 *
 * A reader in the dependency graph can never fall 2^31 behind, because the ring is far smaller. One
 * outside the graph (a monitor) calls {@link resync}, which is right however long it slept.
 */
export class Sequence {
  /** Who advances this count, for diagnosis. */
  readonly name: string;
  readonly #words: Int32Array;
  readonly #cursorAt: number;
  readonly #epochAt: number;
  readonly #waitersAt: number;
  readonly #ownerAt: number;
  #count: number;
  #cursor: number;
  #epoch: number;

  /** A view of the stride that starts at word `at` of `words`. */
  constructor(name: string, words: Int32Array, at: number) {
    this.name = name;
    this.#words = words;
    this.#cursorAt = at + CURSOR_WORD;
    this.#epochAt = at + EPOCH_WORD;
    this.#waitersAt = at + WAITERS_WORD;
    this.#ownerAt = at + OWNER_WORD;
    this.#count = 0;
    this.#cursor = 0;
    this.#epoch = 0;
    this.resync();
  }

  /** The count as last seen by this side. Touches no shared memory. */
  get count(): number {
    return this.#count;
  }

  /** The count now. */
  load(): number {
    const cursor = Atomics.load(this.#words, this.#cursorAt);
    this.#count += distance(this.#cursor, cursor);
    this.#cursor = cursor;
    return this.#count;
  }

  /**
   * The count now, rebuilt from cursor and epoch; for a side that may have slept for more than 2^31
   * messages.
   */
  resync(): number {
    const epoch = Atomics.load(this.#words, this.#epochAt);
    const cursor = Atomics.load(this.#words, this.#cursorAt);
    this.#epoch = epoch;
    this.#cursor = cursor;
    this.#count = fromEpoch(epoch, cursor);
    return this.#count;
  }

  /**
   * Publishes `count` and wakes whoever is parked on this sequence. Only the owner may call it;
   * counts never go back.
   */
  store(count: number): void {
    assert(count >= this.#count && count <= COUNT_MAX, 'A sequence only moves forward');
    const cursor = toCursor(count);
    this.#count = count;
    this.#cursor = cursor;
    Atomics.store(this.#words, this.#cursorAt, cursor);
    const epoch = toEpoch(count);
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      Atomics.store(this.#words, this.#epochAt, epoch);
    }
    if (Atomics.load(this.#words, this.#waitersAt) !== 0) this.wake();
  }

  /**
   * Sleeps until the cursor differs from what this side last saw, or `timeoutMs` passes. No wake-up
   * is lost: the waiter announces itself before `Atomics.wait` compares the cursor, the owner
   * stores the cursor before it looks for waiters, and both are in one total order. The exhaustive
   * test proves it, and that the other order would sleep for ever.
   */
  park(timeoutMs: number): void {
    Atomics.add(this.#words, this.#waitersAt, 1);
    Atomics.wait(this.#words, this.#cursorAt, this.#cursor, timeoutMs);
    Atomics.sub(this.#words, this.#waitersAt, 1);
  }

  /** Wakes every thread parked here, without moving the count. */
  wake(): void {
    Atomics.notify(this.#words, this.#cursorAt);
  }

  /** Sets the count from scratch, before any other thread knows the memory. */
  reset(count: number): void {
    this.#count = count;
    this.#cursor = toCursor(count);
    this.#epoch = toEpoch(count);
    Atomics.store(this.#words, this.#cursorAt, this.#cursor);
    Atomics.store(this.#words, this.#epochAt, this.#epoch);
  }

  /** Takes the role of the one who advances this count; false when somebody has it. */
  tryOwn(): boolean {
    return Atomics.compareExchange(this.#words, this.#ownerAt, 0, 1) === 0;
  }

  /** Gives the role up. */
  disown(): void {
    Atomics.store(this.#words, this.#ownerAt, 0);
  }

  /** True while somebody holds the role. */
  get owned(): boolean {
    return Atomics.load(this.#words, this.#ownerAt) !== 0;
  }
}
