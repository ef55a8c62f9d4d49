/**
 * Runs with traders: against a venue in the same process, or against one elsewhere.
 *
 * @module
 */

import { monotonicClock } from '@tickwire/base';
import { Exchange } from '@tickwire/engine';
import { type IdleStrategy, runLoop, Stack } from '@tickwire/stack';
import type { HistogramBin } from '../render/histogram.ts';
import { segmentFigures, traderFigures } from './collect.ts';
import { checkRoom, type EarlierRuns, readEarlierRuns } from './earlier-runs.ts';
import { ExchangeLoop } from './exchange-loop.ts';
import { JournalFolder, type JournalFolderOptions } from './journal-folder.ts';
import { type LinkOptions, openPort, openWire } from './link.ts';
import { MemoryMeter } from './memory-meter.ts';
import type { OrderFeed } from './order-feed.ts';
import type { ReplayResult, RunResult } from './result.ts';
import { TRADER_INGRESS_BATCH, TraderSide } from './trader-side.ts';
import {
  exchangeOptions,
  recoveryNotice,
  replayAndCompare,
  type VenueConfig,
} from './venue-config.ts';
import { VenueSide } from './venue-side.ts';

/** Addresses of an embedded run: the two stacks are alone on their wire. */
export const VENUE_ADDRESS = '10.77.0.1/24';
/** Address of the traders beside {@link VENUE_ADDRESS}. */
export const TRADER_ADDRESS = '10.77.0.2/24';

/** The load of a run. */
export interface LoadConfig {
  readonly feed: OrderFeed;
  readonly sessions: number;
  /** Orders before the measured ones. */
  readonly warmup: number;
  readonly rate: number;
  /** For the result; null when nothing was drawn. */
  readonly seed: number | null;
  readonly idle: IdleStrategy;
}

/** How a run is watched and ended. */
export interface RunHooks {
  readonly signal: AbortSignal;
  /** Called once everything stands and before the first round. */
  readonly onReady?: (traders: TraderSide, venue: VenueSide | undefined) => void;
  /** Called in every round; must return at once when it has nothing to show. */
  readonly onRound?: (nowNs: number) => void;
}

/** A result with what the summary draws. */
export interface RunOutcome {
  readonly result: RunResult;
  readonly bins: readonly HistogramBin[];
  readonly notices: readonly string[];
}

