// @hot
/**
 * Reading a journal from any sequence on.
 *
 * @module
 */

import {
  BATCH_CHAIN,
  BATCH_COUNT,
  BATCH_FIRST,
  BATCH_HEADER_BYTES,
  BATCH_PREVIOUS,
  align8,
  batchFaultText,
  checkBatch,
  getInteger,
  RECORD_HEADER_BYTES,
  RECORD_LENGTH,
  RECORD_SEQUENCE,
  RECORD_TYPE,
  SEGMENT_HEADER_BYTES,
} from './format.ts';
import type { SegmentInfo } from './recovery.ts';
import { corrupt, loadSegment, type SegmentImage } from './segment.ts';
import type { Storage } from './storage.ts';

/**
 * A cursor over records. Loads one segment at a time and allocates nothing per record; every batch
 * is checked again as it is read, since the disk may have changed after recovery.
 *
 * @example
 * ```ts
 * const reader = journal.reader(snapshotSequence + 1);
 * while (reader.next()) book.apply(reader.bytes, reader.at, reader.length);
 * ```
 */
export class JournalReader {
  /** Sequence of the current record. */
  sequence = 0;
  /** Type of the current record. */
  type = 0;
  /** The bytes in which the current record's payload lies; valid until {@link next}. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where it begins. */
  at = 0;
  /** How long it is. */
  length = 0;
  readonly #storage: Storage;
  readonly #segments: readonly SegmentInfo[];
  readonly #from: number;
  #index = -1;
  #image: SegmentImage | undefined;
  #batchAt = 0;
  #recordAt = 0;
  #left = 0;
  #expected = 0;
  #chain = 0;

  /** Reads `segments` from sequence `from` on. Use `Journal.reader`. */
  constructor(storage: Storage, segments: readonly SegmentInfo[], from: number) {
    this.#storage = storage;
    this.#segments = segments.filter((segment) => segment.last >= from);
    this.#from = from;
  }

  /**
   * Moves to the next record; false at the end of what was there when the reader was made.
   *
   * @throws NetError `ERR_TW_CORRUPT` when a batch no longer checks.
   */
  next(): boolean {
    for (;;) {
      while (this.#left > 0) {
        this.#readRecord();
        if (this.sequence >= this.#from) return true;
      }
      if (!this.#nextBatch()) return false;
    }
  }

  #readRecord(): void {
    const view = this.#image!.view;
    const at = this.#recordAt;
    this.length = view.getUint16(at + RECORD_LENGTH, true);
    this.type = view.getUint16(at + RECORD_TYPE, true);
    this.sequence = getInteger(view, at + RECORD_SEQUENCE);
    this.at = at + RECORD_HEADER_BYTES;
    this.#recordAt = this.at + align8(this.length);
    this.#left--;
  }

  #nextBatch(): boolean {
    const info = this.#segments[this.#index];
    if (info === undefined || this.#batchAt >= info.endAt) return this.#nextSegment();
    const { view, bytes, header } = this.#image!;
    const at = this.#batchAt;
    const length = checkBatch(view, bytes, at, info.endAt, header.nonce);
    if (length < 0) this.#refuse(info.name, at, batchFaultText(length));
    const follows =
      getInteger(view, at + BATCH_FIRST) === this.#expected &&
      view.getInt32(at + BATCH_PREVIOUS, true) === this.#chain;
    if (!follows) this.#refuse(info.name, at, 'the batch does not follow the one before');
    this.#left = view.getUint32(at + BATCH_COUNT, true);
    this.#expected += this.#left;
    this.#chain = view.getInt32(at + BATCH_CHAIN, true);
    this.#recordAt = at + BATCH_HEADER_BYTES;
    this.#batchAt = at + length;
    return true;
  }

  /** The disk changed after recovery. @cold */
  #refuse(file: string, offset: number, reason: string): never {
    throw corrupt(file, offset, reason);
  }

  #nextSegment(): boolean {
    const info = this.#segments[this.#index + 1];
    if (info === undefined) return false;
    this.#index++;
    const image = loadSegment(this.#storage, info.name);
    this.#image = image;
    this.bytes = image.bytes;
    this.#batchAt = SEGMENT_HEADER_BYTES;
    this.#expected = image.header.first;
    this.#chain = image.header.chain;
    return true;
  }
}
