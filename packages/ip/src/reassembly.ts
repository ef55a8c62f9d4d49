// @hot
/**
 * IPv4 reassembly (RFC 791, RFC 815): every datagram under way has one frame into which fragments
 * are copied, and a bitmap of the 8-byte blocks that have arrived. A fragment frame is therefore
 * never held, and the memory of a flood of fragments is `reassemblies` frames.
 *
 * A datagram is given up when fragments overlap with different contents or contradict each other:
 * RFC 5722 demands it for IPv6, and no honest sender of IPv4 does it. It must fit into the data
 * room of one frame.
 *
 * @module
 */

import { NO_FRAME, Status, type TimerWheel } from '@tickwire/base';
import {
  ECN_CE,
  ECN_MASK,
  ECN_NOT_ECT,
  fillIpv4Checksum,
  ipv4Dst,
  ipv4Fragment,
  ipv4FragmentOffset,
  ipv4HeaderLength,
  ipv4Identification,
  ipv4Protocol,
  ipv4Src,
  ipv4TotalLength,
  ipv4TrafficClass,
  IPV4_MORE_FRAGMENTS,
  setIpv4Fragment,
  setIpv4TotalLength,
  setIpv4TrafficClass,
} from '@tickwire/wire';
import type { LinkPort } from './link-port.ts';

/** A datagram that is not complete after this time is given up: Linux's 30 s (RFC 1122, 3.3.2). */
export const REASSEMBLY_TIMEOUT_NS = 30e9;
/** Bytes of the longest datagram without its header. */
const PAYLOAD_BYTES_MAX = 65_515;
const UNKNOWN = -1;

/** Told when a datagram is given up after its time. */
export interface ReassemblySink {
  /** `headerAt` is the header of the first fragment, with `length` bytes behind its start. */
  reassemblyTimedOut(headerAt: number, length: number, nowNs: number): void;
}

/** The datagrams under way of one link. */
export class Reassembly {
  /** The datagram that {@link Reassembly.add} completed: frame, header offset. */
  frame = -1;
  headerAt = 0;

  readonly #port: LinkPort;
  readonly #sink: ReassemblySink;
  readonly #wheel: TimerWheel;
  readonly #timerBase: number;
  readonly #slots: number;
  readonly #roomBytes: number;
  readonly #blockWords: number;
  /** By slot. `frame` is -1 when the slot is free. */
  readonly #frame: Int32Array;
  readonly #src: Int32Array;
  readonly #dst: Int32Array;
  /** Identification << 8 | protocol. */
  readonly #key: Int32Array;
  readonly #received: Int32Array;
  /** Payload bytes of the datagram, known from its last fragment. */
  readonly #total: Int32Array;
  /** End of the furthest fragment. */
  readonly #reach: Int32Array;
  /** Bytes of the header of the first fragment, 0 before it arrives. */
  readonly #header: Uint8Array;
  /** Union of 1 << ECN codepoint over the fragments. */
  readonly #ecn: Uint8Array;
  readonly #blocks: Uint32Array;

  constructor(
    port: LinkPort,
    sink: ReassemblySink,
    wheel: TimerWheel,
    timerBase: number,
    slots: number,
  ) {
    this.#port = port;
    this.#sink = sink;
    this.#wheel = wheel;
    this.#timerBase = timerBase;
    this.#slots = slots;
    this.#roomBytes = Math.min(port.arena.dataRoom, PAYLOAD_BYTES_MAX);
    this.#blockWords = Math.ceil(this.#roomBytes / 8 / 32);
    this.#frame = new Int32Array(slots).fill(NO_FRAME);
    this.#src = new Int32Array(slots);
    this.#dst = new Int32Array(slots);
    this.#key = new Int32Array(slots);
    this.#received = new Int32Array(slots);
    this.#total = new Int32Array(slots);
    this.#reach = new Int32Array(slots);
    this.#header = new Uint8Array(slots);
    this.#ecn = new Uint8Array(slots);
    this.#blocks = new Uint32Array(slots * this.#blockWords);
  }

