import { expect, test } from 'bun:test';
import { Prng, Status } from '@tickwire/base';
import { Cidr, IpAddress } from '@tickwire/wire';
import fc from 'fast-check';
import { ACTIVE_NS } from './neighbours.ts';
import { AddressIndex, NO_INDEX } from './address-index.ts';
import { Routes } from './routes.ts';
import { TokenBucket } from './token-bucket.ts';
import { Host, ip4, SECOND, viewOf } from '../test/harness.ts';

test('AddressIndex agrees with a Map under churn at full load', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Prng(seed);
      const index = new AddressIndex(16, random);
      const model = new Map<number, number>();
      for (let step = 0; step < 600; step += 1) {
        const word = random.nextBelow(32);
        const at = index.find(0, 0, 0xffff, word);
        expect(at).toBe(model.get(word) ?? NO_INDEX);
        if (at !== NO_INDEX && random.nextBelow(2) === 0) {
          index.remove(at);
          model.delete(word);
        } else if (at === NO_INDEX) {
          const fresh = index.insert(0, 0, 0xffff, word);
          if (model.size === 16) expect(fresh).toBe(NO_INDEX);
          else {
            expect([...model.values()]).not.toContain(fresh);
            model.set(word, fresh);
          }
        }
        expect(index.size).toBe(model.size);
      }
    }),
    { numRuns: 50 },
  );
});

test('Routes.lookup() finds the longest prefix that a linear search finds', () => {
  const prefix = fc.record({
    word: fc.integer({ min: 0, max: 255 }).map((n) => (10 << 24) | (n << 16) | (n << 4)),
    bits: fc.constantFrom(0, 4, 8, 12, 16, 24, 28, 32),
  });
  fc.assert(
    fc.property(
      fc.array(prefix, { maxLength: 20 }),
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 5 }),
      fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 5 }),
      (prefixes, probes, removals) => {
        const routes = new Routes(32);
        const model = new Map<string, { cidr: Cidr; gateway: number }>();
        for (const [i, { word, bits }] of prefixes.entries()) {
          const cidr = new Cidr(IpAddress.v4(word), bits);
          const key = new Cidr(cidr.network, bits).toString();
          routes.add(0, 0, 0xffff, word, bits + 96, true, 0, 0, 0xffff, i);
          model.set(key, { cidr, gateway: i });
        }
        for (const removal of removals) {
          const key = [...model.keys()][removal];
          if (key === undefined) continue;
          const { address, prefix128 } = Cidr.parse(key);
          expect(routes.remove(0, 0, 0xffff, address.v4, prefix128)).toBe(Status.Ok);
          model.delete(key);
        }
        expect(routes.size).toBe(model.size);
        for (const probe of [...probes, 1, 2]) {
          const word = (10 << 24) | (probe << 16) | (probe << 4);
          const matching = [...model.values()].filter((r) => r.cidr.contains(IpAddress.v4(word)));
          matching.sort((a, b) => b.cidr.prefix - a.cidr.prefix);
          const found = routes.lookup(0, 0, 0xffff, word);
          if (matching.length === 0) expect(found).toBe(Status.Unreachable);
          else expect(routes.hop3).toBe(matching[0]!.gateway);
        }
      },
    ),
  );
});

test('TokenBucket gives what a bucket gives', () => {
  const bucket = new TokenBucket(10, 3, 0);
  const taken: boolean[] = [];
  for (const ms of [0, 0, 0, 0, 99, 100, 150, 1000, 1000, 1000, 1000])
    taken.push(bucket.take(ms * 1e6));
  expect(taken).toEqual([true, true, true, false, false, true, false, true, true, true, false]);
});

/**
 * Peers come, answer, fall silent and return, in a table smaller than their number. Whatever
 * happens: a peer that answers gets its packets in order, an active one is never forgotten, nobody
 * is asked more than once a second, no queue exceeds its limit, and no frame is lost.
 */
