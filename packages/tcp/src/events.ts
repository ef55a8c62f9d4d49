/**
 * What TCP tells its owner.
 *
 * @module
 */

import type { Tcb } from './tcb.ts';

/**
 * The one sink of a `Tcp` instance; never one closure per connection. Calls come from inside
 * `segmentArrives`, `timers` and `egress`, and from the verbs that end a connection (`abort`). The
 * callee may call every verb of `Tcp` on any connection, this one included.
 */
export interface TcpEvents {
  /**
   * The handshake is complete. `tcb.listener` is the id of the listener of a passive open, -1 of an
   * active one. A passive connection is unknown to the owner before this call.
   */
  opened(tcb: Tcb): void;
  /**
   * In-order bytes at arena offset `at`, valid during the call; those of one segment, because the
   * next ones lie in another frame. `frame` holds them; who needs them
   * longer calls `arena.retain(frame)` and frees it later. `frame` is -1 when the bytes lie in no
   * single frame (a datagram that IP reassembled): then they can only be copied.
   */
  data(tcb: Tcb, frame: number, at: number, length: number): void;
  /**
   * New bytes, or the peer's FIN, lie in the receive queue of a connection in pull mode. With
   * `receiveRuns` once for a run of segments: at its end, at the latest in `timers` or `egress`.
   */
  readable(tcb: Tcb): void;
  /**
   * Urgent data is on its way, or has come: the peer's urgent pointer is ahead of what was
   * delivered or read, and farther than before (RFC 9293, 3.8.5, MUST-32). Comes at once, also
   * while the owner is paused, and before the bytes of the same segment. `urgentBytes` says how far
   * the mark is; the bytes themselves come in the stream (RFC 6093, 4).
   */
  urgent(tcb: Tcb): void;
  /** The peer sends no more (FIN), and everything before it was delivered or read. */
  ended(tcb: Tcb): void;
  /** The send queue has room again after `write` or `reserve` came up short. */
  drained(tcb: Tcb): void;
  /**
   * The connection is over for its owner; `reason` is a `CloseReason`. Comes exactly once for every
   * connection that `connect` returned or `opened` announced. The Tcb belongs to TCP again when the
   * call returns (it may spend TIME-WAIT there), and its generation has moved on.
   */
  closed(tcb: Tcb, reason: number): void;
}
