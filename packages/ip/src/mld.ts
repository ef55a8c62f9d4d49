// @hot
/**
 * Host side of MLD version 2 (RFC 9777, once RFC 3810) with any-source memberships, and version 1
 * (RFC 2710) while a querier of that version is present. The IPv6 twin of `igmp.ts`.
 *
 * @module
 */

import { NO_FRAME, type Prng, Status, type TimerWheel } from '@tickwire/base';
import {
  checkMld,
  emitMld,
  emitMldRecord,
  emitMldV2Report,
  type IpMeta,
  MAC_MULTICAST6_HIGH,
  macMulticast6Low,
  MLD_BYTES,
  MLD_CHANGE_TO_EXCLUDE,
  MLD_CHANGE_TO_INCLUDE,
  MLD_MODE_IS_EXCLUDE,
  MLD_QUERY,
  MLD_RECORD_BYTES,
  MLD_V1_DONE,
  MLD_V1_REPORT,
  MLD_V2_REPORT_BYTES,
  mldAddress,
  mldMaxResponseMs,
  mldQueryVersion,
  icmpv6Type,
} from '@tickwire/wire';
import { AddressIndex, NO_INDEX } from './address-index.ts';
import { type Addresses6, isLinkLocal6, isMulticast6 } from './addresses6.ts';
import { IGMP_OLDER_QUERIER_NS, IGMP_ROBUSTNESS, IGMP_UNSOLICITED_NS } from './igmp.ts';
import type { Ipv6Output } from './ipv6-output.ts';
import type { LinkPort } from './link-port.ts';

/** ff02::/16 as the first word: link scope. */
const LINK_SCOPE = 0xff020000 | 0;
/** ff02::1 and ff02::2 end in these; ff02::16 takes version 2 reports. */
const ALL_NODES = 1;
const ALL_ROUTERS = 2;
const ALL_MLD_ROUTERS = 0x16;
const MILLISECOND_NS = 1_000_000;

/** Memberships of one link. */
export class Mld {
  readonly #port: LinkPort;
  readonly #addresses: Addresses6;
  readonly #output: Ipv6Output;
  readonly #wheel: TimerWheel;
  readonly #random: Prng;
  /** Timer of group g is `timerBase + g`; that of the general answer `timerBase + capacity`. */
  readonly #timerBase: number;
  readonly #groups: AddressIndex;
  /** Joins that are not undone; 0 while a leave is still being repeated. */
  readonly #joins: Uint32Array;
  /** Reports of the last change still to send. */
  readonly #repeats: Uint8Array;
  #v1UntilNs = Number.NEGATIVE_INFINITY;

  constructor(
    port: LinkPort,
    addresses: Addresses6,
    output: Ipv6Output,
    wheel: TimerWheel,
    timerBase: number,
    capacity: number,
    random: Prng,
  ) {
    this.#port = port;
    this.#addresses = addresses;
    this.#output = output;
    this.#wheel = wheel;
    this.#timerBase = timerBase;
    this.#random = random;
    this.#groups = new AddressIndex(capacity, random);
    this.#joins = new Uint32Array(capacity);
    this.#repeats = new Uint8Array(capacity);
  }

  /** Timer ids that `timerBase` must leave room for. */
  static timers(capacity: number): number {
    return capacity + 1;
  }

  /** Subscribes the port to ff02::1, of which every node is a member without reports. */
  start(): void {
    this.#port.link.joinMulticast(MAC_MULTICAST6_HIGH, macMulticast6Low(ALL_NODES));
  }

  /** Whether packets to the group are taken. */
  isMember(word0: number, word1: number, word2: number, word3: number): boolean {
    if (isAllNodes(word0, word1, word2, word3)) return true;
    const index = this.#groups.find(word0, word1, word2, word3);
    return index !== NO_INDEX && this.#joins[index] !== 0;
  }

  /** Joins once more. `OutOfRange` when it is no group, `LimitReached` when the table is full. */
  join(word0: number, word1: number, word2: number, word3: number, nowNs: number): number {
    if (!isMulticast6(word0)) return Status.OutOfRange;
    if (isAllNodes(word0, word1, word2, word3)) return Status.Ok;
    let index = this.#groups.find(word0, word1, word2, word3);
    if (index === NO_INDEX) {
      index = this.#groups.insert(word0, word1, word2, word3);
      if (index === NO_INDEX) return Status.LimitReached;
      this.#joins[index] = 0;
      if (!this.#sharesMac(index)) {
        this.#port.link.joinMulticast(MAC_MULTICAST6_HIGH, macMulticast6Low(word3));
      }
    }
    const joins = this.#joins[index]!;
    this.#joins[index] = joins + 1;
    if (joins === 0) this.#reportChange(index, nowNs);
    return Status.Ok;
  }

