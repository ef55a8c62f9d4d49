/**
 * One connection of a client.
 *
 * @module
 */

import { SoupDecoder } from '@tickwire/protocol';
import type { TcpSocket } from '@tickwire/stack';

/** States of a {@link Session}. */
export const SessionState = {
  /** In the pool. */
  Free: 0,
  /** Connected, not logged in. */
  Connected: 1,
  /** Logged in. */
  Open: 2,
  /** Over for us; waits for TCP to finish. */
  Closing: 3,
} as const;

/** Any value of {@link SessionState}. */
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

/** No trader. */
export const NO_TRADER = -1;

/** Made once with its pool and used for one connection after another. */
export class Session {
  /** Index in the pool; also its timer. */
  readonly id: number;
  /** The incoming stream. */
  readonly decoder: SoupDecoder = new SoupDecoder();
  /** {@link SessionState}. */
  state: SessionState = SessionState.Free;
  /** Bound by the login. */
  trader: number = NO_TRADER;
  /** The connection. */
  socket: TcpSocket<Session | undefined> | undefined = undefined;
  /** Byte of the trader's stream that is written next; see `streamPosition`. */
  position = 0;
  /** When the connection was opened. */
  openedNs = 0;
  /** When the client was last heard. */
  receivedNs = 0;
  /** When we last spoke. */
  sentNs = 0;
  /** Whether it is in the list of sessions with something to send. */
  dirty = false;

  constructor(id: number) {
    this.id = id;
  }

  /** Takes a connection. */
  open(socket: TcpSocket<Session | undefined>, nowNs: number): void {
    this.state = SessionState.Connected;
    this.trader = NO_TRADER;
    this.socket = socket;
    this.decoder.reset();
    this.position = 0;
    this.openedNs = nowNs;
    this.receivedNs = nowNs;
    this.sentNs = nowNs;
  }

  /** Goes back to the pool. */
  free(): void {
    this.state = SessionState.Free;
    this.trader = NO_TRADER;
    this.socket = undefined;
  }
}
