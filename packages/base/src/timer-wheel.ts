// @hot
/**
 * A hierarchical timer wheel (Varghese and Lauck, 1987, scheme 6) that still fires at exact
 * instants.
 *
 * Each timer is an integer id chosen by the owner (a connection slot, a reassembly slot). A level
 * has 64 slots and one bitmap of two words, so that the next occupied slot is found by counting
 * trailing zeros, not by stepping through empty ticks. Levels hold intrusive doubly linked lists in
 * columns: schedule and cancel are O(1) and allocate nothing.
 *
 * A slot is coarser than a nanosecond, so the exact deadline stays in a column: `expire` hands out
 * timers in deadline order within a slot and leaves those that are not due yet. Virtual-time tests
 * rely on that ("every timer due on the way fires in order, each at its own instant").
 *
 * @module
 */

import { assert } from './assert.ts';

/** log2 of the slots per level: one bitmap of two 32-bit words. */
const SLOT_BITS = 6;
const SLOTS = 1 << SLOT_BITS;
/** Levels: 64^7 ticks of 2^14 ns are 2^56 ns, so that every time below 2^53 ns has its slot. */
const LEVELS = 7;
/** A tick of the lowest level in nanoseconds: 2^14, about 16 us, a data-centre round trip. */
export const WHEEL_TICK_NS: number = 2 ** 14;
const NIL = -1;
/** `deadlineNs` of an idle timer. */
const IDLE = Number.POSITIVE_INFINITY;

/** Timers of one slot that are looked at to find the earliest; see `nextDeadlineNs`. */
export const SCAN_MAX = 64;

/** No timer is due: what {@link TimerWheel.expire} returns at the end. */
export const NO_TIMER = -1;

/**
 * Timers with ids 0 .. capacity - 1, each armed at most once.
 *
 * @example
 * ```ts
 * const wheel = new TimerWheel(16, 0);
 * wheel.schedule(3, 1_000_000);
 * for (let id = wheel.expire(2_000_000); id !== NO_TIMER; id = wheel.expire(2_000_000)) fire(id);
 * ```
 */
export class TimerWheel {
  /** Exact deadline of each id in nanoseconds; Infinity when it is not armed. */
  readonly deadlineNs: Float64Array;
  /** Timers armed now. */
  armed = 0;

  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  /** The list (level * 64 + slot) that an id is in, or NIL. */
  readonly #list: Int32Array;
  readonly #heads: Int32Array;
  /** Two words per level: slots 0-31 and 32-63. */
  readonly #occupied: Int32Array;
  /**
   * Ticks up to here have been cascaded; the slot of this tick may hold timers that are not due.
   */
  #tick: number;
  /** A lower bound of the earliest deadline; exact after {@link TimerWheel.nextDeadlineNs}. */
  #earliestNs = IDLE;
  #earliestKnown = true;

  constructor(capacity: number, nowNs: number) {
    this.deadlineNs = new Float64Array(capacity).fill(IDLE);
    this.#next = new Int32Array(capacity).fill(NIL);
    this.#prev = new Int32Array(capacity).fill(NIL);
    this.#list = new Int32Array(capacity).fill(NIL);
    this.#heads = new Int32Array(LEVELS * SLOTS).fill(NIL);
    this.#occupied = new Int32Array(LEVELS * 2);
    this.#tick = Math.floor(nowNs / WHEEL_TICK_NS);
  }

  /** Whether `id` is armed. */
  isArmed(id: number): boolean {
    return this.#list[id] !== NIL;
  }