test('the neighbour table keeps its promises under churn', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Prng(seed);
      const host = new Host({ limits: { neighbours: 12 } }, 512, 256, seed);
      const peers = 24;
      const silent = new Set<number>();
      const askedNs = new Map<number, number>();
      const resolvedNs = new Map<number, number>();
      const usedNs = new Map<number, number>();
      const sequence = new Map<number, number>();
      const arrived = new Map<number, number>();
      const drain = (): void => {
        for (const bytes of host.take()) {
          const view = viewOf(bytes);
          if (view.getUint16(12) === 0x0806) {
            const target = view.getInt32(38) & 255;
            const lastNs = askedNs.get(target) ?? Number.NEGATIVE_INFINITY;
            // An evicted peer is a new peer: its clock is gone with it.
            if (usedNs.has(target)) expect(host.nowNs - lastNs).toBeGreaterThanOrEqual(SECOND);
            askedNs.set(target, host.nowNs);
            if (silent.has(target)) continue;
            host.resolve(ip4('10.0.0.' + String(target)));
            resolvedNs.set(target, host.nowNs);
          } else {
            const target = view.getInt32(30) & 255;
            const number = view.getUint32(42);
            expect(number).toBeGreaterThan(arrived.get(target) ?? -1);
            arrived.set(target, number);
          }
        }
      };
      for (let step = 0; step < 400; step += 1) {
        const last = 2 + random.nextBelow(peers);
        const action = random.nextBelow(10);
        if (action === 0) silent.add(last);
        else if (action === 1) silent.delete(last);
        else if (action < 8) {
          const number = (sequence.get(last) ?? 0) + 1;
          sequence.set(last, number);
          const flow = host.flow(ip4('10.0.0.' + String(last)));
          const frame = host.arena.alloc();
          const at = host.arena.dataAt[frame]!;
          host.arena.view.setUint32(at + 8, number);
          host.ip.output(flow, 17, frame, at, 12, 6, host.nowNs);
          usedNs.set(last, host.nowNs);
        } else
          host.advance(random.nextBelow(random.nextBelow(20) === 0 ? 70 * SECOND : SECOND), drain);
        drain();
        drain();
        const rows = host.ip.neighbours();
        expect(rows.length).toBeLessThanOrEqual(12);
        const known = new Set(rows.map((row) => Number(row.address.split('.')[3])));
        for (const row of rows) expect(row.queuedFrames).toBeLessThanOrEqual(8);
        for (const peer of usedNs.keys()) {
          if (known.has(peer)) continue;
          usedNs.delete(peer);
          resolvedNs.delete(peer);
          askedNs.delete(peer);
        }
        expect(host.framesInUse).toBe(host.ip.framesHeld);
      }
      silent.clear();
      host.advance(ACTIVE_NS, drain);
      host.advance(20 * SECOND, drain);
      expect(host.framesInUse).toBe(0);
    }),
    { numRuns: 40 },
  );
});

test('an active peer survives any number of strangers', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Prng(seed);
      const host = new Host({ limits: { neighbours: 8 } }, 512, 256, seed);
      const active = host.flow(ip4('10.0.0.2'));
      host.sendUdp(active, 1);
      host.resolve();
      let sent = 0;
      host.take();
      for (let step = 0; step < 300; step += 1) {
        const stranger = ip4('10.0.0.3') + random.nextBelow(200);
        host.sendUdp(host.flow(stranger), 1);
        if (random.nextBelow(4) === 0) host.resolve(stranger);
        if (random.nextBelow(3) === 0) {
          expect(host.sendUdp(active, 1)).toBe(Status.Ok);
          sent += 1;
        }
        host.advance(random.nextBelow(0.05 * SECOND));
      }
      const got = host.take().filter((b) => viewOf(b).getInt32(30) === ip4('10.0.0.2')).length;
      expect(got).toBe(sent);
    }),
    { numRuns: 30 },
  );
});
