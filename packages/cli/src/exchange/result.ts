/**
 * The result of a run: what `--json` prints and the summary shows. The schema is the contract with
 * scripts; fields may be added, none changes its meaning.
 *
 * @module
 */

import * as v from 'valibot';

/** Order-to-report latencies in nanoseconds, from the scheduled instant of each message. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
}

/** What came of replaying the journal. */
export interface ReplayResult {
  /** The journal leads to the same book and the same reports; null when there was no journal. */
  readonly equal: boolean | null;
  /** Hash of the book's state after the run; with a journal, also after the replay. */
  readonly stateHash: string;
  /** Inputs replayed. */
  readonly records: number;
  readonly elapsedNs: number;
}

/** The result of one run of `exchange` or `trader`. */
export interface RunResult {
  /** `embedded`: venue and traders here; `venue`, `trader`: the other is elsewhere. */
  readonly role: 'embedded' | 'venue' | 'trader';
  /** The link: `net_ring`, `loopback`, or what `--device` said. */
  readonly device: string;
  /** For example `DPDK 22.11.4`; null without DPDK. */
  readonly dpdk: string | null;
  /** Where the orders came from: `generated`, a file name, or `outside`. */
  readonly flow: string;
  readonly seed: number | null;
  readonly sessions: number;
  readonly threads: number;
  readonly journal: 'none' | 'async' | 'group-commit';
  /** SIGINT ended the run before its time. */
  readonly interrupted: boolean;
  /** Order entry messages sent (venue: taken). */
  readonly orders: number;
  readonly newOrders: number;
  readonly cancels: number;
  readonly replaces: number;
  /** Execution reports received (venue: made). */
  readonly reports: number;
  /** Trades. */
  readonly fills: number;
  /** Messages rejected. */
  readonly rejects: number;
  readonly rejectsByReason: Readonly<Record<string, number>>;
  /** Messages without a report when the drain limit was reached. */
  readonly lost: number;
  /** Offered rate; null for a venue. */
  readonly offeredPerSecond: number | null;
  /** Achieved rate: orders by the time from the first to the last send. */
  readonly ratePerSecond: number;
  readonly elapsedNs: number;
  /** Messages before the measured ones, and their largest latency: cold code. */
  readonly warmup: { readonly orders: number; readonly maxNs: number };
  readonly latencyNs: LatencySummary;
  readonly multicastPackets: number;
  readonly multicastMessages: number;
  readonly multicastGaps: number;
  readonly multicastLost: number;
  readonly segmentsSent: number;
  readonly retransmissions: number;
  readonly journalBytes: number;
  /** Collections during the measured part, and growth of the heap after a full one. */
  readonly memory: {
    readonly collections: number;
    readonly heapGrowthBytes: number;
    readonly objectGrowth: number;
  };
  /**
   * One session: SHA-256 of the report stream of the session as lines of the workload format's
   * oracle. Several: of the 48-byte reports of the feed in sequence. Null when not all were seen.
   */
  readonly reportSha256: string | null;
  readonly replay: ReplayResult;
  /** Nothing was lost, and the replay is equal where there was one. */
  readonly ok: boolean;
}

const count: v.GenericSchema<number> = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const ns: v.GenericSchema<number> = v.pipe(v.number(), v.minValue(0));
const sha256: v.GenericSchema<string> = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** Checks a {@link RunResult}; scripts and tests hold the output against it. */
export const runResultSchema: v.GenericSchema<unknown, RunResult> = v.strictObject({
  role: v.picklist(['embedded', 'venue', 'trader']),
  device: v.pipe(v.string(), v.nonEmpty()),
  dpdk: v.nullable(v.string()),
  flow: v.string(),
  seed: v.nullable(count),
  sessions: count,
  threads: count,
  journal: v.picklist(['none', 'async', 'group-commit']),
  interrupted: v.boolean(),
  orders: count,
  newOrders: count,
  cancels: count,
  replaces: count,
  reports: count,
  fills: count,
  rejects: count,
  rejectsByReason: v.record(v.string(), count),
  lost: count,
  offeredPerSecond: v.nullable(ns),
  ratePerSecond: ns,
  elapsedNs: ns,
  warmup: v.strictObject({ orders: count, maxNs: ns }),
  latencyNs: v.strictObject({
    count,
    p50: ns,
    p90: ns,
    p99: ns,
    p999: ns,
    p9999: ns,
    max: ns,
  }),
  multicastPackets: count,
  multicastMessages: count,
  multicastGaps: count,
  multicastLost: count,
  segmentsSent: count,
  retransmissions: count,
  journalBytes: count,
  memory: v.strictObject({
    collections: count,
    heapGrowthBytes: v.number(),
    objectGrowth: v.number(),
  }),
  reportSha256: v.nullable(sha256),
  replay: v.strictObject({
    equal: v.nullable(v.boolean()),
    stateHash: v.string(),
    records: count,
    elapsedNs: ns,
  }),
  ok: v.boolean(),
});

/** The object as one line of JSON. Throws when it breaks the contract: that is our own fault. */
export function resultJson(result: RunResult): string {
  return JSON.stringify(v.parse(runResultSchema, result));
}
