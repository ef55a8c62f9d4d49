/**
 * A 64-bit hash over the complete state of a book: what two replicas compare.
 *
 * Two 32-bit lanes of multiply-xor-shift with different constants (the finalisers of MurmurHash3
 * and of Chris Wellons' lowbias32). It finds divergence, it does not resist an adversary.
 * The walk covers the counters, the client sequence of every trader, and for each ladder in order
 * of symbol and side every order from the best level to the worst, first in time first. Slot
 * numbers, free lists and the table of ids do not enter: they do not influence any report.
 *
 * @module
 */

import { ORDER_ID, ORDER_NEXT, ORDER_SHIFT, ORDER_TRADER, type OrderArena } from './order-arena.ts';
import type { PriceLevels } from './price-levels.ts';

const TWO_32 = 4294967296;

/** The part of a book that is its state. */
export interface BookState {
  readonly counters: {
    readonly inputSequence: number;
    readonly reportSequence: number;
    readonly matchId: number;
  };
  readonly clientSequences: Uint32Array;
  readonly arena: OrderArena;
  readonly levels: PriceLevels;
}

/** Mixes words into two lanes. */
class StateHasher {
  #a = 0x3c6ef372;
  #b = 0x510e527f;

  word(value: number): void {
    let a = this.#a ^ value;
    a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
    a = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
    this.#a = (a ^ (a >>> 16)) + 0x9e3779b9;
    let b = (this.#b + value) | 0;
    b = Math.imul(b ^ (b >>> 16), 0x21f0aaad);
    b = Math.imul(b ^ (b >>> 15), 0x735a2d97);
    this.#b = (b ^ (b >>> 15)) + 0x85ebca77;
  }

  number(value: number): void {
    this.word(value | 0);
    this.word(Math.floor(value / TWO_32));
  }

  hex(): string {
    const high = (this.#a >>> 0).toString(16).padStart(8, '0');
    return high + (this.#b >>> 0).toString(16).padStart(8, '0');
  }
}

/** The hash as sixteen hexadecimal digits. */
export function hashState(book: BookState): string {
  const hasher = new StateHasher();
  hasher.number(book.counters.inputSequence);
  hasher.number(book.counters.reportSequence);
  hasher.number(book.counters.matchId);
  const sequences = book.clientSequences;
  for (let trader = 0; trader < sequences.length; trader++) {
    // Traders that never sent anything do not count, so the size of the table does not matter.
    if (sequences[trader] === 0) continue;
    hasher.word(trader);
    hasher.word(sequences[trader]!);
  }
  const { arena, levels } = book;
  for (let ladder = 0; ladder < levels.best.length; ladder++) {
    let level = levels.best[ladder]!;
    if (level < 0) continue;
    hasher.word(~ladder);
    for (; level >= 0; level = levels.next(level)) {
      hasher.number(levels.price[level]!);
      hasher.word(levels.count[level]!);
      for (let slot = levels.head[level]!; slot >= 0;) {
        const record = slot << ORDER_SHIFT;
        hasher.word(arena.words[record + ORDER_TRADER]!);
        hasher.word(arena.words[record + ORDER_ID]!);
        hasher.number(arena.quantities[slot * 4 + 3]!);
        slot = arena.words[record + ORDER_NEXT]!;
      }
    }
  }
  return hasher.hex();
}
