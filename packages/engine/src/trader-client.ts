// @hot
/**
 * The client's end of an order entry session.
 *
 * @module
 */

import { assert, NetError, Status } from '@tickwire/base';
import {
  encodeCancelOrder,
  encodeLoginRequest,
  encodeNewOrder,
  encodeReplaceOrder,
  encodeSoupHeader,
  EXECUTION_REPORT_BYTES,
  HEARTBEAT_INTERVAL_NS,
  LOGIN_REQUEST_BYTES,
  LoginReject,
  ORDER_ENTRY_BYTES_MAX,
  parseLoginAccepted,
  SESSION_TIMEOUT_NS,
  SOUP_HEADER_BYTES,
  SoupDecoder,
  SoupType,
} from '@tickwire/protocol';
import type { Pollable, Stack, TcpSocket } from '@tickwire/stack';
import { copyWords } from './slots.ts';

/** What a {@link TraderClient} tells its owner; called during polls of the stack. */
export interface TraderSink {
  /** Logged in; the next report has this sequence of the session. */
  readonly loggedIn?: (client: TraderClient, nextSequence: number) => void;
  /** The venue refused the login; `reason` is a name of `LoginReject`. There is no second try. */
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
  /** Number of the trader, at most six digits. */
  readonly trader: number;
  /** At most ten characters. */
  readonly token: string;
  readonly sink: TraderSink;
  /** First report wanted, 1 for all that is retained; 0 (default): from now on. */
  readonly fromSequence?: number;
  /** First client sequence to use. Default 1; after a restart, behind the last one used. */
  readonly clientSequence?: number;
  /** Connects again this long after the connection broke, and resumes; 0 (default): never. */
  readonly reconnectNs?: number;
  /** Speaks at least this often. Default 1 s. */
  readonly heartbeatNs?: number;
  /** Gives a silent venue up after this long. Default 15 s. */
  readonly idleTimeoutNs?: number;
}

/** States of a {@link TraderClient}. `waiting`: the connection broke and is tried again. */
export type TraderState = 'idle' | 'connecting' | 'logging-in' | 'open' | 'waiting' | 'closed';

/** Counters of a {@link TraderClient}. */
export class TraderCounters {
  /** Messages sent. */
  sent = 0;
  /** Execution reports received. */
  received = 0;
  /** Sends refused with `Status.Again`: the stack has no room now. */
  sendsRefused = 0;
  /** Connections made after the first. */
  reconnects = 0;
  /** Heartbeats sent. */
  heartbeats = 0;
  /** Connections dropped because the venue broke the session rules. */
  malformedPackets = 0;
  /** Connections dropped because the venue was silent. */
  idleTimeouts = 0;
}

/** The longest packet that a send writes. */
const PACKET_BYTES_MAX: number = SOUP_HEADER_BYTES + ORDER_ENTRY_BYTES_MAX;

/**
 * A trader's session. The `send` methods write straight into packet memory, message behind message;
 * what the owner writes in one round leaves together at the next poll of the stack.
 *
 * After a broken connection the reports are resumed without loss. Messages that were on their way
 * are not sent again by the client: the venue ignores repeated client sequences, so the owner may
 * send again whatever it is unsure about ({@link TraderClient.sendEncoded}).
 *
 * @example
 * ```ts
 * const client = new TraderClient({ stack, hostname: '10.0.0.1', port: 9000, trader: 7,
 *   token: 'secret', sink: { report: (_client, view, at) => count(view, at) } });
 * client.connect();
 * await runLoop([stack, client], monotonicClock, { signal });
 * ```
 */
export class TraderClient implements Pollable, Disposable {
  readonly counters: TraderCounters = new TraderCounters();
  readonly #options: TraderClientOptions;
  readonly #stack: Stack;
  readonly #sink: TraderSink;
  readonly #heartbeatNs: number;
  readonly #idleTimeoutNs: number;
  readonly #decoder: SoupDecoder = new SoupDecoder();
  #socket: TcpSocket<undefined> | undefined = undefined;
  #state: TraderState = 'idle';
  #nextSequence: number;
  #clientSequence: number;
  /** Packet memory. */
  readonly #view: DataView;
  #sentNs = 0;
  #receivedNs = 0;
  #retryAtNs = Number.POSITIVE_INFINITY;

  constructor(options: TraderClientOptions) {
    this.#options = options;
    this.#stack = options.stack;
    this.#sink = options.sink;
    this.#heartbeatNs = options.heartbeatNs ?? HEARTBEAT_INTERVAL_NS;
    this.#idleTimeoutNs = options.idleTimeoutNs ?? SESSION_TIMEOUT_NS;
    this.#nextSequence = options.fromSequence ?? 0;
    this.#clientSequence = options.clientSequence ?? 1;
    this.#view = options.stack.core.arena.view;
  }

  get state(): TraderState {
    return this.#state;
  }

  /** Sequence of the next report of this trader's stream; 0 until the first login tells. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** Client sequence of the next message. */
  get clientSequence(): number {
    return this.#clientSequence;
  }

