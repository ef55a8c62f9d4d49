// @hot
/**
 * Half-open connections as columns (RFC 4987, 3.3).
 *
 * A SYN costs its sender nothing, so it must not take a Tcb, nor anything else of which there is
 * little. An entry is one row of 16 words, one cache line, beside its links and its deadline: less
 * than a hundred bytes.
 *
 * ```text
 *  word 0..3   local address          4..7  remote address
 *  8  localPort << 16 | remotePort    9     hash
 *  10 IRS      11 ISS                 12    TSval of the SYN     13 offset of our timestamps
 *  14 window of the SYN << 16 | MSS option
 *  15 listener << 16 | SynTerms.ecn << 12 | window shift << 8 | SynFlag
 * ```
 *
 * Rows are found through buckets under a keyed hash (the demux's), each a short list with its
 * oldest row at the end; a bucket that is full is full, so a lookup looks at {@link
 * BUCKET_ROWS_MAX} rows at most. Timeouts are of few lengths, so each length has a first-in
 * first-out list: its head is its earliest deadline, and arming, expiring and `nextDeadlineNs` need
 * no wheel and no search.
 *
 * @module
 */

import type { TcpConfig } from './config.ts';
import { ALLOC_RETRY_NS } from './limits.ts';

/** No row. */
export const NO_ROW = -1;

/** Rows per bucket at most. Eight are the mean in a full cache; more than 24 have p = 1e-6. */
export const BUCKET_ROWS_MAX = 24;

/** Mean rows per bucket of a full cache. */
const BUCKET_ROWS_MEAN = 8;

/** Bits in the last word of a row. */
export const SynFlag = {
  /** Timestamps are agreed on. */
  Timestamps: 1,
  /** SACK is agreed on. */
  Sack: 2,
  /** Window scaling is agreed on. */
  Scaling: 4,
  /** Classic ECN is agreed on. */
  Ecn: 8,
  /** The addresses are IPv6. */
  Ipv6: 16,
  /** The SYN-ACK carries a fast open cookie (RFC 7413, 4.1.1). */
  FastOpen: 32,
  /** The SYN-ACK was sent more than once: its answer says nothing about the round trip (Karn). */
  Repeated: 64,
  /** Accurate ECN is agreed on. */
  Accurate: 128,
} as const;

/** Bit of `SynTerms.ecn`: the SYN came again, without asking for ECN (RFC 9768, 3.1.5). */
export const SYN_CLEARED = 4;

/** What is agreed on with a SYN; one object, reused. */
export class SynTerms {
  irs = 0;
  iss = 0;
  /** TSval of the SYN. */
  tsRecent = 0;
  /** Offset of our timestamps. */
  tsOffset = 0;
  /** Window field of the SYN. */
  window = 0;
  /** MSS option, 0 when there was none. */
  mss = 0;
  /** Window shift of the peer; counts with `SynFlag.Scaling` only. */
  shift = 0;
  /** Bits of {@link SynFlag}. */
  flags = 0;
  /** IP-ECN field of the SYN, and {@link SYN_CLEARED}. */
  ecn = 0;
}

const ROW_WORDS = 16;
const PORTS = 8;
const HASH = 9;
const IRS = 10;
const ISS = 11;
const TS_RECENT = 12;
const TS_OFFSET = 13;
const WINDOW_MSS = 14;
const REST = 15;
/** Where `SynTerms.ecn` lies in the last word. */
const ECN_SHIFT = 12;
const ECN_MASK = 7;

/** The table. All rows are made at the start; it never grows. */
export class SynCache {
  /** Rows in use. */
  count = 0;
  /** Index of the timeout of the row that the last `expire` returned. */
  expiredDue = 0;
  /** Rows that there are. */
  readonly capacity: number;
  /** Addresses, ports and what the SYN said; see the top of this file. */
  readonly words: Int32Array;
  /** When something is to be done about a row. */
  readonly deadlineNs: Float64Array;
  /** SYN-ACKs sent again. */
  readonly retries: Uint8Array;

