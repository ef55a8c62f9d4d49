import { describe, expect, test } from 'bun:test';
import { createHeapArena, type FrameArena, NetError } from '@tickwire/base';
import {
  CHECKSUM_GOOD,
  checksumAdd,
  checksumFold,
  emitEthernet,
  emitIpv4,
  emitUdp,
  ETHERTYPE_IPV4,
  ipv4ChecksumOk,
  ipv4Identification,
  PROTOCOL_UDP,
  pseudoSum4,
} from '@tickwire/wire';
import { deviceConformance } from './conformance.ts';
import { RX_SUMMED, RX_VERIFIED, RxBurst, TxBurst } from './device.ts';
import { FaultInjector } from './fault-injector.ts';
import type { Faults } from './fault-line.ts';
import { createLoopbackPair, type Loopback } from './loopback.ts';
import { completeChecksum } from './software-checksum.ts';

const FRAMES = 4096;
const SRC = 0x0a000001;
const DST = 0x0a000002;

deviceConformance('fault injector without faults', () => {
  const { a, b } = createLoopbackPair(createHeapArena({ frames: FRAMES, dataRoom: 2048 }));
  return { a: new FaultInjector(a, { seed: 1 }), b: new FaultInjector(b, { seed: 2 }) };
});

/** A loopback whose end `a` has faults on transmit, or whose end `b` has them on receive. */
class Wire {
  readonly arena: FrameArena = createHeapArena({ frames: FRAMES, dataRoom: 2048 });
  readonly a: FaultInjector;
  readonly b: FaultInjector;
  readonly tx: TxBurst = new TxBurst();
  readonly rx: RxBurst = new RxBurst();

  constructor(side: 'transmit' | 'receive', faults: Faults, seed = 42) {
    const { a, b } = createLoopbackPair(this.arena);
    this.a = new FaultInjector(a, side === 'transmit' ? { seed, transmit: faults } : { seed });
    this.b = new FaultInjector(b, side === 'receive' ? { seed, receive: faults } : { seed });
  }

  /** Sends datagrams numbered from `first`, at `nowNs`. */
  send(first: number, count: number, nowNs: number, payload = 100, keep = false): void {
    for (let i = 0; i < count; i += 1) {
      const frame = this.arena.alloc();
      if (keep) this.arena.retain(frame);
      const at = this.arena.dataAt[frame]!;
      const { view } = this.arena;
      emitEthernet(view, at, 0x0200, 0x0b, 0x0200, 0x0a, ETHERTYPE_IPV4);
      const total = 28 + payload;
      emitIpv4(view, at + 14, 20, 0, total, first + i, 0, 64, PROTOCOL_UDP, SRC, DST);
      const pseudo = checksumFold(pseudoSum4(SRC, DST, PROTOCOL_UDP, 8 + payload));
      emitUdp(view, at + 34, 1, 2, 8 + payload, pseudo);
      this.tx.frame[i] = frame;
      this.tx.at[i] = at;
      this.tx.length[i] = 14 + total;
      this.tx.checksumStart[i] = at + 34;
      this.tx.checksumAt[i] = at + 40;
    }
    expect(this.a.transmit(this.tx, count, nowNs)).toBe(count);
  }

  /** Numbers of what arrives by `nowNs`; `look` sees each frame before it is freed. */
  arrivals(
    nowNs: number,
    look: (at: number, length: number, slot: number) => void = () => {},
  ): number[] {
    this.a.receive(this.rx, 0, nowNs);
    const ids: number[] = [];
    for (;;) {
      const count = this.b.receive(this.rx, 64, nowNs);
      if (count === 0) return ids;
      for (let i = 0; i < count; i += 1) {
        const at = this.rx.at[i]!;
        ids.push(ipv4Identification(this.arena.view, at + 14));
        look(at, this.rx.length[i]!, i);
        this.arena.free(this.rx.frame[i]!);
      }
    }
  }

  close(): void {
    this.a.close();
    this.b.close();
    expect(this.arena.available()).toBe(FRAMES);
  }
}

function run(
  side: 'transmit' | 'receive',
  faults: Faults,
  seed = 42,
): { wire: Wire; ids: number[] } {
  const wire = new Wire(side, faults, seed);
  const ids: number[] = [];
  for (let burst = 0; burst < 100; burst += 1) {
    wire.send(burst * 50, 50, burst * 1_000);
    ids.push(...wire.arrivals(burst * 1_000));
  }
  ids.push(...wire.arrivals(1e12));
  return { wire, ids };
}

