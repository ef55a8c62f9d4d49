/**
 * The journal's thread. It blocks in `fdatasync`; the inputs that arrive meanwhile are the next
 * batch, so the disk's latency sets the size of a group and not the rate of orders.
 *
 * @module
 */

import { NetError, Status } from '@tickwire/base';
import { FileStorage, Journal, type JournalOptions } from '@tickwire/journal';
import { RingBuffer, type RingDescriptor } from '@tickwire/ring';
import { JournalStage } from './journal-stage.ts';
import { BATCH_MAX, IDLE_WAIT_NS } from './limits.ts';
import { storePending } from './snapshots.ts';
import { ThreadControl } from './thread-control.ts';

declare const self: Worker;

/** What the thread is given. */
export interface JournalThreadStart {
  readonly control: SharedArrayBuffer;
  readonly input: RingDescriptor;
  readonly directory: string;
  readonly options: Omit<JournalOptions, 'storage'>;
}

/** What the thread can be asked for: to take over a snapshot. */
export interface StoreRequest {
  readonly path: string;
  readonly sequence: number;
  readonly prune: boolean;
}

self.onmessage = (event: MessageEvent): void => {
  const start = event.data as JournalThreadStart;
  const control = new ThreadControl(start.control);
  const input = RingBuffer.attach(start.input);
  try {
    run(start, input, control);
    control.stopped();
  } catch (error) {
    control.failed(error);
    input.halt();
  }
};

function run(start: JournalThreadStart, input: RingBuffer, control: ThreadControl): void {
  const storage = new FileStorage(start.directory);
  const journal = Journal.open({ ...start.options, storage });
  const stage = new JournalStage(input, journal);
  if (journal.nextSequence !== stage.input.next + 1) {
    journal.close();
    throw new NetError(
      'ERR_TW_CORRUPT',
      `The journal ends with ${journal.nextSequence - 1}, but ${stage.input.next} were recovered`,
    );
  }
  control.running();
  for (;;) {
    const done = stage.run(BATCH_MAX);
    rethrow(stage.failure);
    if (control.asked) control.answer(store(journal, control.question()));
    if (done === 0 && stage.input.wait(1, IDLE_WAIT_NS) === Status.BadState) break;
  }
  stage[Symbol.dispose]();
  rethrow(stage.failure);
}

/** Stores the snapshot that a {@link StoreRequest} describes; the error, or nothing. */
function store(journal: Journal, question: string): string {
  const { path, sequence, prune } = JSON.parse(question) as StoreRequest;
  try {
    storePending(journal, path, sequence, prune);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function rethrow(failure: NetError | undefined): void {
  if (failure !== undefined) throw failure;
}
