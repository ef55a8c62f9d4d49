// @hot
/**
 * The producer's end of the input ring.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import type { RingBuffer, Sequencer } from '@tickwire/ring';
import type { ExchangeCounters } from './counters.ts';
import { CLAIM_WAIT_NS } from './limits.ts';
import {
  copyWords,
  INPUT_ARRIVAL_AT,
  INPUT_LENGTH_AT,
  INPUT_MESSAGE_AT,
  INPUT_RECORD_AT,
} from './slots.ts';

/** Makes room in the input ring: lets the pipeline work. False when it never will again. */
export type MakeRoom = () => boolean;

/** Copies messages from packet memory into slots: the one copy on an order's way in. */
export class Intake implements Disposable {
  readonly #ring: RingBuffer;
  readonly #producer: Sequencer;
  readonly #makeRoom: MakeRoom;
  readonly #counters: ExchangeCounters;

  constructor(ring: RingBuffer, counters: ExchangeCounters, makeRoom: MakeRoom) {
    this.#counters = counters;
    this.#ring = ring;
    this.#producer = ring.producer();
    this.#makeRoom = makeRoom;
  }

  /** Inputs taken, published or not. */
  get taken(): number {
    return this.#producer.next;
  }

  /** Slots free now. */
  get room(): number {
    return this.#producer.remaining();
  }

  /**
   * Takes one message. When the ring is full, it publishes what it has and waits for the pipeline:
   * nothing is dropped.
   *
   * @returns Ok, or BadState when the pipeline has failed.
   */
  put(trader: number, view: DataView, at: number, length: number, arrivalNs: number): number {
    let sequence = this.#producer.tryClaim(1);
    while (sequence < 0) {
      if (sequence !== Status.Again) return Status.BadState;
      this.publish();
      this.#counters.inputRingFull += 1;
      if (!this.#makeRoom()) return Status.BadState;
      sequence = this.#producer.claim(1, CLAIM_WAIT_NS);
    }
    const slot = this.#ring.slotAt(sequence);
    const to = this.#ring.view;
    to.setFloat64(slot + INPUT_ARRIVAL_AT, arrivalNs, true);
    to.setUint32(slot + INPUT_RECORD_AT, trader, true);
    to.setUint32(slot + INPUT_LENGTH_AT, length, true);
    copyWords(view, at, to, slot + INPUT_MESSAGE_AT, length >> 2);
    return Status.Ok;
  }

  /** Hands what was taken to the pipeline; once per poll round. Returns how many. */
  publish(): number {
    const count = this.#producer.pending;
    if (count > 0) this.#producer.publish(count);
    return count;
  }

  /** Nothing follows: the stages end when they have done what was published. */
  finish(): void {
    this.publish();
    this.#producer.finish();
  }

  /** Gives the role up. */
  [Symbol.dispose](): void {
    this.#producer[Symbol.dispose]();
  }
}
