/**
 * Every reachable state of small rings. JavaScript has no jcstress; but each method of the ring
 * makes its shared accesses in an order that a schedule can be cut at: claim and poll load, publish
 * and release store, and slots are written and read in between. Running the real classes under
 * every order of those steps is therefore an exhaustive test of the protocol.
 */

import { describe, expect, test } from 'bun:test';
import type { SequenceBarrier } from './barrier.ts';
import { type ConsumerSpec, RingBuffer } from './ring-buffer.ts';

/** A thread: makes one step, false when it could not move on (ring full or empty). */
interface Actor {
  step(): boolean;
  done(): boolean;
  /** Everything private that the next step depends on. */
  key(): string;
}

/** What a barrier remembers from its last look at shared memory. */
function barrierKey(barrier: SequenceBarrier): string {
  return `${barrier.cached}/${barrier.dependencies.map((d) => d.count).join('/')}`;
}

function makeActors(
  slots: number,
  batch: number,
  start: number,
  messages: number,
  consumers: readonly ConsumerSpec[],
): Actor[] {
  const initialSequence = start;
  const ring = RingBuffer.create({ name: 'tiny', slots, slotBytes: 8, consumers, initialSequence });
  const end = start + messages;
  const released = new Map(consumers.map((spec) => [spec.name, start]));
  const producer = ring.producer();
  let claimed = 0;
  let filled = 0;
  const actors: Actor[] = [
    {
      done: () => producer.cursor.count === end,
      key: () => `${producer.next} ${claimed} ${filled} ${barrierKey(producer.gate)}`,
      step(): boolean {
        if (claimed === 0) {
          const want = Math.min(batch, end - producer.next);
          if (producer.tryClaim(want) < 0) return false;
          claimed = want;
        } else if (filled < claimed) {
          const sequence = producer.cursor.count + filled;
          // The slot's last tenant was released by everybody: nothing unread is overwritten.
          for (const count of released.values()) expect(count).toBeGreaterThan(sequence - slots);
          ring.view.setFloat64(ring.slotAt(sequence), sequence, true);
          filled++;
        } else {
          producer.publish(claimed);
          claimed = 0;
          filled = 0;
        }
        return true;
      },
    },
  ];
  for (const { name } of consumers) {
    const consumer = ring.consumer(name);
    let ready = 0;
    let read = 0;
    actors.push({
      done: () => consumer.next === end,
      key: () => `${consumer.next} ${ready} ${read} ${barrierKey(consumer.barrier)}`,
      step(): boolean {
        if (ready === 0) {
          ready = consumer.poll(batch);
          return ready > 0;
        }
        if (read < ready) {
          const sequence = consumer.next + read;
          expect(ring.view.getFloat64(ring.slotAt(sequence), true)).toBe(sequence);
          read++;
          return true;
        }
        released.set(name, consumer.next + ready);
        consumer.release(ready);
        ready = 0;
        read = 0;
        return true;
      },
    });
  }
  return actors;
}

/**
 * Visits every state that any schedule can reach; each is rebuilt from scratch by repeating the
 * steps that lead to it. Returns the number of states. A state in which nobody can move although
 * somebody is not done fails the test.
 */
function exploreAll(make: () => Actor[]): number {
  const paths: number[][] = [[]];
  const known = new Set<string>();
  const arrive = (path: readonly number[]): Actor[] => {
    const actors = make();
    for (const who of path) actors[who]!.step();
    return actors;
  };
  const keyOf = (actors: readonly Actor[]): string => actors.map((a) => a.key()).join(';');
  while (paths.length > 0) {
    const path = paths.pop()!;
    const actors = arrive(path);
    if (actors.every((actor) => actor.done())) continue;
    let moved = false;
    for (let who = 0; who < actors.length; who++) {
      const next = arrive(path);
      if (next[who]!.done()) continue;
      if (next[who]!.step()) moved = true;
      const key = keyOf(next);
      if (known.has(key)) continue;
      known.add(key);
      paths.push([...path, who]);
    }
    expect(moved).toBe(true);
  }
  return known.size;
}

