/**
 * One direction of a simulated link: a queue in front of a transmitter, then the way.
 *
 * A frame waits in the queue until the transmitter is free (drop tail when the queue is full),
 * takes its length over the rate to leave, and travels for the delay. What happens to it on the way
 * is drawn from a seeded generator, the same number of draws for every frame, so that turning one
 * knob leaves the fate of frames under the others as it was.
 *
 * @module
 */

import { Prng } from '@tickwire/base';
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, ethernetType } from '@tickwire/wire';
import type { Party } from '../port/virtual-time.ts';

/** Frames that wait for a transmitter unless told otherwise. */
const QUEUE_FRAMES_DEFAULT = 1000;
/** How long a reordered frame is held back unless told otherwise. */
const REORDER_NS_DEFAULT = 1_000_000;
const NS_PER_SECOND = 1_000_000_000;

/** What a link does. Probabilities are per frame, in [0, 1]; all default to 0. */
export interface SimLinkOptions {
  /** Time on the way. */
  readonly delayNs?: number;
  /** 0: without limit. */
  readonly rateBitsPerSecond?: number;
  /** Frames that wait for the transmitter at most; more are dropped. Default 1000. */
  readonly queueFrames?: number;
  /** Probability that a frame is lost. */
  readonly loss?: number;
  /** Probability that a frame is held back by `reorderNs`, so that later ones overtake it. */
  readonly reorder?: number;
  /** Default 1 ms. */
  readonly reorderNs?: number;
  /** Probability that a frame arrives twice. */
  readonly duplicate?: number;
  /** Probability that one bit of an IPv4 frame is flipped. ARP is spared: it has no checksum. */
  readonly corrupt?: number;
}

/** What happened on a link; numbers that only grow. */
export class SimLinkCounters {
  frames = 0;
  bytes = 0;
  delivered = 0;
  lost = 0;
  reordered = 0;
  duplicated = 0;
  corrupted = 0;
  /** Dropped because the queue was full. */
  overflowed = 0;
}

interface InFlight {
  readonly dueNs: number;
  readonly order: number;
  readonly frame: Uint8Array;
}

/** A one-way link. */
export class SimLink implements Party {
  readonly counters: SimLinkCounters = new SimLinkCounters();
  readonly #options: Required<SimLinkOptions>;
  readonly #random: Prng;
  readonly #deliver: (frame: Uint8Array, nowNs: number) => void;
  /** A binary heap on (due, order). */
  readonly #heap: InFlight[] = [];
  /** When each frame that is still with the transmitter has left, oldest first. */
  readonly #leaving: number[] = [];
  #order = 0;
  #busyUntilNs = 0;

  constructor(
    options: SimLinkOptions,
    seed: number,
    deliver: (frame: Uint8Array, nowNs: number) => void,
  ) {
    this.#options = {
      delayNs: options.delayNs ?? 0,
      rateBitsPerSecond: options.rateBitsPerSecond ?? 0,
      queueFrames: options.queueFrames ?? QUEUE_FRAMES_DEFAULT,
      loss: options.loss ?? 0,
      reorder: options.reorder ?? 0,
      reorderNs: options.reorderNs ?? REORDER_NS_DEFAULT,
      duplicate: options.duplicate ?? 0,
      corrupt: options.corrupt ?? 0,
    };
    this.#random = new Prng(seed);
    this.#deliver = deliver;
  }

  /** Takes a frame from the sender. */
  send(frame: Uint8Array, nowNs: number): void {
    const options = this.#options;
    const counters = this.counters;
    counters.frames += 1;
    counters.bytes += frame.length;
    const lost = this.#random.nextFloat() < options.loss;
    const reordered = this.#random.nextFloat() < options.reorder;
    const duplicated = this.#random.nextFloat() < options.duplicate;
    const corrupted = this.#random.nextFloat() < options.corrupt;
    const bit = this.#random.nextFloat();
    const leavesNs = this.#transmit(frame, nowNs);
    if (leavesNs < 0) {
      counters.overflowed += 1;
      return;
    }
    if (lost) {
      counters.lost += 1;
      return;
    }
    let dueNs = leavesNs + options.delayNs;
    if (reordered) {
      counters.reordered += 1;
      dueNs += options.reorderNs;
    }
    const damaged = corrupted ? corrupt(frame, bit) : undefined;
    if (damaged !== undefined) counters.corrupted += 1;
    this.#push({ dueNs, order: this.#order, frame: damaged ?? frame });
    this.#order += 1;
    if (duplicated) {
      counters.duplicated += 1;
      this.#push({ dueNs, order: this.#order, frame });
      this.#order += 1;
    }
  }

  /** When the frame has left; -1 when the queue is full. */
  #transmit(frame: Uint8Array, nowNs: number): number {
    const { rateBitsPerSecond, queueFrames } = this.#options;
    if (rateBitsPerSecond === 0) return nowNs;
    const leaving = this.#leaving;
    while (leaving.length > 0 && leaving[0]! <= nowNs) leaving.shift();
    if (leaving.length > queueFrames) return -1;
    const startNs = Math.max(nowNs, this.#busyUntilNs);
    const takesNs = (frame.length * 8 * NS_PER_SECOND) / rateBitsPerSecond;
    this.#busyUntilNs = Math.round(startNs + takesNs);
    leaving.push(this.#busyUntilNs);
    return this.#busyUntilNs;
  }

  pollAt(): number {
    return this.#heap[0]?.dueNs ?? Number.POSITIVE_INFINITY;
  }

  hasInput(): boolean {
    return false;
  }

  poll(nowNs: number): number {
    let count = 0;
    while (this.#heap.length > 0 && this.#heap[0]!.dueNs <= nowNs) {
      this.counters.delivered += 1;
      this.#deliver(this.#pop().frame, nowNs);
      count += 1;
    }
    return count;
  }

  #push(entry: InFlight): void {
    const heap = this.#heap;
    heap.push(entry);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): InFlight {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function before(a: InFlight, b: InFlight): boolean {
  return a.dueNs < b.dueNs || (a.dueNs === b.dueNs && a.order < b.order);
}

/** A copy with one bit flipped behind the link header; undefined for what has no checksum. */
function corrupt(frame: Uint8Array, where: number): Uint8Array | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (ethernetType(view, 0) !== ETHERTYPE_IPV4) return undefined;
  const copy = frame.slice();
  const bit = Math.floor(where * (frame.length - ETHERNET_HEADER_BYTES) * 8);
  const at = ETHERNET_HEADER_BYTES + (bit >> 3);
  copy[at] = copy[at]! ^ (1 << (bit & 7));
  return copy;
}
