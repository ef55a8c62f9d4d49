import { describe, expect, test } from 'bun:test';
import { Prng, Status } from '@tickwire/base';
import fc from 'fast-check';
import {
  encodeLoginAccepted,
  encodeLoginRejected,
  encodeLoginRequest,
  encodeSoupHeader,
  LoginReject,
  parseLoginAccepted,
  parseLoginRequest,
  SOUP_HEADER_BYTES,
  SoupType,
} from './soup.ts';
import { SoupDecoder } from './soup-decoder.ts';

const bytes = new Uint8Array(4096);
const view = new DataView(bytes.buffer);
const text = (at: number, length: number): string =>
  Buffer.from(bytes.subarray(at, at + length)).toString('latin1');

describe('packets', () => {
  test('encodeLoginRequest() writes the published layout', () => {
    const login = { user: 'alice', password: 'secret', session: '', sequence: 42 };
    expect(encodeLoginRequest(view, 0, login)).toBe(49);
    expect(text(0, 49)).toBe(`\x00\x2fLalice secret${' '.repeat(4 + 10 + 18)}42`);
    expect(parseLoginRequest(view, 3)).toEqual(login);
  });

  test('encodeLoginAccepted() writes the published layout', () => {
    expect(encodeLoginAccepted(view, 0, 'DAY1', 1)).toBe(33);
    expect(text(0, 33)).toBe('\x00\x1fA      DAY1                   1');
    expect(parseLoginAccepted(view, 3)).toEqual({ session: 'DAY1', nextSequence: 1 });
  });

  test('encodeLoginRejected() writes the reason letter', () => {
    expect(encodeLoginRejected(view, 0, LoginReject.NotAuthorized)).toBe(4);
    expect(text(0, 4)).toBe('\x00\x02JA');
  });

  test('parseLoginRequest() refuses fields that are not what they must be', () => {
    const login = { user: 'bob', password: 'x', session: 'DAY1', sequence: 1 };
    for (const [at, value] of [
      [3, 0x00],
      [22, 0xff],
      [48, 0x41],
    ] as const) {
      encodeLoginRequest(view, 0, login);
      bytes[at] = value;
      expect(parseLoginRequest(view, 3)).toBeUndefined();
    }
    encodeLoginRequest(view, 0, login);
    bytes.fill(0x20, 29, 49);
    expect(parseLoginRequest(view, 3)).toBeUndefined();
    bytes.fill(0x39, 29, 49);
    expect(parseLoginRequest(view, 3)).toBeUndefined();
    bytes.fill(0x20, 29, 49);
    bytes[30] = 0x31;
    bytes[32] = 0x31;
    expect(parseLoginRequest(view, 3)).toBeUndefined();
  });

  test('encodeLoginRequest() refuses text that does not fit', () => {
    const login = { user: 'margaret', password: '', session: '', sequence: 0 };
    expect(() => encodeLoginRequest(view, 0, login)).toThrow('does not fit');
  });
});

/** Writes `count` packets of mixed types and returns their end and what the decoder must say. */
function writeStream(prng: Prng, count: number): { end: number; wanted: string[] } {
  const wanted: string[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const choice = prng.nextBelow(4);
    if (choice === 0) {
      at += encodeSoupHeader(view, at, SoupType.ClientHeartbeat, 0);
      wanted.push(`${SoupType.ClientHeartbeat}:`);
    } else {
      const length = choice === 1 ? 16 : prng.nextBelow(60);
      let payload = '';
      for (let j = 0; j < length; j++) {
        const value = prng.nextBelow(256);
        bytes[at + SOUP_HEADER_BYTES + j] = value;
        payload += `${value} `;
      }
      at += encodeSoupHeader(view, at, SoupType.UnsequencedData, length);
      wanted.push(`${SoupType.UnsequencedData}:${payload}`);
    }
  }
  return { end: at, wanted };
}

