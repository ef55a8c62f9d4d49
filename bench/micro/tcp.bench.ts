/**
 * TCP against TCP over crossed rings: no device, no IP, one thread.
 *
 * Both ends share one arena, so the receiver reads the very frames that the sender filled; nothing
 * is copied but what the application writes. Samples of the bulk cases are means over a burst of
 * 32 segments, those of the others single operations. A reading of the clock (30-36 ns) is in each
 * sample. The first figures of a process are those of code that is not compiled yet: each case
 * warms up.
 *
 * ```text
 * bun run bench tcp
 * ```
 *
 * @module
 */

import type { Tcb } from '../../packages/tcp/src/index.ts';
import { Crossed } from '../../packages/tcp/src/testing/crossed.ts';
import { type BenchCase, type Benchmark, type BenchResult, caseOf } from '../contract.ts';

const BURST = 32;
const SEGMENT_BYTES = 1448;
const MESSAGE_BYTES = 48;
const SAMPLES = 20_000;
const SAMPLES_TINY = 50;
const WARM_UP_SHARE = 2;
const STEP_NS = 20_000;

/** Queues one burst of full-sized segments on `a`; the windows must be open. */
function queueBurst(pair: Crossed): number {
  const { a } = pair;
  let queued = 0;
  for (let i = 0; i < BURST; i += 1) {
    const at = a.tcp.reserve(a.tcb!, SEGMENT_BYTES);
    if (at < 0) break;
    a.tcp.commit(a.tcb!, SEGMENT_BYTES);
    queued += 1;
  }
  return queued;
}

/** Bulk in three parts: the sender's segments, the receiver's, the sender's ACKs. */
function bulk(samples: number): BenchCase[] {
  const pair = new Crossed();
  pair.open();
  const { a, b } = pair;
  const sent = new Float64Array(samples);
  const received = new Float64Array(samples);
  const acked = new Float64Array(samples);
  const whole = new Float64Array(samples);
  for (let i = -samples * WARM_UP_SHARE; i < samples; i += 1) {
    pair.nowNs += STEP_NS;
    const start = Bun.nanoseconds();
    const count = queueBurst(pair);
    a.tcp.egress(pair.nowNs);
    const afterSend = Bun.nanoseconds();
    pair.deliver(a, b);
    b.tcp.egress(pair.nowNs);
    const afterReceive = Bun.nanoseconds();
    pair.deliver(b, a);
    a.tcp.timers(pair.nowNs);
    b.tcp.timers(pair.nowNs);
    const end = Bun.nanoseconds();
    if (i < 0) continue;
    sent[i] = (afterSend - start) / count;
    received[i] = (afterReceive - afterSend) / count;
    acked[i] = (end - afterReceive) / count;
    whole[i] = (end - start) / count;
  }
  const remark = `per segment of ${SEGMENT_BYTES} bytes, bursts of ${BURST}`;
  return [
    caseOf('bulk: reserve, commit, egress', sent, { remark }),
    caseOf('bulk: segments arrive, data in place, one ACK', received, { remark }),
    caseOf('bulk: the ACK arrives, timers', acked, { remark }),
    caseOf('bulk: all of it', whole, { remark }),
  ];
}

/** A message there and back on one of `count` open connections, chosen in turn. */
function pingPong(count: number, samples: number): BenchCase {
  const pair = new Crossed({ connectionsMax: count + 16, sendFramesTotalMax: 8000 });
  const { a, b } = pair;
  const tcbs: Tcb[] = pair.openMany(count, 80);
  b.echo = true;
  const ns = new Float64Array(samples);
  for (let i = -samples * WARM_UP_SHARE; i < samples; i += 1) {
    // A step that is odd to the count visits the connections out of order.
    const tcb = tcbs[(Math.abs(i) * 7919) % tcbs.length]!;
    const start = Bun.nanoseconds();
    a.tcp.reserve(tcb, MESSAGE_BYTES);
    a.tcp.commit(tcb, MESSAGE_BYTES);
    pair.round(STEP_NS);
    if (i >= 0) ns[i] = Bun.nanoseconds() - start;
    pair.round(STEP_NS);
  }
  return caseOf(`${MESSAGE_BYTES} bytes there and back, ${count} connections open`, ns, {
    remark: 'one poll round of each side',
  });
}

/** SYN to TIME-WAIT (of length 0) on both sides, without data. */
function openClose(samples: number): BenchCase {
  const pair = new Crossed();
  pair.b.tcp.listen(0, 0, 0, 0, 81);
  const ns = new Float64Array(samples);
  for (let i = -samples * WARM_UP_SHARE; i < samples; i += 1) {
    const start = Bun.nanoseconds();
    const tcb = pair.openOne(81);
    pair.a.tcp.shutdown(tcb);
    for (let r = 0; r < 3; r += 1) pair.round(1000);
    if (i >= 0) ns[i] = Bun.nanoseconds() - start;
  }
  return caseOf('connect, accept, close on both sides', ns, { remark: 'both ends together' });
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'tcp',
  description: 'TCP against TCP over crossed rings: bulk, ping-pong, connections; one thread',
  run({ tiny, note }): Promise<BenchResult> {
    const samples = tiny ? SAMPLES_TINY : SAMPLES;
    const cases: BenchCase[] = [];
    note('bulk');
    cases.push(...bulk(samples));
    for (const count of tiny ? [1, 10] : [1, 1000, 10_000]) {
      note(`ping-pong over ${count} connections`);
      cases.push(pingPong(count, samples));
    }
    note('connections');
    cases.push(openClose(samples));
    return Promise.resolve({ cases });
  },
};
