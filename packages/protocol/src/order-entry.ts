// @hot
/**
 * Order entry: what a client sends. Little-endian, 8-byte multiples, one layout for the three
 * messages: a field lies at the same offset wherever it occurs.
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |    version    |     type      |            symbol             |   0
 * +---------------+---------------+-------------------------------+
 * |                        client sequence                        |   4
 * +---------------------------------------------------------------+
 * |                        client order id                        |   8
 * +---------------+---------------+-------------------------------+
 * |  side (new)   | time in force |            flags              |  12
 * +---------------+---------------+-------------------------------+
 * |                     price, int64, in ticks                    |  16  new, replace
 * |                                                               |
 * +---------------------------------------------------------------+
 * |                    quantity, int64, in lots                   |  24  new, replace
 * |                                                               |
 * +---------------------------------------------------------------+
 * ```
 *
 * | message      | bytes | type | side, time in force | flags                | price, quantity |
 * | ------------ | ----- | ---- | ------------------- | -------------------- | --------------- |
 * | NewOrder     | 32    | `O`  | yes                 | zero                 | yes             |
 * | CancelOrder  | 16    | `X`  | zero                | zero                 | not present     |
 * | ReplaceOrder | 32    | `U`  | zero                | bit 0: {@link REDUCE} | yes            |
 *
 * The trader is bound by the login of the session and is not in the message. The **client
 * sequence** starts at 1 and increases with every message of a trader; a message whose sequence
 * does not exceed the last one is ignored silently, so that a client may send again whatever it is
 * unsure about (the rule of OUCH 5.0's UserRefNum). The **client order id** names the order: it is
 * unique among the open orders of a trader, may be used again afterwards, and is cheapest when
 * dense.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { getInt64, setInt64 } from './int64.ts';
import { Reason } from './reason.ts';

/** Version byte of every message of this package. */
export const PROTOCOL_VERSION = 1;

/** Second byte of every message. */
export const MessageType = {
  /** `O`: a new order, client to server. */
  NewOrder: 0x4f,
  /** `X`: cancel an open order, client to server. */
  CancelOrder: 0x58,
  /** `U`: change an open order, client to server. */
  ReplaceOrder: 0x55,
  /** `E`: what happened to an order, server to client. */
  ExecutionReport: 0x45,
} as const;

/** Any value of {@link MessageType}. */
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** Side of an order. The opposite side is `side ^ 1`. */
export const Side = { Buy: 0, Sell: 1 } as const;

/** Any value of {@link Side}. */
export type Side = (typeof Side)[keyof typeof Side];

/** How long an order lives. */
export const TimeInForce = {
  /** Rests until filled or cancelled. */
  Day: 0,
  /** Immediate or cancel: fills what it can, the rest is cancelled. */
  Ioc: 1,
} as const;

/** Any value of {@link TimeInForce}. */
export type TimeInForce = (typeof TimeInForce)[keyof typeof TimeInForce];

/**
 * Flag of a ReplaceOrder: take `quantity` lots off the open order, which keeps its price and its
 * place in the queue; `price` is ignored. Without the flag a replace is a cancel and a new order.
 */
export const REDUCE = 1;

/** Bytes of a NewOrder. */
export const NEW_ORDER_BYTES = 32;
/** Bytes of a CancelOrder. */
export const CANCEL_ORDER_BYTES = 16;
/** Bytes of a ReplaceOrder. */
export const REPLACE_ORDER_BYTES = 32;
/** Bytes of the longest order entry message: the slot size that holds any of them. */
export const ORDER_ENTRY_BYTES_MAX = 32;

const VERSION = 0;
const TYPE = 1;
const SYMBOL = 2;
const CLIENT_SEQUENCE = 4;
const CLIENT_ORDER_ID = 8;
const SIDE = 12;
const TIME_IN_FORCE = 13;
const FLAGS = 14;
const PRICE = 16;
const QUANTITY = 24;

/** Version byte. */
export function messageVersion(view: DataView, at: number): number {
  return view.getUint8(at + VERSION);
}

/** Type byte, see {@link MessageType}. */
export function messageType(view: DataView, at: number): number {
  return view.getUint8(at + TYPE);
}

/** Version and type as one little-endian uint16: one load where both are compared. */
export function messageTag(view: DataView, at: number): number {
  return view.getUint16(at, true);
}

