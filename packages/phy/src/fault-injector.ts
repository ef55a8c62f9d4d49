// @hot
/**
 * A middleware that makes the wire imperfect: loss, corruption, duplication, reordering, delay, a
 * rate limit and a frame size limit, by seed and in the time that the poll loop passes in.
 *
 * A received frame sets out when the poll that finds it is made, so a loop that polls late delays
 * late. Delayed frames move when the device is polled; a caller in virtual time asks
 * {@link FaultInjector.nextDueNs} how far it may advance.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { BURST_MAX, type Device, RxBurst, TxBurst } from './device.ts';
import { type FaultCounters, FaultLine, type Faults } from './fault-line.ts';
import { DeviceMiddleware } from './middleware.ts';

/**
 * Bursts that one `receive` takes from the device below at most, so that a wire that loses every
 * frame of a flood still returns.
 */
const PULLS_MAX = 8;

/** Options of {@link FaultInjector}. */
export interface FaultInjectorOptions {
  /** Seed of the random numbers: the same seed and the same frames have the same fate. */
  readonly seed: number;
  /** What goes wrong with frames from the wire. */
  readonly receive?: Faults;
  /** What goes wrong with frames to the wire. */
  readonly transmit?: Faults;
}

/**
 * Makes trouble, reproducibly.
 *
 * @example
 * ```ts
 * const device = new FaultInjector(inner, {
 *   seed: 42,
 *   receive: { drop: 0.01, reorder: 0.05, delayNs: 20_000_000 },
 * });
 * ```
 */
export class FaultInjector extends DeviceMiddleware {
  readonly #receiveLine: FaultLine;
  readonly #transmitLine: FaultLine;
  readonly #rx = new RxBurst();
  /** Frames that are due and that the device below has not taken: `#held` of them. */
  readonly #tx = new TxBurst();
  #held = 0;
  #closed = false;

  /**
   * Throws `NetError('EINVAL')` for bad numbers, and when `corrupt` is asked of a device that
   * vouches for everything it delivers: nobody would notice the damage.
   */
  constructor(inner: Device, options: FaultInjectorOptions) {
    super(inner, inner.name + '|faults');
    const { receive = {}, transmit = {}, seed } = options;
    const corrupts = (receive.corrupt ?? 0) > 0 || (transmit.corrupt ?? 0) > 0;
    if (corrupts && inner.capabilities.checksum === 'none') {
      throw new NetError(
        'EINVAL',
        'Corruption needs a device with checksums; make it with checksum: full',
      );
    }
    this.#receiveLine = new FaultLine(inner.arena, seed, receive);
    this.#transmitLine = new FaultLine(inner.arena, seed + 1, transmit);
  }

  /** What happened to frames from the wire. */
  get receiveFaults(): FaultCounters {
    return this.#receiveLine.counters;
  }

  /** What happened to frames to the wire. */
  get transmitFaults(): FaultCounters {
    return this.#transmitLine.counters;
  }

  /** When the next delayed frame can move; Infinity when none waits. */
  nextDueNs(): number {
    if (this.#held > 0) return 0;
    return Math.min(this.#receiveLine.nextDueNs, this.#transmitLine.nextDueNs);
  }

  override receive(rx: RxBurst, max: number, nowNs: number): number {
    if (this.#closed) return 0;
    this.#pump(nowNs);
    const line = this.#receiveLine;
    const wanted = max < BURST_MAX ? max : BURST_MAX;
    let count = 0;
    for (let pull = 0; pull < PULLS_MAX && count < wanted; pull += 1) {
      const got = this.inner.receive(this.#rx, wanted - count, nowNs);
      for (let i = 0; i < got; i += 1) line.admitRx(this.#rx, i, nowNs);
      while (count < wanted && line.nextDueNs <= nowNs) {
        line.takeRx(rx, count);
        count += 1;
      }
      if (got === 0) break;
    }
    return count;
  }

  override transmit(tx: TxBurst, count: number, nowNs: number): number {
    if (this.#closed) return 0;
    this.#pump(nowNs);
    // The device below is full: so are we.
    if (this.#held > 0) return 0;
    for (let i = 0; i < count; i += 1) this.#transmitLine.admitTx(tx, i, nowNs);
    this.#pump(nowNs);
    return count;
  }

  /** Frees the frames on the wire and closes the device below. */
  override close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#receiveLine.clear();
      this.#transmitLine.clear();
      for (let i = 0; i < this.#held; i += 1) this.arena.free(this.#tx.frame[i]!);
      this.#held = 0;
    }
    super.close();
  }

  /** Passes on what is due, as far as the device below takes it. */
  #pump(nowNs: number): void {
    const line = this.#transmitLine;
    for (;;) {
      while (this.#held < BURST_MAX && line.nextDueNs <= nowNs) {
        line.takeTx(this.#tx, this.#held);
        this.#held += 1;
      }
      if (this.#held === 0) return;
      const taken = this.inner.transmit(this.#tx, this.#held, nowNs);
      this.#shiftHeld(taken);
      if (taken === 0) return;
    }
  }

  #shiftHeld(taken: number): void {
    const tx = this.#tx;
    this.#held -= taken;
    for (let i = 0; i < this.#held; i += 1) {
      tx.frame[i] = tx.frame[i + taken]!;
      tx.at[i] = tx.at[i + taken]!;
      tx.length[i] = tx.length[i + taken]!;
      tx.checksumStart[i] = tx.checksumStart[i + taken]!;
      tx.checksumAt[i] = tx.checksumAt[i + taken]!;
    }
  }
}
