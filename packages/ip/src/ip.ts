// @hot
/**
 * The IP layer of one port: composes the parts, reads the link header, and drives the timers.
 *
 * @module
 */

import { type FrameArena, NetError, NO_TIMER, type Prng, Status, TimerWheel } from '@tickwire/base';
import {
  Cidr,
  ETHERNET_HEADER_BYTES,
  ethernetDstHigh,
  ethernetDstLow,
  ethernetSrcHigh,
  ethernetType,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  formatIpv4,
  formatIpv6,
  formatMac,
  ICMP_TIME_EXCEEDED,
  ICMP_TIME_EXCEEDED_REASSEMBLY,
  IpAddress,
  type IpFlow,
  IpMeta,
  type IpOutput,
  IPV4_MAPPED_WORD,
  LINK_BROADCAST,
  LINK_MULTICAST,
  LINK_UNICAST,
  type MacAddress,
  macIsBroadcast,
  macIsGroup,
} from '@tickwire/wire';
import { Addresses } from './addresses.ts';
import { Arp, type ArpConflictSink } from './arp.ts';
import { DEFAULT_LIMITS, type IpConfig, type IpLimits } from './config.ts';
import { IpCounters } from './counters.ts';
import { type EchoSink, Icmp4 } from './icmp4.ts';
import { IcmpError } from './icmp-error.ts';
import { IGNORE_EVENTS, type IpEvents } from './events.ts';
import { Igmp } from './igmp.ts';
import { Ipv4Input } from './ipv4-input.ts';
import { Ipv4Output } from './ipv4-output.ts';
import { LinkPort } from './link-port.ts';
import { type LinkOutput, RX_VERIFIED, Verdict } from './link.ts';
import { Neighbours, type NeighbourSink, NeighbourState } from './neighbours.ts';
import { PathMtus } from './path-mtu.ts';
import { Reassembly, type ReassemblySink } from './reassembly.ts';
import { Routes } from './routes.ts';

/** A row of the neighbour table, for listings. */
export interface NeighbourRow {
  readonly address: string;
  /** Empty while it is not known. */
  readonly mac: string;
  /** Name of a `NeighbourState`, in lower case. */
  readonly state: string;
  /** Frames that wait for resolution. */
  readonly queuedFrames: number;
}

/**
 * IPv4 with ARP, ICMP and IGMP over one Ethernet link.
 *
 * @example
 * ```ts
 * const verdict = ip.receive(frame, at, length, rxFlags, sum, nowNs);
 * if (verdict === Verdict.Udp && udp.receive(ip.meta, nowNs) === Status.NoHandler) {
 *   ip.portUnreachable(ip.meta, nowNs);
 *   arena.free(ip.meta.frame);
 * }
 * ```
 */
export class Ip implements IpOutput, NeighbourSink, ReassemblySink, ArpConflictSink, EchoSink {
  /** The packet being delivered; valid until the next call into this object. */
  readonly meta: IpMeta = new IpMeta();
  /** The last ICMP error about a packet of ours. */
  readonly icmpError: IcmpError = new IcmpError();
  /** Sink of events; replace it before the first packet. */
  events: IpEvents = IGNORE_EVENTS;

  readonly #port: LinkPort;
  readonly #wheel: TimerWheel;
  readonly #addresses: Addresses;
  readonly #routes: Routes;
  readonly #neighbours: Neighbours;
  readonly #arp: Arp;
  readonly #pathMtus: PathMtus;
  readonly #output: Ipv4Output;
  readonly #icmp: Icmp4;
  readonly #igmp: Igmp;
  readonly #reassembly: Reassembly;
  readonly #input: Ipv4Input;
  readonly #announces: boolean;
  /** First timer ids of the parts; neighbours begin at 0. */
  readonly #reassemblyTimer: number;
  readonly #igmpTimer: number;
  readonly #arpTimer: number;
  readonly #pathMtuTimer: number;

