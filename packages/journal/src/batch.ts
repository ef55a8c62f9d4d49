// @hot
/**
 * The batch that is being filled.
 *
 * @module
 */

import { assert, Status } from '@tickwire/base';
import { crc32c } from './crc32c.ts';
import {
  align8,
  BATCH_CHAIN,
  BATCH_COUNT,
  BATCH_CRC,
  BATCH_DURABLE,
  BATCH_FIRST,
  BATCH_HEADER_BYTES,
  BATCH_LENGTH,
  BATCH_NONCE,
  BATCH_PREVIOUS,
  RECORD_BYTES_MAX,
  RECORD_CHAIN,
  RECORD_HEADER_BYTES,
  RECORD_LENGTH,
  RECORD_SEQUENCE,
  RECORD_TYPE,
  RECORD_TYPE_MAX,
  recordChain,
  setInteger,
} from './format.ts';

/**
 * Frames records one behind the other in a buffer that is made once, and keeps sequence and chain.
 */
export class Batch {
  /** The batch as it goes to the disk, from 0 to {@link length}. */
  readonly bytes: Uint8Array;
  /** Bytes used, header included. */
  length: number = BATCH_HEADER_BYTES;
  /** Records in it. */
  count = 0;
  /** Sequence of the next record. */
  next: number;
  /** Chain of the last record. */
  chain: number;
  /** Chain before the first record of the batch. */
  firstChain: number;
  readonly #view: DataView;
  readonly #nonce: number;

  /** A buffer of `bytes` for a journal that goes on behind `last` and its `chain`. */
  constructor(bytes: number, nonce: number, last: number, chain: number) {
    // Over an explicit ArrayBuffer: JSC may move the storage of a small typed array.
    this.bytes = new Uint8Array(new ArrayBuffer(bytes));
    this.#view = new DataView(this.bytes.buffer);
    this.#nonce = nonce;
    this.next = last + 1;
    this.chain = chain;
    this.firstChain = chain;
  }

  /** Sequence of the first record; {@link next} when there is none. */
  get first(): number {
    return this.next - this.count;
  }

  /**
   * Adds a record.
   *
   * @returns `Status.Ok`; `Status.Again` when there is no room; `Status.OutOfRange` when `sequence`
   * is not {@link next}; `Status.TooLong` over 32,768 bytes.
   */
  append(bytes: Uint8Array, at: number, length: number, sequence: number, type: number): Status {
    if (sequence !== this.next) return Status.OutOfRange;
    if (length > RECORD_BYTES_MAX) return Status.TooLong;
    assert(type >= 0 && type <= RECORD_TYPE_MAX, 'A record type has 16 bits');
    assert(length >= 0 && at >= 0 && at + length <= bytes.length, 'The payload lies in its bytes');
    const record = this.length;
    const payload = record + RECORD_HEADER_BYTES;
    const end = payload + align8(length);
    const buffer = this.bytes;
    if (end > buffer.length) return Status.Again;
    // A loop and no `set`: that would need a subarray per record, and messages are short.
    for (let i = 0; i < length; i++) buffer[payload + i] = bytes[at + i]!;
    for (let i = payload + length; i < end; i++) buffer[i] = 0;
    const view = this.#view;
    view.setUint16(record + RECORD_LENGTH, length, true);
    view.setUint16(record + RECORD_TYPE, type, true);
    setInteger(view, record + RECORD_SEQUENCE, sequence);
    this.chain = recordChain(buffer, record, length, this.chain);
    view.setInt32(record + RECORD_CHAIN, this.chain, true);
    this.length = end;
    this.count++;
    this.next = sequence + 1;
    return Status.Ok;
  }

  /** Puts the header in front. Without records the batch is a seal. */
  finish(durable: number): void {
    const view = this.#view;
    view.setInt32(BATCH_NONCE, this.#nonce, true);
    view.setUint32(BATCH_LENGTH, this.length, true);
    view.setUint32(BATCH_COUNT, this.count, true);
    view.setInt32(BATCH_CHAIN, this.chain, true);
    setInteger(view, BATCH_FIRST, this.first);
    setInteger(view, BATCH_DURABLE, durable);
    view.setInt32(BATCH_PREVIOUS, this.firstChain, true);
    view.setInt32(BATCH_CRC, crc32c(this.bytes, 0, BATCH_CRC, 0), true);
  }

  /** Begins the next batch. */
  clear(): void {
    this.length = BATCH_HEADER_BYTES;
    this.count = 0;
    this.firstChain = this.chain;
  }
}
