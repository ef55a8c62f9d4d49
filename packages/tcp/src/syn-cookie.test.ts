import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { IpFlow } from '@tickwire/wire';
import * as fc from 'fast-check';
import { KeySource } from './isn.ts';
import {
  COOKIE_EPOCH_NS,
  COOKIE_MEMORY_NS,
  cookieEcn,
  cookieSack,
  cookieShift,
  cookieTimestamp,
  SynCookies,
} from './syn-cookie.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

function flowOf(remote: number): IpFlow {
  const flow = new IpFlow();
  flow.local3 = 1;
  flow.remote3 = remote;
  return flow;
}

const cookies = (): SynCookies => new SynCookies(new KeySource([1, 2, 3, 4]));

describe('SynCookies (RFC 4987, 3.6)', () => {
  test('check() gives back the MSS, rounded down, for one to two epochs', () => {
    const times = fc.nat(2 ** 50);
    fc.assert(
      fc.property(
        int32,
        int32,
        int32,
        fc.integer({ min: 216, max: 65_535 }),
        times,
        fc.nat(63),
        (remote, ports, irs, mss, nowNs, second) => {
          const made = cookies();
          const flow = flowOf(remote);
          const cookie = made.make(flow, ports, 77, irs, mss, nowNs);
          const got = made.check(flow, ports, 77, irs, cookie, nowNs + second * 1e9);
          expect(got).toBeGreaterThan(0);
          expect(got).toBeLessThanOrEqual(mss);
          expect(made.check(flow, ports, 77, irs, cookie, nowNs + 2 * COOKIE_EPOCH_NS)).toBe(0);
        },
      ),
    );
  });

  test('the common MSS values pass exactly', () => {
    const made = cookies();
    for (const mss of [536, 1220, 1360, 1440, 1452, 1460, 8940]) {
      const cookie = made.make(flowOf(2), 3, 4, 5, mss, 0);
      expect(made.check(flowOf(2), 3, 4, 5, cookie, 0)).toBe(mss);
    }
  });

  test('a cookie is worth nothing for another address, port or sequence number', () => {
    const made = cookies();
    const cookie = made.make(flowOf(2), 3, 4, 5, 1460, 0);
    expect(made.check(flowOf(3), 3, 4, 5, cookie, 0)).toBe(0);
    expect(made.check(flowOf(2), 4, 4, 5, cookie, 0)).toBe(0);
    // The bytes of a lost first segment must be missed, however few they are.
    for (let lost = 1; lost < 100; lost += 1) {
      expect(made.check(flowOf(2), 3, 4, 5 + lost, cookie, 0)).toBe(0);
    }
    expect(cookies().check(flowOf(2), 3, 4, 5, cookie, 0)).toBe(0);
  });

  test('of ten million guesses none is right', () => {
    const made = cookies();
    made.make(flowOf(2), 3, 4, 5, 1460, 0);
    const random = new Prng(8);
    let right = 0;
    // Sixteen of 2^32 are right: 0.04 of these.
    for (let i = 0; i < 10_000_000; i += 1) {
      if (made.check(flowOf2, 3, 4, 5, random.nextUint32() | 0, 0) !== 0) right += 1;
    }
    expect(right).toBe(0);
  });

  test('each epoch has a key of its own', () => {
    const made = cookies();
    const low = (epoch: number): number =>
      (made.make(flowOf(2), 3, 0, 0, 216, epoch * COOKIE_EPOCH_NS) & 0xffffff) >>> 0;
    expect(new Set([0, 1, 2, 3, 4].map(low)).size).toBe(5);
  });

  test('isActive() follows an overflow for two epochs', () => {
    const made = cookies();
    expect(made.isActive(0)).toBe(false);
    made.overflowed(5);
    expect(made.isActive(5 + COOKIE_MEMORY_NS)).toBe(true);
    expect(made.isActive(6 + COOKIE_MEMORY_NS)).toBe(false);
  });
});

const flowOf2 = flowOf(2);

test('cookieTimestamp() carries shift, SACK and ECN, and is never ahead of the clock', () => {
  const shifts = fc.integer({ min: -1, max: 14 });
  fc.assert(
    fc.property(int32, shifts, fc.boolean(), fc.boolean(), (clock, shift, sack, ecn) => {
      const stamp = cookieTimestamp(clock, shift, sack, ecn);
      expect([cookieShift(stamp), cookieSack(stamp), cookieEcn(stamp)]).toEqual([shift, sack, ecn]);
      const behind = (clock - stamp) | 0;
      expect(behind).toBeGreaterThanOrEqual(0);
      expect(behind).toBeLessThan(128);
    }),
  );
});
