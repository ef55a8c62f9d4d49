/**
 * Book and journal in threads of their own.
 *
 * A stage that dies or stands still is named and stops the exchange; nobody waits for it silently.
 *
 * @module
 */

import { type Clock, NetError } from '@tickwire/base';
import type { OrderBook, OrderBookOptions } from '@tickwire/book';
import type { JournalOptions } from '@tickwire/journal';
import { describeRing, RingMonitor, type Sequence } from '@tickwire/ring';
import type { BookThreadStart } from './book-worker.ts';
import type { JournalThreadStart, StoreRequest } from './journal-worker.ts';
import { START_TIMEOUT_NS, STOP_TIMEOUT_NS, WATCH_INTERVAL_NS } from './limits.ts';
import type { Pipeline, Rings } from './pipeline.ts';
import { BOOK, JOURNAL } from './slots.ts';
import { ThreadControl, ThreadState } from './thread-control.ts';

/** What {@link ThreadedPipeline.start} needs. */
export interface ThreadedOptions {
  readonly rings: Rings;
  /** The recovered book; it moves to its thread. */
  readonly book: OrderBook;
  readonly bookOptions: OrderBookOptions;
  /** Absent: no journal. */
  readonly journal?: { readonly directory: string; readonly options: JournalThreadOptions };
  /** See `ExchangeLimits.stallNs`. */
  readonly stallNs: number;
  /** Real time: threads do not live in virtual time. */
  readonly clock: Clock;
}

/** Options of the journal but for the place. */
export type JournalThreadOptions = Omit<JournalOptions, 'storage'>;

/** One thread as its maker sees it. */
interface Thread {
  readonly name: string;
  readonly control: ThreadControl;
  readonly worker: Worker;
}

/** The stages as threads. */
export class ThreadedPipeline implements Pipeline {
  release: () => number = () => 0;
  readonly #rings: Rings;
  readonly #threads: Thread[] = [];
  readonly #published: Sequence;
  readonly #applied: Sequence;
  readonly #journalled: Sequence | undefined;
  readonly #clock: Clock;
  readonly #stallNs: number;
  /** Of the input ring: the output ring is this thread's own, and waits for the journal. */
  readonly #monitor: RingMonitor;
  #watchAtNs: number;
  #failure: NetError | undefined = undefined;
  #closing = false;

  private constructor(options: ThreadedOptions) {
    const { rings, clock } = options;
    this.#rings = rings;
    this.#clock = clock;
    this.#stallNs = options.stallNs;
    this.#published = rings.input.producerSequence();
    this.#applied = rings.input.consumerSequence(BOOK);
    this.#journalled =
      options.journal === undefined ? undefined : rings.input.consumerSequence(JOURNAL);
    const nowNs = clock.nowNs();
    this.#watchAtNs = nowNs + WATCH_INTERVAL_NS;
    this.#monitor = new RingMonitor(rings.input, nowNs);
  }

  /**
   * Starts the threads and waits until they run. Throws `ETIMEDOUT`, or what a thread failed of.
   */
  static async start(options: ThreadedOptions): Promise<ThreadedPipeline> {
    const pipeline = new ThreadedPipeline(options);
    try {
      pipeline.#startBook(options);
      if (options.journal !== undefined) pipeline.#startJournal(options.journal);
      await pipeline.#started();
      return pipeline;
    } catch (error) {
      pipeline[Symbol.dispose]();
      throw error;
    }
  }

