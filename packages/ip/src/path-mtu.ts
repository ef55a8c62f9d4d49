// @hot
/**
 * Path MTUs below the link's (RFC 1191), bounded and aged: a lie from the network costs little and
 * is forgotten.
 *
 * @module
 */

import type { Prng, TimerWheel } from '@tickwire/base';
import { IPV4_DATAGRAM_BYTES_MIN, IPV4_MTU_MIN } from '@tickwire/wire';
import { AddressIndex, NO_INDEX } from './address-index.ts';
import type { LinkPort } from './link-port.ts';

/** An estimate is forgotten after this time, to find that the path grew (RFC 1191, 6.3). */
export const PATH_MTU_AGE_NS = 600e9;
/**
 * Estimates never fall below this: smaller packets are not worth an attack that asks for them.
 * Packets of this size or less go without DF, so that a truly smaller path fragments them.
 */
export const PATH_MTU_FLOOR: number = IPV4_DATAGRAM_BYTES_MIN;

/**
 * Sizes to try when an old router does not say its MTU: the plateaus of RFC 1191, 7.1, from below
 * the size that did not pass.
 */
function plateauBelow(size: number): number {
  if (size > 32_000) return 32_000;
  if (size > 17_914) return 17_914;
  if (size > 8166) return 8166;
  if (size > 4352) return 4352;
  if (size > 2002) return 2002;
  if (size > 1492) return 1492;
  return size > 1006 ? 1006 : PATH_MTU_FLOOR;
}

/** The cache of one link. */
export class PathMtus {
  readonly #port: LinkPort;
  readonly #wheel: TimerWheel;
  readonly #timer: number;
  readonly #index: AddressIndex;
  readonly #mtu: Uint16Array;
  readonly #expiryNs: Float64Array;

  constructor(port: LinkPort, wheel: TimerWheel, timer: number, capacity: number, random: Prng) {
    this.#port = port;
    this.#wheel = wheel;
    this.#timer = timer;
    this.#index = new AddressIndex(capacity, random);
    this.#mtu = new Uint16Array(capacity);
    this.#expiryNs = new Float64Array(capacity);
  }

  /** Destinations with an estimate. */
  get size(): number {
    return this.#index.size;
  }

  /** Largest packet that is known to reach the destination. */
  lookup(word0: number, word1: number, word2: number, word3: number): number {
    if (this.#index.size === 0) return this.#port.mtu;
    const entry = this.#index.find(word0, word1, word2, word3);
    return entry === NO_INDEX ? this.#port.mtu : this.#mtu[entry]!;
  }

  /**
   * A router says that a packet of `size` bytes did not fit into `mtu` (0: it did not say). Returns
   * the estimate that this makes, or 0 when the claim makes no sense. Stores nothing: see
   * {@link PathMtus.lower}.
   */
  claim(
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    mtu: number,
    size: number,
  ): number {
    let claimed = mtu === 0 ? plateauBelow(size) : mtu;
    if (claimed < IPV4_MTU_MIN) return 0;
    if (claimed < PATH_MTU_FLOOR) claimed = PATH_MTU_FLOOR;
    const current = this.lookup(word0, word1, word2, word3);
    // Raising is only for time to do (RFC 1191, 3).
    return claimed < current ? claimed : current;
  }

  /**
   * Stores an estimate that {@link PathMtus.claim} has made. A claim about a TCP segment is stored
   * only when TCP has found its sequence number in flight: who cannot see the path must not be able
   * to shrink it (RFC 5927, 7).
   */
  lower(
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    claimed: number,
    nowNs: number,
  ): void {
    if (claimed >= this.lookup(word0, word1, word2, word3)) return;
    let entry = this.#index.find(word0, word1, word2, word3);
    if (entry === NO_INDEX) {
      if (this.#index.size === this.#index.capacity) this.#index.remove(this.#oldest());
      entry = this.#index.insert(word0, word1, word2, word3);
    }
    this.#mtu[entry] = claimed;
    this.#expiryNs[entry] = nowNs + PATH_MTU_AGE_NS;
    if (!this.#wheel.isArmed(this.#timer)) {
      this.#wheel.schedule(this.#timer, nowNs + PATH_MTU_AGE_NS);
    }
    this.#port.counters.pathMtuLowered += 1;
    this.#port.version += 1;
  }

  /** Forgets what is too old. */
  onTimer(nowNs: number): void {
    let nextNs = Number.POSITIVE_INFINITY;
    for (let entry = 0; entry < this.#index.capacity; entry += 1) {
      if (this.#index.used[entry] === 0) continue;
      const expiryNs = this.#expiryNs[entry]!;
      if (expiryNs <= nowNs) {
        this.#index.remove(entry);
        this.#port.version += 1;
      } else if (expiryNs < nextNs) nextNs = expiryNs;
    }
    if (nextNs !== Number.POSITIVE_INFINITY) this.#wheel.schedule(this.#timer, nextNs);
  }

  #oldest(): number {
    let oldest = 0;
    for (let entry = 1; entry < this.#index.capacity; entry += 1) {
      if (this.#expiryNs[entry]! < this.#expiryNs[oldest]!) oldest = entry;
    }
    return oldest;
  }
}
