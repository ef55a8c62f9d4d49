// @hot
/**
 * From (trader, client order id) to the slot of the open order.
 *
 * Open addressing with linear probing over pairs (id, slot), deletion by shifting back, so there
 * are no tombstones and a lookup ends at the first hole. The table is at least twice as large as
 * the arena it points into and therefore never full.
 *
 * The home of an id keeps its three low bits: eight consecutive ids of a trader share one 64-byte
 * line, and the rest goes through a keyed mix. Dense ids, which the protocol recommends, then cost
 * one cache line for eight orders, and a client that does not know the key cannot pile its ids onto
 * one place. The key decides only where entries lie, never what the book answers, so replays agree
 * under different keys. The mix is two multiplications: it resists blind flooding by a party that
 * has already logged in; it is not a cryptographic function.
 *
 * @module
 */

import { ORDER_ID, ORDER_SHIFT, ORDER_TRADER } from './order-arena.ts';

/** Hash table over the records of an order arena. */
export class OrderTable {
  /** Pairs: client order id, slot + 1 (0 is a hole). */
  readonly #entries: Int32Array;
  readonly #records: Int32Array;
  readonly #mask: number;
  readonly #key0: number;
  readonly #key1: number;

  /** @param records - the Int32 records of the arena, from which the trader of an entry is read. */
  constructor(ordersMax: number, records: Int32Array, key0: number, key1: number) {
    let capacity = 16;
    while (capacity < ordersMax * 2) capacity *= 2;
    this.#entries = new Int32Array(capacity * 2);
    this.#records = records;
    this.#mask = capacity - 1;
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
  }

  #home(trader: number, id: number): number {
    let h = Math.imul((id >>> 3) ^ this.#key0, 0x9e3779b1);
    h = Math.imul((h ^ (h >>> 15)) + Math.imul(trader ^ this.#key1, 0x85ebca77), 0xc2b2ae3d);
    h ^= h >>> 16;
    return ((h << 3) | (id & 7)) & this.#mask;
  }

  /** The slot of an open order, or -1. `id` is an int32: the bits of the uint32. */
  find(trader: number, id: number): number {
    const entries = this.#entries;
    const records = this.#records;
    const mask = this.#mask;
    let at = this.#home(trader, id);
    for (;;) {
      const slot = entries[at * 2 + 1]! - 1;
      if (slot < 0) return -1;
      if (entries[at * 2] === id && records[(slot << ORDER_SHIFT) + ORDER_TRADER] === trader) {
        return slot;
      }
      at = (at + 1) & mask;
    }
  }

  /** Adds an order that is not there. */
  insert(trader: number, id: number, slot: number): void {
    const entries = this.#entries;
    const mask = this.#mask;
    let at = this.#home(trader, id);
    while (entries[at * 2 + 1] !== 0) at = (at + 1) & mask;
    entries[at * 2] = id;
    entries[at * 2 + 1] = slot + 1;
  }

  /** Removes an order that is there. Its record must still hold its trader and id. */
  remove(trader: number, id: number, slot: number): void {
    const entries = this.#entries;
    const records = this.#records;
    const mask = this.#mask;
    let hole = this.#home(trader, id);
    while (entries[hole * 2 + 1] !== slot + 1) hole = (hole + 1) & mask;
    let at = hole;
    for (;;) {
      at = (at + 1) & mask;
      const other = entries[at * 2 + 1]! - 1;
      if (other < 0) break;
      const record = other << ORDER_SHIFT;
      const home = this.#home(records[record + ORDER_TRADER]!, records[record + ORDER_ID]!);
      // The entry may fill the hole unless its home lies after the hole, up to its own place.
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        entries[hole * 2] = entries[at * 2]!;
        entries[hole * 2 + 1] = other + 1;
        hole = at;
      }
    }
    entries[hole * 2] = 0;
    entries[hole * 2 + 1] = 0;
  }

  /** The longest run of neighbours in use: the worst lookup. A walk, for tests and metrics. */
  longestRun(): number {
    let longest = 0;
    let run = 0;
    for (let i = 0; i <= this.#mask; i++) {
      run = this.#entries[i * 2 + 1] !== 0 ? run + 1 : 0;
      if (run > longest) longest = run;
    }
    return longest;
  }
}