  /** Undoes one join. `NotFound` when there is none. */
  leave(word0: number, word1: number, word2: number, word3: number, nowNs: number): number {
    const index = this.#groups.find(word0, word1, word2, word3);
    if (index === NO_INDEX || this.#joins[index] === 0) return Status.NotFound;
    this.#joins[index] = this.#joins[index]! - 1;
    if (this.#joins[index] === 0) this.#reportChange(index, nowNs);
    return Status.Ok;
  }

  /** Handles the message of `meta`, whose checksum is right; the frame stays the caller's. */
  receive(meta: IpMeta, nowNs: number): void {
    const view = this.#port.arena.view;
    // From a link-local address with hop limit 1: everything else is forged (RFC 9777, 6.2).
    const isSane = meta.hopLimit === 1 && isLinkLocal6(meta.src0);
    if (!isSane || checkMld(view, meta.at, meta.length) !== Status.Ok) {
      this.#port.counters.icmpv6Malformed += 1;
      return;
    }
    const type = icmpv6Type(view, meta.at);
    const word0 = mldAddress(view, meta.at, 0);
    const word1 = mldAddress(view, meta.at, 1);
    const word2 = mldAddress(view, meta.at, 2);
    const word3 = mldAddress(view, meta.at, 3);
    const groups = this.#groups;
    const index = groups.find(word0, word1, word2, word3);
    if (type === MLD_V1_REPORT) {
      // Another host reported it: version 1 needs no second report (RFC 2710, 4).
      if (index === NO_INDEX || nowNs >= this.#v1UntilNs || this.#joins[index] === 0) return;
      this.#repeats[index] = 0;
      this.#wheel.cancel(this.#timerBase + index);
      return;
    }
    if (type !== MLD_QUERY) return;
    if (mldQueryVersion(meta.length) === 1) this.#v1UntilNs = nowNs + IGMP_OLDER_QUERIER_NS;
    const withinNs = mldMaxResponseMs(view, meta.at, meta.length) * MILLISECOND_NS;
    if ((word0 | word1 | word2 | word3) === 0) {
      if (nowNs >= this.#v1UntilNs) this.#arm(groups.capacity, withinNs, nowNs);
      else {
        for (let other = 0; other < groups.capacity; other += 1) {
          if (this.#isReported(other)) this.#arm(other, withinNs, nowNs);
        }
      }
    } else if (index !== NO_INDEX && this.#joins[index]! > 0) this.#arm(index, withinNs, nowNs);
  }

  /** Handles a timer of ours: `id` counts from `timerBase`. */
  onTimer(id: number, nowNs: number): void {
    if (id === this.#groups.capacity) this.#answerGeneral();
    else if (this.#repeats[id]! > 0) this.#sendChange(id, nowNs);
    else if (this.#joins[id]! > 0) this.#send(id, MLD_MODE_IS_EXCLUDE, MLD_V1_REPORT, nowNs);
  }

  #arm(id: number, withinNs: number, nowNs: number): void {
    const dueNs = nowNs + Math.floor(this.#random.nextFloat() * withinNs);
    const timer = this.#timerBase + id;
    if (this.#wheel.deadlineNs[timer]! > dueNs) this.#wheel.schedule(timer, dueNs);
  }

  #reportChange(index: number, nowNs: number): void {
    this.#repeats[index] = IGMP_ROBUSTNESS;
    this.#sendChange(index, nowNs);
  }

  #sendChange(index: number, nowNs: number): void {
    const isJoined = this.#joins[index]! > 0;
    const repeats = this.#repeats[index]! - 1;
    this.#wheel.cancel(this.#timerBase + index);
    this.#repeats[index] = repeats;
    if (isJoined) this.#send(index, MLD_CHANGE_TO_EXCLUDE, MLD_V1_REPORT, nowNs);
    else this.#send(index, MLD_CHANGE_TO_INCLUDE, MLD_V1_DONE, nowNs);
    if (repeats > 0) this.#arm(index, IGMP_UNSOLICITED_NS, nowNs);
    else if (!isJoined) this.#forget(index);
  }

  /** Sends a record of one group, or a version 1 message when such a querier is present. */
  #send(index: number, record: number, v1: number, nowNs: number): void {
    const words = this.#groups.words;
    const word0 = words[index * 4]!;
    const word1 = words[index * 4 + 1]!;
    const word2 = words[index * 4 + 2]!;
    const word3 = words[index * 4 + 3]!;
    const frame = this.#alloc();
    if (frame === NO_FRAME) return;
    const view = this.#port.arena.view;
    const at = this.#port.arena.dataAt[frame]!;
    if (nowNs < this.#v1UntilNs) {
      emitMld(view, at, v1, 0, word0, word1, word2, word3);
      if (v1 === MLD_V1_DONE) this.#transmit(LINK_SCOPE, 0, 0, ALL_ROUTERS, frame, at, MLD_BYTES);
      else this.#transmit(word0, word1, word2, word3, frame, at, MLD_BYTES);
      return;
    }
    emitMldV2Report(view, at, 1);
    const end = emitMldRecord(view, at + MLD_V2_REPORT_BYTES, record, word0, word1, word2, word3);
    this.#transmit(LINK_SCOPE, 0, 0, ALL_MLD_ROUTERS, frame, at, end - at);
  }

  #answerGeneral(): void {
    const groups = this.#groups;
    const view = this.#port.arena.view;
    const most = Math.floor((this.#port.mtu - 48 - MLD_V2_REPORT_BYTES) / MLD_RECORD_BYTES);
    let next = 0;
    for (;;) {
      while (next < groups.capacity && !this.#isReported(next)) next += 1;
      if (next === groups.capacity) return;
      const frame = this.#alloc();
      if (frame === NO_FRAME) return;
      const at = this.#port.arena.dataAt[frame]!;
      let end = at + MLD_V2_REPORT_BYTES;
      let records = 0;
      for (; next < groups.capacity && records < most; next += 1) {
        if (!this.#isReported(next)) continue;
        const words = groups.words;
        end = emitMldRecord(
          view,
          end,
          MLD_MODE_IS_EXCLUDE,
          words[next * 4]!,
          words[next * 4 + 1]!,
          words[next * 4 + 2]!,
          words[next * 4 + 3]!,
        );
        records += 1;
      }
      emitMldV2Report(view, at, records);
      this.#transmit(LINK_SCOPE, 0, 0, ALL_MLD_ROUTERS, frame, at, end - at);
    }
  }

  #isReported(index: number): boolean {
    return this.#groups.used[index] === 1 && this.#joins[index]! > 0;
  }

  #forget(index: number): void {
    const low = macMulticast6Low(this.#groups.words[index * 4 + 3]!);
    if (!this.#sharesMac(index)) this.#port.link.leaveMulticast(MAC_MULTICAST6_HIGH, low);
    this.#groups.remove(index);
    this.#wheel.cancel(this.#timerBase + index);
  }

  #sharesMac(index: number): boolean {
    const words = this.#groups.words;
    const low = words[index * 4 + 3]!;
    if (low === ALL_NODES) return true;
    for (let other = 0; other < this.#groups.capacity; other += 1) {
      if (other === index || this.#groups.used[other] === 0) continue;
      if (words[other * 4 + 3] === low) return true;
    }
    return false;
  }

  /** From the link-local address, or :: while there is none (RFC 9777, 5.2.14). */
  #transmit(
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    frame: number,
    at: number,
    length: number,
  ): void {
    const row = this.#addresses.linkLocal();
    const low = macMulticast6Low(word3);
    const sent = this.#output.sendControl(
      row,
      word0,
      word1,
      word2,
      word3,
      1,
      true,
      frame,
      at,
      length,
      MAC_MULTICAST6_HIGH,
      low,
    );
    if (sent >= 0) this.#port.counters.mldReportsTx += 1;
  }

  #alloc(): number {
    const port = this.#port;
    const frame = port.link.room() > 0 ? port.arena.alloc() : NO_FRAME;
    if (frame === NO_FRAME) port.counters.icmpNoMemory += 1;
    return frame;
  }
}

function isAllNodes(word0: number, word1: number, word2: number, word3: number): boolean {
  return word3 === ALL_NODES && word0 === LINK_SCOPE && word1 === 0 && word2 === 0;
}
