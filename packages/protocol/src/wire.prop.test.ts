import { expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  checkExecutionReport,
  encodeExecutionReport,
  EXECUTION_REPORT_BYTES,
  formatExecutionReport,
  parseExecutionReport,
} from './execution-report.ts';
import { getInt64, getUint64Be, setInt64, setUint64Be } from './int64.ts';
import { checkOrderEntry, encodeNewOrder, parseOrderEntry } from './order-entry.ts';

const view = new DataView(new ArrayBuffer(64));
const safe = fc.maxSafeInteger();
const uint32 = fc.nat({ max: 0xffffffff });

test('setInt64() and getInt64() agree with BigInt on every safe integer', () => {
  fc.assert(
    fc.property(safe, (value) => {
      setInt64(view, 0, value);
      expect(view.getBigInt64(0, true)).toBe(BigInt(value));
      expect(getInt64(view, 0)).toBe(value);
    }),
  );
  for (const value of [0, -1, 2 ** 31, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32]) {
    setInt64(view, 0, value);
    expect(view.getBigInt64(0, true)).toBe(BigInt(value));
    expect(getInt64(view, 0)).toBe(value);
  }
});

test('getInt64() gives no safe integer for a field beyond 2^53', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      view.setBigInt64(0, value, true);
      const inside = value < 2n ** 53n && value > -(2n ** 53n);
      expect(Number.isSafeInteger(getInt64(view, 0))).toBe(inside);
    }),
  );
});

test('setUint64Be() and getUint64Be() agree with BigInt', () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (value) => {
      setUint64Be(view, 3, value);
      expect(view.getBigUint64(3, false)).toBe(BigInt(value));
      expect(getUint64Be(view, 3)).toBe(value);
    }),
  );
});

test('parseOrderEntry() inverts encodeNewOrder()', () => {
  const message = fc.tuple(uint32, fc.nat(65535), uint32, fc.nat(1), fc.nat(1), safe, safe);
  fc.assert(
    fc.property(message, ([sequence, symbol, id, side, tif, price, quantity]) => {
      encodeNewOrder(view, 8, sequence, symbol, id, side, tif, price, quantity);
      expect(checkOrderEntry(view, 8, 32)).toBe(0);
      expect(parseOrderEntry(view, 8)).toEqual({
        type: 'new',
        symbol,
        clientSequence: sequence,
        clientOrderId: id,
        side: side === 0 ? 'buy' : 'sell',
        timeInForce: tif === 0 ? 'day' : 'ioc',
        reduce: false,
        price,
        quantity,
      });
    }),
  );
});

test('parseExecutionReport() inverts encodeExecutionReport()', () => {
  const report = fc.record({
    symbol: fc.nat(65535),
    clientOrderId: uint32,
    kind: fc.integer({ min: 1, max: 7 }),
    reason: fc.nat(255),
    side: fc.nat(1),
    flags: fc.nat(3),
    clientSequence: uint32,
    sequence: fc.nat(Number.MAX_SAFE_INTEGER),
    price: safe,
    quantity: fc.nat(Number.MAX_SAFE_INTEGER),
    matchId: fc.nat(Number.MAX_SAFE_INTEGER),
  });
  fc.assert(
    fc.property(report, (r) => {
      expect(encodeExecutionReport(view, 8, r)).toBe(EXECUTION_REPORT_BYTES);
      expect(checkExecutionReport(view, 8, EXECUTION_REPORT_BYTES)).toBe(0);
      expect(parseExecutionReport(view, 8)).toEqual(r);
      expect(formatExecutionReport(view, 8)).toContain(`#${r.sequence} `);
    }),
  );
});

test('checkOrderEntry() and checkExecutionReport() answer any bytes with a status', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.nat(56), (bytes, length) => {
      const noise = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const a = checkOrderEntry(noise, 0, length);
      const b = checkExecutionReport(noise, 0, length);
      expect(a <= 0 && b <= 0).toBe(true);
      if (a === 0) expect([16, 32]).toContain(length);
      if (b === 0) expect(length).toBe(48);
    }),
  );
});
