// @hot
/**
 * ARP (RFC 826) with address conflict detection (RFC 5227, 2.3 announcing and 2.4 defending).
 *
 * @module
 */

import { NO_FRAME, Status, type TimerWheel } from '@tickwire/base';
import {
  ARP_BYTES,
  ARP_REPLY,
  ARP_REQUEST,
  arpOperation,
  arpSenderIp,
  arpSenderMacHigh,
  arpSenderMacLow,
  arpTargetIp,
  checkArp,
  emitArp,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_ARP,
  IPV4_MAPPED_WORD,
  LINK_UNICAST,
  MAC_BROADCAST_HIGH,
  MAC_BROADCAST_LOW,
  macIsGroup,
} from '@tickwire/wire';
import { type Addresses, isLoopback4 } from './addresses.ts';
import type { LinkPort } from './link-port.ts';
import type { Neighbours } from './neighbours.ts';
import type { Routes } from './routes.ts';

/** Announcements after an address is added: ANNOUNCE_NUM of RFC 5227, 1.1. */
export const ANNOUNCEMENTS = 2;
/** Time between them: ANNOUNCE_INTERVAL. */
export const ANNOUNCE_INTERVAL_NS = 2e9;
/** An address is defended once in this time: DEFEND_INTERVAL. */
export const DEFEND_INTERVAL_NS = 10e9;

/** Told of conflicts. */
export interface ArpConflictSink {
  addressConflict(address: number, macHigh: number, macLow: number, nowNs: number): void;
}

/** Address resolution of one link. */
export class Arp {
  readonly #port: LinkPort;
  readonly #addresses: Addresses;
  readonly #routes: Routes;
  readonly #neighbours: Neighbours;
  readonly #conflicts: ArpConflictSink;
  readonly #wheel: TimerWheel;
  readonly #timer: number;
  #announcementsLeft = 0;
  #defendedNs = Number.NEGATIVE_INFINITY;

  /** `timer` is the id of the one timer of this object. */
  constructor(
    port: LinkPort,
    addresses: Addresses,
    routes: Routes,
    neighbours: Neighbours,
    conflicts: ArpConflictSink,
    wheel: TimerWheel,
    timer: number,
  ) {
    this.#port = port;
    this.#addresses = addresses;
    this.#routes = routes;
    this.#neighbours = neighbours;
    this.#conflicts = conflicts;
    this.#wheel = wheel;
    this.#timer = timer;
  }

  /** Handles the packet at `at`; the frame stays the caller's. */
  receive(at: number, length: number, linkDst: number, nowNs: number): void {
    const counters = this.#port.counters;
    const view = this.#port.arena.view;
    counters.arpRx += 1;
    if (checkArp(view, at, length) !== Status.Ok) {
      counters.arpMalformed += 1;
      return;
    }
    const operation = arpOperation(view, at);
    const macHigh = arpSenderMacHigh(view, at);
    const macLow = arpSenderMacLow(view, at);
    const sender = arpSenderIp(view, at);
    const target = arpTargetIp(view, at);
    if (
      (operation !== ARP_REQUEST && operation !== ARP_REPLY) ||
      macIsGroup(macHigh) ||
      (macHigh === 0 && macLow === 0)
    ) {
      counters.arpMalformed += 1;
      return;
    }
    // Our own broadcast, reflected by a bridge.
    if (macHigh === this.#port.macHigh && macLow === this.#port.macLow) return;
    const addresses = this.#addresses;
    if (addresses.rowOf(sender) >= 0) {
      this.#conflict(sender, macHigh, macLow, nowNs);
      return;
    }
    const forUs = addresses.rowOf(target) >= 0;
    // A sender of 0.0.0.0 only probes whether the target is taken (RFC 5227, 2.1.1).
    if (sender !== 0) {
      if (!this.#isNeighbour(sender)) {
        counters.arpMalformed += 1;
        return;
      }
      const solicited = operation === ARP_REPLY && forUs && linkDst === LINK_UNICAST;
      this.#neighbours.learn(
        0,
        0,
        IPV4_MAPPED_WORD,
        sender,
        macHigh,
        macLow,
        solicited,
        forUs,
        nowNs,
      );
    }
    if (operation === ARP_REQUEST && forUs) {
      if (this.#send(ARP_REPLY, macHigh, macLow, target, macHigh, macLow, sender)) {
        counters.arpRepliesTx += 1;
      }
    }
  }

