/**
 * The next segment, written out in advance.
 *
 * @module
 */

import { syncOrThrow, writeZeros, ZERO_CHUNK_BYTES } from './segment.ts';
import { type BackgroundSync, type Storage, storageError, writeFully } from './storage.ts';

/** Name of a segment that is not one yet; recovery removes it. */
export const SPARE_NAME = 'spare.tmp';

/**
 * A file full of zeros, so that a rotation finds it done. A thread fills it where the storage has
 * one; else it is filled little by little, in idle moments.
 */
export class SpareSegment {
  readonly #storage: Storage;
  readonly #bytes: number;
  #fd = -1;
  #filled = 0;
  #synced = false;
  /** The thread; undefined when there is none, or after it has failed. */
  #filler: BackgroundSync | undefined;
  /** The thread is at work on the file. */
  #filling = false;

  constructor(storage: Storage, bytes: number) {
    this.#storage = storage;
    this.#bytes = bytes;
  }

  /** From now on a thread does the filling. */
  fillInBackground(): void {
    this.#filler = this.#storage.filler();
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
    if (this.#filler !== undefined) return this.#stepInBackground(this.#filler);
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
    if (this.#filler !== undefined && !this.ready) {
      if (!this.#filling) this.step();
      this.#filler.wait();
    }
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
    if (this.#filling) this.#filler?.wait();
    this.#filling = false;
    if (this.#fd < 0) return;
    this.#storage.close(this.#fd);
    this.#storage.remove(SPARE_NAME);
    this.#fd = -1;
    this.#filled = 0;
    this.#synced = false;
  }

  /** Ends the thread. */
  close(): void {
    this.discard();
    this.#filler?.close();
    this.#filler = undefined;
  }

  #stepInBackground(filler: BackgroundSync): number {
    if (!this.#filling) {
      filler.request(this.#fd, this.#bytes);
      this.#filling = true;
      return 0;
    }
    const state = filler.state();
    if (state > 0) return 0;
    this.#filling = false;
    if (state < 0) {
      // What the thread has left undone is done here when it is needed, and fails there if it must.
      filler.close();
      this.#filler = undefined;
      throw storageError('reserve space for', 'a segment', state);
    }
    this.#synced = true;
    return 1;
  }
}
