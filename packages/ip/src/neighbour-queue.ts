// @hot
/**
 * Frames that wait for address resolution: one first-in first-out list per neighbour and one over
 * all, threaded through per-frame columns. Nothing is allocated, and one neighbour's list never
 * delays another's.
 *
 * @module
 */

const NIL = -1;
/** `next` of a frame that is in no list. */
const UNQUEUED = -2;

/** The lists of all neighbours of one link. */
export class NeighbourQueue {
  /** Frames in all lists. */
  total = 0;
  /** Frames in each list. */
  readonly count: Uint16Array;
  /** By frame: offset of the link header, bytes, and the checksum request. */
  readonly at: Uint32Array;
  readonly length: Uint32Array;
  readonly checksumStart: Uint32Array;
  readonly checksumAt: Uint32Array;

  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  readonly #next: Int32Array;
  /** By frame: the neighbour it waits for, and its place in the list over all. */
  readonly #neighbour: Int32Array;
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  #oldest = NIL;
  #newest = NIL;

  constructor(neighbours: number, frames: number) {
    this.count = new Uint16Array(neighbours);
    this.#head = new Int32Array(neighbours).fill(NIL);
    this.#tail = new Int32Array(neighbours).fill(NIL);
    this.#next = new Int32Array(frames).fill(UNQUEUED);
    this.#neighbour = new Int32Array(frames);
    this.#older = new Int32Array(frames);
    this.#newer = new Int32Array(frames);
    this.at = new Uint32Array(frames);
    this.length = new Uint32Array(frames);
    this.checksumStart = new Uint32Array(frames);
    this.checksumAt = new Uint32Array(frames);
  }

  /** Whether the frame is in a list: its headers are taken. */
  holds(frame: number): boolean {
    return this.#next[frame] !== UNQUEUED;
  }

  /** Appends a frame that is in no list. */
  push(
    neighbour: number,
    frame: number,
    at: number,
    length: number,
    checksumStart: number,
    checksumAt: number,
  ): void {
    this.at[frame] = at;
    this.length[frame] = length;
    this.checksumStart[frame] = checksumStart;
    this.checksumAt[frame] = checksumAt;
    this.#next[frame] = NIL;
    this.#neighbour[frame] = neighbour;
    const tail = this.#tail[neighbour]!;
    if (tail === NIL) this.#head[neighbour] = frame;
    else this.#next[tail] = frame;
    this.#tail[neighbour] = frame;
    this.#older[frame] = this.#newest;
    this.#newer[frame] = NIL;
    if (this.#newest === NIL) this.#oldest = frame;
    else this.#newer[this.#newest] = frame;
    this.#newest = frame;
    this.count[neighbour] = this.count[neighbour]! + 1;
    this.total += 1;
  }

  /** Takes the oldest frame of a list, or -1. Its columns hold until it is queued again. */
  shift(neighbour: number): number {
    const frame = this.#head[neighbour]!;
    if (frame === NIL) return NIL;
    const next = this.#next[frame]!;
    this.#next[frame] = UNQUEUED;
    this.#head[neighbour] = next;
    if (next === NIL) this.#tail[neighbour] = NIL;
    const older = this.#older[frame]!;
    const newer = this.#newer[frame]!;
    if (older === NIL) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NIL) this.#newest = older;
    else this.#older[newer] = older;
    this.count[neighbour] = this.count[neighbour]! - 1;
    this.total -= 1;
    return frame;
  }

  /** Takes the frame that has waited longest of all, or -1. */
  shiftOldest(): number {
    return this.#oldest === NIL ? NIL : this.shift(this.#neighbour[this.#oldest]!);
  }
}
