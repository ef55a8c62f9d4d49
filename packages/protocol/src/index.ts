/**
 * Order entry, execution reports, session and multicast framing, and order flow in columns.
 *
 * @packageDocumentation
 */

export * from './execution-report.ts';
export * from './int64.ts';
export * from './limits.ts';
export * from './oracle-reporter.ts';
export * from './order-entry.ts';
export * from './reason.ts';
export * from './flow/columnar.ts';
export * from './flow/order-flow.ts';