  /** Datagrams under way: as many frames are held. */
  get size(): number {
    let size = 0;
    for (let slot = 0; slot < this.#slots; slot += 1) if (this.#frame[slot] !== NO_FRAME) size += 1;
    return size;
  }

  /**
   * Adds the fragment whose checked header lies at `at`. The fragment's frame stays the caller's.
   * `Ok`: the datagram is complete, `frame` and `headerAt` name it and the caller owns the frame;
   * `Again`: more are missing; other: the fragment was dropped and counted.
   */
  add(at: number, nowNs: number): number {
    const counters = this.#port.counters;
    const view = this.#port.arena.view;
    const headerBytes = ipv4HeaderLength(view, at);
    const length = ipv4TotalLength(view, at) - headerBytes;
    const offset = ipv4FragmentOffset(view, at);
    const more = (ipv4Fragment(view, at) & IPV4_MORE_FRAGMENTS) !== 0;
    const end = offset + length;
    counters.fragmentsRx += 1;
    if (length === 0 || (more && (length & 7) !== 0) || end > PAYLOAD_BYTES_MAX) {
      counters.fragmentsMalformed += 1;
      return Status.Malformed;
    }
    let slot = this.#find(at);
    if (end > this.#roomBytes) {
      // It can never be completed: what has arrived of it is of no use.
      counters.reassemblyTooLong += 1;
      if (slot >= 0) this.#release(slot);
      return Status.TooLong;
    }
    if (slot < 0) slot = this.#open(at, nowNs);
    if (slot < 0) {
      counters.reassemblyNoMemory += 1;
      return Status.LimitReached;
    }
    const total = this.#total[slot]!;
    const isContradiction =
      (total !== UNKNOWN && end > total) ||
      (!more && total !== UNKNOWN && end !== total) ||
      (!more && this.#reach[slot]! > end);
    if (isContradiction) return this.#giveUp(slot);
    const fresh = this.#mark(slot, offset, end);
    const to = this.#port.arena.dataAt[this.#frame[slot]!]!;
    const from = at + headerBytes;
    if (fresh === Status.Exists) {
      if (!this.#equals(to + offset, from, length)) return this.#giveUp(slot);
      counters.fragmentsDuplicate += 1;
      return Status.Again;
    }
    if (fresh !== Status.Ok) return this.#giveUp(slot);
    this.#port.arena.bytes.copyWithin(to + offset, from, from + length);
    this.#received[slot] = this.#received[slot]! + length;
    if (end > this.#reach[slot]!) this.#reach[slot] = end;
    if (!more) this.#total[slot] = end;
    this.#ecn[slot] = this.#ecn[slot]! | (1 << (ipv4TrafficClass(view, at) & ECN_MASK));
    if (offset === 0) {
      this.#header[slot] = headerBytes;
      this.#port.arena.bytes.copyWithin(to - headerBytes, at, at + headerBytes);
    }
    return this.#received[slot] === this.#total[slot] ? this.#complete(slot) : Status.Again;
  }

  /** The time of a slot is over. */
  onTimer(slot: number, nowNs: number): void {
    if (this.#frame[slot] === NO_FRAME) return;
    this.#port.counters.reassemblyTimeout += 1;
    const header = this.#header[slot]!;
    // Only the sender of a first fragment can make use of the error (RFC 792).
    if (header !== 0) {
      const at = this.#port.arena.dataAt[this.#frame[slot]!]! - header;
      this.#sink.reassemblyTimedOut(at, ipv4TotalLength(this.#port.arena.view, at), nowNs);
    }
    this.#release(slot);
  }

  #find(at: number): number {
    const view = this.#port.arena.view;
    const src = ipv4Src(view, at);
    const dst = ipv4Dst(view, at);
    const key = (ipv4Identification(view, at) << 8) | ipv4Protocol(view, at);
    for (let slot = 0; slot < this.#slots; slot += 1) {
      if (
        this.#frame[slot] !== NO_FRAME &&
        this.#src[slot] === src &&
        this.#dst[slot] === dst &&
        this.#key[slot] === key
      ) {
        return slot;
      }
    }
    return -1;
  }

  /** Takes a free slot, or that of the oldest datagram: old ones rarely complete. */
  #open(at: number, nowNs: number): number {
    let slot = -1;
    let oldestNs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#slots; i += 1) {
      if (this.#frame[i] === NO_FRAME) {
        slot = i;
        break;
      }
      const deadlineNs = this.#wheel.deadlineNs[this.#timerBase + i]!;
      if (deadlineNs < oldestNs) {
        oldestNs = deadlineNs;
        slot = i;
      }
    }
    if (this.#frame[slot] !== NO_FRAME) {
      this.#port.counters.reassemblyEvicted += 1;
      this.#release(slot);
    }
    const frame = this.#port.arena.alloc();
    if (frame === NO_FRAME) return -1;
    const view = this.#port.arena.view;
    this.#frame[slot] = frame;
    this.#src[slot] = ipv4Src(view, at);
    this.#dst[slot] = ipv4Dst(view, at);
    this.#key[slot] = (ipv4Identification(view, at) << 8) | ipv4Protocol(view, at);
    this.#received[slot] = 0;
    this.#total[slot] = UNKNOWN;
    this.#reach[slot] = 0;
    this.#header[slot] = 0;
    this.#ecn[slot] = 0;
    this.#blocks.fill(0, slot * this.#blockWords, (slot + 1) * this.#blockWords);
    this.#wheel.schedule(this.#timerBase + slot, nowNs + REASSEMBLY_TIMEOUT_NS);
    return slot;
  }

  /**
   * Marks the blocks of a fragment: `Ok` when all were missing, `Exists` when all were there,
   * `Malformed` when some were.
   */
  #mark(slot: number, offset: number, end: number): number {
    const base = slot * this.#blockWords;
    const first = offset >> 3;
    const last = (end + 7) >> 3;
    let there = 0;
    for (let block = first; block < last; block += 1) {
      if ((this.#blocks[base + (block >> 5)]! & (1 << (block & 31))) !== 0) there += 1;
    }
    if (there === last - first) return Status.Exists;
    if (there !== 0) return Status.Malformed;
    for (let block = first; block < last; block += 1) {
      const word = base + (block >> 5);
      this.#blocks[word] = this.#blocks[word]! | (1 << (block & 31));
    }
    return Status.Ok;
  }

  #equals(a: number, b: number, length: number): boolean {
    const bytes = this.#port.arena.bytes;
    for (let i = 0; i < length; i += 1) if (bytes[a + i] !== bytes[b + i]) return false;
    return true;
  }

  #complete(slot: number): number {
    const view = this.#port.arena.view;
    const ecn = this.#ecn[slot]!;
    // Congestion on any fragment is congestion on the datagram; a mixture of ECN-capable and
    // not, with a mark, is not to be trusted (RFC 3168, 5.3).
    const isMarked = (ecn & (1 << ECN_CE)) !== 0;
    if (isMarked && (ecn & (1 << ECN_NOT_ECT)) !== 0) return this.#giveUp(slot);
    const headerBytes = this.#header[slot]!;
    const at = this.#port.arena.dataAt[this.#frame[slot]!]! - headerBytes;
    // The header now describes the whole datagram, for whoever quotes it.
    setIpv4TotalLength(view, at, Math.min(headerBytes + this.#total[slot]!, 0xffff));
    setIpv4Fragment(view, at, 0);
    if (isMarked) setIpv4TrafficClass(view, at, ipv4TrafficClass(view, at) | ECN_CE);
    fillIpv4Checksum(view, at);
    this.frame = this.#frame[slot]!;
    this.headerAt = at;
    this.#frame[slot] = NO_FRAME;
    this.#wheel.cancel(this.#timerBase + slot);
    this.#port.counters.reassembled += 1;
    return Status.Ok;
  }

  #giveUp(slot: number): number {
    this.#port.counters.reassemblyOverlap += 1;
    this.#release(slot);
    return Status.Malformed;
  }

  #release(slot: number): void {
    this.#port.arena.free(this.#frame[slot]!);
    this.#frame[slot] = NO_FRAME;
    this.#wheel.cancel(this.#timerBase + slot);
  }
}
