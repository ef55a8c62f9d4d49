/**
 * Connections that open, exchange one request, and close, ten million times: what one costs, and
 * whether memory stays flat.
 *
 * In process, one thread, without IP and device; the peer's segments are made on the same thread.
 * One of sixteen connections is timed.
 *
 * @module
 */

import { RawClient, RawHost } from '../../packages/tcp/src/testing/raw-host.ts';
import { TCP_ACK, TCP_FIN } from '../../packages/wire/src/index.ts';
import { type BenchCase, type Benchmark, type BenchOptions, caseOf } from '../contract.ts';

const CONNECTIONS = 10_000_000;
const CONNECTIONS_TINY = 2000;
/** Timed: one of so many. */
const SAMPLE_EVERY = 16;
const PORT = 80;
const MIB = 2 ** 20;

function churn(hostCloses: boolean, { tiny, signal, note }: BenchOptions): BenchCase {
  const total = tiny ? CONNECTIONS_TINY : CONNECTIONS;
  const host = new RawHost({ connectionsMax: 16_384 });
  host.closeBack = !hostCloses;
  host.tcp.listen(0, 0, 0, 0, PORT);
  const samples = new Float64Array(Math.floor(total / SAMPLE_EVERY));
  // Ports and addresses change, so that TIME-WAIT of the one is not met by the next.
  const clients = Array.from(
    { length: 64 },
    (_, i) => new RawClient(host, 0x0a000002 + i, 1024, PORT),
  );
  const startNs = Bun.nanoseconds();
  let warmMiB = 0;
  let sampled = 0;
  let done = 0;
  for (; done < total && !signal.aborted; done += 1) {
    const beganNs = Bun.nanoseconds();
    host.nowNs = beganNs;
    const client = clients[done & 63]!;
    if ((done & 63) === 0) for (const each of clients) each.port = 1024 + ((done >> 6) % 60_000);
    client.tsVal = 1 + (Math.floor(beganNs / 1e6) & 0x3fffffff);
    if (!client.open(done * 4096) || !client.ping(64)) throw new Error('a connection failed');
    if (hostCloses) {
      host.tcp.close(host.last!, beganNs);
      host.round();
      client.send(TCP_FIN | TCP_ACK);
      host.round();
    } else if (!client.close()) throw new Error('a connection did not close');
    if (done % SAMPLE_EVERY === 0 && sampled < samples.length) {
      samples[sampled] = Bun.nanoseconds() - beganNs;
      sampled += 1;
    }
    if (done === Math.floor(total / 10)) {
      Bun.gc(true);
      warmMiB = process.memoryUsage().rss / MIB;
      note(`${done} connections, ${warmMiB.toFixed(0)} MiB`);
    }
  }
  const tookNs = Bun.nanoseconds() - startNs;
  Bun.gc(true);
  const endMiB = process.memoryUsage().rss / MIB;
  const { tcp } = host;
  return caseOf(hostCloses ? 'this side closes first' : 'the peer closes first', samples, {
    perSecond: (done * 1e9) / tookNs,
    rateOf: 'connections',
    remark:
      `${done} opened, ${tcp.connectionCount} left (TIME-WAIT), longest probe ` +
      `${tcp.longestProbe()}, memory after a tenth ${warmMiB.toFixed(1)} MiB, at the end ` +
      `${endMiB.toFixed(1)} MiB`,
  });
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'tcp-churn',
  description: 'Ten million connections opened, used and closed, in process, one thread',
  run(options) {
    return Promise.resolve({ cases: [churn(false, options), churn(true, options)] });
  },
};
