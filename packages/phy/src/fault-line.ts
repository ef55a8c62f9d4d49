// @hot
/**
 * One direction of an imperfect wire: decides by seed what happens to each frame, and holds frames
 * until they are due.
 *
 * Frames wait in columns, ordered by a binary heap on (due time, arrival). Each frame draws the
 * same number of random numbers whatever the knobs say, so that turning one knob leaves the fate of
 * the frames under the others as it was.
 *
 * @module
 */

import { assert, type FrameArena, NetError, NO_FRAME, Prng } from '@tickwire/base';
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ethernetType,
} from '@tickwire/wire';
import { RX_BAD, RX_SUMMED, RX_VERIFIED, type RxBurst, type TxBurst } from './device.ts';
import { completeChecksum, sumBehindLink } from './software-checksum.ts';

/** What goes wrong in one direction. Probabilities are per frame, in [0, 1]; all default to 0. */
export interface Faults {
  /** Probability that a frame is lost. */
  readonly drop?: number;
  /**
   * Probability that one bit behind the link header of an IP frame is flipped, in a copy. ARP is
   * spared: it has no checksum, and on a real wire the FCS protects it.
   */
  readonly corrupt?: number;
  /** Probability that a frame arrives twice; the second is a copy in a frame of its own. */
  readonly duplicate?: number;
  /** Probability that a frame is held back by `reorderNs`, so that later ones overtake it. */
  readonly reorder?: number;
  /** See `reorder`. Default 1 ms. */
  readonly reorderNs?: number;
  /** Time on the wire. */
  readonly delayNs?: number;
  /** Up to so much more, uniformly; keeps the order. */
  readonly jitterNs?: number;
  /** Bits per second of the link; 0 is without limit. */
  readonly rateBitsPerSecond?: number;
  /** Longer frames are lost: a hop with a smaller MTU that says nothing. 0 is without limit. */
  readonly frameBytesMax?: number;
  /**
   * Bytes that wait for the link at most, the frame that is being sent included; what would be more
   * is lost at the tail. Needs `rateBitsPerSecond`; 0 is without limit.
   */
  readonly queueBytes?: number;
  /** Frames waiting and on the wire at most; more are lost. Default 1024. */
  readonly queueFrames?: number;
}

/** What happened in one direction; plain numbers that only grow. */
export class FaultCounters {
  /** Frames that went in. */
  frames = 0;
  /** Lost by `drop`. */
  dropped = 0;
  /** Altered by `corrupt`. */
  corrupted = 0;
  /** Copied by `duplicate`. */
  duplicated = 0;
  /** Held back by `reorder`. */
  reordered = 0;
  /** Lost by `frameBytesMax`. */
  tooLong = 0;
  /** Lost because `queueBytes` were waiting, or `queueFrames` were on their way. */
  overflowed = 0;
  /** Most bytes that ever waited for the link. */
  queueBytesMost = 0;
  /** Copies not made because the arena was empty; a frame to corrupt is lost then. */
  noMemory = 0;
}

const QUEUE_FRAMES_DEFAULT = 1024;
const REORDER_NS_DEFAULT = 1_000_000;
const NS_PER_SECOND = 1_000_000_000;

/** Frames on one direction of the wire. */
export class FaultLine {
  readonly counters: FaultCounters = new FaultCounters();

  readonly #arena: FrameArena;
  readonly #prng: Prng;
  readonly #drop: number;
  readonly #corrupt: number;
  readonly #duplicate: number;
  readonly #reorder: number;
  readonly #reorderNs: number;
  readonly #delayNs: number;
  readonly #jitterNs: number;
  readonly #nsPerByte: number;
  readonly #frameBytesMax: number;
  readonly #queueBytes: number;
  readonly #capacity: number;

