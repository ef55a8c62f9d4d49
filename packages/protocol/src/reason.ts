/**
 * Reason codes of execution reports: a closed list, one code for each cause.
 *
 * @module
 */

/** Why a report says what it says. The numbers are stable: they are on the wire and in journals. */
export const Reason = {
  /** Nothing to explain: accepted, filled, replaced. */
  None: 0,
  /** Cancelled: the trader asked for it with a CancelOrder. */
  UserCancel: 1,
  /** Cancelled: what an immediate-or-cancel order could not fill. */
  IocRemainder: 2,
  /** Cancelled: a reduction took away all that was open. */
  ReducedToZero: 3,
  /** Cancelled: the rest of the newer order would have met an order of the same trader. */
  SelfTrade: 4,
  /** Cancelled: the rest needed a new price level and the table of levels is full. */
  LevelLimit: 5,
  /** Rejected: the client order id belongs to an order of this trader that is open. */
  DuplicateOrderId: 16,
  /** Rejected: no open order of this trader has this client order id and symbol. */
  UnknownOrder: 17,
  /** Rejected: the symbol is not traded here. */
  UnknownSymbol: 18,
  /** Rejected: the price is outside [-priceMax, priceMax]. */
  PriceOutOfRange: 19,
  /** Rejected: the quantity is outside [1, quantityMax]. */
  QuantityOutOfRange: 20,
  /** Rejected: the side is neither buy nor sell. */
  BadSide: 21,
  /** Rejected: the time in force is neither day nor immediate-or-cancel. */
  BadTimeInForce: 22,
  /** Rejected: a reserved bit or byte is not zero. */
  BadFlags: 23,
  /** Rejected: the book holds as many open orders as it was made for. */
  BookFull: 24,
} as const;

/** Any value of {@link Reason}. */
export type Reason = (typeof Reason)[keyof typeof Reason];

/** The name of a reason code, for logs. Not for the hot path. */
export function reasonName(reason: number): string {
  for (const name of Object.keys(Reason) as (keyof typeof Reason)[]) {
    if (Reason[name] === reason) return name;
  }
  return `Reason(${reason})`;
}
