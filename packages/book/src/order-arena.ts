// @hot
/**
 * Open orders: records of 32 bytes, two to a cache line, and a free list through them.
 *
 * ```text
 * word 0  next order of the level, or the next free record
 * word 1  previous order of the level
 * word 2  level
 * word 3  trader
 * word 4  client order id (bits of the uint32)
 * word 5  ladder: symbol * 2 + side
 * word 6  open quantity, float64 over words 6 and 7
 * ```
 *
 * @module
 */

/** A slot becomes the index of its first word by this shift. */
export const ORDER_SHIFT = 3;
/** Word of the next order in time at the same price. */
export const ORDER_NEXT = 0;
/** Word of the previous order in time at the same price. */
export const ORDER_PREV = 1;
/** Word of the level. */
export const ORDER_LEVEL = 2;
/** Word of the trader. */
export const ORDER_TRADER = 3;
/** Word of the client order id. */
export const ORDER_ID = 4;
/** Word of the ladder. */
export const ORDER_LADDER = 5;

/** The pool. It is made once and refuses to grow. */
export class OrderArena {
  /** The records as words. */
  readonly words: Int32Array;
  /** The same bytes as float64: the quantity of `slot` is at `slot * 4 + 3`. */
  readonly quantities: Float64Array;
  /** Orders this was made for. */
  readonly capacity: number;
  #free: number;
  #used = 0;

  constructor(capacity: number) {
    const buffer = new ArrayBuffer(capacity * 32);
    this.words = new Int32Array(buffer);
    this.quantities = new Float64Array(buffer);
    this.capacity = capacity;
    for (let slot = 0; slot < capacity; slot++) {
      this.words[slot << ORDER_SHIFT] = slot + 1 < capacity ? slot + 1 : -1;
    }
    this.#free = 0;
  }

  /** Open orders. */
  get used(): number {
    return this.#used;
  }

  /** A free slot, or -1. */
  take(): number {
    const slot = this.#free;
    if (slot < 0) return -1;
    this.#free = this.words[slot << ORDER_SHIFT]!;
    this.#used++;
    return slot;
  }

  /** Gives a slot back. */
  give(slot: number): void {
    this.words[slot << ORDER_SHIFT] = this.#free;
    this.#free = slot;
    this.#used--;
  }
}