  readonly #heap: Int32Array;
  readonly #spare: Int32Array;
  readonly #dueNs: Float64Array;
  readonly #order: Float64Array;
  readonly #frame: Uint32Array;
  readonly #at: Uint32Array;
  readonly #length: Uint32Array;
  readonly #flags: Uint32Array;
  readonly #hash: Uint32Array;
  readonly #sum: Uint32Array;
  readonly #checksumStart: Uint32Array;
  readonly #checksumAt: Uint32Array;
  #size = 0;
  #arrivals = 0;
  #busyUntilNs = 0;
  #lastDueNs = 0;

  /** Throws `NetError('EINVAL')` for a probability outside [0, 1] or a negative quantity. */
  constructor(arena: FrameArena, seed: number, faults: Faults) {
    this.#arena = arena;
    this.#prng = new Prng(seed);
    this.#drop = probability('drop', faults.drop);
    this.#corrupt = probability('corrupt', faults.corrupt);
    this.#duplicate = probability('duplicate', faults.duplicate);
    this.#reorder = probability('reorder', faults.reorder);
    this.#reorderNs = quantity('reorderNs', faults.reorderNs ?? REORDER_NS_DEFAULT);
    this.#delayNs = quantity('delayNs', faults.delayNs);
    this.#jitterNs = quantity('jitterNs', faults.jitterNs);
    const rate = quantity('rateBitsPerSecond', faults.rateBitsPerSecond);
    this.#nsPerByte = rate === 0 ? 0 : (8 * NS_PER_SECOND) / rate;
    this.#queueBytes = quantity('queueBytes', faults.queueBytes) || Infinity;
    if (rate === 0 && this.#queueBytes < Infinity) {
      throw new NetError('EINVAL', 'Fault "queueBytes" needs a link that is slow; give its rate');
    }
    this.#frameBytesMax = quantity('frameBytesMax', faults.frameBytesMax) || Infinity;
    const capacity = quantity('queueFrames', faults.queueFrames ?? QUEUE_FRAMES_DEFAULT);
    this.#capacity = capacity;
    this.#heap = new Int32Array(capacity);
    this.#spare = Int32Array.from({ length: capacity }, (_, slot) => slot);
    this.#dueNs = new Float64Array(capacity);
    this.#order = new Float64Array(capacity);
    this.#frame = new Uint32Array(capacity);
    this.#at = new Uint32Array(capacity);
    this.#length = new Uint32Array(capacity);
    this.#flags = new Uint32Array(capacity);
    this.#hash = new Uint32Array(capacity);
    this.#sum = new Uint32Array(capacity);
    this.#checksumStart = new Uint32Array(capacity);
    this.#checksumAt = new Uint32Array(capacity);
  }

  /** Frames on the wire. */
  get size(): number {
    return this.#size;
  }

  /** When the next frame is due; Infinity when none is on the wire. */
  get nextDueNs(): number {
    return this.#size === 0 ? Infinity : this.#dueNs[this.#heap[0]!]!;
  }

  /** Takes over the `i`-th received frame. */
  admitRx(rx: RxBurst, i: number, nowNs: number): void {
    const frame = rx.frame[i]!;
    const at = rx.at[i]!;
    this.#admit(frame, at, rx.length[i]!, rx.flags[i]!, rx.hash[i]!, rx.sum[i]!, 0, 0, nowNs);
  }

  /** Takes over the `i`-th frame to send. */
  admitTx(tx: TxBurst, i: number, nowNs: number): void {
    const frame = tx.frame[i]!;
    const at = tx.at[i]!;
    const start = tx.checksumStart[i]!;
    this.#admit(frame, at, tx.length[i]!, 0, 0, 0, start, tx.checksumAt[i]!, nowNs);
  }

  /** Moves the next frame, which must be there, into slot `i` of `rx`. */
  takeRx(rx: RxBurst, i: number): void {
    const slot = this.#pop();
    rx.frame[i] = this.#frame[slot]!;
    rx.at[i] = this.#at[slot]!;
    rx.length[i] = this.#length[slot]!;
    rx.flags[i] = this.#flags[slot]!;
    rx.hash[i] = this.#hash[slot]!;
    rx.sum[i] = this.#sum[slot]!;
  }

