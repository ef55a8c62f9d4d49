/**
 * A call that may have to wait, in virtual time: it is attempted again whenever something happened.
 *
 * @module
 */

import { Errno } from './errno.ts';

/** Results that mean "not yet" to a blocking caller. */
const WAITING: ReadonlySet<number> = new Set([-Errno.EAGAIN, -Errno.EINPROGRESS, -Errno.EALREADY]);

/** One attempt: 0 or more, a negated error, or text (`poll`). */
export type Attempt = () => number | string;

/** A call in progress. */
export class BlockingCall {
  /** What the call returned; undefined while it waits. */
  result: number | string | undefined = undefined;
  /** When it returned. */
  atNs = 0;
  readonly #attempt: Attempt;
  readonly #blocking: boolean;

  /** Makes the first attempt at once. A call that does not block takes any result. */
  constructor(attempt: Attempt, blocking: boolean, nowNs: number) {
    this.#attempt = attempt;
    this.#blocking = blocking;
    this.retry(nowNs);
  }

  /** Attempts again when it still waits. Returns whether it has returned. */
  retry(nowNs: number): boolean {
    if (this.result !== undefined) return true;
    const result = this.#attempt();
    if (this.#blocking && typeof result === 'number' && WAITING.has(result)) return false;
    this.result = result;
    this.atNs = nowNs;
    return true;
  }
}
