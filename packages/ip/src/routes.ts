// @hot
/**
 * Longest-prefix routes over 128-bit addresses. Lookups are rare (flows cache their next hop), the
 * table is small: rows are kept in order of falling prefix length and scanned.
 *
 * @module
 */

import { Status } from '@tickwire/base';

/** Mask of word `index` of a prefix of `prefix128` bits. */
function maskWord(prefix128: number, index: number): number {
  const bits = prefix128 - 32 * index;
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : ~(-1 >>> bits);
}

/** Words per row: network, mask, gateway (four each). */
const ROW = 12;

/** Routes of one link. */
export class Routes {
  /** Next hop of the last successful {@link Routes.lookup}. */
  hop0 = 0;
  hop1 = 0;
  hop2 = 0;
  hop3 = 0;
  /** Routes held now. */
  size = 0;

  readonly #capacity: number;
  readonly #rows: Int32Array;
  readonly #prefix: Uint8Array;
  readonly #hasGateway: Uint8Array;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#rows = new Int32Array(capacity * ROW);
    this.#prefix = new Uint8Array(capacity);
    this.#hasGateway = new Uint8Array(capacity);
  }

  /** Finds the next hop of a destination: `Ok` with `hop0..hop3`, or `Unreachable`. */
  lookup(word0: number, word1: number, word2: number, word3: number): number {
    const rows = this.#rows;
    for (let row = 0; row < this.size; row += 1) {
      const at = row * ROW;
      if (
        (word3 & rows[at + 7]!) === rows[at + 3] &&
        (word2 & rows[at + 6]!) === rows[at + 2] &&
        (word1 & rows[at + 5]!) === rows[at + 1] &&
        (word0 & rows[at + 4]!) === rows[at]
      ) {
        if (this.#hasGateway[row] === 1) {
          this.hop0 = rows[at + 8]!;
          this.hop1 = rows[at + 9]!;
          this.hop2 = rows[at + 10]!;
          this.hop3 = rows[at + 11]!;
        } else {
          this.hop0 = word0;
          this.hop1 = word1;
          this.hop2 = word2;
          this.hop3 = word3;
        }
        return Status.Ok;
      }
    }
    return Status.Unreachable;
  }

  /** Adds a route, or replaces the one with the same prefix. `LimitReached` when full. */
  add(
    net0: number,
    net1: number,
    net2: number,
    net3: number,
    prefix128: number,
    hasGateway: boolean,
    gateway0: number,
    gateway1: number,
    gateway2: number,
    gateway3: number,
  ): number {
    let row = this.#find(net0, net1, net2, net3, prefix128);
    if (row < 0) {
      if (this.size === this.#capacity) return Status.LimitReached;
      row = 0;
      while (row < this.size && this.#prefix[row]! >= prefix128) row += 1;
      this.#rows.copyWithin((row + 1) * ROW, row * ROW, this.size * ROW);
      this.#prefix.copyWithin(row + 1, row, this.size);
      this.#hasGateway.copyWithin(row + 1, row, this.size);
      this.size += 1;
    }
    const at = row * ROW;
    this.#rows[at + 4] = maskWord(prefix128, 0);
    this.#rows[at + 5] = maskWord(prefix128, 1);
    this.#rows[at + 6] = maskWord(prefix128, 2);
    this.#rows[at + 7] = maskWord(prefix128, 3);
    this.#rows[at] = net0 & this.#rows[at + 4]!;
    this.#rows[at + 1] = net1 & this.#rows[at + 5]!;
    this.#rows[at + 2] = net2 & this.#rows[at + 6]!;
    this.#rows[at + 3] = net3 & this.#rows[at + 7]!;
    this.#rows[at + 8] = gateway0;
    this.#rows[at + 9] = gateway1;
    this.#rows[at + 10] = gateway2;
    this.#rows[at + 11] = gateway3;
    this.#prefix[row] = prefix128;
    this.#hasGateway[row] = hasGateway ? 1 : 0;
    return Status.Ok;
  }

  /** Removes a route. `NotFound` when there is none. */
  remove(net0: number, net1: number, net2: number, net3: number, prefix128: number): number {
    const row = this.#find(net0, net1, net2, net3, prefix128);
    if (row < 0) return Status.NotFound;
    this.#rows.copyWithin(row * ROW, (row + 1) * ROW, this.size * ROW);
    this.#prefix.copyWithin(row, row + 1, this.size);
    this.#hasGateway.copyWithin(row, row + 1, this.size);
    this.size -= 1;
    return Status.Ok;
  }

  /** Whether some route leads through this gateway: such neighbours are never evicted. */
  isGateway(word0: number, word1: number, word2: number, word3: number): boolean {
    const rows = this.#rows;
    for (let row = 0; row < this.size; row += 1) {
      const at = row * ROW + 8;
      if (
        this.#hasGateway[row] === 1 &&
        rows[at + 3] === word3 &&
        rows[at + 2] === word2 &&
        rows[at + 1] === word1 &&
        rows[at] === word0
      ) {
        return true;
      }
    }
    return false;
  }

  #find(net0: number, net1: number, net2: number, net3: number, prefix128: number): number {
    const rows = this.#rows;
    for (let row = 0; row < this.size; row += 1) {
      const at = row * ROW;
      if (
        this.#prefix[row] === prefix128 &&
        rows[at] === (net0 & maskWord(prefix128, 0)) &&
        rows[at + 1] === (net1 & maskWord(prefix128, 1)) &&
        rows[at + 2] === (net2 & maskWord(prefix128, 2)) &&
        rows[at + 3] === (net3 & maskWord(prefix128, 3))
      ) {
        return row;
      }
    }
    return -1;
  }
}
