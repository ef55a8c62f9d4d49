/**
 * The next segment, written out in advance.
 *
 * @module
 */

import { syncOrThrow, writeZeros, ZERO_CHUNK_BYTES } from './segment.ts';
import { type Storage, storageError, writeFully } from './storage.ts';

/** Name of a segment that is not one yet; recovery removes it. */
export const SPARE_NAME = 'spare.tmp';

/** Fills a file with zeros little by little, in idle moments, so that a rotation finds it done. */
export class SpareSegment {
  readonly #storage: Storage;
  readonly #bytes: number;
  #fd = -1;
  #filled = 0;
  #synced = false;

  constructor(storage: Storage, bytes: number) {
    this.#storage = storage;
    this.#bytes = bytes;
  }

  /** True when the file is full and durable: a rotation only puts the header into it. */
  get ready(): boolean {
    return this.#synced;
  }

  /**
   * Writes one chunk, or syncs the full file; 1 when it did, 0 when there is nothing to do. Throws
   * when the storage does.
   */
  step(): number {
    if (this.ready) return 0;
    if (this.#fd < 0) this.#fd = this.#storage.create(SPARE_NAME);
    if (this.#filled === this.#bytes) {
      syncOrThrow(this.#storage, this.#fd, SPARE_NAME);
      this.#synced = true;
      return 1;
    }
    const length = Math.min(ZERO_CHUNK_BYTES, this.#bytes - this.#filled);
    writeZeros(this.#storage, this.#fd, this.#filled, length);
    this.#filled += length;
    return 1;
  }

  /**
   * Completes the file, writes `header`, makes both durable, and only then gives it its name.
   *
   * @returns the open file.
   */
  take(name: string, header: Uint8Array): number {
    while (this.step() > 0);
    const fd = this.#fd;
    let errno = writeFully(this.#storage, fd, header, header.length, 0);
    if (errno === 0) errno = this.#storage.sync(fd);
    if (errno < 0) throw storageError('prepare', name, errno);
    this.#storage.rename(SPARE_NAME, name);
    this.#storage.syncDirectory();
    this.#fd = -1;
    this.#filled = 0;
    this.#synced = false;
    return fd;
  }

  /** Gives the file up. */
  discard(): void {
    if (this.#fd < 0) return;
    this.#storage.close(this.#fd);
    this.#storage.remove(SPARE_NAME);
    this.#fd = -1;
    this.#filled = 0;
    this.#synced = false;
  }
}
