import { expect, test } from 'bun:test';
import { collectsDuring } from '@tickwire/base/testing';
import { Ecn } from './config.ts';
import { Crossed } from './testing/crossed.ts';

/** Sends `count` segments of `size` bytes from `a` to `b`, as fast as the windows allow. */
function bulk(pair: Crossed, count: number, size: number): void {
  const { a, b } = pair;
  const tcb = a.tcb!;
  let sent = 0;
  while (sent < count) {
    for (let i = 0; i < 32 && sent < count; i += 1) {
      const at = a.tcp.reserve(tcb, size);
      if (at < 0) break;
      a.arena.bytes[at] = sent & 0xff;
      a.tcp.commit(tcb, size);
      sent += 1;
    }
    pair.round(20_000);
  }
  for (let i = 0; i < 4; i += 1) pair.round(20_000);
  expect(b.tcb).toBeDefined();
}

test('bulk by reserve() and commit() makes no garbage', async () => {
  const pair = new Crossed();
  pair.open();
  bulk(pair, 20_000, 1448);
  const before = pair.b.received;
  const collected = await collectsDuring(() => bulk(pair, 300_000, 1448));
  expect((pair.b.received - before) % (300_000 * 1448)).toBe(0);
  expect(collected).toBe(false);
});

test('Accurate ECN makes no garbage, marks and options included', async () => {
  const pair = new Crossed({ ecn: Ecn.Accurate });
  pair.open();
  pair.a.markEvery = 20;
  const size = pair.a.tcb!.mss;
  bulk(pair, 20_000, size);
  const { deliveredCe } = pair.a.tcp.counters;
  const collected = await collectsDuring(() => bulk(pair, 200_000, size));
  expect(pair.a.tcp.counters.deliveredCe - deliveredCe).toBeGreaterThan(9000);
  expect(pair.a.tcb!.sndCep).toBe(pair.b.tcb!.rcvCep);
  expect(collected).toBe(false);
});

test('bulk by write() makes no garbage', async () => {
  const pair = new Crossed();
  pair.open();
  const bytes = new Uint8Array(10_000);
  const run = (rounds: number): void => {
    for (let i = 0; i < rounds; i += 1) {
      pair.a.tcp.write(pair.a.tcb!, bytes, 0, bytes.length);
      pair.round(20_000);
    }
  };
  run(3000);
  const collected = await collectsDuring(() => run(50_000));
  expect(collected).toBe(false);
});

test('ping-pong makes no garbage', async () => {
  const pair = new Crossed();
  pair.open();
  pair.b.echo = true;
  const { a } = pair;
  const run = (rounds: number): void => {
    for (let i = 0; i < rounds; i += 1) {
      const at = a.tcp.reserve(a.tcb!, 48);
      if (at >= 0) a.tcp.commit(a.tcb!, 48);
      pair.round(10_000);
      pair.round(10_000);
    }
  };
  run(20_000);
  const before = a.received;
  const collected = await collectsDuring(() => run(300_000));
  expect((a.received - before) % (300_000 * 48)).toBe(0);
  expect(collected).toBe(false);
});
