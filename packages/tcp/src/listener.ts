/**
 * A listening port.
 *
 * @module
 */

/**
 * One local address (or any) and port that accepts connections. Made by `Tcp.listen`; the fields
 * are for reading, except `queued`.
 */
export class Listener {
  /** Index of the listener; `Tcb.listener` of the connections that it accepts. */
  readonly id: number;
  /** 1 while it listens. */
  open = 0;
  /** Local address, four int32 words; all zero accepts every address. */
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  /** Local port. */
  port = 0;
  /** Half-open connections plus `queued` may not exceed this. */
  backlog = 0;
  /** Connections in SYN-RECEIVED that it has now. */
  embryonic = 0;
  /**
   * Opened connections that the owner has not accepted yet. Kept by the owner (a BSD-shaped facade
   * adds one in `opened` and takes one away in `accept`); owners without a queue leave it at 0.
   */
  queued = 0;
  /** Free for the owner. */
  token = 0;
  /** Connections that reached ESTABLISHED. */
  accepted = 0;
  /** SYNs that were dropped because of `backlog`. */
  overflows = 0;

  constructor(id: number) {
    this.id = id;
  }
}

/** Options of `Tcp.listen`. */
export interface ListenOptions {
  /** Half-open plus not yet accepted connections; 128 by default. */
  readonly backlog?: number;
}
