// @hot
/**
 * The traders: a stack, sessions on it, the schedule they keep, and a subscriber of the feed.
 *
 * @module
 */

import { type Clock, NetError } from '@tickwire/base';
import { MarketDataSubscriber, TraderClient } from '@tickwire/engine';
import { OracleReporter } from '@tickwire/protocol';
import { BURST_MAX } from '@tickwire/phy';
import type { Pollable, Stack } from '@tickwire/stack';
import { LatencyRecorder } from './latency-recorder.ts';
import { type EarlierRuns, NO_EARLIER_RUNS } from './earlier-runs.ts';
import type { OrderFeed } from './order-feed.ts';
import { ReportHash } from './report-hash.ts';
import { TraderSession } from './trader-session.ts';

/** Frames that the stack of the traders takes at once: all that a burst holds. */
export const TRADER_INGRESS_BATCH: number = BURST_MAX;
/**
 * Polls of the traders' stack in one round while full bursts come in. A round of the venue answers
 * more frames than one poll takes; what is left fills the wire, where multicast then finds no room.
 */
const DRAIN_ROUNDS = 4;
/**
 * A gap is given up after this many requests without an answer: a second, where a pause of the
 * process (a full disk queue, a busy machine) is a matter of tens of milliseconds.
 */
const REREQUESTS_MAX = 200;

/** What traders are made of. */
export interface TraderSideOptions {
  readonly stack: Stack;
  readonly clock: Clock;
  readonly feed: OrderFeed;
  readonly sessions: number;
  /** Address and port of the venue. */
  readonly venue: string;
  readonly port: number;
  readonly group: string;
  readonly groupPort: number;
  /** Number of the first trader, default 0. */
  readonly firstTrader?: number;
  /** What the venue recovered; absent: it is fresh. */
  readonly earlier?: EarlierRuns;
}

/**
 * Sends what is due and counts what comes back. An order belongs to the session of its id, so that
 * whoever sent it also cancels it.
 */
export class TraderSide implements Pollable {
  readonly stack: Stack;
  readonly sessions: TraderSession[] = [];
  readonly subscriber: MarketDataSubscriber;
  readonly recorder: LatencyRecorder = new LatencyRecorder();
  readonly warmRecorder: LatencyRecorder = new LatencyRecorder();
  readonly feed: OrderFeed;
  /** Hash of everything that the multicast feed delivered, in order. */
  readonly feedHash: ReportHash = new ReportHash();
  /** Hash of the only session's reports as lines of the oracle; absent with several sessions. */
  readonly oracle: OracleReporter | undefined;
  /** What the venue had before these traders came. */
  readonly earlier: EarlierRuns;
  /** Instant of the last send. */
  lastSendNs = 0;
  /** Why a session is gone although nobody asked for it. */
  failure: NetError | undefined = undefined;
  /** Instant at which `feed.dueNs` is 0; Infinity: do not send. */
  #originNs = Number.POSITIVE_INFINITY;
  #limit = 0;
  #isClosing = false;

