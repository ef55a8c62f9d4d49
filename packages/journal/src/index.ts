/**
 * Write-ahead log with CRC chain, snapshots and recovery. Records are opaque bytes with a type and
 * a sequence.
 *
 * @packageDocumentation
 */

export { crc32c } from './crc32c.ts';
export { FileStorage } from './file-storage.ts';
export { RECORD_BYTES_MAX, RECORD_TYPE_MAX } from './format.ts';
export { Journal, SNAPSHOTS_KEPT } from './journal.ts';
export {
  BATCH_BYTES_DEFAULT,
  type JournalOptions,
  type JournalPolicy,
  SEGMENT_BYTES_DEFAULT,
  SEGMENT_BYTES_MAX,
} from './options.ts';
export { type FaultyOperation, MemoryStorage } from './memory-storage.ts';
export { JournalReader } from './reader.ts';
export { type Cut, describeCut, recover, type Recovery, type SegmentInfo } from './recovery.ts';
export { type Snapshot, type SnapshotSearch } from './snapshot.ts';
export { type BackgroundSync, EIO, ENOSPC, type Storage } from './storage.ts';
