// @hot
/**
 * Two instances joined by a path that does everything a path can do: it loses, reorders,
 * duplicates, goes dark, stalls and swallows what is too large. No object per packet, so that
 * garbage is TCP's own; virtual time, one seed.
 *
 * @module
 */

import { Prng } from '@tickwire/base';
import { IpMeta } from '@tickwire/wire';
import type { TcpConfig } from '../config.ts';
import { Crossed, type CrossedHost } from './crossed.ts';

/** One way through the path when nothing is in its way. */
const HALF_NS = 1_000_000;
/** Packets that the path holds back; what is too much is lost. A power of two. */
const HELD_MAX = 1024;
/** A stalled path lets go after so long: several timeouts at the minimum below. */
const STALL_NS = 30_000_000;
/** Rounds of one weather, and of what happens within it: dark or stalled, then clear. */
const EPOCH_ROUNDS = 240;
const SPELL_ROUNDS = 60;
const BAD_ROUNDS = 15;
/** A new search for the path MTU begins within this time. */
const RAISE_NS = 300_000_000_000;
const ROUTER_MTU = 1300;
const LINK_MTU = 1500;
const IP_HEADER_BYTES = 20;
const CHANCE_MAX = 1000;
const CHUNK_BYTES = 8192;

/** What the path does in an epoch; they come in this order. */
export const Weather = {
  Clear: 0,
  /** 4 % are lost, both ways. */
  Loss: 1,
  /** 15 % come late, 5 % twice. */
  Disorder: 2,
  /** Now and then nothing passes: timeouts, back-off. */
  Dark: 3,
  /** Now and then everything comes late: timeouts that prove spurious. */
  Stall: 4,
  /** A router drops what is larger than 1,300 bytes, without a word. */
  Narrow: 5,
} as const;

const WEATHERS = 6;

/** A sender that never runs dry, a receiver that takes everything, and the path between. */
export class RoughPath {
  readonly pair: Crossed;
  /** Packets that the path has lost. */
  lost = 0;
  weather: number = Weather.Clear;
  /** Called for each packet lost; for a control that makes garbage. */
  onLost: (() => void) | undefined = undefined;
  readonly #random: Prng;
  readonly #meta: IpMeta = new IpMeta();
  readonly #chunk: Uint8Array = new Uint8Array(CHUNK_BYTES).fill(0x5a);
  readonly #frame: Int32Array = new Int32Array(HELD_MAX);
  readonly #at: Int32Array = new Int32Array(HELD_MAX);
  readonly #length: Int32Array = new Int32Array(HELD_MAX);
  readonly #dueNs: Float64Array = new Float64Array(HELD_MAX);
  /** 1 when the packet goes to `b`. */
  readonly #toB: Uint8Array = new Uint8Array(HELD_MAX);
  #held = 0;
  #isBad = false;

  constructor(config: Partial<TcpConfig>, seed: number) {
    this.#random = new Prng(seed);
    const base = { rtoMinNs: 5_000_000, rtoInitialNs: 50_000_000, sendBufferBytes: 65_536 };
    this.pair = new Crossed({ ...base, mtuProbing: 2, mtuRaiseNs: RAISE_NS, ...config });
    this.pair.open();
  }

  /** One epoch of each weather, then a silence in which the path is forgotten. */
  cycle(): void {
    for (let weather = 0; weather < WEATHERS; weather += 1) {
      this.weather = weather;
      for (let round = 0; round < EPOCH_ROUNDS; round += 1) {
        const isSpell = weather === Weather.Dark || weather === Weather.Stall;
        this.#isBad = isSpell && round % SPELL_ROUNDS < BAD_ROUNDS;
        this.#round(true);
      }
      this.#isBad = false;
    }
    this.weather = Weather.Clear;
    for (let round = 0; round < EPOCH_ROUNDS; round += 1) this.#round(false);
    this.pair.nowNs += RAISE_NS;
  }

