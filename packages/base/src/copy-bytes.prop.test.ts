import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { copyBytes } from './copy-bytes.ts';

test('copyBytes() does what set(subarray) does and touches nothing else', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 100, maxLength: 100 }),
      fc.nat(60),
      fc.nat(60),
      fc.nat(40),
      fc.boolean(),
      (bytes, from, to, length, isSame) => {
        const target = isSame ? bytes.slice() : new Uint8Array(100).fill(7);
        const source = isSame ? target : bytes;
        const wanted = target.slice();
        wanted.set(bytes.slice(from, from + length), to);
        copyBytes(source, from, target, to, length);
        expect(target).toEqual(wanted);
      },
    ),
    { numRuns: 2000 },
  );
});
