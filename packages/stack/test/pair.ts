/**
 * Two stacks on a loopback wire in virtual time, for tests.
 */

import { createHeapArena, type FrameArena, ManualClock } from '@tickwire/base';
import { createLoopbackPair, type Device, type LoopbackOptions } from '@tickwire/phy';
import { Stack, type StackOptions } from '../src/index.ts';

/** Options of {@link createPair}. */
export interface PairOptions {
  readonly frames?: number;
  readonly loopback?: LoopbackOptions;
  readonly a?: Partial<StackOptions>;
  readonly b?: Partial<StackOptions>;
  /** Puts something between a device and its stack. */
  readonly wrap?: (device: Device) => Device;
}

/** 10.0.0.1 and 10.0.0.2. */
export class Pair {
  readonly clock: ManualClock = new ManualClock(1_000_000_000);
  readonly arena: FrameArena;
  readonly a: Stack;
  readonly b: Stack;

  constructor(options: PairOptions = {}) {
    this.arena = createHeapArena({ frames: options.frames ?? 4096, dataRoom: 2048 });
    const wire = createLoopbackPair(this.arena, options.loopback ?? {});
    const wrap = options.wrap ?? ((device: Device): Device => device);
    const { clock } = this;
    const tcp = { timeWaitNs: 1_000_000_000 };
    this.a = new Stack({
      device: wrap(wire.a),
      addresses: ['10.0.0.1/24'],
      clock,
      seed: 1,
      tcp,
      ...options.a,
    });
    this.b = new Stack({
      device: wrap(wire.b),
      addresses: ['10.0.0.2/24'],
      clock,
      seed: 2,
      tcp,
      ...options.b,
    });
  }

  /** Polls both until neither has anything to do now. */
  settle(): void {
    for (let round = 0; round < 10_000; round += 1) {
      const nowNs = this.clock.nowNs();
      if (this.a.poll(nowNs) + this.b.poll(nowNs) === 0) return;
    }
    throw new Error('the stacks do not come to rest');
  }

  /** Moves the time by `deltaNs`, stopping at every timer on the way. */
  advance(deltaNs: number): void {
    const endNs = this.clock.nowNs() + deltaNs;
    for (;;) {
      this.settle();
      const atNs = Math.min(this.a.pollAt(), this.b.pollAt());
      if (atNs > endNs) break;
      this.clock.set(Math.max(atNs, this.clock.nowNs()));
    }
    this.clock.set(endNs);
    this.settle();
  }

  /** Runs until `done`, timers included; at most `limitNs` of virtual time. */
  until(done: () => boolean, limitNs = 60_000_000_000): void {
    const endNs = this.clock.nowNs() + limitNs;
    for (;;) {
      this.settle();
      if (done()) return;
      const atNs = Math.min(this.a.pollAt(), this.b.pollAt());
      if (!(atNs <= endNs)) throw new Error('nothing more happens');
      this.clock.set(Math.max(atNs, this.clock.nowNs()));
    }
  }
}

/** Bytes that tell where they belong. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let x = seed;
  for (let i = 0; i < length; i += 1) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) | 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}