  readonly #mask: number;
  // Buckets: doubly linked lists, newest first. `#next` links free rows too.
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  readonly #sizes: Uint8Array;
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  #free: number;
  // Timeouts: a doubly linked list for each length, in order of arming and so of deadline.
  readonly #timeoutsNs: Float64Array;
  readonly #dueHeads: Int32Array;
  readonly #dueTails: Int32Array;
  readonly #dueNext: Int32Array;
  readonly #duePrev: Int32Array;
  /** Index of the timeout that a row waits for, or {@link IDLE}. */
  readonly #due: Uint8Array;

  /** `timeoutsNs` are the lengths that {@link SynCache.arm} may be asked for, fewer than 255. */
  constructor(capacity: number, timeoutsNs: readonly number[]) {
    let buckets = 1;
    while (buckets * BUCKET_ROWS_MEAN < capacity) buckets *= 2;
    this.capacity = capacity;
    this.words = new Int32Array(capacity * ROW_WORDS);
    this.deadlineNs = new Float64Array(capacity);
    this.retries = new Uint8Array(capacity);
    this.#mask = buckets - 1;
    this.#heads = new Int32Array(buckets).fill(NO_ROW);
    this.#tails = new Int32Array(buckets).fill(NO_ROW);
    this.#sizes = new Uint8Array(buckets);
    this.#next = new Int32Array(capacity);
    this.#prev = new Int32Array(capacity).fill(NO_ROW);
    for (let row = 0; row < capacity; row += 1) this.#next[row] = row + 1;
    this.#next[capacity - 1] = NO_ROW;
    this.#free = 0;
    this.#timeoutsNs = Float64Array.from(timeoutsNs);
    this.#dueHeads = new Int32Array(timeoutsNs.length).fill(NO_ROW);
    this.#dueTails = new Int32Array(timeoutsNs.length).fill(NO_ROW);
    this.#dueNext = new Int32Array(capacity).fill(NO_ROW);
    this.#duePrev = new Int32Array(capacity).fill(NO_ROW);
    this.#due = new Uint8Array(capacity).fill(IDLE);
  }

  /** The row of a conversation, or {@link NO_ROW}. */
  find(
    hash: number,
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
    if (this.count === 0) return NO_ROW;
    const words = this.words;
    for (let row = this.#heads[hash & this.#mask]!; row !== NO_ROW; row = this.#next[row]!) {
      const at = row * ROW_WORDS;
      if (
        words[at + HASH] === hash &&
        words[at + PORTS] === ports &&
        words[at + 7] === remote3 &&
        words[at + 6] === remote2 &&
        words[at + 5] === remote1 &&
        words[at + 4] === remote0 &&
        words[at + 3] === local3 &&
        words[at + 2] === local2 &&
        words[at + 1] === local1 &&
        words[at] === local0
      ) {
        return row;
      }
    }
    return NO_ROW;
  }

  /** Whether {@link SynCache.insert} would find room. */
  hasRoom(hash: number): boolean {
    return this.#free !== NO_ROW && this.#sizes[hash & this.#mask]! < BUCKET_ROWS_MAX;
  }

  /** The oldest row of the bucket in which `hash` lies, or {@link NO_ROW}. */
  oldestBeside(hash: number): number {
    return this.#tails[hash & this.#mask]!;
  }

