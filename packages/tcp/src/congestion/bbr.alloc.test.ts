import { expect, test } from 'bun:test';
import { collectsDuring } from '@tickwire/base/testing';
import { Congestion } from '../config.ts';
import { Crossed } from '../testing/crossed.ts';

/** One way takes this long: without a round trip there is no rate. */
const HALF_NS = 10_000;

test('BBR makes no garbage', async () => {
  const pair = new Crossed();
  pair.open();
  const { a, b } = pair;
  a.tcp.setCongestion(a.tcb!, Congestion.Bbr, pair.nowNs);
  const bulk = (rounds: number): void => {
    for (let round = 0; round < rounds; round += 1) {
      while (a.tcp.reserve(a.tcb!, 1448) >= 0) a.tcp.commit(a.tcb!, 1448);
      a.tcp.timers(pair.nowNs);
      a.tcp.egress(pair.nowNs);
      pair.nowNs += HALF_NS;
      pair.deliver(a, b);
      b.tcp.timers(pair.nowNs);
      b.tcp.egress(pair.nowNs);
      pair.nowNs += HALF_NS;
      pair.deliver(b, a);
    }
  };
  bulk(3000);
  const before = b.received;
  const collected = await collectsDuring(() => bulk(20_000));
  expect(b.received - before).toBeGreaterThan(20_000 * 10 * 1448);
  expect(a.tcb!.bbr!.maxBw).toBeGreaterThan(1e8);
  expect(collected).toBe(false);
}, 20_000);
