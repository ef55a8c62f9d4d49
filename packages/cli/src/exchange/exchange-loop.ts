// @hot
/**
 * The one object that drives a run: traders and venue in turn, and the phases from login to drain.
 *
 * ```text
 * connect -> warm up -> settle -> measure -> drain -> done
 *                          |                    ^
 *                          +--- halt() ---------+
 * ```
 *
 * A round makes no garbage; what happens between phases, and a progress line, does.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { Pollable } from '@tickwire/stack';
import type { MemoryMeter } from './memory-meter.ts';
import type { TraderSide } from './trader-side.ts';
import type { VenueSide } from './venue-side.ts';

/** Sessions that do not log in within this time never will. */
export const CONNECT_LIMIT_NS = 5e9;
/** Orders without a report after this time without progress are lost. */
export const DRAIN_LIMIT_NS = 10e9;
/** The feed may trail the sessions; what does not come within this time is lost. */
const FEED_LIMIT_NS = 2e9;

const Phase = {
  Connect: 0,
  WarmUp: 1,
  Settle: 2,
  Begin: 3,
  Measure: 4,
  Drain: 5,
  Feed: 6,
  Done: 7,
} as const;

/** What a loop drives. */
export interface LoopOptions {
  readonly traders: TraderSide;
  /** Absent: the venue is elsewhere. */
  readonly venue?: VenueSide;
  /** Messages that are sent, answered and forgotten before the measured part. */
  readonly warmup: number;
  readonly memory: MemoryMeter;
  /** Called in every round of the load; returns quickly when nothing is to be shown. */
  readonly progress: (nowNs: number) => void;
  /** Called once, when everything is drained. */
  readonly onDone: () => void;
}

/** Drives one run. */
export class ExchangeLoop implements Pollable {
  readonly #traders: TraderSide;
  readonly #venue: VenueSide | undefined;
  readonly #options: LoopOptions;
  #phase: number = Phase.Connect;
  /** Start of the phase, or of the last progress in it. */
  #sinceNs = -1;
  #outstanding = 0;
  #startedNs = 0;
  #measuredFrom = 0;
  #isHalted = false;
  #feedSequence = 0;

  constructor(options: LoopOptions) {
    this.#traders = options.traders;
    this.#venue = options.venue;
    this.#options = options;
  }

  /** Start of the measured schedule. */
  get startedNs(): number {
    return this.#startedNs;
  }

  /** Messages sent before the measured part. */
  get measuredFrom(): number {
    return this.#measuredFrom;
  }

  /** Everything that was sent is answered, or given up. */
  get isDone(): boolean {
    return this.#phase === Phase.Done;
  }

  /** One round. */
  poll(nowNs: number): number {
    let work = this.#traders.poll(nowNs);
    if (this.#venue !== undefined) work += this.#venue.poll(nowNs);
    this.#options.progress(nowNs);
    this.#step(nowNs);
    return work;
  }

  pollAt(): number {
    const at = this.#traders.pollAt();
    return this.#venue === undefined ? at : Math.min(at, this.#venue.pollAt());
  }

  /** Sends no more: drains and ends. @cold */
  halt(): void {
    this.#isHalted = true;
    this.#traders.halt();
    if (this.#phase === Phase.Connect) this.#finish();
  }

  #step(nowNs: number): void {
    switch (this.#phase) {
      case Phase.Connect:
        this.#connect(nowNs);
        break;
      case Phase.WarmUp:
      case Phase.Measure:
        if (this.#traders.failure !== undefined) this.#finish();
        else if (this.#traders.isSent) this.#enter(this.#phase + 1, nowNs);
        break;
      case Phase.Settle:
        if (!this.#isDrained(nowNs)) break;
        if (this.#isHalted) this.#enter(Phase.Feed, nowNs);
        else this.#prepareMeasure(nowNs);
        break;
      case Phase.Begin:
        this.#beginMeasure(nowNs);
        break;
      case Phase.Drain:
        if (this.#isDrained(nowNs)) this.#enter(Phase.Feed, nowNs);
        break;
      case Phase.Feed:
        if (this.#isFeedDone(nowNs)) this.#finish();
        break;
      default:
        break;
    }
  }

  #enter(phase: number, nowNs: number): void {
    this.#phase = phase;
    this.#sinceNs = nowNs;
    this.#outstanding = this.#traders.outstanding;
  }

  /** @cold */
  #connect(nowNs: number): void {
    const traders = this.#traders;
    if (this.#sinceNs < 0) this.#sinceNs = nowNs;
    if (traders.failure !== undefined) throw traders.failure;
    if (traders.isOpen) {
      const { warmup } = this.#options;
      if (warmup === 0) this.#prepareMeasure(nowNs);
      else {
        traders.start(nowNs, warmup);
        this.#enter(Phase.WarmUp, nowNs);
      }
    } else if (nowNs - this.#sinceNs > CONNECT_LIMIT_NS) {
      throw new NetError(
        'ETIMEDOUT',
        `The venue did not accept every login within ${CONNECT_LIMIT_NS / 1e9} s; check address, ` +
          'port and cable, and that it runs',
      );
    }
  }

  /** Collects the garbage of the start. @cold */
  #prepareMeasure(nowNs: number): void {
    this.#measuredFrom = this.#traders.feed.index;
    this.#traders.measure();
    this.#options.memory.start();
    this.#enter(Phase.Begin, nowNs);
  }

  /** A round later: the collection took milliseconds, which no order shall pay for. @cold */
  #beginMeasure(nowNs: number): void {
    this.#startedNs = nowNs;
    this.#traders.start(nowNs, this.#isHalted ? 0 : this.#traders.feed.total);
    this.#enter(Phase.Measure, nowNs);
  }

  /** Whether nothing is outstanding, or no answer has come for too long. */
  #isDrained(nowNs: number): boolean {
    const outstanding = this.#traders.outstanding;
    if (outstanding === 0 || this.#traders.failure !== undefined) return true;
    if (outstanding !== this.#outstanding) {
      this.#outstanding = outstanding;
      this.#sinceNs = nowNs;
    }
    return nowNs - this.#sinceNs > DRAIN_LIMIT_NS;
  }

  /** Whether the feed is as far as the sessions, or has not moved for too long. */
  #isFeedDone(nowNs: number): boolean {
    const next = this.#traders.subscriber.nextSequence;
    if (next !== this.#feedSequence) {
      this.#feedSequence = next;
      this.#sinceNs = nowNs;
    }
    return this.#traders.isFeedComplete || nowNs - this.#sinceNs > FEED_LIMIT_NS;
  }

  /** @cold */
  #finish(): void {
    this.#phase = Phase.Done;
    this.#options.onDone();
  }
}
