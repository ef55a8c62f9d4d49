/**
 * A listening port.
 *
 * @module
 */

import type { Congestion } from './config.ts';
import { LISTENER_BUCKETS } from './limits.ts';

/**
 * One local address (or any) and port that accepts connections. Made by `Tcp.listen`; the fields
 * are for reading, except `backlog`, `queued` and `token`.
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
  /**
   * Length of the accept queue. While `queued` has reached it, SYNs are dropped, and handshakes are
   * not completed: their last ACK is ignored and their SYN-ACK sent again, so that they complete
   * when the owner has accepted. As Linux; FreeBSD resets them.
   */
  backlog = 0;
  /** Half-open connections that it may have; beyond them SYN cookies take over. */
  halfOpenMax = 0;
  /** Half-open connections that it has now. */
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

  /** 1 when other listeners may have the same address and port. */
  reusePort = 0;
  /** Weighs it against the other members of its group. */
  salt = 0;
  /** Next open listener in the chain of its port, or -1. */
  next = -1;

  /** Congestion controller of the connections that it accepts; -1 is the stack's. */
  congestion = -1;
  /** Upper bound of the MSS that it offers, and that its connections send. */
  mssMax = 0;
  /** Receive buffer of its connections: the window of its SYN-ACKs. */
  receiveBufferBytes = 0;
  /** 1 when the owner has set it: it does not grow. */
  fixedReceiveBuffer = 0;

  /** Connections opened by data in a SYN that may wait for their handshake; 0 is off. */
  fastOpen = 0;
  /** How many of these there are. */
  fastOpenPending = 0;
  /** Of these, how many were reset lately, and until when they count. */
  fastOpenHeld = 0;
  fastOpenHeldUntilNs = 0;

  constructor(id: number) {
    this.id = id;
  }
}

/** Options of `Tcp.listen`. */
export interface ListenOptions {
  /** Length of the accept queue, see {@link Listener.backlog}; 128 by default. */
  readonly backlog?: number;
  /** Half-open connections; half of `TcpConfig.synCacheMax` by default. */
  readonly halfOpenMax?: number;
  /**
   * Lets other listeners that say so too have the same address and port. Connections are spread
   * over them by a keyed hash of their 4-tuple. Off by default.
   */
  readonly reusePort?: boolean;
  /** Congestion controller of the connections that it accepts; `TcpConfig.congestion` else. */
  readonly congestion?: Congestion;
  /** Upper bound of the MSS, offered and sent; `TcpConfig.mssMax` by default, and at most. */
  readonly mssMax?: number;
  /**
   * Receive buffer of its connections, of which the SYN-ACK promises what 16 bits hold. Set, it
   * does not grow. `TcpConfig.receiveBufferBytes` by default, `receiveBufferBytesMax` at most.
   * Members of a group should agree: who inherits a half-open connection keeps its own.
   */
  readonly receiveBufferBytes?: number;
  /**
   * TCP Fast Open (RFC 7413): how many connections may be opened by data in their SYN, before the
   * handshake is complete; 0, the default, is off. Such data can arrive twice when the network
   * duplicates the SYN: the application's first request has to bear that.
   */
  readonly fastOpen?: number;
}

/** Open listeners by port: chains of ids through `Listener.next`. */
export class ListenerTable {
  readonly #heads: Int32Array = new Int32Array(LISTENER_BUCKETS).fill(-1);

  /** First id of the chain in which a port is, or -1. */
  first(port: number): number {
    return this.#heads[port & (LISTENER_BUCKETS - 1)]!;
  }

  /** Puts a listener into its chain. */
  link(listener: Listener): void {
    const bucket = listener.port & (LISTENER_BUCKETS - 1);
    listener.next = this.#heads[bucket]!;
    this.#heads[bucket] = listener.id;
  }

  /** Takes a listener out of its chain. */
  unlink(listeners: readonly Listener[], listener: Listener): void {
    const bucket = listener.port & (LISTENER_BUCKETS - 1);
    if (this.#heads[bucket] === listener.id) this.#heads[bucket] = listener.next;
    else {
      let before = listeners[this.#heads[bucket]!]!;
      while (before.next !== listener.id) before = listeners[before.next]!;
      before.next = listener.next;
    }
    listener.next = -1;
  }
}
