/**
 * One segment file: its name, its header, its image in memory.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { crc32c } from './crc32c.ts';
import {
  FORMAT_VERSION,
  getInteger,
  SEGMENT_BYTES,
  SEGMENT_CHAIN,
  SEGMENT_CRC,
  SEGMENT_CREATED,
  SEGMENT_DURABLE,
  SEGMENT_FIRST,
  SEGMENT_HEADER_BYTES,
  SEGMENT_MAGIC,
  SEGMENT_NONCE,
  SEGMENT_VERSION,
  setInteger,
} from './format.ts';
import { type Storage, storageError, writeFully } from './storage.ts';

const NAME = /^segment-(\d{16})\.journal$/;

/** The name of the segment that begins with `sequence`; names sort as sequences do. */
export function segmentName(sequence: number): string {
  return `segment-${String(sequence).padStart(16, '0')}.journal`;
}

/** The first sequence that a name states, or -1 when it is not a segment's name. */
export function sequenceOfName(name: string): number {
  const match = NAME.exec(name);
  return match === null ? -1 : Number(match[1]);
}

/** What a segment's header says. */
export interface SegmentHeader {
  readonly segmentBytes: number;
  readonly nonce: number;
  readonly first: number;
  readonly createdMs: number;
  readonly durable: number;
  readonly chain: number;
}

/** A whole segment in memory. */
export interface SegmentImage {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly header: SegmentHeader;
}

/** The refusal to go on with a damaged journal. */
export function corrupt(file: string, offset: number, reason: string): NetError {
  return new NetError(
    'ERR_TW_CORRUPT',
    `Journal file ${file} is damaged at byte ${offset}: ${reason}; restore it from a replica`,
    { file, offset, reason },
  );
}

/** Puts a header into the first 64 bytes of `bytes`. */
export function emitSegmentHeader(bytes: Uint8Array, header: SegmentHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  bytes.fill(0, 0, SEGMENT_HEADER_BYTES);
  view.setUint32(0, SEGMENT_MAGIC, true);
  view.setUint16(SEGMENT_VERSION, FORMAT_VERSION, true);
  view.setUint32(SEGMENT_BYTES, header.segmentBytes, true);
  view.setInt32(SEGMENT_NONCE, header.nonce, true);
  setInteger(view, SEGMENT_FIRST, header.first);
  setInteger(view, SEGMENT_CREATED, header.createdMs);
  setInteger(view, SEGMENT_DURABLE, header.durable);
  view.setInt32(SEGMENT_CHAIN, header.chain, true);
  view.setInt32(SEGMENT_CRC, crc32c(bytes, 0, SEGMENT_CRC, 0), true);
}

/**
 * Reads a whole segment and checks its header. A segment gets its name only after its header is
 * durable, so a bad header is never a torn write.
 *
 * @throws NetError `ERR_TW_CORRUPT` for a bad header, `ERR_TW_FORMAT` for another version.
 */
export function loadSegment(storage: Storage, name: string): SegmentImage {
  const fd = storage.open(name);
  try {
    const size = storage.size(fd);
    const bytes = new Uint8Array(size);
    const read = storage.read(fd, bytes, size, 0);
    if (read !== size) throw corrupt(name, read, 'the file is shorter than its size');
    if (size < SEGMENT_HEADER_BYTES) throw corrupt(name, 0, 'the file header is cut off');
    const view = new DataView(bytes.buffer);
    if (view.getUint32(0, true) !== SEGMENT_MAGIC) {
      throw corrupt(name, 0, 'the file header has not the magic of a journal');
    }
    if (view.getInt32(SEGMENT_CRC, true) !== crc32c(bytes, 0, SEGMENT_CRC, 0)) {
      throw corrupt(name, 0, 'the CRC of the file header does not match');
    }
    const version = view.getUint16(SEGMENT_VERSION, true);
    if (version !== FORMAT_VERSION) {
      const message = `Journal file ${name} has version ${version}; use the release that wrote it`;
      throw new NetError('ERR_TW_FORMAT', message, { file: name, version });
    }
    const header = {
      segmentBytes: view.getUint32(SEGMENT_BYTES, true),
      nonce: view.getInt32(SEGMENT_NONCE, true),
      first: getInteger(view, SEGMENT_FIRST),
      createdMs: getInteger(view, SEGMENT_CREATED),
      durable: getInteger(view, SEGMENT_DURABLE),
      chain: view.getInt32(SEGMENT_CHAIN, true),
    };
    if (header.first !== sequenceOfName(name)) {
      throw corrupt(name, SEGMENT_FIRST, 'the first sequence is not that of the file name');
    }
    return { name, bytes, view, header };
  } finally {
    storage.close(fd);
  }
}

/** Bytes of zeros that are written at a time. */
export const ZERO_CHUNK_BYTES = 1_048_576;
const ZEROS: Uint8Array = new Uint8Array(ZERO_CHUNK_BYTES);

/**
 * Writes zeros over `length` bytes, at most {@link ZERO_CHUNK_BYTES}. Real zeros and not a hole:
 * the blocks are then there, so that a full disk shows here and not in the middle of a batch, and
 * fdatasync of a batch has no metadata to write.
 */
export function writeZeros(storage: Storage, fd: number, position: number, length: number): void {
  const errno = writeFully(storage, fd, ZEROS, Math.min(length, ZERO_CHUNK_BYTES), position);
  if (errno < 0) throw storageError('reserve space for', 'a segment', errno);
}

/** Syncs or throws. */
export function syncOrThrow(storage: Storage, fd: number, file: string): void {
  const errno = storage.sync(fd);
  if (errno < 0) throw storageError('sync', file, errno);
}
