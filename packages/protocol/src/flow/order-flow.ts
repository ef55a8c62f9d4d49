// @hot
/**
 * Order flow in columns: what the readers of recorded files and the generator produce, and what
 * load generators and tests feed to the exchange.
 *
 * @module
 */

import {
  encodeCancelOrder,
  encodeNewOrder,
  encodeReplaceOrder,
  REDUCE,
  TimeInForce,
} from '../order-entry.ts';

/** What one row asks for. */
export const FlowType = {
  /** A new order: side, orderId, price, quantity, flags. */
  New: 0,
  /** Cancel an order: orderId. */
  Cancel: 1,
  /** Cancel and insert again: orderId, price, quantity. */
  Replace: 2,
  /** Take `quantity` lots off an order, which keeps its place: orderId, quantity. */
  Reduce: 3,
} as const;

/** Any value of {@link FlowType}. */
export type FlowType = (typeof FlowType)[keyof typeof FlowType];

/** Flag of a row: immediate or cancel. */
export const FLOW_IOC = 1;

/**
 * Order ids from here up are made by a reader or by the generator for orders that have no id in the
 * source (the aggressor of a recorded execution); a recorded file that uses them is refused.
 */
export const FLOW_SYNTHETIC_ID_BASE = 0x80000000;

/** Rows of order flow, each column of length `capacity`, of which `count` are filled. */
export interface OrderFlow {
  /** Rows in use. */
  count: number;
  /** {@link FlowType} of each row. */
  readonly type: Uint8Array;
  /** Side of each row; 0 where the type has none. */
  readonly side: Uint8Array;
  /** Client order id. */
  readonly orderId: Uint32Array;
  /** Price in ticks of the source. */
  readonly price: Float64Array;
  /** Quantity in lots of the source. */
  readonly quantity: Float64Array;
  /** {@link FLOW_IOC}. */
  readonly flags: Uint8Array;
  /** Time of the row in nanoseconds from an origin of the source; 0 where there is none. */
  readonly timeNs: Float64Array;
  /** Order that a recorded execution filled; 0 on every other row. */
  readonly makerId: Uint32Array;
  /** Row of the source file, from 0; equal to the index where nothing was skipped. */
  readonly sourceRow: Uint32Array;
  /** Rows of the source that have no counterpart here (hidden executions, halts). */
  skipped: number;
}

/** Makes empty columns for `capacity` rows. */
export function createOrderFlow(capacity: number): OrderFlow {
  return {
    count: 0,
    type: new Uint8Array(capacity),
    side: new Uint8Array(capacity),
    orderId: new Uint32Array(capacity),
    price: new Float64Array(capacity),
    quantity: new Float64Array(capacity),
    flags: new Uint8Array(capacity),
    timeNs: new Float64Array(capacity),
    makerId: new Uint32Array(capacity),
    sourceRow: new Uint32Array(capacity),
    skipped: 0,
  };
}

/** Writes row `row` as an order entry message at `at` and returns its length in bytes. */
export function encodeFlowRow(
  flow: OrderFlow,
  row: number,
  view: DataView,
  at: number,
  clientSequence: number,
  symbol: number,
): number {
  const id = flow.orderId[row]!;
  switch (flow.type[row]!) {
    case FlowType.New:
      return encodeNewOrder(
        view,
        at,
        clientSequence,
        symbol,
        id,
        flow.side[row]!,
        (flow.flags[row]! & FLOW_IOC) !== 0 ? TimeInForce.Ioc : TimeInForce.Day,
        flow.price[row]!,
        flow.quantity[row]!,
      );
    case FlowType.Cancel:
      return encodeCancelOrder(view, at, clientSequence, symbol, id);
    default: {
      const flags = flow.type[row] === FlowType.Reduce ? REDUCE : 0;
      const price = flow.price[row]!;
      const quantity = flow.quantity[row]!;
      return encodeReplaceOrder(view, at, clientSequence, symbol, id, flags, price, quantity);
    }
  }
}
