/**
 * One connection at work among very many idle ones, and all of them at work: does a poll cost more
 * when there are more?
 *
 * In process, one thread, without IP and device; the peer's segments are made on the same thread.
 *
 * @module
 */

import { heapStats } from 'bun:jsc';
import { RawClient, RawHost } from '../../packages/tcp/src/testing/raw-host.ts';
import { TCP_ACK, TCP_PSH } from '../../packages/wire/src/index.ts';
import { type BenchCase, type Benchmark, type BenchOptions, caseOf } from '../contract.ts';

const COUNTS = [1, 1024, 65_536, 1_000_000] as const;
const COUNTS_TINY = [1, 256] as const;
const SAMPLES = 200_000;
const SAMPLES_TINY = 500;
const PORT = 80;
/** Connections per address. */
const PER_ADDRESS = 16_384;

/** Memory now: objects (JSC's heap), and everything. */
function memory(): { readonly heap: number; readonly rss: number } {
  Bun.gc(true);
  return { heap: heapStats().heapSize, rss: process.memoryUsage().rss };
}

/** Opens `count` connections and leaves them idle. */
function populate(host: RawHost, count: number, signal: AbortSignal): void {
  for (let i = 0; i < count && !signal.aborted; i += 1) {
    host.nowNs = Bun.nanoseconds();
    const address = (0x0c000000 + Math.floor(i / PER_ADDRESS)) | 0;
    const client = new RawClient(host, address, 1024 + (i % PER_ADDRESS), PORT);
    if (!client.open(i * 64)) throw new Error(`connection ${i} did not open`);
  }
  host.clients.clear();
}

/** One segment for a connection that `populate` opened, its answer and the acknowledgement. */
function exchange(host: RawHost, slot: number): void {
  const tcb = host.tcp.connection(slot);
  const { remote3 } = tcb;
  const tsVal = (tcb.tsRecent + 1) | 0;
  const tsEcr = (host.nowNs / 1e6) | 0;
  const flags = TCP_ACK | TCP_PSH;
  host.inject(remote3, tcb.remotePort, PORT, flags, tcb.rcvNxt, tcb.sndNxt, tsVal, tsEcr, 64);
  host.round();
  host.inject(remote3, tcb.remotePort, PORT, TCP_ACK, tcb.rcvNxt, tcb.sndNxt, tsVal, tsEcr, 0);
}

function scale(count: number, { tiny, signal, note }: BenchOptions): BenchCase[] {
  const before = memory();
  const host = new RawHost({ connectionsMax: count + 1, listenersMax: 1 });
  host.tcp.listen(0, 0, 0, 0, PORT);
  populate(host, count, signal);
  const after = memory();
  const heapBytes = (after.heap - before.heap) / count;
  const rssBytes = (after.rss - before.rss) / count;
  note(`${count} connections`);
  const samples = tiny ? SAMPLES_TINY : SAMPLES;
  const client = new RawClient(host, 0x0a000002, 1000, PORT);
  if (!client.open(1)) throw new Error('the connection to be measured did not open');
  const idle = new Float64Array(samples);
  const ping = new Float64Array(samples);
  const all = new Float64Array(samples);
  const visitedBefore = host.tcp.counters.connectionsVisited;
  for (let i = 0; i < samples; i += 1) {
    const beganNs = Bun.nanoseconds();
    host.nowNs = beganNs;
    host.round();
    host.tcp.nextDeadlineNs();
    idle[i] = Bun.nanoseconds() - beganNs;
  }
  const visited = host.tcp.counters.connectionsVisited - visitedBefore;
  for (let i = 0; i < samples; i += 1) {
    const beganNs = Bun.nanoseconds();
    host.nowNs = beganNs;
    client.ping(64);
    ping[i] = Bun.nanoseconds() - beganNs;
  }
  for (let i = 0; i < samples; i += 1) {
    const beganNs = Bun.nanoseconds();
    host.nowNs = beganNs;
    // A stride that is odd and large visits all of them, and no cache helps.
    exchange(host, (i * 7919) % count);
    all[i] = Bun.nanoseconds() - beganNs;
  }
  const probe = `longest probe ${host.tcp.longestProbe()}`;
  const size =
    count < 1024
      ? probe
      : `per connection: ${heapBytes.toFixed(0)} bytes of objects, ` +
        `${rssBytes.toFixed(0)} resident with columns (${typedBytes(count)} by size); ${probe}`;
  return [
    caseOf(`idle poll, ${count} idle`, idle, { remark: `${visited} connections visited` }),
    caseOf(`ping-pong on one, ${count} idle`, ping, { remark: size }),
    caseOf(`ping-pong on all ${count} in turn`, all),
  ];
}

/** Typed arrays per connection: timer wheel (8 + 3 * 4) and a table of 2 to 4 slots of 8 bytes. */
function typedBytes(count: number): number {
  let slots = 16;
  while (slots < count * 2) slots *= 2;
  return Math.round(20 + (slots * 8) / count);
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'tcp-scale',
  description: 'Cost of a poll and memory with 1 to 1,000,000 connections, in process, one thread',
  run(options) {
    const cases: BenchCase[] = [];
    for (const count of options.tiny ? COUNTS_TINY : COUNTS) {
      if (!options.signal.aborted) cases.push(...scale(count, options));
    }
    return Promise.resolve({ cases });
  },
};
