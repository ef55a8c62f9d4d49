// @hot
/**
 * The neighbour cache: next hops and their Ethernet addresses, with the states of neighbour
 * unreachability detection (RFC 4861, 7.3), used for ARP as well.
 *
 * ```text
 *   output to a new hop            confirmation                 ReachableTime
 *  ---------------------> INCOMPLETE ---------> REACHABLE ----------------------> STALE
 *                          |   ^  ^                ^  ^                             | output
 *      3 requests, no reply|   |  |                |  +--- confirmation ---+        v
 *                          v   |  +-- 3 unicast    |                       +----- DELAY
 *                        FAILED     requests lost -+------- PROBE <----- 5 s -------+
 * ```
 *
 * Each neighbour has its own request clock and its own queue, and only an idle or unresolved one is
 * ever evicted. That answers the field failures that other stacks are known for: one silent peer
 * that clogs the transmit queue, one request that starves another, a global request rate, a lost
 * first packet, an active peer evicted from a small cache.
 *
 * @module
 */

import { type Prng, Status, type TimerWheel } from '@tickwire/base';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, IPV4_MAPPED_WORD } from '@tickwire/wire';
import { AddressIndex, NO_INDEX } from './address-index.ts';
import type { LinkPort } from './link-port.ts';
import { NeighbourQueue } from './neighbour-queue.ts';

/** States of a neighbour. */
export const NeighbourState = {
  /** The entry is not in use. */
  Free: 0,
  /** Asked for; frames wait. */
  Incomplete: 1,
  /** Confirmed within ReachableTime. */
  Reachable: 2,
  /** Address known, not confirmed lately; used as it is. */
  Stale: 3,
  /** Used while stale: waits for a confirmation from above before it probes. */
  Delay: 4,
  /** Being asked by unicast; used as it is. */
  Probe: 5,
  /** Does not answer. Packets are refused until the next attempt is due. */
  Failed: 6,
  /** Configured; never asked, never changed, never evicted. */
  Static: 7,
} as const;

/** Any value of {@link NeighbourState}. */
export type NeighbourState = (typeof NeighbourState)[keyof typeof NeighbourState];

/** Mean time that a confirmation lasts: REACHABLE_TIME of RFC 4861, 10. */
export const REACHABLE_NS = 30e9;
/** Time between requests to one neighbour: RETRANS_TIMER of RFC 4861, RFC 1122 2.3.2.1. */
export const REQUEST_INTERVAL_NS = 1e9;
/** Requests per attempt: MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT of RFC 4861, 10. */
export const REQUESTS_MAX = 3;
/** Time for a confirmation from above: DELAY_FIRST_PROBE_TIME of RFC 4861, 10. */
export const DELAY_NS = 5e9;
/** After the first failed attempt, packets are refused for this long; doubled each time. */
export const FAILED_HOLD_NS = 1e9;
/** Longest refusal: a peer that comes back silently is found within this time. */
export const FAILED_HOLD_MAX_NS = 8e9;
/** A resolved neighbour used within this time is active and never evicted. */
export const ACTIVE_NS = 60e9;

/** Who asks, and who is told. */
export interface NeighbourSink {
  /** Sends a request for the neighbour; `unicast` to its known address, else to all. */
  solicit(neighbour: number, unicast: boolean, nowNs: number): void;
  /** A waiting frame is about to be dropped because the neighbour does not answer. */
  undelivered(frame: number, at: number, length: number, nowNs: number): void;
  /** Whether the address is a gateway's: such neighbours are never evicted. */
  isPinned(word0: number, word1: number, word2: number, word3: number): boolean;
}

/** The neighbours of one link. Entry numbers are good for one `port.version`. */
export class Neighbours {
  /** Grows with every change of an address: for copies of the table in other threads. */
  changes = 0;
  readonly index: AddressIndex;
  readonly queue: NeighbourQueue;
  /** {@link NeighbourState} by entry. */
  readonly state: Uint8Array;
  readonly macHigh: Uint16Array;
  readonly macLow: Int32Array;

  readonly #port: LinkPort;
  readonly #sink: NeighbourSink;
  readonly #wheel: TimerWheel;
  readonly #random: Prng;
  /** Timer of entry e is `timerBase + e`; its drain timer is `timerBase + capacity + e`. */
  readonly #timerBase: number;
  readonly #queueMax: number;
  readonly #queueTotalMax: number;
  /** The first eight bytes of the link header, precomputed. */
  readonly #link0: Int32Array;
  readonly #link1: Int32Array;
  readonly #etherType: Uint16Array;
  readonly #lastUsedNs: Float64Array;
  readonly #requests: Uint8Array;
  /** Failed attempts in a row. */
  readonly #failures: Uint8Array;
  readonly #retryNs: Float64Array;

