/**
 * The book's thread.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { OrderBook, type OrderBookOptions } from '@tickwire/book';
import { RingBuffer, type RingDescriptor } from '@tickwire/ring';
import { BookStage } from './book-stage.ts';
import { BATCH_MAX, IDLE_WAIT_NS } from './limits.ts';
import { ThreadControl } from './thread-control.ts';

declare const self: Worker;

/** What the thread is given. */
export interface BookThreadStart {
  readonly control: SharedArrayBuffer;
  readonly input: RingDescriptor;
  readonly output: RingDescriptor;
  readonly quotes: SharedArrayBuffer;
  readonly options: OrderBookOptions;
  /** A snapshot of the recovered book. */
  readonly book: Uint8Array;
}

self.onmessage = (event: MessageEvent): void => {
  const start = event.data as BookThreadStart;
  const control = new ThreadControl(start.control);
  const input = RingBuffer.attach(start.input);
  const output = RingBuffer.attach(start.output);
  try {
    const book = OrderBook.restore(start.book, start.options);
    using stage = new BookStage(input, output, book, new Float64Array(start.quotes));
    control.running();
    while (work(stage, control) !== Status.BadState);
    control.stopped();
  } catch (error) {
    control.failed(error);
    input.halt();
    output.halt();
  }
};

/** One batch, or a wait for the next; BadState when the stream has ended and all is done. */
function work(stage: BookStage, control: ThreadControl): number {
  const done = stage.run(BATCH_MAX);
  if (done > 0) return done;
  if (stage.blocked) return stage.waitForRoom(IDLE_WAIT_NS);
  if (control.asked) control.answer(stage.book.stateHash());
  return stage.input.wait(1, IDLE_WAIT_NS);
}
