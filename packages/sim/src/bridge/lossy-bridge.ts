// @hot
/**
 * A wire between two devices that delays, reorders, duplicates, drops and corrupts by seed: for
 * hosts that cannot be given a fault injector, such as the Linux kernel behind a TAP.
 *
 * Frames keep their bytes, checksums included, whatever their devices could compute: the bridge is
 * a cable, not a host.
 *
 * @module
 */

import { assert, NetError } from '@tickwire/base';
import {
  BURST_MAX,
  type Device,
  type FaultCounters,
  FaultLine,
  type Faults,
  RxBurst,
  TxBurst,
} from '@tickwire/phy';

/** Options of {@link LossyBridge}. */
export interface LossyBridgeOptions {
  /** Seed of the random numbers: the same seed and the same frames have the same fate. */
  readonly seed: number;
  /** What goes wrong from the first device to the second. */
  readonly forward?: Faults;
  /** What goes wrong from the second device to the first. */
  readonly backward?: Faults;
}

/** Bursts that one poll takes from one device: a flood in one direction lets the other in. */
const PULLS_MAX = 4;

/** One direction. */
class Lane {
  readonly line: FaultLine;
  readonly #from: Device;
  readonly #to: Device;
  readonly #rx = new RxBurst();
  /** Frames that are due and that `to` has not taken: `held` of them. */
  readonly #tx = new TxBurst();
  held = 0;

  constructor(from: Device, to: Device, seed: number, faults: Faults) {
    this.#from = from;
    this.#to = to;
    this.line = new FaultLine(from.arena, seed, faults);
  }

  /** Takes what has arrived and passes on what is due; returns the frames moved. */
  poll(nowNs: number): number {
    let moved = 0;
    for (let pull = 0; pull < PULLS_MAX; pull += 1) {
      const received = this.#from.receive(this.#rx, BURST_MAX, nowNs);
      for (let i = 0; i < received; i += 1) this.line.admitRx(this.#rx, i, nowNs);
      moved += received;
      if (received < BURST_MAX) break;
    }
    return moved + this.#pump(nowNs);
  }

  #pump(nowNs: number): number {
    const { line } = this;
    const tx = this.#tx;
    let sent = 0;
    for (;;) {
      while (this.held < BURST_MAX && line.nextDueNs <= nowNs) {
        line.takeTx(tx, this.held);
        this.held += 1;
      }
      if (this.held === 0) return sent;
      const taken = this.#to.transmit(tx, this.held, nowNs);
      sent += taken;
      this.held -= taken;
      if (taken === 0) return sent;
      for (let i = 0; i < this.held; i += 1) {
        tx.frame[i] = tx.frame[i + taken]!;
        tx.at[i] = tx.at[i + taken]!;
        tx.length[i] = tx.length[i + taken]!;
        tx.checksumStart[i] = tx.checksumStart[i + taken]!;
        tx.checksumAt[i] = tx.checksumAt[i + taken]!;
      }
    }
  }

  /** Frees every frame on its way. */
  clear(): void {
    this.line.clear();
    for (let i = 0; i < this.held; i += 1) this.#to.arena.free(this.#tx.frame[i]!);
    this.held = 0;
  }
}

/**
 * Joins two devices. They share their frames' arena and stay the caller's to close.
 *
 * @example
 * ```ts
 * using bridge = new LossyBridge(left, right, {
 *   seed: 7,
 *   forward: { drop: 0.01, reorder: 0.02, delayNs: 500_000 },
 * });
 * await runLoop([bridge], monotonicClock, { signal });
 * ```
 */
export class LossyBridge implements Disposable {
  readonly #forward: Lane;
  readonly #backward: Lane;
  readonly #first: Device;
  readonly #second: Device;
  #isOpen = true;

  /**
   * Throws `NetError('EINVAL')` for bad numbers and for devices whose frames cannot cross.
   * @cold
   */
  constructor(first: Device, second: Device, options: LossyBridgeOptions) {
    if (first.arena !== second.arena) {
      throw new NetError('EINVAL', 'The devices of a bridge share one pool; open both with it');
    }
    const { seed, forward = {}, backward = {} } = options;
    this.#first = first;
    this.#second = second;
    this.#forward = new Lane(first, second, seed, forward);
    this.#backward = new Lane(second, first, seed + 1, backward);
  }

  /** What happened to frames from the first device to the second. */
  get forwardFaults(): FaultCounters {
    return this.#forward.line.counters;
  }

  /** What happened to frames from the second device to the first. */
  get backwardFaults(): FaultCounters {
    return this.#backward.line.counters;
  }

  /** Frames on their way in both directions. */
  get framesHeld(): number {
    const { held } = this.#forward;
    return held + this.#forward.line.size + this.#backward.held + this.#backward.line.size;
  }

  /** One round in both directions; returns the frames moved, 0 when there was nothing to do. */
  poll(nowNs: number): number {
    assert(this.#isOpen, 'the bridge is closed');
    const moved = this.#forward.poll(nowNs) + this.#backward.poll(nowNs);
    // Drivers hold what they have sent until they send again: a quiet direction must not keep the
    // frames that the other needs.
    if (moved === 0) {
      this.#first.reclaim();
      this.#second.reclaim();
    }
    return moved;
  }

  /** When the next frame on the wire is due; Infinity when there is none. */
  pollAt(): number {
    if (this.#forward.held + this.#backward.held > 0) return 0;
    return Math.min(this.#forward.line.nextDueNs, this.#backward.line.nextDueNs);
  }

  /** Frees every frame on its way; the devices stay open. @cold */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#forward.clear();
    this.#backward.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
