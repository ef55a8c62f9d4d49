/**
 * What every Device must do, as one suite: whoever writes a device runs it.
 *
 * @example
 * ```ts
 * deviceConformance('loopback', () => {
 *   const arena = createHeapArena({ frames: 1024, dataRoom: 2048 });
 *   return createLoopbackPair(arena);
 * });
 * ```
 *
 * @packageDocumentation
 */

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { FRAME_HEADROOM_BYTES, NO_FRAME } from '@tickwire/base';
import {
  CHECKSUM_GOOD,
  checksumAdd,
  checksumFold,
  emitEthernet,
  emitIpv4,
  emitUdp,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  IPV4_HEADER_BYTES,
  PROTOCOL_UDP,
  pseudoSum4,
  UDP_CHECKSUM_OFFSET,
  UDP_HEADER_BYTES,
} from '@tickwire/wire';
import {
  BURST_MAX,
  type Device,
  RX_BAD,
  RX_SUMMED,
  RX_VERIFIED,
  RxBurst,
  TxBurst,
} from './device.ts';

/** Two ends of one wire: what `a` transmits, `b` receives, and the other way round. */
export interface DeviceLink {
  readonly a: Device;
  readonly b: Device;
  /** Frees what the factory made besides the devices; called after both are closed. */
  readonly dispose?: () => void;
}

/**
 * Polls in a row that may come back empty before the suite calls a frame lost. Devices with a
 * kernel behind them deliver a little later.
 */
const EMPTY_POLLS_MAX = 10_000;
/** Bytes before the payload of the suite's packets. */
const HEADERS_BYTES = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES + UDP_HEADER_BYTES;
const SRC = 0x0a000001;
const DST = 0x0a000002;

/** One frame as the suite compares it. */
interface Received {
  bytes: Uint8Array<ArrayBuffer>;
  flags: number;
  sum: number;
}

/** Both ends, bursts, and helpers around them. */
class Bench {
  readonly tx: TxBurst = new TxBurst();
  readonly rx: RxBurst = new RxBurst();
  readonly link: DeviceLink;
  nowNs = 1_000_000;

  constructor(link: DeviceLink) {
    this.link = link;
  }

  /**
   * Puts a UDP datagram of `payload` bytes, numbered by `id`, into slot `slot` of the burst, its
   * checksum left to the device. Returns the frame.
   */
  write(from: Device, slot: number, id: number, payload: number): number {
    const { view, dataAt } = from.arena;
    const frame = from.arena.alloc();
    expect(frame).not.toBe(NO_FRAME);
    const at = dataAt[frame]!;
    const udpAt = at + ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;
    const udpLength = UDP_HEADER_BYTES + payload;
    const pseudo = checksumFold(pseudoSum4(SRC, DST, PROTOCOL_UDP, udpLength));
    emitEthernet(view, at, 0xffff, -1, 0x0200, 1, ETHERTYPE_IPV4);
    const total = IPV4_HEADER_BYTES + udpLength;
    emitIpv4(view, at + ETHERNET_HEADER_BYTES, 20, 0, total, id, 0, 64, PROTOCOL_UDP, SRC, DST);
    emitUdp(view, udpAt, 4000, id & 0xffff, udpLength, pseudo);
    for (let i = 0; i < payload; i += 1) {
      view.setUint8(udpAt + UDP_HEADER_BYTES + i, (id * 31 + i) & 0xff);
    }
    this.tx.frame[slot] = frame;
    this.tx.at[slot] = at;
    this.tx.length[slot] = HEADERS_BYTES + payload;
    this.tx.checksumStart[slot] = udpAt;
    this.tx.checksumAt[slot] = udpAt + UDP_CHECKSUM_OFFSET;
    return frame;
  }

  /** Transmits `count` slots and expects all of them to be taken. */
  send(from: Device, count: number): void {
    expect(from.transmit(this.tx, count, this.nowNs)).toBe(count);
  }

