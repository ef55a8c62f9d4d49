// @hot
/**
 * The last stage: reports leave the output ring when their inputs are durable.
 *
 * @module
 */

import type { Clock } from '@tickwire/base';
import type { Consumer, RingBuffer } from '@tickwire/ring';
import type { ExchangeCounters } from './counters.ts';
import type { Gateway } from './gateway.ts';
import type { LatencyHistograms } from './latency.ts';
import type { Publisher } from './publisher.ts';
import { GATEWAY, OUTPUT_ARRIVAL_AT, OUTPUT_INPUT_AT, OUTPUT_TRADER_AT } from './slots.ts';

/**
 * Reports released before the stack gets its turn: what a long `fdatasync` has dammed up must not
 * meet the send queues all at once, or readers would count as slow that had no chance to read. Not
 * above the smallest history of the feed, so that none is overwritten before it was published.
 */
export const RELEASE_MAX = 1024;

/** What a releaser is made of. */
export interface ReleaserOptions {
  readonly output: RingBuffer;
  readonly gateway: Gateway;
  readonly publisher: Publisher | undefined;
  readonly counters: ExchangeCounters;
  readonly latency: LatencyHistograms | undefined;
  readonly clock: Clock;
}

/** Takes reports out of the output ring, in order, and hands them to sessions and feed. */
export class Releaser implements Disposable {
  readonly #ring: RingBuffer;
  readonly #consumer: Consumer;
  readonly #gateway: Gateway;
  readonly #publisher: Publisher | undefined;
  readonly #counters: ExchangeCounters;
  readonly #latency: LatencyHistograms | undefined;
  readonly #clock: Clock;
  /** Arrivals of the inputs answered in this round. */
  readonly #arrivals: Float64Array = new Float64Array(RELEASE_MAX);
  #answered = 0;
  /** Reports up to here were seen coming out of the book. */
  #seen: number;
  /** Inputs last seen and last released; one message gives one sample. */
  #seenInput = NaN;
  #releasedInput = NaN;

  constructor(options: ReleaserOptions) {
    this.#ring = options.output;
    this.#consumer = options.output.consumer(GATEWAY);
    this.#gateway = options.gateway;
    this.#publisher = options.publisher;
    this.#counters = options.counters;
    this.#latency = options.latency;
    this.#clock = options.clock;
    this.#seen = this.#consumer.next;
  }

  /** Reports that wait in the ring. */
  get waiting(): number {
    return this.#consumer.poll(this.#ring.slots);
  }

  /** Releases up to {@link RELEASE_MAX} reports of the first `durable` inputs; returns how many. */
  run(durable: number): number {
    const ready = this.#consumer.poll(RELEASE_MAX);
    if (ready === 0) return 0;
    if (this.#latency !== undefined) this.#recordMatched(ready);
    const ring = this.#ring;
    const view = ring.view;
    const first = this.#consumer.next;
    // Inputs in flight are fewer than 2^31, so the low halves tell which came first.
    const low = durable | 0;
    let done = 0;
    for (; done < ready; done += 1) {
      const at = ring.slotAt(first + done);
      const input = view.getInt32(at + OUTPUT_INPUT_AT, true);
      if (((low - input) | 0) < 0) break;
      if (input !== this.#releasedInput) this.#note(view, at, input);
      this.#gateway.report(view.getUint32(at + OUTPUT_TRADER_AT, true), view, at);
      this.#publisher?.publish(view, at);
    }
    this.#consumer.release(done);
    this.#counters.reports += done;
    return done;
  }

  /** The answers of this round are with the stack: their latency ends here. */
  replied(): void {
    const latency = this.#latency;
    const count = this.#answered;
    this.#answered = 0;
    if (latency === undefined || count === 0) return;
    const nowNs = this.#clock.nowNs();
    for (let i = 0; i < count; i += 1) latency.record(latency.replied, nowNs - this.#arrivals[i]!);
  }

  /** Gives the role up. */
  [Symbol.dispose](): void {
    this.#consumer[Symbol.dispose]();
  }

  /** Remembers the arrival of an input at its first report: one sample for one message. */
  #note(view: DataView, at: number, input: number): void {
    this.#releasedInput = input;
    if (this.#answered === RELEASE_MAX) return;
    this.#arrivals[this.#answered] = view.getFloat64(at + OUTPUT_ARRIVAL_AT, true);
    this.#answered += 1;
  }

  #recordMatched(ready: number): void {
    const latency = this.#latency;
    const first = this.#consumer.next;
    const end = first + ready;
    let sequence = this.#seen > first ? this.#seen : first;
    if (latency === undefined || sequence >= end) return;
    const nowNs = this.#clock.nowNs();
    const ring = this.#ring;
    for (; sequence < end; sequence += 1) {
      const at = ring.slotAt(sequence);
      const input = ring.view.getInt32(at + OUTPUT_INPUT_AT, true);
      if (input === this.#seenInput) continue;
      this.#seenInput = input;
      latency.record(latency.matched, nowNs - ring.view.getFloat64(at + OUTPUT_ARRIVAL_AT, true));
    }
    this.#seen = end;
  }
}
