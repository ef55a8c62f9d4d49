/**
 * Whether a poll loop comes round: on a busy machine it stands still while others run, and what it
 * measures or delays then is the machine's doing.
 *
 * @module
 */

import type { Pollable } from '@tickwire/stack';

const MS = 1_000_000;

/** Absences from this on are counted: a tenth of a short round trip. */
const LONG_NS: number = 4 * MS;

/** What a loop missed. */
export interface Absences {
  /** Longest time between two rounds, in milliseconds. */
  readonly longestMs: number;
  /** How many were 4 ms or longer. */
  readonly long: number;
}

/** A part of a loop that looks at the time between its rounds. */
export class Punctuality implements Pollable {
  #beforeNs = -1;
  #longestNs = 0;
  #long = 0;

  poll(nowNs: number): number {
    if (this.#beforeNs >= 0) {
      const gapNs = nowNs - this.#beforeNs;
      if (gapNs > this.#longestNs) this.#longestNs = gapNs;
      if (gapNs >= LONG_NS) this.#long += 1;
    }
    this.#beforeNs = nowNs;
    return 0;
  }

  pollAt(): number {
    return Infinity;
  }

  /** Forgets what was. */
  restart(): void {
    this.#beforeNs = -1;
    this.#longestNs = 0;
    this.#long = 0;
  }

  get absences(): Absences {
    return { longestMs: this.#longestNs / MS, long: this.#long };
  }
}
