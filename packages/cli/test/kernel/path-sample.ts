/**
 * What the sender of a bulk transfer thinks of its path, and what theory says that it may send.
 *
 * @module
 */

import type { HostProcess } from './host-process.ts';
import type { Namespace } from './namespace.ts';

/** The state of a sender at one instant. */
export interface PathSample {
  /** Smoothed. */
  readonly rttMs: number;
  /** In segments. */
  readonly cwnd: number;
  readonly mss: number;
  readonly bytesAcked: number;
  /** Retransmission timeout without its back-off. */
  readonly rtoMs: number;
  /** Timeouts in a row. */
  readonly backoff: number;
}

/** Asks our stack about the latest connection of its source port. */
export async function ourSample(host: HostProcess): Promise<PathSample | undefined> {
  const info = await host.ask<Readonly<Record<string, number>> | null>({ op: 'info' });
  if (info === null) return undefined;
  const { rttNs = 0, sndCwndBytes = 0, sndMss: mss = 1, bytesAcked = 0 } = info;
  const { rtoNs = 0, backoff = 0 } = info;
  const times = { rttMs: rttNs / 1e6, rtoMs: rtoNs / 1e6 };
  return { ...times, cwnd: sndCwndBytes / mss, mss, bytesAcked, backoff };
}

/** Asks a kernel, by `ss`, about its connection with `port` at one of its ends. */
export async function kernelSample(
  space: Namespace,
  port: number,
): Promise<PathSample | undefined> {
  const filter = ['state', 'established', '(', 'sport', '=', `:${port}`];
  filter.push('or', 'dport', '=', `:${port}`, ')');
  const child = Bun.spawn(space.inside('ss', '-Htin', ...filter), { stdout: 'pipe' });
  const text = await child.stdout.text();
  await child.exited;
  const number = (name: string): number =>
    Number(new RegExp(`[ \t]${name}:([0-9.]+)`).exec(text)?.[1] ?? Number.NaN);
  const rttMs = number('rtt');
  if (Number.isNaN(rttMs)) return undefined;
  // What is 0 is not printed. The timeout is printed with its back-off.
  const bytesAcked = number('bytes_acked') || 0;
  const backoff = number('backoff') || 0;
  const rtoMs = number('rto') / 2 ** backoff;
  return { rttMs, rtoMs, cwnd: number('cwnd'), mss: number('mss'), bytesAcked, backoff };
}

/**
 * How long a sender may be silent that has had so many timeouts in a row: each is twice as long as
 * the one before (RFC 6298, 5.5).
 */
export function silenceOfTimeoutsMs({ rtoMs, backoff }: PathSample): number {
  return rtoMs * (2 ** (backoff + 1) - 1);
}

/** The one in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** RFC 9438, 5: C in segments per second cubed, and the multiplicative decrease. */
const C = 0.4;
const BETA = 0.7;

/**
 * Average window in segments at a probability of loss, were every loss repaired without a timeout:
 * Reno's, or CUBIC's, which is at least as large (RFC 9438, 4.3 and 5.1). Undefined for a control
 * that does not answer to each loss.
 */
export function theoryWindow(control: string, loss: number, rttMs: number): number | undefined {
  const reno = Math.sqrt(3 / 2 / loss);
  if (control === 'reno') return reno;
  if (control !== 'cubic') return undefined;
  const own = ((C * (3 + BETA)) / (4 * (1 - BETA))) ** 0.25 * (rttMs / 1000 / loss) ** 0.75;
  return Math.max(reno, own);
}
