/**
 * A loop that is on time without a core of its own: between rounds that found nothing it sleeps for
 * a tenth of a millisecond in the kernel, which a timer of JavaScript cannot (1 ms and more).
 *
 * @module
 */

import type { Pollable } from '@tickwire/stack';

/** A frame of 1,514 bytes takes six times as long at 20 Mbit/s. */
const NAP_MS = 0.1;

/** Polls its parts as one, and naps when none had work. For `runLoop` with `yield`. */
export class Napping implements Pollable {
  readonly #parts: readonly Pollable[];
  readonly #word = new Int32Array(new SharedArrayBuffer(4));

  constructor(parts: readonly Pollable[]) {
    this.#parts = parts;
  }

  poll(nowNs: number): number {
    let work = 0;
    for (const part of this.#parts) work += part.poll(nowNs);
    // Nobody wakes it: the event loop, with its commands, waits as long as well.
    if (work === 0) Atomics.wait(this.#word, 0, 0, NAP_MS);
    return work;
  }

  pollAt(): number {
    return Math.min(...this.#parts.map((part) => part.pollAt()));
  }
}
