// @hot
/**
 * Initial sequence numbers (RFC 6528), timestamp offsets (RFC 7323, 7.1) and the hash behind local
 * port selection (RFC 6056).
 *
 * One SipHash-2-4 over the 4-tuple gives the sequence number offset (low half) and the timestamp
 * offset (high half): for one 4-tuple both clocks run on from incarnation to incarnation, and
 * nobody without the key can tell where they stand.
 *
 * @module
 */

import { SipHash } from '@tickwire/base';
import type { IpFlow } from '@tickwire/wire';

/** The sequence clock ticks every 4 microseconds (RFC 9293, 3.4.1). */
const ISN_TICK_NS = 4000;
const TWO_32 = 4_294_967_296;

/** `floor` of {@link IsnGenerator.compute} for a 4-tuple that is not in TIME-WAIT. No int32. */
export const NO_FLOOR: number = TWO_32;

/** Behind the largest unscaled window that can be in flight, as Linux. */
const FLOOR_GAP = 65_537;

/**
 * Keys from one secret of 128 bits, by SipHash over a counter. What leaves the machine under one of
 * them says nothing about the others, nor about those that come later. (A generator that is not
 * cryptographic would: its state follows from some of its output, and runs backwards.)
 */
export class KeySource {
  readonly #hash: SipHash;
  #count = 0;

  /** `secret` is four words. */
  constructor(secret: ArrayLike<number>) {
    this.#hash = new SipHash(secret[0]! | 0, secret[1]! | 0, secret[2]! | 0, secret[3]! | 0);
  }

  /** 32 fresh bits, int32. */
  word(): number {
    this.#hash.begin();
    this.#hash.finish(4, this.#count);
    this.#count = (this.#count + 1) | 0;
    return this.#hash.low;
  }

  /** A hash under a fresh key. @cold */
  hash(): SipHash {
    return new SipHash(this.word(), this.word(), this.word(), this.word());
  }
}

/** Hashes conversations under secrets of its own. */
export class IsnGenerator {
  /** F of RFC 6528 after {@link IsnGenerator.compute}: the sequence number without the clock. */
  offset = 0;
  /** Sequence number after {@link IsnGenerator.compute}, int32. */
  isn = 0;
  /** Timestamp offset after {@link IsnGenerator.compute}, int32. */
  tsOffset = 0;
  /** Where the search for a port begins, after {@link IsnGenerator.hashPort}. Unsigned. */
  portOffset = 0;
  /** Which counter it uses, after {@link IsnGenerator.hashPort}. Unsigned. */
  portIndex = 0;
  #steps = 0;
  readonly #isnHash: SipHash;
  readonly #portHash: SipHash;

  constructor(keys: KeySource) {
    this.#isnHash = keys.hash();
    this.#portHash = keys.hash();
  }

  /**
   * ISN = M + F(local address, local port, remote address, remote port, secret). A connection that
   * sent faster than the clock ticks (2 Mbit/s) has left it behind: one that takes the place of
   * another in TIME-WAIT begins behind `floor`, that one's SND.NXT (RFC 9293, 3.6.1).
   */
  compute(flow: IpFlow, ports: number, floor: number, nowNs: number): void {
    const hash = this.#isnHash;
    hash.begin();
    absorbAddresses(hash, flow);
    hash.finish(36, ports);
    this.offset = hash.low;
    this.isn = (hash.low + (Math.floor(nowNs / ISN_TICK_NS) % TWO_32)) | 0;
    if (floor !== NO_FLOOR && ((this.isn - floor) | 0) <= 0) this.isn = (floor + FLOOR_GAP) | 0;
    this.tsOffset = hash.high;
  }

  /** Fills `portOffset` and `portIndex` for a destination: F and G of RFC 6056, 3.3.4. */
  hashPort(flow: IpFlow, remotePort: number): void {
    const hash = this.#portHash;
    hash.begin();
    absorbAddresses(hash, flow);
    hash.finish(36, remotePort);
    this.portOffset = hash.low >>> 0;
    this.portIndex = hash.high >>> 0;
  }

  /** How far a port counter moves on: 1 to 8, unpredictable from outside. */
  portStep(): number {
    const hash = this.#portHash;
    hash.begin();
    hash.finish(4, this.#steps);
    this.#steps = (this.#steps + 1) | 0;
    return 1 + (hash.low & 7);
  }
}

/** Absorbs both addresses of a flow: 32 bytes. */
export function absorbAddresses(hash: SipHash, flow: IpFlow): void {
  hash.absorb(flow.local0, flow.local1);
  hash.absorb(flow.local2, flow.local3);
  hash.absorb(flow.remote0, flow.remote1);
  hash.absorb(flow.remote2, flow.remote3);
}
