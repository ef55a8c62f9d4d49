// @hot
/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A *sum* here is a non-negative integer below 2^32 that is equal to the 16-bit ones-complement sum
 * modulo 0xffff; sums of pieces are simply added, as long as every piece but the last has an even
 * length. {@link checksumFold} brings a sum down to 16 bits, {@link checksumFinish} complements it
 * for the header. Over bytes that include a correct checksum field the folded sum is 0xffff.
 *
 * The loop adds the two halves of 32-bit words in two int32 accumulators: the chains are
 * independent and never leave int32, which JSC keeps in registers (bench/micro/wire.bench.ts).
 *
 * @module
 */

/** Folded sum over a range with a correct checksum field in it (negative zero, RFC 1071, 1). */
export const CHECKSUM_GOOD = 0xffff;

/**
 * Largest `length` of one {@link checksumAdd}: 64 KiB, an IP packet. The accumulators take at most
 * 65,535 per word and therefore stay below 2^31 up to 128 KiB.
 */
export const CHECKSUM_LENGTH_MAX = 65_536;

/**
 * Adds `length` bytes at `at` to `sum` and returns the new sum. An odd last byte is padded with a
 * zero (RFC 1071, 1), so only the last piece of a packet may be odd. `length` is at most
 * {@link CHECKSUM_LENGTH_MAX}.
 *
 * @example
 * ```ts
 * let sum = pseudoSum4(src, dst, PROTOCOL_UDP, length);
 * sum = checksumAdd(view, udpAt, length, sum);
 * setUdpChecksum(view, udpAt, checksumFinishUdp(sum));
 * ```
 */
export function checksumAdd(view: DataView, at: number, length: number, sum: number): number {
  let high = 0;
  let low = 0;
  let i = at;
  const end16 = at + (length & ~15);
  while (i < end16) {
    const a = view.getInt32(i);
    const b = view.getInt32(i + 4);
    const c = view.getInt32(i + 8);
    const d = view.getInt32(i + 12);
    high = (high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16)) | 0;
    low = (low + (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff)) | 0;
    i += 16;
  }
  const end4 = at + (length & ~3);
  while (i < end4) {
    const a = view.getInt32(i);
    high = (high + (a >>> 16)) | 0;
    low = (low + (a & 0xffff)) | 0;
    i += 4;
  }
  if ((length & 2) !== 0) {
    high = (high + view.getUint16(i)) | 0;
    i += 2;
  }
  if ((length & 1) !== 0) high = (high + (view.getUint8(i) << 8)) | 0;
  return sum + (high & 0xffff) + (high >>> 16) + (low & 0xffff) + (low >>> 16);
}

/** The sum brought down to 16 bits. Domain: 0 <= sum < 2^32. */
export function checksumFold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** The value for a checksum field: the complement of the folded sum. */
export function checksumFinish(sum: number): number {
  return ~checksumFold(sum) & 0xffff;
}

/**
 * As {@link checksumFinish}, with 0 sent as 0xffff, because zero in UDP means "no checksum"
 * (RFC 768).
 */
export function checksumFinishUdp(sum: number): number {
  const value = checksumFinish(sum);
  return value === 0 ? 0xffff : value;
}

/**
 * The folded sum without `part`, both folded: what is left of a device's sum over a frame when the
 * IP header is taken away.
 */
export function checksumSubtract(sum: number, part: number): number {
  return checksumFold(sum + (~part & 0xffff));
}

/** The two halves of an int32 word, added: how addresses enter a sum. */
export function checksumWord(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

/** The complete checksum field value over one range, whose checksum field is zero. */
export function checksum(view: DataView, at: number, length: number): number {
  return checksumFinish(checksumAdd(view, at, length, 0));
}

/**
 * Sum of the IPv4 pseudo header: addresses as int32, protocol, transport length (RFC 768,
 * RFC 9293 3.1).
 */
export function pseudoSum4(src: number, dst: number, protocol: number, length: number): number {
  return checksumWord(src) + checksumWord(dst) + protocol + length;
}

/**
 * Sum of the IPv6 pseudo header (RFC 8200, 8.1): addresses as four int32 words each, the upper
 * layer protocol, and the upper layer length.
 */
export function pseudoSum6(
  src0: number,
  src1: number,
  src2: number,
  src3: number,
  dst0: number,
  dst1: number,
  dst2: number,
  dst3: number,
  protocol: number,
  length: number,
): number {
  return (
    checksumWord(src0) +
    checksumWord(src1) +
    checksumWord(src2) +
    checksumWord(src3) +
    checksumWord(dst0) +
    checksumWord(dst1) +
    checksumWord(dst2) +
    checksumWord(dst3) +
    checksumWord(length) +
    protocol
  );
}

/**
 * The checksum field after one 16-bit field of the covered range went from `before` to `after`
 * (RFC 1624, equation 3, which is right where RFC 1141 yields the wrong zero).
 */
export function checksumUpdate16(field: number, before: number, after: number): number {
  return checksumFinish((~field & 0xffff) + (~before & 0xffff) + after);
}

/** As {@link checksumUpdate16} for a 32-bit field at an even offset, for example an address. */
export function checksumUpdate32(field: number, before: number, after: number): number {
  return checksumFinish((~field & 0xffff) + checksumWord(~before) + checksumWord(after));
}
