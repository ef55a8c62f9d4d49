// @hot
/**
 * Neighbour discovery (RFC 4861) and duplicate address detection (RFC 4862, 5.4). Router
 * advertisements and redirects are not followed: routes are configured.
 *
 * @module
 */

import { NO_FRAME, Status, type TimerWheel } from '@tickwire/base';
import {
  checkNdp,
  emitNdpLinkAddress,
  emitNdpNeighbor,
  icmpv6Type,
  type IpMeta,
  MAC_MULTICAST6_HIGH,
  macIsGroup,
  macMulticast6Low,
  NDP_FLAG_OVERRIDE,
  NDP_FLAG_SOLICITED,
  NDP_HOP_LIMIT,
  NDP_NEIGHBOR_ADVERTISEMENT,
  NDP_NEIGHBOR_BYTES,
  NDP_NEIGHBOR_SOLICITATION,
  NDP_OPTION_SOURCE_LINK,
  NDP_OPTION_TARGET_LINK,
  ndpFindOption,
  ndpFlags,
  ndpOptionMacHigh,
  ndpOptionMacLow,
  ndpTarget,
} from '@tickwire/wire';
import { type Addresses6, Address6State, isMulticast6 } from './addresses6.ts';
import type { Ipv6Output } from './ipv6-output.ts';
import type { LinkPort } from './link-port.ts';
import type { Mld } from './mld.ts';
import { type Neighbours, NeighbourState } from './neighbours.ts';
import type { Routes } from './routes.ts';

/** An address is ours when nobody objects for this long: RETRANS_TIMER (RFC 4862, 5.4.1). */
export const DAD_NS = 1e9;
/** ff02::/16 as the first word. */
const LINK_SCOPE = 0xff020000 | 0;
/** ff02::1:ff00:0/104: third word and high bits of the fourth (RFC 4291, 2.7.1). */
const SOLICITED_WORD2 = 1;
const SOLICITED_WORD3 = 0xff000000 | 0;

/** Last word of the solicited-node group of an address. */
function solicitedWord3(word3: number): number {
  return SOLICITED_WORD3 | (word3 & 0x00ffffff);
}

/** Neighbour discovery of one link. */
export class Ndp {
  readonly #port: LinkPort;
  readonly #addresses: Addresses6;
  readonly #routes: Routes;
  readonly #neighbours: Neighbours;
  readonly #output: Ipv6Output;
  readonly #mld: Mld;
  readonly #wheel: TimerWheel;
  /** Timer of address row r is `timerBase + r`. */
  readonly #timerBase: number;

  constructor(
    port: LinkPort,
    addresses: Addresses6,
    routes: Routes,
    neighbours: Neighbours,
    output: Ipv6Output,
    mld: Mld,
    wheel: TimerWheel,
    timerBase: number,
  ) {
    this.#port = port;
    this.#addresses = addresses;
    this.#routes = routes;
    this.#neighbours = neighbours;
    this.#output = output;
    this.#mld = mld;
    this.#wheel = wheel;
    this.#timerBase = timerBase;
  }

  /** Begins duplicate address detection for a tentative row. */
  probe(row: number, nowNs: number): void {
    const word3 = this.#addresses.words[row * 4 + 3]!;
    this.#mld.join(LINK_SCOPE, 0, SOLICITED_WORD2, solicitedWord3(word3), nowNs);
    this.#solicitGroup(-1, row * 4, this.#addresses.words);
    this.#wheel.schedule(this.#timerBase + row, nowNs + DAD_NS);
  }

  /** Forgets a row that is being removed. */
  forget(row: number, nowNs: number): void {
    const word3 = this.#addresses.words[row * 4 + 3]!;
    this.#wheel.cancel(this.#timerBase + row);
    this.#mld.leave(LINK_SCOPE, 0, SOLICITED_WORD2, solicitedWord3(word3), nowNs);
  }

  /** Nobody objected to the row in time. */
  onTimer(row: number): void {
    const addresses = this.#addresses;
    if (addresses.state[row] !== Address6State.Tentative) return;
    addresses.state[row] = Address6State.Preferred;
    this.#port.version += 1;
    this.#advertiseToAll(row);
  }

