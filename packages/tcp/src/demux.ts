// @hot
/**
 * Finds the connection of a segment: an open-addressing table over the 4-tuple.
 *
 * The hash is keyed (HalfSipHash), so that a peer cannot aim at one bucket. Removal shifts entries
 * back instead of leaving tombstones: after a million connections the table is as good as new
 * (fastcp's index leaked its entries on close and later connections were never found; bug M1).
 *
 * @module
 */

import { halfSipHash } from '@tickwire/base';
import type { KeySource } from './isn.ts';
import type { Tcb } from './tcb.ts';

const EMPTY = -1;

/** Slots of connections by (addresses, ports). Half full at most. */
export class Demux {
  /** Entries now. */
  count = 0;
  readonly #mask: number;
  readonly #slots: Int32Array;
  readonly #hashes: Int32Array;
  readonly #key0: number;
  readonly #key1: number;
  readonly #words: Int32Array = new Int32Array(9);

  constructor(connectionsMax: number, keys: KeySource) {
    let size = 16;
    while (size < connectionsMax * 2) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Int32Array(size).fill(EMPTY);
    this.#hashes = new Int32Array(size);
    this.#key0 = keys.word();
    this.#key1 = keys.word();
  }

  /** Hash of an IPv4 conversation: local and remote address and `localPort << 16 | remotePort`. */
  hash4(local3: number, remote3: number, ports: number): number {
    const words = this.#words;
    words[0] = local3;
    words[1] = remote3;
    words[2] = ports;
    return halfSipHash(this.#key0, this.#key1, words, 0, 3);
  }

  /** Hash of an IPv6 conversation. */
  hash6(
    local0: number,
    local1: number,
    local2: number,
    local3: number,
    remote0: number,
    remote1: number,
    remote2: number,
    remote3: number,
    ports: number,
  ): number {
    const words = this.#words;
    words[0] = local0;
    words[1] = local1;
    words[2] = local2;
    words[3] = local3;
    words[4] = remote0;
    words[5] = remote1;
    words[6] = remote2;
    words[7] = remote3;
    words[8] = ports;
    return halfSipHash(this.#key0, this.#key1, words, 0, 9);
  }

  /** First position to look at for `hash`. Continue with {@link Demux.after}. */
  first(hash: number): number {
    return hash & this.#mask;
  }

  /** The position behind `position`. */
  after(position: number): number {
    return (position + 1) & this.#mask;
  }

  /** The slot at a position, or -1 at the end of the run. */
  slotAt(position: number): number {
    return this.#slots[position]!;
  }

  /** The hash at a position. */
  hashAt(position: number): number {
    return this.#hashes[position]!;
  }

  /** Entries in the longest run of occupied positions: what the worst lookup passes. @cold */
  longestRun(): number {
    const slots = this.#slots;
    let longest = 0;
    let run = 0;
    // Twice round, for a run that wraps.
    for (let i = 0; i < 2 * slots.length && run < slots.length; i += 1) {
      run = slots[i & this.#mask] === EMPTY ? 0 : run + 1;
      if (run > longest) longest = run;
    }
    return longest;
  }

  /** Adds a connection whose `hash` is set. The caller has made sure that it is not there. */
  insert(tcb: Tcb): void {
    let position = tcb.hash & this.#mask;
    while (this.#slots[position] !== EMPTY) position = (position + 1) & this.#mask;
    this.#slots[position] = tcb.slot;
    this.#hashes[position] = tcb.hash;
    this.count += 1;
  }

  /** Removes a connection and closes the gap. Nothing happens when it is not there. */
  remove(tcb: Tcb): void {
    const mask = this.#mask;
    const slots = this.#slots;
    const hashes = this.#hashes;
    let hole = tcb.hash & mask;
    while (slots[hole] !== tcb.slot) {
      if (slots[hole] === EMPTY) return;
      hole = (hole + 1) & mask;
    }
    this.count -= 1;
    // Knuth's algorithm R: an entry moves into the hole when its home does not lie cyclically
    // behind the hole, otherwise the search for it would stop short.
    let scan = hole;
    for (;;) {
      scan = (scan + 1) & mask;
      if (slots[scan] === EMPTY) break;
      const home = hashes[scan]! & mask;
      if (((scan - home) & mask) < ((scan - hole) & mask)) continue;
      slots[hole] = slots[scan]!;
      hashes[hole] = hashes[scan]!;
      hole = scan;
    }
    slots[hole] = EMPTY;
  }
}
