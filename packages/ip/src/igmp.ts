// @hot
/**
 * Host side of IGMP: version 3 (RFC 9776, once RFC 3376) with any-source memberships, falling back
 * to versions 2 and 1 while a querier of that version is present (RFC 9776, 7.2).
 *
 * A change of membership is reported at once and again `robustness - 1` times, because a report may
 * be lost; queries are answered after a random delay, so that the hosts of a link do not all
 * answer at once.
 *
 * @module
 */

import { NO_FRAME, type Prng, Status, type TimerWheel } from '@tickwire/base';
import {
  checkIgmp,
  emitIgmp,
  emitIgmpRecord,
  emitIgmpV3Report,
  fillIgmpChecksum,
  IGMP_ALL_ROUTERS,
  IGMP_ALL_SYSTEMS,
  IGMP_ALL_V3_ROUTERS,
  IGMP_BYTES,
  IGMP_CHANGE_TO_EXCLUDE,
  IGMP_CHANGE_TO_INCLUDE,
  IGMP_MODE_IS_EXCLUDE,
  IGMP_QUERY,
  IGMP_RECORD_BYTES,
  IGMP_V1_REPORT,
  IGMP_V2_LEAVE,
  IGMP_V2_REPORT,
  igmpChecksumOk,
  igmpGroup,
  igmpMaxResponse,
  igmpQueryVersion,
  igmpRobustness,
  igmpType,
  type IpMeta,
  IPV4_HEADER_BYTES,
  IPV4_MAPPED_WORD,
  MAC_MULTICAST4_HIGH,
  macMulticast4Low,
} from '@tickwire/wire';
import { AddressIndex, NO_INDEX } from './address-index.ts';
import { isMulticast4 } from './addresses.ts';
import type { Ipv4Output } from './ipv4-output.ts';
import type { LinkPort } from './link-port.ts';

/** Reports of a change: the robustness variable until a querier says otherwise (RFC 9776, 8.1). */
export const IGMP_ROBUSTNESS = 2;
/** Repeats of a report come within this time: Unsolicited Report Interval (RFC 9776, 8.11). */
export const IGMP_UNSOLICITED_NS = 1e9;
/** As above for versions 1 and 2 (RFC 2236, 8.10). */
export const IGMP_UNSOLICITED_V2_NS = 10e9;
/** An older querier is believed for robustness * 125 s + 10 s (RFC 9776, 8.12). */
export const IGMP_OLDER_QUERIER_NS = 260e9;
/** Header bytes before a message: IPv4 with router alert. */
const HEADER_BYTES: number = IPV4_HEADER_BYTES + 4;
/** Unit of the maximum response time. */
const TENTH_NS = 100_000_000;

/** Memberships of one link. */
export class Igmp {
  readonly #port: LinkPort;
  readonly #output: Ipv4Output;
  readonly #wheel: TimerWheel;
  readonly #random: Prng;
  /** Timer of group g is `timerBase + g`; that of the general answer `timerBase + capacity`. */
  readonly #timerBase: number;
  readonly #groups: AddressIndex;
  /** Joins that are not undone; 0 while a leave is still being repeated. */
  readonly #joins: Uint32Array;
  /** Reports of the last change still to send. */
  readonly #repeats: Uint8Array;
  #robustness: number = IGMP_ROBUSTNESS;
  #v1UntilNs = Number.NEGATIVE_INFINITY;
  #v2UntilNs = Number.NEGATIVE_INFINITY;

  constructor(
    port: LinkPort,
    output: Ipv4Output,
    wheel: TimerWheel,
    timerBase: number,
    capacity: number,
    random: Prng,
  ) {
    this.#port = port;
    this.#output = output;
    this.#wheel = wheel;
    this.#timerBase = timerBase;
    this.#random = random;
    this.#groups = new AddressIndex(capacity, random);
    this.#joins = new Uint32Array(capacity);
    this.#repeats = new Uint8Array(capacity);
    // Every host is a member of 224.0.0.1 and never reports it (RFC 9776, 5).
    port.link.joinMulticast(MAC_MULTICAST4_HIGH, macMulticast4Low(IGMP_ALL_SYSTEMS));
  }

  /** Timer ids that `timerBase` must leave room for. */
  static timers(capacity: number): number {
    return capacity + 1;
  }

  /** Groups known, those being left included. */
  get size(): number {
    return this.#groups.size;
  }