  #round(isSending: boolean): void {
    const { pair } = this;
    const { a, b } = pair;
    const tcb = a.tcb;
    if (isSending && tcb !== undefined) a.tcp.write(tcb, this.#chunk, 0, CHUNK_BYTES);
    pair.nowNs += HALF_NS;
    a.tcp.timers(pair.nowNs);
    a.tcp.egress(pair.nowNs);
    this.#release();
    this.#carry(a, b);
    b.tcp.timers(pair.nowNs);
    b.tcp.egress(pair.nowNs);
    pair.nowNs += HALF_NS;
    this.#release();
    this.#carry(b, a);
  }

  /** Takes what a host has sent: each packet passes, waits, passes twice, or is lost. */
  #carry(from: CrossedHost, to: CrossedHost): void {
    const { arena } = from;
    while (from.head !== from.tail) {
      const i = from.head & (from.frames.length - 1);
      from.head += 1;
      const frame = from.frames[i]!;
      const at = from.ats[i]!;
      const length = from.lengths[i]!;
      const mtu = this.weather === Weather.Narrow ? ROUTER_MTU : LINK_MTU;
      const chance = this.#random.nextBelow(CHANCE_MAX);
      if (length + IP_HEADER_BYTES > mtu || this.#loses(chance)) {
        this.lost += 1;
        this.onLost?.();
        arena.free(frame);
      } else if (this.#isBad) this.#hold(frame, at, length, to, STALL_NS);
      else if (this.weather === Weather.Disorder && chance < 150) {
        this.#hold(frame, at, length, to, this.#random.nextBelow(4 * HALF_NS));
      } else {
        const isTwice = this.weather === Weather.Disorder && chance < 200;
        if (isTwice) arena.retain(frame);
        this.#give(frame, at, length, from, to);
        if (isTwice) this.#give(frame, at, length, from, to);
      }
    }
  }

  #loses(chance: number): boolean {
    if (this.weather === Weather.Loss) return chance < 40;
    return this.#isBad && this.weather === Weather.Dark;
  }

  #hold(frame: number, at: number, length: number, to: CrossedHost, delayNs: number): void {
    if (this.#held === HELD_MAX) {
      to.arena.free(frame);
      return;
    }
    const slot = this.#held;
    this.#held += 1;
    this.#frame[slot] = frame;
    this.#at[slot] = at;
    this.#length[slot] = length;
    this.#dueNs[slot] = this.pair.nowNs + delayNs;
    this.#toB[slot] = to === this.pair.b ? 1 : 0;
  }

  /** Lets go of what is due, in the order in which it came; the others move up. */
  #release(): void {
    const { a, b, nowNs } = this.pair;
    let kept = 0;
    for (let slot = 0; slot < this.#held; slot += 1) {
      const frame = this.#frame[slot]!;
      const at = this.#at[slot]!;
      const length = this.#length[slot]!;
      const toB = this.#toB[slot]!;
      if (this.#dueNs[slot]! <= nowNs) {
        if (toB === 1) this.#give(frame, at, length, a, b);
        else this.#give(frame, at, length, b, a);
        continue;
      }
      this.#frame[kept] = frame;
      this.#at[kept] = at;
      this.#length[kept] = length;
      this.#toB[kept] = toB;
      this.#dueNs[kept] = this.#dueNs[slot]!;
      kept += 1;
    }
    this.#held = kept;
  }

  #give(frame: number, at: number, length: number, from: CrossedHost, to: CrossedHost): void {
    const meta = this.#meta;
    meta.src2 = 0xffff;
    meta.src3 = from.address;
    meta.dst2 = 0xffff;
    meta.dst3 = to.address;
    meta.protocol = 6;
    meta.frame = frame;
    meta.at = at;
    meta.length = length;
    to.tcp.segmentArrives(meta, this.pair.nowNs);
  }
}
