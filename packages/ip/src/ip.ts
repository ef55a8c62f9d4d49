// @hot
/**
 * The IP layer of one port. Surface under construction: the bodies follow in the next commits.
 *
 * @module
 */

import { fail, type FrameArena, type Prng } from '@tickwire/base';
import { type Cidr, type IpAddress, type IpFlow, IpMeta, type IpOutput } from '@tickwire/wire';
import type { IpConfig } from './config.ts';
import { type IpEvents, IGNORE_EVENTS } from './events.ts';
import { IcmpError } from './icmp-error.ts';
import type { LinkOutput } from './link.ts';

/** A row of the neighbour table, for listings. */
export interface NeighbourRow {
  readonly address: string;
  readonly mac: string;
  readonly state: string;
  readonly queuedFrames: number;
}

/** IPv4 with ARP, ICMP and IGMP over one Ethernet link. */
export class Ip implements IpOutput {
  /** The packet being delivered; valid until the next call into this object. */
  readonly meta: IpMeta = new IpMeta();
  /** The last ICMP error about a packet of ours. */
  readonly icmpError: IcmpError = new IcmpError();
  /** Sink of events; replace it before the first packet. */
  events: IpEvents = IGNORE_EVENTS;

  constructor(
    _arena: FrameArena,
    _link: LinkOutput,
    _config: IpConfig,
    _random: Prng,
    _nowNs: number,
  ) {}

  /**
   * Takes an Ethernet frame off the wire and returns a `Verdict`. Takes the frame's reference
   * unless the verdict is `Tcp` or `Udp`: then the caller owns `meta.frame` (which differs from
   * `frame` after reassembly). `sum` is used when `rxFlags` has `RX_SUMMED`.
   */
  receive(
    _frame: number,
    _at: number,
    _length: number,
    _rxFlags: number,
    _sum: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /**
   * Takes the next packet that we sent to ourselves. Call until it says `Verdict.None`; verdicts
   * and ownership as in {@link Ip.receive}.
   */
  receiveLooped(_nowNs: number): number {
    return fail('not in this slice');
  }

  room(): number {
    return fail('not in this slice');
  }

  bindFlow(_flow: IpFlow, _nowNs: number): number {
    return fail('not in this slice');
  }

  output(
    _flow: IpFlow,
    _protocol: number,
    _frame: number,
    _at: number,
    _length: number,
    _checksumOffset: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /**
   * Answers the datagram of `meta` with port unreachable. Call it when the transport says
   * `NoHandler`, before the frame is freed. Rate limited; silent for broadcasts and multicasts.
   */
  portUnreachable(_meta: IpMeta, _nowNs: number): void {
    fail('not in this slice');
  }

  /** Sends an echo request with `length` bytes of `payload`. */
  sendEcho(
    _remote: IpAddress,
    _identifier: number,
    _sequence: number,
    _payload: Uint8Array,
    _at: number,
    _length: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /** Fires what is due. */
  timers(_nowNs: number): void {
    fail('not in this slice');
  }

  /** When {@link Ip.timers} has something to do next; Infinity when never. */
  nextDeadlineNs(): number {
    return fail('not in this slice');
  }

  /** Adds an own address with its subnet route and announces it. */
  addAddress(_cidr: Cidr, _nowNs: number): void {
    fail('not in this slice');
  }

  /** Removes an own address with its subnet route; false when it was not ours. */
  removeAddress(_address: IpAddress, _nowNs: number): boolean {
    return fail('not in this slice');
  }

  /** Adds or replaces a route. */
  addRoute(_destination: Cidr, _gateway: IpAddress | undefined): void {
    fail('not in this slice');
  }

  /** Removes a route; false when it does not exist. */
  removeRoute(_destination: Cidr): boolean {
    return fail('not in this slice');
  }

  /** Joins a multicast group (counted: as many leaves undo as many joins). A status code. */
  joinGroup(
    _word0: number,
    _word1: number,
    _word2: number,
    _word3: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /** Leaves a multicast group. A status code. */
  leaveGroup(
    _word0: number,
    _word1: number,
    _word2: number,
    _word3: number,
    _nowNs: number,
  ): number {
    return fail('not in this slice');
  }

  /** All counters by name. */
  counters(): Readonly<Record<string, number>> {
    return fail('not in this slice');
  }

  /** The neighbour table, for people. */
  neighbours(): NeighbourRow[] {
    return fail('not in this slice');
  }
}
