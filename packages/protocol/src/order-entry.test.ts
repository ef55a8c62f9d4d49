import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import { DEFAULT_LIMITS, PRICE_MAX, QUANTITY_MAX, assertLimits } from './limits.ts';
import {
  CANCEL_ORDER_BYTES,
  MessageTag,
  MessageType,
  NEW_ORDER_BYTES,
  PROTOCOL_VERSION,
  REDUCE,
  REPLACE_ORDER_BYTES,
  Side,
  TimeInForce,
  cancelOrderReason,
  checkOrderEntry,
  encodeCancelOrder,
  encodeNewOrder,
  encodeReplaceOrder,
  newOrderReason,
  parseOrderEntry,
  replaceOrderReason,
} from './order-entry.ts';
import { Reason, reasonName } from './reason.ts';

const bytes = new Uint8Array(40);
const view = new DataView(bytes.buffer);
/** Hexadecimal digits without the spaces that group the fields. */
const bare = (digits: string): string => digits.replaceAll(' ', '');
const hex = (length: number): string => Buffer.from(bytes.subarray(0, length)).toString('hex');

describe('layout', () => {
  test('encodeNewOrder() writes the documented 32 bytes', () => {
    const length = encodeNewOrder(view, 0, 7, 258, 0xdeadbeef, 1, 1, -2, 2 ** 40 + 5);
    expect(length).toBe(NEW_ORDER_BYTES);
    expect(hex(32)).toBe(
      bare('014f0201 07000000 efbeadde 01010000 feffffffffffffff 0500000000010000'),
    );
  });

  test('encodeCancelOrder() writes the documented 16 bytes', () => {
    expect(encodeCancelOrder(view, 0, 9, 3, 12)).toBe(CANCEL_ORDER_BYTES);
    expect(hex(16)).toBe(bare('01580300 09000000 0c000000 00000000'));
  });

  test('encodeReplaceOrder() writes the documented 32 bytes', () => {
    expect(encodeReplaceOrder(view, 0, 9, 3, 12, REDUCE, 0, 4)).toBe(REPLACE_ORDER_BYTES);
    expect(hex(32)).toBe(
      bare('01550300 09000000 0c000000 00000100 0000000000000000 0400000000000000'),
    );
  });

  test('MessageTag joins version and type', () => {
    for (const name of Object.keys(MessageTag) as (keyof typeof MessageTag)[]) {
      const tag: number = MessageTag[name];
      expect(tag).toBe(PROTOCOL_VERSION | (MessageType[name] << 8));
    }
  });
});

describe('checkOrderEntry()', () => {
  test('accepts each message at exactly its length', () => {
    const lengths = [
      encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 1, 1),
      encodeCancelOrder(view, 0, 1, 0, 1),
      encodeReplaceOrder(view, 0, 1, 0, 1, 0, 1, 1),
    ];
    encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 1, 1);
    expect(checkOrderEntry(view, 0, lengths[0]!)).toBe(Status.Ok);
    expect(checkOrderEntry(view, 0, 31)).toBe(Status.Truncated);
    expect(checkOrderEntry(view, 0, 33)).toBe(Status.TooLong);
    encodeCancelOrder(view, 0, 1, 0, 1);
    expect(checkOrderEntry(view, 0, lengths[1]!)).toBe(Status.Ok);
    expect(checkOrderEntry(view, 0, 15)).toBe(Status.Truncated);
    expect(checkOrderEntry(view, 0, 0)).toBe(Status.Truncated);
    encodeReplaceOrder(view, 0, 1, 0, 1, 0, 1, 1);
    expect(checkOrderEntry(view, 0, lengths[2]!)).toBe(Status.Ok);
  });

  test('refuses another version and another type', () => {
    encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 1, 1);
    bytes[0] = 2;
    expect(checkOrderEntry(view, 0, 32)).toBe(Status.Malformed);
    bytes[0] = 1;
    bytes[1] = 0x45;
    expect(checkOrderEntry(view, 0, 32)).toBe(Status.Malformed);
  });
});