  /** Receives until `count` frames are there, copies and frees them. */
  collect(at: Device, count: number, burst: number = BURST_MAX): Received[] {
    const other = at === this.link.a ? this.link.b : this.link.a;
    const received: Received[] = [];
    let empty = 0;
    while (received.length < count && empty < EMPTY_POLLS_MAX) {
      this.nowNs += 1_000;
      // The sender's poll loop goes on too: some devices send what they held back.
      other.receive(this.rx, 0, this.nowNs);
      const got = at.receive(this.rx, burst, this.nowNs);
      expect(got).toBeLessThanOrEqual(burst);
      empty = got === 0 ? empty + 1 : 0;
      for (let i = 0; i < got; i += 1) {
        const from = this.rx.at[i]!;
        received.push({
          bytes: at.arena.bytes.slice(from, from + this.rx.length[i]!),
          flags: this.rx.flags[i]!,
          sum: this.rx.sum[i]!,
        });
        at.arena.free(this.rx.frame[i]!);
      }
    }
    return received;
  }

  /** Frames available to both ends; drivers are asked to let go first. */
  available(): number[] {
    const { a, b } = this.link;
    for (const device of [a, b]) {
      device.reclaim();
      device.arena.flush();
    }
    return a.arena === b.arena ? [a.arena.available()] : [a.arena.available(), b.arena.available()];
  }
}

/** The number that {@link Bench.write} gave to a packet. */
function idOf(frame: Received): number {
  const view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
  return view.getUint16(ETHERNET_HEADER_BYTES + 4);
}

/** Whether the UDP checksum in a received packet is right. */
function udpChecksumRight(frame: Received): boolean {
  const view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
  const at = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;
  const length = frame.bytes.length - at;
  const pseudo = pseudoSum4(SRC, DST, PROTOCOL_UDP, length);
  return checksumFold(checksumAdd(view, at, length, pseudo)) === CHECKSUM_GOOD;
}