  /**
   * A row for which the peer has been asked most often, the oldest of these; {@link NO_ROW} when
   * the cache is empty.
   */
  stalest(): number {
    for (let due = this.#dueHeads.length - 1; due >= 0; due -= 1) {
      if (this.#dueHeads[due] !== NO_ROW) return this.#dueHeads[due]!;
    }
    return NO_ROW;
  }

  /**
   * Takes a row for `hash`; the caller fills it and arms it. There must be room, and the
   * conversation must not be there.
   */
  insert(hash: number): number {
    const row = this.#free;
    const bucket = hash & this.#mask;
    this.#free = this.#next[row]!;
    const head = this.#heads[bucket]!;
    this.#next[row] = head;
    this.#prev[row] = NO_ROW;
    if (head === NO_ROW) this.#tails[bucket] = row;
    else this.#prev[head] = row;
    this.#heads[bucket] = row;
    this.#sizes[bucket] = this.#sizes[bucket]! + 1;
    this.words[row * ROW_WORDS + HASH] = hash;
    this.retries[row] = 0;
    this.count += 1;
    return row;
  }

  /** Gives a row back. */
  remove(row: number): void {
    this.disarm(row);
    const bucket = this.words[row * ROW_WORDS + HASH]! & this.#mask;
    const next = this.#next[row]!;
    const prev = this.#prev[row]!;
    if (prev === NO_ROW) this.#heads[bucket] = next;
    else this.#next[prev] = next;
    if (next === NO_ROW) this.#tails[bucket] = prev;
    else this.#prev[next] = prev;
    this.#sizes[bucket] = this.#sizes[bucket]! - 1;
    this.#next[row] = this.#free;
    this.#free = row;
    this.count -= 1;
  }

  /** Sets the deadline of a row to `nowNs` plus the timeout of this index. */
  arm(row: number, due: number, nowNs: number): void {
    this.disarm(row);
    this.deadlineNs[row] = nowNs + this.#timeoutsNs[due]!;
    const tail = this.#dueTails[due]!;
    this.#duePrev[row] = tail;
    this.#dueNext[row] = NO_ROW;
    if (tail === NO_ROW) this.#dueHeads[due] = row;
    else this.#dueNext[tail] = row;
    this.#dueTails[due] = row;
    this.#due[row] = due;
  }

  /** When a row was armed: when its SYN-ACK was sent. */
  armedNs(row: number): number {
    return this.deadlineNs[row]! - this.#timeoutsNs[this.#due[row]!]!;
  }

  /** Takes a row out of its list of deadlines. */
  disarm(row: number): void {
    const due = this.#due[row]!;
    if (due === IDLE) return;
    const next = this.#dueNext[row]!;
    const prev = this.#duePrev[row]!;
    if (prev === NO_ROW) this.#dueHeads[due] = next;
    else this.#dueNext[prev] = next;
    if (next === NO_ROW) this.#dueTails[due] = prev;
    else this.#duePrev[next] = prev;
    this.#due[row] = IDLE;
  }

  /** The earliest deadline, exactly; Infinity when there is none. */
  nextDeadlineNs(): number {
    const row = this.#earliest();
    return row === NO_ROW ? Number.POSITIVE_INFINITY : this.deadlineNs[row]!;
  }

  /**
   * Disarms and returns the row with the earliest deadline at or before `nowNs`, or {@link NO_ROW};
   * `expiredDue` is then the index of its timeout. The caller arms or removes it.
   */
  expire(nowNs: number): number {
    const row = this.#earliest();
    if (row === NO_ROW || this.deadlineNs[row]! > nowNs) return NO_ROW;
    this.expiredDue = this.#due[row]!;
    this.disarm(row);
    return row;
  }

  #earliest(): number {
    if (this.count === 0) return NO_ROW;
    let earliest = NO_ROW;
    for (let due = 0; due < this.#dueHeads.length; due += 1) {
      const row = this.#dueHeads[due]!;
      if (row === NO_ROW) continue;
      if (earliest === NO_ROW || this.deadlineNs[row]! < this.deadlineNs[earliest]!) earliest = row;
    }
    return earliest;
  }

  /** Whether a row is in use, for listings. */
  isUsed(row: number): boolean {
    return this.#due[row] !== IDLE;
  }

  /** Where the words of a row begin. */
  at(row: number): number {
    return row * ROW_WORDS;
  }

