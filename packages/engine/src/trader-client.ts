/**
 * The client's end of an order entry session.
 *
 * @module
 */

import type { NetError } from '@tickwire/base';
import type { Pollable, Stack } from '@tickwire/stack';

/** What a {@link TraderClient} tells its owner; called during polls of the stack. */
export interface TraderSink {
  /** Logged in; the next report has this sequence of the session. */
  readonly loggedIn?: (client: TraderClient, nextSequence: number) => void;
  /** The venue refused the login; `reason` is the letter's name. The client does not try again. */
  readonly refused?: (client: TraderClient, reason: string) => void;
  /** An execution report at `view[at]`, valid during the call. */
  readonly report: (client: TraderClient, view: DataView, at: number) => void;
  /** The venue ended the session in order, or the connection broke (`error`). */
  readonly closed?: (client: TraderClient, error: NetError | undefined) => void;
}

/** Options of a {@link TraderClient}. */
export interface TraderClientOptions {
  readonly stack: Stack;
  readonly hostname: string;
  readonly port: number;
  /** Number of the trader. */
  readonly trader: number;
  readonly token: string;
  readonly sink: TraderSink;
  /** First report wanted, 1 for all that is retained; 0 (default): from now on. */
  readonly fromSequence?: number;
  /** First client sequence to use. Default 1. */
  readonly clientSequence?: number;
  /** Connect again this long after the connection broke, resuming; 0 (default): never. */
  readonly reconnectNs?: number;
  readonly heartbeatNs?: number;
  readonly idleTimeoutNs?: number;
}

/** States of a {@link TraderClient}. */
export type TraderState = 'idle' | 'connecting' | 'logging-in' | 'open' | 'closed';

/** Counters of a {@link TraderClient}. */
export interface TraderCounters {
  sent: number;
  received: number;
  /** Sends refused with `Status.Again`: the send queue of the stack is full. */
  sendsRefused: number;
  reconnects: number;
  heartbeats: number;
  malformedPackets: number;
  idleTimeouts: number;
}

/**
 * A trader's session. `send*` write straight into packet memory; what one round of the caller
 * writes leaves together at the next `poll` (or `flush`).
 *
 * @example
 * ```ts
 * const client = new TraderClient({ stack, hostname: '10.0.0.1', port: 9000, trader: 7,
 *   token: 'secret', sink: { report: (_client, view, at) => count(view, at) } });
 * client.connect();
 * await runLoop([stack, client], monotonicClock, { signal });
 * ```
 */
export declare class TraderClient implements Pollable, Disposable {
  constructor(options: TraderClientOptions);
  readonly counters: TraderCounters;
  get state(): TraderState;
  /** Sequence of the next report of this trader's stream. */
  get nextSequence(): number;
  /** Client sequence of the next message. */
  get clientSequence(): number;
  connect(): void;
  /** Client sequence of the message, or `Again` (no room now), `BadState` (not logged in). */
  sendNew(
    symbol: number,
    clientOrderId: number,
    side: number,
    timeInForce: number,
    price: number,
    quantity: number,
  ): number;
  sendCancel(symbol: number, clientOrderId: number): number;
  sendReplace(
    symbol: number,
    clientOrderId: number,
    flags: number,
    price: number,
    quantity: number,
  ): number;
  /** Hands what was written to the stack; `poll` does it too. */
  flush(): void;
  poll(nowNs: number): number;
  pollAt(): number;
  /** Asks the venue to end the session. */
  logout(): void;
  close(): void;
  [Symbol.dispose](): void;
}
