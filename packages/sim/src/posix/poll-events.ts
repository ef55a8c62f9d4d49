/**
 * Readiness in the terms of poll(2).
 *
 * @module
 */

/** Bits of `events` and `revents`, in Linux's numbers. */
export const PollEvent = {
  POLLIN: 0x0001,
  POLLPRI: 0x0002,
  POLLOUT: 0x0004,
  POLLERR: 0x0008,
  POLLHUP: 0x0010,
  POLLNVAL: 0x0020,
  POLLRDHUP: 0x2000,
} as const;

/** Bits that are reported whether asked for or not. */
export const POLL_ALWAYS: number = PollEvent.POLLERR | PollEvent.POLLHUP | PollEvent.POLLNVAL;

/** `POLLIN|POLLOUT`, or `0`. */
export function pollText(events: number): string {
  const names: string[] = [];
  for (const name of Object.keys(PollEvent) as (keyof typeof PollEvent)[]) {
    if ((events & PollEvent[name]) !== 0) names.push(name);
  }
  return names.length === 0 ? '0' : names.join('|');
}
