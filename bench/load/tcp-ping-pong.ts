/**
 * One byte there and back over TCP: the round trip of a connection at rest.
 *
 * Client and server stack share one thread and are polled in turn, so a round trip is two polls of
 * each, and there is no wake-up in it. The clock is read once per round trip, inside the handler.
 *
 * @module
 */

import { type Benchmark, caseOf } from '../contract.ts';
import { TwoStacks } from '../two-stacks.ts';

const ROUND_TRIPS = 500_000;
const ROUND_TRIPS_TINY = 200;
const WARM_UP_SHARE = 0.2;
const PORT = 4000;

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'tcp-ping-pong',
  description: 'One byte there and back over TCP, two stacks on one wire, one thread',
  run({ tiny, signal }) {
    using stacks = new TwoStacks(1500);
    const { client, server, device } = stacks;
    const count = tiny ? ROUND_TRIPS_TINY : ROUND_TRIPS;
    const warmUp = Math.floor(count * WARM_UP_SHARE);
    const samples = new Float64Array(count);
    const byte = new Uint8Array(1);
    let done = -warmUp;
    let sentNs = 0;
    server.listen({
      port: PORT,
      socket: {
        open: (socket) => socket.setNoDelay(),
        data: (socket, bytes, at, length) => void socket.write(bytes, at, length),
      },
    });
    client.connect({
      hostname: '10.77.0.1',
      port: PORT,
      data: undefined,
      socket: {
        open(socket) {
          socket.setNoDelay();
          sentNs = Bun.nanoseconds();
          socket.write(byte);
        },
        data(socket) {
          const nowNs = Bun.nanoseconds();
          if (done >= 0 && done < count) samples[done] = nowNs - sentNs;
          done += 1;
          sentNs = nowNs;
          socket.write(byte);
        },
      },
    });
    const startNs = Bun.nanoseconds();
    stacks.until(() => done >= count || signal.aborted);
    const perSecond = ((done + warmUp) * 1e9) / (Bun.nanoseconds() - startNs);
    const taken = samples.subarray(0, Math.max(0, Math.min(done, count)));
    const result = caseOf(`round trip on ${device}`, taken, { perSecond, rateOf: 'round trips' });
    return Promise.resolve({ cases: [result] });
  },
};
