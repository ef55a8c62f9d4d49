import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { crc32c } from './crc32c.ts';

const READ_COMMAND =
  '01c00000000000000000000000000000140000000000040000000014000000182800000000000000' +
  '0200000000000000';

/** RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
const VECTORS: [string, Uint8Array, number][] = [
  ['32 bytes of zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 bytes counting up', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['32 bytes counting down', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['an iSCSI read command', Uint8Array.fromHex(READ_COMMAND), 0xd9963a56],
  ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
];

function bitwise(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0x82f63b78);
  }
  return ~crc;
}

describe('crc32c()', () => {
  test.each(VECTORS)('gives the published value of %s (RFC 3720, B.4)', (_name, bytes, crc) => {
    expect(crc32c(bytes, 0, bytes.length, 0) >>> 0).toBe(crc);
  });

  test('agrees with the definition bit by bit, however the bytes are split', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
        const first = Math.min(cut, bytes.length);
        const head = crc32c(bytes, 0, first, 0);
        expect(crc32c(bytes, first, bytes.length - first, head)).toBe(bitwise(bytes));
      }),
    );
  });
});
