// @hot
/**
 * The way out: frames from IP, in order, in the columns that the device takes as one burst.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import type { LinkOutput } from '@tickwire/ip';
import { BURST_MAX, type Device, TxBurst } from '@tickwire/phy';

/**
 * Collects frames and hands them to the device when the burst is full or the poll round ends. What
 * the device refuses stays at the front, so order is kept; `room` then falls and the transports
 * wait. Frames that arrive when nothing fits are dropped and counted: a transport that asks `room`
 * first never loses one.
 */
export class TransmitQueue implements LinkOutput {
  /** Frames dropped because the device and the burst were both full. */
  dropped = 0;
  readonly #device: Device;
  readonly #burst: TxBurst = new TxBurst();
  #count = 0;
  #nowNs = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Frames that wait for the device. */
  get queued(): number {
    return this.#count;
  }

  /** Sets the time that the device is told; once per poll round. */
  setNow(nowNs: number): void {
    this.#nowNs = nowNs;
  }

  room(): number {
    if (this.#count === BURST_MAX) this.flush();
    return BURST_MAX - this.#count;
  }

  transmit(
    frame: number,
    at: number,
    length: number,
    checksumStart: number,
    checksumAt: number,
  ): number {
    if (this.#count === BURST_MAX) {
      this.flush();
      if (this.#count === BURST_MAX) {
        this.dropped += 1;
        this.#device.arena.free(frame);
        return Status.Again;
      }
    }
    const burst = this.#burst;
    const slot = this.#count;
    burst.frame[slot] = frame;
    burst.at[slot] = at;
    burst.length[slot] = length;
    burst.checksumStart[slot] = checksumStart;
    burst.checksumAt[slot] = checksumAt;
    this.#count = slot + 1;
    return Status.Ok;
  }

  /** Hands everything to the device; returns the number of frames it took. */
  flush(): number {
    const count = this.#count;
    if (count === 0) return 0;
    const burst = this.#burst;
    const taken = this.#device.transmit(burst, count, this.#nowNs);
    const left = count - taken;
    this.#count = left;
    if (left > 0 && taken > 0) {
      for (let i = 0; i < left; i += 1) {
        burst.frame[i] = burst.frame[taken + i]!;
        burst.at[i] = burst.at[taken + i]!;
        burst.length[i] = burst.length[taken + i]!;
        burst.checksumStart[i] = burst.checksumStart[taken + i]!;
        burst.checksumAt[i] = burst.checksumAt[taken + i]!;
      }
    }
    return taken;
  }

  joinMulticast(macHigh: number, macLow: number): void {
    this.#device.joinMulticast(macHigh, macLow);
  }

  leaveMulticast(macHigh: number, macLow: number): void {
    this.#device.leaveMulticast(macHigh, macLow);
  }

  /** Drops what still waits; for close. */
  clear(): void {
    for (let i = 0; i < this.#count; i += 1) this.#device.arena.free(this.#burst.frame[i]!);
    this.#count = 0;
  }
}
