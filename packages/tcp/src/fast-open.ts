// @hot
/**
 * TCP Fast Open (RFC 7413): data in the SYN, for who has been here before.
 *
 * A server gives each client address a cookie, which proves at the next SYN that the address is not
 * forged. A client keeps the cookies of the servers that it has talked to. Neither side is on
 * unless asked for: data in a SYN may be delivered twice when the network duplicates the SYN (RFC
 * 7413, 2.1), so an application has to say that it can bear that.
 *
 * @module
 */

import { halfSipHash, type SipHash } from '@tickwire/base';
import type { IpFlow } from '@tickwire/wire';
import type { KeySource } from './isn.ts';
import { FAST_OPEN_AVOID_NS, FAST_OPEN_KEY_NS } from './limits.ts';

/** Values of `Tcb.fastOpen`. */
export const FastOpen = {
  None: 0,
  /** Active open that asks for a cookie. */
  Client: 1,
  /** Active open whose SYN has a cookie, and perhaps data. */
  ClientCookie: 2,
  /** Passive open: the owner has the connection, the handshake is not complete. */
  Server: 3,
  /** The same, and the SYN-ACK brings a new cookie. */
  ServerRenew: 4,
} as const;

/** Bytes of our cookies: one SipHash-2-4. */
export const FAST_OPEN_COOKIE_BYTES = 8;

/** What {@link FastOpenKeys.check} says. */
export const FastOpenCookie = {
  /** None of ours, or too old. */
  Bad: 0,
  /** Made under the key of this period. */
  Good: 1,
  /** Made under the key before: still good, and the client gets a new one. */
  Old: 2,
} as const;

/** The server's side: makes and checks cookies, under a key that changes. */
export class FastOpenKeys {
  readonly #source: KeySource;
  #current: SipHash;
  #previous: SipHash;
  #period = -1;

  constructor(source: KeySource) {
    this.#source = source;
    this.#current = source.hash();
    this.#previous = source.hash();
  }

