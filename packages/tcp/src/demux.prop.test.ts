import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import fc from 'fast-check';
import { Demux } from './demux.ts';
import { KeySource } from './isn.ts';
import type { Tcb } from './tcb.ts';
import { loneTcbs } from './testing/lone-tcb.ts';

const keys = (seed: number): KeySource => new KeySource([seed, 0, 0, 0]);

/** Positions looked at to find a connection. */
function probes(demux: Demux, tcb: Tcb): number {
  let count = 1;
  for (let p = demux.first(tcb.hash); demux.slotAt(p) !== tcb.slot; p = demux.after(p)) {
    if (demux.slotAt(p) < 0) return -1;
    count += 1;
  }
  return count;
}

describe('Demux', () => {
  test('finds what is in it and nothing else, whatever came and went', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 15 }), fc.nat({ max: 3 })), { maxLength: 200 }),
        (steps) => {
          const demux = new Demux(16, keys(1));
          const tcbs = loneTcbs(16);
          const inside = new Set<number>();
          for (const [slot, hash] of steps) {
            const tcb = tcbs[slot]!;
            if (inside.has(slot)) {
              demux.remove(tcb);
              inside.delete(slot);
            } else {
              // Few hashes near the end of the table: long runs that wrap.
              tcb.hash = 29 + hash;
              demux.insert(tcb);
              inside.add(slot);
            }
            expect(demux.count).toBe(inside.size);
            for (const other of tcbs) {
              expect(probes(demux, other) > 0).toBe(inside.has(other.slot));
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('M1: a million connections later it is as good as new', () => {
    const LIVE = 1000;
    const demux = new Demux(LIVE, keys(1));
    const random = new Prng(2);
    const tcbs = loneTcbs(LIVE);
    for (const tcb of tcbs) {
      tcb.hash = demux.hash4(1, random.nextUint32() | 0, 2);
      demux.insert(tcb);
    }
    for (let i = 0; i < 1_000_000; i += 1) {
      const tcb = tcbs[i % LIVE]!;
      demux.remove(tcb);
      tcb.hash = demux.hash4(1, random.nextUint32() | 0, 2);
      demux.insert(tcb);
    }
    let total = 0;
    for (const tcb of tcbs) {
      const count = probes(demux, tcb);
      expect(count).toBeGreaterThan(0);
      total += count;
    }
    expect(total / LIVE).toBeLessThan(1.6);
  });

  test('the hash depends on every word and on the key', () => {
    const demux = new Demux(16, keys(1));
    const other = new Demux(16, keys(2));
    expect(demux.hash4(1, 2, 3)).not.toBe(other.hash4(1, 2, 3));
    const six = new Set([demux.hash6(1, 2, 3, 4, 5, 6, 7, 8, 9)]);
    for (let i = 0; i < 9; i += 1) {
      const w = [1, 2, 3, 4, 5, 6, 7, 8, 9];
      w[i] = 0;
      six.add(demux.hash6(w[0]!, w[1]!, w[2]!, w[3]!, w[4]!, w[5]!, w[6]!, w[7]!, w[8]!));
    }
    expect(six.size).toBe(10);
  });
});
