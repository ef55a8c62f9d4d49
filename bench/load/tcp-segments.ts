/**
 * Software GRO and TSO on and off: bulk data through two whole stacks (device, IP, checksums, TCP,
 * application) on one thread, at two MTUs and over one and many connections.
 *
 * @module
 */

import { type BenchCase, type Benchmark, type BenchOptions, caseOf } from '../contract.ts';
import { TwoStacks } from '../two-stacks.ts';

const BYTES = 2 ** 29;
const BYTES_TINY = 2 ** 20;
/** Data segments of a sample. */
const SAMPLE_SEGMENTS = 64;
/** The first part of the bytes: compiling, slow start. */
const WARM_UP_SHARE = 0.25;
const PORT = 4000;
const BLOCK_BYTES = 64 * 1024;
const MTUS = [1500, 9000] as const;
const CONNECTIONS = [1, 64] as const;

interface Knobs {
  readonly receiveRuns: boolean;
  readonly sendBursts: boolean;
}

const KNOBS: readonly (readonly [string, Knobs])[] = [
  ['GRO and TSO', { receiveRuns: true, sendBursts: true }],
  ['GRO only', { receiveRuns: true, sendBursts: false }],
  ['TSO only', { receiveRuns: false, sendBursts: true }],
  ['neither', { receiveRuns: false, sendBursts: false }],
];

interface Sender {
  readonly write: (bytes: Uint8Array, at: number, length: number) => number;
}

function load(
  mtu: number,
  count: number,
  [name, knobs]: (typeof KNOBS)[number],
  { tiny, signal }: BenchOptions,
): BenchCase {
  using stacks = new TwoStacks(mtu, { tcp: knobs });
  const { client, server } = stacks;
  const total = tiny ? BYTES_TINY : BYTES;
  const block = new Uint8Array(BLOCK_BYTES).fill(0x5a);
  let received = 0;
  let isOver = false;
  const push = (socket: Sender): void => {
    while (!isOver && socket.write(block, 0, BLOCK_BYTES) === BLOCK_BYTES);
  };
  server.listen({
    port: PORT,
    socket: {
      data(_socket, _bytes, _at, length) {
        received += length;
      },
    },
  });
  for (let i = 0; i < count; i += 1) {
    client.connect({
      hostname: '10.77.0.1',
      port: PORT,
      data: undefined,
      socket: { open: push, drain: push, data: () => {} },
    });
  }
  const sent = client.core.tcp.counters;
  const answered = server.core.tcp.counters;
  const samples: number[] = [];
  stacks.until(() => received >= total * WARM_UP_SHARE || signal.aborted);
  const startNs = Bun.nanoseconds();
  const [firstBytes, firstSegments, firstAcks] = [received, sent.outSegs, answered.outSegs];
  let sinceNs = startNs;
  let since = firstSegments;
  stacks.until(() => {
    const segments = sent.outSegs - since;
    if (segments >= SAMPLE_SEGMENTS) {
      const nowNs = Bun.nanoseconds();
      samples.push((nowNs - sinceNs) / segments);
      sinceNs = nowNs;
      since += segments;
    }
    return received >= total || signal.aborted;
  });
  const elapsedNs = Bun.nanoseconds() - startNs;
  isOver = true;
  const gigabits = (((received - firstBytes) * 8) / elapsedNs).toFixed(2);
  const acks = (answered.outSegs - firstAcks) / (sent.outSegs - firstSegments);
  return caseOf(
    `MTU ${mtu}, ${count} connection${count === 1 ? '' : 's'}, ${name}`,
    Float64Array.from(samples),
    {
      remark:
        `${gigabits} Gbit/s, ${acks.toFixed(3)} ACKs per data segment, ` +
        `${sent.retransSegs} retransmitted`,
    },
  );
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'tcp-segments',
  description: 'Time per data segment with software GRO and TSO on and off, two stacks, one thread',
  run(options) {
    const cases: BenchCase[] = [];
    for (const mtu of MTUS) {
      for (const count of CONNECTIONS) {
        for (const knobs of KNOBS) {
          if (options.signal.aborted) break;
          options.note(`MTU ${mtu}, ${count} connections, ${knobs[0]}`);
          cases.push(load(mtu, count, knobs, options));
        }
      }
    }
    return Promise.resolve({ cases });
  },
};
