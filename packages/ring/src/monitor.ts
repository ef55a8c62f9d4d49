/**
 * Naming the one who holds everybody up.
 *
 * @module
 */

import type { RingBuffer } from './ring-buffer.ts';
import type { Sequence } from './sequence.ts';

/** The state of one consumer at the time of a diagnosis. */
export interface ConsumerReport {
  readonly name: string;
  /** Messages released so far. */
  readonly count: number;
  /** Messages behind the producer. */
  readonly lag: number;
  /** Messages it could take at once: nobody before it is in its way. */
  readonly ready: number;
  /**
   * For how long it has had messages ready and released none; as fine as the diagnoses are
   * frequent.
   */
  readonly stalledNs: number;
  /** True while a thread holds the role. */
  readonly attached: boolean;
}

/** The state of a ring at the time of a diagnosis. */
export interface RingReport {
  readonly ring: string;
  /** Messages published so far. */
  readonly count: number;
  readonly used: number;
  readonly slots: number;
  readonly full: boolean;
  /**
   * Whoever is furthest behind although it has messages ready; undefined when all have caught up.
   */
  readonly blocker: ConsumerReport | undefined;
  readonly consumers: readonly ConsumerReport[];
}

interface Watched {
  readonly sequence: Sequence;
  readonly after: readonly string[];
  lastCount: number;
  idleSinceNs: number;
}

/**
 * Watches a ring from any thread, without a role in it. Allocates; for the control plane, once a
 * second or so.
 *
 * When the ring is full, the consumer with the largest lag is often innocent: it waits for a stage
 * before it. The blocker is found by walking the graph from the last stage towards the producer
 * until a consumer has work that it does not do.
 *
 * @example
 * ```ts
 * const monitor = new RingMonitor(ring, monotonicClock.nowNs());
 * const report = monitor.diagnose(monotonicClock.nowNs());
 * if ((report.blocker?.stalledNs ?? 0) > 2e9) stop(describeRing(report));
 * ```
 */
export class RingMonitor {
  readonly #ring: RingBuffer;
  readonly #producer: Sequence;
  readonly #watched: Map<string, Watched>;

  constructor(ring: RingBuffer, nowNs: number) {
    this.#ring = ring;
    this.#producer = ring.producerSequence();
    this.#watched = new Map();
    for (const spec of ring.descriptor.consumers) {
      const sequence = ring.consumerSequence(spec.name);
      const lastCount = sequence.count;
      const watched = { sequence, after: spec.after, lastCount, idleSinceNs: nowNs };
      this.#watched.set(spec.name, watched);
    }
  }

  /**
   * Looks at every cursor. Counts come from different instants, so a running ring is seen slightly
   * blurred.
   */
  diagnose(nowNs: number): RingReport {
    const consumers: ConsumerReport[] = [];
    const seen = new Map<string, number>();
    // Last stages first and the producer at the end: what is read later can only be larger, so no
    // lag comes out negative.
    for (const [name, watched] of [...this.#watched].reverse()) {
      seen.set(name, watched.sequence.resync());
    }
    const count = this.#producer.resync();
    for (const [name, watched] of this.#watched) {
      const own = seen.get(name) ?? 0;
      const limit = watched.after.reduce((low, dep) => Math.min(low, seen.get(dep) ?? 0), count);
      const ready = limit - own;
      if (own !== watched.lastCount || ready === 0) {
        watched.lastCount = own;
        watched.idleSinceNs = nowNs;
      }
      const stalledNs = nowNs - watched.idleSinceNs;
      const attached = watched.sequence.owned;
      consumers.push({ name, count: own, lag: count - own, ready, stalledNs, attached });
    }
    const slots = this.#ring.slots;
    const used = Math.min(slots, Math.max(...consumers.map((c) => c.lag)));
    const blocker = findBlocker(consumers);
    const ring = this.#ring.descriptor.name;
    return { ring, count, used, slots, full: used === slots, blocker, consumers };
  }
}

/**
 * Of those who have work and so hold up others, the one furthest behind; the longer stalled one
 * when equal.
 */
function findBlocker(consumers: readonly ConsumerReport[]): ConsumerReport | undefined {
  let blocker: ConsumerReport | undefined;
  for (const consumer of consumers) {
    if (consumer.ready === 0) continue;
    const worse =
      blocker === undefined ||
      consumer.lag > blocker.lag ||
      (consumer.lag === blocker.lag && consumer.stalledNs > blocker.stalledNs);
    if (worse) blocker = consumer;
  }
  return blocker;
}

/**
 * One line for a log: who, how far behind, for how long.
 *
 * @example `ring input is full (4096 of 4096): journal is 4096 behind and has not moved for 3.20 s`
 */
export function describeRing(report: RingReport): string {
  const level = report.full ? 'is full' : 'is used';
  const head = `ring ${report.ring} ${level} (${report.used} of ${report.slots})`;
  const blocker = report.blocker;
  if (blocker === undefined) return `${head}: every consumer has caught up`;
  const seconds = (blocker.stalledNs / 1e9).toFixed(2);
  const who = blocker.attached ? blocker.name : `${blocker.name} (no thread attached)`;
  const moved = blocker.stalledNs > 0 ? `has not moved for ${seconds} s` : 'is moving';
  return `${head}: ${who} is ${blocker.lag} behind and ${moved}`;
}
