/**
 * Two hosts on a simulated link in virtual time: delay, bandwidth, queue, loss, reordering,
 * duplication, corruption; all decided by one seed.
 *
 * @module
 */

import { NO_FRAME, Prng } from '@tickwire/base';
import { IpFlow, IpMeta } from '@tickwire/wire';
import type { Tcb } from '../tcb.ts';
import { Host, type HostOptions, type Sent } from './host.ts';

/** What a link does to packets. Chances lie between 0 and 1. */
export interface LinkOptions {
  readonly seed: number;
  /** One way. */
  readonly delayNs: number;
  /** Bits per second; Infinity for none. */
  readonly bitsPerSecond?: number;
  /** Bytes that wait for the line; what is too much is dropped. */
  readonly queueBytes?: number;
  readonly loss?: number;
  readonly reorder?: number;
  readonly reorderNs?: number;
  readonly duplicate?: number;
  /** Corrupted packets are dropped by the receiver's checksum. */
  readonly corrupt?: number;
  /** Both hosts use one arena, and the receiver gets the sender's very frame. */
  readonly shared?: boolean;
  /** Congestion experienced is marked on ECN-capable packets instead of dropping them. */
  readonly mark?: number;
  /** The same when more bytes than these wait for the line: a step marker. */
  readonly markBytes?: number;
  /** What arrives within so long is one burst: a poll loop, or a NIC that moderates interrupts. */
  readonly gatherNs?: number;
  readonly a?: HostOptions;
  readonly b?: HostOptions;
}

interface Flight {
  readonly atNs: number;
  readonly order: number;
  readonly to: Host;
  readonly from: Host;
  readonly frame: number;
  readonly at: number;
  readonly length: number;
  readonly copy: Uint8Array | undefined;
  readonly ce: boolean;
  readonly ect: number;
}

const IPV4_HEADER_BYTES = 20;

/** Largest virtual time that one `run` may take before it is called a stall. */
const STEPS_MAX = 20_000_000;

