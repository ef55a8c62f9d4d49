/**
 * Drives poll rounds from the event loop.
 *
 * @module
 */

import type { Clock } from '@tickwire/base';

/** Something with poll rounds: `Stack`, an engine, a generator. */
export interface Pollable {
  /** One round; returns 0 when there was nothing to do. */
  poll(nowNs: number): number;
  /** When the next round is due although nothing arrives. */
  pollAt(): number;
}

/**
 * What to do when a round found nothing:
 * - `sleep` (default): after {@link IDLE_ROUNDS} empty rounds sleep until the next deadline, at
 *   most `sleepMaxMs`; the core is free when nothing happens, and the first packet after a pause
 *   waits up to `sleepMaxMs`;
 * - `yield`: go on at the next turn of the event loop (0.7 us); burns the core, other JavaScript
 *   runs;
 * - `spin`: {@link SPIN_ROUNDS} rounds before each yield; the lowest latency.
 */
export type IdleStrategy = 'sleep' | 'yield' | 'spin';

/** Options of `run`. */
export interface RunOptions {
  /** Ends the loop. */
  readonly signal?: AbortSignal;
  /** Default `sleep`. */
  readonly idle?: IdleStrategy;
  /** Longest sleep in milliseconds, default 1. */
  readonly sleepMaxMs?: number;
}

/** Empty rounds before `sleep` sleeps: about 0.1 ms of watching. */
export const IDLE_ROUNDS = 128;
/** Rounds between two turns of the event loop with `spin`; also the most that a busy loop takes. */
export const SPIN_ROUNDS = 64;

/**
 * Polls everything in `parts`, in order, until the signal aborts. Rejects with what a poll threw.
 */
export async function runLoop(
  parts: readonly Pollable[],
  clock: Clock,
  options: RunOptions = {},
): Promise<void> {
  const { signal, idle = 'sleep', sleepMaxMs = 1 } = options;
  let emptyRounds = 0;
  while (signal?.aborted !== true) {
    for (let round = 0; round < SPIN_ROUNDS; round += 1) {
      const nowNs = clock.nowNs();
      let work = 0;
      for (const part of parts) work += part.poll(nowNs);
      emptyRounds = work === 0 ? emptyRounds + 1 : 0;
      if (work === 0 && idle !== 'spin') break;
    }
    if (idle === 'sleep' && emptyRounds >= IDLE_ROUNDS) {
      const nowNs = clock.nowNs();
      let delayNs = sleepMaxMs * 1e6;
      for (const part of parts) delayNs = Math.min(delayNs, Math.max(0, part.pollAt() - nowNs));
      if (delayNs > 0) await sleep(delayNs / 1e6);
    }
    await turn();
  }
}

/** One turn of the event loop, so that timers, signals and promises run. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
