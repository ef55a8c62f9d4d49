// @hot
/**
 * What the IP layer learnt about the packet that is being delivered.
 *
 * A stack owns one `IpMeta`, fills it for each packet and hands it to `tcp`, `udp` and `icmp`; it
 * is valid during the call only. Copy the numbers you keep.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { formatIpv4, formatIpv6 } from './address.ts';
import { CHECKSUM_GOOD, checksumAdd, checksumFold, pseudoSum4, pseudoSum6 } from './checksum.ts';

/** `IpMeta.linkDst`: the frame was addressed to our own MAC. */
export const LINK_UNICAST = 0;
/** `IpMeta.linkDst`: the frame was addressed to a group we listen to. */
export const LINK_MULTICAST = 1;
/** `IpMeta.linkDst`: the frame was addressed to ff:ff:ff:ff:ff:ff. */
export const LINK_BROADCAST = 2;

/** One mutable object of number fields per stack. */
export class IpMeta {
  /** 4 or 6. */
  family = 4;
  /** Source, 128 bits in int32 words; IPv4 is 0, 0, 0xffff, v4. */
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  /** Destination, in the same form. */
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  /** Transport protocol, behind all extension headers. */
  protocol = 0;
  /** DSCP and ECN byte. */
  trafficClass = 0;
  /** TTL or hop limit. */
  hopLimit = 0;
  /** Offset of the IP header in the arena. */
  headerAt = 0;
  /** Offset of the transport header in the arena. */
  at = 0;
  /** Bytes of transport header and payload. */
  length = 0;
  /** Frame number in the arena, or -1 when the bytes lie in no single frame (reassembled). */
  frame = -1;
  /** Folded ones-complement sum over `[at, at + length)`, or -1 when nobody has summed it. */
  sum = -1;
  /** 1 when the device vouches for the transport checksum. */
  verified = 0;
  /** `LINK_UNICAST`, `LINK_MULTICAST` or `LINK_BROADCAST`. */
  linkDst = 0;
}

/** Sum of the pseudo header for `length` transport bytes of the packet's protocol. */
export function metaPseudoSum(meta: IpMeta, length: number): number {
  if (meta.family === 4) return pseudoSum4(meta.src3, meta.dst3, meta.protocol, length);
  return pseudoSum6(
    meta.src0,
    meta.src1,
    meta.src2,
    meta.src3,
    meta.dst0,
    meta.dst1,
    meta.dst2,
    meta.dst3,
    meta.protocol,
    length,
  );
}

/**
 * Whether the transport checksum over all `meta.length` bytes is right: `Ok` or `BadChecksum`. Uses
 * what the device knows and touches the payload only when it knows nothing. Rules about absent
 * checksums (UDP over IPv4) are the caller's; so is a UDP length below `meta.length`, for which
 * `sum` covers too much.
 */
export function checkTransportChecksum(view: DataView, meta: IpMeta): number {
  if (meta.verified === 1) return Status.Ok;
  const pseudo = metaPseudoSum(meta, meta.length);
  const sum = meta.sum >= 0 ? pseudo + meta.sum : checksumAdd(view, meta.at, meta.length, pseudo);
  return checksumFold(sum) === CHECKSUM_GOOD ? Status.Ok : Status.BadChecksum;
}

/** The source as text. @cold */
export function metaSrcText(meta: IpMeta): string {
  if (meta.family === 4) return formatIpv4(meta.src3);
  return formatIpv6(meta.src0, meta.src1, meta.src2, meta.src3);
}

/** The destination as text. @cold */
export function metaDstText(meta: IpMeta): string {
  if (meta.family === 4) return formatIpv4(meta.dst3);
  return formatIpv6(meta.dst0, meta.dst1, meta.dst2, meta.dst3);
}