/** What {@link messageTag} gives for a message of this version. */
export const MessageTag = {
  NewOrder: 0x4f01,
  CancelOrder: 0x5801,
  ReplaceOrder: 0x5501,
  ExecutionReport: 0x4501,
} as const;

/** Symbol number. */
export function orderSymbol(view: DataView, at: number): number {
  return view.getUint16(at + SYMBOL, true);
}

/** Client sequence, uint32. */
export function orderClientSequence(view: DataView, at: number): number {
  return view.getUint32(at + CLIENT_SEQUENCE, true);
}

/** Client order id, uint32. */
export function orderClientId(view: DataView, at: number): number {
  return view.getUint32(at + CLIENT_ORDER_ID, true);
}

/** Side byte of a NewOrder, see {@link Side}. */
export function orderSide(view: DataView, at: number): number {
  return view.getUint8(at + SIDE);
}

/** Time in force of a NewOrder, see {@link TimeInForce}. */
export function orderTimeInForce(view: DataView, at: number): number {
  return view.getUint8(at + TIME_IN_FORCE);
}

/** Flags of a ReplaceOrder; reserved elsewhere. */
export function orderFlags(view: DataView, at: number): number {
  return view.getUint16(at + FLAGS, true);
}

/** Price in ticks of a NewOrder or ReplaceOrder; exact below 2^53 in magnitude. */
export function orderPrice(view: DataView, at: number): number {
  return getInt64(view, at + PRICE);
}

/** Quantity in lots of a NewOrder or ReplaceOrder; exact below 2^53 in magnitude. */
export function orderQuantity(view: DataView, at: number): number {
  return getInt64(view, at + QUANTITY);
}

/**
 * Looks at the form of an order entry message: version, type, exact length. Values are judged by
 * {@link newOrderReason} and its siblings, inside the book, because a reject is a sequenced report.
 *
 * @returns Ok, Truncated (shorter than its type says), TooLong, or Malformed (version or type).
 */
export function checkOrderEntry(view: DataView, at: number, length: number): number {
  if (length < CANCEL_ORDER_BYTES) return Status.Truncated;
  const tag = messageTag(view, at);
  let bytes: number;
  if (tag === MessageTag.CancelOrder) bytes = CANCEL_ORDER_BYTES;
  else if (tag === MessageTag.NewOrder) bytes = NEW_ORDER_BYTES;
  else if (tag === MessageTag.ReplaceOrder) bytes = REPLACE_ORDER_BYTES;
  else return Status.Malformed;
  if (length < bytes) return Status.Truncated;
  return length > bytes ? Status.TooLong : Status.Ok;
}

/** The first cause for which a NewOrder must be rejected, or `Reason.None`. */
export function newOrderReason(
  view: DataView,
  at: number,
  priceMax: number,
  quantityMax: number,
): number {
  const price = orderPrice(view, at);
  if (price > priceMax || price < -priceMax) return Reason.PriceOutOfRange;
  const quantity = orderQuantity(view, at);
  if (quantity < 1 || quantity > quantityMax) return Reason.QuantityOutOfRange;
  // The four bytes side, time in force and flags are right together when no other bit is set.
  if ((view.getInt32(at + SIDE, true) & ~0x0101) === 0) return Reason.None;
  if (orderSide(view, at) > Side.Sell) return Reason.BadSide;
  return orderTimeInForce(view, at) > TimeInForce.Ioc ? Reason.BadTimeInForce : Reason.BadFlags;
}

/** The first cause for which a CancelOrder must be rejected, or `Reason.None`. */
export function cancelOrderReason(view: DataView, at: number): number {
  return view.getInt32(at + SIDE, true) === 0 ? Reason.None : Reason.BadFlags;
}

/** The first cause for which a ReplaceOrder must be rejected, or `Reason.None`. */
export function replaceOrderReason(
  view: DataView,
  at: number,
  priceMax: number,
  quantityMax: number,
): number {
  const flags = view.getInt32(at + SIDE, true);
  if ((flags & ~(REDUCE << 16)) !== 0) return Reason.BadFlags;
  if (flags === 0) {
    const price = orderPrice(view, at);
    if (price > priceMax || price < -priceMax) return Reason.PriceOutOfRange;
  }
  const quantity = orderQuantity(view, at);
  return quantity < 1 || quantity > quantityMax ? Reason.QuantityOutOfRange : Reason.None;
}

