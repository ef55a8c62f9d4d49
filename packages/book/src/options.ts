/**
 * How large a book is and which rules it follows.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { assertLimits, DEFAULT_LIMITS, type OrderLimits } from '@tickwire/protocol';

/** What to do when an order would meet an order of the same trader. */
export type SelfTradePolicy = 'allow' | 'cancel-newest';

/** Options of an order book. Everything is allocated at start and nothing grows. */
export interface OrderBookOptions {
  /** Symbols, numbered from 0. Default 1. */
  readonly symbols?: number;
  /** Traders, numbered from 0. Default 1,024. */
  readonly traders?: number;
  /** Open orders of all symbols together; the next one is rejected. Default 2^20. */
  readonly ordersMax?: number;
  /** Price levels of all symbols; an order that needs one more is cancelled. Default 2^17. */
  readonly levelsMax?: number;
  /** Reports that the buffer holds between two drains. Default 4,096. */
  readonly reportsMax?: number;
  /** Range of prices and quantities. Default {@link DEFAULT_LIMITS}. */
  readonly limits?: OrderLimits;
  /** Default `'allow'`. `'cancel-newest'` cancels the rest of the incoming order. */
  readonly selfTrade?: SelfTradePolicy;
  /**
   * Key of the order id table, two int32 words. Take it from a random source at start so that no
   * client can aim at it; it has no influence on any report. Default two constants.
   */
  readonly hashKey?: readonly [number, number];
}

/** {@link OrderBookOptions} with every default filled in. */
export type ResolvedOptions = Required<OrderBookOptions>;

/** More symbols than this do not fit the uint16 of the messages. */
const SYMBOLS_MAX = 65536;
/** Order slots are int32 indices of eight words. */
const ORDERS_MAX = 2 ** 26;
/** Level slots are int32 indices of thirty-two ticks. */
const LEVELS_MAX = 2 ** 25;
/** One int32 sequence per trader; the bound only catches a misplaced argument. */
const TRADERS_MAX = 2 ** 24;
/** 16 Mi reports are 768 MiB. */
const REPORTS_MAX = 2 ** 24;

function range(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const message = `Option ${name} is ${value}; give an integer from ${min} to ${max}`;
  throw new NetError('ERR_TW_CONFIG', message, { name, value });
}

/**
 * Fills in the defaults and checks the ranges.
 *
 * @throws NetError `ERR_TW_CONFIG` that names the option.
 */
export function resolveOptions(options: OrderBookOptions): ResolvedOptions {
  const limits = options.limits ?? DEFAULT_LIMITS;
  assertLimits(limits);
  const ordersMax = range('ordersMax', options.ordersMax ?? 2 ** 20, 1, ORDERS_MAX);
  if (ordersMax * limits.quantityMax > Number.MAX_SAFE_INTEGER) {
    throw new NetError(
      'ERR_TW_CONFIG',
      'ordersMax * quantityMax exceeds 2^53 - 1, so the total of a level would not be exact; ' +
        'lower one of them',
      { ordersMax, quantityMax: limits.quantityMax },
    );
  }
  return {
    symbols: range('symbols', options.symbols ?? 1, 1, SYMBOLS_MAX),
    traders: range('traders', options.traders ?? 1024, 1, TRADERS_MAX),
    ordersMax,
    levelsMax: range('levelsMax', options.levelsMax ?? 2 ** 17, 1, LEVELS_MAX),
    reportsMax: range('reportsMax', options.reportsMax ?? 4096, 3, REPORTS_MAX),
    limits,
    selfTrade: options.selfTrade ?? 'allow',
    hashKey: options.hashKey ?? [0x2545f491, 0x6c078965],
  };
}
