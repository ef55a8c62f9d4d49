/**
 * An established connection beside a flood of SYNs from forged addresses, and a client that
 * connects now and then: does anybody notice?
 *
 * Open loop, in process, one thread: SYNs and pings have a schedule, and a latency counts from the
 * instant that the schedule names to the answer. The segments are made on the same thread, so the
 * figures hold the attacker's cost too. `from its arrival` leaves out how late the thread was: what
 * the stack itself takes, comparable on a machine that is shared.
 *
 * @module
 */

import { TCP_ACK, TCP_RST, TCP_SYN } from '../../packages/wire/src/index.ts';
import { RawClient, RawHost, SynFlood } from '../../packages/tcp/src/testing/raw-host.ts';
import { type BenchCase, type Benchmark, type BenchOptions, caseOf } from '../contract.ts';

const SYNS_PER_SECOND = 200_000;
const SECONDS = 20;
const SECONDS_TINY = 0.05;
/** Segments taken in before each egress round: the stack's burst. */
const BURST = 32;
const PING_EVERY_NS = 50_000;
const CLIENT_EVERY_NS = 5_000_000;
/** The client's round trip. */
const CLIENT_RTT_NS = 1_000_000;
const PORT = 80;

interface Client {
  readonly peer: RawClient;
  ackAtNs: number;
}

function run(rate: number, synCookies: 0 | 1, { tiny, signal }: BenchOptions): BenchCase[] {
  const host = new RawHost({ connectionsMax: 1024, synCookies });
  host.tcp.listen(0, 0, 0, 0, PORT);
  host.nowNs = Bun.nanoseconds();
  const flood = new SynFlood(host, PORT, 1);
  const established = new RawClient(host, 0x0a000002, 1000, PORT);
  if (!established.open(1)) throw new Error('the connection to be measured did not open');
  const seconds = tiny ? SECONDS_TINY : SECONDS;
  const samples = new Float64Array(Math.ceil((seconds * 1e9) / PING_EVERY_NS));
  const service = new Float64Array(samples.length);
  const startNs = Bun.nanoseconds();
  const endNs = startNs + seconds * 1e9;
  let pings = 0;
  let syns = 0;
  let tries = 0;
  let opened = 0;
  let client: Client | undefined;
  while (pings < samples.length && !signal.aborted) {
    const nowNs = Bun.nanoseconds();
    if (nowNs > endNs + 1e9) break;
    host.nowNs = nowNs;
    const due = Math.min(Math.floor(((nowNs - startNs) * rate) / 1e9) - syns, BURST);
    if (due > 0) {
      flood.burst(due);
      syns += due;
    }
    const pingAtNs = startNs + pings * PING_EVERY_NS;
    if (nowNs >= pingAtNs) {
      const beganNs = Bun.nanoseconds();
      if (!established.ping(64)) throw new Error('a ping was not answered');
      const answeredNs = Bun.nanoseconds();
      samples[pings] = answeredNs - pingAtNs;
      service[pings] = answeredNs - beganNs;
      pings += 1;
    } else host.round();
    if (client === undefined && nowNs - startNs >= tries * CLIENT_EVERY_NS) {
      tries += 1;
      const peer = new RawClient(host, 0x0a000003, 1024 + (tries % 60_000), PORT);
      peer.sndNxt = tries * 1000;
      peer.send(TCP_SYN);
      host.round();
      if ((peer.flags & TCP_SYN) !== 0) client = { peer, ackAtNs: nowNs + CLIENT_RTT_NS };
    } else if (client !== undefined && nowNs >= client.ackAtNs) {
      client.peer.send(TCP_ACK);
      if (client.peer.ping(64)) opened += 1;
      client.peer.send(TCP_RST | TCP_ACK);
      client = undefined;
    }
  }
  const tookNs = Bun.nanoseconds() - startNs;
  // The last one may be under way.
  if (client !== undefined) tries -= 1;
  const cookies = synCookies === 0 ? 'cookies off' : 'cookies on overflow';
  const name = rate === 0 ? 'ping without flood' : `ping beside the flood, ${cookies}`;
  const open = caseOf(name, samples.subarray(0, pings), {
    perSecond: (syns * 1e9) / tookNs,
    rateOf: 'SYNs taken',
    remark:
      `${opened} of ${tries} clients got in (${((100 * opened) / tries).toFixed(2)} %); ` +
      `half-open ${host.tcp.halfOpenCount}, cookies sent ${host.tcp.counters.synCookiesSent}`,
  });
  return [open, caseOf(`${name}, from its arrival`, service.subarray(0, pings))];
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'tcp-syn-flood',
  description:
    '200,000 SYN/s beside a ping-pong and a client that connects, in process, one thread',
  run(options) {
    const cases: BenchCase[] = [];
    for (const [rate, cookies] of [
      [0, 1],
      [SYNS_PER_SECOND, 1],
      [SYNS_PER_SECOND, 0],
    ] as const) {
      if (options.signal.aborted) break;
      options.note(`${rate} SYN/s`);
      cases.push(...run(rate, cookies, options));
    }
    return Promise.resolve({ cases });
  },
};