/** Bits in which two ranges differ. */
function bitsBetween(bytes: Uint8Array, a: number, b: number, length: number): number {
  let bits = 0;
  for (let i = 0; i < length; i += 1) {
    for (let x = bytes[a + i]! ^ bytes[b + i]!; x !== 0; x &= x - 1) bits += 1;
  }
  return bits;
}

describe.each(['transmit', 'receive'] as const)('FaultInjector, %s', (side) => {
  const countersOf = (wire: Wire): FaultInjector['receiveFaults'] =>
    side === 'transmit' ? wire.a.transmitFaults : wire.b.receiveFaults;

  test('drops about as many frames as asked, the same ones for the same seed', () => {
    const { wire, ids } = run(side, { drop: 0.1 });
    const { dropped, frames } = countersOf(wire);
    expect(frames).toBe(5000);
    expect(ids).toHaveLength(5000 - dropped);
    expect(dropped).toBeGreaterThan(400);
    expect(dropped).toBeLessThan(600);
    expect(run(side, { drop: 0.1 }).ids).toEqual(ids);
    expect(run(side, { drop: 0.1 }, 43).ids).not.toEqual(ids);
    wire.close();
  });

  test('duplicates into frames of their own', () => {
    const { wire, ids } = run(side, { duplicate: 0.2 });
    const { duplicated } = countersOf(wire);
    expect(duplicated).toBeGreaterThan(800);
    expect(ids).toHaveLength(5000 + duplicated);
    expect(new Set(ids).size).toBe(5000);
    wire.close();
  });

  test('reorders: nothing is lost, and held frames are overtaken', () => {
    const { wire, ids } = run(side, { reorder: 0.1, reorderNs: 5_000 });
    expect(countersOf(wire).reordered).toBeGreaterThan(400);
    expect(ids).not.toEqual(ids.toSorted((x, y) => x - y));
    expect(new Set(ids).size).toBe(5000);
    wire.close();
  });

  test('corrupts so that a checksum shows it, and spares the bytes of the sender', () => {
    const wire = new Wire(side, { corrupt: 1 });
    wire.send(0, 50, 0, 100, true);
    const kept = wire.tx.frame.slice(0, 50);
    let bad = 0;
    wire.arrivals(0, (at, length, slot) => {
      const { view } = wire.arena;
      const sum = checksumAdd(view, at + 34, length - 34, pseudoSum4(SRC, DST, 17, length - 34));
      const right = ipv4ChecksumOk(view, at + 14) && checksumFold(sum) === CHECKSUM_GOOD;
      if (!right) bad += 1;
      expect(wire.rx.flags[slot]! & RX_VERIFIED).toBe(0);
      expect(wire.rx.flags[slot]! & RX_SUMMED).not.toBe(0);
      const behind = checksumFold(checksumAdd(view, at + 14, length - 14, 0));
      expect(wire.rx.sum[slot]!).toBe(behind);
      expect(kept).not.toContain(wire.rx.frame[slot]!);
      const original = wire.arena.dataAt[kept[slot]!]!;
      if (side === 'transmit')
        completeChecksum(view, original + 34, original + 40, original + length);
      expect(bitsBetween(wire.arena.bytes, at, original, length)).toBe(1);
    });
    expect(bad).toBe(50);
    for (const frame of kept) {
      expect(ipv4ChecksumOk(wire.arena.view, wire.arena.dataAt[frame]! + 14)).toBe(true);
      expect(wire.arena.refCount(frame)).toBe(1);
      wire.arena.free(frame);
    }
    expect(countersOf(wire).corrupted).toBe(50);
    wire.close();
  });

  test('delays, in order, and says when the next frame is due', () => {
    const wire = new Wire(side, { delayNs: 1_000, jitterNs: 500 });
    wire.send(0, 10, 100);
    expect(wire.arrivals(100)).toEqual([]);
    expect(wire.arrivals(1_099)).toEqual([]);
    const due = side === 'transmit' ? wire.a.nextDueNs() : wire.b.nextDueNs();
    expect(due).toBeGreaterThanOrEqual(1_100);
    expect(due).toBeLessThan(1_600);
    expect(wire.arrivals(1_600)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(Math.min(wire.a.nextDueNs(), wire.b.nextDueNs())).toBe(Infinity);
    wire.close();
  });

  test('limits the rate and loses the tail of a queue that overflows', () => {
    // 142 bytes at 1.136 Mbit/s take one millisecond.
    const wire = new Wire(side, { rateBitsPerSecond: 1_136_000, queueFrames: 8 });
    wire.send(0, 20, 0);
    expect(wire.arrivals(0)).toEqual([]);
    expect(wire.arrivals(999_999)).toEqual([]);
    expect(wire.arrivals(3_000_000)).toEqual([0, 1, 2]);
    expect(wire.arrivals(1e9)).toEqual([3, 4, 5, 6, 7]);
    expect(countersOf(wire).overflowed).toBe(12);
    wire.close();
  });

  test('loses what the bytes waiting for the link have no room for; flight takes none', () => {
    // One millisecond a frame; room for the one that is being sent and two behind it.
    const bottleneck = { rateBitsPerSecond: 1_136_000, queueBytes: 3 * 142, delayNs: 1e9 };
    const wire = new Wire(side, bottleneck);
    wire.send(0, 5, 0);
    expect(wire.arrivals(0)).toEqual([]);
    expect(countersOf(wire).overflowed).toBe(2);
    // A frame and a half have left.
    wire.send(5, 2, 1_500_000);
    expect(wire.arrivals(1_500_000)).toEqual([]);
    expect(countersOf(wire).overflowed).toBe(3);
    expect(countersOf(wire).queueBytesMost).toBe(3 * 142);
    // The queue is empty, and all that was sent is still under way.
    wire.send(7, 3, 500_000_000);
    expect(wire.arrivals(500_000_000)).toEqual([]);
    expect(wire.arrivals(999_999_999)).toEqual([]);
    expect(wire.arrivals(2e9)).toEqual([0, 1, 2, 5, 7, 8, 9]);
    expect(countersOf(wire).overflowed).toBe(3);
    wire.close();
  });

  test('a frame that the queue had no room for does not delay the next one', () => {
    const wire = new Wire(side, { rateBitsPerSecond: 1_136_000, queueBytes: 142 });
    wire.send(0, 10, 0);
    expect(wire.arrivals(0)).toEqual([]);
    expect(wire.arrivals(1_000_000)).toEqual([0]);
    wire.send(10, 1, 1_000_000);
    expect(wire.arrivals(1_000_000)).toEqual([]);
    expect(wire.arrivals(2_000_000)).toEqual([10]);
    wire.close();
  });

  test('loses frames above a size and no others', () => {
    const wire = new Wire(side, { frameBytesMax: 142 });
    wire.send(0, 3, 0, 100);
    wire.send(3, 3, 0, 101);
    expect(wire.arrivals(0)).toEqual([0, 1, 2]);
    expect(countersOf(wire).tooLong).toBe(3);
    wire.close();
  });
});

describe('FaultInjector', () => {
  test('close() frees what is on the wire', () => {
    const wire = new Wire('transmit', { delayNs: 1e9 });
    wire.send(0, 30, 0);
    wire.close();
  });

  test('transmit() refuses while the device below is full, and loses nothing', () => {
    const arena = createHeapArena({ frames: 256, dataRoom: 2048 });
    const { a, b } = createLoopbackPair(arena, { queueFrames: 8 });
    const device = new FaultInjector(a, { seed: 1 });
    const tx = new TxBurst();
    const rx = new RxBurst();
    for (let i = 0; i < 20; i += 1) {
      const frame = arena.alloc();
      tx.frame[i] = frame;
      tx.at[i] = arena.dataAt[frame]!;
      tx.length[i] = 60 + i;
      tx.checksumStart[i] = 0;
    }
    expect(device.transmit(tx, 20, 0)).toBe(20);
    expect(device.transmit(tx, 1, 0)).toBe(0);
    expect(device.nextDueNs()).toBe(0);
    const lengths: number[] = [];
    for (let poll = 0; poll < 5; poll += 1) {
      const count = b.receive(rx, 64, 0);
      for (let i = 0; i < count; i += 1) {
        lengths.push(rx.length[i]!);
        arena.free(rx.frame[i]!);
      }
      device.receive(rx, 0, 0);
    }
    expect(lengths).toEqual([...Array(20).keys()].map((i) => 60 + i));
    expect(arena.available()).toBe(256);
  });

  test('refuses knobs that make no sense', () => {
    const arena = createHeapArena({ frames: 64, dataRoom: 2048 });
    const trusted: Loopback = createLoopbackPair(arena, { checksum: 'none' }).a;
    const make = (receive: Faults): (() => FaultInjector) => {
      return () => new FaultInjector(trusted, { seed: 1, receive });
    };
    expect(make({ drop: 1.5 })).toThrow(NetError);
    expect(make({ duplicate: Number.NaN })).toThrow(/probability/);
    expect(make({ delayNs: -1 })).toThrow(/negative/);
    expect(make({ corrupt: 0.1 })).toThrow(/checksum/);
    expect(make({ queueBytes: 1000 })).toThrow(/rate/);
    expect(make({ drop: 0.1 })).not.toThrow();
  });
});
