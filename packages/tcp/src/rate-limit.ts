// @hot
/**
 * A limit per second whose exact size nobody outside can know.
 *
 * A fixed global limit is a side channel: an attacker who sees it exhausted learns that a guessed
 * connection exists (CVE-2016-5696). As in Linux, each second gets a fresh quota between one half
 * and three halves of the limit.
 *
 * @module
 */

import type { Prng } from '@tickwire/base';

const SECOND_NS = 1_000_000_000;

/** Allows about `perSecond` events per second. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #random: Prng;
  #untilNs = -1;
  #left = 0;

  constructor(perSecond: number, random: Prng) {
    this.#perSecond = perSecond;
    this.#random = random;
  }

  /** Whether one more may happen now; counts it. */
  take(nowNs: number): boolean {
    if (nowNs >= this.#untilNs) {
      this.#untilNs = nowNs + SECOND_NS;
      const half = this.#perSecond / 2;
      this.#left = Math.ceil(half + this.#random.nextFloat() * this.#perSecond);
    }
    if (this.#left <= 0) return false;
    this.#left -= 1;
    return true;
  }
}
