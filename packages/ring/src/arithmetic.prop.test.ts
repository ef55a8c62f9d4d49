import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  distance,
  freeSlots,
  fromEpoch,
  slotIndex,
  toCursor,
  toEpoch,
  wrapPoint,
} from './arithmetic.ts';
import { EPOCH_COUNT } from './layout.ts';

const count = fc.oneof(
  fc.maxSafeNat(),
  // Around every power of two at which a cursor, an epoch or a double could go wrong.
  fc
    .tuple(fc.constantFrom(24, 31, 32, 33, 48, 52), fc.integer({ min: -5, max: 5 }))
    .map(([power, delta]) => 2 ** power + delta),
);

describe('ring arithmetic', () => {
  test('distance() equals the difference of counts across every wrap', () => {
    fc.assert(
      fc.property(count, fc.nat(2 ** 31 - 1), (from, step) => {
        fc.pre(from + step <= Number.MAX_SAFE_INTEGER);
        expect(distance(toCursor(from), toCursor(from + step))).toBe(step);
      }),
    );
  });

  test('fromEpoch() rebuilds the count from an epoch that is older than the cursor', () => {
    fc.assert(
      fc.property(count, fc.nat(2 ** 31 - EPOCH_COUNT - 1), (now, lag) => {
        const epochThen = toEpoch(Math.max(0, now - lag));
        expect(fromEpoch(epochThen, toCursor(now))).toBe(now);
      }),
    );
  });

  test('slotIndex() is the remainder for every power of two', () => {
    fc.assert(
      fc.property(count, fc.integer({ min: 1, max: 24 }), (sequence, power) => {
        const slots = 2 ** power;
        expect(slotIndex(sequence, slots, 1 / slots)).toBe(
          Number(BigInt(sequence) % BigInt(slots)),
        );
      }),
    );
  });

  test('wrapPoint() is reached exactly when freeSlots() allows the claim', () => {
    fc.assert(
      fc.property(count, fc.nat(64), fc.nat(64), (released, ahead, n) => {
        const slots = 64;
        const allowed = freeSlots(released + ahead, released, slots) >= n;
        expect(wrapPoint(released + ahead, n, slots) <= released).toBe(allowed);
      }),
    );
  });
});