/** Registers the suite under `name`; `factory` makes a fresh link for each test. */
export function deviceConformance(name: string, factory: () => DeviceLink): void {
  describe(`${name} is a Device`, () => {
    let bench: Bench;
    let before: number[];

    beforeEach(() => {
      bench = new Bench(factory());
      before = bench.available();
    });

    afterEach(() => {
      bench.link.a.close();
      bench.link.b.close();
      bench.link.dispose?.();
    });

    test('describes itself', () => {
      for (const device of [bench.link.a, bench.link.b]) {
        expect(device.name).not.toBe('');
        expect(device.macAddress).toHaveLength(6);
        expect(device.macAddress[0]! & 1).toBe(0);
        expect(device.capabilities.medium).toBe('ethernet');
        expect(device.capabilities.mtu).toBeGreaterThanOrEqual(576);
        expect(device.capabilities.burst).toBeGreaterThanOrEqual(1);
        expect(device.capabilities.burst).toBeLessThanOrEqual(BURST_MAX);
        const frameBytes = device.capabilities.mtu + ETHERNET_HEADER_BYTES;
        expect(frameBytes).toBeLessThanOrEqual(device.arena.dataRoom);
        expect(device.arena.headroom).toBeGreaterThanOrEqual(FRAME_HEADROOM_BYTES);
      }
      expect(bench.link.a.macAddress).not.toEqual(bench.link.b.macAddress);
    });

    test('receive() returns 0 when nothing has arrived, again and again', () => {
      const { a, b } = bench.link;
      for (let poll = 0; poll < 10; poll += 1) {
        expect(a.receive(bench.rx, BURST_MAX, bench.nowNs)).toBe(0);
        expect(b.receive(bench.rx, BURST_MAX, bench.nowNs)).toBe(0);
      }
      expect(a.receive(bench.rx, 0, bench.nowNs)).toBe(0);
      expect(a.transmit(bench.tx, 0, bench.nowNs)).toBe(0);
      expect(bench.available()).toEqual(before);
    });

    test.each([1, 2, 31, 32, BURST_MAX])('moves a burst of %d frames in order, intact', (count) => {
      const { a, b } = bench.link;
      for (const [from, to] of [[a, b] as const, [b, a] as const]) {
        for (let slot = 0; slot < count; slot += 1) bench.write(from, slot, 100 + slot, 200 + slot);
        bench.send(from, count);
        const received = bench.collect(to, count);
        expect(received.map((each) => idOf(each))).toEqual(
          Array.from({ length: count }, (_, slot) => 100 + slot),
        );
        for (const [slot, { bytes }] of received.entries()) {
          expect(bytes).toHaveLength(HEADERS_BYTES + 200 + slot);
          for (let i = 0; i < 200 + slot; i += 1) {
            if (bytes[HEADERS_BYTES + i] !== (((100 + slot) * 31 + i) & 0xff)) {
              expect(`byte ${i} of frame ${slot}`).toBe('intact');
            }
          }
        }
      }
      expect(bench.available()).toEqual(before);
    });

    test('receive() hands over at most max frames and keeps the rest', () => {
      const { a, b } = bench.link;
      for (let slot = 0; slot < 20; slot += 1) bench.write(a, slot, slot, 64);
      bench.send(a, 20);
      const received = bench.collect(b, 20, 7);
      expect(received.map((each) => idOf(each))).toEqual(Array.from({ length: 20 }, (_, i) => i));
      expect(bench.available()).toEqual(before);
    });

    test('transmit() takes a prefix when there is no room and loses nothing it refused', () => {
      const { a, b } = bench.link;
      let sent = 0;
      let refused = false;
      // More bursts than any device queues; a device that drops instead counts what it dropped.
      for (let burst = 0; burst < 64 && !refused; burst += 1) {
        if (a.arena.available() < 4 * BURST_MAX) break;
        for (let slot = 0; slot < BURST_MAX; slot += 1) bench.write(a, slot, sent + slot, 64);
        const taken = a.transmit(bench.tx, BURST_MAX, bench.nowNs);
        expect(taken).toBeGreaterThanOrEqual(0);
        expect(taken).toBeLessThanOrEqual(BURST_MAX);
        for (let slot = taken; slot < BURST_MAX; slot += 1) {
          expect(a.arena.refCount(bench.tx.frame[slot]!)).toBe(1);
          a.arena.free(bench.tx.frame[slot]!);
        }
        sent += taken;
        refused = taken < BURST_MAX;
      }
      const received = bench.collect(b, sent - a.stats.txDropped - b.stats.rxMissed);
      const ids = received.map((each) => idOf(each));
      expect(ids).toEqual(ids.toSorted((x, y) => x - y));
      expect(ids).toHaveLength(sent - a.stats.txDropped - b.stats.rxMissed);
      bench.write(a, 0, 9_999, 64);
      bench.send(a, 1);
      expect(bench.collect(b, 1).map((each) => idOf(each))).toEqual([9_999]);
      expect(bench.available()).toEqual(before);
    });

    test('transmit() drops one reference, so that a retained frame survives', () => {
      const { a, b } = bench.link;
      const frame = bench.write(a, 0, 7, 100);
      a.arena.retain(frame);
      expect(a.arena.refCount(frame)).toBe(2);
      const at = bench.tx.at[0]!;
      bench.send(a, 1);
      const first = bench.collect(b, 1)[0]!;
      a.reclaim();
      expect(a.arena.refCount(frame)).toBe(1);
      // The bytes are still the sender's: they can be sent again.
      expect(a.arena.bytes.slice(at, at + first.bytes.length)).toEqual(first.bytes);
      bench.tx.frame[0] = frame;
      bench.tx.checksumStart[0] = 0;
      bench.send(a, 1);
      expect(bench.collect(b, 1)[0]!.bytes).toEqual(first.bytes);
      expect(bench.available()).toEqual(before);
    });

    test.each([0, 1, 2, 3, 17, 18, 19, 255, 256, 1001])(
      'completes and vouches for checksums with %d bytes of payload',
      (payload) => {
        const { a, b } = bench.link;
        bench.write(a, 0, 0x1234, payload);
        bench.send(a, 1);
        const frame = bench.collect(b, 1)[0]!;
        if (a.capabilities.checksum === 'full') {
          expect(
            udpChecksumRight({ ...frame, bytes: frame.bytes.slice(0, HEADERS_BYTES + payload) }),
          ).toBe(true);
        }
        expect(frame.flags & RX_BAD).toBe(0);
        if (b.capabilities.checksum === 'none') expect(frame.flags & RX_VERIFIED).not.toBe(0);
        else expect(frame.flags & (RX_VERIFIED | RX_SUMMED)).not.toBe(0);
        if ((frame.flags & RX_SUMMED) !== 0) {
          const view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset);
          const length = frame.bytes.length - ETHERNET_HEADER_BYTES;
          const sum = checksumFold(checksumAdd(view, ETHERNET_HEADER_BYTES, length, 0));
          expect(frame.sum % 0xffff).toBe(sum % 0xffff);
        }
      },
    );

    test('does not vouch for a wrong checksum unless it is a trusted link', () => {
      const { a, b } = bench.link;
      bench.write(a, 0, 1, 101);
      // A finished field that is wrong: the device is not asked to fill it.
      a.arena.view.setUint16(bench.tx.checksumAt[0]!, 0xbad0);
      bench.tx.checksumStart[0] = 0;
      bench.send(a, 1);
      const frame = bench.collect(b, 1)[0]!;
      expect(frame.bytes.slice(40, 42)).toEqual(Uint8Array.of(0xba, 0xd0));
      if (b.capabilities.checksum === 'full') expect(frame.flags & RX_VERIFIED).toBe(0);
    });

    test('leaves frames alone that ask for no checksum', () => {
      const { a, b } = bench.link;
      bench.write(a, 0, 1, 33);
      const at = bench.tx.at[0]!;
      const length = bench.tx.length[0]!;
      const sent = a.arena.bytes.slice(at, at + length);
      bench.tx.checksumStart[0] = 0;
      bench.send(a, 1);
      expect(bench.collect(b, 1)[0]!.bytes.slice(0, length)).toEqual(sent);
    });

    test('sends from the headroom as well', () => {
      const { a, b } = bench.link;
      bench.write(a, 0, 5, 64);
      const shift = a.arena.headroom & ~1;
      const at = bench.tx.at[0]!;
      a.arena.bytes.copyWithin(at - shift, at, at + bench.tx.length[0]!);
      bench.tx.at[0] = at - shift;
      bench.tx.checksumStart[0] = bench.tx.checksumStart[0]! - shift;
      bench.tx.checksumAt[0] = bench.tx.checksumAt[0]! - shift;
      bench.send(a, 1);
      const frame = bench.collect(b, 1)[0]!;
      expect(idOf(frame)).toBe(5);
      if (a.capabilities.checksum === 'full') expect(udpChecksumRight(frame)).toBe(true);
      expect(bench.available()).toEqual(before);
    });

    test('passes a frame of exactly the MTU', () => {
      const { a, b } = bench.link;
      const payload = a.capabilities.mtu - IPV4_HEADER_BYTES - UDP_HEADER_BYTES;
      bench.write(a, 0, 3, payload);
      bench.send(a, 1);
      const frame = bench.collect(b, 1)[0]!;
      expect(frame.bytes).toHaveLength(a.capabilities.mtu + ETHERNET_HEADER_BYTES);
      if (a.capabilities.checksum === 'full') expect(udpChecksumRight(frame)).toBe(true);
    });

    test('counts frames and bytes on both sides', () => {
      const { a, b } = bench.link;
      for (let slot = 0; slot < 5; slot += 1) bench.write(a, slot, slot, 100);
      bench.send(a, 5);
      bench.collect(b, 5);
      expect(a.stats.txFrames).toBe(5);
      expect(a.stats.txBytes).toBe(5 * (HEADERS_BYTES + 100));
      expect(b.stats.rxFrames).toBe(5);
      expect(b.stats.rxBytes).toBe(5 * (HEADERS_BYTES + 100));
      expect(a.stats.txDropped + b.stats.rxMissed + b.stats.rxErrors).toBe(0);
    });

    test('takes multicast subscriptions and still delivers multicast frames', () => {
      const { a, b } = bench.link;
      b.joinMulticast(0x0100, 0x5e010203);
      bench.write(a, 0, 11, 64);
      emitEthernet(a.arena.view, bench.tx.at[0]!, 0x0100, 0x5e010203, 0x0200, 1, ETHERTYPE_IPV4);
      bench.send(a, 1);
      expect(bench.collect(b, 1).map((each) => idOf(each))).toEqual([11]);
      b.leaveMulticast(0x0100, 0x5e010203);
    });

    test('close() is idempotent, stops traffic and gives back the frames it holds', () => {
      const { a, b } = bench.link;
      for (let slot = 0; slot < 8; slot += 1) bench.write(a, slot, slot, 64);
      bench.send(a, 8);
      b.close();
      b.close();
      expect(b.receive(bench.rx, BURST_MAX, bench.nowNs)).toBe(0);
      a.close();
      const frame = bench.write(a, 0, 1, 64);
      expect(a.transmit(bench.tx, 1, bench.nowNs)).toBe(0);
      a.arena.free(frame);
      expect(bench.available()).toEqual(before);
    });
  });
}