  /** Fills everything but the addresses, which the caller writes at {@link SynCache.at}. */
  fill(row: number, ports: number, listener: number, terms: SynTerms): void {
    const words = this.words;
    const at = row * ROW_WORDS;
    words[at + PORTS] = ports;
    words[at + IRS] = terms.irs;
    words[at + ISS] = terms.iss;
    words[at + TS_RECENT] = terms.tsRecent;
    words[at + TS_OFFSET] = terms.tsOffset;
    words[at + WINDOW_MSS] = (terms.window << 16) | terms.mss;
    words[at + REST] =
      (listener << 16) | (terms.ecn << ECN_SHIFT) | (terms.shift << 8) | terms.flags;
  }

  /** The terms of a row. */
  read(row: number, out: SynTerms): void {
    const words = this.words;
    const at = row * ROW_WORDS;
    out.irs = words[at + IRS]!;
    out.iss = words[at + ISS]!;
    out.tsRecent = words[at + TS_RECENT]!;
    out.tsOffset = words[at + TS_OFFSET]!;
    out.window = words[at + WINDOW_MSS]! >>> 16;
    out.mss = words[at + WINDOW_MSS]! & 0xffff;
    out.shift = (words[at + REST]! >>> 8) & 0xf;
    out.flags = words[at + REST]! & 0xff;
    out.ecn = (words[at + REST]! >>> ECN_SHIFT) & ECN_MASK;
  }

  /** `localPort << 16 | remotePort`. */
  ports(row: number): number {
    return this.words[row * ROW_WORDS + PORTS]!;
  }

  hash(row: number): number {
    return this.words[row * ROW_WORDS + HASH]!;
  }

  irs(row: number): number {
    return this.words[row * ROW_WORDS + IRS]!;
  }

  iss(row: number): number {
    return this.words[row * ROW_WORDS + ISS]!;
  }

  tsRecent(row: number): number {
    return this.words[row * ROW_WORDS + TS_RECENT]!;
  }

  setTsRecent(row: number, tsVal: number): void {
    this.words[row * ROW_WORDS + TS_RECENT] = tsVal;
  }

  tsOffset(row: number): number {
    return this.words[row * ROW_WORDS + TS_OFFSET]!;
  }

  /** Id of the listener. */
  listener(row: number): number {
    return this.words[row * ROW_WORDS + REST]! >>> 16;
  }

  setListener(row: number, listener: number): void {
    const at = row * ROW_WORDS + REST;
    this.words[at] = (this.words[at]! & 0xffff) | (listener << 16);
  }

  /** Replaces `SynTerms.ecn`. */
  setEcn(row: number, ecn: number): void {
    const at = row * ROW_WORDS + REST;
    this.words[at] = (this.words[at]! & ~(ECN_MASK << ECN_SHIFT)) | (ecn << ECN_SHIFT);
  }

  /** Adds bits of {@link SynFlag}. */
  addFlags(row: number, flags: number): void {
    const at = row * ROW_WORDS + REST;
    this.words[at] = this.words[at]! | flags;
  }

  /** Bits of {@link SynFlag}. */
  flags(row: number): number {
    return this.words[row * ROW_WORDS + REST]! & 0xff;
  }
}

/** A row that waits for nothing: it is free. */
const IDLE = 255;

/**
 * The timeouts of a cache: the retry of what found no frame or no room, then that of the SYN-ACK,
 * doubled each time (RFC 6298, 5.5). @cold
 */
export function synTimeoutsNs(config: TcpConfig): number[] {
  const timeouts = [ALLOC_RETRY_NS];
  let timeoutNs = config.rtoInitialNs;
  for (let i = 0; i <= config.synAckRetriesMax; i += 1) {
    timeouts.push(Math.min(timeoutNs, config.rtoMaxNs));
    if (timeoutNs >= config.rtoMaxNs) break;
    timeoutNs *= 2;
  }
  return timeouts;
}
