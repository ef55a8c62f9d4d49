// @hot
/**
 * Own multicasts on their way to local members: a ring of retained frames (IP_MULTICAST_LOOP).
 *
 * @module
 */

import { assert } from '@tickwire/base';
import type { IpFlow, IpMeta } from '@tickwire/wire';

/** A bounded first-in first-out queue of datagrams. */
export class LoopedDatagrams {
  readonly #mask: number;
  readonly #frame: Int32Array;
  readonly #at: Uint32Array;
  readonly #length: Uint32Array;
  /** Source and destination, eight words each row. */
  readonly #words: Int32Array;
  readonly #trafficClass: Uint8Array;
  readonly #hopLimit: Uint8Array;
  #head = 0;
  #tail = 0;

  /** `capacity` is a power of two. */
  constructor(capacity: number) {
    assert((capacity & (capacity - 1)) === 0, 'loopedFrames is not a power of two');
    this.#mask = capacity - 1;
    this.#frame = new Int32Array(capacity);
    this.#at = new Uint32Array(capacity);
    this.#length = new Uint32Array(capacity);
    this.#words = new Int32Array(capacity * 8);
    this.#trafficClass = new Uint8Array(capacity);
    this.#hopLimit = new Uint8Array(capacity);
  }

  /** Datagrams waiting. */
  get size(): number {
    return (this.#tail - this.#head) | 0;
  }

  /** Whether there is no room. */
  get isFull(): boolean {
    return this.size > this.#mask;
  }

  /** Appends a datagram whose UDP header lies at `at`; there must be room. */
  push(flow: IpFlow, frame: number, at: number, length: number): void {
    const slot = this.#tail & this.#mask;
    const words = slot * 8;
    this.#frame[slot] = frame;
    this.#at[slot] = at;
    this.#length[slot] = length;
    this.#words[words] = flow.local0;
    this.#words[words + 1] = flow.local1;
    this.#words[words + 2] = flow.local2;
    this.#words[words + 3] = flow.local3;
    this.#words[words + 4] = flow.remote0;
    this.#words[words + 5] = flow.remote1;
    this.#words[words + 6] = flow.remote2;
    this.#words[words + 7] = flow.remote3;
    this.#trafficClass[slot] = flow.trafficClass;
    this.#hopLimit[slot] = flow.hopLimit;
    this.#tail = (this.#tail + 1) | 0;
  }

  /** Takes the oldest datagram into `meta`; false when there is none. */
  shift(meta: IpMeta): boolean {
    if (this.#head === this.#tail) return false;
    const slot = this.#head & this.#mask;
    const words = slot * 8;
    meta.src0 = this.#words[words]!;
    meta.src1 = this.#words[words + 1]!;
    meta.src2 = this.#words[words + 2]!;
    meta.src3 = this.#words[words + 3]!;
    meta.dst0 = this.#words[words + 4]!;
    meta.dst1 = this.#words[words + 5]!;
    meta.dst2 = this.#words[words + 6]!;
    meta.dst3 = this.#words[words + 7]!;
    meta.trafficClass = this.#trafficClass[slot]!;
    meta.hopLimit = this.#hopLimit[slot]!;
    meta.frame = this.#frame[slot]!;
    meta.at = this.#at[slot]!;
    meta.headerAt = meta.at;
    meta.length = this.#length[slot]!;
    this.#head = (this.#head + 1) | 0;
    return true;
  }
}