  /** Asks for a neighbour: `unicast` at its known address, else its solicited-node group. */
  solicit(neighbour: number, unicast: boolean): void {
    const words = this.#neighbours.index.words;
    const at = neighbour * 4;
    const source = this.#addresses.sourceFor(
      words[at]!,
      words[at + 1]!,
      words[at + 2]!,
      words[at + 3]!,
    );
    if (source < 0) return;
    if (!unicast) {
      this.#solicitGroup(source, at, words);
      return;
    }
    const frame = this.#emit(NDP_NEIGHBOR_SOLICITATION, 0, at, words, NDP_OPTION_SOURCE_LINK);
    if (frame === NO_FRAME) return;
    const macHigh = this.#neighbours.macHigh[neighbour]!;
    this.#send(source, at, words, frame, macHigh, this.#neighbours.macLow[neighbour]!, true);
  }

  /** Handles the message of `meta`, whose checksum is right; the frame stays the caller's. */
  receive(meta: IpMeta, nowNs: number): void {
    const view = this.#port.arena.view;
    // A hop limit of 255 proves that no router forwarded it (RFC 4861, 7.1).
    const isSane = meta.hopLimit === NDP_HOP_LIMIT;
    if (!isSane || checkNdp(view, meta.at, meta.length) !== Status.Ok) {
      this.#port.counters.icmpv6Malformed += 1;
      return;
    }
    const type = icmpv6Type(view, meta.at);
    if (type === NDP_NEIGHBOR_SOLICITATION) this.#takeSolicitation(meta, nowNs);
    else if (type === NDP_NEIGHBOR_ADVERTISEMENT) this.#takeAdvertisement(meta, nowNs);
    else this.#port.counters.icmpIgnored += 1;
  }

  #takeSolicitation(meta: IpMeta, nowNs: number): void {
    const view = this.#port.arena.view;
    const addresses = this.#addresses;
    const row = addresses.rowOf(
      ndpTarget(view, meta.at, 0),
      ndpTarget(view, meta.at, 1),
      ndpTarget(view, meta.at, 2),
      ndpTarget(view, meta.at, 3),
    );
    if (row < 0) return;
    const isProbe = (meta.src0 | meta.src1 | meta.src2 | meta.src3) === 0;
    const state = addresses.state[row];
    if (state === Address6State.Tentative) {
      // Two hosts probe for one address: neither may have it (RFC 4862, 5.4.3).
      if (isProbe) this.#duplicate(row);
      return;
    }
    if (state !== Address6State.Preferred) return;
    if (isProbe) {
      this.#advertiseToAll(row);
      return;
    }
    const option = ndpFindOption(view, meta.at, meta.length, NDP_OPTION_SOURCE_LINK, 0);
    if (option >= 0 && this.#isNeighbour(meta)) {
      const macHigh = ndpOptionMacHigh(view, option);
      if (macIsGroup(macHigh)) return;
      this.#neighbours.learn(
        meta.src0,
        meta.src1,
        meta.src2,
        meta.src3,
        macHigh,
        ndpOptionMacLow(view, option),
        false,
        true,
        nowNs,
      );
    }
    const neighbours = this.#neighbours;
    const asker = neighbours.index.find(meta.src0, meta.src1, meta.src2, meta.src3);
    if (asker < 0 || neighbours.state[asker]! < NeighbourState.Reachable) return;
    const flags = NDP_FLAG_SOLICITED | NDP_FLAG_OVERRIDE;
    const words = addresses.words;
    const type = NDP_NEIGHBOR_ADVERTISEMENT;
    const frame = this.#emit(type, flags, row * 4, words, NDP_OPTION_TARGET_LINK);
    if (frame === NO_FRAME) return;
    const macHigh = neighbours.macHigh[asker]!;
    const macLow = neighbours.macLow[asker]!;
    this.#send(row, asker * 4, neighbours.index.words, frame, macHigh, macLow, false);
  }

  #takeAdvertisement(meta: IpMeta, nowNs: number): void {
    const view = this.#port.arena.view;
    const target0 = ndpTarget(view, meta.at, 0);
    const target1 = ndpTarget(view, meta.at, 1);
    const target2 = ndpTarget(view, meta.at, 2);
    const target3 = ndpTarget(view, meta.at, 3);
    const row = this.#addresses.rowOf(target0, target1, target2, target3);
    if (row >= 0) {
      if (this.#addresses.state[row] === Address6State.Tentative) this.#duplicate(row);
      else this.#port.counters.addressConflicts += 1;
      return;
    }
    const neighbours = this.#neighbours;
    const entry = neighbours.index.find(target0, target1, target2, target3);
    if (entry < 0) return;
    const flags = ndpFlags(view, meta.at);
    const isKnown = neighbours.state[entry]! >= NeighbourState.Reachable;
    const option = ndpFindOption(view, meta.at, meta.length, NDP_OPTION_TARGET_LINK, 0);
    if (option < 0 && !isKnown) return;
    const macHigh = option < 0 ? neighbours.macHigh[entry]! : ndpOptionMacHigh(view, option);
    const macLow = option < 0 ? neighbours.macLow[entry]! : ndpOptionMacLow(view, option);
    if (macIsGroup(macHigh)) return;
    const isSame = macHigh === neighbours.macHigh[entry] && macLow === neighbours.macLow[entry];
    // Without the override flag a known address stays (RFC 4861, 7.2.5).
    if (isKnown && !isSame && (flags & NDP_FLAG_OVERRIDE) === 0) return;
    const isSolicited = (flags & NDP_FLAG_SOLICITED) !== 0 && !isMulticast6(meta.dst0);
    neighbours.learn(
      target0,
      target1,
      target2,
      target3,
      macHigh,
      macLow,
      isSolicited,
      false,
      nowNs,
    );
  }

  #isNeighbour(meta: IpMeta): boolean {
    const routes = this.#routes;
    if (routes.lookup(meta.src0, meta.src1, meta.src2, meta.src3) !== Status.Ok) return false;
    return routes.hop3 === meta.src3 && routes.hop2 === meta.src2 && routes.hop0 === meta.src0;
  }

  #duplicate(row: number): void {
    this.#addresses.state[row] = Address6State.Duplicate;
    this.#wheel.cancel(this.#timerBase + row);
    this.#port.counters.addressConflicts += 1;
  }

  #solicitGroup(source: number, at: number, words: Int32Array): void {
    // A probe from :: must not name a link address (RFC 4861, 4.3).
    const kind = source < 0 ? 0 : NDP_OPTION_SOURCE_LINK;
    const frame = this.#emit(NDP_NEIGHBOR_SOLICITATION, 0, at, words, kind);
    if (frame === NO_FRAME) return;
    const word3 = solicitedWord3(words[at + 3]!);
    const length = NDP_NEIGHBOR_BYTES + (kind === 0 ? 0 : 8);
    this.#port.counters.ndpSolicitationsTx += 1;
    this.#output.sendControl(
      source,
      LINK_SCOPE,
      0,
      SOLICITED_WORD2,
      word3,
      NDP_HOP_LIMIT,
      false,
      frame,
      this.#port.arena.dataAt[frame]!,
      length,
      MAC_MULTICAST6_HIGH,
      macMulticast6Low(word3),
    );
  }

  #advertiseToAll(row: number): void {
    const words = this.#addresses.words;
    const type = NDP_NEIGHBOR_ADVERTISEMENT;
    const frame = this.#emit(type, NDP_FLAG_OVERRIDE, row * 4, words, NDP_OPTION_TARGET_LINK);
    if (frame === NO_FRAME) return;
    this.#port.counters.ndpAdvertisementsTx += 1;
    this.#output.sendControl(
      row,
      LINK_SCOPE,
      0,
      0,
      1,
      NDP_HOP_LIMIT,
      false,
      frame,
      this.#port.arena.dataAt[frame]!,
      NDP_NEIGHBOR_BYTES + 8,
      MAC_MULTICAST6_HIGH,
      macMulticast6Low(1),
    );
  }

  /** Writes a message about `words[at..]` with a link address option of `kind` (0: none). */
  #emit(type: number, flags: number, at: number, words: Int32Array, kind: number): number {
    const port = this.#port;
    const frame = port.link.room() > 0 ? port.arena.alloc() : NO_FRAME;
    if (frame === NO_FRAME) {
      port.counters.icmpNoMemory += 1;
      return NO_FRAME;
    }
    const view = port.arena.view;
    const to = port.arena.dataAt[frame]!;
    const word3 = words[at + 3]!;
    emitNdpNeighbor(view, to, type, flags, words[at]!, words[at + 1]!, words[at + 2]!, word3);
    if (kind !== 0) {
      emitNdpLinkAddress(view, to + NDP_NEIGHBOR_BYTES, kind, port.macHigh, port.macLow);
    }
    return frame;
  }

  /** Sends a message with an option to the unicast address `words[at..]`. */
  #send(
    row: number,
    at: number,
    words: Int32Array,
    frame: number,
    macHigh: number,
    macLow: number,
    isSolicitation: boolean,
  ): void {
    if (isSolicitation) this.#port.counters.ndpSolicitationsTx += 1;
    else this.#port.counters.ndpAdvertisementsTx += 1;
    this.#output.sendControl(
      row,
      words[at]!,
      words[at + 1]!,
      words[at + 2]!,
      words[at + 3]!,
      NDP_HOP_LIMIT,
      false,
      frame,
      this.#port.arena.dataAt[frame]!,
      NDP_NEIGHBOR_BYTES + 8,
      macHigh,
      macLow,
    );
  }
}
