import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import * as fc from 'fast-check';
import { emitTcpAccEcn, tcpAccEcnBytes, tcpAccEcnFit } from './tcp-accecn.ts';
import { formatTcpOptions, parseTcpOptions, TcpOptions } from './tcp-options.ts';

const parse = (...bytes: number[]): TcpOptions => {
  const options = new TcpOptions();
  const view = new DataView(Uint8Array.from(bytes).buffer);
  expect(parseTcpOptions(view, 0, bytes.length, options)).toBe(Status.Ok);
  return options;
};
const counters = (options: TcpOptions): number[] => [
  options.accEcn,
  options.accEcnE0,
  options.accEcnCe,
  options.accEcnE1,
];

describe('the Accurate ECN option (RFC 9768, 3.2.3)', () => {
  test('has the bytes of the RFC', () => {
    const bytes = new Uint8Array(24);
    const view = new DataView(bytes.buffer);
    expect(emitTcpAccEcn(view, 0, 0, 3, 0x010203, 0x040506, 0x070809)).toBe(12);
    expect(emitTcpAccEcn(view, 12, 1, 2, 0x010203, 0x040506, 0x070809)).toBe(20);
    expect(Array.from(bytes.slice(0, 12))).toEqual([172, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1]);
    expect(Array.from(bytes.slice(12, 20))).toEqual([174, 8, 7, 8, 9, 4, 5, 6]);
  });

  test('is read back in both orders and every length, and fields that are left out are -1', () => {
    const counter = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.nat(1), fc.nat(3), counter, counter, counter, (order, fields, e0, ce, e1) => {
        const bytes = new Uint8Array(16);
        const view = new DataView(bytes.buffer);
        const end = emitTcpAccEcn(view, 0, order, fields, e0, ce, e1);
        expect(end).toBe(tcpAccEcnBytes(fields));
        const options = parse(...bytes.slice(0, end));
        const first = order === 0 ? e0 : e1;
        const last = order === 0 ? e1 : e0;
        const told = [first, ce, last].map((value, i) => (i < fields ? value & 0xff_ffff : -1));
        const expected = order === 0 ? told : [told[2]!, told[1]!, told[0]!];
        expect(counters(options)).toEqual([fields, ...expected]);
      }),
    );
  });

  test('of an odd length counts for the whole fields in it', () => {
    expect(counters(parse(172, 4, 9, 9))).toEqual([0, -1, -1, -1]);
    expect(counters(parse(172, 7, 0, 0, 5, 9, 9, 1))).toEqual([1, 5, -1, -1]);
    expect(counters(parse(174, 14, 0, 0, 1, 0, 0, 2, 0, 0, 3, 9, 9, 9, 1, 1))).toEqual([
      3, 3, 2, 1,
    ]);
  });

  test('is forgotten with the next segment', () => {
    const options = parse(172, 5, 0, 0, 5, 1, 1, 1);
    expect(formatTcpOptions(options)).toBe('accecn e0b 5');
    parseTcpOptions(new DataView(new ArrayBuffer(4)), 0, 0, options);
    expect(counters(options)).toEqual([-1, -1, -1, -1]);
  });

  test('tcpAccEcnFit() says how much fits, padding included', () => {
    expect([0, 3, 4, 7, 8, 11, 12, 40].map(tcpAccEcnFit)).toEqual([-1, -1, 0, 0, 2, 2, 3, 3]);
  });
});
