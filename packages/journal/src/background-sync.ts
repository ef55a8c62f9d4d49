/**
 * fdatasync in a Worker, for the `async` policy: the writer never waits for the disk, and the
 * durable cursor still moves.
 *
 * The two threads share five int32: request counter, done counter, fd, errno, stop.
 *
 * @module
 */

import type { BackgroundSync } from './storage.ts';

/** Word that counts requests. */
export const REQUEST = 0;
/** Word that counts finished requests. */
export const DONE = 1;
/** Word with the file to sync. */
export const FD = 2;
/** Word with 0, or the negative errno of the first failure. */
export const ERRNO = 3;
/** Word that turns 1 when the thread shall end. */
export const STOP = 4;
/** Word with the bytes of zeros to write before the sync. */
export const ZEROS = 5;
/** Word that is 1 while somebody waits: no pause between syncs then. */
export const URGENT = 6;
const WORDS = 7;

/**
 * A thread for the disk: syncs for the `async` policy, and (another instance) the filling of the
 * next segment, whose 64 MiB would otherwise stand in the way of orders for 40 ms.
 */
export class BackgroundSyncThread implements BackgroundSync {
  readonly #words: Int32Array;
  readonly #worker: Worker;
  #requests = 0;

  constructor() {
    this.#words = new Int32Array(new SharedArrayBuffer(WORDS * 4));
    this.#worker = new Worker(new URL('./sync-worker.ts', import.meta.url).href);
    // A journal that nobody closed must not keep the process alive.
    this.#worker.unref();
    this.#worker.postMessage(this.#words);
  }

  request(fd: number, zeros = 0): void {
    Atomics.store(this.#words, FD, fd);
    Atomics.store(this.#words, ZEROS, zeros);
    this.#requests = (this.#requests + 1) | 0;
    Atomics.store(this.#words, REQUEST, this.#requests);
    Atomics.notify(this.#words, REQUEST);
  }

  state(): number {
    if (Atomics.load(this.#words, DONE) !== this.#requests) return 1;
    return Atomics.load(this.#words, ERRNO);
  }

  wait(): number {
    Atomics.store(this.#words, URGENT, 1);
    Atomics.notify(this.#words, URGENT);
    for (;;) {
      const done = Atomics.load(this.#words, DONE);
      if (done === this.#requests) break;
      Atomics.wait(this.#words, DONE, done, 100);
    }
    Atomics.store(this.#words, URGENT, 0);
    return Atomics.load(this.#words, ERRNO);
  }

  close(): void {
    this.wait();
    Atomics.store(this.#words, STOP, 1);
    Atomics.notify(this.#words, REQUEST);
    this.#worker.terminate();
  }
}
