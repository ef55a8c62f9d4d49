/**
 * Snapshots: the state after a sequence, so that replay need not begin at the beginning.
 *
 * ```
 *      0       2       4               8              12              16
 *     +---------------+-------+-------+---------------+---------------+
 *   0 |  magic TWS1   |version|   0   |  payload CRC  |  header CRC   |
 *     +---------------+-------+-------+---------------+---------------+
 *  16 |           sequence            |        payload length         |
 *     +-------------------------------+-------------------------------+
 *  32 |  payload ...
 * ```
 *
 * Little-endian. The header's CRC is that of the 32 bytes with its own field zero.
 *
 * @module
 */

import { crc32c } from './crc32c.ts';
import { FORMAT_VERSION, getInteger, setInteger } from './format.ts';
import { syncOrThrow } from './segment.ts';
import { type Storage, storageError, writeFully } from './storage.ts';

/** 'TWS1' in ASCII, first byte first. */
const SNAPSHOT_MAGIC = 0x31535754;
const HEADER_BYTES = 32;
const VERSION_AT = 4;
const PAYLOAD_CRC_AT = 8;
const HEADER_CRC_AT = 12;
const SEQUENCE_AT = 16;
const LENGTH_AT = 24;
const NAME = /^snapshot-(\d{16})\.snap$/;
const TEMPORARY = 'snapshot.tmp';

/** The state of the application after it applied `sequence`. */
export interface Snapshot {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** The newest snapshot that holds, and the names of newer ones that do not. */
export interface SnapshotSearch {
  readonly snapshot: Snapshot | undefined;
  readonly damaged: readonly string[];
}

function snapshotName(sequence: number): string {
  return `snapshot-${String(sequence).padStart(16, '0')}.snap`;
}

function sequenceOf(name: string): number {
  return Number(NAME.exec(name)?.[1] ?? -1);
}

/**
 * Sequences of all snapshots by their names, newest first; whether they hold is another question.
 */
export function snapshotSequences(storage: Storage): number[] {
  const sequences = storage.list().map(sequenceOf);
  return sequences.filter((sequence) => sequence >= 0).sort((a, b) => b - a);
}

/**
 * Writes a snapshot so that it is there as a whole or not at all: to a temporary file, synced,
 * renamed, directory synced.
 *
 * @throws NetError when the storage fails; earlier snapshots are untouched then.
 */
export function storeSnapshot(storage: Storage, sequence: number, bytes: Uint8Array): void {
  const header = new Uint8Array(new ArrayBuffer(HEADER_BYTES));
  const view = new DataView(header.buffer);
  view.setUint32(0, SNAPSHOT_MAGIC, true);
  view.setUint16(VERSION_AT, FORMAT_VERSION, true);
  view.setInt32(PAYLOAD_CRC_AT, crc32c(bytes, 0, bytes.length, 0), true);
  setInteger(view, SEQUENCE_AT, sequence);
  setInteger(view, LENGTH_AT, bytes.length);
  view.setInt32(HEADER_CRC_AT, crc32c(header, 0, HEADER_BYTES, 0), true);
  const fd = storage.create(TEMPORARY);
  try {
    let errno = writeFully(storage, fd, header, HEADER_BYTES, 0);
    if (errno === 0) errno = writeFully(storage, fd, bytes, bytes.length, HEADER_BYTES);
    if (errno < 0) throw storageError('write', TEMPORARY, errno);
    syncOrThrow(storage, fd, TEMPORARY);
  } finally {
    storage.close(fd);
  }
  storage.rename(TEMPORARY, snapshotName(sequence));
  storage.syncDirectory();
}

/** Reads one snapshot; undefined when anything about it is wrong. */
export function loadSnapshot(storage: Storage, sequence: number): Snapshot | undefined {
  const fd = storage.open(snapshotName(sequence));
  try {
    const size = storage.size(fd);
    const file = new Uint8Array(size);
    if (size < HEADER_BYTES || storage.read(fd, file, size, 0) !== size) return undefined;
    const view = new DataView(file.buffer);
    const headerCrc = view.getInt32(HEADER_CRC_AT, true);
    view.setInt32(HEADER_CRC_AT, 0, true);
    const bytes = file.slice(HEADER_BYTES);
    const holds =
      crc32c(file, 0, HEADER_BYTES, 0) === headerCrc &&
      view.getUint32(0, true) === SNAPSHOT_MAGIC &&
      view.getUint16(VERSION_AT, true) === FORMAT_VERSION &&
      getInteger(view, SEQUENCE_AT) === sequence &&
      getInteger(view, LENGTH_AT) === bytes.length &&
      crc32c(bytes, 0, bytes.length, 0) === view.getInt32(PAYLOAD_CRC_AT, true);
    return holds ? { sequence, bytes } : undefined;
  } finally {
    storage.close(fd);
  }
}

/** Finds the newest snapshot that holds and is not newer than `lastSequence`. */
export function findSnapshot(storage: Storage, lastSequence: number): SnapshotSearch {
  const damaged: string[] = [];
  for (const sequence of snapshotSequences(storage)) {
    const snapshot = sequence <= lastSequence ? loadSnapshot(storage, sequence) : undefined;
    if (snapshot !== undefined) return { snapshot, damaged };
    damaged.push(snapshotName(sequence));
  }
  return { snapshot: undefined, damaged };
}

/** Deletes a snapshot. */
export function removeSnapshot(storage: Storage, sequence: number): void {
  storage.remove(snapshotName(sequence));
}