  /** Writes the cookie of the flow's remote address. */
  write(flow: IpFlow, view: DataView, at: number, nowNs: number): void {
    this.#turn(nowNs);
    absorbRemote(this.#current, flow);
    view.setInt32(at, this.#current.low);
    view.setInt32(at + 4, this.#current.high);
  }

  /** Judges a cookie: a `FastOpenCookie`. */
  check(flow: IpFlow, view: DataView, at: number, length: number, nowNs: number): number {
    if (length !== FAST_OPEN_COOKIE_BYTES) return FastOpenCookie.Bad;
    this.#turn(nowNs);
    const low = view.getInt32(at);
    const high = view.getInt32(at + 4);
    absorbRemote(this.#current, flow);
    if (this.#current.low === low && this.#current.high === high) return FastOpenCookie.Good;
    absorbRemote(this.#previous, flow);
    if (this.#previous.low === low && this.#previous.high === high) return FastOpenCookie.Old;
    return FastOpenCookie.Bad;
  }

  #turn(nowNs: number): void {
    const period = Math.floor(nowNs / FAST_OPEN_KEY_NS);
    if (period !== this.#period) this.#rotate(period);
  }

  /** A new key; the last one stays good for one more period. @cold */
  #rotate(period: number): void {
    this.#previous = period === this.#period + 1 ? this.#current : this.#source.hash();
    this.#current = this.#source.hash();
    this.#period = period;
  }
}

function absorbRemote(hash: SipHash, flow: IpFlow): void {
  hash.begin();
  hash.absorb(flow.remote0, flow.remote1);
  hash.absorb(flow.remote2, flow.remote3);
  hash.finish(16);
}

/** Servers in one set of {@link FastOpenCache}: the oldest of them gives way. */
const WAYS = 4;
/** Words of a row: address, MSS, length of the cookie, cookie. */
const ROW_WORDS = 10;
const MSS = 4;
const LENGTH = 5;
const COOKIE = 6;
/** Longest cookie (RFC 7413, 4.1.1). */
const COOKIE_BYTES_MAX = 16;

/** The client's side: cookie and MSS by server address (RFC 7413, 4.1.3). Bounded. */
export class FastOpenCache {
  /** Bytes of the cookie that the last `lookup` met; 0 when there was none. */
  length = 0;
  /** MSS of the server that the last `lookup` met; 0 when unknown. */
  mss = 0;
  /** The cookie of the last `lookup`. */
  readonly cookie: DataView = new DataView(new ArrayBuffer(COOKIE_BYTES_MAX));
  readonly #words: Int32Array;
  /** No data in a SYN to this server until then (RFC 7413, 4.1.3.1). */
  readonly #avoidNs: Float64Array;
  readonly #used: Uint8Array;
  /** Where the next server of a set goes. */
  readonly #turn: Uint8Array;
  readonly #mask: number;
  readonly #key0: number;
  readonly #key1: number;
  readonly #address: Int32Array = new Int32Array(4);

  constructor(servers: number, keys: KeySource) {
    let sets = 1;
    while (sets * WAYS < servers) sets *= 2;
    this.#mask = sets - 1;
    this.#words = new Int32Array(sets * WAYS * ROW_WORDS);
    this.#avoidNs = new Float64Array(sets * WAYS);
    this.#used = new Uint8Array(sets * WAYS);
    this.#turn = new Uint8Array(sets);
    this.#key0 = keys.word();
    this.#key1 = keys.word();
  }

  /**
   * Looks for the server of a flow: fills `length`, `mss` and `cookie`. False when this server is
   * not to be tried now.
   */
  lookup(flow: IpFlow, nowNs: number): boolean {
    this.length = 0;
    this.mss = 0;
    const row = this.#rowOf(flow);
    if (row < 0) return true;
    const at = row * ROW_WORDS;
    const words = this.#words;
    this.mss = words[at + MSS]!;
    if (nowNs < this.#avoidNs[row]!) return false;
    this.length = words[at + LENGTH]!;
    for (let i = 0; i < 4; i += 1) this.cookie.setInt32(4 * i, words[at + COOKIE + i]!);
    return true;
  }

  /** Keeps what a SYN-ACK said. `length` 0 keeps the cookie that is there. */
  store(flow: IpFlow, mss: number, view: DataView, from: number, length: number): void {
    const row = this.#rowFor(flow);
    const at = row * ROW_WORDS;
    const words = this.#words;
    words[at + MSS] = mss;
    if (length === 0) return;
    this.#avoidNs[row] = 0;
    words[at + LENGTH] = length;
    for (let i = 0; i < COOKIE_BYTES_MAX; i += 1) {
      this.cookie.setUint8(i, i < length ? view.getUint8(from + i) : 0);
    }
    for (let i = 0; i < 4; i += 1) words[at + COOKIE + i] = this.cookie.getInt32(4 * i);
  }

  /** A SYN with data seems to have been eaten on the way: no more of these for a while. */
  avoid(flow: IpFlow, nowNs: number): void {
    this.#avoidNs[this.#rowFor(flow)] = nowNs + FAST_OPEN_AVOID_NS;
  }

  #set(flow: IpFlow): number {
    const address = this.#address;
    address[0] = flow.remote0;
    address[1] = flow.remote1;
    address[2] = flow.remote2;
    address[3] = flow.remote3;
    return halfSipHash(this.#key0, this.#key1, address, 0, 4) & this.#mask;
  }

  #rowOf(flow: IpFlow): number {
    const from = this.#set(flow) * WAYS;
    const words = this.#words;
    for (let row = from; row < from + WAYS; row += 1) {
      const at = row * ROW_WORDS;
      if (
        this.#used[row] === 1 &&
        words[at + 3] === flow.remote3 &&
        words[at + 2] === flow.remote2 &&
        words[at + 1] === flow.remote1 &&
        words[at] === flow.remote0
      ) {
        return row;
      }
    }
    return -1;
  }

  #rowFor(flow: IpFlow): number {
    const known = this.#rowOf(flow);
    if (known >= 0) return known;
    const set = this.#set(flow);
    const row = set * WAYS + this.#turn[set]!;
    this.#turn[set] = (this.#turn[set]! + 1) % WAYS;
    const at = row * ROW_WORDS;
    this.#words[at] = flow.remote0;
    this.#words[at + 1] = flow.remote1;
    this.#words[at + 2] = flow.remote2;
    this.#words[at + 3] = flow.remote3;
    this.#words[at + MSS] = 0;
    this.#words[at + LENGTH] = 0;
    this.#avoidNs[row] = 0;
    this.#used[row] = 1;
    return row;
  }
}