  get failure(): NetError | undefined {
    if (this.#failure !== undefined) return this.#failure;
    for (let i = 0; i < this.#threads.length; i += 1) {
      const thread = this.#threads[i]!;
      if (thread.control.state === ThreadState.Failed) {
        return this.#fail(thread.control.error(thread.name));
      }
    }
    return undefined;
  }

  /** Watches over the threads; their work is not this thread's. */
  run(): number {
    if (this.busy()) this.#watch();
    return 0;
  }

  durable(): number {
    return (this.#journalled ?? this.#published).load();
  }

  makeRoom(): boolean {
    this.release();
    this.#watch();
    return this.failure === undefined;
  }

  busy(): boolean {
    const published = this.#published.load();
    if (this.#applied.load() < published) return true;
    return this.#journalled !== undefined && this.#journalled.load() < published;
  }

  stateHash(): string {
    const book = this.#thread(BOOK);
    const untilNs = this.#clock.nowNs() + this.#stallNs;
    let asked = false;
    while (this.failure === undefined && this.#clock.nowNs() < untilNs) {
      this.release();
      if (!asked && !this.busy()) {
        book.control.ask('state hash');
        asked = true;
      }
      const hash = asked ? book.control.answered() : undefined;
      if (hash !== undefined) return hash;
      nap();
    }
    throw this.failure ?? new NetError('ETIMEDOUT', 'The book thread does not answer; look at it');
  }

  async storeSnapshot(path: string, sequence: number, prune: boolean): Promise<void> {
    const journal = this.#thread(JOURNAL);
    journal.control.ask(JSON.stringify({ path, sequence, prune } satisfies StoreRequest));
    for (;;) {
      const answer = journal.control.answered();
      if (answer === '') return;
      if (answer !== undefined) throw new NetError('ERR_TW_CLOSED', answer);
      if (this.failure !== undefined) throw this.failure;
      await Bun.sleep(1);
    }
  }

  /** Lets the threads finish what they were given, then ends them. */
  [Symbol.dispose](): void {
    this.#closing = true;
    const untilNs = this.#clock.nowNs() + STOP_TIMEOUT_NS;
    while (this.failure === undefined && this.#running() && this.#clock.nowNs() < untilNs) {
      this.release();
      nap();
    }
    this.#rings.input.halt();
    this.#rings.output.halt();
    for (const thread of this.#threads) thread.worker.terminate();
    this.#threads.length = 0;
  }

  #thread(name: string): Thread {
    const thread = this.#threads.find((one) => one.name === name);
    if (thread !== undefined) return thread;
    throw new NetError('ERR_TW_CLOSED', `There is no ${name} thread; the exchange is closed`);
  }

  #running(): boolean {
    return this.#threads.some((thread) => thread.control.state === ThreadState.Running);
  }

  #startBook(options: ThreadedOptions): void {
    const { rings, book, bookOptions } = options;
    const snapshot = new Uint8Array(book.snapshotBytes());
    book.snapshot(snapshot);
    const worker = new Worker(new URL('./book-worker.ts', import.meta.url).href);
    const control = this.#adopt(BOOK, worker);
    const start: BookThreadStart = {
      control: control.memory,
      input: rings.input.descriptor,
      output: rings.output.descriptor,
      quotes: rings.quotes.buffer as SharedArrayBuffer,
      options: bookOptions,
      book: snapshot,
    };
    worker.postMessage(start, [snapshot.buffer]);
  }

  #startJournal(journal: NonNullable<ThreadedOptions['journal']>): void {
    const worker = new Worker(new URL('./journal-worker.ts', import.meta.url).href);
    const control = this.#adopt(JOURNAL, worker);
    const { directory, options } = journal;
    const input = this.#rings.input.descriptor;
    const start: JournalThreadStart = { control: control.memory, input, directory, options };
    worker.postMessage(start);
  }

  #adopt(name: string, worker: Worker): ThreadControl {
    const control = new ThreadControl();
    this.#threads.push({ name, control, worker });
    // A thread that dies before it reaches its own error handling: a module that does not load.
    worker.addEventListener('error', (event) => {
      if (!this.#closing) this.#lost(name, control, event.message);
    });
    worker.addEventListener('close', () => {
      if (!this.#closing) this.#lost(name, control, 'it has ended');
    });
    return control;
  }

  #lost(name: string, control: ThreadControl, reason: string): void {
    if (control.state === ThreadState.Failed) return;
    const message = `The ${name} thread is gone (${reason}); restart the exchange`;
    this.#fail(new NetError('ERR_TW_CLOSED', message, { thread: name }));
  }

  #fail(error: NetError): NetError {
    this.#failure ??= error;
    // Nobody shall wait for a stage that will never move.
    this.#rings.input.halt();
    this.#rings.output.halt();
    return this.#failure;
  }

  async #started(): Promise<void> {
    const untilNs = this.#clock.nowNs() + START_TIMEOUT_NS;
    for (;;) {
      if (this.failure !== undefined) throw this.failure;
      const late = this.#threads.find((thread) => thread.control.state === ThreadState.Starting);
      if (late === undefined) return;
      if (this.#clock.nowNs() > untilNs) {
        throw new NetError('ETIMEDOUT', `The ${late.name} thread does not start; is memory short?`);
      }
      await Bun.sleep(1);
    }
  }

  /** Fails when a stage has had work for too long and does not move. */
  #watch(): void {
    const nowNs = this.#clock.nowNs();
    if (nowNs < this.#watchAtNs) return;
    this.#watchAtNs = nowNs + WATCH_INTERVAL_NS;
    const report = this.#monitor.diagnose(nowNs);
    const { blocker } = report;
    if (blocker === undefined || blocker.stalledNs < this.#stallNs) return;
    this.#fail(
      new NetError('ETIMEDOUT', `The exchange stands still: ${describeRing(report)}`, {
        thread: blocker.name,
      }),
    );
  }
}

/** A word that nobody changes: waiting on it is sleeping. */
const NAP: Int32Array = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps for a millisecond; a thread may wait for room that the next release makes. */
function nap(): void {
  Atomics.wait(NAP, 0, 0, 1);
}
