// @hot
/**
 * Our end of the link: MAC address, output and packet memory, shared by the parts of the IP layer.
 *
 * @module
 */

import { type FrameArena, Status } from '@tickwire/base';
import type { MacAddress } from '@tickwire/wire';
import type { IpCounters } from './counters.ts';
import type { LinkOutput } from './link.ts';

/** One per {@link Ip}. */
export class LinkPort {
  readonly arena: FrameArena;
  readonly link: LinkOutput;
  readonly counters: IpCounters;
  /** Largest IP packet on the link. */
  readonly mtu: number;
  readonly macHigh: number;
  readonly macLow: number;
  /**
   * Version of everything that an `IpFlow` caches: entry numbers of neighbours, routes, own
   * addresses, path MTUs. A flow with another version is bound anew before it is used.
   */
  version = 1;

  constructor(
    arena: FrameArena,
    link: LinkOutput,
    counters: IpCounters,
    mac: MacAddress,
    mtu: number,
  ) {
    this.arena = arena;
    this.link = link;
    this.counters = counters;
    this.mtu = mtu;
    this.macHigh = mac.high;
    this.macLow = mac.low;
  }

  /** Writes the 14-byte header as words, and hands the frame to the link. Takes the reference. */
  transmit(
    frame: number,
    at: number,
    length: number,
    checksumStart: number,
    checksumAt: number,
    macHigh: number,
    macLow: number,
    etherType: number,
  ): number {
    const view = this.arena.view;
    view.setInt32(at, (macHigh << 16) | (macLow >>> 16));
    view.setInt32(at + 4, (macLow << 16) | this.macHigh);
    view.setInt32(at + 8, this.macLow);
    view.setUint16(at + 12, etherType);
    const result = this.link.transmit(frame, at, length, checksumStart, checksumAt);
    if (result < 0) {
      this.counters.linkRefused += 1;
      return result;
    }
    return Status.Ok;
  }
}
