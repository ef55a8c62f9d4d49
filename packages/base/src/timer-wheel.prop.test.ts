import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Prng } from './prng.ts';
import { NO_TIMER, TimerWheel, WHEEL_TICK_NS } from './timer-wheel.ts';

/** The obvious model: a map from id to deadline. */
class Model {
  readonly deadlines: Map<number, number> = new Map();

  earliest(): number {
    let best = Number.POSITIVE_INFINITY;
    for (const ns of this.deadlines.values()) best = Math.min(best, ns);
    return best;
  }
}

const delay = fc.oneof(
  fc.integer({ min: 0, max: 3 * WHEEL_TICK_NS }),
  fc.integer({ min: 0, max: 70 * WHEEL_TICK_NS }),
  fc.integer({ min: 0, max: 5000 * WHEEL_TICK_NS }),
  fc.integer({ min: 0, max: 2 ** 45 }),
  fc.integer({ min: 0, max: 2 ** 51 }),
);
const command = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), id: fc.nat(15), ns: delay }),
  fc.record({ kind: fc.constant('cancel' as const), id: fc.nat(15), ns: delay }),
  fc.record({ kind: fc.constant('run' as const), id: fc.nat(15), ns: delay }),
  fc.record({ kind: fc.constant('step' as const), id: fc.nat(15), ns: delay }),
);

describe('TimerWheel', () => {
  test('agrees with a map of deadlines under random commands', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.array(command, { maxLength: 60 }), (startNs, commands) => {
        let nowNs = startNs;
        const wheel = new TimerWheel(16, nowNs);
        const model = new Model();
        for (const { kind, id, ns } of commands) {
          if (kind === 'set') {
            wheel.schedule(id, nowNs + ns);
            model.deadlines.set(id, nowNs + ns);
          } else if (kind === 'cancel') {
            wheel.cancel(id);
            model.deadlines.delete(id);
          } else {
            // `step` goes exactly to the next deadline, `run` any distance.
            const earliestNs = model.earliest();
            if (kind === 'run') nowNs += ns;
            else if (Number.isFinite(earliestNs)) nowNs = Math.max(nowNs, earliestNs);
            nowNs = Math.min(nowNs, 2 ** 52);
            let lastNs = -1;
            for (let due = wheel.expire(nowNs); due !== NO_TIMER; due = wheel.expire(nowNs)) {
              const deadlineNs = model.deadlines.get(due);
              expect(deadlineNs).toBe(model.earliest());
              expect(deadlineNs!).toBeGreaterThanOrEqual(lastNs);
              expect(deadlineNs!).toBeLessThanOrEqual(nowNs);
              lastNs = deadlineNs!;
              model.deadlines.delete(due);
            }
            expect(model.earliest()).toBeGreaterThan(nowNs);
          }
          expect(wheel.armed).toBe(model.deadlines.size);
          expect(wheel.isArmed(id)).toBe(model.deadlines.has(id));
          expect(wheel.nextDeadlineNs()).toBe(model.earliest());
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('nextDeadlineNs() is never late and expire() stays exact when a slot is crowded', () => {
    const random = new Prng(7);
    const count = 5000;
    const wheel = new TimerWheel(count, 0);
    const deadlines: number[] = [];
    // All within one slot of the third level and its neighbours.
    for (let id = 0; id < count; id += 1) {
      const deadlineNs = 70 * 64 * WHEEL_TICK_NS + random.nextBelow(80 * 64) * WHEEL_TICK_NS + id;
      wheel.schedule(id, deadlineNs);
      deadlines.push(deadlineNs);
    }
    // Cancelling the earliest makes the wheel forget what it knew.
    const first = deadlines.indexOf(Math.min(...deadlines));
    wheel.cancel(first);
    deadlines[first] = Number.POSITIVE_INFINITY;
    const order = deadlines.filter((ns) => Number.isFinite(ns)).sort((a, b) => a - b);
    let nowNs = 0;
    for (const expected of order) {
      let looks = 0;
      for (;;) {
        const nextNs = wheel.nextDeadlineNs();
        expect(nextNs).toBeLessThanOrEqual(expected);
        expect(nextNs).toBeGreaterThanOrEqual(nowNs);
        nowNs = Math.max(nowNs, nextNs);
        const id = wheel.expire(nowNs);
        if (id !== NO_TIMER) {
          expect(deadlines[id]).toBe(expected);
          break;
        }
        looks += 1;
        // One early look for each level at most.
        expect(looks).toBeLessThan(7);
      }
    }
    expect(wheel.armed).toBe(0);
  });

  test('expire() returns timers of one slot in deadline order', () => {
    const wheel = new TimerWheel(4, 0);
    wheel.schedule(0, 300);
    wheel.schedule(1, 100);
    wheel.schedule(2, 200);
    wheel.schedule(3, 900);
    expect([wheel.expire(500), wheel.expire(500), wheel.expire(500), wheel.expire(500)]).toEqual([
      1,
      2,
      0,
      NO_TIMER,
    ]);
    expect(wheel.nextDeadlineNs()).toBe(900);
  });
});
