/**
 * The simulated network: exact, seeded, and honest about what it did to frames.
 */

import { describe, expect, test } from 'bun:test';
import { Sink, Source } from '../netsim/bulk.ts';
import { type SimHost, type SimNetwork, simulate } from './sim-network.ts';
import { SimLink, type SimLinkOptions } from './sim-link.ts';

const MS = 1_000_000;
const SECOND = 1_000_000_000;

/** Sends `total` bytes from `a` to `b`; the sink that received them. */
function transfer(net: SimNetwork, a: SimHost, b: SimHost, total: number, limitNs: number): Sink {
  const sink = new Sink();
  b.stack.listen({
    port: 7,
    socket: { data: (_socket, bytes, at, length) => sink.take(bytes, at, length) },
  });
  const source = new Source(total);
  a.stack.connect({
    hostname: b.address,
    port: 7,
    data: undefined,
    socket: {
      open: (socket) => {
        source.fill(socket);
        if (source.sent === total) socket.end();
      },
      drain: (socket) => {
        source.fill(socket);
        if (source.sent === total) socket.end();
      },
    },
  });
  net.time.advanceTo(net.time.nowNs + limitNs, () => sink.received >= total);
  return sink;
}

/** Everything that a run says about itself. */
function fingerprint(seed: number, options: SimLinkOptions): unknown {
  return simulate(seed, (net) => {
    const a = net.addHost('10.0.0.1/24');
    const b = net.addHost('10.0.0.2/24');
    net.connect(a, b, options);
    const sink = transfer(net, a, b, 300_000, 120 * SECOND);
    const links = net.links.map((link) => Object.entries(link.counters));
    return { received: sink.received, nowNs: net.time.nowNs, links };
  });
}

describe('SimNetwork', () => {
  const bad: SimLinkOptions = {
    delayNs: 5 * MS,
    rateBitsPerSecond: 50_000_000,
    loss: 0.03,
    reorder: 0.1,
    duplicate: 0.05,
    corrupt: 0.02,
  };

  test.each([1, 2, 3, 4, 5])('delivers every byte over a bad link (seed %d)', (seed) => {
    const run = fingerprint(seed, bad) as { received: number; links: [string, number][][] };
    expect(run.received).toBe(300_000);
    expect(new Map(run.links[0]).get('lost')).toBeGreaterThan(0);
  });

  test('runs the same way with the same seed, and another with another', () => {
    expect(fingerprint(9, bad)).toEqual(fingerprint(9, bad));
    expect(fingerprint(9, bad)).not.toEqual(fingerprint(10, bad));
  });

  test('resolves addresses through switches', () => {
    simulate(1, (net) => {
      const left = net.addSwitch();
      const right = net.addSwitch();
      net.connect(left, right, { delayNs: MS });
      const a = net.addHost('10.0.0.1/24');
      const b = net.addHost('10.0.0.2/24');
      const c = net.addHost('10.0.0.3/24');
      net.connect(a, left);
      net.connect(b, right);
      net.connect(c, right);
      expect(transfer(net, a, b, 50_000, 10 * SECOND).received).toBe(50_000);
      // Once learnt, nobody else hears the conversation: only ARP was flooded.
      expect(c.device.stats.rxFrames).toBeLessThan(4);
    });
  });

  test('tells the seed of a run that fails', () => {
    const run = (): void =>
      simulate(77, (net) => {
        net.time.advance(SECOND);
        throw new Error('boom');
      });
    expect(run).toThrow('With seed 77 after 2000000000 ns: boom');
  });

  test('gives every frame back', () => {
    simulate(3, (net) => {
      const tcp = { timeWaitNs: SECOND };
      const a = net.addHost('10.0.0.1/24', { tcp });
      const b = net.addHost('10.0.0.2/24', { tcp });
      net.connect(a, b, { delayNs: MS, loss: 0.05 });
      transfer(net, a, b, 100_000, 60 * SECOND);
      net.time.advance(600 * SECOND);
      for (const host of [a, b]) {
        expect(host.stack.core.tcp.connectionCount).toBe(0);
        expect(host.framesInUse()).toBe(0);
      }
    });
  });
});

describe('SimLink', () => {
  const frame = (length: number): Uint8Array => new Uint8Array(length);

  test('delivers after its delay and its transmission time, in order', () => {
    const seen: [number, number][] = [];
    const options = { delayNs: 1000, rateBitsPerSecond: 8_000_000 };
    const link = new SimLink(options, 1, (bytes, nowNs) => seen.push([bytes.length, nowNs]));
    link.send(frame(100), 0);
    link.send(frame(50), 0);
    // 8 Mbit/s is a byte per microsecond.
    expect(link.pollAt()).toBe(101_000);
    link.poll(200_000);
    expect(seen).toEqual([
      [100, 200_000],
      [50, 200_000],
    ]);
  });

  test('drops at the tail of a full queue', () => {
    const link = new SimLink({ rateBitsPerSecond: 8_000_000, queueFrames: 2 }, 1, () => {});
    for (let i = 0; i < 10; i += 1) link.send(frame(100), 0);
    // One is being sent and two wait.
    expect(link.counters.overflowed).toBe(7);
  });

  test('loses, reorders and duplicates as often as it was told', () => {
    let delivered = 0;
    const options = { loss: 0.1, reorder: 0.2, duplicate: 0.3 };
    const link = new SimLink(options, 5, () => {
      delivered += 1;
    });
    const count = 20_000;
    for (let i = 0; i < count; i += 1) link.send(frame(60), i);
    link.poll(Number.MAX_SAFE_INTEGER);
    const { lost, reordered, duplicated } = link.counters;
    expect(lost / count).toBeCloseTo(0.1, 1);
    expect(reordered / (count - lost)).toBeCloseTo(0.2, 1);
    expect(duplicated / (count - lost)).toBeCloseTo(0.3, 1);
    expect(delivered).toBe(count - lost + duplicated);
  });

  test('turning one knob leaves the losses of another where they were', () => {
    const fates = (options: SimLinkOptions): number[] => {
      const arrived: number[] = [];
      const link = new SimLink(options, 5, (bytes) => arrived.push(bytes.length));
      for (let i = 0; i < 200; i += 1) link.send(frame(60 + i), i);
      link.poll(Number.MAX_SAFE_INTEGER);
      return [...new Set(arrived)].toSorted((x, y) => x - y);
    };
    expect(fates({ loss: 0.2, duplicate: 0.5, reorder: 0.3 })).toEqual(fates({ loss: 0.2 }));
  });
});
