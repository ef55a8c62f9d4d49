/**
 * What stands between the intake and the sessions.
 *
 * @module
 */

import type { NetError } from '@tickwire/base';
import type { JournalPolicy } from '@tickwire/journal';
import type { ConsumerSpec } from '@tickwire/ring';
import { RingBuffer, type WaitStrategyName } from '@tickwire/ring';
import type { ExchangeLimits } from './options.ts';
import { BOOK, GATEWAY, JOURNAL, SLOT_BYTES } from './slots.ts';

/** The two rings and the quotes that the stages share. */
export interface Rings {
  readonly input: RingBuffer;
  readonly output: RingBuffer;
  /** Best bid and ask of each symbol, in turn, over shared memory. */
  readonly quotes: Float64Array;
}

/** The stages behind the intake, in this thread or in others. */
export interface Pipeline extends Disposable {
  /** Takes reports out of the output ring, so that the book has room; set by the exchange. */
  release: () => number;
  /** Why the pipeline stands still for good; undefined while it works. */
  readonly failure: NetError | undefined;
  /** Works (or supervises) for a round; returns the inputs that made progress in this thread. */
  run(): number;
  /** Inputs, counted from the first of the journal, whose reports may leave. */
  durable(): number;
  /** Lets the stages work until the input ring has room; false when it never will. */
  makeRoom(): boolean;
  /** Whether other threads still work on something. */
  busy(): boolean;
  /** The state hash of the book after all published inputs; the reports must be drained. */
  stateHash(): string;
  /** Hands the state in the file `path` to the owner of the journal as a snapshot. */
  storeSnapshot(path: string, sequence: number, prune: boolean): Promise<void>;
}

/** Makes the rings behind `inputSequence` inputs and `reportSequence` reports. */
export function createRings(
  limits: ExchangeLimits,
  policy: JournalPolicy,
  symbols: number,
  wait: WaitStrategyName,
  inputSequence: number,
): Rings {
  // Book and journal read the same bytes side by side: matching overlaps with the disk, and the
  // gate stands before the reply, not before the book.
  const consumers: ConsumerSpec[] = [{ name: BOOK, after: [] }];
  if (policy !== 'none') consumers.push({ name: JOURNAL, after: [] });
  const input = RingBuffer.create({
    name: 'input',
    slots: limits.inputSlots,
    slotBytes: SLOT_BYTES,
    consumers,
    wait,
    initialSequence: inputSequence,
  });
  const output = RingBuffer.create({
    name: 'output',
    slots: limits.outputSlots,
    slotBytes: SLOT_BYTES,
    consumers: [{ name: GATEWAY, after: [] }],
    wait,
  });
  const quotes = new Float64Array(new SharedArrayBuffer(symbols * 16)).fill(NaN);
  return { input, output, quotes };
}
