/**
 * The command line, and what it is made of for programs that run an exchange themselves.
 *
 * @packageDocumentation
 */

export { app, errorText, runCli } from './app.ts';
export { type CliContext, createContext, ExitCode } from './context.ts';
export { type Arrivals, ARRIVALS, type LoadFlags } from './flags.ts';
export { LatencyRecorder } from './exchange/latency-recorder.ts';
export { type LinkOptions, openPort, openWire, type Port, type Wire } from './exchange/link.ts';
export { makeLoad } from './exchange/load.ts';
export { OrderFeed, readFlowFile } from './exchange/order-feed.ts';
export {
  type LatencySummary,
  type ReplayResult,
  resultJson,
  type RunResult,
  runResultSchema,
} from './exchange/result.ts';
export {
  type EmbeddedOptions,
  type LoadConfig,
  runEmbedded,
  type RunHooks,
  type RunOutcome,
  runTrader,
  type TraderRunOptions,
} from './exchange/run.ts';
export { makeSchedule, type ScheduleOptions } from './exchange/schedule.ts';
export type { VenueConfig } from './exchange/venue-config.ts';
export { renderSummary, type SummaryInput } from './render/summary.ts';
