/**
 * All stages in the caller's thread.
 *
 * @module
 */

import type { NetError } from '@tickwire/base';
import type { OrderBook } from '@tickwire/book';
import type { Sequence } from '@tickwire/ring';
import { BookStage } from './book-stage.ts';
import type { JournalStage } from './journal-stage.ts';
import { BATCH_MAX } from './limits.ts';
import type { Pipeline, Rings } from './pipeline.ts';
import { storePending } from './snapshots.ts';

/** Journal, then book, each round; one commit per round. */
export class SinglePipeline implements Pipeline {
  readonly #rings: Rings;
  readonly #book: BookStage;
  readonly #journal: JournalStage | undefined;
  readonly #published: Sequence;
  release: () => number = () => 0;

  constructor(rings: Rings, book: OrderBook, journal: JournalStage | undefined) {
    this.#rings = rings;
    this.#journal = journal;
    this.#published = rings.input.producerSequence();
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
    // Without a journal everything may leave. The book's own count would not do: it moves only when
    // all reports of an input are in the output ring, which a long sweep fills more than once.
    return this.#journal?.durable ?? this.#published.load();
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
    this.#finish();
    return this.#book.book.stateHash();
  }

  async storeSnapshot(path: string, sequence: number, prune: boolean): Promise<void> {
    if (this.#journal !== undefined) storePending(this.#journal.journal, path, sequence, prune);
  }

  [Symbol.dispose](): void {
    this.#finish();
    this.#book[Symbol.dispose]();
    this.#journal?.[Symbol.dispose]();
    this.#rings.input.halt();
    this.#rings.output.halt();
  }

  /** Does all there is to do, as long as it makes progress. */
  #finish(): void {
    while (this.busy() && this.run() + this.release() > 0);
  }
}
