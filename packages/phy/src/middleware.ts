// @hot
/**
 * A Device around a Device: what tracer, pcap writer and fault injector have in common. Debugging a
 * stack is stacking devices.
 *
 * @module
 */

import type { FrameArena } from '@tickwire/base';
import type { Device, DeviceCapabilities, DeviceStats, RxBurst, TxBurst } from './device.ts';

/** Passes everything through; subclasses override what they change. */
export class DeviceMiddleware implements Device {
  readonly name: string;
  readonly arena: FrameArena;
  readonly capabilities: DeviceCapabilities;
  readonly macAddress: Uint8Array;
  /** The device below. */
  readonly inner: Device;

  constructor(inner: Device, name: string) {
    this.inner = inner;
    this.name = name;
    this.arena = inner.arena;
    this.capabilities = inner.capabilities;
    this.macAddress = inner.macAddress;
  }

  /** The counters of the device below. */
  get stats(): DeviceStats {
    return this.inner.stats;
  }

  receive(rx: RxBurst, max: number, nowNs: number): number {
    return this.inner.receive(rx, max, nowNs);
  }

  transmit(tx: TxBurst, count: number, nowNs: number): number {
    return this.inner.transmit(tx, count, nowNs);
  }

  reclaim(): void {
    this.inner.reclaim();
  }

  joinMulticast(macHigh: number, macLow: number): void {
    this.inner.joinMulticast(macHigh, macLow);
  }

  leaveMulticast(macHigh: number, macLow: number): void {
    this.inner.leaveMulticast(macHigh, macLow);
  }

  /** Closes this device and the one below. */
  close(): void {
    this.inner.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
