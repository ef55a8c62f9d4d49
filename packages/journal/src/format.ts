// @hot
/**
 * The bytes of the journal. Little-endian, everything aligned to 8 bytes, 64-bit fields hold
 * integers below 2^53. Version 1.
 *
 * A segment file is a header, batches, and zeros up to its full size (it is written out in
 * advance):
 *
 * ```
 *      0       2       4               8              12              16
 *     +---------------+-------+-------+---------------+---------------+
 *   0 |  magic TWJ1   |version|   0   | segment bytes |     nonce     |  segment header
 *     +---------------+-------+-------+---------------+---------------+
 *  16 |    sequence of the first      |     created, ms since 1970    |
 *     +-------------------------------+---------------+---------------+
 *  32 |       all below is durable    |     chain     |       0       |
 *     +-------------------------------+---------------+---------------+
 *  48 |               0               |       0       |  header CRC   |
 *     +-------------------------------+---------------+---------------+
 *
 *     +---------------+---------------+---------------+---------------+
 *   0 |     nonce     |    length     |     count     |  last chain   |  batch header
 *     +---------------+---------------+---------------+---------------+
 *  16 |    sequence of the first      |   last sequence known durable |
 *     +---------------+---------------+-------------------------------+
 *  32 | first chain   |  header CRC   |  records, `count` of them ...
 *     +---------------+---------------+
 *
 *     +-------+-------+---------------+---------------+---------------+
 *   0 |length | type  |     chain     |           sequence            |  record
 *     +-------+-------+---------------+---------------+---------------+
 *  16 |  payload, `length` bytes, then zeros to a multiple of 8 ...
 *     +---------------------------------------------------------------+
 * ```
 *
 * - **Chain.** The chain of a record is the CRC32C of its payload, then of its sequence, length and
 *   type, begun with the chain of the record before it, across batches and segments. One number
 *   therefore vouches for the whole history, and two journals that agree on it agree on every byte.
 *   One pass over the payload serves record, batch and chain.
 * - **Nonce.** Random per journal and never 0. A batch of another journal, or bytes in a payload
 *   that look like a batch, do not carry it; a client cannot know it.
 * - **Known durable.** Recovery needs it to tell a loss that was allowed (batches that were never
 *   synced) from damage to what was promised (see `recovery.ts`).
 * - **Seal.** A batch of no records, written at an orderly close, so that even the last data batch
 *   is known durable.
 *
 * @module
 */

import { crc32c } from './crc32c.ts';

/** 'TWJ1' in ASCII, first byte first. */
export const SEGMENT_MAGIC = 0x314a5754;
/** Version of the format; a reader refuses another. */
export const FORMAT_VERSION = 1;

/** Size of the segment header. */
export const SEGMENT_HEADER_BYTES = 64;
/** Offset of the version in the segment header. */
export const SEGMENT_VERSION = 4;
/** Offset of the size of the whole segment. */
export const SEGMENT_BYTES = 8;
/** Offset of the journal's nonce. */
export const SEGMENT_NONCE = 12;
/** Offset of the sequence of the first record. */
export const SEGMENT_FIRST = 16;
/** Offset of the time of creation. */
export const SEGMENT_CREATED = 24;
/** Offset of the sequence up to which all earlier segments are durable. */
export const SEGMENT_DURABLE = 32;
/** Offset of the chain of the record before the first. */
export const SEGMENT_CHAIN = 40;
/** Offset of the CRC32C of the 60 bytes before it. */
export const SEGMENT_CRC = 60;

/** Size of the batch header. */
export const BATCH_HEADER_BYTES = 40;
/** Offset of the journal's nonce. */
export const BATCH_NONCE = 0;
/** Offset of the length of the batch with this header. */
export const BATCH_LENGTH = 4;
/** Offset of the number of records. */
export const BATCH_COUNT = 8;
/** Offset of the chain of the last record; the first chain when there is none. */
export const BATCH_CHAIN = 12;
/** Offset of the sequence of the first record. */
export const BATCH_FIRST = 16;
/** Offset of the last sequence that was known durable when the batch was written. */
export const BATCH_DURABLE = 24;
/** Offset of the chain of the record before the batch. */
export const BATCH_PREVIOUS = 32;
/** Offset of the CRC32C of the 36 bytes before it. */
export const BATCH_CRC = 36;

