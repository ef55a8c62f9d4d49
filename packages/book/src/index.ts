/**
 * The order book: deterministic price-time matching over columns.
 *
 * @packageDocumentation
 */

export { type OrderBookOptions, type ResolvedOptions, type SelfTradePolicy } from './options.ts';
export { type BookCounters, OrderBook } from './order-book.ts';
export { OrderArena } from './order-arena.ts';
export { PriceLevels } from './price-levels.ts';
export { REPORT_ROOM, ReportBuffer } from './report-buffer.ts';
