// @hot
/**
 * The stage that writes the journal: input ring in, disk out.
 *
 * @module
 */

import { fail, type NetError, Status } from '@tickwire/base';
import type { Journal } from '@tickwire/journal';
import type { Consumer, RingBuffer } from '@tickwire/ring';
import { INPUT_LENGTH_AT, INPUT_RECORD_AT, JOURNAL, RECORD_HEADER_BYTES } from './slots.ts';

/**
 * Appends inputs and commits once per batch. Its count in the ring, which others read, moves only
 * behind the commit: it is the durable cursor of the journal's policy.
 */
export class JournalStage implements Disposable {
  /** The journal. */
  readonly journal: Journal;
  /** Inputs not yet journalled. */
  readonly input: Consumer;
  readonly #ring: RingBuffer;

  constructor(ring: RingBuffer, journal: Journal) {
    this.journal = journal;
    this.#ring = ring;
    this.input = ring.consumer(JOURNAL);
  }

  /** Why nothing more is journalled. */
  get failure(): NetError | undefined {
    return this.journal.failure;
  }

  /** Inputs whose reports may leave. */
  get durable(): number {
    return this.input.next;
  }

  /**
   * Journals up to `limit` inputs with one commit; without any, does a piece of idle work.
   *
   * @returns how many are safe by the policy. After a failure 0, for ever.
   */
  run(limit: number): number {
    const journal = this.journal;
    if (journal.failure !== undefined) return 0;
    const ready = this.input.poll(limit);
    if (ready === 0) {
      journal.maintain();
      return 0;
    }
    const ring = this.#ring;
    const first = this.input.next;
    let done = 0;
    for (; done < ready; done += 1) {
      const at = ring.slotAt(first + done);
      const length = RECORD_HEADER_BYTES + ring.view.getUint32(at + INPUT_LENGTH_AT, true);
      const record = at + INPUT_RECORD_AT;
      const status = journal.append(ring.bytes, record, length, first + done + 1);
      if (status === Status.Again) break;
      if (status < 0) fail('the journal refused an input that follows the last one');
    }
    if (journal.commit() < 0) return 0;
    this.input.release(done);
    return done;
  }

  /** Closes the journal and gives up the role. */
  [Symbol.dispose](): void {
    this.journal.close();
    this.input[Symbol.dispose]();
  }
}
