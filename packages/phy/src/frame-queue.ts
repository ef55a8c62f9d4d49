// @hot
/**
 * A bounded queue of frames in columns: the wire of the loopback device.
 *
 * @module
 */

import { assert } from '@tickwire/base';

/** Largest capacity: the indices and the mask stay far inside int32. */
export const QUEUE_FRAMES_MAX = 65_536;

/** First in, first out; positions only grow and are masked on access. */
export class FrameQueue {
  /** Frame number. */
  readonly frame: Uint32Array;
  /** Offset of the link header in the arena. */
  readonly at: Uint32Array;
  /** Bytes of the frame. */
  readonly length: Uint32Array;
  /** Frames that fit. */
  readonly capacity: number;
  readonly #mask: number;
  #head = 0;
  #tail = 0;

  /** `capacity` is a power of two, at most {@link QUEUE_FRAMES_MAX}. */
  constructor(capacity: number) {
    assert(
      capacity >= 1 && capacity <= QUEUE_FRAMES_MAX && (capacity & (capacity - 1)) === 0,
      'capacity of a frame queue is not a power of two in range',
    );
    this.capacity = capacity;
    this.#mask = capacity - 1;
    this.frame = new Uint32Array(capacity);
    this.at = new Uint32Array(capacity);
    this.length = new Uint32Array(capacity);
  }

  /** Frames in the queue. */
  get size(): number {
    return this.#tail - this.#head;
  }

  /** Frames that can be pushed now. */
  get room(): number {
    return this.capacity - (this.#tail - this.#head);
  }

  /** Adds a frame; there must be room. */
  push(frame: number, at: number, length: number): void {
    const slot = this.#tail & this.#mask;
    this.frame[slot] = frame;
    this.at[slot] = at;
    this.length[slot] = length;
    this.#tail += 1;
  }

  /** Removes the oldest frame; its columns stay in the returned slot until the next push. */
  shift(): number {
    const slot = this.#head & this.#mask;
    this.#head += 1;
    return slot;
  }
}
