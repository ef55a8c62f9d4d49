/**
 * What IP reports besides delivered packets.
 *
 * @module
 */

import type { IcmpError } from './icmp-error.ts';

/** Receives events; methods are called during `receive`, `receiveLooped`, `output` or `timers`. */
export interface IpEvents {
  /**
   * A packet of ours that waited for its neighbour was dropped because the neighbour does not
   * answer. Same shape as an error from the network; `error.isLocal` is 1.
   */
  icmpError(error: IcmpError, nowNs: number): void;
  /**
   * An echo reply. `length` payload bytes lie at arena offset `at`, valid during the call. Whether
   * it answers a request of ours is the receiver's to check by identifier and sequence.
   */
  echoReply(
    identifier: number,
    sequence: number,
    src0: number,
    src1: number,
    src2: number,
    src3: number,
    at: number,
    length: number,
    nowNs: number,
  ): void;
  /** Another host uses one of our addresses (RFC 5227, 2.4). */
  addressConflict(address3: number, macHigh: number, macLow: number, nowNs: number): void;
}

/** Ignores everything. */
export const IGNORE_EVENTS: IpEvents = {
  icmpError(): void {},
  echoReply(): void {},
  addressConflict(): void {},
};
