import { describe, expect, test } from 'bun:test';
import { SipHash, halfSipHash } from './siphash.ts';

/** SipHash-2-4 by BigInt, straight from the paper: the oracle. */
function oracle(key: Uint8Array, message: Uint8Array): bigint {
  const mask = (1n << 64n) - 1n;
  const read = (bytes: Uint8Array, at: number): bigint => {
    let value = 0n;
    for (let i = 7; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[at + i] ?? 0);
    return value;
  };
  const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & mask;
  const k0 = read(key, 0);
  const k1 = read(key, 8);
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const round = (): void => {
    v0 = (v0 + v1) & mask;
    v1 = rotl(v1, 13n) ^ v0;
    v0 = rotl(v0, 32n);
    v2 = (v2 + v3) & mask;
    v3 = rotl(v3, 16n) ^ v2;
    v0 = (v0 + v3) & mask;
    v3 = rotl(v3, 21n) ^ v0;
    v2 = (v2 + v1) & mask;
    v1 = rotl(v1, 17n) ^ v2;
    v2 = rotl(v2, 32n);
  };
  const blocks = Math.floor(message.length / 8);
  for (let i = 0; i <= blocks; i += 1) {
    let m = read(message.subarray(i * 8), 0);
    if (i === blocks) m |= BigInt(message.length & 255) << 56n;
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i += 1) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

function ours(message: Uint8Array): bigint {
  const word = (at: number): number => {
    let value = 0;
    for (let i = 3; i >= 0; i -= 1) value = (value << 8) | (message[at + i] ?? 0);
    return value;
  };
  const hash = new SipHash(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);
  hash.begin();
  const whole = message.length & ~7;
  for (let at = 0; at < whole; at += 8) hash.absorb(word(at), word(at + 4));
  hash.finish(message.length, word(whole), word(whole + 4));
  return (BigInt(hash.high >>> 0) << 32n) | BigInt(hash.low >>> 0);
}

const key: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i);

describe('SipHash', () => {
  test('gives the value of the worked example for 15 bytes (paper, appendix A)', () => {
    const message = Uint8Array.from({ length: 15 }, (_, i) => i);
    expect(ours(message)).toBe(0xa129ca6149be45e5n);
    expect(oracle(key, message)).toBe(0xa129ca6149be45e5n);
  });

  test('agrees with a BigInt implementation for every length up to 63', () => {
    for (let length = 0; length < 64; length += 1) {
      const message = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
      expect(ours(message)).toBe(oracle(key, message));
    }
  });
});

describe('halfSipHash()', () => {
  test('depends on key, every word and the length', () => {
    const words = Int32Array.of(1, 2, 3, 4);
    const seen = new Set<number>();
    seen.add(halfSipHash(1, 2, words, 0, 4));
    seen.add(halfSipHash(1, 3, words, 0, 4));
    seen.add(halfSipHash(2, 2, words, 0, 4));
    seen.add(halfSipHash(1, 2, words, 0, 3));
    seen.add(halfSipHash(1, 2, words, 1, 3));
    for (let i = 0; i < 4; i += 1) {
      const other = words.slice();
      other[i] = other[i]! ^ 0x80000000;
      seen.add(halfSipHash(1, 2, other, 0, 4));
    }
    expect(seen.size).toBe(9);
  });

  test('spreads consecutive ports evenly over 256 buckets', () => {
    const buckets = new Int32Array(256);
    const words = Int32Array.of(0x0a000001, 0x0a000002, 0);
    for (let port = 0; port < 65536; port += 1) {
      words[2] = (port << 16) | 80;
      const bucket = halfSipHash(0x1234567, 0x89abcdef | 0, words, 0, 3) & 255;
      buckets[bucket] = buckets[bucket]! + 1;
    }
    // Mean 256, standard deviation 16: six deviations either way.
    for (const count of buckets) expect(Math.abs(count - 256)).toBeLessThan(96);
  });
});
