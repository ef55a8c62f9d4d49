// @hot
/**
 * Execution reports as the text lines of the matching-engine-benchmark oracle, hashed while they
 * stream by.
 *
 * The six line types of the oracle (MIT, flash1-dev/matching-engine-benchmark, reports format):
 *
 * ```text
 * 0,seq,side,order_id,price,qty             accepted
 * 1,seq,price,qty,maker_id,taker_id         trade
 * 2,seq,side,order_id,price                 cancelled
 * 3,seq,side,order_id,price,qty             modified, after the trades of the same message
 * 4,seq,order_id                            cancel rejected
 * 5,seq,order_id                            modify rejected
 * ```
 *
 * `seq` is the client sequence less one, since ours starts at 1. The reporter sees nothing but what
 * one client that sends everything receives.
 *
 * @module
 */

import { assert } from '@tickwire/base';
import {
  ReportFlag,
  ReportKind,
  reportClientOrderId,
  reportClientSequence,
  reportFlags,
  reportKind,
  reportMatchId,
  reportPrice,
  reportQuantity,
  reportSide,
} from './execution-report.ts';

/** Text is handed to the hash in pieces of this size: few calls, and it stays in the L1 cache. */
const CHUNK_BYTES = 16384;
/** No line is longer: six numbers of at most 17 characters, five commas, one line feed. */
const LINE_BYTES_MAX = 128;

/** Streams reports into a SHA-256. */
export class OracleReporter {
  readonly #hasher: Bun.CryptoHasher = new Bun.CryptoHasher('sha256');
  readonly #text: Uint8Array;
  /** The part of the text that is handed to the hash when it is full. */
  readonly #chunk: Uint8Array<ArrayBuffer>;
  #length = 0;
  #lines = 0;
  #fills = 0;

  // The taker's side of a fill waits here for the maker's.
  #matchId = 0;
  #takerId = 0;
  #takerSequence = 0;

  // The acknowledgement of a replace waits here for the end of its message.
  #replacedSequence = 0;
  #replacedSide = 0;
  #replacedId = 0;
  #replacedPrice = 0;
  #replacedQuantity = 0;

  constructor() {
    const buffer = new ArrayBuffer(CHUNK_BYTES + LINE_BYTES_MAX);
    this.#text = new Uint8Array(buffer);
    this.#chunk = new Uint8Array(buffer, 0, CHUNK_BYTES);
  }

  /** Lines so far. */
  get lines(): number {
    return this.#lines + (this.#replacedSequence !== 0 ? 1 : 0);
  }

  /** Trades among them. */
  get fills(): number {
    return this.#fills;
  }

  /** Takes the report at `at`. Reports come in the order of their sequence. */
  push(view: DataView, at: number): void {
    const kind = reportKind(view, at);
    if (kind === ReportKind.Filled) {
      this.#fill(view, at);
      return;
    }
    if (this.#replacedSequence !== 0) this.#flushReplaced();
    const sequence = reportClientSequence(view, at);
    const id = reportClientOrderId(view, at);
    if (kind === ReportKind.Replaced) {
      this.#replacedSequence = sequence;
      this.#replacedSide = reportSide(view, at);
      this.#replacedId = id;
      this.#replacedPrice = reportPrice(view, at);
      this.#replacedQuantity = reportQuantity(view, at);
      return;
    }
    if (kind === ReportKind.Accepted) {
      this.#begin(0x30, sequence);
      this.#field(reportSide(view, at));
      this.#field(id);
      this.#field(reportPrice(view, at));
      this.#field(reportQuantity(view, at));
    } else if (kind === ReportKind.Cancelled) {
      this.#begin(0x32, sequence);
      this.#field(reportSide(view, at));
      this.#field(id);
      this.#field(reportPrice(view, at));
    } else if (kind === ReportKind.CancelRejected) {
      this.#begin(0x34, sequence);
      this.#field(id);
    } else if (kind === ReportKind.ReplaceRejected) {
      this.#begin(0x35, sequence);
      this.#field(id);
    }
    // A Rejected report has no line: the oracle's workloads hold no invalid order.
  }

  /** Finishes the text and returns its SHA-256 in hexadecimal. The reporter is used up. */
  digest(): string {
    if (this.#replacedSequence !== 0) this.#flushReplaced();
    this.#hasher.update(this.#text.slice(0, this.#length));
    return this.#hasher.digest('hex');
  }

  #fill(view: DataView, at: number): void {
    const matchId = reportMatchId(view, at);
    if ((reportFlags(view, at) & ReportFlag.Taker) !== 0) {
      const sequence = reportClientSequence(view, at);
      if (this.#replacedSequence !== 0 && this.#replacedSequence !== sequence) {
        this.#flushReplaced();
      }
      this.#matchId = matchId;
      this.#takerId = reportClientOrderId(view, at);
      this.#takerSequence = sequence;
      return;
    }
    assert(matchId === this.#matchId, 'the two sides of a fill are not neighbours');
    this.#fills++;
    this.#begin(0x31, this.#takerSequence);
    this.#field(reportPrice(view, at));
    this.#field(reportQuantity(view, at));
    this.#field(reportClientOrderId(view, at));
    this.#field(this.#takerId);
  }

  #flushReplaced(): void {
    this.#begin(0x33, this.#replacedSequence);
    this.#field(this.#replacedSide);
    this.#field(this.#replacedId);
    this.#field(this.#replacedPrice);
    this.#field(this.#replacedQuantity);
    this.#replacedSequence = 0;
  }

  #begin(digit: number, clientSequence: number): void {
    if (this.#length >= CHUNK_BYTES) {
      this.#hasher.update(this.#chunk);
      this.#text.copyWithin(0, CHUNK_BYTES, this.#length);
      this.#length -= CHUNK_BYTES;
    }
    if (this.#lines++ > 0) this.#text[this.#length++] = 0x0a;
    this.#text[this.#length++] = digit;
    this.#field(clientSequence - 1);
  }

  /** A comma and a decimal integer. */
  #field(value: number): void {
    const text = this.#text;
    text[this.#length++] = 0x2c;
    let rest = value;
    if (rest < 0) {
      text[this.#length++] = 0x2d;
      rest = -rest;
    }
    let digits = 1;
    for (let bound = 10; bound <= rest; bound *= 10) digits++;
    let end = this.#length + digits;
    this.#length = end;
    while (rest > 0x7fffffff) {
      const quotient = Math.floor(rest / 10);
      text[--end] = 0x30 + (rest - quotient * 10);
      rest = quotient;
    }
    let small = rest | 0;
    do {
      const quotient = (small / 10) | 0;
      text[--end] = 0x30 + (small - Math.imul(quotient, 10));
      small = quotient;
    } while (small > 0);
  }
}