  constructor(options: TraderSideOptions) {
    const { stack, clock, feed, sessions } = options;
    this.stack = stack;
    this.earlier = options.earlier ?? NO_EARLIER_RUNS;
    this.feed = feed;
    this.oracle = sessions === 1 ? new OracleReporter() : undefined;
    const first = options.firstTrader ?? 0;
    for (let i = 0; i < sessions; i += 1) this.sessions.push(this.#open(options, clock, first + i));
    this.subscriber = new MarketDataSubscriber({
      stack,
      group: options.group,
      port: options.groupPort,
      rerequest: { hostname: options.venue, port: options.groupPort + 1 },
      fromSequence: this.earlier.reports + 1,
      attemptsMax: REREQUESTS_MAX,
      sink: { report: (view, at) => this.feedHash.push(view, at) },
    });
  }

  /** Begins or continues the schedule at `nowNs`, up to message `limit` of the feed. */
  start(nowNs: number, limit: number): void {
    this.#limit = limit;
    this.#originNs = this.feed.isDone ? Number.POSITIVE_INFINITY : nowNs - this.feed.dueNs;
  }

  /** Sends no more. */
  halt(): void {
    this.#limit = this.feed.index;
  }

  /** From now on records what is the measured part. @cold */
  measure(): void {
    this.sessions.forEach((session) => {
      session.recorder = this.recorder;
    });
  }

  /** Whether the schedule has been sent up to its limit. */
  get isSent(): boolean {
    return this.feed.index >= this.#limit;
  }

  /** Whether every session is logged in. @cold */
  get isOpen(): boolean {
    return this.sessions.every((session) => session.client?.state === 'open');
  }

  /** Messages without an answer. */
  get outstanding(): number {
    let total = 0;
    for (let i = 0; i < this.sessions.length; i += 1) total += this.sessions[i]!.outstanding;
    return total;
  }

  /** Whether the feed has delivered everything that the sessions know of. */
  get isFeedComplete(): boolean {
    let last = 0;
    for (let i = 0; i < this.sessions.length; i += 1) {
      last = Math.max(last, this.sessions[i]!.lastReportSequence);
    }
    return this.subscriber.nextSequence > last;
  }

  /** One round: what is due leaves, what has come is counted. */
  poll(nowNs: number): number {
    let work = this.#sendDue(nowNs);
    for (let i = 0; i < this.sessions.length; i += 1) {
      work += this.sessions[i]!.client!.poll(nowNs);
    }
    for (let round = 0; round < DRAIN_ROUNDS; round += 1) {
      const frames = this.stack.poll(nowNs);
      work += frames;
      if (frames < TRADER_INGRESS_BATCH) break;
    }
    return work + this.subscriber.poll(nowNs);
  }

  /** When the next message is due, or a timer of the layers below. */
  pollAt(): number {
    let at = Math.min(this.stack.pollAt(), this.subscriber.pollAt());
    for (let i = 0; i < this.sessions.length; i += 1) {
      at = Math.min(at, this.sessions[i]!.client!.pollAt());
    }
    return this.isSent ? at : Math.min(at, this.#originNs + this.feed.dueNs);
  }

  /** Asks the venue to end the sessions; polls do the rest. @cold */
  logout(): void {
    this.#isClosing = true;
    for (const session of this.sessions) session.client?.logout();
  }

  /** Whether every session has come to its end. @cold */
  get isClosed(): boolean {
    return this.sessions.every((session) => session.client?.state === 'closed');
  }

  /** Ends what is still open. @cold */
  close(): void {
    this.#isClosing = true;
    for (const session of this.sessions) session.client?.close();
    this.subscriber.close();
  }

  /** Everything that is due leaves in this round, however late the round is. */
  #sendDue(nowNs: number): number {
    const { feed, sessions } = this;
    const count = sessions.length;
    const until = nowNs - this.#originNs;
    let sent = 0;
    while (feed.index < this.#limit && feed.dueNs <= until) {
      const session = sessions[feed.flow.orderId[feed.row]! % count]!;
      // No room: the message stays where it is, and its latency grows.
      if (!session.send(feed.flow, feed.row, this.#originNs + feed.dueNs)) break;
      feed.advance();
      sent += 1;
    }
    if (sent > 0) this.lastSendNs = nowNs;
    return sent;
  }

  /** @cold */
  #open(options: TraderSideOptions, clock: Clock, trader: number): TraderSession {
    const { clientSequences, orderIdMax } = this.earlier;
    const known = clientSequences[trader] ?? 0;
    const session = new TraderSession(clock, this.warmRecorder, this.oracle, known, orderIdMax);
    session.client = new TraderClient({
      stack: options.stack,
      hostname: options.venue,
      port: options.port,
      trader,
      token: `trader-${trader}`,
      clientSequence: known + 1,
      sink: {
        report: (_client, view, at) => session.report(view, at),
        loggedIn: (_client, next) => {
          if (known === 0 && next > 1) this.failure ??= seenBefore(trader);
        },
        refused: (_client, reason) =>
          this.#fail(`refused the login of trader ${trader} (${reason})`),
        closed: (_client, error) => {
          if (this.#isClosing) return;
          if (error === undefined) this.#fail(`ended the session of trader ${trader}`);
          else this.failure ??= broken(trader, error);
        },
      },
    });
    session.client.connect();
    return session;
  }

  /** @cold */
  #fail(what: string): void {
    this.failure ??= new NetError(
      'ECONNRESET',
      `The venue ${what}; is it running, fresh, and reachable at this address and port?`,
    );
  }
}

/**
 * Its orders would be taken for repeated ones and ignored: the session rules tell where the stream
 * of reports stands, not the client sequence.
 *
 * @cold
 */
function seenBefore(trader: number): NetError {
  return new NetError(
    'ERR_TW_CONFIG',
    `The venue has had orders of trader ${trader} before; give numbers that it has not seen with ` +
      '--first-trader, or start a fresh venue',
    { trader },
  );
}

/** @cold */
function broken(trader: number, error: NetError): NetError {
  const message =
    `The session of trader ${trader} broke (${error.message}); is the venue running, and ` +
    'reachable at this address and port?';
  return new NetError(error.code, message, { ...error.details, trader }, { cause: error });
}
