// @hot
/**
 * The IPv6 half of {@link Ip}: composes addresses, discovery, membership, ICMPv6, input and output.
 * It sleeps until {@link Ip6.enable}; a host without IPv6 addresses sends and answers none of it.
 *
 * @module
 */

import { type Prng, Status, type TimerWheel } from '@tickwire/base';
import type { IpFlow, IpMeta } from '@tickwire/wire';
import { Address6State, Addresses6 } from './addresses6.ts';
import type { EchoSink } from './icmp4.ts';
import { Icmp6 } from './icmp6.ts';
import type { IcmpError } from './icmp-error.ts';
import type { IpLimits } from './config.ts';
import { Ipv6Input } from './ipv6-input.ts';
import { Ipv6Output } from './ipv6-output.ts';
import type { LinkPort } from './link-port.ts';
import type { LoopedFrames } from './looped-frames.ts';
import { Mld } from './mld.ts';
import { Ndp } from './ndp.ts';
import type { Neighbours } from './neighbours.ts';
import type { PathMtus } from './path-mtu.ts';
import type { Routes } from './routes.ts';
import { TokenBucket } from './token-bucket.ts';

/** fe80::/64 as the first word. */
const LINK_LOCAL = 0xfe800000 | 0;
/** Pings answered in one burst at most, as for IPv4. */
const ECHO_BURST = 256;

/** IPv6 of one link. */
export class Ip6 {
  /** Whether IPv6 is spoken. */
  isEnabled = false;
  readonly addresses: Addresses6;
  readonly output: Ipv6Output;
  readonly icmp: Icmp6;
  readonly mld: Mld;
  readonly ndp: Ndp;
  readonly input: Ipv6Input;

  readonly #port: LinkPort;
  readonly #routes: Routes;
  readonly #timerBase: number;
  readonly #mldTimers: number;

  constructor(
    port: LinkPort,
    routes: Routes,
    neighbours: Neighbours,
    pathMtus: PathMtus,
    looped: LoopedFrames,
    wheel: TimerWheel,
    timerBase: number,
    limits: IpLimits,
    meta: IpMeta,
    error: IcmpError,
    echoSink: EchoSink,
    answersEcho: boolean,
    random: Prng,
    nowNs: number,
  ) {
    const groups = Ip6.#groups(limits);
    this.#port = port;
    this.#routes = routes;
    this.#timerBase = timerBase;
    this.#mldTimers = Mld.timers(groups);
    this.addresses = new Addresses6(limits.addresses);
    this.output = new Ipv6Output(port, this.addresses, routes, neighbours, pathMtus, looped);
    this.mld = new Mld(port, this.addresses, this.output, wheel, timerBase, groups, random);
    this.ndp = new Ndp(
      port,
      this.addresses,
      routes,
      neighbours,
      this.output,
      this.mld,
      wheel,
      timerBase + this.#mldTimers,
    );
    this.icmp = new Icmp6(
      port,
      this.addresses,
      this.output,
      pathMtus,
      this.ndp,
      this.mld,
      error,
      echoSink,
      new TokenBucket(limits.icmpErrorsPerSecond, limits.icmpErrorBurst, nowNs),
      new TokenBucket(limits.echoRepliesPerSecond, ECHO_BURST, nowNs),
      answersEcho,
    );
    this.input = new Ipv6Input(port, this.addresses, this.icmp, this.mld, meta);
  }

  /** Timer ids that `timerBase` must leave room for. */
  static timers(limits: IpLimits): number {
    return Mld.timers(Ip6.#groups(limits)) + limits.addresses;
  }

  /** Every address needs its solicited-node group beside those of the user. */
  static #groups(limits: IpLimits): number {
    return limits.groups + limits.addresses;
  }

  /** Begins to speak IPv6: a link-local address from the MAC (RFC 4291, appendix A). */
  enable(nowNs: number): void {
    if (this.isEnabled) return;
    this.isEnabled = true;
    this.mld.start();
    const { macHigh, macLow } = this.#port;
    const word2 = ((macHigh ^ 0x0200) << 16) | ((macLow >>> 16) & 0xff00) | 0xff;
    const word3 = 0xfe000000 | (macLow & 0x00ffffff);
    this.add(LINK_LOCAL, 0, word2, word3, 64, nowNs);
  }

  /**
   * Adds an address with its on-link route and begins to ask whether it is free; it is used a
   * second later. `Exists` or `LimitReached`.
   */
  add(
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    prefix: number,
    nowNs: number,
  ): number {
    const row = this.addresses.add(word0, word1, word2, word3, prefix);
    if (row < 0) return row;
    const routed = this.#routes.add(word0, word1, word2, word3, prefix, false, 0, 0, 0, 0);
    this.#port.version += 1;
    if (routed !== Status.Ok) {
      this.addresses.state[row] = Address6State.Free;
      return routed;
    }
    this.ndp.probe(row, nowNs);
    return Status.Ok;
  }

  /** Removes an address and the route that came with it. `NotFound`. */
  remove(word0: number, word1: number, word2: number, word3: number, nowNs: number): number {
    const addresses = this.addresses;
    const row = addresses.rowOf(word0, word1, word2, word3);
    if (row < 0) return Status.NotFound;
    this.ndp.forget(row, nowNs);
    addresses.state[row] = Address6State.Free;
    this.#port.version += 1;
    // The subnet stays reachable while another address of ours lies in it.
    const prefix = addresses.prefix[row]!;
    for (let other = 0; other < addresses.state.length; other += 1) {
      const isUsed = addresses.state[other] !== Address6State.Free;
      if (!isUsed || addresses.prefix[other] !== prefix) continue;
      const common = addresses.commonPrefix(other, word0, word1, word2, word3);
      if (common >= prefix) return Status.Ok;
    }
    this.#routes.remove(word0, word1, word2, word3, prefix);
    return Status.Ok;
  }

  /** Binds a flow to an IPv6 address. */
  bind(flow: IpFlow, nowNs: number): number {
    return this.isEnabled ? this.output.bind(flow, nowNs) : Status.Unreachable;
  }

  /** Handles a timer of ours: `id` counts from `timerBase`. */
  onTimer(id: number, nowNs: number): void {
    const own = id - this.#timerBase;
    if (own < this.#mldTimers) this.mld.onTimer(own, nowNs);
    else this.ndp.onTimer(own - this.#mldTimers);
  }
}
