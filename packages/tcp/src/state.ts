/**
 * The eleven states of a connection, and why a connection ends.
 *
 * @module
 */

/**
 * Connection states (RFC 9293, 3.3.2). The order matters: everything from `Established` on has
 * synchronised sequence numbers.
 */
export const State = {
  Closed: 0,
  Listen: 1,
  SynSent: 2,
  SynReceived: 3,
  Established: 4,
  FinWait1: 5,
  FinWait2: 6,
  CloseWait: 7,
  Closing: 8,
  LastAck: 9,
  TimeWait: 10,
} as const;

/** Any value of {@link State}. */
export type State = (typeof State)[keyof typeof State];

/** The name of a state as RFC 9293 writes it, for logs and listings. Not for the hot path. */
export function stateName(state: number): string {
  return STATE_NAMES[state] ?? 'UNKNOWN';
}

const STATE_NAMES: readonly string[] = [
  'CLOSED',
  'LISTEN',
  'SYN-SENT',
  'SYN-RECEIVED',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
];

/** Why `TcpEvents.closed` was called. The numbers are stable: they appear in traces. */
export const CloseReason = {
  /** Both directions were closed in order, and all our data was acknowledged. */
  Finished: 0,
  /** The peer reset the connection (ECONNRESET). */
  Reset: 1,
  /** The peer did not answer for the retry limit or the user timeout (ETIMEDOUT). */
  Timeout: 2,
  /** The peer refused the connection (ECONNREFUSED). */
  Refused: 3,
  /** This side aborted, or data arrived after `close` (ECONNABORTED). */
  Aborted: 4,
  /** The network says that the peer cannot be reached (EHOSTUNREACH). */
  Unreachable: 5,
  /** Keepalive probes remained unanswered (ETIMEDOUT). */
  Keepalive: 6,
} as const;

/** Any value of {@link CloseReason}. */
export type CloseReason = (typeof CloseReason)[keyof typeof CloseReason];

/** The name of a close reason, for logs. Not for the hot path. */
export function closeReasonName(reason: number): string {
  return CLOSE_REASON_NAMES[reason] ?? 'unknown';
}

const CLOSE_REASON_NAMES: readonly string[] = [
  'finished',
  'reset',
  'timeout',
  'refused',
  'aborted',
  'unreachable',
  'keepalive',
];
