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
  ETHERTYPE_IPV6,
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
import { Ip6 } from './ip6.ts';
import { Ipv4Input } from './ipv4-input.ts';
import { Ipv4Output } from './ipv4-output.ts';
import { LinkPort } from './link-port.ts';
import { type LinkOutput, RX_VERIFIED, Verdict } from './link.ts';
import { listNeighbours, type NeighbourRow } from './neighbour-rows.ts';
import { Neighbours, type NeighbourSink } from './neighbours.ts';
import { PathMtus } from './path-mtu.ts';
import { Reassembly, type ReassemblySink } from './reassembly.ts';
import { Routes } from './routes.ts';

/**
 * IPv4 with ARP, ICMP and IGMP, and IPv6 with NDP, ICMPv6 and MLD, over one Ethernet link.
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
  readonly #six: Ip6;
  readonly #announces: boolean;
  /** First timer ids of the parts; neighbours begin at 0. */
  readonly #reassemblyTimer: number;
  readonly #igmpTimer: number;
  readonly #arpTimer: number;
  readonly #pathMtuTimer: number;
  readonly #sixTimer: number;

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
    this.#sixTimer = this.#pathMtuTimer + 1;
    const wheel = new TimerWheel(this.#sixTimer + Ip6.timers(limits), nowNs);
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
    this.#six = new Ip6(
      port,
      this.#routes,
      this.#neighbours,
      this.#pathMtus,
      this.#output.looped,
      wheel,
      this.#sixTimer,
      limits,
      this.meta,
      this.icmpError,
      this,
      config.echo ?? true,
      random,
      nowNs,
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
    if (type === ETHERTYPE_IPV6 && this.#six.isEnabled) {
      return this.#six.input.receive(frame, packetAt, bytes, rxFlags, sum, linkDst, false, nowNs);
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
    const { frame, at, length } = looped;
    if (this.#isV6(at)) {
      const input = this.#six.input;
      return input.receive(frame, at, length, RX_VERIFIED, 0, LINK_UNICAST, true, nowNs);
    }
    return this.#input.receive(frame, at, length, RX_VERIFIED, 0, LINK_UNICAST, true, nowNs);
  }

  /** See `IpOutput.room`. */
  room(): number {
    return this.#port.link.room();
  }

  /** See `IpOutput.bindFlow`. */
  bindFlow(flow: IpFlow, nowNs: number): number {
    return isV4(flow.remote0, flow.remote1, flow.remote2)
      ? this.#output.bind(flow, nowNs)
      : this.#six.bind(flow, nowNs);
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
    if (flow.family === 6) {
      return this.#six.output.output(flow, protocol, frame, at, length, checksumOffset, nowNs);
    }
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
    if (meta.family === 6) this.#six.input.portUnreachable(meta, nowNs);
    else this.#input.portUnreachable(meta, nowNs);
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
    if (!remote.isV4) {
      const { word0, word1, word2, word3 } = remote;
      return this.#six.isEnabled
        ? this.#six.icmp.sendEcho(
            word0,
            word1,
            word2,
            word3,
            identifier,
            sequence,
            payload,
            from,
            length,
            nowNs,
          )
        : Status.Unreachable;
    }
    return this.#icmp.sendEcho(remote.v4, identifier, sequence, payload, from, length, nowNs);
  }

  /**
   * TCP has found the sequence number of a `PacketTooBig` error in flight: its `mtu` becomes the
   * path's for every flow to that destination. UDP's need no confirmation; nothing could give it.
   */
  acceptTooBig(error: IcmpError, nowNs: number): void {
    const { remote0, remote1, remote2, remote3 } = error;
    this.#pathMtus.lower(remote0, remote1, remote2, remote3, error.mtu, nowNs);
  }

  /** Fires what is due, in order. */
  timers(nowNs: number): void {
    const wheel = this.#wheel;
    for (let id = wheel.expire(nowNs); id !== NO_TIMER; id = wheel.expire(nowNs)) {
      if (id < this.#reassemblyTimer) this.#neighbours.onTimer(id, nowNs);
      else if (id < this.#igmpTimer) this.#reassembly.onTimer(id - this.#reassemblyTimer, nowNs);
      else if (id < this.#arpTimer) this.#igmp.onTimer(id - this.#igmpTimer, nowNs);
      else if (id === this.#arpTimer) this.#arp.onTimer(nowNs);
      else if (id === this.#pathMtuTimer) this.#pathMtus.onTimer(nowNs);
      else this.#six.onTimer(id, nowNs);
    }
  }

  /** When {@link Ip.timers} has something to do next; Infinity when never. */
  nextDeadlineNs(): number {
    return this.#wheel.nextDeadlineNs();
  }

  /**
   * Adds an own address with its subnet route and announces it; an IPv6 address is used a second
   * later, when nobody has objected (RFC 4862, 5.4). Throws `NetError`: `EINVAL` for an
   * address that no host can have, `EADDRINUSE` when it is ours already, `ENOSPC` at the limit.
   * @cold
   */
  addAddress(cidr: Cidr, nowNs: number): void {
    const { address } = cidr;
    if (address.isUnspecified || address.isMulticast || address.isBroadcast || address.isLoopback) {
      throw new NetError('EINVAL', 'An own address is a unicast address; write 10.0.0.1/24', {
        address: String(address),
      });
    }
    const added = address.isV4
      ? this.#addresses.add(address.v4, cidr.prefix)
      : this.#addAddress6(cidr, nowNs);
    if (added === Status.Exists) {
      throw new NetError('EADDRINUSE', 'The address is ours already; remove it first', {
        address: String(address),
      });
    }
    if (added !== Status.Ok) {
      throw new NetError('ENOSPC', 'No room for another address; raise limits.addresses');
    }
    if (!address.isV4) return;
    this.addRoute(new Cidr(cidr.network, cidr.prefix), undefined);
    if (this.#announces) this.#arp.announce(nowNs);
  }

  /** Removes an own address with its subnet route; false when it was not ours. */
  removeAddress(address: IpAddress, nowNs: number): boolean {
    const { word0, word1, word2, word3 } = address;
    if (!address.isV4) return this.#six.remove(word0, word1, word2, word3, nowNs) === Status.Ok;
    const addresses = this.#addresses;
    const row = addresses.rowOf(address.v4);
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

  /** Adds or replaces a route; without a gateway the destination is on the link. @cold */
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

  /** Configures a neighbour that is never asked for and never changed by the network. @cold */
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
    if (!isV4(word0, word1, word2)) {
      if (!this.#six.isEnabled) return Status.OutOfRange;
      return this.#six.mld.join(word0, word1, word2, word3, nowNs);
    }
    return this.#igmp.join(word3, nowNs);
  }

  /** Leaves a multicast group. A status code. */
  leaveGroup(word0: number, word1: number, word2: number, word3: number, nowNs: number): number {
    if (!isV4(word0, word1, word2)) return this.#six.mld.leave(word0, word1, word2, word3, nowNs);
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

  /** Packets that wait for {@link Ip.receiveLooped}: with any, the next poll is due now. */
  get loopedPackets(): number {
    return this.#output.looped.size;
  }

  /** Frames that this layer holds: behind resolution, under reassembly, looped. */
  get framesHeld(): number {
    return this.#neighbours.queue.total + this.#reassembly.size + this.#output.looped.size;
  }

  /** The neighbour table, for people. */
  neighbours(): NeighbourRow[] {
    return listNeighbours(this.#neighbours);
  }

  /** For the parts: sends a request for a neighbour. */
  solicit(neighbour: number, unicast: boolean, _nowNs: number): void {
    const words = this.#neighbours.index.words;
    const at = neighbour * 4;
    if (isV4(words[at]!, words[at + 1]!, words[at + 2]!)) this.#arp.solicit(neighbour, unicast);
    else this.#six.ndp.solicit(neighbour, unicast);
  }

  /** For the parts: a packet of ours is dropped because its neighbour does not answer. */
  undelivered(_frame: number, at: number, length: number, nowNs: number): void {
    const headerAt = at + ETHERNET_HEADER_BYTES;
    const bytes = length - ETHERNET_HEADER_BYTES;
    const isDescribed = this.#isV6(headerAt)
      ? this.#six.icmp.describeUndelivered(headerAt, bytes)
      : this.#icmp.describeUndelivered(headerAt, bytes);
    if (isDescribed) {
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

  #addAddress6(cidr: Cidr, nowNs: number): number {
    const { word0, word1, word2, word3 } = cidr.address;
    this.#six.enable(nowNs);
    return this.#six.add(word0, word1, word2, word3, cidr.prefix, nowNs);
  }

  /** Whether the packet at `at` says version 6. */
  #isV6(at: number): boolean {
    return this.#port.arena.view.getUint8(at) >> 4 === 6;
  }

  #configure(config: IpConfig, nowNs: number): void {
    if (config.ipv6 === true) this.#six.enable(nowNs);
    for (let i = 0; i < config.addresses.length; i += 1) {
      this.addAddress(config.addresses[i]!, nowNs);
    }
    if (config.gateway !== undefined) {
      const any = config.gateway.isV4 ? IpAddress.any4 : IpAddress.any6;
      this.addRoute(new Cidr(any, 0), config.gateway);
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

function isV4(word0: number, word1: number, word2: number): boolean {
  return word0 === 0 && word1 === 0 && word2 === IPV4_MAPPED_WORD;
}
