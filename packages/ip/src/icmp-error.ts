// @hot
/**
 * What an ICMP error says about a packet that we sent.
 *
 * @module
 */

/** Meaning of an error, the same for ICMPv4 and ICMPv6 and for failures found by this host. */
export const IcmpErrorKind = {
  /** No route, or the host does not answer: RFC 1122 calls it a hint, not a proof (4.2.3.9). */
  HostUnreachable: 0,
  /** Nobody listens on the port. */
  PortUnreachable: 1,
  /** The host does not speak the protocol. */
  ProtocolUnreachable: 2,
  /** The packet does not fit; `mtu` has been stored in the path MTU cache already. */
  PacketTooBig: 3,
  /** TTL ran out on the way, or reassembly took too long. */
  TimeExceeded: 4,
  /** A header field is wrong. */
  ParameterProblem: 5,
  /** A filter forbids it. */
  Prohibited: 6,
} as const;

/** Any value of {@link IcmpErrorKind}. */
export type IcmpErrorKind = (typeof IcmpErrorKind)[keyof typeof IcmpErrorKind];

/**
 * The last error, filled before `Verdict.IcmpError` is returned or `IpEvents.icmpError` is called.
 * `local` is the source of the packet that caused it, one of our addresses; `remote` its
 * destination. Valid until the next call into `Ip`.
 */
export class IcmpError {
  /** {@link IcmpErrorKind}. */
  kind = 0;
  /** 1: found by this host (neighbour does not answer); 0: came from the network. */
  isLocal = 0;
  /** ICMP type and code as received. */
  type = 0;
  code = 0;
  /** 4 or 6. */
  family = 4;
  /** Protocol of the packet in question. */
  protocol = 0;
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  /** Ports of the packet in question (TCP and UDP); 0 otherwise. */
  localPort = 0;
  remotePort = 0;
  /** Next-hop MTU after the plausibility rules, for `PacketTooBig`. */
  mtu = 0;
  /** Sequence number of the segment in question (TCP), an int32; check it (RFC 5927, 4.1). */
  tcpSequence = 0;
}
