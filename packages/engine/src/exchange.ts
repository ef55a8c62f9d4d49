/**
 * The venue: sessions, pipeline, market data.
 *
 * @module
 */

import { monotonicClock, type NetError } from '@tickwire/base';
import { describeRing, RingMonitor } from '@tickwire/ring';
import type { Pollable } from '@tickwire/stack';
import { ExchangeCounters } from './counters.ts';
import { Gateway } from './gateway.ts';
import { Intake } from './intake.ts';
import { type Foundation, prepare, type RecoveryReport } from './foundation.ts';
import { LatencyHistograms } from './latency.ts';
import { LoginTable } from './login.ts';
import { bookOptions, type ExchangeOptions } from './options.ts';
import type { Pipeline, Rings } from './pipeline.ts';
import { FEED_SESSION, Publisher } from './publisher.ts';
import { RELEASE_MAX, Releaser } from './releaser.ts';
import { Snapshots } from './snapshots.ts';

/** `open`; `failed`: the journal or a thread failed, nothing is accepted; `closed`. */
export type ExchangeState = 'open' | 'failed' | 'closed';

/**
 * An exchange on a stack. The caller polls both, the stack first:
 *
 * @example
 * ```ts
 * using exchange = await Exchange.open({ stack, port: 9000, journalDirectory: 'journal' });
 * for (const line of exchange.notices) console.log(line);
 * await runLoop([stack, exchange], monotonicClock, { signal });
 * ```
 */
export class Exchange implements Pollable, Disposable {
  readonly counters: ExchangeCounters = new ExchangeCounters();
  /** What was recovered at start. */
  readonly recovery: RecoveryReport;
  /** What the operator should know at start, one sentence each. */
  readonly notices: readonly string[];
  /** Histograms, when `latency` was asked for. */
  readonly latency: LatencyHistograms | undefined;
  readonly #rings: Rings;
  readonly #pipeline: Pipeline;
  readonly #intake: Intake;
  readonly #gateway: Gateway;
  readonly #releaser: Releaser;
  readonly #publisher: Publisher | undefined;
  readonly #onFailure: ((error: NetError) => void) | undefined;
  readonly #monitors: readonly RingMonitor[];
  readonly #snapshots: Snapshots;
  readonly #snapshotEvery: number;
  /** Inputs at the last automatic snapshot. */
  #snapshotAt: number;
  #state: ExchangeState = 'open';
  #failure: NetError | undefined;
  #nowNs: number;

