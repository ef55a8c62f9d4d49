/**
 * Virtual time: a clock that stands still while there is work, and jumps to the next instant at
 * which something is due.
 *
 * @module
 */

import { ManualClock } from '@tickwire/base';

/** Something that has work at instants of its own. */
export interface Party {
  /** One round at `nowNs`; 0 when nothing happened. */
  poll(nowNs: number): number;
  /** When it has something to do although nothing arrives; Infinity when never. */
  pollAt(): number;
  /** Whether something has arrived that the next poll will find. Absent: unknown, always poll. */
  hasInput?(): boolean;
}

/**
 * Rounds without the clock moving that are still taken for work. A pair of stacks that ping-pong
 * for longer at one instant will do so for ever.
 */
const ROUNDS_MAX = 100_000;

function isDue(party: Party, nowNs: number): boolean {
  return party.hasInput === undefined || party.hasInput() || party.pollAt() <= nowNs;
}

/** Runs parties on one manual clock. */
export class VirtualTime {
  readonly clock: ManualClock;
  readonly #parties: Party[] = [];
  /** Called after every round in which something happened, and after the clock has moved. */
  onRound: (() => void) | undefined = undefined;

  constructor(startNs: number) {
    this.clock = new ManualClock(startNs);
  }

  /** The virtual now. */
  get nowNs(): number {
    return this.clock.nowNs();
  }

  /** Adds a party. */
  add(party: Party): void {
    this.#parties.push(party);
  }

  /** Polls everybody once, then until nobody has anything to do at this instant. */
  settle(): void {
    this.#rest(true);
  }

  #rest(all: boolean): void {
    const nowNs = this.clock.nowNs();
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      let work = 0;
      let idle = true;
      for (const party of this.#parties) {
        if ((all && round === 0) || isDue(party, nowNs)) work += party.poll(nowNs);
      }
      this.onRound?.();
      for (const party of this.#parties)
        if (party.pollAt() <= nowNs || party.hasInput?.() === true) idle = false;
      if (work === 0 && idle) return;
    }
    throw new Error(`No rest at ${nowNs} ns: something polls itself for ever`);
  }

  /** The next instant at which something is due; Infinity when nothing is. */
  nextAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const party of this.#parties) at = Math.min(at, party.pollAt());
    return at;
  }

  /**
   * Moves the clock to `targetNs`, stopping at every instant on the way at which something is due.
   * `stop` is asked after each; true ends the journey there. Returns whether it did.
   */
  advanceTo(targetNs: number, stop?: () => boolean): boolean {
    this.settle();
    if (stop?.() === true) return true;
    for (;;) {
      const at = this.nextAt();
      if (at > targetNs) break;
      this.clock.set(Math.max(at, this.clock.nowNs()));
      // On the way only those are polled that have something to do.
      this.#rest(false);
      if (stop?.() === true) {
        this.settle();
        return true;
      }
    }
    this.clock.set(Math.max(targetNs, this.clock.nowNs()));
    this.settle();
    return stop?.() === true;
  }

  /** {@link VirtualTime.advanceTo} by a difference. */
  advance(deltaNs: number): void {
    this.advanceTo(this.clock.nowNs() + deltaNs);
  }
}
