import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import * as fc from 'fast-check';
import {
  emitTcpFastOpen,
  emitTcpMss,
  emitTcpPadding,
  emitTcpSackBlock,
  emitTcpSackHeader,
  emitTcpSackPermitted,
  emitTcpSackPermittedTimestamps,
  emitTcpTimestamps,
  emitTcpWindowScale,
  formatTcpOptions,
  parseTcpOptions,
  TCP_OPTIONS_BYTES_MAX,
  TcpOptions,
} from './tcp-options.ts';

const viewOf = (...bytes: number[]): DataView => new DataView(Uint8Array.from(bytes).buffer);
const parse = (...bytes: number[]): { status: number; options: TcpOptions } => {
  const options = new TcpOptions();
  return { status: parseTcpOptions(viewOf(...bytes), 0, bytes.length, options), options };
};

describe('parseTcpOptions()', () => {
  test('reads the options of a Linux SYN', () => {
    const view = new DataView(new ArrayBuffer(20));
    let at = emitTcpMss(view, 0, 1460);
    at = emitTcpSackPermittedTimestamps(view, at, -2, 7);
    at = emitTcpWindowScale(view, at, 10);
    const options = new TcpOptions();
    expect(parseTcpOptions(view, 0, at, options)).toBe(Status.Ok);
    expect(formatTcpOptions(options)).toBe('mss 1460,wscale 10,sackOK,TS val 4294967294 ecr 7');
  });

  test('forgets the segment before', () => {
    const options = new TcpOptions();
    const view = new DataView(new ArrayBuffer(40));
    let at = emitTcpMss(view, 0, 1460);
    at = emitTcpSackPermitted(view, at);
    at = emitTcpSackHeader(view, at, 1);
    at = emitTcpSackBlock(view, at, 1, 2);
    parseTcpOptions(view, 0, at, options);
    expect(parseTcpOptions(view, 0, 0, options)).toBe(Status.Ok);
    expect(formatTcpOptions(options)).toBe('');
    expect([options.hasTimestamps, options.fastOpenAt]).toEqual([0, -1]);
  });

  test('reads aligned timestamps by the short way and any other layout by the long one', () => {
    const view = new DataView(new ArrayBuffer(12));
    emitTcpTimestamps(view, 0, 0x01020304, -5);
    const fast = new TcpOptions();
    expect(parseTcpOptions(view, 0, 12, fast)).toBe(Status.Ok);
    expect([fast.hasTimestamps, fast.tsVal, fast.tsEcr]).toEqual([1, 0x01020304, -5]);
    const { options } = parse(8, 10, 1, 2, 3, 4, 255, 255, 255, 251, 1, 1);
    expect([options.hasTimestamps, options.tsVal, options.tsEcr]).toEqual([1, 0x01020304, -5]);
  });

  test.each([1, 2, 3, 4])('reads %d SACK blocks (RFC 2018, 3)', (count) => {
    const view = new DataView(new ArrayBuffer(40));
    let at = emitTcpSackHeader(view, 0, count);
    for (let i = 0; i < count; i += 1) at = emitTcpSackBlock(view, at, -i, i);
    const options = new TcpOptions();
    expect(parseTcpOptions(view, 0, at, options)).toBe(Status.Ok);
    expect(options.sackCount).toBe(count);
    for (let i = 0; i < count; i += 1) {
      expect(options.sackLeft[i]).toBe(i === 0 ? 0 : -i);
      expect(options.sackRight[i]).toBe(i);
    }
  });

  test('ignores a SACK option with more blocks than a header can hold', () => {
    const { status, options } = parse(5, 42, ...Array.from({ length: 40 }, () => 1));
    expect(status).toBe(Status.Ok);
    expect(options.sackCount).toBe(0);
  });

  test('uses 14 in place of a larger window scale (RFC 7323, 2.3)', () => {
    expect(parse(3, 3, 14, 0).options.windowScale).toBe(14);
    expect(parse(3, 3, 15, 0).options.windowScale).toBe(14);
    expect(parse(3, 3, 255, 0).options.windowScale).toBe(14);
    expect(parse(3, 3, 0, 0).options.windowScale).toBe(0);
    expect(parse(1).options.windowScale).toBe(-1);
  });

  test('finds a fast open cookie and the request for one (RFC 7413, 4.1.1)', () => {
    const view = new DataView(new ArrayBuffer(16));
    const cookieAt = emitTcpFastOpen(view, 0, 8);
    const end = emitTcpPadding(view, 0, cookieAt + 8);
    expect(end).toBe(12);
    const options = new TcpOptions();
    expect(parseTcpOptions(view, 0, end, options)).toBe(Status.Ok);
    expect([options.fastOpenAt, options.fastOpenLength]).toEqual([2, 8]);
    expect(parse(34, 2).options.fastOpenLength).toBe(0);
    expect(parse(34, 2).options.fastOpenAt).toBe(2);
    expect(parse(1, 1).options.fastOpenAt).toBe(-1);
  });

  test('stops at the end of the list', () => {
    const { status, options } = parse(0, 2, 4, 5, 180);
    expect(status).toBe(Status.Ok);
    expect(options.mss).toBe(0);
  });

  test('skips unknown options and known kinds with the wrong length', () => {
    const { status, options } = parse(254, 4, 1, 2, 2, 3, 9, 8, 4, 0, 0, 5, 6, 1, 2, 3, 4, 3, 3, 5);
    expect(status).toBe(Status.Ok);
    expect(options.mss).toBe(0);
    expect(options.hasTimestamps).toBe(0);
    expect(options.sackCount).toBe(0);
    expect(options.windowScale).toBe(5);
  });

  test.each([
    ['kind without length', [2, 4, 5, 180, 3]],
    ['length zero', [2, 4, 5, 180, 8, 0]],
    ['length one', [2, 4, 5, 180, 77, 1]],
    ['option beyond the end', [2, 4, 5, 180, 8, 10, 0, 0]],
  ])('keeps what came before a malformed option: %s', (_name, bytes) => {
    const { status, options } = parse(...bytes);
    expect(status).toBe(Status.Malformed);
    expect(options.mss).toBe(1460);
  });

  test('never throws, never reads outside and always terminates, whatever the bytes', () => {
    const options = new TcpOptions();
    const bytes = fc.uint8Array({ maxLength: TCP_OPTIONS_BYTES_MAX });
    // Bytes near the known kinds and lengths reach deeper than uniform noise.
    const likely = fc.array(fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 10, 18, 26, 34, 42, 255), {
      maxLength: TCP_OPTIONS_BYTES_MAX,
    });
    fc.assert(
      fc.property(fc.oneof(bytes, likely), (input) => {
        const status = parseTcpOptions(viewOf(...input), 0, input.length, options);
        expect([Status.Ok, Status.Malformed]).toContain(status as 0);
        expect(options.sackCount).toBeLessThanOrEqual(4);
        expect(options.windowScale).toBeLessThanOrEqual(14);
        if (options.fastOpenAt >= 0) {
          expect(options.fastOpenAt + options.fastOpenLength).toBeLessThanOrEqual(input.length);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test('reads back every combination that was emitted', () => {
    fc.assert(
      fc.property(
        fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: 0 }),
        fc.option(fc.nat(14), { nil: -1 }),
        fc.boolean(),
        fc.option(fc.tuple(fc.integer(), fc.integer()), { nil: undefined }),
        fc.array(fc.tuple(fc.integer(), fc.integer()), { maxLength: 1 }),
        (mss, shift, sackOk, stamps, blocks) => {
          const view = new DataView(new ArrayBuffer(TCP_OPTIONS_BYTES_MAX));
          let at = 0;
          if (mss > 0) at = emitTcpMss(view, at, mss);
          if (shift >= 0) at = emitTcpWindowScale(view, at, shift);
          if (sackOk) at = emitTcpSackPermitted(view, at);
          if (stamps !== undefined) at = emitTcpTimestamps(view, at, stamps[0], stamps[1]);
          if (blocks.length > 0) at = emitTcpSackHeader(view, at, blocks.length);
          for (const [left, right] of blocks) at = emitTcpSackBlock(view, at, left, right);
          expect(at % 4).toBe(0);
          const out = new TcpOptions();
          expect(parseTcpOptions(view, 0, at, out)).toBe(Status.Ok);
          expect([out.mss, out.windowScale, out.sackPermitted]).toEqual([mss, shift, +sackOk]);
          expect(out.hasTimestamps).toBe(stamps === undefined ? 0 : 1);
          if (stamps !== undefined) expect([out.tsVal, out.tsEcr]).toEqual(stamps);
          expect(out.sackCount).toBe(blocks.length);
          for (const [i, [left, right]] of blocks.entries()) {
            expect([out.sackLeft[i], out.sackRight[i]]).toEqual([left, right]);
          }
        },
      ),
    );
  });
});
