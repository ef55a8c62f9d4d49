import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { Link, type LinkOptions } from './testing/link.ts';
import { patternByte } from './testing/scripted-peer.ts';
import type { Tcb } from './tcb.ts';

const MS = 1_000_000;

/**
 * Sends `total` bytes of the pattern from `a` to `b`, so many writes in a hundred as urgent data,
 * checks every byte, closes both ways.
 */
function transfer(options: LinkOptions, total: number, limitNs: number, urgentPercent = 0): Link {
  const link = new Link({
    ...options,
    a: { record: false, ...options.a },
    b: { record: false, ...options.b },
  });
  const { client, server } = link.connect();
  const chunk = new Uint8Array(16_384);
  const pieces = new Prng(options.seed);
  let written = 0;
  let received = 0;
  let wrong = 0;
  // Ends of urgent data: the last that was written, and those that were told.
  let marked = 0;
  const told: number[] = [];
  const fill = (): void => {
    while (written < total) {
      const want = Math.min(1 + pieces.nextBelow(chunk.length), total - written);
      for (let i = 0; i < want; i += 1) chunk[i] = patternByte(written + i);
      const isUrgent = urgentPercent > 0 && pieces.nextBelow(100) < urgentPercent;
      const { tcp } = link.a;
      const taken = isUrgent
        ? tcp.writeUrgent(client, chunk, 0, want)
        : tcp.write(client, chunk, 0, want);
      if (taken < 0) throw new Error(`write: ${taken}`);
      written += taken;
      if (isUrgent && taken > 0) marked = written;
      if (taken < want) return;
    }
    link.a.tcp.shutdown(client);
  };
  link.a.onDrained = fill;
  link.b.onData = (_tcb: Tcb, _frame: number, at: number, length: number): void => {
    const bytes = link.b.arena.bytes;
    for (let i = 0; i < length; i += 1) {
      if (bytes[at + i] !== patternByte(received + i)) wrong += 1;
    }
    received += length;
  };
  link.b.onUrgent = (tcb): void => {
    const mark = received + link.b.tcp.urgentBytes(tcb);
    expect(mark).toBeGreaterThan(told.at(-1) ?? received);
    expect(mark).toBeLessThanOrEqual(marked);
    told.push(mark);
  };
  link.b.onEnded = (tcb): void => {
    link.b.tcp.shutdown(tcb);
  };
  fill();
  link.run(() => link.a.of(client).closed !== '' && link.b.of(server).closed !== '', limitNs);
  expect(wrong).toBe(0);
  expect(received).toBe(total);
  expect(told.at(-1) ?? 0).toBe(marked);
  expect(link.a.of(client).closed).toBe('finished');
  expect(link.b.of(server).closed).toBe('finished');
  link.runFor(61e9);
  link.assertClean();
  return link;
}

