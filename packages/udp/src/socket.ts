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

/**
 * Made once with its pool and used again after close: keep no reference to a closed socket. Fields
 * without a comment that allows writing are read-only outside this package.
 */
export class UdpSocket {
  /** Index in the pool, stable. */
  readonly id: number;
  /** {@link UdpState}. */
  state = 0;
  /** The application's own number. Free to write. */
  token = 0;
  /** Local address, all words 0 (or IPv4 0.0.0.0) for any. */
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  localPort = 0;
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  remotePort = 0;
  /** 1: may share its address and port with others that say so too (SO_REUSEADDR). */
  reuse = 0;
  /** DSCP and ECN byte (IP_TOS); set by `Udp.setTrafficClass`. */
  trafficClass = 0;
  /** TTL of unicast datagrams (IP_TTL). */
  hopLimit = 64;
  /** TTL of multicast datagrams (IP_MULTICAST_TTL). */
  multicastHopLimit: number = MULTICAST_HOP_LIMIT;
  /** 1: own multicasts are delivered to local members too (IP_MULTICAST_LOOP). Free to write. */
  multicastLoop = 1;
  /** 1: datagrams carry DF and too long ones fail (IP_MTU_DISCOVER). */
  dontFragment = 0;
  /** Number of groups joined. */
  groups = 0;
  /** IP's cache per destination; entry 0 is the peer's when connected. */
  readonly flows: readonly IpFlow[];
  /** Next socket in the chain of its port, or -1. */
  next = -1;

  constructor(id: number) {
    this.id = id;
    const flows: IpFlow[] = [];
    for (let i = 0; i < SEND_FLOWS; i += 1) flows.push(new IpFlow());
    this.flows = flows;
  }
}
