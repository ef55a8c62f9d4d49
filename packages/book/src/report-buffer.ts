// @hot
/**
 * Where the book writes its reports: execution reports as they go over the wire, and beside them
 * the trader each one is for. Made once; the owner drains it and calls {@link ReportBuffer.clear}.
 *
 * @module
 */

import { assert } from '@tickwire/base';
import { EXECUTION_REPORT_BYTES, MessageTag } from '@tickwire/protocol';

const REPORT_WORDS = EXECUTION_REPORT_BYTES / 4;
const TWO_32 = 4294967296;

/** The book needs this much room to begin a message or a fill: two sides and a cancellation. */
export const REPORT_ROOM = 3;

/** A buffer of execution reports. */
export class ReportBuffer {
  /** The reports: number `i` begins at `i * 48`. */
  readonly view: DataView;
  /** The same bytes. */
  readonly bytes: Uint8Array;
  /** The trader that report `i` goes to. */
  readonly traders: Int32Array;
  /** Reports it holds at most. */
  readonly capacity: number;
  /** Reports in it. */
  count = 0;
  readonly #words: Int32Array;

  /** @param capacity - reports; a sweep longer than that is continued after a drain. */
  constructor(capacity: number) {
    assert(capacity >= REPORT_ROOM, 'a report buffer holds at least REPORT_ROOM reports');
    const buffer = new ArrayBuffer(capacity * EXECUTION_REPORT_BYTES);
    this.view = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.traders = new Int32Array(capacity);
    this.capacity = capacity;
  }

  /** Forgets the reports. */
  clear(): void {
    this.count = 0;
  }

  /**
   * Appends one report. The caller has made sure of the room.
   *
   * @param what - kind, reason, side and flags, one byte each from the lowest.
   * @param ladder - symbol * 2 + side; only the symbol is taken from it.
   */
  append(
    trader: number,
    ladder: number,
    clientOrderId: number,
    what: number,
    clientSequence: number,
    sequence: number,
    price: number,
    quantity: number,
    matchId: number,
  ): void {
    const index = this.count++;
    this.traders[index] = trader;
    const words = this.#words;
    const at = index * REPORT_WORDS;
    words[at] = MessageTag.ExecutionReport | ((ladder >> 1) << 16);
    words[at + 1] = clientOrderId;
    words[at + 2] = what;
    words[at + 3] = clientSequence;
    const sequenceLow = sequence | 0;
    words[at + 4] = sequenceLow;
    words[at + 5] = sequence === sequenceLow ? 0 : Math.floor(sequence / TWO_32);
    const priceLow = price | 0;
    words[at + 6] = priceLow;
    words[at + 7] = price === priceLow ? priceLow >> 31 : Math.floor(price / TWO_32);
    const quantityLow = quantity | 0;
    words[at + 8] = quantityLow;
    words[at + 9] = quantity === quantityLow ? 0 : Math.floor(quantity / TWO_32);
    const matchLow = matchId | 0;
    words[at + 10] = matchLow;
    words[at + 11] = matchId === matchLow ? 0 : Math.floor(matchId / TWO_32);
  }
}
