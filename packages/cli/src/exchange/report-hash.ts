// @hot
/**
 * SHA-256 of a stream of execution reports as they are on the wire.
 *
 * @module
 */

import { EXECUTION_REPORT_BYTES } from '@tickwire/protocol';

/** Reports hashed by one call: 16 KiB of text, which stays in the L1 cache. */
const CHUNK_REPORTS = 341;
const CHUNK_BYTES = CHUNK_REPORTS * EXECUTION_REPORT_BYTES;
const WORDS = EXECUTION_REPORT_BYTES / 4;

/** Collects reports and hashes them in pieces. */
export class ReportHash {
  readonly #hasher: Bun.CryptoHasher = new Bun.CryptoHasher('sha256');
  readonly #chunk: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(CHUNK_BYTES));
  readonly #view: DataView = new DataView(this.#chunk.buffer);
  #length = 0;
  #count = 0;

  /** Reports so far. */
  get count(): number {
    return this.#count;
  }

  /** Takes the report at `at`. */
  push(view: DataView, at: number): void {
    let to = this.#length;
    for (let word = 0; word < WORDS; word += 1) {
      this.#view.setInt32(to, view.getInt32(at + 4 * word, true), true);
      to += 4;
    }
    this.#length = to;
    this.#count += 1;
    if (to < CHUNK_BYTES) return;
    this.#hasher.update(this.#chunk);
    this.#length = 0;
  }

  /** The hash in hexadecimal. The object is used up. */
  digest(): string {
    this.#hasher.update(this.#chunk.slice(0, this.#length));
    return this.#hasher.digest('hex');
  }
}
