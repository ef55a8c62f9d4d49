import { expect, test } from 'bun:test';
import { collectsDuring } from '@tickwire/base/testing';
import { RawClient, RawHost, SynFlood } from './testing/raw-host.ts';

/** One object per SYN would be 24 MB or more: several collections. */
const SYNS = 1_000_000;
/** 32 SYNs in 160 us are 200,000 in a second. */
const BURST = 32;
const BURST_NS = 160_000;

test('a flood of SYNs makes no garbage, with cookies and without', async () => {
  for (const synCookies of [0, 1] as const) {
    const host = new RawHost({ connectionsMax: 16, synCacheMax: 1024, synCookies });
    host.tcp.listen(0, 0, 0, 0, 80);
    const attack = new SynFlood(host, 80, 9);
    const run = (syns: number): void => {
      for (let i = 0; i < syns; i += BURST) {
        host.nowNs += BURST_NS;
        attack.burst(BURST);
        host.round();
      }
    };
    run(50_000);
    expect(await collectsDuring(() => run(SYNS))).toBe(false);
  }
}, 60_000);

test('opening and closing makes no garbage', async () => {
  const host = new RawHost({ connectionsMax: 64 });
  host.tcp.listen(0, 0, 0, 0, 80);
  const client = new RawClient(host, 0x0a000002, 0, 80);
  let failed = 0;
  const run = (from: number, count: number): void => {
    for (let i = from; i < from + count; i += 1) {
      client.port = 1 + (i % 65_000);
      host.nowNs += 20_000;
      client.tsVal = 1000 + i;
      if (!client.open(i * 1000) || !client.ping(20) || !client.close()) failed += 1;
    }
  };
  run(0, 20_000);
  expect(await collectsDuring(() => run(20_000, 400_000))).toBe(false);
  expect(failed).toBe(0);
}, 60_000);
