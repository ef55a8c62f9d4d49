// @hot
/**
 * The seam between the transports and IP: what a conversation tells IP about itself, and what IP
 * offers to TCP and UDP. It lies in `wire` because `tcp`, `udp` and `ip` never import each other.
 *
 * @module
 */

/**
 * The addresses of a conversation, and what the IP layer caches for it. One lives in every
 * connection and socket, made once with its pool; all fields are numbers.
 *
 * Addresses are the four int32 words of the 128-bit address in network order; IPv4 is
 * ::ffff:a.b.c.d (words 0, 0, 0xffff, v4), so that every table above IP has one key shape.
 */
export class IpFlow {
  /** 4 or 6. */
  family = 4;
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  /** DSCP and ECN byte of every packet sent. */
  trafficClass = 0;
  /** Time to live or hop limit of every packet sent. */
  hopLimit = 64;
  /** 1: IPv4 packets carry DF (TCP, path MTU discovery); 0: IP may fragment (UDP by default). */
  dontFragment = 1;
  /** Largest IP packet to the peer that is known to pass; kept by IP (RFC 1191, RFC 8201). */
  mtu = 1500;
  /** Folded ones-complement sum of both addresses, for the pseudo header; set by `bindFlow`. */
  addressSum = 0;
  /** IP's own: index of the next hop's neighbour entry, or -1. */
  neighbour = -1;
  /** IP's own: version of the neighbour and route tables for which `neighbour` holds. */
  neighbourVersion = -1;
}

/** What IP offers to a transport. All results are status codes (negative is a failure). */
export interface IpOutput {
  /**
   * Frames that can still be queued in this egress round. A transport stops at 0, keeps its state
   * and goes on in the next round; nothing is lost.
   */
  room(): number;

  /**
   * Chooses the local address when it is unspecified (all words 0), finds the next hop, and fills
   * `mtu`, `addressSum` and IP's own fields. Returns `Status.Unreachable` when no route exists.
   * To be called when the remote address of a flow is set.
   */
  bindFlow(flow: IpFlow, nowNs: number): number;

  /**
   * Sends `length` transport bytes at arena offset `at` of `frame` to the flow's peer: writes the
   * IP and link headers into the bytes before `at` (at least `FRAME_HEADROOM_BYTES` minus the
   * transport header lie there) and queues the frame for the device, or behind address resolution.
   *
   * Takes one reference to `frame` whatever the result is; who needs the bytes again retains first.
   * `checksumOffset` is the offset from `at` of the 16-bit transport checksum field, which holds
   * the folded pseudo-header sum (not complemented); -1 when there is nothing to fill.
   */
  output(
    flow: IpFlow,
    protocol: number,
    frame: number,
    at: number,
    length: number,
    checksumOffset: number,
    nowNs: number,
  ): number;
}
