// @hot
/**
 * SYN cookies (RFC 4987, 3.6): the answer to a SYN for which there is no room remembers itself.
 *
 * ```text
 *  cookie = F(4-tuple) + IRS + (epoch << 24) + ((H(4-tuple, IRS) + MSS index) mod 2^24)
 * ```
 *
 * F is the offset of RFC 6528 for the 4-tuple, H a SipHash-2-4 under a key of the epoch of 64 s. H
 * covers the IRS too (Linux's does not): else the second of two small segments, when the first is
 * lost, looks like a good answer to a cookie with another MSS, and the first one's bytes are never
 * missed. So the sequence number space of a 4-tuple still moves on with its IRS and with time, and
 * a cookie is worth something for one 4-tuple, one IRS and two epochs. Of 2^32 ACKs sixteen are
 * right: a blind sender needs 2^28 of them for one connection, while an overflow is recent.
 *
 * What else the SYN said lies in the low six bits of the TSval of the SYN-ACK, which the peer
 * echoes: window shift (0xf: none), SACK permitted, ECN. That is Linux's layout. A peer without
 * timestamps gets none of the three.
 *
 * @module
 */

import type { SipHash } from '@tickwire/base';
import type { IpFlow } from '@tickwire/wire';
import { absorbAddresses, type KeySource } from './isn.ts';

/** Length of an epoch. A cookie lives for one to two of them: longer than a round trip. */
export const COOKIE_EPOCH_NS: number = 64 * 1_000_000_000;

/** Cookies are believed for this long after the last SYN for which there was no room. */
export const COOKIE_MEMORY_NS: number = 2 * COOKIE_EPOCH_NS;

/**
 * What an MSS option is rounded down to: minimum of IPv4, IPv6 minimum, tunnels, IPv6 and PPPoE and
 * IPv4 over Ethernet, jumbo frames. Three bits.
 */
const MSS_TABLE: readonly number[] = [216, 536, 1220, 1360, 1440, 1452, 1460, 8940];

const LOW_24 = 0xffffff;
/** Bits of TSval that carry options. */
const OPTION_BITS = 6;
const OPTION_MASK = 0x3f;
const OPTION_SACK = 0x10;
const OPTION_ECN = 0x20;
const NO_SHIFT = 0xf;

/** Makes and checks cookies under keys that last for one epoch. */
export class SynCookies {
  /** When there was no room last. Cookies are neither sent nor believed without that. */
  overflowNs: number = Number.NEGATIVE_INFINITY;
  readonly #source: KeySource;
  /** Keys of the last two epochs, by the lowest bit of the epoch. */
  readonly #keys: SipHash[];
  readonly #epochs: Float64Array = new Float64Array(2).fill(-1);

  constructor(source: KeySource) {
    this.#source = source;
    this.#keys = [source.hash(), source.hash()];
  }

  /** Notes that there was no room for a SYN. */
  overflowed(nowNs: number): void {
    this.overflowNs = nowNs;
  }

  /** Whether a cookie can have been sent lately. */
  isActive(nowNs: number): boolean {
    return nowNs - this.overflowNs <= COOKIE_MEMORY_NS;
  }

  /** The cookie: an ISS. `offset` is F of the 4-tuple. */
  make(
    flow: IpFlow,
    ports: number,
    offset: number,
    irs: number,
    mss: number,
    nowNs: number,
  ): number {
    const epoch = Math.floor(nowNs / COOKIE_EPOCH_NS);
    const low = (this.#hash(flow, ports, irs, this.#keyOf(epoch)) + mssIndex(mss)) & LOW_24;
    return (offset + irs + (epoch << 24) + low) | 0;
  }

  /** The MSS that went into a cookie, or 0 when it is none of ours or too old. */
  check(
    flow: IpFlow,
    ports: number,
    offset: number,
    irs: number,
    cookie: number,
    nowNs: number,
  ): number {
    const rest = (cookie - offset - irs) | 0;
    const now = Math.floor(nowNs / COOKIE_EPOCH_NS);
    const age = (now - (rest >>> 24)) & 0xff;
    const epoch = now - age;
    if (age > 1 || this.#epochs[epoch & 1] !== epoch) return 0;
    const index = (rest - this.#hash(flow, ports, irs, this.#keys[epoch & 1]!)) & LOW_24;
    return index < MSS_TABLE.length ? MSS_TABLE[index]! : 0;
  }

  #hash(flow: IpFlow, ports: number, irs: number, hash: SipHash): number {
    hash.begin();
    absorbAddresses(hash, flow);
    hash.absorb(ports, irs);
    hash.finish(40);
    return hash.low;
  }

  #keyOf(epoch: number): SipHash {
    if (this.#epochs[epoch & 1] !== epoch) this.#rotate(epoch);
    return this.#keys[epoch & 1]!;
  }

  /** A fresh key for an epoch, in place of the one before the last. @cold */
  #rotate(epoch: number): void {
    this.#keys[epoch & 1] = this.#source.hash();
    this.#epochs[epoch & 1] = epoch;
  }
}

/** Index of the largest MSS of the table that `mss` covers. */
function mssIndex(mss: number): number {
  let index = MSS_TABLE.length - 1;
  while (index > 0 && MSS_TABLE[index]! > mss) index -= 1;
  return index;
}

/**
 * The timestamp clock with the options of a SYN in its low bits, never ahead of the clock: what is
 * sent later must not look older (PAWS). `shift` -1 is no scaling.
 */
export function cookieTimestamp(clock: number, shift: number, sack: boolean, ecn: boolean): number {
  let bits = shift < 0 ? NO_SHIFT : shift;
  if (sack) bits |= OPTION_SACK;
  if (ecn) bits |= OPTION_ECN;
  const stamped = (clock & ~OPTION_MASK) | bits;
  return bits > (clock & OPTION_MASK) ? (stamped - (1 << OPTION_BITS)) | 0 : stamped;
}

/** The window shift in an echoed timestamp (without the connection's offset), -1 for none. */
export function cookieShift(clock: number): number {
  const shift = clock & 0xf;
  return shift === NO_SHIFT ? -1 : shift;
}

/** Whether an echoed timestamp says that SACK was permitted. */
export function cookieSack(clock: number): boolean {
  return (clock & OPTION_SACK) !== 0;
}

/** Whether an echoed timestamp says that ECN was agreed on. */
export function cookieEcn(clock: number): boolean {
  return (clock & OPTION_ECN) !== 0;
}
