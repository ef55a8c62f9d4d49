import { describe, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import {
  seqAdd,
  seqDiff,
  seqGe,
  seqGt,
  seqInAckRange,
  seqInWindow,
  seqLe,
  seqLt,
  seqMax,
  seqMin,
  seqText,
} from './seq.ts';

const HALF = 2 ** 31;
const anySeq = fc.integer();
const below = fc.integer({ min: 1, max: HALF - 1 });

describe('sequence numbers (RFC 9293, 3.4)', () => {
  test('are ordered across the wrap and across the sign', () => {
    for (const a of [0, -1, 0x7fffffff, -0x80000000, 12345]) {
      const b = seqAdd(a, 1);
      expect(seqLt(a, b)).toBe(true);
      expect(seqGt(b, a)).toBe(true);
      expect(seqLt(b, a)).toBe(false);
      expect(seqDiff(b, a)).toBe(1);
    }
  });

  test('compare by distance when less than 2^31 apart', () => {
    fc.assert(
      fc.property(anySeq, below, (a, distance) => {
        const b = seqAdd(a, distance);
        expect(seqDiff(b, a)).toBe(distance);
        expect([seqLt(a, b), seqLe(a, b), seqGt(a, b), seqGe(a, b)]).toEqual([
          true,
          true,
          false,
          false,
        ]);
        expect([seqMax(a, b), seqMin(a, b), seqMax(b, a), seqMin(b, a)]).toEqual([b, a, b, a]);
      }),
    );
  });

  test('are equal to themselves', () => {
    fc.assert(
      fc.property(anySeq, (a) => {
        expect([seqLt(a, a), seqLe(a, a), seqGt(a, a), seqGe(a, a)]).toEqual([
          false,
          true,
          false,
          true,
        ]);
      }),
    );
  });

  test('stay int32 and print unsigned', () => {
    expect(seqAdd(0x7fffffff, 1)).toBe(-0x80000000);
    expect(seqText(-1)).toBe('4294967295');
  });
});

describe('seqInWindow()', () => {
  test('holds exactly for [left, left + size)', () => {
    const size = fc.integer({ min: 0, max: 2 ** 30 });
    fc.assert(
      fc.property(anySeq, size, fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), (left, n, d) => {
        expect(seqInWindow(seqAdd(left, d), left, n)).toBe(d >= 0 && d < n);
      }),
    );
  });

  test('is empty for size 0', () => {
    expect(seqInWindow(5, 5, 0)).toBe(false);
  });
});

test('seqInAckRange() holds exactly for (left, right]', () => {
  fc.assert(
    fc.property(anySeq, below, fc.integer({ min: -1000, max: HALF - 1 }), (left, size, d) => {
      const a = seqAdd(left, d);
      expect(seqInAckRange(a, left, seqAdd(left, size))).toBe(d > 0 && d <= size);
    }),
  );
});
