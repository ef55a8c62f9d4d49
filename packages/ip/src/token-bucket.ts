// @hot
/**
 * A token bucket: `perSecond` on average, `burst` at once.
 *
 * @module
 */

/** Limits how often something is done. */
export class TokenBucket {
  readonly #intervalNs: number;
  readonly #burst: number;
  #tokens: number;
  #filledNs: number;

  constructor(perSecond: number, burst: number, nowNs: number) {
    this.#intervalNs = 1e9 / perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledNs = nowNs;
  }

  /** Takes a token if there is one. */
  take(nowNs: number): boolean {
    const due = Math.floor((nowNs - this.#filledNs) / this.#intervalNs);
    if (due > 0) {
      this.#filledNs += due * this.#intervalNs;
      this.#tokens += due;
      if (this.#tokens > this.#burst) {
        this.#tokens = this.#burst;
        this.#filledNs = nowNs;
      }
    }
    if (this.#tokens === 0) return false;
    this.#tokens -= 1;
    return true;
  }
}
