import { describe, expect, test } from 'bun:test';
import { Congestion, type TcpConfig } from './config.ts';
import { Link, type LinkOptions } from './testing/link.ts';

const MS = 1_000_000;
const BYTES = 5_000_000;
/** Longest transfer that is waited for; what has arrived by then counts. */
const LIMIT_NS = 60e9;

/** Kilobytes per second of one bulk transfer in virtual time. */
function goodput(
  rttNs: number,
  loss: number,
  reorder: number,
  config: Partial<TcpConfig>,
  path: Partial<LinkOptions> = {},
): number {
  const options = { record: false, frames: 8192, config: { sendBufferBytes: 1 << 20, ...config } };
  const link = new Link({
    seed: 71,
    delayNs: rttNs / 2,
    bitsPerSecond: 100e6,
    queueBytes: 250_000,
    loss,
    reorder,
    reorderNs: rttNs / 5,
    a: options,
    b: options,
    ...path,
  });
  const { client } = link.connect();
  const chunk = new Uint8Array(65_536);
  let written = 0;
  let received = 0;
  const fill = (): void => {
    while (written < BYTES) {
      const want = Math.min(chunk.length, BYTES - written);
      const taken = link.a.tcp.write(client, chunk, 0, want);
      written += taken;
      if (taken < want) return;
    }
  };
  link.a.onDrained = fill;
  link.b.onData = (_tcb, _frame, _at, length): void => {
    received += length;
  };
  const start = link.nowNs;
  fill();
  while (received < BYTES && link.nowNs - start < LIMIT_NS) {
    link.pump();
    if (!link.step(start + LIMIT_NS)) break;
  }
  return Math.round(received / 1000 / ((link.nowNs - start) / 1e9));
}

/**
 * The figures are exact: virtual time, one seed. A change of the table is a change of behaviour;
 * look at it, then accept it with `bun test -u`.
 */
test('goodput of 5 MB over 100 Mbit/s, by loss, round trip and way of recovery', () => {
  const ways: readonly (readonly [string, Partial<TcpConfig>])[] = [
    ['cubic', { congestion: Congestion.Cubic }],
    ['reno', { congestion: Congestion.NewReno }],
    ['cubic, no SACK', { congestion: Congestion.Cubic, sack: false }],
  ];
  const columns: readonly (readonly [string, number, number])[] = [
    ['0', 0, 0],
    ['0.1 %', 0.001, 0],
    ['1 %', 0.01, 0],
    ['5 %', 0.05, 0],
    ['20 %', 0.2, 0],
    ['reordered', 0, 0.1],
  ];
  let table = `\n${'kB/s'.padEnd(24)}${columns.map(([name]) => name.padStart(10)).join('')}`;
  for (const [name, config] of ways) {
    for (const rttMs of [1, 10, 100]) {
      table += `\n${`${name}, ${rttMs} ms`.padEnd(24)}`;
      for (const [, loss, reorder] of columns) {
        table += String(goodput(rttMs * MS, loss, reorder, config)).padStart(10);
      }
    }
  }
  expect(table).toMatchInlineSnapshot(`
    "
    kB/s                             0     0.1 %       1 %       5 %      20 % reordered
    cubic, 1 ms                  11933     11922     11800      3952        65     11920
    cubic, 10 ms                 11179      8824      2180       650        54     11176
    cubic, 100 ms                 3437      2838       223        69        16      3715
    reno, 1 ms                   11933     11912     11170      4463        68     11919
    reno, 10 ms                  11179      7289      2033       573        54      8656
    reno, 100 ms                  2847      1678       168        60        18      2776
    cubic, no SACK, 1 ms         11844     11831     11527      1609        22     11845
    cubic, no SACK, 10 ms        11179      9825      1907       528        20      6533
    cubic, no SACK, 100 ms        1235       994       255        58        11      3477"
  `);
}, 60_000);

/** A line on which losses are what limits the window, and what is late is two round trips late. */
const LATE: Partial<LinkOptions> = { bitsPerSecond: 1e9, reorderNs: MS };
const LATE_RTT_NS = 440_000;
const SEEDS = [1, 2, 3, 4] as const;

function meanGoodput(loss: number, reorder: number, duplicate: number): number {
  let sum = 0;
  for (const seed of SEEDS) {
    sum += goodput(LATE_RTT_NS, loss, reorder, {}, { ...LATE, seed, duplicate });
  }
  return sum / SEEDS.length;
}

describe('beside real losses', () => {
  test('segments that are late by two round trips cost little (RFC 3708; RFC 2883)', () => {
    expect(meanGoodput(0.015, 0.01, 0)).toBeGreaterThan(0.8 * meanGoodput(0.015, 0, 0));
  });

  test('segments that the network doubles gain nothing (RFC 3708, 3)', () => {
    expect(meanGoodput(0.015, 0, 0.05)).toBeLessThan(1.15 * meanGoodput(0.015, 0, 0));
  });
});
