// @hot
/**
 * The receiving end of the market data feed.
 *
 * @module
 */

import {
  checkMoldPacket,
  encodeMoldHeader,
  EXECUTION_REPORT_BYTES,
  GapDetector,
  MOLD_BLOCK_HEADER_BYTES,
  MOLD_END_OF_SESSION,
  MOLD_HEADER_BYTES,
  moldBlockLength,
  moldCount,
  moldNextBlock,
  moldSequence,
  moldSessionEquals,
} from '@tickwire/protocol';
import type { Pollable, Stack, UdpSocket } from '@tickwire/stack';
import { IpAddress } from '@tickwire/wire';
import { FEED_SESSION } from './publisher.ts';

/** What a {@link MarketDataSubscriber} tells its owner; called during polls. */
export interface MarketDataSink {
  /** The next execution report of the feed, in order, at `view[at]`, valid during the call. */
  readonly report: (view: DataView, at: number, sequence: number) => void;
  /** Messages that could not be recovered; the feed goes on behind them. */
  readonly lost?: (firstSequence: number, count: number) => void;
  /** The feed is over; called once, when everything before the end was delivered or lost. */
  readonly end?: (nextSequence: number) => void;
}

/** Options of a {@link MarketDataSubscriber}. */
export interface MarketDataOptions {
  readonly stack: Stack;
  readonly group: string;
  readonly port: number;
  /** Name of the feed. Default `TICKWIRE`. */
  readonly session?: string;
  /** The re-request server. Absent: a gap is lost at once. */
  readonly rerequest?: { readonly hostname: string; readonly port: number };
  readonly sink: MarketDataSink;
  /** First sequence wanted; 0 (default): the first that comes. */
  readonly fromSequence?: number;
  /** Between two requests without an answer. Default 5 ms. */
  readonly retryNs?: number;
  /** Requests without any progress before a gap is given up. Default 10. */
  readonly attemptsMax?: number;
}

/** Counters of a {@link MarketDataSubscriber}. */
export class MarketDataCounters {
  /** Packets of the feed, live and re-sent. */
  packets = 0;
  /** Reports delivered. */
  messages = 0;
  /** Messages given up: they could not be had again. */
  lost = 0;
  /** Re-requests sent. */
  requests = 0;
  /** Packets of the wrong form: not used. */
  malformed = 0;
  /** Packets of another feed on the same group and port. */
  otherSession = 0;
}

/**
 * Joins the group, delivers every report once and in order, and fills gaps by unicast re-requests.
 *
 * Packets beyond a gap are not kept but asked for again together with it, so memory does not depend
 * on the loss. `detector` counts gaps, missed messages and duplicates.
 *
 * @example
 * ```ts
 * using feed = new MarketDataSubscriber({ stack, group: '239.0.0.1', port: 9001,
 *   rerequest: { hostname: '10.0.0.1', port: 9002 },
 *   sink: { report: (view, at, sequence) => book.update(view, at) } });
 * await runLoop([stack, feed], monotonicClock, { signal });
 * ```
 */
export class MarketDataSubscriber implements Pollable, Disposable {
  readonly counters: MarketDataCounters = new MarketDataCounters();
  /** Follows the sequence numbers; read only for others. */
  readonly detector: GapDetector;
  readonly #stack: Stack;
  readonly #sink: MarketDataSink;
  readonly #feed: UdpSocket;
  readonly #requests: UdpSocket;
  readonly #server: IpAddress | undefined;
  readonly #serverPort: number;
  readonly #session: string;
  readonly #retryNs: number;
  readonly #attemptsMax: number;
  /** A request under construction; its first ten bytes are the session to compare with. */
  readonly #request: Uint8Array;
  readonly #requestView: DataView;
  #synchronised: boolean;
  #attempts = 0;
  #retryAtNs = Number.POSITIVE_INFINITY;
  /** One past what the last request asked for: progress up to here calls for the next one. */
  #requestedTo = 0;
  #ended = false;