/** Options of {@link runEmbedded}. */
export interface EmbeddedOptions extends JournalFolderOptions {
  readonly venue: VenueConfig;
  readonly load: LoadConfig;
  readonly link: Omit<LinkOptions, 'nowNs'>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Driven {
  readonly loop: ExchangeLoop;
  readonly memory: RunResult['memory'];
}

/** Drives a run to its end; returns when everything is drained or given up. */
async function drive(
  traders: TraderSide,
  venue: VenueSide | undefined,
  load: LoadConfig,
  hooks: RunHooks,
): Promise<Driven> {
  const done = new AbortController();
  const meter = new MemoryMeter();
  const loop = new ExchangeLoop({
    traders,
    ...(venue === undefined ? {} : { venue }),
    warmup: Math.min(load.warmup, load.feed.total - 1),
    memory: meter,
    progress: hooks.onRound ?? ((): void => {}),
    onDone: () => done.abort(),
  });
  const halt = (): void => loop.halt();
  hooks.signal.addEventListener('abort', halt);
  try {
    if (hooks.signal.aborted) halt();
    hooks.onReady?.(traders, venue);
    await runLoop([loop], monotonicClock, { signal: done.signal, idle: load.idle });
    return { loop, memory: meter.stop() };
  } finally {
    hooks.signal.removeEventListener('abort', halt);
  }
}

type Common = Omit<
  RunResult,
  'role' | 'device' | 'dpdk' | 'threads' | 'journal' | 'journalBytes' | 'replay' | 'ok'
>;

/** What every run with traders knows. */
function commonResult(
  traders: TraderSide,
  stacks: readonly Stack[],
  load: LoadConfig,
  driven: Driven,
  signal: AbortSignal,
  feedSha256: string | undefined,
): Common {
  const { loop, memory } = driven;
  const figures = traderFigures(traders);
  // A run that was ended during the warm-up has measured nothing.
  const isMeasured = loop.startedNs > 0;
  const warmed = isMeasured ? loop.measuredFrom : figures.orders;
  const measured = figures.orders - warmed;
  const elapsedNs = isMeasured ? Math.max(0, traders.lastSendNs - loop.startedNs) : 0;
  const reportSha256 = traders.oracle === undefined ? feedSha256 : traders.oracle.digest();
  return {
    ...figures,
    ...segmentFigures(stacks),
    flow: load.feed.name,
    seed: load.seed,
    sessions: load.sessions,
    interrupted: signal.aborted,
    offeredPerSecond: load.rate,
    // One gap less than orders: n orders at n instants span n - 1 gaps.
    ratePerSecond: elapsedNs > 0 && measured > 1 ? ((measured - 1) * 1e9) / elapsedNs : 0,
    elapsedNs,
    warmup: { orders: warmed, maxNs: traders.warmRecorder.summary().max },
    memory,
    reportSha256: figures.lost === 0 ? (reportSha256 ?? null) : null,
  };
}

/** Opens sessions on a stack of the traders. */
function makeTraders(
  stack: Stack,
  venue: string,
  options: {
    readonly load: LoadConfig;
    readonly venue: Pick<VenueConfig, 'port' | 'group' | 'groupPort'>;
    readonly firstTrader?: number;
  },
  earlier?: EarlierRuns,
): TraderSide {
  const { feed, sessions } = options.load;
  const { port, group, groupPort } = options.venue;
  return new TraderSide({
    stack,
    clock: monotonicClock,
    feed,
    sessions,
    venue,
    port,
    group,
    groupPort,
    firstTrader: options.firstTrader ?? 0,
    ...(earlier === undefined ? {} : { earlier }),
  });
}

/** SHA-256 of the feed when it delivered `reports` reports without a hole. */
function feedHash(traders: TraderSide, reports: number): string | undefined {
  const { feedHash: hash, subscriber } = traders;
  const isWhole = hash.count === reports && subscriber.counters.lost === 0;
  return isWhole ? hash.digest() : undefined;
}

/** Time for the sessions to end in order; what is open then is reset. */
const LEAVE_LIMIT_NS = 100e6;

/** Ends the sessions as a client should: logout, FIN, and nothing left that waits. */
function leave(traders: TraderSide, venue: VenueSide | undefined): void {
  traders.logout();
  const untilNs = monotonicClock.nowNs() + LEAVE_LIMIT_NS;
  for (let nowNs = 0; nowNs < untilNs && !traders.isClosed;) {
    nowNs = monotonicClock.nowNs();
    traders.poll(nowNs);
    venue?.poll(nowNs);
  }
  traders.close();
}

/** Every order has its report and the feed its messages; a gap that was filled is no loss. */
function isLossless(result: Pick<RunResult, 'lost' | 'multicastLost'>): boolean {
  return result.lost === 0 && result.multicastLost === 0;
}

/** Venue and traders in this process, joined by a wire in memory; then the replay. */
export async function runEmbedded(options: EmbeddedOptions, hooks: RunHooks): Promise<RunOutcome> {
  const { load } = options;
  using wire = openWire({ ...options.link, nowNs: monotonicClock.nowNs() }, options.env);
  using folder = new JournalFolder(options);
  const earlier = readEarlierRuns(folder, options.venue);
  checkRoom(earlier, load.feed);
  const config: VenueConfig = {
    ...options.venue,
    traders: Math.max(options.venue.traders, earlier.clientSequences.length),
  };
  const { tcp } = wire;
  using venueStack = new Stack({ device: wire.venue, addresses: [VENUE_ADDRESS], tcp });
  using exchange = await Exchange.open(exchangeOptions(venueStack, config, folder));
  const venue = new VenueSide(venueStack, exchange);
  using traderStack = new Stack({
    device: wire.traders,
    addresses: [TRADER_ADDRESS],
    ingressBatch: TRADER_INGRESS_BATCH,
    tcp,
  });
  const traders = makeTraders(traderStack, '10.77.0.1', options, earlier);
  const driven = await drive(traders, venue, load, hooks);
  const { inputs, reports } = exchange.counters;
  const feedSha256 = feedHash(traders, reports);
  const common = commonResult(
    traders,
    [venueStack, traderStack],
    load,
    driven,
    hooks.signal,
    feedSha256,
  );
  const live = { stateHash: exchange.stateHash(), inputs, reports };
  const bins = traders.recorder.bins();
  const failure = exchange.failure ?? traders.failure;
  leave(traders, venue);
  exchange.close();
  const replay: ReplayResult = replayAndCompare(
    folder,
    config,
    feedSha256 === undefined ? live : { ...live, reportSha256: feedSha256 },
    earlier,
  );
  const result: RunResult = {
    ...common,
    role: 'embedded',
    device: wire.name,
    dpdk: wire.dpdk,
    threads: options.venue.threads,
    journal: options.venue.journal,
    journalBytes: folder.bytes,
    replay,
    ok: isLossless(common) && replay.equal !== false && failure === undefined,
  };
  const recovered = recoveryNotice(exchange, folder);
  const notices = [wire.notice, recovered, folder.notice, failure?.message];
  return { result, bins, notices: notices.filter((notice) => notice !== undefined) };
}

/** Options of {@link runTrader}. */
export interface TraderRunOptions {
  /** `--device`. */
  readonly device: string;
  /** Own address with its prefix length. */
  readonly address: string;
  /** Address of the venue. */
  readonly venueAddress: string;
  /** Number of the first trader, default 0. */
  readonly firstTrader?: number;
  readonly venue: Pick<VenueConfig, 'port' | 'group' | 'groupPort'>;
  readonly load: LoadConfig;
  readonly link: Omit<LinkOptions, 'nowNs'>;
}

/** Traders on a port of their own; the venue is elsewhere. */
export async function runTrader(options: TraderRunOptions, hooks: RunHooks): Promise<RunOutcome> {
  const { load, device, address } = options;
  using port = openPort(device, { ...options.link, nowNs: monotonicClock.nowNs() });
  using stack = new Stack({
    device: port.device,
    addresses: [address],
    ingressBatch: TRADER_INGRESS_BATCH,
  });
  const traders = makeTraders(stack, options.venueAddress, options);
  const driven = await drive(traders, undefined, load, hooks);
  const seen = traders.feedHash.count;
  const common = commonResult(
    traders,
    [stack],
    load,
    driven,
    hooks.signal,
    feedHash(traders, seen),
  );
  const { failure } = traders;
  leave(traders, undefined);
  const result: RunResult = {
    ...common,
    role: 'trader',
    device: port.name,
    dpdk: port.dpdk,
    threads: 1,
    journal: 'none',
    journalBytes: 0,
    replay: { equal: null, stateHash: '', records: 0, elapsedNs: 0 },
    ok: isLossless(common) && failure === undefined,
  };
  const notices = failure === undefined ? [] : [failure.message];
  return { result, bins: traders.recorder.bins(), notices };
}
