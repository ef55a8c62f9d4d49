// @hot
/**
 * A bounded map from 128-bit addresses to dense indices, for neighbours, path MTUs and groups.
 *
 * Open addressing with linear probing and backward-shift deletion: no tombstones, so a table that
 * is churned for months probes as far as a fresh one. The hash is keyed, so that a peer cannot
 * choose addresses that collide.
 *
 * @module
 */

import { halfSipHash, type Prng } from '@tickwire/base';

/** No such address, or no room. */
export const NO_INDEX = -1;

/** Addresses to indices 0 .. capacity - 1; the owner keeps columns by index. */
export class AddressIndex {
  /** Addresses held now. */
  size = 0;
  /** Addresses held at most. */
  readonly capacity: number;
  /** Four words per index; valid while the index is in use. */
  readonly words: Int32Array;
  /** 1 while the index is in use. */
  readonly used: Uint8Array;

  /** Slot -> index + 1, 0 when empty. At least twice the capacity: probes stay short. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Stack of unused indices. */
  readonly #free: Int32Array;
  readonly #key: Int32Array = new Int32Array(4);
  readonly #k0: number;
  readonly #k1: number;

  constructor(capacity: number, random: Prng) {
    let slots = 4;
    while (slots < capacity * 2) slots *= 2;
    this.capacity = capacity;
    this.words = new Int32Array(capacity * 4);
    this.used = new Uint8Array(capacity);
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
    this.#free = new Int32Array(capacity);
    for (let i = 0; i < capacity; i += 1) this.#free[i] = capacity - 1 - i;
    this.#k0 = random.nextUint32() | 0;
    this.#k1 = random.nextUint32() | 0;
  }

  /** The index of an address, or {@link NO_INDEX}. */
  find(word0: number, word1: number, word2: number, word3: number): number {
    const words = this.words;
    let slot = this.#hash(word0, word1, word2, word3) & this.#mask;
    for (;;) {
      const index = this.#slots[slot]! - 1;
      if (index < 0) return NO_INDEX;
      const at = index * 4;
      if (
        words[at + 3] === word3 &&
        words[at + 2] === word2 &&
        words[at + 1] === word1 &&
        words[at] === word0
      ) {
        return index;
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  /** Adds an address that is not there, and returns its index, or {@link NO_INDEX} when full. */
  insert(word0: number, word1: number, word2: number, word3: number): number {
    if (this.size === this.capacity) return NO_INDEX;
    const index = this.#free[this.capacity - this.size - 1]!;
    this.size += 1;
    const at = index * 4;
    this.words[at] = word0;
    this.words[at + 1] = word1;
    this.words[at + 2] = word2;
    this.words[at + 3] = word3;
    this.used[index] = 1;
    let slot = this.#hash(word0, word1, word2, word3) & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = index + 1;
    return index;
  }

  /** Removes the address of an index in use. */
  remove(index: number): void {
    let hole = this.#home(index);
    while (this.#slots[hole] !== index + 1) hole = (hole + 1) & this.#mask;
    // Close the gap: what follows in the run moves up unless that would put it before its home.
    let slot = (hole + 1) & this.#mask;
    for (;;) {
      const other = this.#slots[slot]! - 1;
      if (other < 0) break;
      const distance = (slot - this.#home(other)) & this.#mask;
      if (distance >= ((slot - hole) & this.#mask)) {
        this.#slots[hole] = other + 1;
        hole = slot;
      }
      slot = (slot + 1) & this.#mask;
    }
    this.#slots[hole] = 0;
    this.used[index] = 0;
    this.size -= 1;
    this.#free[this.capacity - this.size - 1] = index;
  }

  #home(index: number): number {
    return halfSipHash(this.#k0, this.#k1, this.words, index * 4, 4) & this.#mask;
  }

  #hash(word0: number, word1: number, word2: number, word3: number): number {
    const key = this.#key;
    key[0] = word0;
    key[1] = word1;
    key[2] = word2;
    key[3] = word3;
    return halfSipHash(this.#k0, this.#k1, key, 0, 4);
  }
}
