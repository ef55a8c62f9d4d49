/**
 * What the files on disk amount to.
 *
 * A batch that is not whole is one of two things. If anything after it proves that it was durable
 * once (a later segment, or a later whole batch that says so), the disk or somebody has damaged
 * what was promised: recovery refuses. If nothing does, it was never promised under `group-commit`:
 * a write that power cut short, or, under `async`, one of several that had not been synced. Then
 * the journal ends before it, and the report says exactly what was cut.
 *
 * Under `async`, whole batches may lie behind the hole, because a disk writes unsynced pages in any
 * order. They say of themselves that the hole was not known durable. They are cut too: a sequence
 * with a hole is no sequence.
 *
 * @module
 */

import {
  BATCH_CHAIN,
  BATCH_COUNT,
  BATCH_DURABLE,
  BATCH_FIRST,
  BATCH_PREVIOUS,
  batchFaultText,
  checkBatch,
  getInteger,
  SEGMENT_HEADER_BYTES,
} from './format.ts';
import { corrupt, loadSegment, type SegmentImage, sequenceOfName } from './segment.ts';
import type { Storage } from './storage.ts';

/** A segment and how much of it holds. */
export interface SegmentInfo {
  readonly name: string;
  /** Sequence of its first record, were there one. */
  readonly first: number;
  /** Sequence of its last record; `first - 1` when it has none. */
  readonly last: number;
  /** Offset behind its last whole batch. */
  readonly endAt: number;
}

/** What recovery takes away from the end of the journal. */
export interface Cut {
  readonly file: string;
  /** From here to the end the file is emptied. */
  readonly offset: number;
  /** Bytes from there to the last one that is not zero. */
  readonly bytes: number;
  /** Why the bytes at the offset are not a batch that continues the journal. */
  readonly reason: string;
  /** Whole batches behind the hole that go too; always 0 under `group-commit`. */
  readonly laterBatches: number;
  /** Records in those. */
  readonly laterRecords: number;
}

/** The state of a journal on disk. */
export interface Recovery {
  readonly segments: readonly SegmentInfo[];
  /** Sequence of the last record; the one before the first segment when there is none. */
  readonly lastSequence: number;
  /** Chain of the last record. */
  readonly chain: number;
  readonly nonce: number;
  /** Size of the last segment when full. */
  readonly segmentBytes: number;
  /** True when the journal ends with a seal, or holds nothing yet. */
  readonly sealed: boolean;
  /** What the last segment ends with that does not count; undefined after an orderly end. */
  readonly cut: Cut | undefined;
}

/**
 * Reads and checks every segment. Changes nothing.
 *
 * @returns undefined when there is no segment at all.
 * @throws NetError `ERR_TW_CORRUPT` when something that was durable is damaged or missing.
 */
export function recover(storage: Storage): Recovery | undefined {
  const names = storage.list().filter((name) => sequenceOfName(name) >= 0);
  names.sort();
  const segments: SegmentInfo[] = [];
  let previous: SegmentInfo | undefined;
  let chain = 0;
  let nonce = 0;
  let segmentBytes = 0;
  let sealed = true;
  let cut: Cut | undefined;
  for (const [index, name] of names.entries()) {
    const image = loadSegment(storage, name);
    const { header } = image;
    if (previous !== undefined) {
      const follows = header.nonce === nonce && header.chain === chain;
      if (header.first !== previous.last + 1 || !follows) {
        const reason = `it ends with sequence ${previous.last}, but ${name} does not follow that`;
        throw corrupt(previous.name, previous.endAt, reason);
      }
    }
    nonce = header.nonce;
    segmentBytes = header.segmentBytes;
    const scan = scanSegment(image);
    chain = scan.chain;
    sealed = scan.sealed;
    const used = lastUsedByte(image.bytes, scan.info.endAt);
    if (used > scan.info.endAt) {
      if (index < names.length - 1) {
        throw corrupt(name, scan.info.endAt, `${scan.reason}, and later segments exist`);
      }
      cut = judgeTail(image, scan, used);
    }
    previous = scan.info;
    segments.push(scan.info);
  }
  if (previous === undefined) return undefined;
  return { segments, lastSequence: previous.last, chain, nonce, segmentBytes, sealed, cut };
}

interface Scan {
  readonly info: SegmentInfo;
  readonly chain: number;
  readonly sealed: boolean;
  readonly reason: string;
}

/** Follows the batches from the start for as long as each continues the one before. */
function scanSegment(image: SegmentImage): Scan {
  const { name, bytes, view, header } = image;
  let at = SEGMENT_HEADER_BYTES;
  let next = header.first;
  let chain = header.chain;
  let sealed = true;
  let reason = '';
  for (;;) {
    const length = checkBatch(view, bytes, at, bytes.length, header.nonce);
    if (length < 0) reason = batchFaultText(length);
    else if (getInteger(view, at + BATCH_FIRST) !== next) reason = `sequence ${next} is missing`;
    else if (view.getInt32(at + BATCH_PREVIOUS, true) !== chain) reason = 'the chain is broken';
    if (reason !== '') break;
    const count = view.getUint32(at + BATCH_COUNT, true);
    sealed = count === 0;
    next += count;
    chain = view.getInt32(at + BATCH_CHAIN, true);
    at += length;
  }
  const info = { name, first: header.first, last: next - 1, endAt: at };
  return { info, chain, sealed, reason };
}

/** Offset behind the last byte that is not zero; at least `from`. */
function lastUsedByte(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}

/** Decides whether the bytes from the end of the scan to `used` may be cut. */
function judgeTail(image: SegmentImage, scan: Scan, used: number): Cut {
  const { name, bytes, view, header } = image;
  const offset = scan.info.endAt;
  const missing = scan.info.last + 1;
  let laterBatches = 0;
  let laterRecords = 0;
  for (let at = offset + 8; at < used;) {
    const length = checkBatch(view, bytes, at, bytes.length, header.nonce);
    if (length < 0) {
      at += 8;
      continue;
    }
    const durable = getInteger(view, at + BATCH_DURABLE);
    if (durable >= missing) {
      const proof = `the batch at byte ${at} proves that sequence ${durable} was durable`;
      throw corrupt(name, offset, `${scan.reason}, but ${proof}`);
    }
    laterBatches++;
    laterRecords += view.getUint32(at + BATCH_COUNT, true);
    at += length;
  }
  const reason = scan.reason;
  return { file: name, offset, bytes: used - offset, reason, laterBatches, laterRecords };
}

/** A cut in one sentence, for the log. */
export function describeCut(cut: Cut, lastSequence: number): string {
  const later =
    cut.laterBatches === 0
      ? ''
      : `, with ${cut.laterRecords} records in ${cut.laterBatches} later batches never synced`;
  return (
    `${cut.file} was cut at byte ${cut.offset} (${cut.bytes} bytes${later}): ${cut.reason}; ` +
    `the journal ends with sequence ${lastSequence}`
  );
}