  /** The version spoken now: 1, 2 or 3. */
  version(nowNs: number): number {
    if (nowNs < this.#v1UntilNs) return 1;
    return nowNs < this.#v2UntilNs ? 2 : 3;
  }

  /** Whether packets to the group are taken. */
  isMember(group: number): boolean {
    if (group === IGMP_ALL_SYSTEMS) return true;
    if (this.#groups.size === 0) return false;
    const index = this.#groups.find(0, 0, IPV4_MAPPED_WORD, group);
    return index !== NO_INDEX && this.#joins[index] !== 0;
  }

  /** Joins once more. `OutOfRange` when it is no group, `LimitReached` when the table is full. */
  join(group: number, nowNs: number): number {
    if (!isMulticast4(group)) return Status.OutOfRange;
    if (group === IGMP_ALL_SYSTEMS) return Status.Ok;
    let index = this.#groups.find(0, 0, IPV4_MAPPED_WORD, group);
    if (index === NO_INDEX) {
      index = this.#groups.insert(0, 0, IPV4_MAPPED_WORD, group);
      if (index === NO_INDEX) return Status.LimitReached;
      this.#joins[index] = 0;
      // Subscribed until the row is gone: a leave that is being repeated keeps it, harmlessly.
      if (!this.#sharesMac(index)) {
        this.#port.link.joinMulticast(MAC_MULTICAST4_HIGH, macMulticast4Low(group));
      }
    }
    const joins = this.#joins[index]!;
    this.#joins[index] = joins + 1;
    if (joins === 0) this.#reportChange(index, nowNs);
    return Status.Ok;
  }

  /** Undoes one join. `NotFound` when there is none. */
  leave(group: number, nowNs: number): number {
    if (group === IGMP_ALL_SYSTEMS) return Status.Ok;
    const index = this.#groups.find(0, 0, IPV4_MAPPED_WORD, group);
    if (index === NO_INDEX || this.#joins[index] === 0) return Status.NotFound;
    this.#joins[index] = this.#joins[index]! - 1;
    if (this.#joins[index] === 0) this.#reportChange(index, nowNs);
    return Status.Ok;
  }

  /** Handles the message of `meta`; the frame stays the caller's. */
  receive(meta: IpMeta, nowNs: number): void {
    const counters = this.#port.counters;
    const view = this.#port.arena.view;
    counters.igmpRx += 1;
    // All IGMP has TTL 1: anything else was forged from beyond the link.
    const isSane = checkIgmp(view, meta.at, meta.length) === Status.Ok && meta.hopLimit === 1;
    if (!isSane || !igmpChecksumOk(view, meta.at, meta.length)) {
      counters.igmpMalformed += 1;
      return;
    }
    const type = igmpType(view, meta.at);
    if (type === IGMP_QUERY) this.#takeQuery(meta, nowNs);
    else if (type === IGMP_V1_REPORT || type === IGMP_V2_REPORT) {
      this.#takeReport(igmpGroup(view, meta.at), nowNs);
    }
  }

  /** Handles a timer of ours: `id` counts from `timerBase`. */
  onTimer(id: number, nowNs: number): void {
    if (id === this.#groups.capacity) this.#answerGeneral(nowNs);
    else if (this.#repeats[id]! > 0) this.#sendChange(id, nowNs);
    else if (this.#joins[id]! > 0) this.#sendState(id, nowNs);
  }

  #takeQuery(meta: IpMeta, nowNs: number): void {
    const view = this.#port.arena.view;
    const version = igmpQueryVersion(view, meta.at, meta.length);
    this.#port.counters.igmpQueriesRx += 1;
    if (version === 1) this.#v1UntilNs = nowNs + IGMP_OLDER_QUERIER_NS;
    else if (version === 2) this.#v2UntilNs = nowNs + IGMP_OLDER_QUERIER_NS;
    else {
      const robustness = igmpRobustness(view, meta.at);
      this.#robustness = robustness === 0 ? IGMP_ROBUSTNESS : robustness;
    }
    const withinNs = igmpMaxResponse(view, meta.at, meta.length) * TENTH_NS;
    const group = igmpGroup(view, meta.at);
    const groups = this.#groups;
    if (group !== 0) {
      const index = groups.find(0, 0, IPV4_MAPPED_WORD, group);
      if (index !== NO_INDEX && this.#joins[index]! > 0) this.#arm(index, withinNs, nowNs);
    } else if (this.version(nowNs) === 3) {
      if (groups.size > 0) this.#arm(groups.capacity, withinNs, nowNs);
    } else {
      for (let index = 0; index < groups.capacity; index += 1) {
        if (groups.used[index] === 1 && this.#joins[index]! > 0) this.#arm(index, withinNs, nowNs);
      }
    }
  }

  /** Another host reported the group: versions 1 and 2 need no second report (RFC 2236, 3). */
  #takeReport(group: number, nowNs: number): void {
    if (this.version(nowNs) === 3) return;
    const index = this.#groups.find(0, 0, IPV4_MAPPED_WORD, group);
    if (index === NO_INDEX || this.#joins[index] === 0) return;
    this.#repeats[index] = 0;
    this.#wheel.cancel(this.#timerBase + index);
  }

  /** Arms a timer for a random moment, unless it is due before that (RFC 9776, 5.2). */
  #arm(id: number, withinNs: number, nowNs: number): void {
    const dueNs = nowNs + Math.floor(this.#random.nextFloat() * withinNs);
    const timer = this.#timerBase + id;
    if (this.#wheel.deadlineNs[timer]! > dueNs) this.#wheel.schedule(timer, dueNs);
  }

  #reportChange(index: number, nowNs: number): void {
    this.#repeats[index] = this.#robustness;
    this.#sendChange(index, nowNs);
  }

  /** Reports a join or a leave, and arms its next repeat. */
  #sendChange(index: number, nowNs: number): void {
    const group = this.#groups.words[index * 4 + 3]!;
    const isJoined = this.#joins[index]! > 0;
    const version = this.version(nowNs);
    const timer = this.#timerBase + index;
    this.#wheel.cancel(timer);
    let repeats = this.#repeats[index]! - 1;
    if (version === 3) {
      this.#sendRecord(isJoined ? IGMP_CHANGE_TO_EXCLUDE : IGMP_CHANGE_TO_INCLUDE, group);
      if (!isJoined) this.#port.counters.igmpLeavesTx += 1;
    } else if (isJoined) {
      this.#sendShort(version === 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT, group, group);
    } else {
      // One leave: the querier asks for other members (RFC 2236, 3). Version 1 has none.
      if (version === 2) {
        this.#sendShort(IGMP_V2_LEAVE, group, IGMP_ALL_ROUTERS);
        this.#port.counters.igmpLeavesTx += 1;
      }
      repeats = 0;
    }
    this.#repeats[index] = repeats;
    if (repeats > 0) {
      this.#arm(index, version === 3 ? IGMP_UNSOLICITED_NS : IGMP_UNSOLICITED_V2_NS, nowNs);
    } else if (!isJoined) this.#forget(index);
  }

  /** Answers a query about one group. */
  #sendState(index: number, nowNs: number): void {
    const group = this.#groups.words[index * 4 + 3]!;
    const version = this.version(nowNs);
    if (version === 3) this.#sendRecord(IGMP_MODE_IS_EXCLUDE, group);
    else this.#sendShort(version === 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT, group, group);
  }

  /** Answers a general query of version 3 with as few reports as the MTU allows. */
  #answerGeneral(nowNs: number): void {
    const groups = this.#groups;
    const arena = this.#port.arena;
    if (this.version(nowNs) !== 3) return;
    const most = Math.floor((this.#port.mtu - HEADER_BYTES - IGMP_BYTES) / IGMP_RECORD_BYTES);
    let next = 0;
    for (;;) {
      while (next < groups.capacity && !this.#isReported(next)) next += 1;
      if (next === groups.capacity) return;
      const frame = this.#alloc();
      if (frame === NO_FRAME) return;
      const at = arena.dataAt[frame]!;
      let end = at + IGMP_BYTES;
      let records = 0;
      for (; next < groups.capacity && records < most; next += 1) {
        if (!this.#isReported(next)) continue;
        const group = groups.words[next * 4 + 3]!;
        end = emitIgmpRecord(arena.view, end, IGMP_MODE_IS_EXCLUDE, group, 0);
        records += 1;
      }
      emitIgmpV3Report(arena.view, at, records);
      fillIgmpChecksum(arena.view, at, end - at);
      this.#transmit(IGMP_ALL_V3_ROUTERS, frame, at, end - at);
    }
  }

  #isReported(index: number): boolean {
    return this.#groups.used[index] === 1 && this.#joins[index]! > 0;
  }

  #forget(index: number): void {
    const low = macMulticast4Low(this.#groups.words[index * 4 + 3]!);
    if (!this.#sharesMac(index)) this.#port.link.leaveMulticast(MAC_MULTICAST4_HIGH, low);
    this.#groups.remove(index);
    this.#wheel.cancel(this.#timerBase + index);
  }

  /** Whether another group has the same MAC address: 32 share each (RFC 1112, 6.4). */
  #sharesMac(index: number): boolean {
    const words = this.#groups.words;
    const low = macMulticast4Low(words[index * 4 + 3]!);
    if (low === macMulticast4Low(IGMP_ALL_SYSTEMS)) return true;
    for (let other = 0; other < this.#groups.capacity; other += 1) {
      if (other === index || this.#groups.used[other] === 0) continue;
      if (macMulticast4Low(words[other * 4 + 3]!) === low) return true;
    }
    return false;
  }

  #sendRecord(type: number, group: number): void {
    const frame = this.#alloc();
    if (frame === NO_FRAME) return;
    const view = this.#port.arena.view;
    const at = this.#port.arena.dataAt[frame]!;
    const end = emitIgmpRecord(view, at + IGMP_BYTES, type, group, 0);
    emitIgmpV3Report(view, at, 1);
    fillIgmpChecksum(view, at, end - at);
    this.#transmit(IGMP_ALL_V3_ROUTERS, frame, at, end - at);
  }

  #sendShort(type: number, group: number, destination: number): void {
    const frame = this.#alloc();
    if (frame === NO_FRAME) return;
    const at = this.#port.arena.dataAt[frame]!;
    emitIgmp(this.#port.arena.view, at, type, 0, group);
    this.#transmit(destination, frame, at, IGMP_BYTES);
  }

  #transmit(destination: number, frame: number, at: number, length: number): void {
    if (this.#output.sendIgmp(destination, frame, at, length) >= 0) {
      this.#port.counters.igmpReportsTx += 1;
    }
  }

  #alloc(): number {
    const port = this.#port;
    const frame = port.link.room() > 0 ? port.arena.alloc() : NO_FRAME;
    if (frame === NO_FRAME) port.counters.igmpNoMemory += 1;
    return frame;
  }
}
