import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { IpFlow } from '@tickwire/wire';
import type { TcpConfig } from './config.ts';
import { converse } from './testing/converse.ts';
import { Link, type LinkOptions } from './testing/link.ts';

const MS = 1_000_000;

describe('both directions at once, with receivers that take their time', () => {
  for (const manners of ['pause', 'pull'] as const) {
    for (const loss of [0, 0.02, 0.1]) {
      test(`${manners}, loss ${loss * 100} %: closed windows open again`, () => {
        const seed = 31 + loss * 100;
        converse({ seed, delayNs: 2 * MS, loss, reorder: loss }, 200_000, manners);
      });
    }
  }

  test('crossed rings: receivers keep the sender`s very frames', () => {
    converse({ seed: 41, delayNs: MS, loss: 0.02, reorder: 0.05, shared: true }, 200_000, 'pause');
  });

  test('Nagle, delayed ACKs and small writes do not lock one another up', () => {
    const config = { nagle: true };
    converse({ seed: 42, delayNs: MS, loss: 0.01, a: { config }, b: { config } }, 100_000, 'pause');
  });

  test('small pools on both sides', () => {
    converse(
      { seed: 43, delayNs: MS, loss: 0.02, a: { frames: 128 }, b: { frames: 128 } },
      200_000,
      'pull',
    );
  });
});

/** A link and two configurations, all from one seed. */
function randomOptions(seed: number): LinkOptions {
  const q = new Prng(seed);
  const oneOf = <T>(...values: readonly T[]): T => values[q.nextBelow(values.length)]!;
  const config = (): Partial<TcpConfig> => ({
    sack: oneOf(true, true, true, false),
    timestamps: oneOf(true, true, false),
    windowScaling: oneOf(true, true, true, false),
    congestion: oneOf(0, 1),
    nagle: oneOf(true, false, false, false),
    pacing: oneOf(true, false, false, false),
    ecn: oneOf(0, 1, 2, 3, 4, 5),
    rtoMinNs: oneOf(200, 2) * MS,
    rtoMaxNs: 2000 * MS,
    retriesMax: 100,
    synRetriesMax: 50,
    mssMax: oneOf(1460, 536, 100, 64),
    delayedAckNs: oneOf(0, 20, 40) * MS,
    receiveBufferBytes: 2048 + q.nextBelow(16_000),
    receiveBufferBytesMax: 20_000 + q.nextBelow(100_000),
    finWait2Ns: 1e12,
    receiveRuns: oneOf(true, true, false),
    sendBursts: oneOf(true, true, false),
  });
  const shared = oneOf(true, false, false);
  const frames = shared ? 2048 : oneOf(128, 2048, 2048);
  return {
    seed,
    delayNs: oneOf(10_000, MS, 20 * MS),
    loss: oneOf(0, 0.01, 0.05, 0.2),
    reorder: oneOf(0, 0.05, 0.3),
    duplicate: oneOf(0, 0.05),
    mark: oneOf(0, 0.05),
    shared,
    ...oneOf({}, { bitsPerSecond: 10e6, queueBytes: 20_000 }),
    a: { frames, config: config(), mtu: oneOf(1500, 600) },
    b: { frames, config: config(), mtu: oneOf(1500, 600) },
  };
}

describe('random links between random configurations', () => {
  const seeds: number[] = [];
  const random = new Prng(61);
  for (let i = 0; i < 200; i += 1) seeds.push(random.nextUint32());

  for (const manners of ['pause', 'pull'] as const) {
    test(`${seeds.length} of them, receivers ${manners}`, () => {
      for (const seed of seeds) {
        try {
          converse(randomOptions(seed), 30_000, manners);
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
    });
  }
});

describe('many connections', () => {
  test('open, talk and close by the hundred; everything returns to zero', () => {
    const COUNT = 400;
    const config = { connectionsMax: 1024, sendFramesTotalMax: 4096 };
    const link = new Link({
      seed: 51,
      delayNs: MS,
      loss: 0.01,
      a: { record: false, frames: 8192, config },
      b: { record: false, frames: 8192, config },
    });
    link.b.tcp.listen(0, 0, 0, 0, 80, { backlog: COUNT });
    let echoed = 0;
    let closed = 0;
    const request = new Uint8Array(100).fill(7);
    link.b.onData = (tcb, _frame, at, length): void => {
      link.b.tcp.write(tcb, link.b.arena.bytes, at, length);
    };
    link.b.onEnded = (tcb): void => {
      link.b.tcp.close(tcb, link.nowNs);
    };
    link.a.onOpened = (tcb): void => {
      link.a.tcp.write(tcb, request, 0, request.length);
    };
    link.a.onData = (tcb, _frame, _at, length): void => {
      echoed += length;
      link.a.tcp.shutdown(tcb);
    };
    link.a.onClosed = (_tcb, reason): void => {
      expect(reason).toBe(0);
      closed += 1;
    };
    for (let i = 0; i < COUNT; i += 1) {
      const flow = new IpFlow();
      flow.remote2 = 0xffff;
      flow.remote3 = link.b.address;
      expect(typeof link.a.tcp.connect(flow, 80, 0, link.nowNs)).toBe('object');
    }
    link.run(() => closed === COUNT, 600e9);
    expect(echoed).toBe(COUNT * 100);
    link.runFor(130e9);
    link.assertClean();
  });

  test('M3, smoltcp#170: idle connections are not visited', () => {
    const COUNT = 500;
    const config = { connectionsMax: 1024 };
    const link = new Link({ seed: 52, delayNs: MS, a: { config }, b: { config } });
    const { client } = link.connect();
    for (let i = 1; i < COUNT; i += 1) {
      const flow = new IpFlow();
      flow.remote2 = 0xffff;
      flow.remote3 = link.b.address;
      link.a.tcp.connect(flow, 80, 0, link.nowNs);
    }
    link.runFor(30e9);
    expect(link.b.tcp.connectionCount).toBe(COUNT);
    expect(link.a.tcp.wantsEgress()).toBe(false);
    expect(link.a.tcp.timersArmed).toBe(0);
    let looks = 0;
    const room = link.a.room.bind(link.a);
    link.a.room = (): number => {
      looks += 1;
      return room();
    };
    for (let i = 0; i < 100; i += 1) link.a.tcp.egress(link.nowNs);
    expect(looks).toBe(0);
    link.a.tcp.write(client, new Uint8Array(10), 0, 10);
    link.a.tcp.egress(link.nowNs);
    expect(looks).toBeLessThan(4);
  });
});
