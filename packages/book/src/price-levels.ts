// @hot
/**
 * Price levels of all ladders (one ladder per symbol and side), found by price in constant time
 * near the touch and in logarithmic time anywhere.
 *
 * A price becomes a **rank**, lower is better: the price itself for asks, its negative for bids.
 * Ranks are cut into **blocks** of 32 ticks. A block holds a bitmap of its occupied ticks and a
 * level for each; occupied blocks are threaded in order ({@link BlockTree}). So the next best
 * level is the next bit, or the first bit of the next block: no scan over empty ticks however far
 * apart the orders are, no window to re-centre, and memory for a level alone in its block is
 * 128 bytes (the slots of the block) plus 24 (its columns) plus 40 (the level), whatever its price.
 *
 * From price to block: a direct-mapped cache of {@link CACHE_BLOCKS} blocks per ladder, then the
 * tree. The cache covers 8,192 ticks when the book is dense and only ever costs a miss.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { BlockTree, NIL } from './block-tree.ts';

const BLOCK_TICKS = 32;
/** Blocks per ladder that the cache holds: 1 KiB per ladder. */
const CACHE_BLOCKS = 256;
const CACHE_MASK = CACHE_BLOCKS - 1;

/** Levels in columns. The queue of a level is an intrusive list of orders, kept by the book. */
export class PriceLevels {
  /** First order in time, per level. */
  readonly head: Int32Array;
  /** Last order in time, per level. */
  readonly tail: Int32Array;
  /** Orders, per level. */
  readonly count: Int32Array;
  /** Open quantity of all its orders, per level. */
  readonly quantity: Float64Array;
  /** Price in ticks, per level. */
  readonly price: Float64Array;
  /** The best level of each ladder, or {@link NIL}. */
  readonly best: Int32Array;
  /** The rank of the best level of each ladder; Infinity when the ladder is empty. */
  readonly bestRank: Float64Array;
  /** Levels this was made for. */
  readonly capacity: number;

  /** Where a level hangs: block * 32 + tick. A free level holds the next free one. */
  readonly #slot: Int32Array;
  readonly #blocks: BlockTree;
  readonly #bits: Int32Array;
  readonly #levelAt: Int32Array;
  readonly #cache: Int32Array;
  #free: number;
  #used = 0;

  constructor(ladders: number, capacity: number) {
    this.capacity = capacity;
    this.head = new Int32Array(capacity);
    this.tail = new Int32Array(capacity);
    this.count = new Int32Array(capacity);
    this.quantity = new Float64Array(capacity);
    this.price = new Float64Array(capacity);
    this.best = new Int32Array(ladders).fill(NIL);
    this.bestRank = new Float64Array(ladders).fill(Infinity);
    this.#slot = new Int32Array(capacity);
    this.#blocks = new BlockTree(ladders, capacity);
    this.#bits = new Int32Array(capacity);
    this.#levelAt = new Int32Array(capacity * BLOCK_TICKS);
    this.#cache = new Int32Array(ladders * CACHE_BLOCKS).fill(NIL);
    for (let i = 0; i < capacity; i++) this.#slot[i] = i + 1 < capacity ? i + 1 : NIL;
    this.#free = 0;
  }

  /** Levels in use. */
  get used(): number {
    return this.#used;
  }

  /** Height of the tree of a ladder: the worst number of steps to a price. */
  treeHeight(ladder: number): number {
    return this.#blocks.height(ladder);
  }

  /**
   * The level of a price, made empty when there is none. The caller appends an order to it at once:
   * an empty level must not outlive the message.
   *
   * @returns the level, or LimitReached when a new one is needed and none is left.
   */
  obtain(ladder: number, rank: number, price: number): number {
    const small = rank | 0;
    const key = rank === small ? small >> 5 : Math.floor(rank / BLOCK_TICKS);
    const tick = small & 31;
    const cached = (ladder << 8) | (key & CACHE_MASK);
    let block = this.#cache[cached]!;
    if (block < 0 || this.#blocks.key[block] !== key) {
      block = this.#blocks.find(ladder, key);
      if (block < 0) {
        if (this.#free < 0) return Status.LimitReached;
        block = this.#blocks.insert(ladder, key);
        this.#bits[block] = 0;
      }
      this.#cache[cached] = block;
    }
    const slot = (block << 5) | tick;
    const bits = this.#bits[block]!;
    const bit = 1 << tick;
    if ((bits & bit) !== 0) return this.#levelAt[slot]!;
    const level = this.#free;
    if (level < 0) return Status.LimitReached;
    this.#free = this.#slot[level]!;
    this.#used++;
    this.#bits[block] = bits | bit;
    this.#levelAt[slot] = level;
    this.#slot[level] = slot;
    this.head[level] = NIL;
    this.tail[level] = NIL;
    this.count[level] = 0;
    this.quantity[level] = 0;
    this.price[level] = price;
    if (rank < this.bestRank[ladder]!) {
      this.bestRank[ladder] = rank;
      this.best[ladder] = level;
    }
    return level;
  }

  /** Takes away a level without orders. */
  release(ladder: number, level: number): void {
    const slot = this.#slot[level]!;
    const block = slot >> 5;
    if (this.best[ladder] === level) {
      const heir = this.next(level);
      this.best[ladder] = heir;
      if (heir < 0) {
        this.bestRank[ladder] = Infinity;
      } else {
        // An odd ladder is an ask ladder, see the module comment.
        const price = this.price[heir]!;
        this.bestRank[ladder] = (ladder & 1) !== 0 ? price : 0 - price;
      }
    }
    const bits = this.#bits[block]! & ~(1 << (slot & 31));
    this.#bits[block] = bits;
    if (bits === 0) {
      const cached = (ladder << 8) | (this.#blocks.key[block]! & CACHE_MASK);
      if (this.#cache[cached] === block) this.#cache[cached] = NIL;
      this.#blocks.remove(ladder, block);
    }
    this.#slot[level] = this.#free;
    this.#free = level;
    this.#used--;
  }

  /** The level after `level` on the way from the best to the worst, or {@link NIL}. */
  next(level: number): number {
    const slot = this.#slot[level]!;
    let block = slot >> 5;
    const tick = slot & 31;
    // `-2 << 31` is 0: no tick lies above the last one.
    let bits = this.#bits[block]! & (-2 << tick);
    if (bits === 0) {
      block = this.#blocks.next[block]!;
      if (block < 0) return NIL;
      bits = this.#bits[block]!;
    }
    const lowest = 31 - Math.clz32(bits & -bits);
    return this.#levelAt[(block << 5) | lowest]!;
  }
}
