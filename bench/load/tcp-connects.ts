/**
 * Connections per second: handshake, one byte, orderly close, over and over.
 *
 * A fixed number of connections is under way at any time. TIME-WAIT is cut to a millisecond, else
 * the local ports would run out and the benchmark would measure that.
 *
 * @module
 */

import { type Benchmark, caseOf } from '../contract.ts';
import { TwoStacks } from '../two-stacks.ts';

const CONNECTIONS = 100_000;
const CONNECTIONS_TINY = 50;
/** Connections under way at once. */
const AT_ONCE = 32;
const TIME_WAIT_NS = 1_000_000;
const PORT = 4000;

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'tcp-connects',
  description: 'TCP handshake, one byte, orderly close; 32 at once, two stacks, one thread',
  run({ tiny, signal }) {
    using stacks = new TwoStacks(1500, { tcp: { timeWaitNs: TIME_WAIT_NS } });
    const { client, server, device } = stacks;
    const total = tiny ? CONNECTIONS_TINY : CONNECTIONS;
    const samples = new Float64Array(total);
    const byte = new Uint8Array(1);
    let begun = 0;
    let opened = 0;
    let closed = 0;
    server.listen({
      port: PORT,
      backlog: AT_ONCE * 2,
      socket: { data: (socket) => socket.end(), end: (socket) => socket.end() },
    });
    const begin = (): void => {
      begun += 1;
      client.connect({
        hostname: '10.77.0.1',
        port: PORT,
        data: Bun.nanoseconds(),
        socket: {
          open(socket) {
            samples[opened] = Bun.nanoseconds() - socket.data;
            opened += 1;
            socket.write(byte);
          },
          data: () => {},
          end: (socket) => socket.end(),
          close(_socket, error) {
            if (error !== undefined) throw error;
            closed += 1;
            if (closed > 1 && begun < total && !signal.aborted) begin();
          },
        },
      });
    };
    // The first connection resolves the neighbours; 32 at once would wait for that behind a short
    // queue, lose their SYNs and be measured a retransmission later.
    begin();
    stacks.until(() => closed === 1);
    const startNs = Bun.nanoseconds();
    const atOnce = Math.min(AT_ONCE, total);
    while (begun < atOnce) begin();
    stacks.until(() => closed === begun);
    const perSecond = ((closed - 1) * 1e9) / (Bun.nanoseconds() - startNs);
    const result = caseOf(`connect() to open on ${device}`, samples.subarray(0, opened), {
      perSecond,
      rateOf: 'connections',
    });
    return Promise.resolve({ cases: [result] });
  },
};