describe('bulk transfer is bit-exact and does not stall', () => {
  for (const loss of [0, 0.001, 0.01, 0.05, 0.2]) {
    for (const seed of [1, 2, 3]) {
      test(`loss ${loss * 100} %, seed ${seed}`, () => {
        const total = loss >= 0.05 ? 400_000 : 2_000_000;
        transfer(
          { seed, delayNs: 5 * MS, bitsPerSecond: 100e6, queueBytes: 100_000, loss },
          total,
          3000e9,
        );
      });
    }
  }

  for (const sack of [true, false]) {
    for (const timestamps of [true, false]) {
      for (const congestion of [0, 1] as const) {
        const name = `sack ${sack}, timestamps ${timestamps}, controller ${congestion}`;
        test(`loss 3 %, reordering 3 %, ${name}`, () => {
          const config = { sack, timestamps, congestion };
          transfer(
            {
              seed: 21,
              delayNs: 5 * MS,
              loss: 0.03,
              reorder: 0.03,
              reorderNs: 4 * MS,
              a: { config },
              b: { config },
            },
            500_000,
            3000e9,
          );
        });
      }
    }
  }

  for (const seed of [1, 2, 3]) {
    test(`urgent data: the stream is whole, the last mark told, seed ${seed} (RFC 6093)`, () => {
      const config = { receiveBufferBytes: 32_768, receiveBufferBytesMax: 32_768 };
      const bad = { loss: 0.02, reorder: 0.02, reorderNs: 4 * MS };
      const options = { seed, delayNs: 5 * MS, ...bad, b: { config } };
      transfer(options, 300_000, 3000e9, 20);
    });
  }

  test('a marking network: ECN keeps the window down and nothing is lost (RFC 3168)', () => {
    const config = { ecn: 1 } as const;
    const link = transfer(
      { seed: 22, delayNs: 5 * MS, mark: 0.01, a: { config }, b: { config } },
      2_000_000,
      1000e9,
    );
    expect(link.a.tcp.counters.ecnReductions).toBeGreaterThan(3);
    expect(link.a.tcp.counters.retransSegs).toBe(0);
  });

  test('pacing', () => {
    const link = transfer(
      {
        seed: 23,
        delayNs: 5 * MS,
        bitsPerSecond: 100e6,
        queueBytes: 60_000,
        loss: 0.001,
        a: { config: { pacing: true } },
      },
      2_000_000,
      1000e9,
    );
    expect(link.a.tcp.counters.timeouts).toBe(0);
  });

  test('the receive buffer grows with the path (100 ms, 100 Mbit/s)', () => {
    const config = { sendBufferBytes: 4 << 20, sendFramesMax: 4096 };
    const link = transfer(
      {
        seed: 24,
        delayNs: 50 * MS,
        bitsPerSecond: 100e6,
        queueBytes: 2_000_000,
        a: { frames: 16_384, config },
        b: { frames: 16_384, config },
      },
      40_000_000,
      1000e9,
    );
    // With the first buffer of 256 KiB it would take 15 s.
    expect((link.nowNs - 61e9) / 1e9).toBeLessThan(8);
  });

  test('reordering, duplication and corruption together', () => {
    transfer(
      {
        seed: 7,
        delayNs: 2 * MS,
        loss: 0.01,
        reorder: 0.1,
        reorderNs: 3 * MS,
        duplicate: 0.05,
        corrupt: 0.01,
      },
      1_000_000,
      1000e9,
    );
  });

  test('crossed rings: both ends read the very same frames', () => {
    const link = transfer(
      { seed: 8, delayNs: MS, loss: 0.02, reorder: 0.05, duplicate: 0.02, shared: true },
      1_000_000,
      1000e9,
    );
    expect(link.a.tcp.counters.retransSegs).toBeGreaterThan(0);
  });

  test('small pools: frames run out on both sides and the transfer goes on', () => {
    transfer(
      {
        seed: 9,
        delayNs: MS,
        loss: 0.01,
        a: { frames: 300, config: { sendFramesMax: 300, sendBufferBytes: 1 << 20 } },
        b: { frames: 300 },
      },
      500_000,
      1000e9,
    );
  });

  test('gvisor#9778: reordering on a 20 microsecond network is not taken for loss', () => {
    const config = { rtoMinNs: MS };
    const link = transfer(
      {
        seed: 25,
        delayNs: 10_000,
        reorder: 0.05,
        reorderNs: 3000,
        a: { config },
        b: { config },
      },
      4_000_000,
      10e9,
    );
    const { retransSegs, outSegs, timeouts } = link.a.tcp.counters;
    expect(timeouts).toBe(0);
    expect(retransSegs / outSegs).toBeLessThan(0.01);
  });

  test('M6: a 20 microsecond network recovers from loss in milliseconds', () => {
    const link = transfer(
      {
        seed: 10,
        delayNs: 10_000,
        loss: 0.01,
        a: { config: { rtoMinNs: MS } },
        b: { config: { rtoMinNs: MS } },
      },
      1_000_000,
      10e9,
    );
    expect(link.a.tcp.counters.retransSegs).toBeGreaterThan(0);
  });
});