/** Feeds one chunk and appends what comes out. */
function feed(decoder: SoupDecoder, chunk: Uint8Array, at: number, length: number): string[] {
  const out: string[] = [];
  decoder.push(chunk, at, length);
  let type: number;
  while ((type = decoder.next()) > 0) {
    let payload = '';
    for (let i = 0; i < decoder.length; i++) payload += `${decoder.view.getUint8(decoder.at + i)} `;
    out.push(`${type}:${payload}`);
  }
  expect(type).toBe(Status.Again);
  return out;
}

describe('SoupDecoder', () => {
  test('gives the same packets however the stream is cut', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 80 }), (seed, pieceMax) => {
        const prng = new Prng(seed);
        const { end, wanted } = writeStream(prng, 30);
        const decoder = new SoupDecoder(128);
        const got: string[] = [];
        for (let at = 0; at < end;) {
          const length = Math.min(end - at, 1 + prng.nextBelow(pieceMax));
          // Every other piece arrives in an array of its own, as frames do.
          if (prng.nextBelow(2) === 0) got.push(...feed(decoder, bytes, at, length));
          else got.push(...feed(decoder, bytes.slice(at, at + length), 0, length));
          at += length;
        }
        expect(got).toEqual(wanted);
        expect(decoder.carried).toBe(0);
      }),
    );
  });

  test('hands a whole packet out where it lies', () => {
    encodeSoupHeader(view, 100, SoupType.SequencedData, 48);
    const decoder = new SoupDecoder();
    decoder.push(bytes, 100, 51);
    expect(decoder.next()).toBe(SoupType.SequencedData);
    expect(decoder.view.buffer).toBe(bytes.buffer);
    expect([decoder.at, decoder.length]).toEqual([103, 48]);
    expect(decoder.next()).toBe(Status.Again);
  });

  test('answers malformed packets with a status that stays until reset()', () => {
    const decoder = new SoupDecoder(64);
    const cases: [number[], number][] = [
      [[0, 0, 0x52], Status.Malformed],
      [[0, 1, 0x21], Status.Malformed],
      [[0, 2, 0x52, 0], Status.Malformed],
      [[0, 2, 0x4c, 0], Status.Malformed],
      [[0xff, 0xff, 0x55], Status.TooLong],
    ];
    for (const [packet, status] of cases) {
      for (let cut = 0; cut < 3; cut++) {
        decoder.reset();
        const chunk = new Uint8Array(packet);
        let result: number = Status.Again;
        for (let at = 0; at < chunk.length && result === Status.Again;) {
          const length = cut === 0 ? chunk.length : Math.min(cut, chunk.length - at);
          decoder.push(chunk, at, length);
          result = decoder.next();
          at += length;
        }
        expect(result).toBe(status);
        expect(decoder.next()).toBe(status);
      }
    }
    decoder.reset();
    encodeSoupHeader(view, 0, SoupType.LogoutRequest, 0);
    decoder.push(bytes, 0, 3);
    expect(decoder.next()).toBe(SoupType.LogoutRequest);
  });

  test('never throws on noise and always makes progress', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (chunks) => {
        const decoder = new SoupDecoder(32);
        for (const chunk of chunks) {
          decoder.push(chunk, 0, chunk.length);
          let type: number;
          let steps = 0;
          while ((type = decoder.next()) > 0) {
            expect(decoder.at + decoder.length).toBeLessThanOrEqual(decoder.view.byteLength);
            if (++steps > 20) throw new Error('no progress');
          }
          if (type !== Status.Again) {
            expect([Status.Malformed, Status.TooLong]).toContain(type as -3);
            return;
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('push() refuses a chunk before the last one is used up', () => {
    const decoder = new SoupDecoder();
    encodeSoupHeader(view, 0, SoupType.LogoutRequest, 0);
    decoder.push(bytes, 0, 3);
    expect(() => {
      decoder.push(bytes, 0, 3);
    }).toThrow('used up');
  });
});