  constructor(
    port: LinkPort,
    sink: NeighbourSink,
    wheel: TimerWheel,
    timerBase: number,
    capacity: number,
    queueMax: number,
    queueTotalMax: number,
    random: Prng,
  ) {
    this.#port = port;
    this.#sink = sink;
    this.#wheel = wheel;
    this.#timerBase = timerBase;
    this.#random = random;
    this.#queueMax = queueMax;
    this.#queueTotalMax = queueTotalMax;
    this.index = new AddressIndex(capacity, random);
    this.queue = new NeighbourQueue(capacity, port.arena.capacity);
    this.state = new Uint8Array(capacity);
    this.macHigh = new Uint16Array(capacity);
    this.macLow = new Int32Array(capacity);
    this.#link0 = new Int32Array(capacity);
    this.#link1 = new Int32Array(capacity);
    this.#etherType = new Uint16Array(capacity);
    this.#lastUsedNs = new Float64Array(capacity);
    this.#requests = new Uint8Array(capacity);
    this.#failures = new Uint8Array(capacity);
    this.#retryNs = new Float64Array(capacity);
  }

  /** Timer ids that `timerBase` must leave room for. */
  static timers(capacity: number): number {
    return capacity * 2;
  }

  /** The entry of an address, made when it is not there; -1 when every entry is active. */
  obtain(word0: number, word1: number, word2: number, word3: number, nowNs: number): number {
    const found = this.index.find(word0, word1, word2, word3);
    return found !== NO_INDEX ? found : this.#create(word0, word1, word2, word3, nowNs);
  }

  /**
   * Sends a frame to a neighbour, or queues it behind resolution. `at` and `length` include the
   * link header, which is written here. Takes the reference whatever the result is.
   */
  send(
    neighbour: number,
    frame: number,
    at: number,
    length: number,
    checksumStart: number,
    checksumAt: number,
    nowNs: number,
  ): number {
    const state = this.state[neighbour]!;
    this.#lastUsedNs[neighbour] = nowNs;
    if (state !== NeighbourState.Reachable && state !== NeighbourState.Static) {
      if (state === NeighbourState.Stale) {
        this.state[neighbour] = NeighbourState.Delay;
        this.#wheel.schedule(this.#timerBase + neighbour, nowNs + DELAY_NS);
      } else if (state === NeighbourState.Free) {
        this.#beginResolution(neighbour, nowNs);
      } else if (state === NeighbourState.Failed) {
        if (nowNs < this.#retryNs[neighbour]!) {
          this.#port.counters.neighbourUnreachable += 1;
          this.#port.arena.free(frame);
          return Status.Unreachable;
        }
        this.#beginResolution(neighbour, nowNs);
      }
      if (this.state[neighbour] === NeighbourState.Incomplete) {
        return this.#enqueue(neighbour, frame, at, length, checksumStart, checksumAt);
      }
    }
    // Frames that found no room in the link when the reply came go first.
    if (this.queue.count[neighbour] !== 0) {
      return this.#enqueue(neighbour, frame, at, length, checksumStart, checksumAt);
    }
    return this.#transmit(neighbour, frame, at, length, checksumStart, checksumAt);
  }

  /**
   * A neighbour told us its address. `solicited`: in answer to our request, which proves that it
   * hears us. Only `create` makes an entry (RFC 826: when the packet was meant for us).
   */
  learn(
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    macHigh: number,
    macLow: number,
    solicited: boolean,
    create: boolean,
    nowNs: number,
  ): void {
    let neighbour = this.index.find(word0, word1, word2, word3);
    if (neighbour === NO_INDEX) {
      if (!create) return;
      neighbour = this.#create(word0, word1, word2, word3, nowNs);
      if (neighbour === NO_INDEX) return;
      // Never used by us: the first to go when room is needed.
      this.#lastUsedNs[neighbour] = Number.NEGATIVE_INFINITY;
    }
    const state = this.state[neighbour]!;
    const same =
      this.macHigh[neighbour] === macHigh &&
      this.macLow[neighbour] === macLow &&
      state !== NeighbourState.Free &&
      state !== NeighbourState.Incomplete &&
      state !== NeighbourState.Failed;
    if (state === NeighbourState.Static) {
      if (!same) this.#port.counters.neighbourStaticRefused += 1;
      return;
    }
    if (!same) this.#setMac(neighbour, macHigh, macLow);
    const asked = state === NeighbourState.Incomplete || state === NeighbourState.Probe;
    // A reply that nobody asked for proves nothing (RFC 4861, 7.2.5).
    if (solicited && asked) this.#reachable(neighbour, nowNs);
    else if (!same) {
      this.state[neighbour] = NeighbourState.Stale;
      this.#wheel.cancel(this.#timerBase + neighbour);
    }
    this.#failures[neighbour] = 0;
    if (this.queue.count[neighbour] !== 0) {
      if (this.state[neighbour] === NeighbourState.Stale) {
        this.state[neighbour] = NeighbourState.Delay;
        this.#wheel.schedule(this.#timerBase + neighbour, nowNs + DELAY_NS);
      }
      this.#drain(neighbour, nowNs);
    }
  }