  constructor(options: MarketDataOptions) {
    const { stack, rerequest } = options;
    this.#stack = stack;
    this.#sink = options.sink;
    this.#session = options.session ?? FEED_SESSION;
    this.#retryNs = options.retryNs ?? 5e6;
    this.#attemptsMax = options.attemptsMax ?? 10;
    this.#server = rerequest === undefined ? undefined : IpAddress.parse(rerequest.hostname);
    this.#serverPort = rerequest?.port ?? 0;
    const from = options.fromSequence ?? 0;
    this.#synchronised = from > 0;
    this.detector = new GapDetector(from > 0 ? from : 1);
    const request = new ArrayBuffer(MOLD_HEADER_BYTES);
    this.#request = new Uint8Array(request);
    this.#requestView = new DataView(request);
    encodeMoldHeader(this.#requestView, 0, this.#session, 1, 0);
    const handlers = {
      data: (_socket: UdpSocket, _bytes: Uint8Array, at: number, length: number): void =>
        this.#received(at, length),
    };
    this.#feed = stack.udp({
      port: options.port,
      reuse: true,
      groups: [options.group],
      socket: handlers,
    });
    // Replies come to the asking socket and are packets of the feed like any other.
    this.#requests = stack.udp({ socket: handlers });
  }

  /** Sequence of the next message to deliver; 0 before the first packet. */
  get nextSequence(): number {
    return this.#synchronised ? this.detector.expected : 0;
  }

  /** Whether messages are missing before some that were announced. */
  get inGap(): boolean {
    return this.detector.missing > 0;
  }

  poll(nowNs: number): number {
    if (!this.inGap || nowNs < this.#retryAtNs) return 0;
    if (this.#attempts >= this.#attemptsMax) this.#giveUp();
    else this.#ask(nowNs);
    return 1;
  }

  pollAt(): number {
    return this.inGap ? this.#retryAtNs : Number.POSITIVE_INFINITY;
  }

  /** Leaves the group. */
  close(): void {
    this.#feed.close();
    this.#requests.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #received(at: number, length: number): void {
    const counters = this.counters;
    const view = this.#stack.core.arena.view;
    if (checkMoldPacket(view, at, length) < 0) {
      counters.malformed += 1;
      return;
    }
    if (!moldSessionEquals(view, at, this.#requestView, 0)) {
      counters.otherSession += 1;
      return;
    }
    counters.packets += 1;
    const sequence = moldSequence(view, at);
    const count = moldCount(view, at);
    const detector = this.detector;
    if (!this.#synchronised) {
      this.#synchronised = true;
      detector.expected = sequence;
      detector.known = sequence;
    }
    if (this.#server === undefined && sequence > detector.expected) this.#skipTo(sequence);
    const wasInGap = detector.missing > 0;
    const before = detector.expected;
    const skip = detector.accept(sequence, count);
    if (skip >= 0 && count !== MOLD_END_OF_SESSION) this.#deliver(view, at, sequence, count, skip);
    if (detector.missing > 0) this.#missing(wasInGap, detector.expected > before);
    else this.#end();
  }

  #deliver(view: DataView, at: number, sequence: number, count: number, skip: number): void {
    let block = at + MOLD_HEADER_BYTES;
    for (let i = 0; i < count; i += 1) {
      if (i >= skip) {
        if (moldBlockLength(view, block) === EXECUTION_REPORT_BYTES) {
          this.counters.messages += 1;
          this.#sink.report(view, block + MOLD_BLOCK_HEADER_BYTES, sequence + i);
        } else {
          this.counters.malformed += 1;
        }
      }
      block = moldNextBlock(view, block);
    }
  }

  /**
   * Asks at once when a gap opens, and again when what was asked for has come and more is missing.
   */
  #missing(wasInGap: boolean, progress: boolean): void {
    if (progress || !wasInGap) this.#attempts = 0;
    if (!wasInGap || (progress && this.detector.expected >= this.#requestedTo)) {
      this.#ask(this.#stack.core.nowNs);
    }
  }

  #ask(nowNs: number): void {
    const server = this.#server;
    if (server === undefined) return;
    const { expected, missing } = this.detector;
    encodeMoldHeader(this.#requestView, 0, this.#session, expected, missing);
    this.#requests.send(this.#request, 0, MOLD_HEADER_BYTES, server, this.#serverPort);
    this.counters.requests += 1;
    this.#attempts += 1;
    this.#requestedTo = expected + missing;
    this.#retryAtNs = nowNs + this.#retryNs;
  }

  /** Goes on behind what cannot be had. */
  #giveUp(): void {
    this.#attempts = 0;
    this.#skipTo(this.detector.known);
    this.#end();
  }

  #skipTo(sequence: number): void {
    const detector = this.detector;
    const first = detector.expected;
    this.counters.lost += sequence - first;
    detector.expected = sequence;
    if (detector.known < sequence) detector.known = sequence;
    this.#sink.lost?.(first, sequence - first);
  }

  #end(): void {
    if (!this.detector.ended || this.#ended) return;
    this.#ended = true;
    this.#sink.end?.(this.detector.expected);
  }
}
