/**
 * All stages in the caller's thread.
 *
 * @module
 */

import type { NetError } from '@tickwire/base';
import type { OrderBook } from '@tickwire/book';
import { BookStage } from './book-stage.ts';
import type { JournalStage } from './journal-stage.ts';
import { BATCH_MAX } from './limits.ts';
import type { Pipeline, Rings } from './pipeline.ts';

/** Journal, then book, each round; one commit per round. */
export class SinglePipeline implements Pipeline {
  readonly #rings: Rings;
  readonly #book: BookStage;
  readonly #journal: JournalStage | undefined;
  release: () => void = () => {};

  constructor(rings: Rings, book: OrderBook, journal: JournalStage | undefined) {
    this.#rings = rings;
    this.#journal = journal;
    this.#book = new BookStage(rings.input, rings.output, book, rings.quotes);
  }

  get failure(): NetError | undefined {
    return this.#journal?.failure;
  }

  run(): number {
    const journalled = this.#journal?.run(BATCH_MAX) ?? 0;
    // After a failure of the journal the book would only run ahead of what will ever be durable.
    if (this.failure !== undefined) return 0;
    return journalled + this.#book.run(BATCH_MAX);
  }

  durable(): number {
    return this.#journal?.durable ?? this.#book.input.next;
  }

  makeRoom(): boolean {
    this.run();
    this.release();
    return this.failure === undefined;
  }

  busy(): boolean {
    return this.#book.input.poll(1) > 0;
  }

  stateHash(): string {
    while (this.#book.input.poll(1) > 0 && this.makeRoom());
    return this.#book.book.stateHash();
  }

  [Symbol.dispose](): void {
    while (this.busy() && this.makeRoom());
    this.#book[Symbol.dispose]();
    this.#journal?.[Symbol.dispose]();
    this.#rings.input.halt();
    this.#rings.output.halt();
  }
}
