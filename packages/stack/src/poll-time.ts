/**
 * The time that sockets stamp their calls with.
 *
 * @module
 */

/** Tells the time of the current (or last) poll round in nanoseconds; `StackCore` does. */
export interface PollTime {
  readonly nowNs: number;
}
