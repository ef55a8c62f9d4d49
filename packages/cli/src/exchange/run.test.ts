import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { OrderBook } from '@tickwire/book';
import { Status } from '@tickwire/base';
import {
  createOrderFlow,
  encodeFlowRow,
  EXECUTION_REPORT_BYTES,
  FlowGenerator,
  OracleReporter,
  ORDER_ENTRY_BYTES_MAX,
  type OrderFlow,
} from '@tickwire/protocol';
import { OrderFeed } from './order-feed.ts';
import { type EmbeddedOptions, runEmbedded, type RunHooks, type RunOutcome } from './run.ts';
import type { TraderSide } from './trader-side.ts';
import type { VenueSide } from './venue-side.ts';

// Whole runs, on machines that have other things to do.
setDefaultTimeout(60_000);

/** Orders before the measured part. */
const WARMUP = 300;

const LOOPBACK = { TICKWIRE_NO_DPDK: '1' };
const HOOKS: RunHooks = { signal: new AbortController().signal };

function generated(orders: number, seed: number): OrderFlow {
  const flow = createOrderFlow(orders);
  new FlowGenerator({ seed }).next(flow);
  return flow;
}

function run(
  flow: OrderFlow,
  sessions: number,
  change: Partial<EmbeddedOptions['venue']> = {},
  hooks: RunHooks = HOOKS,
  rate = 50_000,
): Promise<RunOutcome> {
  const feed = OrderFeed.record('test', flow, { rate, seed: 1, arrivals: 'poisson' });
  const journal = change.journal ?? 'async';
  return runEmbedded(
    {
      venue: {
        port: 9000,
        group: '239.77.0.1',
        groupPort: 9001,
        threads: 1,
        journal,
        limits: feed.limits,
        traders: sessions,
        ...change,
      },
      load: { feed, sessions, warmup: WARMUP, rate, seed: null, idle: 'spin' },
      journal,
      keep: false,
      link: {},
      env: LOOPBACK,
    },
    hooks,
  );
}

/** The oracle's hash of a flow, by a book alone: no network, no journal, no threads. */
function expectedSha256(flow: OrderFlow): { sha256: string; reports: number; fills: number } {
  const book = new OrderBook({ traders: 1 });
  const reporter = new OracleReporter();
  const view = new DataView(new ArrayBuffer(ORDER_ENTRY_BYTES_MAX));
  let reports = 0;
  const drain = (): void => {
    for (let i = 0; i < book.reports.count; i += 1) {
      reporter.push(book.reports.view, i * EXECUTION_REPORT_BYTES);
    }
    reports += book.reports.count;
    book.reports.clear();
  };
  for (let row = 0; row < flow.count; row += 1) {
    encodeFlowRow(flow, row, view, 0, row + 1, 0);
    while (book.apply(view, 0, 0, row + 1) === Status.Again) drain();
    drain();
  }
  return { sha256: reporter.digest(), reports, fills: reporter.fills };
}

describe('runEmbedded()', () => {
  test('one session receives, over TCP, exactly the reports that a book alone makes', async () => {
    const flow = generated(4000, 11);
    const expected = expectedSha256(flow);
    const { result } = await run(flow, 1);
    expect(result.reportSha256).toBe(expected.sha256);
    expect(result.reports).toBe(expected.reports);
    expect(result.fills).toBe(expected.fills);
    expect(result).toMatchObject({ orders: 4000, lost: 0, ok: true, replay: { equal: true } });
  });

  test.each(['async', 'group-commit', 'none'] as const)(
    'with journal %s nothing is lost and the feed is whole',
    async (journal) => {
      const { result } = await run(generated(2000, 5), 3, { journal });
      expect(result).toMatchObject({ orders: 2000, lost: 0, multicastLost: 0, ok: true });
      expect(result.newOrders + result.cancels + result.replaces).toBe(2000);
      expect(result.multicastMessages).toBe(result.reports);
      expect(result.replay.equal).toBe(journal === 'none' ? null : true);
      expect(result.reportSha256).toMatch(/^[0-9a-f]{64}$/);
    },
  );

  test('with three threads the outcome is the same as with one', async () => {
    const flow = generated(2000, 5);
    const expected = expectedSha256(flow);
    const { result } = await run(flow, 1, { threads: 3 });
    expect(result).toMatchObject({ lost: 0, ok: true, threads: 3, replay: { equal: true } });
    expect(result.reportSha256).toBe(expected.sha256);
  });

  test('every message before the measured part is answered and not counted', async () => {
    const { result, bins } = await run(generated(1000, 6), 2);
    expect(result.warmup.orders).toBe(300);
    expect(result.warmup.maxNs).toBeGreaterThan(0);
    expect(result.latencyNs.count).toBe(700);
    expect(bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(700);
  });

  test('beyond what the machine can hold nothing is lost: the wait is latency', async () => {
    const { result } = await run(generated(100_000, 9), 32, {}, HOOKS, 20e6);
    expect(result).toMatchObject({ orders: 100_000, lost: 0, multicastLost: 0, ok: true });
    expect(result.ratePerSecond).toBeLessThan(result.offeredPerSecond!);
    // The last order was due after 5 ms; nobody can have had its answer by then.
    expect(result.latencyNs.max).toBeGreaterThan(5e6);
  });

  test('a venue that ends in the middle loses orders, and the run says so', async () => {
    let sides: { readonly traders: TraderSide; readonly venue: VenueSide } | undefined;
    const { result, notices } = await run(
      generated(5000, 7),
      2,
      {},
      {
        ...HOOKS,
        onReady: (traders, venue) => {
          sides = { traders, venue: venue! };
        },
        onRound: (nowNs) => {
          const { traders, venue } = sides!;
          if (traders.feed.index !== WARMUP || traders.outstanding > 0) return;
          // Everything so far is answered. All that follows, up to a limit and not up to what is
          // due by then on this machine, goes on the wire and the venue ends before it reads that.
          traders.start(nowNs - 1e9, 2000);
          traders.poll(nowNs);
          expect(traders.outstanding).toBeGreaterThan(0);
          venue.exchange.close();
        },
      },
    );
    expect(result.ok).toBe(false);
    expect(result.orders).toBeGreaterThan(WARMUP);
    expect(result.lost).toBe(result.orders - WARMUP);
    expect(result.orders).toBeLessThanOrEqual(2000);
    expect(result.reportSha256).toBeNull();
    expect(notices.join()).toContain('is the venue running, and reachable');
  });

  test('a feed with a hole that nobody fills is a loss', async () => {
    const { result } = await run(
      generated(1000, 8),
      1,
      {},
      {
        ...HOOKS,
        onReady: (traders) => traders.subscriber.close(),
      },
    );
    expect(result.lost).toBe(0);
    expect(result.multicastMessages).toBeLessThan(result.reports);
    expect(result.ok).toBe(false);
  });
});
