import { describe, expect, test } from 'bun:test';
import { createHeapArena, type FrameArena, ManualClock, NetError } from '@tickwire/base';
import { createLoopbackPair, type Device, type Faults, RxBurst, TxBurst } from '@tickwire/phy';
import { Stack, type TcpSocket } from '@tickwire/stack';
import { LossyBridge } from './lossy-bridge.ts';

const FRAMES = 4096;
const SEED = 20_260;
const MS = 1_000_000;

/** Two wires with a bridge between their inner ends. */
class Cable {
  readonly arena: FrameArena = createHeapArena({ frames: FRAMES, dataRoom: 2048 });
  readonly left: Device;
  readonly right: Device;
  readonly bridge: LossyBridge;
  readonly #rx = new RxBurst();
  readonly #tx = new TxBurst();

  constructor(forward: Faults, backward: Faults = {}, queueFrames = 512) {
    const wire = createLoopbackPair(this.arena);
    const other = createLoopbackPair(this.arena, { queueFrames });
    this.left = wire.a;
    this.right = other.b;
    this.bridge = new LossyBridge(wire.b, other.a, { seed: SEED, forward, backward });
  }

  /** Sends frames of 60 bytes that hold their number and an EtherType for experiments. */
  send(from: Device, first: number, count: number): void {
    const { view, bytes, dataAt } = this.arena;
    for (let i = 0; i < count; i += 1) {
      const frame = this.arena.alloc();
      const at = dataAt[frame]!;
      bytes.fill(0x55, at, at + 60);
      view.setUint16(at + 12, 0x88b5);
      view.setUint32(at + 14, first + i);
      this.#tx.frame[i] = frame;
      this.#tx.at[i] = at;
      this.#tx.length[i] = 60;
      this.#tx.checksumStart[i] = 0;
    }
    expect(from.transmit(this.#tx, count, 0)).toBe(count);
  }

  /** Numbers of the frames that have arrived. */
  arrivals(at: Device): number[] {
    const numbers: number[] = [];
    for (;;) {
      const count = at.receive(this.#rx, 64, 0);
      if (count === 0) return numbers;
      for (let i = 0; i < count; i += 1) {
        expect(this.#rx.length[i]).toBe(60);
        numbers.push(this.arena.view.getUint32(this.#rx.at[i]! + 14));
        this.arena.free(this.#rx.frame[i]!);
      }
    }
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('LossyBridge', () => {
  test('without faults passes every frame both ways, in order and at once', () => {
    const cable = new Cable({});
    for (let burst = 0; burst < 4; burst += 1) cable.send(cable.left, burst * 64, 64);
    cable.send(cable.right, 0, 5);
    expect(cable.bridge.poll(0)).toBe(2 * (4 * 64 + 5));
    expect(cable.arrivals(cable.right)).toEqual(upTo(4 * 64));
    expect(cable.arrivals(cable.left)).toEqual(upTo(5));
    expect(cable.bridge.poll(0)).toBe(0);
    expect(cable.bridge.pollAt()).toBe(Infinity);
    expect(cable.arena.available()).toBe(FRAMES);
  });

  test('delays, and says when it wants to be polled', () => {
    const cable = new Cable({ delayNs: 3 * MS });
    cable.send(cable.left, 0, 2);
    cable.bridge.poll(10 * MS);
    expect(cable.bridge.pollAt()).toBe(13 * MS);
    expect(cable.bridge.framesHeld).toBe(2);
    cable.bridge.poll(13 * MS - 1);
    expect(cable.arrivals(cable.right)).toEqual([]);
    cable.bridge.poll(13 * MS);
    expect(cable.arrivals(cable.right)).toEqual([0, 1]);
  });

  test('is a bottleneck with a drop-tail queue in one direction only', () => {
    // 60 bytes at 320 kbit/s take 1.5 milliseconds; four frames have room, the first is being sent.
    const line = { rateBitsPerSecond: 320_000, queueBytes: 4 * 60, delayNs: 20 * MS };
    const cable = new Cable(line, { delayNs: 20 * MS });
    cable.send(cable.left, 0, 10);
    cable.send(cable.right, 0, 10);
    cable.bridge.poll(0);
    cable.bridge.poll(20 * MS);
    expect(cable.arrivals(cable.left)).toEqual(upTo(10));
    expect(cable.arrivals(cable.right)).toEqual([]);
    for (const i of upTo(4)) {
      expect(cable.bridge.pollAt()).toBe((21.5 + 1.5 * i) * MS);
      cable.bridge.poll((21.5 + 1.5 * i) * MS);
      expect(cable.arrivals(cable.right)).toEqual([i]);
    }
    expect(cable.bridge.forwardFaults.overflowed).toBe(6);
    expect(cable.bridge.forwardFaults.queueBytesMost).toBe(4 * 60);
    expect(cable.bridge.framesHeld).toBe(0);
  });

  test('keeps what the other device refuses and passes it on in order', () => {
    const cable = new Cable({}, {}, 16);
    cable.send(cable.left, 0, 50);
    cable.bridge.poll(0);
    expect(cable.bridge.pollAt()).toBe(0);
    const seen: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      seen.push(...cable.arrivals(cable.right));
      cable.bridge.poll(0);
    }
    expect(seen).toEqual(upTo(50));
  });

  test('makes different trouble in each direction, the same for the same seed', () => {
    const fate = (): unknown => {
      const cable = new Cable({ drop: 0.3 }, { drop: 0.3, duplicate: 0.2 });
      cable.send(cable.left, 0, 64);
      cable.send(cable.right, 0, 64);
      cable.bridge.poll(0);
      return [cable.arrivals(cable.right), cable.arrivals(cable.left), cable.bridge.backwardFaults];
    };
    const [there, back] = fate() as [number[], number[]];
    expect(there.length).toBeLessThan(64);
    expect(back).not.toEqual(there);
    expect(new Set(back).size).toBeLessThan(back.length);
    expect(fate()).toEqual(fate());
  });

  test('gives back every frame when it closes', () => {
    const cable = new Cable({ delayNs: MS }, {}, 16);
    cable.send(cable.left, 0, 50);
    cable.bridge.poll(0);
    cable.bridge.poll(MS);
    cable.send(cable.left, 50, 10);
    cable.bridge.poll(MS);
    expect(cable.bridge.framesHeld).toBe(50 - 16 + 10);
    cable.bridge.close();
    cable.bridge.close();
    expect(cable.arrivals(cable.right)).toHaveLength(16);
    expect(cable.arena.available()).toBe(FRAMES);
  });

  test('refuses devices with pools of their own', () => {
    const { a } = createLoopbackPair(createHeapArena({ frames: 64, dataRoom: 2048 }));
    const { b } = createLoopbackPair(createHeapArena({ frames: 64, dataRoom: 2048 }));
    expect(() => new LossyBridge(a, b, { seed: 1 })).toThrow(NetError);
  });

  test(`two stacks get 300 kB through, bit by bit (seed ${SEED})`, () => {
    const faults = { drop: 0.02, corrupt: 0.01, duplicate: 0.02, reorder: 0.05, delayNs: MS };
    const cable = new Cable(faults, faults);
    const clock = new ManualClock(0);
    const common = { clock, seed: SEED };
    const client = new Stack({ ...common, device: cable.left, addresses: ['10.0.0.1/24'] });
    const server = new Stack({ ...common, device: cable.right, addresses: ['10.0.0.2/24'] });
    const sent = Uint8Array.from({ length: 300_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
    const received: number[] = [];
    let isOver = false;
    server.listen({
      port: 9,
      socket: {
        data(_socket, bytes, at, length) {
          for (let i = at; i < at + length; i += 1) received.push(bytes[i]!);
        },
        end(socket) {
          isOver = true;
          socket.end();
        },
      },
    });
    let at = 0;
    const write = (socket: Pick<TcpSocket, 'write' | 'shutdown'>): void => {
      at += socket.write(sent, at);
      if (at === sent.length) socket.shutdown();
    };
    client.connect({
      hostname: '10.0.0.2',
      port: 9,
      data: undefined,
      socket: { open: write, drain: write, data: () => {} },
    });
    let nowNs = 0;
    for (let round = 0; round < 1_000_000 && !isOver; round += 1) {
      const work = client.poll(nowNs) + server.poll(nowNs) + cable.bridge.poll(nowNs);
      if (work > 0) continue;
      nowNs = Math.min(client.pollAt(), server.pollAt(), cable.bridge.pollAt());
      expect(nowNs).toBeLessThan(Infinity);
    }
    expect(received.length).toBe(sent.length);
    expect(Uint8Array.from(received)).toEqual(sent);
    const { dropped, corrupted, duplicated, reordered } = cable.bridge.forwardFaults;
    expect(Math.min(dropped, corrupted, duplicated, reordered)).toBeGreaterThan(0);
    expect(server.core.ip.counters().tcpBadChecksum).toBeGreaterThan(0);
  });
});