  private constructor(options: ExchangeOptions, foundation: Foundation) {
    const { stack, multicast } = options;
    const { limits, rings, logs } = foundation;
    this.#nowNs = stack.core.nowNs;
    this.#rings = rings;
    this.recovery = foundation.recovery;
    this.notices = foundation.notices;
    this.latency = options.latency === true ? new LatencyHistograms() : undefined;
    this.#onFailure = options.onFailure;
    this.#pipeline = foundation.pipeline;
    this.#pipeline.release = () => this.#release();
    const { snapshotSequence } = foundation.recovery;
    this.#snapshotEvery = options.snapshotEvery ?? 0;
    this.#snapshotAt = snapshotSequence;
    this.#snapshots = new Snapshots(
      {
        directory: options.journalDirectory,
        book: bookOptions(options),
        traders: limits.traders,
        retainedReports: limits.retainedReports,
        prune: options.journalPrune ?? false,
        pipeline: this.#pipeline,
      },
      snapshotSequence,
    );
    this.#intake = new Intake(rings.input, this.counters, () => this.#pipeline.makeRoom());
    this.#gateway = new Gateway({
      stack,
      port: options.port,
      session: multicast?.session ?? FEED_SESSION,
      limits,
      login: new LoginTable(options.login ?? 'accept-all', limits.traders),
      logs,
      intake: this.#intake,
      counters: this.counters,
    });
    this.#publisher = this.#openFeed(options, foundation);
    this.#releaser = new Releaser({
      output: rings.output,
      gateway: this.#gateway,
      publisher: this.#publisher,
      counters: this.counters,
      latency: this.latency,
      clock: options.clock ?? monotonicClock,
    });
    this.#monitors = [rings.input, rings.output].map((ring) => new RingMonitor(ring, this.#nowNs));
  }

  /**
   * Recovers from the journal, starts threads and listens.
   *
   * @throws NetError `ERR_TW_CONFIG` (options), `ERR_TW_CORRUPT` (journal), `EADDRINUSE` (ports),
   * `ETIMEDOUT` (a thread does not start).
   */
  static async open(options: ExchangeOptions): Promise<Exchange> {
    const foundation = await prepare(options);
    try {
      return new Exchange(options, foundation);
    } catch (error) {
      foundation[Symbol.dispose]();
      throw error;
    }
  }

  get state(): ExchangeState {
    return this.#state;
  }

  /** Why the exchange failed; undefined while it has not. */
  get failure(): NetError | undefined {
    return this.#failure;
  }

  /** Sessions logged in now. */
  get sessions(): number {
    return this.#gateway.open;
  }

  /** Inputs taken over all time, recovered ones included. */
  get inputSequence(): number {
    return this.#intake.taken;
  }

  /** Best bid in ticks; NaN when there is none. */
  bestBid(symbol = 0): number {
    return this.#rings.quotes[symbol * 2] ?? NaN;
  }

  /** Best ask in ticks; NaN when there is none. */
  bestAsk(symbol = 0): number {
    return this.#rings.quotes[symbol * 2 + 1] ?? NaN;
  }

  /**
   * One round: inputs to the pipeline, reports to sessions and feed, timers. Returns the work done.
   *
   * @throws NetError when the exchange fails and no `onFailure` was given.
   */
  poll(nowNs: number): number {
    this.#nowNs = nowNs;
    if (this.#state !== 'open') return this.#gateway.flush();
    let work = this.#intake.publish();
    let released = 0;
    while (released < RELEASE_MAX) {
      const applied = this.#pipeline.run();
      const moved = this.#release();
      released += moved;
      work += applied + moved;
      if (applied + moved === 0) break;
    }
    work += this.#publisher?.flush(nowNs) ?? 0;
    work += this.#gateway.flush();
    this.#releaser.replied();
    work += this.#gateway.timers(nowNs);
    if (this.#snapshotEvery > 0) this.#snapshotWhenDue();
    const failure = this.#pipeline.failure;
    if (failure !== undefined) this.#fail(failure);
    return work;
  }

  /** When `poll` has something to do; now while other threads are at work. */
  pollAt(): number {
    if (this.#state !== 'open') return Number.POSITIVE_INFINITY;
    if (this.#pipeline.busy() || this.#releaser.waiting > 0) return this.#nowNs;
    const feedNs = this.#publisher?.deadlineNs() ?? Number.POSITIVE_INFINITY;
    return Math.min(this.#gateway.deadlineNs(), feedNs);
  }

  /** The state hash of the book after everything taken so far. */
  stateHash(): string {
    this.#intake.publish();
    return this.#pipeline.stateHash();
  }

  /**
   * Writes a snapshot of everything journalled so far, so that the next start replays less. A
   * thread of its own makes it from the journal; only writing it down passes through the journal's
   * thread.
   *
   * @returns the input sequence of the snapshot. Rejects with `NetError`: `ENOTSUP` without a
   * journal directory, or what reading or writing failed of; the exchange goes on.
   */
  async snapshot(): Promise<number> {
    try {
      const sequence = await this.#snapshots.make();
      this.counters.snapshots += 1;
      return sequence;
    } catch (error) {
      this.counters.snapshotFailures += 1;
      throw error;
    }
  }

  /** One line per ring: how full it is, and who holds it up. */
  describe(): string {
    return this.#monitors.map((monitor) => describeRing(monitor.diagnose(this.#nowNs))).join('\n');
  }

  /** Ends sessions, stops threads, closes the journal. Nothing that was accepted is lost. */
  close(): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') this.poll(this.#nowNs);
    this.#state = 'closed';
    // The stages finish what was taken; their last reports go into the streams and the feed.
    this.#intake.finish();
    this.#pipeline[Symbol.dispose]();
    this.#release();
    this.#gateway[Symbol.dispose]();
    this.#publisher?.[Symbol.dispose]();
    this.#releaser[Symbol.dispose]();
    this.#intake[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #openFeed(options: ExchangeOptions, foundation: Foundation): Publisher | undefined {
    const { stack, multicast, rerequestPort } = options;
    if (multicast === undefined) return undefined;
    const { history, limits } = foundation;
    const { heartbeatNs } = limits;
    const { counters } = this;
    try {
      return new Publisher({ stack, multicast, rerequestPort, history, heartbeatNs, counters });
    } catch (error) {
      this.#gateway[Symbol.dispose]();
      throw error;
    }
  }

  #snapshotWhenDue(): void {
    const durable = this.#pipeline.durable();
    if (this.#snapshots.busy || durable - this.#snapshotAt < this.#snapshotEvery) return;
    this.#snapshotAt = durable;
    // Counted; the next one is tried when it is due.
    this.snapshot().catch(() => {});
  }

  /** Moves durable reports to sessions and feed; returns how many. */
  #release(): number {
    return this.#releaser.run(this.#pipeline.durable());
  }

  /** Stops for good: ends sessions, refuses logins, tells the owner. */
  #fail(error: NetError): void {
    this.#state = 'failed';
    this.#failure = error;
    this.#gateway.stop();
    if (this.#onFailure === undefined) throw error;
    this.#onFailure(error);
  }
}
