// @hot
/**
 * Our own IPv6 addresses: link-local and configured, tentative until nobody has answered to them
 * (RFC 4862, 5.4).
 *
 * @module
 */

import { Status } from '@tickwire/base';

/** States of an own address. */
export const Address6State = {
  /** The row is free. */
  Free: 0,
  /** Duplicate address detection is under way: neither used nor answered for. */
  Tentative: 1,
  /** In use. */
  Preferred: 2,
  /** Somebody else has it (RFC 4862, 5.4.5): not used. */
  Duplicate: 3,
} as const;

/** Any value of {@link Address6State}. */
export type Address6State = (typeof Address6State)[keyof typeof Address6State];

/** Whether the first word is that of fe80::/10. */
export function isLinkLocal6(word0: number): boolean {
  return word0 >>> 22 === 0x3fa;
}

/** Whether the first word is that of ff00::/8. */
export function isMulticast6(word0: number): boolean {
  return word0 >>> 24 === 0xff;
}

/** Whether the words are ::1. */
export function isLoopback6(word0: number, word1: number, word2: number, word3: number): boolean {
  return word3 === 1 && word2 === 0 && word1 === 0 && word0 === 0;
}

/** The addresses of one link; rows keep their number while they are in use. */
export class Addresses6 {
  /** {@link Address6State} by row. */
  readonly state: Uint8Array;
  /** Four words per row. */
  readonly words: Int32Array;
  /** Prefix length by row. */
  readonly prefix: Uint8Array;

  constructor(capacity: number) {
    this.state = new Uint8Array(capacity);
    this.words = new Int32Array(capacity * 4);
    this.prefix = new Uint8Array(capacity);
  }

  /** Adds a tentative address and returns its row; `Exists` or `LimitReached`. */
  add(word0: number, word1: number, word2: number, word3: number, prefix: number): number {
    if (this.rowOf(word0, word1, word2, word3) >= 0) return Status.Exists;
    const row = this.state.indexOf(Address6State.Free);
    if (row < 0) return Status.LimitReached;
    this.words[row * 4] = word0;
    this.words[row * 4 + 1] = word1;
    this.words[row * 4 + 2] = word2;
    this.words[row * 4 + 3] = word3;
    this.prefix[row] = prefix;
    this.state[row] = Address6State.Tentative;
    return row;
  }

  /** The row of an address in any state, or -1. */
  rowOf(word0: number, word1: number, word2: number, word3: number): number {
    for (let row = 0; row < this.state.length; row += 1) {
      const at = row * 4;
      if (
        this.words[at + 3] === word3 &&
        this.state[row] !== Address6State.Free &&
        this.words[at + 2] === word2 &&
        this.words[at + 1] === word1 &&
        this.words[at] === word0
      ) {
        return row;
      }
    }
    return -1;
  }

  /** Whether the address is ours and in use. */
  isOwn(word0: number, word1: number, word2: number, word3: number): boolean {
    const row = this.rowOf(word0, word1, word2, word3);
    return row >= 0 && this.state[row] === Address6State.Preferred;
  }

  /**
   * The row to speak to an address from (RFC 6724, 5, rules 2 and 8): same scope, then the longest
   * common prefix; -1 when there is none.
   */
  sourceFor(word0: number, word1: number, word2: number, word3: number): number {
    let best = -1;
    let bestScore = -1;
    // Link-scope multicast is spoken to from the link-local address.
    const isLinkScope = isLinkLocal6(word0) || ((word0 >>> 16) & 0xff0f) === 0xff02;
    for (let row = 0; row < this.state.length; row += 1) {
      if (this.state[row] !== Address6State.Preferred) continue;
      const isSameScope = isLinkLocal6(this.words[row * 4]!) === isLinkScope;
      const common = this.commonPrefix(row, word0, word1, word2, word3);
      const score = (isSameScope ? 1000 : 0) + common;
      if (score > bestScore) {
        bestScore = score;
        best = row;
      }
    }
    return best;
  }

  /** Leading bits that the address of a row has in common with another, 0..128. */
  commonPrefix(row: number, word0: number, word1: number, word2: number, word3: number): number {
    const at = row * 4;
    let common = Math.clz32(this.words[at]! ^ word0);
    if (common === 32) common += Math.clz32(this.words[at + 1]! ^ word1);
    if (common === 64) common += Math.clz32(this.words[at + 2]! ^ word2);
    if (common === 96) common += Math.clz32(this.words[at + 3]! ^ word3);
    return common;
  }

  /** The link-local address in use, or -1. */
  linkLocal(): number {
    for (let row = 0; row < this.state.length; row += 1) {
      if (this.state[row] === Address6State.Preferred && isLinkLocal6(this.words[row * 4]!)) {
        return row;
      }
    }
    return -1;
  }
}