const ONE: ConsumerSpec[] = [{ name: 'a', after: [] }];
const CHAIN: ConsumerSpec[] = [
  { name: 'a', after: [] },
  { name: 'b', after: ['a'] },
];
const JOIN: ConsumerSpec[] = [
  { name: 'journal', after: [] },
  { name: 'replication', after: [] },
  { name: 'book', after: ['journal', 'replication'] },
];

describe('every interleaving', () => {
  for (const start of [0, 2 ** 31 - 2, 2 ** 32 - 2, 2 ** 48 + 2 ** 24 - 2]) {
    test.each([
      [2, 1, 12],
      [2, 2, 13],
      [4, 2, 21],
      [4, 3, 21],
    ])(`delivers in order from ${start} with %d slots in batches of %d`, (slots, batch, n) => {
      expect(exploreAll(() => makeActors(slots, batch, start, n, ONE))).toBeGreaterThan(50);
    });
  }

  test.each([
    ['a chain', CHAIN, 9],
    ['a join', JOIN, 6],
  ] as const)('delivers in order through %s over the wrap', (_name, consumers, n) => {
    const states = exploreAll(() => makeActors(4, 2, 2 ** 31 - 2, n, consumers));
    expect(states).toBeGreaterThan(300);
  });
});

/**
 * The wake-up protocol at the level of single atomic accesses, explored as a graph of states:
 * `Sequence.store` is "store cursor, load waiters, notify"; `Sequence.park` is "add to waiters,
 * compare cursor and sleep, subtract". A bad state is: the publisher has finished and the waiter
 * sleeps although there is something to read. Timeouts are left out: they would hide it.
 */
function findsLostWakeUp(announceFirst: boolean, storeFirst: boolean): boolean {
  interface State {
    cursor: number;
    waiters: number;
    sleeping: boolean;
    publisher: number;
    sawWaiters: number;
    waiter: number;
    seen: number;
  }
  const start: State = {
    cursor: 0,
    waiters: 0,
    sleeping: false,
    publisher: 0,
    sawWaiters: 0,
    waiter: 0,
    seen: 0,
  };
  const end = 2;
  const queue = [start];
  const known = new Set<string>();
  while (queue.length > 0) {
    const state = queue.pop()!;
    const key = JSON.stringify(state);
    if (known.has(key)) continue;
    known.add(key);
    const published = state.cursor === end && state.publisher === 0;
    if (published && state.sleeping) return true;
    if (!published) {
      const next = { ...state };
      const isStore = state.publisher === (storeFirst ? 0 : 1);
      if (state.publisher === 2) {
        if (state.sawWaiters !== 0) next.sleeping = false;
        next.publisher = 0;
        // Without this order the last count is stored before the last notify, as in the real code.
      } else {
        if (isStore) next.cursor++;
        else next.sawWaiters = state.waiters;
        next.publisher++;
      }
      queue.push(next);
    }
    if (!state.sleeping && state.seen < end) {
      const next = { ...state };
      const isAnnounce = state.waiter === (announceFirst ? 1 : 2);
      if (state.waiter === 0) {
        next.waiter = state.cursor > state.seen ? 0 : 1;
        next.seen = state.cursor;
      } else if (state.waiter === 3) {
        next.waiters--;
        next.waiter = 0;
      } else {
        if (isAnnounce) next.waiters++;
        else if (state.cursor === state.seen) next.sleeping = true;
        next.waiter++;
      }
      queue.push(next);
    }
  }
  return false;
}

describe('the wake-up protocol', () => {
  test('loses no wake-up in any interleaving', () => {
    expect(findsLostWakeUp(true, true)).toBe(false);
  });

  test('would lose one if the waiter announced itself late', () => {
    expect(findsLostWakeUp(false, true)).toBe(true);
  });

  test('would lose one if the owner looked for waiters before storing', () => {
    expect(findsLostWakeUp(true, false)).toBe(true);
  });
});