  /** Moves the next frame, which must be there, into slot `i` of `tx`. */
  takeTx(tx: TxBurst, i: number): void {
    const slot = this.#pop();
    tx.frame[i] = this.#frame[slot]!;
    tx.at[i] = this.#at[slot]!;
    tx.length[i] = this.#length[slot]!;
    tx.checksumStart[i] = this.#checksumStart[slot]!;
    tx.checksumAt[i] = this.#checksumAt[slot]!;
  }

  /** Frees everything on the wire. */
  clear(): void {
    while (this.#size > 0) this.#arena.free(this.#frame[this.#pop()]!);
  }

  #admit(
    frame: number,
    at: number,
    length: number,
    flags: number,
    hash: number,
    sum: number,
    checksumStart: number,
    checksumAt: number,
    nowNs: number,
  ): void {
    const counters = this.counters;
    const prng = this.#prng;
    const drop = prng.nextFloat() < this.#drop;
    const duplicate = prng.nextFloat() < this.#duplicate;
    const corrupt = prng.nextFloat() < this.#corrupt;
    const reorder = prng.nextFloat() < this.#reorder;
    const jitterNs = Math.floor(prng.nextFloat() * this.#jitterNs);
    const bit = prng.nextUint32();
    counters.frames += 1;
    if (length > this.#frameBytesMax) {
      counters.tooLong += 1;
      this.#arena.free(frame);
      return;
    }
    if (drop) {
      counters.dropped += 1;
      this.#arena.free(frame);
      return;
    }
    // The link is busy with one frame after the other, then every frame travels for itself.
    const startNs = this.#busyUntilNs > nowNs ? this.#busyUntilNs : nowNs;
    if (this.#nsPerByte > 0) {
      const waiting = (startNs - nowNs) / this.#nsPerByte + length;
      if (waiting > this.#queueBytes) {
        counters.overflowed += 1;
        this.#arena.free(frame);
        return;
      }
      if (waiting > counters.queueBytesMost) counters.queueBytesMost = Math.ceil(waiting);
    }
    this.#busyUntilNs = startNs + Math.ceil(length * this.#nsPerByte);
    let dueNs = this.#busyUntilNs + this.#delayNs + jitterNs;
    if (dueNs < this.#lastDueNs) dueNs = this.#lastDueNs;
    this.#lastDueNs = dueNs;
    if (reorder) {
      counters.reordered += 1;
      dueNs += this.#reorderNs;
    }
    if (duplicate) {
      const copy = this.#copy(frame, at, length);
      if (copy !== NO_FRAME) {
        counters.duplicated += 1;
        const shift = this.#arena.dataAt[copy]! - this.#arena.dataAt[frame]!;
        const start = checksumStart === 0 ? 0 : checksumStart + shift;
        const field = checksumAt + shift;
        this.#push(copy, at + shift, length, flags, hash, sum, start, field, dueNs);
      }
    }
    if (corrupt && isIp(this.#arena.view, at, length)) {
      this.#corruptAndPush(frame, at, length, flags, hash, checksumStart, checksumAt, dueNs, bit);
    } else {
      this.#push(frame, at, length, flags, hash, sum, checksumStart, checksumAt, dueNs);
    }
  }

  /**
   * Flips a bit in a copy, since the sender may still hold the frame for a retransmission. A
   * partial checksum is completed before, else the device would make the damage valid; a sum is
   * taken anew.
   */
  #corruptAndPush(
    frame: number,
    at: number,
    length: number,
    flags: number,
    hash: number,
    checksumStart: number,
    checksumAt: number,
    dueNs: number,
    random: number,
  ): void {
    const copy = this.#copy(frame, at, length);
    this.#arena.free(frame);
    if (copy === NO_FRAME) return;
    this.counters.corrupted += 1;
    const { view, dataAt } = this.#arena;
    const shift = dataAt[copy]! - dataAt[frame]!;
    const copyAt = at + shift;
    if (checksumStart !== 0) {
      completeChecksum(view, checksumStart + shift, checksumAt + shift, copyAt + length);
    }
    const bits = (length - ETHERNET_HEADER_BYTES) * 8;
    const bit = random % bits;
    const byteAt = copyAt + ETHERNET_HEADER_BYTES + (bit >> 3);
    view.setUint8(byteAt, view.getUint8(byteAt) ^ (1 << (bit & 7)));
    let sum = 0;
    let after = flags;
    if ((flags & (RX_VERIFIED | RX_SUMMED | RX_BAD)) !== 0) {
      after = (flags & ~(RX_VERIFIED | RX_BAD)) | RX_SUMMED;
      sum = sumBehindLink(view, copyAt, length);
    }
    this.#push(copy, copyAt, length, after, hash, sum, 0, 0, dueNs);
  }

  /** A frame with the same bytes at the same place, or `NO_FRAME`. */
  #copy(frame: number, at: number, length: number): number {
    const arena = this.#arena;
    const copy = arena.alloc();
    if (copy === NO_FRAME) {
      this.counters.noMemory += 1;
      return NO_FRAME;
    }
    const to = at + arena.dataAt[copy]! - arena.dataAt[frame]!;
    arena.bytes.copyWithin(to, at, at + length);
    return copy;
  }

  #push(
    frame: number,
    at: number,
    length: number,
    flags: number,
    hash: number,
    sum: number,
    checksumStart: number,
    checksumAt: number,
    dueNs: number,
  ): void {
    if (this.#size === this.#capacity) {
      this.counters.overflowed += 1;
      this.#arena.free(frame);
      return;
    }
    const slot = this.#spare[this.#size]!;
    this.#frame[slot] = frame;
    this.#at[slot] = at;
    this.#length[slot] = length;
    this.#flags[slot] = flags;
    this.#hash[slot] = hash;
    this.#sum[slot] = sum;
    this.#checksumStart[slot] = checksumStart;
    this.#checksumAt[slot] = checksumAt;
    this.#dueNs[slot] = dueNs;
    this.#order[slot] = this.#arrivals;
    this.#arrivals += 1;
    this.#siftUp(this.#size, slot);
    this.#size += 1;
  }

