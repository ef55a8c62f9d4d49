/**
 * Ranges of prices and quantities.
 *
 * @module
 */

import { assert } from '@tickwire/base';

/**
 * Largest magnitude of a price in ticks unless an instrument says otherwise: 2^31 - 1. At a tick of
 * a hundredth of a cent that is 214,748 dollars, more than any listed share but one, and it keeps
 * prices on the integer path of the JIT.
 */
export const PRICE_MAX = 2147483647;

/** Largest quantity of one order in lots unless an instrument says otherwise: 2^22 lots. */
export const QUANTITY_MAX = 4194304;

/** The range of one instrument. An instrument with large prices pays with smaller quantities. */
export interface OrderLimits {
  /** Prices lie in [-priceMax, priceMax] ticks. */
  readonly priceMax: number;
  /** Quantities lie in [1, quantityMax] lots. */
  readonly quantityMax: number;
}

/** {@link PRICE_MAX} and {@link QUANTITY_MAX}. */
export const DEFAULT_LIMITS: OrderLimits = { priceMax: PRICE_MAX, quantityMax: QUANTITY_MAX };

/**
 * Throws unless price times quantity stays exact in a Number, which is what makes the value of any
 * order safe to add up.
 */
export function assertLimits(limits: OrderLimits): void {
  assert(Number.isSafeInteger(limits.priceMax) && limits.priceMax > 0, 'priceMax out of range');
  assert(
    Number.isSafeInteger(limits.quantityMax) && limits.quantityMax > 0,
    'quantityMax out of range',
  );
  assert(
    limits.priceMax * limits.quantityMax <= Number.MAX_SAFE_INTEGER,
    'priceMax * quantityMax exceeds 2^53 - 1',
  );
}

assertLimits(DEFAULT_LIMITS);