  /** A transport saw progress through this neighbour (RFC 4861, 7.3.1): it needs no probe. */
  confirm(neighbour: number, nowNs: number): void {
    const state = this.state[neighbour]!;
    if (
      state === NeighbourState.Stale ||
      state === NeighbourState.Delay ||
      state === NeighbourState.Probe
    ) {
      this.#reachable(neighbour, nowNs);
    }
  }

  /** Configures a neighbour. `LimitReached` when there is no entry for it. */
  setStatic(
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    macHigh: number,
    macLow: number,
    nowNs: number,
  ): number {
    const neighbour = this.obtain(word0, word1, word2, word3, nowNs);
    if (neighbour === NO_INDEX) return Status.LimitReached;
    this.#setMac(neighbour, macHigh, macLow);
    this.state[neighbour] = NeighbourState.Static;
    this.#wheel.cancel(this.#timerBase + neighbour);
    this.#drain(neighbour, nowNs);
    return Status.Ok;
  }

  /** Forgets a neighbour and drops what waits for it. */
  remove(neighbour: number): void {
    this.#dropQueue(neighbour);
    this.#wheel.cancel(this.#timerBase + neighbour);
    this.#wheel.cancel(this.#timerBase + this.index.capacity + neighbour);
    this.index.remove(neighbour);
    this.state[neighbour] = NeighbourState.Free;
    this.changes += 1;
    this.#port.version += 1;
  }

  /** Handles a timer of ours: `id` counts from `timerBase`. */
  onTimer(id: number, nowNs: number): void {
    const capacity = this.index.capacity;
    if (id >= capacity) {
      this.#drain(id - capacity, nowNs);
      return;
    }
    const state = this.state[id]!;
    if (state === NeighbourState.Reachable) {
      this.state[id] = NeighbourState.Stale;
    } else if (state === NeighbourState.Delay) {
      this.state[id] = NeighbourState.Probe;
      this.#requests[id] = 0;
      this.#request(id, true, nowNs);
    } else if (state === NeighbourState.Probe) {
      if (this.#requests[id]! < REQUESTS_MAX) this.#request(id, true, nowNs);
      // The known address is dead. The neighbour may have moved to another one: ask everybody
      // before giving up (RFC 7048, 3).
      else this.#beginResolution(id, nowNs);
    } else if (state === NeighbourState.Incomplete) {
      if (this.#requests[id]! < REQUESTS_MAX) this.#request(id, false, nowNs);
      else this.#fail(id, nowNs);
    }
  }

  #create(word0: number, word1: number, word2: number, word3: number, nowNs: number): number {
    if (this.index.size === this.index.capacity && !this.#evict(nowNs)) {
      this.#port.counters.neighbourTableFull += 1;
      return NO_INDEX;
    }
    const neighbour = this.index.insert(word0, word1, word2, word3);
    const isV4 = word0 === 0 && word1 === 0 && word2 === IPV4_MAPPED_WORD;
    this.#port.counters.neighbourCreated += 1;
    this.state[neighbour] = NeighbourState.Free;
    this.#etherType[neighbour] = isV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    this.#lastUsedNs[neighbour] = nowNs;
    this.#failures[neighbour] = 0;
    this.#requests[neighbour] = 0;
    return neighbour;
  }

  /**
   * Makes room: the least recently used among those that are unresolved or idle. One scan of the
   * columns, about a microsecond for a thousand entries, and only when the table is full.
   */
  #evict(nowNs: number): boolean {
    let victim = NO_INDEX;
    let oldestNs = Number.POSITIVE_INFINITY;
    const words = this.index.words;
    for (let entry = 0; entry < this.index.capacity; entry += 1) {
      const state = this.state[entry]!;
      const usedNs = this.#lastUsedNs[entry]!;
      if (usedNs >= oldestNs || state === NeighbourState.Static) continue;
      const unresolved =
        state === NeighbourState.Free ||
        state === NeighbourState.Incomplete ||
        state === NeighbourState.Failed;
      if (!unresolved && nowNs - usedNs < ACTIVE_NS) continue;
      const at = entry * 4;
      if (this.#sink.isPinned(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!)) {
        continue;
      }
      victim = entry;
      oldestNs = usedNs;
    }
    if (victim === NO_INDEX) return false;
    this.#port.counters.neighbourEvicted += 1;
    this.remove(victim);
    return true;
  }