/** The link and its two hosts. */
export class Link {
  readonly a: Host;
  readonly b: Host;
  nowNs = 1_000_000_000;
  packets = 0;
  dropped = 0;
  /** Marked packets that have arrived at `a` and at `b`. */
  marksToA = 0;
  marksToB = 0;
  /** IPv4 packets from `a` that are larger are dropped by a router; may change at any time. */
  pathMtu: number = Number.POSITIVE_INFINITY;
  /** What the router says then; undefined is a black hole. */
  onTooBig: ((sent: Sent) => void) | undefined;
  readonly #options: LinkOptions;
  readonly #random: Prng;
  readonly #flights: Flight[] = [];
  #order = 0;
  #busyAtoB = 0;
  #busyBtoA = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#random = new Prng(options.seed);
    const start = { startNs: this.nowNs };
    this.a = new Host({ address: 0x0a000001, seed: options.seed, ...start, ...options.a });
    const shared = options.shared === true ? { arena: this.a.arena } : {};
    this.b = new Host({
      address: 0x0a000002,
      seed: options.seed + 1,
      ...start,
      ...shared,
      ...options.b,
    });
  }

  /** Opens a connection from `a` to a listener on `b`; runs until both are open. */
  connect(port = 80): { client: Tcb; server: Tcb } {
    let server: Tcb | undefined;
    const previous = this.b.onOpened;
    this.b.onOpened = (tcb) => {
      server = tcb;
    };
    this.b.tcp.listen(0, 0, 0, 0, port);
    const flow = new IpFlow();
    flow.remote2 = 0xffff;
    flow.remote3 = this.b.address;
    const client = this.a.tcp.connect(flow, port, 0, this.nowNs);
    if (typeof client === 'number') throw new TypeError(`connect: ${client}`);
    this.run(() => server !== undefined && this.a.of(client).opened > 0, 120e9);
    this.b.onOpened = previous;
    if (server === undefined) throw new Error('no connection');
    return { client, server };
  }

  /** Takes what the hosts have to say now. */
  pump(): void {
    this.a.tcp.egress(this.nowNs);
    this.#collect(this.a, this.b);
    this.b.tcp.egress(this.nowNs);
    this.#collect(this.b, this.a);
  }

  /**
   * Runs until `done`, each packet and timer at its own instant. Throws when nothing is left to
   * happen, or `limitNs` of virtual time have passed: a stall.
   */
  run(done: () => boolean, limitNs: number): void {
    const endNs = this.nowNs + limitNs;
    for (let step = 0; step < STEPS_MAX; step += 1) {
      this.pump();
      if (done()) return;
      if (!this.step(endNs)) throw new Error(`stalled at ${this.nowNs / 1e9} s`);
    }
    throw new Error('too many steps');
  }

  /** Runs for a while. */
  runFor(durationNs: number): void {
    const endNs = this.nowNs + durationNs;
    this.pump();
    while (this.step(endNs)) this.pump();
    this.nowNs = endNs;
  }

  /** Goes to the next event not after `endNs`; false when there is none. */
  step(endNs: number): boolean {
    const flight = this.#flights[0];
    let nextNs = flight === undefined ? Number.POSITIVE_INFINITY : flight.atNs;
    const timerNs = Math.min(this.a.tcp.nextDeadlineNs(), this.b.tcp.nextDeadlineNs());
    if (timerNs < nextNs) nextNs = timerNs;
    if (nextNs > endNs || nextNs === Number.POSITIVE_INFINITY) return false;
    if (nextNs > this.nowNs) this.nowNs = nextNs;
    this.a.tcp.timers(this.nowNs);
    this.b.tcp.timers(this.nowNs);
    // All that arrives in one instant is one burst.
    while (this.#flights.length > 0 && this.#flights[0]!.atNs <= this.nowNs) {
      this.#arrive(this.#pop());
    }
    return true;
  }

  #collect(from: Host, to: Host): void {
    for (const sent of from.sent) this.#transmit(from, to, sent);
    from.sent.length = 0;
  }

  #transmit(from: Host, to: Host, sent: Sent): void {
    const options = this.#options;
    this.packets += 1;
    const chance = (p: number | undefined): boolean =>
      p !== undefined && p > 0 && this.#random.nextFloat() < p;
    if (from === this.a && sent.length + IPV4_HEADER_BYTES > this.pathMtu) {
      this.dropped += 1;
      this.onTooBig?.(sent);
      from.arena.free(sent.frame);
      return;
    }
    let departNs = this.nowNs;
    let isLong = false;
    if (options.bitsPerSecond !== undefined) {
      const busyNs = from === this.a ? this.#busyAtoB : this.#busyBtoA;
      const startNs = busyNs > this.nowNs ? busyNs : this.nowNs;
      const waitingBytes = ((startNs - this.nowNs) * options.bitsPerSecond) / 8e9;
      if (options.queueBytes !== undefined && waitingBytes > options.queueBytes) {
        this.dropped += 1;
        from.arena.free(sent.frame);
        return;
      }
      isLong = options.markBytes !== undefined && waitingBytes > options.markBytes;
      departNs = Math.ceil(startNs + ((sent.length + 34) * 8e9) / options.bitsPerSecond);
      if (from === this.a) this.#busyAtoB = departNs;
      else this.#busyBtoA = departNs;
    }
    if (chance(options.loss) || chance(options.corrupt)) {
      this.dropped += 1;
      from.arena.free(sent.frame);
      return;
    }
    const extraNs = chance(options.reorder) ? (options.reorderNs ?? options.delayNs) : 0;
    const ce = (sent.trafficClass & 3) !== 0 && (isLong || chance(options.mark));
    const shared = options.shared === true;
    const copy = shared ? undefined : from.arena.bytes.slice(sent.at, sent.at + sent.length);
    const twice = chance(options.duplicate);
    const gatherNs = options.gatherNs ?? 1;
    const atNs = Math.ceil((departNs + options.delayNs + extraNs) / gatherNs) * gatherNs;
    const ect = sent.trafficClass & 3;
    const { frame, at, length } = sent;
    if (twice && shared) from.arena.retain(frame);
    if (!shared) from.arena.free(frame);
    this.#push({ atNs, order: 0, from, to, frame, at, length, copy, ce, ect });
    if (twice) {
      const later = atNs + 1000;
      this.#push({ atNs: later, order: 0, from, to, frame, at, length, copy, ce, ect });
    }
  }

  #arrive(flight: Flight): void {
    const { to, from } = flight;
    let { frame, at } = flight;
    if (flight.copy !== undefined) {
      frame = to.arena.alloc();
      if (frame === NO_FRAME) {
        // The device of a full pool drops.
        this.dropped += 1;
        return;
      }
      at = to.arena.dataAt[frame]!;
      to.arena.bytes.set(flight.copy, at);
    }
    const meta = new IpMeta();
    meta.src2 = 0xffff;
    meta.src3 = from.address;
    meta.dst2 = 0xffff;
    meta.dst3 = to.address;
    meta.protocol = 6;
    meta.trafficClass = flight.ce ? 3 : flight.ect;
    meta.at = at;
    meta.length = flight.length;
    meta.frame = frame;
    if (flight.ce && to === this.a) this.marksToA += 1;
    else if (flight.ce) this.marksToB += 1;
    to.tcp.segmentArrives(meta, this.nowNs);
  }

  // A binary heap by instant, then by order of sending.

  #push(flight: Flight): void {
    const entry = { ...flight, order: this.#order };
    this.#order += 1;
    const heap = this.#flights;
    heap.push(entry);
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): Flight {
    const heap = this.#flights;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
        if (!before(heap[child]!, last)) break;
        heap[i] = heap[child]!;
        i = child;
      }
      heap[i] = last;
    }
    return top;
  }

  /** Fails when a connection, timer or frame is left. */
  assertClean(): void {
    for (const host of [this.a, this.b]) {
      if (host.tcp.connectionCount !== 0) throw new Error(`${host.tcp.connectionCount} left`);
      if (host.tcp.timersArmed !== 0) throw new Error(`${host.tcp.timersArmed} timers left`);
      if (host.framesInUse() !== 0) throw new Error(`${host.framesInUse()} frames left`);
    }
  }
}

function before(a: Flight, b: Flight): boolean {
  return a.atNs < b.atNs || (a.atNs === b.atNs && a.order < b.order);
}
