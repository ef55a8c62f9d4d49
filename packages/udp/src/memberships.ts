// @hot
/**
 * Which socket joined which multicast group: a pool of rows, chained per socket.
 *
 * @module
 */

import type { UdpSocket } from './socket.ts';

const NIL = -1;

/** The memberships of all sockets. */
export class Memberships {
  /** Rows in use. */
  size = 0;
  readonly #words: Int32Array;
  readonly #next: Int32Array;
  #free = 0;

  constructor(capacity: number) {
    this.#words = new Int32Array(capacity * 4);
    this.#next = new Int32Array(capacity);
    for (let row = 0; row < capacity; row += 1) this.#next[row] = row + 1;
    this.#next[capacity - 1] = NIL;
  }

  /** Whether there is no room for another row. */
  get isFull(): boolean {
    return this.#free === NIL;
  }

  /** Whether the socket has joined the group. */
  has(socket: UdpSocket, word0: number, word1: number, word2: number, word3: number): boolean {
    for (let row = socket.memberships; row !== NIL; row = this.#next[row]!) {
      if (this.#is(row, word0, word1, word2, word3)) return true;
    }
    return false;
  }

  /** Adds a row; there must be room. */
  add(socket: UdpSocket, word0: number, word1: number, word2: number, word3: number): void {
    const row = this.#free;
    this.#free = this.#next[row]!;
    const at = row * 4;
    this.#words[at] = word0;
    this.#words[at + 1] = word1;
    this.#words[at + 2] = word2;
    this.#words[at + 3] = word3;
    this.#next[row] = socket.memberships;
    socket.memberships = row;
    this.size += 1;
  }

  /** Removes the row of a group; false when there is none. */
  remove(socket: UdpSocket, word0: number, word1: number, word2: number, word3: number): boolean {
    let before = NIL;
    for (let row = socket.memberships; row !== NIL; row = this.#next[row]!) {
      if (this.#is(row, word0, word1, word2, word3)) {
        if (before === NIL) socket.memberships = this.#next[row]!;
        else this.#next[before] = this.#next[row]!;
        this.#next[row] = this.#free;
        this.#free = row;
        this.size -= 1;
        return true;
      }
      before = row;
    }
    return false;
  }

  /** Word `index` of the group of a row; to leave all groups of a socket. */
  word(row: number, index: number): number {
    return this.#words[row * 4 + index]!;
  }

  #is(row: number, word0: number, word1: number, word2: number, word3: number): boolean {
    const at = row * 4;
    return (
      this.#words[at + 3] === word3 &&
      this.#words[at + 2] === word2 &&
      this.#words[at + 1] === word1 &&
      this.#words[at] === word0
    );
  }
}
