/**
 * Runs `exchange --device`: a venue that waits for traders from elsewhere.
 *
 * @module
 */

import { monotonicClock } from '@tickwire/base';
import { Exchange } from '@tickwire/engine';
import { DEFAULT_LIMITS } from '@tickwire/protocol';
import { type Pollable, runLoop, Stack, startServices } from '@tickwire/stack';
import { type CliContext, ExitCode } from '../context.ts';
import { segmentFigures } from '../exchange/collect.ts';
import { readEarlierRuns } from '../exchange/earlier-runs.ts';
import { JournalFolder } from '../exchange/journal-folder.ts';
import { configureHost } from '../exchange/kernel-side.ts';
import { openPort } from '../exchange/link.ts';
import { histogramSummary } from '../exchange/latency-recorder.ts';
import { MemoryMeter } from '../exchange/memory-meter.ts';
import { ReportTally } from '../exchange/report-tally.ts';
import { type RunResult, resultJson } from '../exchange/result.ts';
import { VENUE_ADDRESS } from '../exchange/run.ts';
import { exchangeOptions, replayAndCompare, type VenueConfig } from '../exchange/venue-config.ts';
import { VenueSide } from '../exchange/venue-side.ts';
import { formatCount, formatElapsed } from '../render/format.ts';
import { ProgressLine } from '../render/progress.ts';
import { renderSummary } from '../render/summary.ts';
import type { ExchangeFlags } from './exchange-command.ts';
import { linkOptions } from './report.ts';

/** Traders that may log in: as many as there are numbers in a small venue. */
const TRADERS = 64;

/** Shows what a venue has done so far. */
class VenueProgress implements Pollable {
  readonly #line: ProgressLine;
  readonly #exchange: Exchange;
  readonly #startNs: number;
  #shown = '';

  constructor(line: ProgressLine, exchange: Exchange, startNs: number) {
    this.#line = line;
    this.#exchange = exchange;
    this.#startNs = startNs;
  }

  poll(nowNs: number): number {
    if (!this.#line.isDue(nowNs)) return 0;
    const { inputs, reports, packets } = this.#exchange.counters;
    const text = [
      `${formatCount(this.#exchange.sessions)} sessions`,
      `${formatCount(inputs)} orders`,
      `${formatCount(reports)} reports`,
      `${formatCount(packets)} packets`,
    ].join('  ');
    // A venue may wait for days: a log gets a line when something has changed.
    if (text === this.#shown) return 0;
    this.#shown = text;
    this.#line.show(nowNs, `${formatElapsed(nowNs - this.#startNs).padStart(7)}  ${text}`);
    return 0;
  }

  pollAt(): number {
    return Number.POSITIVE_INFINITY;
  }
}

function venueConfig(flags: ExchangeFlags): VenueConfig {
  return {
    port: flags.port,
    group: flags.group,
    groupPort: flags.groupPort,
    threads: flags.threads === '3' ? 3 : 1,
    journal: flags.journal ?? 'async',
    limits: DEFAULT_LIMITS,
    traders: TRADERS,
    latency: true,
  };
}

/** How to reach the venue, in lines to copy. */
function invitation(flags: ExchangeFlags & { readonly device: string }, address: string): string {
  const host = address.split('/')[0]!;
  return [
    `The venue is at ${host}, orders on TCP ${flags.port}, ` +
      `reports on ${flags.group}:${flags.groupPort}.`,
    `  ping ${host}`,
    `  nc ${host} 7          echo; 9 discards, 19 generates, 80 speaks HTTP`,
    `  npm run trader -- --device net_af_packet:iface=IFACE --venue ${host} --port ${flags.port}`,
    'Ctrl-C ends it with a summary.',
    '',
  ].join('\n');
}

/** A venue on a device until the signal or the end of `--duration`. */
export async function serveVenue(
  context: CliContext,
  flags: ExchangeFlags & { readonly device: string },
): Promise<void> {
  const config = venueConfig(flags);
  const address = flags.address ?? VENUE_ADDRESS;
  const { stdout, stderr } = context.process;
  const startNs = monotonicClock.nowNs();
  using port = openPort(flags.device, { ...linkOptions(context, flags), nowNs: startNs });
  const hostNotice = configureHost(flags.device, address, flags.hostAddress);
  using folder = new JournalFolder({
    journal: config.journal,
    keep: flags.keep,
    ...(flags.journalDir === undefined ? {} : { journalDir: flags.journalDir }),
  });
  const earlier = readEarlierRuns(folder, config);
  using stack = new Stack({ device: port.device, addresses: [address] });
  using _services = startServices(stack);
  using exchange = await Exchange.open(exchangeOptions(stack, config, folder));
  for (const notice of [...exchange.notices, hostNotice]) {
    if (notice !== undefined && !flags.quiet) stderr.write(`${notice}\n`);
  }
  if (!flags.quiet) stderr.write(`${invitation(flags, address)}\n`);
  const meter = new MemoryMeter();
  meter.start();
  const line = new ProgressLine(stderr, context.err);
  const parts: Pollable[] = [new VenueSide(stack, exchange)];
  if (!flags.quiet) parts.push(new VenueProgress(line, exchange, startNs));
  const signals = [context.signal];
  if (flags.duration !== undefined) signals.push(AbortSignal.timeout(flags.duration * 1000));
  try {
    await runLoop(parts, monotonicClock, {
      signal: AbortSignal.any(signals),
      idle: flags.idle ?? 'sleep',
    });
  } finally {
    line.clear();
  }
  const elapsedNs = monotonicClock.nowNs() - startNs;
  const { counters } = exchange;
  const live = {
    stateHash: exchange.stateHash(),
    inputs: counters.inputs,
    reports: counters.reports,
  };
  const memory = meter.stop();
  const failure = exchange.failure;
  exchange.close();
  const tally = new ReportTally();
  const replay = replayAndCompare(folder, config, live, earlier, (view, at) =>
    tally.push(view, at),
  );
  const result: RunResult = {
    role: 'venue',
    device: port.name,
    dpdk: port.dpdk,
    flow: 'outside',
    seed: null,
    sessions: counters.logins,
    threads: config.threads,
    journal: config.journal,
    interrupted: context.signal.aborted,
    orders: counters.inputs,
    ...tally.figures(),
    reports: counters.reports,
    lost: 0,
    offeredPerSecond: null,
    ratePerSecond: elapsedNs > 0 ? (counters.inputs * 1e9) / elapsedNs : 0,
    elapsedNs,
    warmup: { orders: 0, maxNs: 0 },
    latencyNs: histogramSummary(exchange.latency?.replied),
    multicastPackets: counters.packets,
    multicastMessages: counters.reports,
    multicastGaps: 0,
    multicastLost: 0,
    ...segmentFigures([stack]),
    journalBytes: folder.bytes,
    memory,
    reportSha256: null,
    replay,
    ok: replay.equal !== false && failure === undefined,
  };
  const notices = [folder.notice, failure?.message].filter((notice) => notice !== undefined);
  if (flags.json) stdout.write(`${resultJson(result)}\n`);
  else stdout.write(`${renderSummary({ result, bins: [], notices }, context.out)}\n`);
  context.process.exitCode = result.ok ? ExitCode.Ok : ExitCode.Failed;
}
