import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { RX_SUMMED, RxBurst, TxBurst } from '@tickwire/phy';
import { checksumAdd, checksumFold } from '@tickwire/wire';
import fc from 'fast-check';
import { testEal, whyNoDpdk } from '../test/environment.ts';
import { createMemPool, createRingPair, DpdkDevice, type MemPool } from './index.ts';
import { addressOf, native, nativeBytes } from './native.ts';

/** Offsets of rte_mbuf that tests write to, to make what only a NIC can make. */
const MBUF_BYTES_BEFORE_DATA = 256;
const NB_SEGS = 20;
const PKT_LEN = 36;
const DATA_LEN = 40;
const NEXT = 64;

describe.skipIf(whyNoDpdk() !== undefined)('libtickwire', () => {
  let pool: MemPool;
  let a: DpdkDevice;
  let b: DpdkDevice;
  const tx = new TxBurst();
  const rx = new RxBurst();

  beforeAll(() => {
    pool = createMemPool(testEal(), { frames: 1023 });
    [a, b] = createRingPair(pool, { size: 64 });
  });

  afterAll(() => {
    a.close();
    b.close();
    expect(pool.inUse).toBe(0);
    pool.close();
  });

  /** Puts a new frame of `length` bytes with the values 1, 2, 3, ... into `slot`. */
  function put(slot: number, length: number, shift = 0): number {
    const frame = pool.arena.alloc();
    const at = pool.arena.dataAt[frame]! + shift;
    for (let i = 0; i < length; i += 1) pool.arena.bytes[at + i] = (i + 1) & 0xff;
    tx.frame[slot] = frame;
    tx.at[slot] = at;
    tx.length[slot] = length;
    tx.checksumStart[slot] = 0;
    tx.checksumAt[slot] = 0;
    return frame;
  }

  function freeReceived(count: number): void {
    for (let i = 0; i < count; i += 1) pool.arena.free(rx.frame[i]!);
  }

  test('tw_sum() equals rte_raw_cksum and RFC 1071 in TypeScript for every length', () => {
    const bytes = nativeBytes(9_216);
    const view = new DataView(bytes.buffer);
    const at = addressOf(bytes);
    const sum = fc.record({
      seed: fc.integer(),
      offset: fc.nat(64),
      length: fc.oneof(fc.nat(200), fc.nat(9_000)),
      fill: fc.constantFrom('random', 'ones'),
    });
    fc.assert(
      fc.property(sum, ({ seed, offset, length, fill }) => {
        let state = seed | 1;
        for (let i = 0; i < bytes.length; i += 1) {
          state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
          bytes[i] = fill === 'ones' ? 0xff : state >>> 24;
        }
        const actual = native().tw_sum(at + offset, length);
        expect(actual).toBe(native().tw_sum_reference(at + offset, length));
        expect(actual).toBe(checksumFold(checksumAdd(view, offset, length, 0)));
      }),
      { numRuns: 300 },
    );
  });

  test('tw_sum() is 0xddf2 for the example of RFC 1071, section 3', () => {
    const bytes = nativeBytes(8);
    bytes.set([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
    expect(native().tw_sum(addressOf(bytes), 8)).toBe(0xddf2);
  });

  // Microsoft, "Verifying the RSS hash calculation": addresses and ports, then addresses only.
  test.each([
    ['66.9.149.187', '161.142.100.80', 2794, 1766, 0x51ccc178, 0x323e8fc2],
    ['199.92.111.2', '65.69.140.83', 14230, 4739, 0xc626b0ea, 0xd718262a],
    ['24.19.198.95', '12.22.207.184', 12898, 38024, 0x5c2b394a, 0xd2d0a5de],
    ['38.27.205.30', '209.142.163.6', 48228, 2217, 0xafc7327f, 0x82989176],
    ['153.39.163.191', '202.188.127.2', 44251, 1303, 0x10e828a2, 0x5d1809c5],
  ])('tw_softrss() hashes %s to %s as Microsoft does', (src, dst, srcPort, dstPort, full, ip) => {
    const hex = '6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa';
    const key = nativeBytes(40);
    key.set(Buffer.from(hex, 'hex'));
    const tuple = nativeBytes(12);
    tuple.set([...src.split('.'), ...dst.split('.')].map(Number));
    const view = new DataView(tuple.buffer);
    view.setUint16(8, srcPort);
    view.setUint16(10, dstPort);
    expect(native().tw_softrss(addressOf(key), addressOf(tuple), 12)).toBe(full);
    expect(native().tw_softrss(addressOf(key), addressOf(tuple), 8)).toBe(ip);
  });

  test('tw_pool_alloc() hands out every frame once, then fewer than asked, then none', () => {
    const seen = new Set<number>();
    for (let frame = pool.arena.alloc(); frame >= 0; frame = pool.arena.alloc()) seen.add(frame);
    expect(seen.size).toBe(pool.capacity);
    expect(Math.max(...seen)).toBe(pool.capacity - 1);
    expect(pool.inUse).toBe(pool.capacity);
    expect(pool.availCount).toBe(0);
    for (const frame of seen) {
      expect(pool.arena.refCount(frame)).toBe(1);
      pool.arena.free(frame);
    }
    expect(pool.inUse).toBe(0);
    pool.arena.flush();
    expect(pool.availCount).toBe(pool.capacity);
  });

  test('frames do not overlap and lie as close as the mbuf allows', () => {
    const at = [...pool.arena.dataAt].toSorted((x, y) => x - y);
    const gaps = at.slice(1).map((each, i) => each - at[i]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(pool.arena.dataRoom + MBUF_BYTES_BEFORE_DATA);
    expect(Math.max(...gaps)).toBeLessThan(4096);
    expect(at.at(-1)! + pool.arena.dataRoom).toBeLessThanOrEqual(pool.arena.bytes.length);
  });

  test('a closed pool is empty and its bytes are gone', () => {
    const other = createMemPool(testEal(), { frames: 63 });
    const { arena } = other;
    const device = new DpdkDevice(b.port, other, b.share(), () => undefined);
    const frame = arena.alloc();
    expect(() => other.close()).toThrow('before its devices');
    device.close();
    arena.free(frame);
    other.close();
    other.close();
    expect(arena.bytes).toHaveLength(0);
    expect(arena.alloc()).toBe(-1);
    expect(other.availCount).toBe(0);
  });

  test('a driver drops exactly one reference of a retained frame', () => {
    const frame = put(0, 100);
    pool.arena.retain(frame);
    native().tw_pool_release(pool.address, addressOf(tx.frame), 1);
    expect(pool.arena.refCount(frame)).toBe(1);
    expect(pool.inUse).toBe(1);
    native().tw_pool_release(pool.address, addressOf(tx.frame), 1);
    expect(pool.inUse).toBe(0);
  });

  test('tw_tx_burst() gives untaken frames back with their checksum field as it was', () => {
    for (let slot = 0; slot < 64; slot += 1) {
      put(slot, 64);
      tx.checksumStart[slot] = tx.at[slot]! + 34;
      tx.checksumAt[slot] = tx.at[slot]! + 50;
    }
    // A ring of 64 slots holds 63 frames.
    expect(a.transmit(tx, 64, 0)).toBe(63);
    const last = tx.at[63]!;
    expect(Array.from(pool.arena.bytes.slice(last + 50, last + 52))).toEqual([51, 52]);
    const received = b.receive(rx, 64, 0);
    expect(received).toBe(63);
    const sum = native().tw_sum(addressOf(pool.arena.bytes) + rx.at[0]! + 34, 30);
    // The field held 51, 52 as its pseudo-header sum: the frame sums to the complement of that.
    expect(sum).toBe(checksumFold(0xffff - (51 * 256 + 52) + 0) % 0xffff);
    freeReceived(received);
    tx.frame[0] = tx.frame[63]!;
    tx.at[0] = last;
    tx.checksumStart[0] = last + 34;
    tx.checksumAt[0] = last + 50;
    expect(a.transmit(tx, 1, 0)).toBe(1);
    expect(b.receive(rx, 1, 0)).toBe(1);
    expect(native().tw_sum(addressOf(pool.arena.bytes) + rx.at[0]! + 34, 30)).toBe(sum);
    freeReceived(1);
  });

  test('tw_tx_burst() writes a checksum of 0 as 0xffff', () => {
    put(0, 64);
    const at = tx.at[0]!;
    pool.arena.bytes.fill(0, at, at + 64);
    pool.arena.view.setUint16(at + 50, 0xffff);
    tx.checksumStart[0] = at + 34;
    tx.checksumAt[0] = at + 50;
    expect(a.transmit(tx, 1, 0)).toBe(1);
    expect(pool.arena.view.getUint16(at + 50)).toBe(0xffff);
    freeReceived(b.receive(rx, 1, 0));
  });

  test.each([
    ['before its headroom', -129, 64, 0],
    ['behind its end', 2048 - 60, 64, 0],
    ['shorter than a link header', 0, 13, 0],
    ['with a checksum field behind its end', 0, 64, 63],
  ])('tw_tx_burst() refuses a frame %s', (_, shift, length, field) => {
    const frame = put(0, 0);
    tx.at[0] = pool.arena.dataAt[frame]! + shift;
    tx.length[0] = length;
    tx.checksumStart[0] = field === 0 ? 0 : tx.at[0] + 34;
    tx.checksumAt[0] = tx.at[0] + field;
    expect(() => a.transmit(tx, 1, 0)).toThrow('transmit columns');
    tx.frame[0] = pool.capacity;
    expect(() => a.transmit(tx, 1, 0)).toThrow('transmit columns');
    expect(b.receive(rx, 1, 0)).toBe(0);
    pool.arena.free(frame);
  });

  describe('padding', () => {
    let padded: DpdkDevice;

    beforeAll(() => {
      padded = new DpdkDevice(a.port, pool, { ...a.share(), isPadded: true }, () => undefined);
    });

    afterAll(() => padded.close());

    test('fills a short frame with zeros up to 60 bytes', () => {
      put(0, 64);
      tx.length[0] = 42;
      expect(padded.transmit(tx, 1, 0)).toBe(1);
      expect(b.receive(rx, 1, 0)).toBe(1);
      expect(rx.length[0]).toBe(60);
      const at = rx.at[0]!;
      expect(Array.from(pool.arena.bytes.slice(at + 41, at + 60))).toEqual([
        42,
        ...Array.from({ length: 18 }, () => 0),
      ]);
      freeReceived(1);
    });

    test('leaves the bytes behind a retained frame alone: they may be the next segment', () => {
      const frame = put(0, 64);
      tx.length[0] = 42;
      pool.arena.retain(frame);
      const at = tx.at[0]!;
      expect(padded.transmit(tx, 1, 0)).toBe(1);
      expect(pool.arena.refCount(frame)).toBe(1);
      expect(b.receive(rx, 1, 0)).toBe(1);
      expect(rx.length[0]).toBe(60);
      expect(rx.frame[0]).not.toBe(frame);
      expect(pool.arena.bytes[at + 42]).toBe(43);
      freeReceived(1);
      pool.arena.free(frame);
    });

    test('moves a frame that has no room behind it', () => {
      put(0, 42, 2048 - 42);
      expect(padded.transmit(tx, 1, 0)).toBe(1);
      expect(b.receive(rx, 1, 0)).toBe(1);
      expect(rx.length[0]).toBe(60);
      expect(Array.from(pool.arena.bytes.slice(rx.at[0], rx.at[0]! + 3))).toEqual([1, 2, 3]);
      freeReceived(1);
    });
  });

  describe('tw_rx_burst()', () => {
    /** Chains frame 1 behind frame 0 while both are on their way. */
    function sendChain(first: number, second: number): void {
      const { view, dataAt } = pool.arena;
      const tail = put(1, second);
      const tailAt = dataAt[tail]! - MBUF_BYTES_BEFORE_DATA;
      put(0, first);
      const headAt = dataAt[tx.frame[0]!]! - MBUF_BYTES_BEFORE_DATA;
      expect(a.transmit(tx, 1, 0)).toBe(1);
      view.setUint16(tailAt + DATA_LEN, second, true);
      view.setUint16(tailAt + 16, 128, true);
      view.setUint16(headAt + NB_SEGS, 2, true);
      view.setUint32(headAt + PKT_LEN, first + second, true);
      const pointer = addressOf(pool.arena.bytes) + tailAt;
      view.setUint32(headAt + NEXT, pointer >>> 0, true);
      view.setUint32(headAt + NEXT + 4, Math.floor(pointer / 2 ** 32), true);
    }

    test('joins the segments of a frame that fits', () => {
      sendChain(100, 50);
      expect(b.receive(rx, 32, 0)).toBe(1);
      expect(rx.length[0]).toBe(150);
      const at = rx.at[0]!;
      expect(pool.arena.bytes[at + 99]).toBe(100);
      expect(Array.from(pool.arena.bytes.slice(at + 100, at + 150))).toEqual(
        Array.from({ length: 50 }, (_, i) => i + 1),
      );
      expect(rx.flags[0]! & RX_SUMMED).not.toBe(0);
      expect(rx.sum[0]).toBe(checksumFold(checksumAdd(pool.arena.view, at + 14, 136, 0)));
      freeReceived(1);
      expect(pool.inUse).toBe(0);
    });

    test('drops, frees and counts a frame whose segments do not fit', () => {
      const before = b.stats.rxErrors;
      sendChain(2000, 100);
      expect(b.receive(rx, 32, 0)).toBe(0);
      expect(b.stats.rxErrors).toBe(before + 1);
      expect(pool.inUse).toBe(0);
    });

    test('drops, frees and counts frames of another pool', () => {
      using other = createMemPool(testEal(), { frames: 63 });
      using stranger = new DpdkDevice(b.port, other, b.share(), () => undefined);
      for (let slot = 0; slot < 5; slot += 1) put(slot, 100);
      expect(a.transmit(tx, 5, 0)).toBe(5);
      expect(stranger.receive(rx, 32, 0)).toBe(0);
      expect(stranger.stats.rxErrors).toBe(5);
      expect(pool.inUse).toBe(0);
    });
  });
});
