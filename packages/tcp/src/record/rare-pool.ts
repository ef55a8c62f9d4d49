// @hot
/**
 * Records for what few connections need, lent out with the first write and taken back at the end.
 *
 * Record 0 of each slab is lent to nobody, so that place 0 can mean "none"; in the first slab it
 * holds the initial values, which a connection without such a record reads. A pool never runs dry
 * before the pool of connections does: every connection holds one record at most.
 *
 * @module
 */

import { assert } from '@tickwire/base';
import { RARE_SLAB } from '../limits.ts';
import { Slab } from './slab.ts';

/** Records of one allocation. */
export class RareSlab extends Slab {
  /** Where it belongs. */
  readonly pool: RarePool;
  /** Number of its record 0. */
  readonly first: number;

  constructor(pool: RarePool, first: number, recordBytes: number) {
    super(RARE_SLAB * recordBytes);
    this.pool = pool;
    this.first = first;
  }
}

/** All such records of one `Tcp`. */
export class RarePool {
  /** Records lent out now. */
  inUse = 0;
  /** Record 0 holds the initial values. */
  readonly initial: RareSlab;
  readonly #slabs: RareSlab[] = [];
  readonly #recordBytes: number;
  /** Number of a free record, whose first word has the number of the next; -1 for none. */
  #free = -1;

  constructor(recordBytes: number) {
    this.#recordBytes = recordBytes;
    this.initial = this.#addSlab();
  }

  /** Takes a record that holds the initial values; returns its number. */
  take(): number {
    if (this.#free < 0) this.#addSlab();
    const number = this.#free;
    const to = this.slabOf(number).i32;
    const words = this.#recordBytes >> 2;
    const at = this.placeOf(number) << 1;
    this.#free = to[at]!;
    const from = this.initial.i32;
    for (let i = 0; i < words; i += 1) to[at + i] = from[i]!;
    this.inUse += 1;
    return number;
  }

  /** Takes record `number` back. */
  give(number: number): void {
    assert(number % RARE_SLAB !== 0, 'record 0 of a slab is lent to nobody');
    this.slabOf(number).i32[this.placeOf(number) << 1] = this.#free;
    this.#free = number;
    this.inUse -= 1;
  }

  /** The slab of record `number`. */
  slabOf(number: number): RareSlab {
    return this.#slabs[(number / RARE_SLAB) | 0]!;
  }

  /** Where record `number` begins in its slab, in units of 8 bytes. */
  placeOf(number: number): number {
    return (((number % RARE_SLAB) * this.#recordBytes) >> 3) | 0;
  }

  /** Which record of its slab begins at `place`. */
  indexAt(place: number): number {
    return ((place << 3) / this.#recordBytes) | 0;
  }

  /** @cold */
  #addSlab(): RareSlab {
    const first = this.#slabs.length * RARE_SLAB;
    const slab = new RareSlab(this, first, this.#recordBytes);
    this.#slabs.push(slab);
    for (let i = RARE_SLAB - 1; i > 0; i -= 1) {
      slab.i32[this.placeOf(first + i) << 1] = this.#free;
      this.#free = first + i;
    }
    return slab;
  }
}
