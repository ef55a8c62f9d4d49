// @hot
/**
 * The last reports of the feed, as the blocks of a multicast packet: filling a packet, live or for
 * a re-request, is one copy.
 *
 * The sequence of a message of the feed is the report sequence of the book.
 *
 * @module
 */

import {
  EXECUTION_REPORT_BYTES,
  MOLD_BLOCK_HEADER_BYTES,
  reportSequence,
} from '@tickwire/protocol';
import { copyWords } from './slots.ts';

/** Bytes of a message with its length. */
export const BLOCK_BYTES: number = MOLD_BLOCK_HEADER_BYTES + EXECUTION_REPORT_BYTES;
const REPORT_WORDS = EXECUTION_REPORT_BYTES / 4;

/** A ring of blocks. */
export class FeedHistory {
  /** Blocks; message `s` is at {@link FeedHistory.offset}. */
  readonly view: DataView;
  /** Messages kept. */
  readonly capacity: number;
  /** Sequence of the newest message, 0 before the first. */
  last = 0;
  /** Sequence of the oldest message kept; `last + 1` when there is none. */
  oldest = 1;

  constructor(capacity: number) {
    this.view = new DataView(new ArrayBuffer(capacity * BLOCK_BYTES));
    this.capacity = capacity;
  }

  /**
   * Says that everything up to `sequence` is over. Keeps what is there when that is where it ends.
   */
  begin(sequence: number): void {
    if (this.last === sequence) return;
    this.last = sequence;
    this.oldest = sequence + 1;
  }

  /** Appends the report at `at`, which follows the last one, or is the first. */
  append(view: DataView, at: number): void {
    const sequence = reportSequence(view, at);
    if (this.oldest > this.last) this.oldest = sequence;
    const to = this.offset(sequence);
    this.view.setUint16(to, EXECUTION_REPORT_BYTES, false);
    copyWords(view, at, this.view, to + MOLD_BLOCK_HEADER_BYTES, REPORT_WORDS);
    this.last = sequence;
    if (sequence - this.oldest >= this.capacity) this.oldest = sequence - this.capacity + 1;
  }

  /** Offset of the block of message `sequence`. */
  offset(sequence: number): number {
    return (((sequence - 1) % this.capacity) * BLOCK_BYTES) | 0;
  }
}
