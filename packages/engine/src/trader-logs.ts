// @hot
/**
 * The sequenced streams of all traders: what has been sent to each, as far back as is retained, and
 * what still waits to be sent.
 *
 * A stream is kept as the bytes that go over the session, so that a run of reports is one write,
 * and resuming is moving a cursor. Each trader has a ring of the same size in one allocation; pages
 * that no report has touched cost no memory.
 *
 * ```text
 * one record, 51 bytes: | length 49, u16 BE | 'S' | ExecutionReport, 48 bytes |
 * ```
 *
 * @module
 */

import {
  encodeSoupHeader,
  EXECUTION_REPORT_BYTES,
  SOUP_HEADER_BYTES,
  SoupType,
} from '@tickwire/protocol';
import { copyWords } from './slots.ts';

/** Bytes of a sequenced packet that holds a report. */
export const RECORD_BYTES: number = SOUP_HEADER_BYTES + EXECUTION_REPORT_BYTES;
const REPORT_WORDS = EXECUTION_REPORT_BYTES / 4;

/** The streams. Sequences count from 1, one per report of the trader, without holes. */
export class TraderLogs {
  /** The memory of all rings; trader `t` has `[t * ringBytes, (t + 1) * ringBytes)`. */
  readonly bytes: Uint8Array;
  /** Bytes of one ring. */
  readonly ringBytes: number;
  /** Reports of one trader that are kept. */
  readonly retained: number;
  /** Sequence of the last report of each trader. */
  readonly last: Float64Array;
  /** Sequence before the first report that was ever put in here: recovery may begin late. */
  readonly #before: Float64Array;
  readonly #view: DataView;

  constructor(traders: number, retained: number) {
    this.retained = retained;
    this.ringBytes = retained * RECORD_BYTES;
    const buffer = new ArrayBuffer(traders * this.ringBytes);
    this.bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.last = new Float64Array(traders);
    this.#before = new Float64Array(traders);
  }

  /** Number of traders. */
  get traders(): number {
    return this.last.length;
  }

  /** Appends the report at `at` to the stream of `trader`, over the oldest one when it is full. */
  append(trader: number, view: DataView, at: number): void {
    const sequence = this.last[trader]! + 1;
    this.last[trader] = sequence;
    // An int32 to the compiler, as the view wants it; see `copyWords`.
    const to = (trader * this.ringBytes + ((sequence - 1) % this.retained) * RECORD_BYTES) | 0;
    encodeSoupHeader(this.#view, to, SoupType.SequencedData, EXECUTION_REPORT_BYTES);
    copyWords(view, at, this.#view, to + SOUP_HEADER_BYTES, REPORT_WORDS);
  }

  /** Sequence of the oldest report of `trader` that is kept; `last + 1` when there is none. */
  oldest(trader: number): number {
    const first = this.#before[trader]! + 1;
    const oldest = this.last[trader]! - this.retained + 1;
    return oldest > first ? oldest : first;
  }

  /** Starts an empty stream behind `sequence`, whose earlier reports are gone. */
  begin(trader: number, sequence: number): void {
    this.last[trader] = sequence;
    this.#before[trader] = sequence;
  }

  /** Offset in {@link TraderLogs.bytes} of byte `position` of the stream of `trader`. */
  offset(trader: number, position: number): number {
    return trader * this.ringBytes + (position % this.ringBytes);
  }

  /** Bytes from `position` to the end of the ring: what lies in one piece. */
  run(position: number): number {
    return this.ringBytes - (position % this.ringBytes);
  }

  /** Offset of the report with `sequence`, which must be retained. */
  reportAt(trader: number, sequence: number): number {
    return (
      trader * this.ringBytes + ((sequence - 1) % this.retained) * RECORD_BYTES + SOUP_HEADER_BYTES
    );
  }
}

/** The position in a stream of the first byte of the report with `sequence`. */
export function streamPosition(sequence: number): number {
  return (sequence - 1) * RECORD_BYTES;
}