  /**
   * Arms `id` for `deadlineNs`, replacing an earlier arming. A deadline in the past is due at once.
   */
  schedule(id: number, deadlineNs: number): void {
    assert(deadlineNs >= 0 && deadlineNs <= Number.MAX_SAFE_INTEGER, 'deadline out of range');
    if (this.#list[id] !== NIL) {
      this.#unlink(id);
      if (this.deadlineNs[id]! <= this.#earliestNs) this.#earliestKnown = false;
    } else this.armed += 1;
    this.deadlineNs[id] = deadlineNs;
    this.#link(id, deadlineNs);
    if (deadlineNs <= this.#earliestNs) {
      this.#earliestNs = deadlineNs;
      this.#earliestKnown = true;
    }
  }

  /** Disarms `id`; nothing happens when it is not armed. */
  cancel(id: number): void {
    if (this.#list[id] === NIL) return;
    this.#unlink(id);
    this.armed -= 1;
    // The bound may now be too early, which is harmless: it is refreshed when it is reached.
    if (this.deadlineNs[id]! <= this.#earliestNs) this.#earliestKnown = false;
    this.deadlineNs[id] = IDLE;
    if (this.armed === 0) {
      this.#earliestNs = IDLE;
      this.#earliestKnown = true;
    }
  }

  /**
   * Removes and returns the id with the earliest deadline at or before `nowNs`, or
   * {@link NO_TIMER}. Equal deadlines come in no particular order. Call until it says NO_TIMER.
   */
  expire(nowNs: number): number {
    for (;;) {
      const dueNs = nowNs < this.#earliestNs ? IDLE : this.nextDeadlineNs();
      if (nowNs < dueNs) {
        this.#advance(Math.floor(nowNs / WHEEL_TICK_NS));
        return NO_TIMER;
      }
      this.#advance(Math.floor(dueNs / WHEEL_TICK_NS));
      const id = this.#minimum(this.#tick % SLOTS, Infinity);
      if (id !== NIL && this.deadlineNs[id]! <= nowNs) {
        this.#unlink(id);
        this.armed -= 1;
        this.deadlineNs[id] = IDLE;
        this.#earliestKnown = this.armed === 0;
        if (this.armed === 0) this.#earliestNs = IDLE;
        return id;
      }
      // What was known was the beginning of a slot of an upper level. That slot has been spread
      // now; look again, closer.
      this.#earliestKnown = false;
      this.#earliestNs = dueNs;
    }
  }

  /**
   * When to look again: the earliest deadline, or Infinity. Exact, but for one case: when more than
   * {@link SCAN_MAX} timers share the first slot of an upper level, it is the beginning of that
   * slot (never late, early by less than the slot). So its cost is bounded, also with a million
   * timers.
   */
  nextDeadlineNs(): number {
    if (this.#earliestKnown) return this.#earliestNs;
    // Everything on a level is earlier than everything on the levels above it, and slots are in
    // order of time: the first occupied slot of the lowest occupied level holds the minimum.
    let earliestNs = IDLE;
    let unit = 1;
    for (let level = 0; level < LEVELS; level += 1) {
      const low = this.#occupied[level * 2]!;
      const high = this.#occupied[level * 2 + 1]!;
      if ((low | high) !== 0) {
        const slot = low !== 0 ? ctz(low) : 32 + ctz(high);
        const id = this.#minimum(level * SLOTS + slot, level === 0 ? Infinity : SCAN_MAX);
        if (id !== NIL) earliestNs = this.deadlineNs[id]!;
        else {
          const lap = Math.floor(this.#tick / (unit * SLOTS)) * SLOTS;
          earliestNs = (lap + slot) * unit * WHEEL_TICK_NS;
        }
        break;
      }
      unit *= SLOTS;
    }
    this.#earliestNs = earliestNs;
    this.#earliestKnown = true;
    return earliestNs;
  }

  /** The id with the smallest deadline in a list; NIL when it is empty or longer than `limit`. */
  #minimum(list: number, limit: number): number {
    let best = NIL;
    let bestNs = IDLE;
    let seen = 0;
    for (let id = this.#heads[list]!; id !== NIL; id = this.#next[id]!) {
      const deadlineNs = this.deadlineNs[id]!;
      if (deadlineNs < bestNs || best === NIL) {
        best = id;
        bestNs = deadlineNs;
      }
      seen += 1;
      if (seen > limit) return NIL;
    }
    return best;
  }

  /**
   * Puts `id` on the level of the highest base-64 digit in which its tick differs from the current
   * one: there all its higher digits equal the current position's, so slots never wrap around.
   */
  #link(id: number, deadlineNs: number): void {
    let tick = Math.floor(deadlineNs / WHEEL_TICK_NS);
    if (tick < this.#tick) tick = this.#tick;
    let level = 0;
    let digits = tick;
    let here = this.#tick;
    for (;;) {
      const above = Math.floor(digits / SLOTS);
      here = Math.floor(here / SLOTS);
      if (above === here) break;
      digits = above;
      level += 1;
    }
    const list = level * SLOTS + (digits % SLOTS);
    const head = this.#heads[list]!;
    this.#next[id] = head;
    this.#prev[id] = NIL;
    if (head !== NIL) this.#prev[head] = id;
    this.#heads[list] = id;
    this.#list[id] = list;
    const word = list >> 5;
    this.#occupied[word] = this.#occupied[word]! | (1 << (list & 31));
  }

  #unlink(id: number): void {
    const list = this.#list[id]!;
    const next = this.#next[id]!;
    const prev = this.#prev[id]!;
    if (next !== NIL) this.#prev[next] = prev;
    if (prev !== NIL) this.#next[prev] = next;
    else {
      this.#heads[list] = next;
      if (next === NIL) {
        const word = list >> 5;
        this.#occupied[word] = this.#occupied[word]! & ~(1 << (list & 31));
      }
    }
    this.#list[id] = NIL;
  }

  /**
   * Moves the current position to `tick`, which must not pass an armed deadline, and spreads the
   * slot that is entered on the highest level that moved: the levels below it are empty by then.
   */
  #advance(tick: number): void {
    if (tick <= this.#tick) return;
    let here = this.#tick;
    this.#tick = tick;
    let level = 0;
    let digits = tick;
    for (;;) {
      const above = Math.floor(digits / SLOTS);
      here = Math.floor(here / SLOTS);
      if (above === here) break;
      digits = above;
      level += 1;
    }
    if (level > 0) this.#cascade(level * SLOTS + (digits % SLOTS));
  }

  /** Re-links every timer of a list by its deadline, which now lies on a lower level. */
  #cascade(list: number): void {
    let id = this.#heads[list]!;
    while (id !== NIL) {
      const next = this.#next[id]!;
      this.#unlink(id);
      this.#link(id, this.deadlineNs[id]!);
      id = next;
    }
  }
}

/** Count of trailing zeros of a non-zero word. */
function ctz(word: number): number {
  return 31 - Math.clz32(word & -word);
}