  /** Asks for a neighbour: `unicast` at its known address, else everybody. */
  solicit(neighbour: number, unicast: boolean): void {
    const neighbours = this.#neighbours;
    const target = neighbours.index.words[neighbour * 4 + 3]!;
    const source = this.#addresses.sourceFor(target);
    const macHigh = unicast ? neighbours.macHigh[neighbour]! : MAC_BROADCAST_HIGH;
    const macLow = unicast ? neighbours.macLow[neighbour]! : MAC_BROADCAST_LOW;
    if (this.#send(ARP_REQUEST, macHigh, macLow, source, 0, 0, target)) {
      this.#port.counters.arpRequestsTx += 1;
    }
  }

  /** Announces every own address now and once more later (RFC 5227, 2.3). */
  announce(nowNs: number): void {
    this.#announcementsLeft = ANNOUNCEMENTS;
    this.onTimer(nowNs);
  }

  /** The next announcement is due. */
  onTimer(nowNs: number): void {
    if (this.#announcementsLeft === 0) return;
    this.#announcementsLeft -= 1;
    for (let row = 0; row < this.#addresses.size; row += 1) {
      this.#announceOne(this.#addresses.address[row]!);
    }
    if (this.#announcementsLeft > 0) {
      this.#wheel.schedule(this.#timer, nowNs + ANNOUNCE_INTERVAL_NS);
    }
  }

  #announceOne(address: number): void {
    if (isLoopback4(address)) return;
    const sent = this.#send(
      ARP_REQUEST,
      MAC_BROADCAST_HIGH,
      MAC_BROADCAST_LOW,
      address,
      0,
      0,
      address,
    );
    if (sent) this.#port.counters.arpAnnouncementsTx += 1;
  }

  /**
   * Somebody else claims our address. We keep it and say so, at most once per interval: two
   * stubborn hosts must not flood the link (RFC 5227, 2.4 c).
   */
  #conflict(address: number, macHigh: number, macLow: number, nowNs: number): void {
    this.#port.counters.addressConflicts += 1;
    if (nowNs - this.#defendedNs >= DEFEND_INTERVAL_NS) {
      this.#defendedNs = nowNs;
      this.#announceOne(address);
    }
    this.#conflicts.addressConflict(address, macHigh, macLow, nowNs);
  }

  /** Whether an address can be that of a host on this link. */
  #isNeighbour(address: number): boolean {
    if (this.#addresses.isMartianSource(address)) return false;
    const routes = this.#routes;
    if (routes.lookup(0, 0, IPV4_MAPPED_WORD, address) !== Status.Ok) return false;
    return routes.hop3 === address || routes.isGateway(0, 0, IPV4_MAPPED_WORD, address);
  }

  #send(
    operation: number,
    dstHigh: number,
    dstLow: number,
    source: number,
    targetMacHigh: number,
    targetMacLow: number,
    target: number,
  ): boolean {
    const port = this.#port;
    if (port.link.room() <= 0) {
      port.counters.arpNoMemory += 1;
      return false;
    }
    const frame = port.arena.alloc();
    if (frame === NO_FRAME) {
      port.counters.arpNoMemory += 1;
      return false;
    }
    const at = port.arena.dataAt[frame]!;
    emitArp(
      port.arena.view,
      at + ETHERNET_HEADER_BYTES,
      operation,
      port.macHigh,
      port.macLow,
      source,
      targetMacHigh,
      targetMacLow,
      target,
    );
    const length = ETHERNET_HEADER_BYTES + ARP_BYTES;
    const result = port.transmit(frame, at, length, 0, 0, dstHigh, dstLow, ETHERTYPE_ARP);
    return result >= 0;
  }
}
