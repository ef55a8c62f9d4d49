// @hot
/**
 * Keyed hashes that a peer cannot aim at.
 *
 * - {@link halfSipHash}: HalfSipHash-1-3 over int32 words, for the demultiplexing tables. It is
 *   what Linux calls `hsiphash` and uses for the same purpose: SipHash's construction on 32-bit
 *   words, which is what int32 arithmetic can do. A table only has to keep bucket collisions from
 *   being chosen by the peer; the hash value never leaves the machine.
 * - {@link SipHash}: SipHash-2-4 (Aumasson and Bernstein, 2012) with 64-bit lanes in int32 halves,
 *   for what does leave the machine: initial sequence numbers (RFC 6528), SYN cookies, ephemeral
 *   ports (RFC 6056).
 *
 * @module
 */

/**
 * HalfSipHash-1-3 of `count` words `words[from..]` under the key (k0, k1). The length in bytes
 * (`4 * count`) is mixed in as the specification asks. Returns an int32.
 */
export function halfSipHash(
  k0: number,
  k1: number,
  words: Int32Array,
  from: number,
  count: number,
): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  // The last round absorbs the length word; then three finalisation rounds with v2 marked.
  const rounds = count + 4;
  for (let round = 0; round < rounds; round += 1) {
    const word = round < count ? words[from + round]! : round === count ? count << 26 : 0;
    if (round === count + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return v1 ^ v3;
}

/**
 * SipHash-2-4 under one 128-bit key. Absorb int32 words (little-endian byte order, in pairs), then
 * read `low` and `high`.
 *
 * @example
 * ```ts
 * const hash = new SipHash(k0, k1, k2, k3);
 * hash.begin();
 * hash.absorb(localAddress, remoteAddress);
 * hash.finish(8);
 * const isn = hash.low;
 * ```
 */
export class SipHash {
  /** Low 32 bits of the result. */
  low = 0;
  /** High 32 bits of the result. */
  high = 0;
  readonly #key: Int32Array;
  /** v0..v3 as (low, high) pairs. */
  readonly #v: Int32Array = new Int32Array(8);

  /** The key as four little-endian words. */
  constructor(k0: number, k1: number, k2: number, k3: number) {
    this.#key = Int32Array.of(k0, k1, k2, k3);
  }

  /** Starts a new message. */
  begin(): void {
    const v = this.#v;
    const key = this.#key;
    v[0] = key[0]! ^ 0x70736575;
    v[1] = key[1]! ^ 0x736f6d65;
    v[2] = key[2]! ^ 0x6e646f6d;
    v[3] = key[3]! ^ 0x646f7261;
    v[4] = key[0]! ^ 0x6e657261;
    v[5] = key[1]! ^ 0x6c796765;
    v[6] = key[2]! ^ 0x79746573;
    v[7] = key[3]! ^ 0x74656462;
  }

  /** Absorbs eight bytes given as two little-endian words. */
  absorb(low: number, high: number): void {
    const v = this.#v;
    v[6] = v[6]! ^ low;
    v[7] = v[7]! ^ high;
    this.#rounds(2);
    v[0] = v[0]! ^ low;
    v[1] = v[1]! ^ high;
  }

  /**
   * Ends a message of `lengthBytes` bytes whose last `lengthBytes % 8` bytes are given in
   * `tailLow`, `tailHigh` (zero when the length is a multiple of eight).
   */
  finish(lengthBytes: number, tailLow = 0, tailHigh = 0): void {
    this.absorb(tailLow, tailHigh | (lengthBytes << 24));
    const v = this.#v;
    v[4] = v[4]! ^ 0xff;
    this.#rounds(4);
    this.low = v[0]! ^ v[2]! ^ v[4] ^ v[6]!;
    this.high = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
  }

  #rounds(count: number): void {
    const v = this.#v;
    let a = v[0]!;
    let aH = v[1]!;
    let b = v[2]!;
    let bH = v[3]!;
    let c = v[4]!;
    let cH = v[5]!;
    let d = v[6]!;
    let dH = v[7]!;
    let t = 0;
    for (let round = 0; round < count; round += 1) {
      // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
      t = (a >>> 0) + (b >>> 0);
      aH = (aH + bH + (t > 0xffffffff ? 1 : 0)) | 0;
      a = t | 0;
      t = ((b << 13) | (bH >>> 19)) ^ a;
      bH = ((bH << 13) | (b >>> 19)) ^ aH;
      b = t;
      t = a;
      a = aH;
      aH = t;
      // v2 += v3; v3 = rotl(v3, 16) ^ v2
      t = (c >>> 0) + (d >>> 0);
      cH = (cH + dH + (t > 0xffffffff ? 1 : 0)) | 0;
      c = t | 0;
      t = ((d << 16) | (dH >>> 16)) ^ c;
      dH = ((dH << 16) | (d >>> 16)) ^ cH;
      d = t;
      // v0 += v3; v3 = rotl(v3, 21) ^ v0
      t = (a >>> 0) + (d >>> 0);
      aH = (aH + dH + (t > 0xffffffff ? 1 : 0)) | 0;
      a = t | 0;
      t = ((d << 21) | (dH >>> 11)) ^ a;
      dH = ((dH << 21) | (d >>> 11)) ^ aH;
      d = t;
      // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
      t = (c >>> 0) + (b >>> 0);
      cH = (cH + bH + (t > 0xffffffff ? 1 : 0)) | 0;
      c = t | 0;
      t = ((b << 17) | (bH >>> 15)) ^ c;
      bH = ((bH << 17) | (b >>> 15)) ^ cH;
      b = t;
      t = c;
      c = cH;
      cH = t;
    }
    v[0] = a;
    v[1] = aH;
    v[2] = b;
    v[3] = bH;
    v[4] = c;
    v[5] = cH;
    v[6] = d;
    v[7] = dH;
  }
}
