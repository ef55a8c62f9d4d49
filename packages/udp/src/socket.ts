// @hot
/**
 * A datagram socket: a pooled object of numbers.
 *
 * @module
 */

import { IpFlow } from '@tickwire/wire';

/** States of a {@link UdpSocket}. */
export const UdpState = {
  /** In the pool. */
  Closed: 0,
  /** Opened, without a port. */
  Open: 1,
  /** Has a local port. */
  Bound: 2,
  /** Has a peer: receives from it only, and learns of its ICMP errors. */
  Connected: 3,
} as const;

/** Any value of {@link UdpState}. */
export type UdpState = (typeof UdpState)[keyof typeof UdpState];

/**
 * Destinations whose flow (route, neighbour, pseudo-header sum) an unconnected socket remembers.
 * A publisher has one or two (the A and B feeds), a request server alternates between few.
 */
export const SEND_FLOWS = 4;

/** Hop limit of multicast datagrams unless told otherwise (RFC 1112, 6.1). */
export const MULTICAST_HOP_LIMIT = 1;

/** Hop limit of unicast datagrams unless told otherwise (RFC 1122, 3.2.1.7; IANA). */
export const UNICAST_HOP_LIMIT = 64;

/**
 * Made once with its pool and used again after close: keep no reference to a closed socket. Fields
 * are read-only outside this package unless their comment says "free to write".
 */
export class UdpSocket {
  /** Index in the pool, stable. */
  readonly id: number;
  /** {@link UdpState}. */
  state = 0;
  /** Grows with every close: tells a reused socket from the one it was. */
  generation = 0;
  /** The application's own number. Free to write. */
  token = 0;
  /** Local address; 0.0.0.0 or :: for any. */
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  localPort = 0;
  /** The peer, when connected. */
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  remotePort = 0;
  /** 1: may share address and port with others that say so (SO_REUSEADDR). Free to write. */
  reuse = 0;
  /** DSCP and ECN byte (IP_TOS). Free to write. */
  trafficClass = 0;
  /** TTL of unicast datagrams (IP_TTL), 1..255. Free to write. */
  hopLimit: number = UNICAST_HOP_LIMIT;
  /** TTL of multicast datagrams (IP_MULTICAST_TTL), 0..255; 0 stays here. Free to write. */
  multicastHopLimit: number = MULTICAST_HOP_LIMIT;
  /** 1: own multicasts reach local members too (IP_MULTICAST_LOOP). Free to write. */
  multicastLoop = 1;
  /** 1: datagrams carry DF and too long ones fail (IP_MTU_DISCOVER). Free to write. */
  dontFragment = 0;
  /** IP's cache for the peer of a connected socket. */
  readonly peer: IpFlow = new IpFlow();
  /** IP's cache for other destinations, by a hash of the address. */
  readonly flows: readonly IpFlow[];
  /** Whether the local address was chosen by `connect`, so that `disconnect` forgets it. */
  hasChosenLocal = false;
  /** First of the socket's memberships, or -1. */
  memberships = -1;
  /** Next socket in the chain of its port, or -1. */
  next = -1;

  constructor(id: number) {
    this.id = id;
    const flows: IpFlow[] = [];
    for (let i = 0; i < SEND_FLOWS; i += 1) flows.push(new IpFlow());
    this.flows = flows;
  }

  /** Back to the state of a fresh socket. */
  reset(): void {
    this.state = UdpState.Closed;
    this.generation += 1;
    this.token = 0;
    this.local0 = 0;
    this.local1 = 0;
    this.local2 = 0;
    this.local3 = 0;
    this.localPort = 0;
    this.remote0 = 0;
    this.remote1 = 0;
    this.remote2 = 0;
    this.remote3 = 0;
    this.remotePort = 0;
    this.reuse = 0;
    this.trafficClass = 0;
    this.hopLimit = UNICAST_HOP_LIMIT;
    this.multicastHopLimit = MULTICAST_HOP_LIMIT;
    this.multicastLoop = 1;
    this.dontFragment = 0;
    this.hasChosenLocal = false;
    this.memberships = -1;
    this.next = -1;
    this.forgetFlows();
  }

  /** Makes every cached flow be bound anew. */
  forgetFlows(): void {
    forgetFlow(this.peer);
    for (let i = 0; i < SEND_FLOWS; i += 1) forgetFlow(this.flows[i]!);
  }
}

/** Empties a flow: no address, nothing bound. */
export function forgetFlow(flow: IpFlow): void {
  flow.local0 = 0;
  flow.local1 = 0;
  flow.local2 = 0;
  flow.local3 = 0;
  flow.remote0 = 0;
  flow.remote1 = 0;
  flow.remote2 = 0;
  flow.remote3 = 0;
  flow.neighbour = -1;
  flow.neighbourVersion = -1;
}

/** Whether the words are 0.0.0.0 or ::. */
export function isAnyAddress(word0: number, word1: number, word2: number, word3: number): boolean {
  return word3 === 0 && word0 === 0 && word1 === 0 && (word2 === 0 || word2 === 0xffff);
}

/** Whether an address that begins with these words is IPv4: ::ffff:0:0/96. */
export function isV4(word0: number, word1: number, word2: number): boolean {
  return word0 === 0 && word1 === 0 && word2 === 0xffff;
}

/** Whether the words are a group: 224.0.0.0/4 or ff00::/8. */
export function isGroupAddress(
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): boolean {
  if (isV4(word0, word1, word2)) return word3 >>> 28 === 14;
  return word0 >>> 24 === 0xff;
}