  /**
   * Takes all memory and announces the addresses. `random` must be seeded from a cryptographic
   * source outside tests: the keys of the hash tables come from it. Throws `NetError` for a
   * configuration that makes no sense.
   */
  constructor(arena: FrameArena, link: LinkOutput, config: IpConfig, random: Prng, nowNs: number) {
    const limits: IpLimits = { ...DEFAULT_LIMITS, ...config.limits };
    const port = new LinkPort(arena, link, new IpCounters(), config.mac, config.mtu);
    this.#reassemblyTimer = Neighbours.timers(limits.neighbours);
    this.#igmpTimer = this.#reassemblyTimer + limits.reassemblies;
    this.#arpTimer = this.#igmpTimer + Igmp.timers(limits.groups);
    this.#pathMtuTimer = this.#arpTimer + 1;
    const wheel = new TimerWheel(this.#pathMtuTimer + 1, nowNs);
    this.#port = port;
    this.#wheel = wheel;
    this.#addresses = new Addresses(limits.addresses);
    this.#routes = new Routes(limits.routes);
    this.#neighbours = new Neighbours(
      port,
      this,
      wheel,
      0,
      limits.neighbours,
      limits.neighbourQueueFrames,
      limits.neighbourQueueFramesTotal,
      random,
    );
    this.#arp = new Arp(
      port,
      this.#addresses,
      this.#routes,
      this.#neighbours,
      this,
      wheel,
      this.#arpTimer,
    );
    this.#pathMtus = new PathMtus(port, wheel, this.#pathMtuTimer, limits.pathMtus, random);
    this.#output = new Ipv4Output(
      port,
      this.#addresses,
      this.#routes,
      this.#neighbours,
      this.#pathMtus,
      limits.loopedFrames,
      random,
    );
    this.#icmp = new Icmp4(
      port,
      this.#addresses,
      this.#output,
      this.#pathMtus,
      this.icmpError,
      this,
      limits.icmpErrorsPerSecond,
      limits.icmpErrorBurst,
      limits.echoRepliesPerSecond,
      config.echo ?? true,
      nowNs,
    );
    this.#igmp = new Igmp(port, this.#output, wheel, this.#igmpTimer, limits.groups, random);
    this.#reassembly = new Reassembly(
      port,
      this,
      wheel,
      this.#reassemblyTimer,
      limits.reassemblies,
    );
    this.#input = new Ipv4Input(
      port,
      this.#addresses,
      this.#reassembly,
      this.#icmp,
      this.#igmp,
      this.meta,
    );
    this.#announces = config.announce ?? true;
    this.#configure(config, nowNs);
  }

  /**
   * Takes an Ethernet frame off the wire and returns a `Verdict`. Takes the frame's reference
   * unless the verdict is `Tcp` or `Udp`: then the caller owns `meta.frame` (which differs from
   * `frame` after reassembly). `sum` is used when `rxFlags` has `RX_SUMMED`.
   */
  receive(
    frame: number,
    at: number,
    length: number,
    rxFlags: number,
    sum: number,
    nowNs: number,
  ): number {
    const port = this.#port;
    const view = port.arena.view;
    port.counters.rxFrames += 1;
    if (length < ETHERNET_HEADER_BYTES || macIsGroup(ethernetSrcHigh(view, at))) {
      port.counters.rxLinkMalformed += 1;
      port.arena.free(frame);
      return Verdict.Consumed;
    }
    const dstHigh = ethernetDstHigh(view, at);
    const dstLow = ethernetDstLow(view, at);
    let linkDst: number = LINK_UNICAST;
    if (dstLow !== port.macLow || dstHigh !== port.macHigh) {
      if (!macIsGroup(dstHigh)) {
        port.counters.rxNotOurMac += 1;
        port.arena.free(frame);
        return Verdict.Consumed;
      }
      linkDst = macIsBroadcast(dstHigh, dstLow) ? LINK_BROADCAST : LINK_MULTICAST;
    }
    const type = ethernetType(view, at);
    const packetAt = at + ETHERNET_HEADER_BYTES;
    const bytes = length - ETHERNET_HEADER_BYTES;
    if (type === ETHERTYPE_IPV4) {
      return this.#input.receive(frame, packetAt, bytes, rxFlags, sum, linkDst, false, nowNs);
    }
    if (type === ETHERTYPE_ARP) this.#arp.receive(packetAt, bytes, linkDst, nowNs);
    else port.counters.rxUnknownEtherType += 1;
    port.arena.free(frame);
    return Verdict.Consumed;
  }

  /**
   * Takes the next packet that we sent to ourselves. Call until it says `Verdict.None`; verdicts
   * and ownership as in {@link Ip.receive}.
   */
  receiveLooped(nowNs: number): number {
    const looped = this.#output.looped;
    if (!looped.shift()) return Verdict.None;
    return this.#input.receive(
      looped.frame,
      looped.at,
      looped.length,
      RX_VERIFIED,
      0,
      LINK_UNICAST,
      true,
      nowNs,
    );
  }

  /** See `IpOutput.room`. */
  room(): number {
    return this.#port.link.room();
  }

  /** See `IpOutput.bindFlow`. */
  bindFlow(flow: IpFlow, nowNs: number): number {
    return this.#output.bind(flow, nowNs);
  }

  /** See `IpOutput.output`. */
  output(
    flow: IpFlow,
    protocol: number,
    frame: number,
    at: number,
    length: number,
    checksumOffset: number,
    nowNs: number,
  ): number {
    return this.#output.output(flow, protocol, frame, at, length, checksumOffset, nowNs);
  }

  /**
   * A transport saw its peer make progress: the next hop needs no probe (RFC 4861, 7.3.1). Saves
   * the ARP requests of an established connection; never required.
   */
  confirm(flow: IpFlow, nowNs: number): void {
    if (flow.neighbour >= 0 && flow.neighbourVersion === this.#port.version) {
      this.#neighbours.confirm(flow.neighbour, nowNs);
    }
  }

  /**
   * Answers the datagram of `meta` with port unreachable. Call it when the transport says
   * `NoHandler`, before the frame is freed. Rate limited; silent for broadcasts and multicasts.
   */
  portUnreachable(meta: IpMeta, nowNs: number): void {
    this.#input.portUnreachable(meta, nowNs);
  }

  /**
   * Sends an echo request with `length` bytes of `payload` from `from`. The reply arrives at
   * `events.echoReply`. `TooLong`, `Again` (no frame) or `Unreachable`.
   */
  sendEcho(
    remote: IpAddress,
    identifier: number,
    sequence: number,
    payload: Uint8Array,
    from: number,
    length: number,
    nowNs: number,
  ): number {
    if (!remote.isV4) return Status.Unreachable;
    return this.#icmp.sendEcho(remote.v4, identifier, sequence, payload, from, length, nowNs);
  }

  /** Fires what is due, in order. */
  timers(nowNs: number): void {
    const wheel = this.#wheel;
    for (let id = wheel.expire(nowNs); id !== NO_TIMER; id = wheel.expire(nowNs)) {
      if (id < this.#reassemblyTimer) this.#neighbours.onTimer(id, nowNs);
      else if (id < this.#igmpTimer) this.#reassembly.onTimer(id - this.#reassemblyTimer, nowNs);
      else if (id < this.#arpTimer) this.#igmp.onTimer(id - this.#igmpTimer, nowNs);
      else if (id === this.#arpTimer) this.#arp.onTimer(nowNs);
      else this.#pathMtus.onTimer(nowNs);
    }
  }

  /** When {@link Ip.timers} has something to do next; Infinity when never. */
  nextDeadlineNs(): number {
    return this.#wheel.nextDeadlineNs();
  }

  /**
   * Adds an own address with its subnet route and announces it. Throws `NetError`: `EINVAL` for an
   * address that no host can have, `EADDRINUSE` when it is ours already, `ENOSPC` at the limit.
   */
  addAddress(cidr: Cidr, nowNs: number): void {
    const { address } = cidr;
    if (!address.isV4 || address.isUnspecified || address.isMulticast || address.isBroadcast) {
      throw new NetError('EINVAL', 'An own address is an IPv4 unicast address; write 10.0.0.1/24', {
        address: String(address),
      });
    }
    const added = this.#addresses.add(address.v4, cidr.prefix);
    if (added === Status.Exists) {
      throw new NetError('EADDRINUSE', 'The address is ours already; remove it first', {
        address: String(address),
      });
    }
    if (added !== Status.Ok) {
      throw new NetError('ENOSPC', 'No room for another address; raise limits.addresses');
    }
    this.addRoute(new Cidr(cidr.network, cidr.prefix), undefined);
    if (this.#announces) this.#arp.announce(nowNs);
  }

  /** Removes an own address with its subnet route; false when it was not ours. */
  removeAddress(address: IpAddress, _nowNs: number): boolean {
    const addresses = this.#addresses;
    const row = address.isV4 ? addresses.rowOf(address.v4) : -1;
    if (row < 0) return false;
    const mask = addresses.mask[row]!;
    const network = address.v4 & mask;
    addresses.removeRow(row);
    this.#port.version += 1;
    // The subnet stays reachable while another address of ours lies in it.
    for (let other = 0; other < addresses.size; other += 1) {
      const isSame = addresses.mask[other] === mask;
      if (isSame && (addresses.address[other]! & mask) === network) return true;
    }
    const prefix128 = 96 + Math.clz32(~mask);
    this.#routes.remove(0, 0, IPV4_MAPPED_WORD, network, prefix128);
    return true;
  }

  /** Adds or replaces a route; without a gateway the destination is on the link. */
  addRoute(destination: Cidr, gateway: IpAddress | undefined): void {
    const net = destination.network;
    const hop = gateway ?? IpAddress.any4;
    const added = this.#routes.add(
      net.word0,
      net.word1,
      net.word2,
      net.word3,
      destination.prefix128,
      gateway !== undefined,
      hop.word0,
      hop.word1,
      hop.word2,
      hop.word3,
    );
    if (added !== Status.Ok) {
      throw new NetError('ENOSPC', 'No room for another route; raise limits.routes');
    }
    this.#port.version += 1;
  }

  /** Removes a route; false when it does not exist. */
  removeRoute(destination: Cidr): boolean {
    const net = destination.network;
    this.#port.version += 1;
    const { word0, word1, word2, word3 } = net;
    return this.#routes.remove(word0, word1, word2, word3, destination.prefix128) === Status.Ok;
  }

  /** Configures a neighbour that is never asked for and never changed by the network. */
  setNeighbour(address: IpAddress, mac: MacAddress, nowNs: number): void {
    const { word0, word1, word2, word3 } = address;
    const set = this.#neighbours.setStatic(word0, word1, word2, word3, mac.high, mac.low, nowNs);
    if (set !== Status.Ok) {
      throw new NetError('ENOSPC', 'No room for another neighbour; raise limits.neighbours');
    }
  }

  /** Forgets a neighbour and drops what waits for it; false when it is not known. */
  removeNeighbour(address: IpAddress): boolean {
    const { word0, word1, word2, word3 } = address;
    const neighbour = this.#neighbours.index.find(word0, word1, word2, word3);
    if (neighbour < 0) return false;
    this.#neighbours.remove(neighbour);
    return true;
  }

  /** Joins a multicast group (counted: as many leaves undo as many joins). A status code. */
  joinGroup(word0: number, word1: number, word2: number, word3: number, nowNs: number): number {
    if (word0 !== 0 || word1 !== 0 || word2 !== IPV4_MAPPED_WORD) return Status.OutOfRange;
    return this.#igmp.join(word3, nowNs);
  }

  /** Leaves a multicast group. A status code. */
  leaveGroup(word0: number, word1: number, word2: number, word3: number, nowNs: number): number {
    if (word0 !== 0 || word1 !== 0 || word2 !== IPV4_MAPPED_WORD) return Status.NotFound;
    return this.#igmp.leave(word3, nowNs);
  }

  /** All counters by name. The object is live: copy it for a snapshot. */
  counters(): IpCounters {
    return this.#port.counters;
  }

  /** Version of the neighbour addresses: grows with every change. */
  get neighbourChanges(): number {
    return this.#neighbours.changes;
  }

  /** Frames that this layer holds: behind resolution, under reassembly, looped. */
  get framesHeld(): number {
    return this.#neighbours.queue.total + this.#reassembly.size + this.#output.looped.size;
  }

  /** The neighbour table, for people. */
  neighbours(): NeighbourRow[] {
    const table = this.#neighbours;
    const rows: NeighbourRow[] = [];
    for (let entry = 0; entry < table.index.capacity; entry += 1) {
      if (table.index.used[entry] === 0) continue;
      const [word0, word1, word2, word3] = table.index.words.slice(entry * 4, entry * 4 + 4);
      const state = table.state[entry]!;
      const isV4 = word0 === 0 && word1 === 0 && word2 === IPV4_MAPPED_WORD;
      const isKnown = state >= NeighbourState.Reachable && state !== NeighbourState.Failed;
      const names = Object.keys(NeighbourState) as (keyof typeof NeighbourState)[];
      rows.push({
        address: isV4 ? formatIpv4(word3!) : formatIpv6(word0!, word1!, word2!, word3!),
        mac: isKnown ? formatMac(table.macHigh[entry]!, table.macLow[entry]!) : '',
        state: names.find((name) => NeighbourState[name] === state)!.toLowerCase(),
        queuedFrames: table.queue.count[entry]!,
      });
    }
    return rows;
  }

  /** For the parts: sends a request for a neighbour. */
  solicit(neighbour: number, unicast: boolean, _nowNs: number): void {
    this.#arp.solicit(neighbour, unicast);
  }

  /** For the parts: a packet of ours is dropped because its neighbour does not answer. */
  undelivered(_frame: number, at: number, length: number, nowNs: number): void {
    const headerAt = at + ETHERNET_HEADER_BYTES;
    if (this.#icmp.describeUndelivered(headerAt, length - ETHERNET_HEADER_BYTES)) {
      this.events.icmpError(this.icmpError, nowNs);
    }
  }

  /** For the parts: whether a neighbour is a gateway. */
  isPinned(word0: number, word1: number, word2: number, word3: number): boolean {
    return this.#routes.isGateway(word0, word1, word2, word3);
  }

  /** For the parts: reassembly took too long. */
  reassemblyTimedOut(headerAt: number, length: number, nowNs: number): void {
    this.#icmp.sendError(
      ICMP_TIME_EXCEEDED,
      ICMP_TIME_EXCEEDED_REASSEMBLY,
      0,
      headerAt,
      length,
      LINK_UNICAST,
      nowNs,
    );
  }

  /** For the parts: another host claims an address of ours. */
  addressConflict(address: number, macHigh: number, macLow: number, nowNs: number): void {
    this.events.addressConflict(address, macHigh, macLow, nowNs);
  }

  /** For the parts: an echo reply arrived. */
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
  ): void {
    this.events.echoReply(identifier, sequence, src0, src1, src2, src3, at, length, nowNs);
  }

  #configure(config: IpConfig, nowNs: number): void {
    for (let i = 0; i < config.addresses.length; i += 1) {
      this.addAddress(config.addresses[i]!, nowNs);
    }
    if (config.gateway !== undefined) {
      this.addRoute(new Cidr(IpAddress.any4, 0), config.gateway);
    }
    const routes = config.routes ?? [];
    for (let i = 0; i < routes.length; i += 1) {
      this.addRoute(routes[i]!.destination, routes[i]!.gateway);
    }
    const neighbours = config.neighbours ?? [];
    for (let i = 0; i < neighbours.length; i += 1) {
      this.setNeighbour(neighbours[i]!.address, neighbours[i]!.mac, nowNs);
    }
  }
}