  #setMac(neighbour: number, macHigh: number, macLow: number): void {
    this.macHigh[neighbour] = macHigh;
    this.macLow[neighbour] = macLow;
    this.#link0[neighbour] = (macHigh << 16) | (macLow >>> 16);
    this.#link1[neighbour] = (macLow << 16) | this.#port.macHigh;
    this.changes += 1;
  }

  /** Confirmed now; the time it lasts is spread by half (RFC 4861, 6.3.2). */
  #reachable(neighbour: number, nowNs: number): void {
    const lastNs = Math.floor(REACHABLE_NS * (0.5 + this.#random.nextFloat()));
    this.state[neighbour] = NeighbourState.Reachable;
    this.#wheel.schedule(this.#timerBase + neighbour, nowNs + lastNs);
  }

  /**
   * Begins an attempt. The last request of an earlier one is at least a second old: attempts end by
   * a timer, and a failed one holds for a second or more.
   */
  #beginResolution(neighbour: number, nowNs: number): void {
    this.state[neighbour] = NeighbourState.Incomplete;
    this.#requests[neighbour] = 0;
    this.#request(neighbour, false, nowNs);
  }

  #request(neighbour: number, unicast: boolean, nowNs: number): void {
    this.#requests[neighbour] = this.#requests[neighbour]! + 1;
    this.#wheel.schedule(this.#timerBase + neighbour, nowNs + REQUEST_INTERVAL_NS);
    this.#sink.solicit(neighbour, unicast, nowNs);
  }

  #fail(neighbour: number, nowNs: number): void {
    const failures = this.#failures[neighbour]!;
    const holdNs = Math.min(FAILED_HOLD_NS * 2 ** failures, FAILED_HOLD_MAX_NS);
    this.state[neighbour] = NeighbourState.Failed;
    this.#retryNs[neighbour] = nowNs + holdNs;
    if (failures < 255) this.#failures[neighbour] = failures + 1;
    this.#port.counters.neighbourFailed += 1;
    const queue = this.queue;
    // What is dropped is reported once per frame; the sink may send, but not to this neighbour.
    for (let left = queue.count[neighbour]!; left > 0; left -= 1) {
      const frame = queue.shift(neighbour);
      if (frame < 0) return;
      this.#port.counters.neighbourQueueDropped += 1;
      this.#sink.undelivered(frame, queue.at[frame]!, queue.length[frame]!, nowNs);
      this.#port.arena.free(frame);
    }
  }

  #enqueue(
    neighbour: number,
    frame: number,
    at: number,
    length: number,
    checksumStart: number,
    checksumAt: number,
  ): number {
    const queue = this.queue;
    const counters = this.#port.counters;
    if (queue.holds(frame)) {
      // The same frame twice: its headers belong to the packet that waits already.
      counters.neighbourQueueDropped += 1;
      this.#port.arena.free(frame);
      return Status.BadState;
    }
    if (queue.count[neighbour]! >= this.#queueMax) {
      counters.neighbourQueueOverflow += 1;
      this.#port.arena.free(queue.shift(neighbour));
    } else if (queue.total >= this.#queueTotalMax) {
      // What has waited longest waits for a peer that is probably dead: it gives way, so that
      // silent peers never take the queue from one that will answer.
      counters.neighbourQueueTotalOverflow += 1;
      this.#port.arena.free(queue.shiftOldest());
    }
    queue.push(neighbour, frame, at, length, checksumStart, checksumAt);
    counters.neighbourQueued += 1;
    return Status.Ok;
  }

  /** Sends what waits, in order, as far as the link has room; the rest at the next timer round. */
  #drain(neighbour: number, nowNs: number): void {
    const queue = this.queue;
    while (queue.count[neighbour] !== 0) {
      if (this.#port.link.room() <= 0) {
        this.#wheel.schedule(this.#timerBase + this.index.capacity + neighbour, nowNs);
        return;
      }
      const frame = queue.shift(neighbour);
      this.#transmit(
        neighbour,
        frame,
        queue.at[frame]!,
        queue.length[frame]!,
        queue.checksumStart[frame]!,
        queue.checksumAt[frame]!,
      );
    }
  }

  #dropQueue(neighbour: number): void {
    while (this.queue.count[neighbour] !== 0) {
      this.#port.counters.neighbourQueueDropped += 1;
      this.#port.arena.free(this.queue.shift(neighbour));
    }
  }

  #transmit(
    neighbour: number,
    frame: number,
    at: number,
    length: number,
    checksumStart: number,
    checksumAt: number,
  ): number {
    const port = this.#port;
    const view = port.arena.view;
    view.setInt32(at, this.#link0[neighbour]!);
    view.setInt32(at + 4, this.#link1[neighbour]!);
    view.setInt32(at + 8, port.macLow);
    view.setUint16(at + 12, this.#etherType[neighbour]!);
    const result = port.link.transmit(frame, at, length, checksumStart, checksumAt);
    if (result < 0) port.counters.linkRefused += 1;
    return result;
  }
}