describe('reasons', () => {
  const reasonOfNew = (side: number, tif: number, price: number, quantity: number): number => {
    encodeNewOrder(view, 0, 1, 0, 1, side, tif, price, quantity);
    return newOrderReason(view, 0, PRICE_MAX, QUANTITY_MAX);
  };

  test('newOrderReason() names one cause for each bad field', () => {
    expect(reasonOfNew(Side.Buy, TimeInForce.Day, 1, 1)).toBe(Reason.None);
    expect(reasonOfNew(Side.Sell, TimeInForce.Ioc, -PRICE_MAX, QUANTITY_MAX)).toBe(Reason.None);
    expect(reasonOfNew(0, 0, PRICE_MAX + 1, 1)).toBe(Reason.PriceOutOfRange);
    expect(reasonOfNew(0, 0, -PRICE_MAX - 1, 1)).toBe(Reason.PriceOutOfRange);
    expect(reasonOfNew(0, 0, 1, 0)).toBe(Reason.QuantityOutOfRange);
    expect(reasonOfNew(0, 0, 1, -1)).toBe(Reason.QuantityOutOfRange);
    expect(reasonOfNew(0, 0, 1, QUANTITY_MAX + 1)).toBe(Reason.QuantityOutOfRange);
    expect(reasonOfNew(2, 0, 1, 1)).toBe(Reason.BadSide);
    expect(reasonOfNew(0, 2, 1, 1)).toBe(Reason.BadTimeInForce);
    encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 1, 1);
    view.setUint16(14, 1, true);
    expect(newOrderReason(view, 0, PRICE_MAX, QUANTITY_MAX)).toBe(Reason.BadFlags);
  });

  test('newOrderReason() refuses every int64 at or beyond 2^53', () => {
    for (const [high, low] of [
      [0x00200000, 0],
      [0x00200000, 1],
      [0x7fffffff, 0xffffffff],
      [-0x80000000, 0],
      [-0x00200000, 0],
    ] as const) {
      encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 1, 1);
      view.setUint32(16, low, true);
      view.setInt32(20, high, true);
      expect(newOrderReason(view, 0, 2 ** 53 - 1, 1)).toBe(Reason.PriceOutOfRange);
      encodeNewOrder(view, 0, 1, 0, 1, 0, 0, 1, 1);
      view.setUint32(24, low, true);
      view.setInt32(28, high, true);
      expect(newOrderReason(view, 0, 1, 2 ** 53 - 1)).toBe(Reason.QuantityOutOfRange);
    }
  });

  test('replaceOrderReason() ignores the price of a reduction', () => {
    encodeReplaceOrder(view, 0, 1, 0, 1, REDUCE, 2 ** 50, 1);
    expect(replaceOrderReason(view, 0, PRICE_MAX, QUANTITY_MAX)).toBe(Reason.None);
    encodeReplaceOrder(view, 0, 1, 0, 1, 0, 2 ** 50, 1);
    expect(replaceOrderReason(view, 0, PRICE_MAX, QUANTITY_MAX)).toBe(Reason.PriceOutOfRange);
    encodeReplaceOrder(view, 0, 1, 0, 1, 2, 1, 1);
    expect(replaceOrderReason(view, 0, PRICE_MAX, QUANTITY_MAX)).toBe(Reason.BadFlags);
    encodeReplaceOrder(view, 0, 1, 0, 1, 0, 1, 0);
    expect(replaceOrderReason(view, 0, PRICE_MAX, QUANTITY_MAX)).toBe(Reason.QuantityOutOfRange);
  });

  test('cancelOrderReason() refuses reserved bytes that are not zero', () => {
    encodeCancelOrder(view, 0, 1, 0, 1);
    expect(cancelOrderReason(view, 0)).toBe(Reason.None);
    view.setUint8(15, 1);
    expect(cancelOrderReason(view, 0)).toBe(Reason.BadFlags);
  });

  test('Reason gives every cause its own number and name', () => {
    const values = Object.values(Reason);
    expect(new Set(values).size).toBe(values.length);
    expect(reasonName(Reason.BookFull)).toBe('BookFull');
    expect(reasonName(200)).toBe('Reason(200)');
  });
});

test('assertLimits() refuses a product beyond 2^53 - 1', () => {
  expect(() => {
    assertLimits(DEFAULT_LIMITS);
    assertLimits({ priceMax: 2 ** 40, quantityMax: 8191 });
  }).not.toThrow();
  expect(() => {
    assertLimits({ priceMax: 2 ** 40, quantityMax: 8192 });
  }).toThrow('exceeds');
  expect(() => {
    assertLimits({ priceMax: 0, quantityMax: 1 });
  }).toThrow('priceMax');
});

test('parseOrderEntry() tells the three messages apart', () => {
  encodeNewOrder(view, 8, 4, 2, 77, Side.Sell, TimeInForce.Ioc, 100, 5);
  expect(parseOrderEntry(view, 8)).toEqual({
    type: 'new',
    symbol: 2,
    clientSequence: 4,
    clientOrderId: 77,
    side: 'sell',
    timeInForce: 'ioc',
    reduce: false,
    price: 100,
    quantity: 5,
  });
  encodeCancelOrder(view, 0, 4, 2, 77);
  expect(parseOrderEntry(view, 0)).toMatchObject({ type: 'cancel', price: undefined });
  encodeReplaceOrder(view, 0, 4, 2, 77, REDUCE, 0, 5);
  expect(parseOrderEntry(view, 0)).toMatchObject({ type: 'replace', reduce: true, quantity: 5 });
});
