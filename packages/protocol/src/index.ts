/**
 * Order entry, execution reports, session and multicast framing, and order flow in columns.
 *
 * @packageDocumentation
 */

export * from './execution-report.ts';
export * from './gap-detector.ts';
export * from './int64.ts';
export * from './limits.ts';
export * from './mold.ts';
export * from './oracle-reporter.ts';
export * from './order-entry.ts';
export * from './reason.ts';
export * from './soup-decoder.ts';
export * from './soup.ts';
export { readBitstamp } from './flow/bitstamp.ts';
export { readColumnar } from './flow/columnar.ts';
export * from './flow/generator.ts';
export { readLobster } from './flow/lobster.ts';
export * from './flow/order-flow.ts';
export { gunzipIfNeeded, readOrderFlow } from './flow/read.ts';
