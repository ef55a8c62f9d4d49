/**
 * Integer results of the hot path. Zero and above is success (often a count), below zero is a
 * reason.
 *
 * @module
 */

/** Reasons that functions on the hot path return. The numbers are stable: they appear in traces. */
export const Status = {
  /** Done. */
  Ok: 0,
  /** The resource (pool, ring, window) has no room now; keep the state and try again. */
  Again: -1,
  /** A header is shorter than its fixed part or than its own length field says. */
  Truncated: -2,
  /** A field has a value that the protocol forbids. */
  Malformed: -3,
  /** A checksum does not match. */
  BadChecksum: -4,
  /** Nobody listens to this address, protocol or port. */
  NoHandler: -5,
  /** There is no route or no neighbour for the destination. */
  Unreachable: -6,
  /** The payload does not fit. */
  TooLong: -7,
  /** The object is closed, or in a state in which the call makes no sense. */
  BadState: -8,
  /** The value is outside its documented range. */
  OutOfRange: -9,
  /** A named limit is reached. */
  LimitReached: -10,
  /** The thing exists already. */
  Exists: -11,
  /** The thing does not exist. */
  NotFound: -12,
} as const;

/** Any value of {@link Status}. */
export type Status = (typeof Status)[keyof typeof Status];

/** The name of a status, for logs and error messages. Not for the hot path. */
export function statusName(status: number): string {
  for (const name of Object.keys(Status) as (keyof typeof Status)[]) {
    if (Status[name] === status) return name;
  }
  return status > 0 ? `Ok(${status})` : `Status(${status})`;
}
