import { describe, expect, test } from 'bun:test';
import { Prng } from './prng.ts';

describe('Prng', () => {
  test('gives the same stream for the same seed and another for another', () => {
    const a = new Prng(7);
    const b = new Prng(7);
    const c = new Prng(8);
    const first = Array.from({ length: 100 }, () => a.nextUint32());
    expect(Array.from({ length: 100 }, () => b.nextUint32())).toEqual(first);
    expect(Array.from({ length: 100 }, () => c.nextUint32())).not.toEqual(first);
  });

  test('nextBelow() covers its range evenly', () => {
    const random = new Prng(1);
    const counts = new Int32Array(10);
    for (let i = 0; i < 100_000; i += 1) {
      const value = random.nextBelow(10);
      counts[value] = counts[value]! + 1;
    }
    // Mean 10,000, standard deviation 95: six deviations either way.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(570);
  });

  test('nextExponential() has the mean it was asked for', () => {
    const random = new Prng(3);
    let sum = 0;
    for (let i = 0; i < 100_000; i += 1) sum += random.nextExponential(50);
    // Standard error 0.16.
    expect(Math.abs(sum / 100_000 - 50)).toBeLessThan(1);
  });
});