  /**
   * Begins to connect. The outcome comes through the sink.
   *
   * @cold
   * @throws NetError as `Stack.connect`; `EISCONN` when it is connected.
   */
  connect(): void {
    if (this.#socket !== undefined) {
      throw new NetError('EISCONN', 'The trader is connected; close the client first');
    }
    const { hostname, port } = this.#options;
    this.#decoder.reset();
    this.#retryAtNs = Number.POSITIVE_INFINITY;
    this.#state = 'connecting';
    this.#socket = this.#stack.connect<undefined>({
      hostname,
      port,
      data: undefined,
      socket: {
        open: () => this.#opened(),
        data: (_socket, bytes, at, length) => this.#received(bytes, at, length),
        close: (_socket, error) => this.#closed(error),
      },
    });
  }

  /**
   * Sends a new order.
   *
   * @returns its client sequence, or Again (no room now), BadState (not logged in).
   */
  sendNew(
    symbol: number,
    clientOrderId: number,
    side: number,
    timeInForce: number,
    price: number,
    quantity: number,
  ): number {
    const at = this.#begin();
    if (at < 0) return at;
    const view = this.#view;
    const body = at + SOUP_HEADER_BYTES;
    const length = encodeNewOrder(
      view,
      body,
      this.#clientSequence,
      symbol,
      clientOrderId,
      side,
      timeInForce,
      price,
      quantity,
    );
    this.#finish(at, length);
    return this.#clientSequence++;
  }

  /** Cancels an order; returns as {@link TraderClient.sendNew}. */
  sendCancel(symbol: number, clientOrderId: number): number {
    const at = this.#begin();
    if (at < 0) return at;
    const view = this.#view;
    const body = at + SOUP_HEADER_BYTES;
    const length = encodeCancelOrder(view, body, this.#clientSequence, symbol, clientOrderId);
    this.#finish(at, length);
    return this.#clientSequence++;
  }

  /** Changes an order; `flags` 0 or `REDUCE`; returns as {@link TraderClient.sendNew}. */
  sendReplace(
    symbol: number,
    clientOrderId: number,
    flags: number,
    price: number,
    quantity: number,
  ): number {
    const at = this.#begin();
    if (at < 0) return at;
    const view = this.#view;
    const body = at + SOUP_HEADER_BYTES;
    const length = encodeReplaceOrder(
      view,
      body,
      this.#clientSequence,
      symbol,
      clientOrderId,
      flags,
      price,
      quantity,
    );
    this.#finish(at, length);
    return this.#clientSequence++;
  }

  /**
   * Sends an encoded order entry message of `length` bytes as it is, for replaying recorded flow
   * and for sending again. The next client sequence moves behind that of the message.
   *
   * @param clientSequence - the one that the message carries.
   */
  sendEncoded(from: DataView, fromAt: number, length: number, clientSequence: number): number {
    const at = this.#begin();
    if (at < 0) return at;
    copyWords(from, fromAt, this.#view, at + SOUP_HEADER_BYTES, length >> 2);
    this.#finish(at, length);
    if (clientSequence >= this.#clientSequence) this.#clientSequence = clientSequence + 1;
    return clientSequence;
  }

  /** Keeps the session alive, and comes back after a broken connection. */
  poll(nowNs: number): number {
    if (this.#state === 'open' || this.#state === 'logging-in') return this.#keepAlive(nowNs);
    if (this.#state !== 'waiting' || nowNs < this.#retryAtNs) return 0;
    this.counters.reconnects += 1;
    this.connect();
    return 1;
  }

  pollAt(): number {
    if (this.#state === 'waiting') return this.#retryAtNs;
    if (this.#state !== 'open' && this.#state !== 'logging-in') return Number.POSITIVE_INFINITY;
    const heartbeatNs = this.#sentNs + this.#heartbeatNs;
    const idleNs = this.#receivedNs + this.#idleTimeoutNs;
    return heartbeatNs < idleNs ? heartbeatNs : idleNs;
  }

  /** Asks the venue to end the session; `closed` follows. */
  logout(): void {
    if (this.#state === 'open') this.#control(SoupType.LogoutRequest);
  }

  /** Closes the connection, without a word to the venue but the FIN. */
  close(): void {
    const socket = this.#socket;
    this.#state = 'closed';
    this.#retryAtNs = Number.POSITIVE_INFINITY;
    this.#socket = undefined;
    socket?.end();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Makes room for one packet and sets the view to write it to; its offset, or a status. */
  #begin(): number {
    const socket = this.#socket;
    if (this.#state !== 'open' || socket === undefined) return Status.BadState;
    // In one piece: a packet is sent as a whole or not at all, also when the pool runs dry.
    const at = socket.reserve(PACKET_BYTES_MAX);
    if (at >= 0) return at;
    this.counters.sendsRefused += 1;
    return at;
  }

  #finish(at: number, length: number): void {
    const total = encodeSoupHeader(this.#view, at, SoupType.UnsequencedData, length);
    // Committed at once: what lies behind the unsent tail would be lost if a poll came between.
    const status = this.#socket?.commit(total) ?? Status.BadState;
    assert(status === total, 'a packet that was reserved a moment ago was not taken');
    this.counters.sent += 1;
    this.#sentNs = this.#stack.core.nowNs;
  }

  #opened(): void {
    const { trader, token } = this.#options;
    const socket = this.#socket;
    const at = socket?.reserve(SOUP_HEADER_BYTES + LOGIN_REQUEST_BYTES) ?? Status.BadState;
    if (socket === undefined || at < 0) {
      this.#drop(new NetError('ENOBUFS', 'No packet memory for the login; use a larger pool'));
      return;
    }
    const length = encodeLoginRequest(this.#view, at, {
      user: String(trader),
      password: token,
      session: '',
      sequence: this.#nextSequence,
    });
    const nowNs = this.#stack.core.nowNs;
    this.#state = 'logging-in';
    this.#sentNs = nowNs;
    this.#receivedNs = nowNs;
    socket.commit(length);
  }

  #received(bytes: Uint8Array, at: number, length: number): void {
    this.#receivedNs = this.#stack.core.nowNs;
    const decoder = this.#decoder;
    decoder.push(bytes, at, length);
    for (;;) {
      const type = decoder.next();
      if (type <= 0) {
        if (type !== Status.Again) this.#malformed();
        return;
      }
      if (type === SoupType.SequencedData) this.#sequenced();
      else this.#packet(type);
      if (this.#socket === undefined) {
        // The packet, or the owner, ended the session: the rest of the bytes is of no interest.
        decoder.reset();
        return;
      }
    }
  }

  #sequenced(): void {
    const decoder = this.#decoder;
    if (this.#state !== 'open' || decoder.length !== EXECUTION_REPORT_BYTES) {
      this.#malformed();
      return;
    }
    this.#nextSequence += 1;
    this.counters.received += 1;
    this.#sink.report(this, decoder.view, decoder.at);
  }

  #packet(type: number): void {
    if (type === SoupType.ServerHeartbeat || type === SoupType.Debug) return;
    if (type === SoupType.LoginAccepted && this.#state === 'logging-in') {
      const accepted = parseLoginAccepted(this.#decoder.view, this.#decoder.at);
      if (accepted === undefined) {
        this.#malformed();
        return;
      }
      this.#state = 'open';
      this.#nextSequence = accepted.nextSequence;
      this.#sink.loggedIn?.(this, accepted.nextSequence);
    } else if (type === SoupType.LoginRejected && this.#state === 'logging-in') {
      const reason = rejectName(this.#decoder.view.getUint8(this.#decoder.at));
      this.close();
      this.#sink.refused?.(this, reason);
    } else if (type === SoupType.EndOfSession) {
      this.close();
      this.#sink.closed?.(this, undefined);
    } else {
      this.#malformed();
    }
  }

  #malformed(): void {
    this.counters.malformedPackets += 1;
    const error = new NetError(
      'ERR_TW_PROTOCOL',
      'The venue broke the session rules; check that it is an exchange of this version',
    );
    this.#drop(error);
  }

  /** Gives the connection up and, by option, tries again later. */
  #drop(error: NetError): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#lost(error);
    socket?.terminate();
  }

  #closed(error: NetError | undefined): void {
    if (this.#socket === undefined) return;
    this.#socket = undefined;
    const broken = new NetError('ECONNRESET', 'The venue closed the connection without a word');
    this.#lost(error ?? broken);
  }

  #lost(error: NetError): void {
    const retryNs = this.#options.reconnectNs ?? 0;
    this.#state = retryNs > 0 ? 'waiting' : 'closed';
    if (retryNs > 0) this.#retryAtNs = this.#stack.core.nowNs + retryNs;
    this.#sink.closed?.(this, error);
  }

  #keepAlive(nowNs: number): number {
    if (nowNs - this.#receivedNs >= this.#idleTimeoutNs) {
      this.counters.idleTimeouts += 1;
      this.#drop(new NetError('ETIMEDOUT', 'The venue is silent; it is given up'));
    } else if (nowNs - this.#sentNs >= this.#heartbeatNs && this.#state === 'open') {
      this.#control(SoupType.ClientHeartbeat);
      this.counters.heartbeats += 1;
    } else {
      return 0;
    }
    return 1;
  }

  /** Sends a packet without payload. */
  #control(type: number): void {
    this.#sentNs = this.#stack.core.nowNs;
    const at = this.#socket?.reserve(SOUP_HEADER_BYTES) ?? Status.BadState;
    // A full send queue keeps the session alive by what is in it.
    if (at >= 0) this.#socket?.commit(encodeSoupHeader(this.#view, at, type, 0));
  }
}

/**
 * The name of a rejection.
 *
 * @cold
 */
function rejectName(letter: number): string {
  for (const name of Object.keys(LoginReject) as (keyof typeof LoginReject)[]) {
    if (LoginReject[name] === letter) return name;
  }
  return `reason ${letter}`;
}