  #pop(): number {
    assert(this.#size > 0, 'no frame on the wire');
    const slot = this.#heap[0]!;
    this.#size -= 1;
    this.#spare[this.#size] = slot;
    if (this.#size > 0) this.#siftDown(this.#heap[this.#size]!);
    return slot;
  }

  #siftUp(from: number, slot: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = this.#heap[parent]!;
      if (!this.#before(slot, above)) break;
      this.#heap[i] = above;
      i = parent;
    }
    this.#heap[i] = slot;
  }

  #siftDown(slot: number): void {
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (right < this.#size && this.#before(this.#heap[right]!, this.#heap[child]!)) child = right;
      if (!this.#before(this.#heap[child]!, slot)) break;
      this.#heap[i] = this.#heap[child]!;
      i = child;
    }
    this.#heap[i] = slot;
  }

  #before(a: number, b: number): boolean {
    const difference = this.#dueNs[a]! - this.#dueNs[b]!;
    return difference < 0 || (difference === 0 && this.#order[a]! < this.#order[b]!);
  }
}

function isIp(view: DataView, at: number, length: number): boolean {
  if (length <= ETHERNET_HEADER_BYTES) return false;
  const type = ethernetType(view, at);
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6;
}

/** @cold */
function probability(name: string, value = 0): number {
  if (value >= 0 && value <= 1) return value;
  throw new NetError('EINVAL', `Fault "${name}" is a probability; choose a number from 0 to 1`, {
    value,
  });
}

/** @cold */
function quantity(name: string, value = 0): number {
  if (value >= 0) return value;
  throw new NetError('EINVAL', `Fault "${name}" cannot be negative; choose 0 or more`, { value });
}
