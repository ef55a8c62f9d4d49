import { describe, expect, test } from 'bun:test';
import { formatTcpOptions, parseTcpOptions, TcpOptions } from '@tickwire/wire';
import { SYN_OPTIONS, type SynOption, tcpConfig } from './config.ts';
import { SynFlag } from './syn-cache.ts';
import { emitSynOptions, synOrderCodes, windowShiftOf } from './syn-options.ts';

/** First byte of the memory that the options go to: an odd one shows what is not relative. */
const AT = 7;
/** Kinds of the options by name, and the flag that lets each go. */
const KINDS: Readonly<Record<SynOption, number>> = {
  mss: 2,
  sackPermitted: 4,
  timestamps: 8,
  windowScale: 3,
};
const FLAGS: Readonly<Record<SynOption, number>> = {
  mss: 0,
  sackPermitted: SynFlag.Sack,
  timestamps: SynFlag.Timestamps,
  windowScale: SynFlag.Scaling,
};

/** Every order of some names. */
function orders(names: readonly SynOption[]): SynOption[][] {
  if (names.length === 0) return [[]];
  return names.flatMap((first) =>
    orders(names.filter((name) => name !== first)).map((rest) => [first, ...rest]),
  );
}

/** Kinds in the order in which they lie in `bytes`, without NOPs. */
function kindsOf(bytes: Uint8Array): number[] {
  const kinds: number[] = [];
  for (let at = 0; at < bytes.length; at += bytes[at] === 1 ? 1 : bytes[at + 1]!) {
    if (bytes[at] !== 1) kinds.push(bytes[at]!);
  }
  return kinds;
}

function emit(order: readonly SynOption[], flags: number): Uint8Array {
  const bytes = new Uint8Array(64).fill(0xee);
  const view = new DataView(bytes.buffer);
  const end = emitSynOptions(view, synOrderCodes(order), AT, flags, 1460, 11, 22, 9);
  expect(bytes[AT - 1]).toBe(0xee);
  expect(bytes[end]).toBe(0xee);
  return bytes.slice(AT, end);
}

describe('emitSynOptions()', () => {
  const all = SynFlag.Sack | SynFlag.Timestamps | SynFlag.Scaling;

  test.each(orders(SYN_OPTIONS).map((order) => [order.join(), order] as const))(
    'keeps the order %s for every choice, in whole words (RFC 9293, 3.1)',
    (_title, order) => {
      for (let flags = 0; flags <= all; flags += 1) {
        const bytes = emit(order, flags);
        const wanted = order.filter((name) => name === 'mss' || (flags & FLAGS[name]) !== 0);
        expect(kindsOf(bytes)).toEqual(wanted.map((name) => KINDS[name]));
        expect(bytes.length % 4).toBe(0);
        expect(bytes.length).toBeLessThanOrEqual(24);
        const options = new TcpOptions();
        parseTcpOptions(new DataView(bytes.buffer), 0, bytes.length, options);
        expect(options).toMatchObject({
          mss: 1460,
          sackPermitted: (flags & SynFlag.Sack) === 0 ? 0 : 1,
          hasTimestamps: (flags & SynFlag.Timestamps) === 0 ? 0 : 1,
          windowScale: (flags & SynFlag.Scaling) === 0 ? -1 : 9,
        });
      }
    },
  );

  test('puts SACK permitted in the place of the NOPs of timestamps right behind it', () => {
    const bytes = emit(SYN_OPTIONS, all);
    expect(Array.from(bytes.slice(0, 12))).toEqual([2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 11]);
    expect(bytes).toHaveLength(20);
    expect(emit(['mss', 'timestamps', 'sackPermitted', 'windowScale'], all)).toHaveLength(24);
  });

  test('writes what tools read', () => {
    const bytes = emit(SYN_OPTIONS, all);
    const options = new TcpOptions();
    parseTcpOptions(new DataView(bytes.buffer), 0, bytes.length, options);
    expect(formatTcpOptions(options)).toBe('mss 1460,wscale 9,sackOK,TS val 11 ecr 22');
  });
});

describe('tcpConfig()', () => {
  test.each([
    [[]],
    [['mss', 'sackPermitted', 'timestamps']],
    [['mss', 'mss', 'timestamps', 'windowScale']],
    [['mss', 'sackPermitted', 'timestamps', 'windowScale', 'mss']],
    [['mss', 'sackPermitted', 'timestamps', 'wscale']],
  ])('refuses the order %p', (order) => {
    const synOptionOrder = order as SynOption[];
    expect(() => tcpConfig({ synOptionOrder })).toThrow('name each of mss,sackPermitted');
  });

  test.each([-2, 15, 0.5])('refuses a window shift of %d (RFC 7323, 2.3)', (windowShift) => {
    expect(() => tcpConfig({ windowShift })).toThrow('windowShift');
  });

  test('refuses a receive buffer that one unit of the window does not fit into', () => {
    const small = { receiveBufferBytes: 8192, windowShift: 14 };
    expect(() => tcpConfig(small)).toThrow('receiveBufferBytes');
    expect(tcpConfig({ ...small, windowShift: 13 }).windowShift).toBe(13);
  });

  test('without a window shift the smallest that fits is taken (RFC 7323, 2.3)', () => {
    const fitting = (receiveBufferBytesMax: number): number =>
      windowShiftOf(tcpConfig({ receiveBufferBytes: 1024, receiveBufferBytesMax }));
    expect([65_535, 65_536, 131_070, 131_071, 2 ** 30].map(fitting)).toEqual([0, 1, 1, 2, 14]);
    expect(windowShiftOf(tcpConfig({ windowShift: 0 }))).toBe(0);
  });
});