/**
 * Writes a NewOrder of {@link NEW_ORDER_BYTES} and returns that number. Values are written as they
 * are: the receiver judges them.
 *
 * @example
 * ```ts
 * encodeNewOrder(view, 0, 1, 0, 42, Side.Buy, TimeInForce.Day, 10_050, 100);
 * ```
 */
export function encodeNewOrder(
  view: DataView,
  at: number,
  clientSequence: number,
  symbol: number,
  clientOrderId: number,
  side: number,
  timeInForce: number,
  price: number,
  quantity: number,
): number {
  view.setUint16(at, MessageTag.NewOrder, true);
  view.setUint16(at + SYMBOL, symbol, true);
  view.setUint32(at + CLIENT_SEQUENCE, clientSequence, true);
  view.setUint32(at + CLIENT_ORDER_ID, clientOrderId, true);
  view.setUint8(at + SIDE, side);
  view.setUint8(at + TIME_IN_FORCE, timeInForce);
  view.setUint16(at + FLAGS, 0, true);
  setInt64(view, at + PRICE, price);
  setInt64(view, at + QUANTITY, quantity);
  return NEW_ORDER_BYTES;
}

/** Writes a CancelOrder of {@link CANCEL_ORDER_BYTES} and returns that number. */
export function encodeCancelOrder(
  view: DataView,
  at: number,
  clientSequence: number,
  symbol: number,
  clientOrderId: number,
): number {
  view.setUint16(at, MessageTag.CancelOrder, true);
  view.setUint16(at + SYMBOL, symbol, true);
  view.setUint32(at + CLIENT_SEQUENCE, clientSequence, true);
  view.setUint32(at + CLIENT_ORDER_ID, clientOrderId, true);
  view.setInt32(at + SIDE, 0, true);
  return CANCEL_ORDER_BYTES;
}

/** Writes a ReplaceOrder of {@link REPLACE_ORDER_BYTES} and returns that number. */
export function encodeReplaceOrder(
  view: DataView,
  at: number,
  clientSequence: number,
  symbol: number,
  clientOrderId: number,
  flags: number,
  price: number,
  quantity: number,
): number {
  view.setUint16(at, MessageTag.ReplaceOrder, true);
  view.setUint16(at + SYMBOL, symbol, true);
  view.setUint32(at + CLIENT_SEQUENCE, clientSequence, true);
  view.setUint32(at + CLIENT_ORDER_ID, clientOrderId, true);
  view.setUint16(at + SIDE, 0, true);
  view.setUint16(at + FLAGS, flags, true);
  setInt64(view, at + PRICE, price);
  setInt64(view, at + QUANTITY, quantity);
  return REPLACE_ORDER_BYTES;
}

/** An order entry message as an object, for tests and logs. */
export interface OrderEntryMessage {
  readonly type: 'new' | 'cancel' | 'replace';
  readonly symbol: number;
  readonly clientSequence: number;
  readonly clientOrderId: number;
  readonly side: 'buy' | 'sell' | undefined;
  readonly timeInForce: 'day' | 'ioc' | undefined;
  readonly reduce: boolean;
  readonly price: number | undefined;
  readonly quantity: number | undefined;
}

/** Decodes a message that {@link checkOrderEntry} accepts, for tests and logs. @cold */
export function parseOrderEntry(view: DataView, at: number): OrderEntryMessage {
  const type = messageType(view, at);
  const isNew = type === MessageType.NewOrder;
  const isCancel = type === MessageType.CancelOrder;
  return {
    type: isNew ? 'new' : isCancel ? 'cancel' : 'replace',
    symbol: orderSymbol(view, at),
    clientSequence: orderClientSequence(view, at),
    clientOrderId: orderClientId(view, at),
    side: isNew ? (orderSide(view, at) === Side.Buy ? 'buy' : 'sell') : undefined,
    timeInForce: isNew ? (orderTimeInForce(view, at) === 0 ? 'day' : 'ioc') : undefined,
    reduce: !isNew && !isCancel && (orderFlags(view, at) & REDUCE) !== 0,
    price: isCancel ? undefined : orderPrice(view, at),
    quantity: isCancel ? undefined : orderQuantity(view, at),
  };
}
