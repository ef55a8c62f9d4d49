/**
 * Several flows over one bottleneck in virtual time: how evenly they share it.
 *
 * @module
 */

import type { Congestion } from '@tickwire/tcp';
import type { SimHost } from '../net/sim-network.ts';
import { simulate } from '../net/sim-network.ts';
import { Sink, Source } from './bulk.ts';

const NS = 1_000_000_000;
const MS = 1_000_000;
const PORT = 5001;
/** The bottleneck, with a queue of about one bandwidth-delay product. */
const BOTTLENECK_BITS_PER_SECOND = 20_000_000;
const RTT_MS = 20;
const QUEUE_FRAMES = 34;
/** Flows begin this far apart, so that they do not move in step. */
const STAGGER_NS: number = 50 * MS;

/** What came of a fairness run. */
export interface FairnessResult {
  readonly flows: number;
  /** Bytes per second of each flow after the first quarter. */
  readonly goodputs: readonly number[];
  /** Jain's index: 1 is even, 1/n is one flow alone. */
  readonly jain: number;
  /** Share of the bottleneck's rate that arrived as data. */
  readonly utilisation: number;
}

/** Jain's fairness index of some rates. */
export function jainIndex(rates: readonly number[]): number {
  const sum = rates.reduce((total, rate) => total + rate, 0);
  const squares = rates.reduce((total, rate) => total + rate * rate, 0);
  return squares === 0 ? 1 : (sum * sum) / (rates.length * squares);
}

/** Runs `flows` transfers between hosts of their own over one bottleneck. */
export function runFairness(
  flows: number,
  seconds: number,
  congestion: Congestion,
  seed: number,
): FairnessResult {
  return simulate(seed, (net) => {
    const left = net.addSwitch();
    const right = net.addSwitch();
    const delayNs = (RTT_MS / 2) * MS;
    net.connect(
      left,
      right,
      { delayNs, rateBitsPerSecond: BOTTLENECK_BITS_PER_SECOND, queueFrames: QUEUE_FRAMES },
      { delayNs, rateBitsPerSecond: BOTTLENECK_BITS_PER_SECOND },
    );
    const senders: SimHost[] = [];
    const sinks: Sink[] = [];
    for (let i = 0; i < flows; i += 1) {
      const sender = net.addHost(`10.0.0.${10 + i}/24`, { tcp: { congestion } });
      const receiver = net.addHost(`10.0.0.${100 + i}/24`, { tcp: { congestion } });
      net.connect(sender, left);
      net.connect(receiver, right);
      senders.push(sender);
      const sink = new Sink();
      sinks.push(sink);
      receiver.stack.listen({
        port: PORT,
        socket: { data: (_socket, bytes, at, length) => sink.take(bytes, at, length) },
      });
    }
    net.introduceAll();
    const startNs = net.time.nowNs;
    for (let i = 0; i < flows; i += 1) {
      net.time.advanceTo(startNs + i * STAGGER_NS);
      const source = new Source(Number.MAX_SAFE_INTEGER);
      senders[i]!.stack.connect({
        hostname: `10.0.0.${100 + i}`,
        port: PORT,
        data: undefined,
        socket: { open: (socket) => source.fill(socket), drain: (socket) => source.fill(socket) },
      });
    }
    net.time.advanceTo(startNs + (seconds * NS) / 4);
    const before = sinks.map((sink) => sink.received);
    const fromNs = net.time.nowNs;
    net.time.advanceTo(startNs + seconds * NS);
    const spanSeconds = (net.time.nowNs - fromNs) / NS;
    const goodputs = sinks.map((sink, i) => Math.round((sink.received - before[i]!) / spanSeconds));
    const total = goodputs.reduce((sum, rate) => sum + rate, 0);
    return {
      flows,
      goodputs,
      jain: jainIndex(goodputs),
      utilisation: (total * 8) / BOTTLENECK_BITS_PER_SECOND,
    };
  });
}
