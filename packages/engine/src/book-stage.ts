// @hot
/**
 * The stage that owns the book: input ring in, output ring out.
 *
 * @module
 */

import { fail, Status } from '@tickwire/base';
import type { OrderBook } from '@tickwire/book';
import { EXECUTION_REPORT_BYTES, orderSymbol } from '@tickwire/protocol';
import type { Consumer, RingBuffer, Sequencer } from '@tickwire/ring';
import {
  BOOK,
  copyWords,
  INPUT_ARRIVAL_AT,
  INPUT_MESSAGE_AT,
  INPUT_RECORD_AT,
  OUTPUT_ARRIVAL_AT,
  OUTPUT_INPUT_AT,
  OUTPUT_TRADER_AT,
} from './slots.ts';

const REPORT_WORDS = EXECUTION_REPORT_BYTES / 4;

/**
 * Applies inputs in order and publishes their reports, once per batch. It reads nothing but slots
 * and writes nothing but slots and quotes, so it runs in any thread.
 */
export class BookStage implements Disposable {
  /** The book. */
  readonly book: OrderBook;
  /** Inputs not yet taken. */
  readonly input: Consumer;
  /** Where reports go. */
  readonly output: Sequencer;
  readonly #in: RingBuffer;
  readonly #out: RingBuffer;
  readonly #quotes: Float64Array;
  /** Reports of the current input that are in the output ring already. */
  #moved = 0;

  /** @param quotes - two prices for each symbol, bid and ask, for other threads to look at. */
  constructor(input: RingBuffer, output: RingBuffer, book: OrderBook, quotes: Float64Array) {
    this.book = book;
    this.#in = input;
    this.#out = output;
    this.#quotes = quotes;
    this.input = input.consumer(BOOK);
    this.output = output.producer();
    const symbols = book.options.symbols;
    for (let symbol = 0; symbol < symbols; symbol += 1) this.#quote(symbol);
  }

  /**
   * Applies up to `limit` inputs and returns how many are done. Fewer than there are means that the
   * output ring is full ({@link BookStage.blocked}): the work goes on where it stopped.
   */
  run(limit: number): number {
    const ready = this.input.poll(limit);
    const view = this.#in.view;
    let done = 0;
    while (done < ready) {
      const sequence = this.input.next + done;
      const at = this.#in.slotAt(sequence);
      if (!this.#apply(view, at, sequence + 1)) break;
      this.#quote(orderSymbol(view, at + INPUT_MESSAGE_AT));
      done += 1;
    }
    if (this.output.pending > 0) this.output.publish(this.output.pending);
    this.input.release(done);
    return done;
  }

  /** Whether an input waits for room in the output ring. */
  get blocked(): boolean {
    return this.book.reports.count > 0;
  }

  /**
   * Waits until the output ring has room; Again when the time is up, BadState when it is halted.
   */
  waitForRoom(timeoutNs: number): number {
    const status = this.output.claim(1, timeoutNs);
    // The slot goes back: the next run claims what it needs.
    this.output.publish(0);
    return status < 0 ? status : Status.Ok;
  }

  /** Gives up both roles. */
  [Symbol.dispose](): void {
    this.output[Symbol.dispose]();
    this.input[Symbol.dispose]();
  }

  /** Applies one input and moves its reports out; false when the output ring is full. */
  #apply(view: DataView, at: number, inputSequence: number): boolean {
    const book = this.book;
    const trader = view.getUint32(at + INPUT_RECORD_AT, true);
    const arrivalNs = view.getFloat64(at + INPUT_ARRIVAL_AT, true);
    // Reports that wait from before belong to this input.
    if (!this.#move(inputSequence, arrivalNs)) return false;
    while (book.pending || book.counters.inputSequence < inputSequence) {
      const result = book.apply(view, at + INPUT_MESSAGE_AT, trader, inputSequence);
      // The gateway lets only well-formed messages of known traders in, each once.
      if (result < 0 && result !== Status.Again) fail('the book refused a journalled message');
      if (!this.#move(inputSequence, arrivalNs)) return false;
    }
    return true;
  }

  /** Moves the book's reports into the output ring; false when some are left. */
  #move(inputSequence: number, arrivalNs: number): boolean {
    const reports = this.book.reports;
    const count = reports.count;
    const out = this.#out;
    while (this.#moved < count) {
      const sequence = this.output.tryClaim(1);
      if (sequence < 0) return false;
      const at = out.slotAt(sequence);
      const index = this.#moved;
      copyWords(reports.view, index * EXECUTION_REPORT_BYTES, out.view, at, REPORT_WORDS);
      out.view.setUint32(at + OUTPUT_TRADER_AT, reports.traders[index]!, true);
      out.view.setInt32(at + OUTPUT_INPUT_AT, inputSequence | 0, true);
      out.view.setFloat64(at + OUTPUT_ARRIVAL_AT, arrivalNs, true);
      this.#moved = index + 1;
    }
    reports.clear();
    this.#moved = 0;
    return true;
  }

  #quote(symbol: number): void {
    const book = this.book;
    if (symbol >= book.options.symbols) return;
    this.#quotes[symbol * 2] = book.bestBid(symbol);
    this.#quotes[symbol * 2 + 1] = book.bestAsk(symbol);
  }
}
