// @hot
/**
 * Packets to our own addresses: a ring of frames that never touches the device.
 *
 * @module
 */

import { assert } from '@tickwire/base';

/** A bounded first-in first-out queue of packets. */
export class LoopedFrames {
  /** The packet that {@link LoopedFrames.shift} took: frame, offset of the IP header, bytes. */
  frame = -1;
  at = 0;
  length = 0;

  readonly #mask: number;
  readonly #frame: Int32Array;
  readonly #at: Uint32Array;
  readonly #length: Uint32Array;
  #head = 0;
  #tail = 0;

  /** `capacity` is a power of two. */
  constructor(capacity: number) {
    assert((capacity & (capacity - 1)) === 0, 'loopedFrames is not a power of two');
    this.#mask = capacity - 1;
    this.#frame = new Int32Array(capacity);
    this.#at = new Uint32Array(capacity);
    this.#length = new Uint32Array(capacity);
  }

  /** Packets waiting. */
  get size(): number {
    return (this.#tail - this.#head) | 0;
  }

  /** Appends a packet; false when the ring is full. */
  push(frame: number, at: number, length: number): boolean {
    if (this.size > this.#mask) return false;
    const slot = this.#tail & this.#mask;
    this.#frame[slot] = frame;
    this.#at[slot] = at;
    this.#length[slot] = length;
    this.#tail = (this.#tail + 1) | 0;
    return true;
  }

  /** Takes the oldest packet into the fields; false when there is none. */
  shift(): boolean {
    if (this.#head === this.#tail) return false;
    const slot = this.#head & this.#mask;
    this.frame = this.#frame[slot]!;
    this.at = this.#at[slot]!;
    this.length = this.#length[slot]!;
    this.#head = (this.#head + 1) | 0;
    return true;
  }
}
