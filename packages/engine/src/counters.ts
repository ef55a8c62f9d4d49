/**
 * Everything that an exchange counts. Plain numbers that only grow.
 *
 * @module
 */

/** Counters of an exchange, by name. What is dropped or refused has a counter of its own. */
export class ExchangeCounters {
  /** Order entry messages taken into the input ring. */
  inputs = 0;
  /** Execution reports that came out of the book. */
  reports = 0;
  /** Bytes of sequenced packets written to sessions. */
  sessionBytes = 0;
  /** TCP connections accepted. */
  connections = 0;
  /** Connections refused: all sessions are in use. */
  connectionsRefused = 0;
  /** Logins accepted. */
  logins = 0;
  /** Logins refused: unknown trader or wrong token. */
  loginsNotAuthorised = 0;
  /** Logins refused: the requested session is not this one. */
  loginsUnknownSession = 0;
  /** Logins refused: the requested sequence is no longer retained. */
  resumesBeyondRetention = 0;
  /** Logins refused: the requested sequence has not been reached. */
  resumesAhead = 0;
  /** Logins refused: the exchange has failed or is closing. */
  loginsUnavailable = 0;
  /** Sessions ended because the same trader logged in again. */
  takenOver = 0;
  /** Sessions ended by a logout request. */
  logouts = 0;
  /** Connections closed: no login in time. */
  loginTimeouts = 0;
  /** Sessions closed: the client was silent for too long. */
  idleTimeouts = 0;
  /** Sessions closed: the client reads too slowly and the limit of waiting reports is reached. */
  slowTraders = 0;
  /** Sessions closed: a packet with a length or type that the session rules forbid. */
  malformedPackets = 0;
  /** Sessions closed: an order entry message of wrong version, type or length. */
  malformedMessages = 0;
  /** Sessions closed: a message before the login. */
  messagesBeforeLogin = 0;
  /** Messages of a session that was ended in the meantime, or of a failed exchange: not taken. */
  inputsRefused = 0;
  /** How often a message found the input ring full and the gateway had to wait for the pipeline. */
  inputRingFull = 0;
  /** Replies to logins and ends of sessions for which there was no packet memory. */
  repliesRefused = 0;
  /** Heartbeats sent on sessions. */
  heartbeats = 0;
  /** Multicast packets published. */
  packets = 0;
  /** Multicast packets that the stack did not take; their messages can be requested again. */
  packetsDropped = 0;
  /** Heartbeats of the feed. */
  feedHeartbeats = 0;
  /** Re-requests answered. */
  rerequests = 0;
  /** Re-requests of the wrong form or of another session: not answered. */
  rerequestsMalformed = 0;
  /** Re-requests for messages that are not there (too old or not yet sent): not answered. */
  rerequestsOutOfRange = 0;
  /** Re-requests not answered because there were too many in one poll round. */
  rerequestsLimited = 0;
  /** Replies to re-requests that the stack did not take. */
  rerequestsDropped = 0;
  /** Snapshots written. */
  snapshots = 0;
  /** Snapshots that failed; the exchange goes on. */
  snapshotFailures = 0;
}