/** Size of the record header. */
export const RECORD_HEADER_BYTES = 16;
/** Offset of the payload's length. */
export const RECORD_LENGTH = 0;
/** Offset of the type. */
export const RECORD_TYPE = 2;
/** Offset of the chain. */
export const RECORD_CHAIN = 4;
/** Offset of the sequence. */
export const RECORD_SEQUENCE = 8;

/**
 * Longest payload of a record: the messages are 16 to 48 bytes; this leaves room without a length
 * of more than 16 bits.
 */
export const RECORD_BYTES_MAX = 32_768;
/** Largest type. */
export const RECORD_TYPE_MAX = 65_535;

/** Rounds up to the alignment of the format. */
export function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Reads a 64-bit field; Infinity when it is 2^53 or more, which no writer makes. */
export function getInteger(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high >= 0x200000) return Number.POSITIVE_INFINITY;
  return high * 4294967296 + view.getUint32(at, true);
}

/** Writes a 64-bit field. `value` is an integer from 0 to 2^53 - 1. */
export function setInteger(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 4294967296), true);
}

/** The chain of the record at `at`, given the chain of the one before. */
export function recordChain(
  bytes: Uint8Array,
  at: number,
  payloadBytes: number,
  previous: number,
): number {
  const payload = crc32c(bytes, at + RECORD_HEADER_BYTES, payloadBytes, previous);
  const sequence = crc32c(bytes, at + RECORD_SEQUENCE, 8, payload);
  return crc32c(bytes, at + RECORD_LENGTH, 4, sequence);
}

/** Why bytes are not a batch. */
export const BatchFault = {
  /** The nonce is not that of the journal: nothing, or nothing whole, was written here. */
  NoBatch: -1,
  /** The header's CRC does not match. */
  Header: -2,
  /** The length is impossible, or the batch ends behind the segment. */
  Length: -3,
  /** A record's length or sequence does not fit. */
  Record: -4,
  /** A record's chain, or the last one, does not match. */
  Chain: -5,
} as const;

const FAULT_TEXT: readonly string[] = [
  '',
  'no batch begins here',
  'the CRC of the batch header does not match',
  'the length of the batch is impossible',
  'a record does not fit the batch',
  'the CRC chain of the records does not match',
];

/** The fault in words. */
export function batchFaultText(fault: number): string {
  return FAULT_TEXT[-fault] ?? 'unknown';
}

/**
 * Checks the whole batch at `at`, which must end at or before `limit`. Needs nothing but the nonce:
 * the batch carries the chain it begins with. Whether it follows what came before is for the caller
 * to compare.
 *
 * @returns the length of the batch, or a {@link BatchFault}.
 */
export function checkBatch(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  limit: number,
  nonce: number,
): number {
  if (at + BATCH_HEADER_BYTES > limit) return BatchFault.NoBatch;
  if (view.getInt32(at + BATCH_NONCE, true) !== nonce) return BatchFault.NoBatch;
  const crc = crc32c(bytes, at, BATCH_CRC, 0);
  if (view.getInt32(at + BATCH_CRC, true) !== crc) return BatchFault.Header;
  const length = view.getUint32(at + BATCH_LENGTH, true);
  const end = at + length;
  if (length < BATCH_HEADER_BYTES || (length & 7) !== 0 || end > limit) return BatchFault.Length;
  const count = view.getUint32(at + BATCH_COUNT, true);
  let sequence = getInteger(view, at + BATCH_FIRST);
  let chain = view.getInt32(at + BATCH_PREVIOUS, true);
  let record = at + BATCH_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    if (record + RECORD_HEADER_BYTES > end) return BatchFault.Record;
    const payloadBytes = view.getUint16(record + RECORD_LENGTH, true);
    const next = record + RECORD_HEADER_BYTES + align8(payloadBytes);
    if (next > end || getInteger(view, record + RECORD_SEQUENCE) !== sequence) {
      return BatchFault.Record;
    }
    chain = recordChain(bytes, record, payloadBytes, chain);
    if (view.getInt32(record + RECORD_CHAIN, true) !== chain) return BatchFault.Chain;
    for (let pad = record + RECORD_HEADER_BYTES + payloadBytes; pad < next; pad++) {
      if (bytes[pad] !== 0) return BatchFault.Record;
    }
    record = next;
    sequence++;
  }
  if (record !== end) return BatchFault.Length;
  if (view.getInt32(at + BATCH_CHAIN, true) !== chain) return BatchFault.Chain;
  return length;
}
