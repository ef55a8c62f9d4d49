/**
 * Bytes that both sides can make by themselves: each 32-bit word is a function of a seed and of its
 * place, so that a byte at the wrong place changes the hash wherever it came from.
 *
 * @module
 */

import { closeSync, openSync, writeSync } from 'node:fs';

/** Odd, so that every word of the stream is different; the golden ratio, as in Knuth 6.4. */
const MULTIPLIER = 0x9e3779b1;

/** Bytes that a filler makes at once. */
const BLOCK_BYTES = 256 * 1024;

/** A stream of a fixed length that is read from front to back. */
export class ByteStream {
  readonly length: number;
  /** Bytes made so far. */
  position = 0;
  readonly #seed: number;
  readonly #words = new Uint32Array(BLOCK_BYTES / 4);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  constructor(seed: number, length: number) {
    this.#seed = Math.imul(seed | 1, MULTIPLIER);
    this.length = length;
  }

  /** The next block, valid until the next call; empty at the end. */
  next(): Uint8Array {
    const left = Math.min(BLOCK_BYTES, this.length - this.position);
    const first = this.position / 4;
    for (let i = 0; i < this.#words.length; i += 1) {
      const word = Math.imul(first + i, MULTIPLIER) ^ this.#seed;
      this.#words[i] = Math.imul(word ^ (word >>> 15), MULTIPLIER);
    }
    this.position += left;
    return this.#bytes.subarray(0, left);
  }
}

/** SHA-256 of a whole stream, in hexadecimal. */
export function streamHash(seed: number, length: number): string {
  const hasher = new Bun.CryptoHasher('sha256');
  const stream = new ByteStream(seed, length);
  while (stream.position < length) hasher.update(stream.next());
  return hasher.digest('hex');
}

/** Writes a whole stream to a file, in place of what was there. */
export function writeStream(path: string, seed: number, length: number): void {
  const file = openSync(path, 'w');
  const stream = new ByteStream(seed, length);
  while (stream.position < length) {
    const block = stream.next();
    for (let at = 0; at < block.length;) at += writeSync(file, block, at);
  }
  closeSync(file);
}
