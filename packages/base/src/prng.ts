// @hot
/**
 * Seeded random numbers. xoshiro128** 1.1 (Blackman and Vigna, 2018) on four int32 words: 32-bit
 * arithmetic needs no BigInt, the period is 2^128 - 1, and the same seed gives the same stream on
 * every machine. Not for secrets: those come from `crypto.getRandomValues`.
 *
 * @module
 */

/** A deterministic generator. */
export class Prng {
  #s0: number;
  #s1: number;
  #s2: number;
  #s3: number;

  /**
   * Seeds the state with splitmix32, as its authors recommend, so that close seeds give unrelated
   * streams; or takes all 128 bits of it from four words (`crypto.getRandomValues`), for streams
   * that nobody shall guess by trying 2^32 seeds.
   */
  constructor(seed: number | ArrayLike<number>) {
    if (typeof seed !== 'number') {
      // The all-zero state is the one that stays as it is.
      this.#s0 = seed[0]! | 1;
      this.#s1 = seed[1]! | 0;
      this.#s2 = seed[2]! | 0;
      this.#s3 = seed[3]! | 0;
      return;
    }
    let x = seed | 0;
    const next = (): number => {
      x = (x + 0x9e3779b9) | 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return z ^ (z >>> 16);
    };
    this.#s0 = next();
    this.#s1 = next();
    this.#s2 = next();
    this.#s3 = next();
  }

  /** A uniform integer in [0, 2^32). */
  nextUint32(): number {
    const m = Math.imul(this.#s1, 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9);
    const t = this.#s1 << 9;
    this.#s2 ^= this.#s0;
    this.#s3 ^= this.#s1;
    this.#s1 ^= this.#s2;
    this.#s0 ^= this.#s3;
    this.#s2 ^= t;
    this.#s3 = (this.#s3 << 11) | (this.#s3 >>> 21);
    return result >>> 0;
  }

  /** A uniform number in [0, 1) with 32 bits of resolution. */
  nextFloat(): number {
    return this.nextUint32() * 2.3283064365386963e-10;
  }

  /** A uniform integer in [0, bound), 1 <= bound <= 2^32. The bias is below bound / 2^32. */
  nextBelow(bound: number): number {
    return Math.floor(this.nextFloat() * bound);
  }

  /**
   * A sample of the exponential distribution with the given mean; the gap between arrivals of a
   * Poisson process.
   */
  nextExponential(mean: number): number {
    return -Math.log(1 - this.nextFloat()) * mean;
  }
}
