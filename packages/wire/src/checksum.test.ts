import { describe, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import {
  checksum,
  CHECKSUM_LENGTH_MAX,
  checksumAdd,
  checksumFinish,
  checksumFinishUdp,
  checksumFold,
  checksumSubtract,
  checksumUpdate16,
  checksumUpdate32,
  checksumWord,
  pseudoSum4,
  pseudoSum6,
} from './checksum.ts';

const viewOf = (bytes: ArrayLike<number>): DataView => new DataView(Uint8Array.from(bytes).buffer);

/** The definition of RFC 1071, 1, word by word with end-around carry. */
function naive(bytes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

const bytesUpTo = (max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: max });

describe('checksumAdd()', () => {
  test('sums the example of RFC 1071, 3', () => {
    const view = viewOf([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
    expect(checksumFold(checksumAdd(view, 0, 8, 0))).toBe(0xddf2);
    expect(checksum(view, 0, 8)).toBe(0x220d);
  });

  test('equals the definition for every length and offset', () => {
    fc.assert(
      fc.property(bytesUpTo(100), fc.nat(7), (bytes, shift) => {
        const view = new DataView(new ArrayBuffer(shift + bytes.length));
        new Uint8Array(view.buffer).set(bytes, shift);
        expect(checksumFold(checksumAdd(view, shift, bytes.length, 0))).toBe(naive(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  test('takes 64 KiB of ones without overflow', () => {
    const view = viewOf(new Uint8Array(CHECKSUM_LENGTH_MAX).fill(0xff));
    expect(checksumFold(checksumAdd(view, 0, CHECKSUM_LENGTH_MAX, 0xffff))).toBe(0xffff);
    expect(checksumFold(checksumAdd(view, 0, CHECKSUM_LENGTH_MAX - 1, 0))).toBe(0xff00);
  });

  test('adds pieces of even length (RFC 1071, 2 A)', () => {
    fc.assert(
      fc.property(bytesUpTo(80), fc.nat(40), (bytes, half) => {
        const cut = Math.min(half * 2, bytes.length & ~1);
        const view = viewOf(bytes);
        const first = checksumAdd(view, 0, cut, 0);
        const both = checksumAdd(view, cut, bytes.length - cut, first);
        expect(checksumFold(both)).toBe(naive(bytes));
      }),
    );
  });

  test('reads nothing outside the range', () => {
    for (let length = 0; length < 40; length += 1) {
      checksumAdd(new DataView(new ArrayBuffer(length)), 0, length, 0);
    }
  });
});

describe('checksumFold()', () => {
  test.each([
    [0, 0],
    [0xffff, 0xffff],
    [0x10000, 1],
    [0x1fffe, 0xffff],
    [0xffffffff, 0xffff],
    [0xffff0001, 1],
  ])('brings %d down to %d', (sum, folded) => {
    expect(checksumFold(sum)).toBe(folded);
  });
});

test('checksumFinishUdp() never yields zero (RFC 768)', () => {
  expect(checksumFinish(0xffff)).toBe(0);
  expect(checksumFinishUdp(0xffff)).toBe(0xffff);
  expect(checksumFinishUdp(0x1234)).toBe(0xedcb);
});

test('checksumSubtract() undoes an addition', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0xffff), (sum, part) => {
      const both = checksumFold(sum + part);
      expect(checksumSubtract(both, part) % 0xffff).toBe(sum % 0xffff);
    }),
  );
});

test('checksumWord() adds the halves of negative words too', () => {
  expect(checksumWord(-1)).toBe(0x1fffe);
  expect(checksumWord(0x00010002)).toBe(3);
});

describe('checksumUpdate16()', () => {
  test('yields the right zero where RFC 1141 does not (RFC 1624, 4)', () => {
    expect(checksumUpdate16(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
  });

  test('equals the checksum over the changed bytes', () => {
    const header = fc.uint8Array({ minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(header, fc.nat(0xffff), fc.nat(8), (bytes, after, word) => {
        // A header is never all zeros (RFC 1624, 3), which makes the result unique.
        bytes[0] = 0x45;
        const view = viewOf(bytes);
        const field = checksum(view, 0, 20);
        const at = 2 + 2 * word;
        const before = view.getUint16(at);
        view.setUint16(at, after);
        expect(checksumUpdate16(field, before, after)).toBe(checksum(view, 0, 20));
      }),
    );
  });
});

test('checksumUpdate32() equals the checksum over the changed word', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), fc.integer(), (keep, before, after) => {
      const view = new DataView(new ArrayBuffer(12));
      view.setInt32(0, keep);
      view.setInt32(4, before);
      view.setInt32(8, 0x45000000);
      const field = checksum(view, 0, 12);
      view.setInt32(4, after);
      expect(checksumUpdate32(field, before, after)).toBe(checksum(view, 0, 12));
    }),
  );
});

describe('pseudo headers', () => {
  test('pseudoSum4() equals the sum over the bytes of RFC 9293, 3.1', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer(),
        fc.nat(255),
        fc.nat(65_535),
        (src, dst, protocol, length) => {
          const view = new DataView(new ArrayBuffer(12));
          view.setInt32(0, src);
          view.setInt32(4, dst);
          view.setUint16(8, protocol);
          view.setUint16(10, length);
          const sum = checksumFold(pseudoSum4(src, dst, protocol, length));
          expect(sum).toBe(naive(new Uint8Array(view.buffer)));
        },
      ),
    );
  });

  test('pseudoSum6() equals the sum over the bytes of RFC 8200, 8.1', () => {
    const words = fc.array(fc.integer(), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(words, fc.nat(255), fc.nat(70_000), (w, protocol, length) => {
        const view = new DataView(new ArrayBuffer(40));
        for (let i = 0; i < 8; i += 1) view.setInt32(4 * i, w[i]!);
        view.setUint32(32, length);
        view.setUint32(36, protocol);
        const [a, b, c, d, e, f, g, h] = w as [
          number,
          number,
          number,
          number,
          number,
          number,
          number,
          number,
        ];
        const sum = checksumFold(pseudoSum6(a, b, c, d, e, f, g, h, protocol, length));
        expect(sum).toBe(naive(new Uint8Array(view.buffer)));
      }),
    );
  });
});
