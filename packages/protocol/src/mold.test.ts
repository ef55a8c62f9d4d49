import { describe, expect, test } from 'bun:test';
import { Prng, Status } from '@tickwire/base';
import fc from 'fast-check';
import { GapDetector } from './gap-detector.ts';
import {
  checkMoldPacket,
  checkMoldRequest,
  encodeMoldHeader,
  MOLD_END_OF_SESSION,
  MOLD_HEADER_BYTES,
  moldBlockLength,
  moldCount,
  moldNextBlock,
  moldSequence,
  moldSessionEquals,
  MoldWriter,
} from './mold.ts';

const bytes = new Uint8Array(2048);
const view = new DataView(bytes.buffer);
/** Hexadecimal digits without the spaces that group the fields. */
const bare = (digits: string): string => digits.replaceAll(' ', '');

describe('packets', () => {
  test('MoldWriter writes the published layout', () => {
    const writer = new MoldWriter('DAY1');
    writer.begin(view, 4, 2 ** 40);
    const at = writer.append(3);
    bytes.set([1, 2, 3], at);
    bytes.set([4], writer.append(1));
    const length = writer.finish();
    expect(Buffer.from(bytes.subarray(4, 4 + length)).toString('hex')).toBe(
      bare('20202020202044415931 0000010000000000 0002 0003010203 000104'),
    );
    expect(checkMoldPacket(view, 4, length)).toBe(Status.Ok);
    expect([moldSequence(view, 4), moldCount(view, 4)]).toEqual([2 ** 40, 2]);
    const first = 4 + MOLD_HEADER_BYTES;
    expect(moldBlockLength(view, first)).toBe(3);
    expect(moldBlockLength(view, moldNextBlock(view, first))).toBe(1);
  });

  test('MoldWriter says Again when a packet is full, and begins the next', () => {
    const writer = new MoldWriter('S', 100);
    writer.begin(view, 0, 1);
    expect(writer.append(48)).toBe(22);
    expect(writer.append(29)).toBe(Status.Again);
    expect(writer.append(28)).toBe(72);
    expect(writer.finish()).toBe(100);
    writer.begin(view, 0, 3);
    expect(writer.count).toBe(0);
    expect(writer.finish()).toBe(MOLD_HEADER_BYTES);
    expect(checkMoldPacket(view, 0, MOLD_HEADER_BYTES)).toBe(Status.Ok);
  });

  test('checkMoldPacket() refuses blocks that do not fill the packet', () => {
    const writer = new MoldWriter('S');
    writer.begin(view, 0, 1);
    writer.append(8);
    const length = writer.finish();
    expect(checkMoldPacket(view, 0, MOLD_HEADER_BYTES - 1)).toBe(Status.Truncated);
    expect(checkMoldPacket(view, 0, length - 1)).toBe(Status.Truncated);
    expect(checkMoldPacket(view, 0, MOLD_HEADER_BYTES + 1)).toBe(Status.Truncated);
    expect(checkMoldPacket(view, 0, length + 1)).toBe(Status.TooLong);
    encodeMoldHeader(view, 0, 'S', 0, 0);
    expect(checkMoldPacket(view, 0, MOLD_HEADER_BYTES)).toBe(Status.OutOfRange);
    encodeMoldHeader(view, 0, 'S', 9, MOLD_END_OF_SESSION);
    expect(checkMoldPacket(view, 0, MOLD_HEADER_BYTES)).toBe(Status.Ok);
  });

  test('checkMoldRequest() takes a request for at least one message', () => {
    encodeMoldHeader(view, 0, 'S', 9, 5);
    expect(checkMoldRequest(view, 0, MOLD_HEADER_BYTES)).toBe(Status.Ok);
    expect(checkMoldRequest(view, 0, MOLD_HEADER_BYTES + 1)).toBe(Status.TooLong);
    expect(checkMoldRequest(view, 0, MOLD_HEADER_BYTES - 1)).toBe(Status.Truncated);
    encodeMoldHeader(view, 0, 'S', 9, 0);
    expect(checkMoldRequest(view, 0, MOLD_HEADER_BYTES)).toBe(Status.Malformed);
    encodeMoldHeader(view, 0, 'S', 0, 5);
    expect(checkMoldRequest(view, 0, MOLD_HEADER_BYTES)).toBe(Status.OutOfRange);
  });

  test('moldSessionEquals() compares all ten bytes', () => {
    encodeMoldHeader(view, 0, 'DAY1', 1, 0);
    encodeMoldHeader(view, 32, 'DAY1', 2, 0);
    expect(moldSessionEquals(view, 0, view, 32)).toBe(true);
    encodeMoldHeader(view, 32, 'DAY2', 2, 0);
    expect(moldSessionEquals(view, 0, view, 32)).toBe(false);
  });

  test('checkMoldPacket() answers any bytes with a status', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
        const v = new DataView(noise.buffer, noise.byteOffset, noise.length);
        expect(checkMoldPacket(v, 0, noise.length)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('GapDetector', () => {
  test('accept() counts a hole once and opens again when it is filled', () => {
    const detector = new GapDetector();
    expect(detector.accept(1, 3)).toBe(0);
    expect(detector.accept(6, 2)).toBe(Status.Again);
    expect(detector.accept(8, 1)).toBe(Status.Again);
    expect([detector.expected, detector.missing]).toEqual([4, 5]);
    expect([detector.gaps, detector.missed, detector.ahead]).toEqual([1, 2, 2]);
    expect(detector.accept(4, 5)).toBe(0);
    expect([detector.expected, detector.missing]).toEqual([9, 0]);
    expect(detector.accept(7, 4)).toBe(2);
    expect(detector.duplicates).toBe(2);
    expect(detector.expected).toBe(11);
  });

  test('accept() learns of a loss at the tail from a heartbeat and from the end', () => {
    const detector = new GapDetector(5);
    expect(detector.accept(5, 0)).toBe(0);
    expect(detector.accept(8, 0)).toBe(Status.Again);
    expect([detector.missing, detector.gaps, detector.ahead]).toEqual([3, 1, 0]);
    expect(detector.accept(5, 3)).toBe(0);
    expect(detector.accept(9, MOLD_END_OF_SESSION)).toBe(Status.Again);
    expect([detector.ended, detector.missing, detector.gaps]).toEqual([true, 1, 2]);
  });

  test('accept() with re-requests delivers everything once, in order, under loss', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const prng = new Prng(seed);
        const detector = new GapDetector();
        const got: number[] = [];
        const take = (sequence: number, count: number): void => {
          const skip = detector.accept(sequence, count);
          for (let i = skip; skip >= 0 && i < count; i++) got.push(sequence + i);
        };
        const last = 200;
        for (let next = 1; next <= last;) {
          const count = Math.min(1 + prng.nextBelow(5), last + 1 - next);
          const copies = prng.nextBelow(10) < 3 ? 0 : 1 + prng.nextBelow(2);
          for (let i = 0; i < copies; i++) take(next, count);
          next += count;
          if (detector.missing > 0 && prng.nextBelow(3) === 0) {
            const asked = 1 + prng.nextBelow(detector.missing);
            take(detector.expected, asked);
          }
        }
        take(last + 1, 0);
        if (detector.missing > 0) take(detector.expected, detector.missing);
        expect(got).toEqual(Array.from({ length: last }, (_, i) => i + 1));
      }),
    );
  });
});
