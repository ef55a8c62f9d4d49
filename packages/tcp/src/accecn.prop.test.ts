/**
 * The arithmetic of Accurate ECN's counters (RFC 9768, 3.2.2.5, 3.2.3.1, appendix A).
 */

import { describe, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import {
  aceDelta,
  aceFlags,
  aceOf,
  bytesDelta,
  Counter,
  handshakeAce,
  likelyMarks,
  optionFields,
  optionOrder,
  safestMarks,
} from './accecn.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const packets = fc.integer({ min: 0, max: 200 });

describe('ACE', () => {
  test('handshakeAce() is 010, 011, 100 and 110 (RFC 9768, table 3)', () => {
    expect([0, 1, 2, 3].map(handshakeAce)).toEqual([0b010, 0b011, 0b100, 0b110]);
  });

  test('aceFlags() puts AE, CWR and ECE where aceOf() finds them, and no other flag', () => {
    fc.assert(
      fc.property(int32, (cep) => {
        expect(aceOf(aceFlags(cep))).toBe(cep & 7);
        expect(aceFlags(cep) & ~0x1c0).toBe(0);
      }),
    );
  });

  test('aceDelta() finds up to seven marks across every wrap of the counter', () => {
    fc.assert(
      fc.property(int32, fc.nat(7), (cep, marks) => {
        const ace = aceOf(aceFlags((cep + marks) | 0));
        expect(aceDelta(ace, cep)).toBe(marks);
      }),
    );
  });
});

describe('bytesDelta()', () => {
  test('finds less than 2^24 bytes across every wrap (RFC 9768, 3.2.3.1)', () => {
    fc.assert(
      fc.property(int32, fc.nat(2 ** 24 - 1), (counter, bytes) => {
        expect(bytesDelta((counter + bytes) & 0xff_ffff, counter)).toBe(bytes);
      }),
    );
  });
});

describe('safestMarks() (RFC 9768, appendix A.2.1)', () => {
  test('fits the field, and is no less than the truth and no more than the packets', () => {
    fc.assert(
      fc.property(int32, packets, fc.float({ min: 0, max: 1, noNaN: true }), (cep, n, share) => {
        const truth = Math.round(n * share);
        const delta = aceDelta(((cep + truth) & 7) >>> 0, cep);
        const marks = safestMarks(delta, n);
        expect((marks - truth) & 7).toBe(0);
        expect(marks).toBeGreaterThanOrEqual(truth);
        if (n > 7) expect(marks).toBeLessThanOrEqual(n);
        else expect(marks).toBe(truth);
      }),
    );
  });

  test('believes a field that says more than the few packets acknowledged', () => {
    expect(safestMarks(5, 2)).toBe(5);
    expect(safestMarks(3, 0)).toBe(3);
  });

  test('examples: 0 of 8 may be 8, 1 of 8 is 1, 1 of 9 may be 9', () => {
    expect([safestMarks(0, 8), safestMarks(1, 8), safestMarks(1, 9)]).toEqual([8, 1, 9]);
  });
});

describe('likelyMarks() (RFC 9768, appendix A.2.2)', () => {
  test('is the truth for segments of one size', () => {
    fc.assert(
      fc.property(packets, fc.nat(200), fc.integer({ min: 1, max: 9000 }), (n, of, mss) => {
        const truth = Math.min(of, n);
        expect(likelyMarks(truth & 7, n, n * mss, truth * mss)).toBe(truth);
      }),
    );
  });

  test('is the truth when sizes differ by little', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1400, max: 1460 }))),
        (sent) => {
          const bytes = sent.reduce((sum, [, size]) => sum + size, 0);
          const marked = sent.filter(([ce]) => ce);
          const ceBytes = marked.reduce((sum, [, size]) => sum + size, 0);
          const marks = likelyMarks(marked.length & 7, sent.length, bytes, ceBytes);
          expect(marks).toBe(marked.length);
        },
      ),
    );
  });

  test('fits the field, and lies between the least and the safest', () => {
    fc.assert(
      fc.property(fc.nat(7), packets, fc.nat(1e6), fc.nat(2e6), (delta, n, bytes, ceBytes) => {
        const marks = likelyMarks(delta, n, bytes, ceBytes);
        expect((marks - delta) & 7).toBe(0);
        expect(marks).toBeGreaterThanOrEqual(delta);
        expect(marks).toBeLessThanOrEqual(Math.max(delta, safestMarks(delta, n)));
      }),
    );
  });
});

test('optionFields() and optionOrder() take every set of counters in the fewest fields', () => {
  const { E0, Ce, E1 } = Counter;
  const shapes = [0, E0, Ce, E0 | Ce, E1, E0 | E1, Ce | E1, E0 | Ce | E1].map((set) => [
    optionOrder(set),
    optionFields(set),
  ]);
  expect(shapes).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 2],
    [1, 1],
    [0, 3],
    [1, 2],
    [0, 3],
  ]);
});
