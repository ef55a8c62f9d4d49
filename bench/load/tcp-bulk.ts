/**
 * Bulk data over one TCP connection: what the data path costs per byte and per segment.
 *
 * Both stacks share one thread, so the figure is the cost of sending and receiving together.
 *
 * @module
 */

import { type BenchCase, type Benchmark, type BenchOptions, caseOf } from '../contract.ts';
import { TwoStacks } from '../two-stacks.ts';

const BYTES = 2 ** 31;
const BYTES_TINY = 2 ** 20;
/** A sample is the time of one of these. */
const SAMPLE_BYTES = 2 ** 20;
const SAMPLE_BYTES_TINY = 2 ** 16;
const PORT = 4000;
const MTUS = [1500, 9000] as const;

function bulk(mtu: number, { tiny, signal }: BenchOptions): BenchCase {
  using stacks = new TwoStacks(mtu);
  const { client, server, device } = stacks;
  const total = tiny ? BYTES_TINY : BYTES;
  const sampleBytes = tiny ? SAMPLE_BYTES_TINY : SAMPLE_BYTES;
  const samples = new Float64Array(total / sampleBytes);
  const block = new Uint8Array(256 * 1024).fill(0x5a);
  let sent = 0;
  let received = 0;
  let taken = 0;
  let sinceNs = 0;
  const push = (socket: { write: (bytes: Uint8Array, at: number, length: number) => number }) => {
    while (sent < total) {
      const wrote = socket.write(block, 0, Math.min(block.length, total - sent));
      sent += wrote;
      if (wrote < block.length) return;
    }
  };
  server.listen({
    port: PORT,
    socket: {
      data(_socket, _bytes, _at, length) {
        received += length;
        if (received < (taken + 1) * sampleBytes) return;
        const nowNs = Bun.nanoseconds();
        samples[taken] = nowNs - sinceNs;
        sinceNs = nowNs;
        taken += 1;
      },
    },
  });
  const startNs = Bun.nanoseconds();
  sinceNs = startNs;
  client.connect({
    hostname: '10.77.0.1',
    port: PORT,
    data: undefined,
    socket: { open: push, drain: push, data: () => {} },
  });
  stacks.until(() => received >= total || signal.aborted);
  const elapsedNs = Bun.nanoseconds() - startNs;
  const { outSegs, retransSegs } = client.core.tcp.counters;
  const gigabits = ((received * 8) / elapsedNs).toFixed(2);
  return caseOf(`${sampleBytes / 1024} KiB, MTU ${mtu}, ${device}`, samples.subarray(0, taken), {
    perSecond: (received * 1e9) / elapsedNs,
    rateOf: 'bytes',
    remark: `${gigabits} Gbit/s, ${outSegs} segments, ${retransSegs} retransmitted`,
  });
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'tcp-bulk',
  description: 'Bulk data over one TCP connection, MTU 1500 and 9000, two stacks, one thread',
  run(options) {
    const cases = MTUS.map((mtu) => {
      options.note(`MTU ${mtu}`);
      return bulk(mtu, options);
    });
    return Promise.resolve({ cases });
  },
};
