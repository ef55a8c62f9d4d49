// @hot
/**
 * A queue pair of a DPDK port as a `Device`.
 *
 * @module
 */

import { type FrameArena, NetError } from '@tickwire/base';
import { type Device, type DeviceCapabilities, DeviceStats } from '@tickwire/phy';
import { RxBurst, type TxBurst } from '@tickwire/phy';
import { EthDev } from './eth-dev.ts';
import type { MemPool } from './mem-pool.ts';
import { native, SumMode, TxMode } from './native.ts';
import { RxQueue, TxQueue } from './queues.ts';

/** Frames per burst: the DPDK habit, and where the cost per frame stops falling. */
const BURST_FRAMES = 32;

/** Bursts that `close` waits for at most: a flood must not keep a port from closing. */
const DRAIN_BURSTS_MAX = 1024;

/** How a device treats what it sends and receives. */
export interface DpdkDeviceOptions {
  readonly mtu: number;
  /** The device's address; may differ from the port's (a TAP's port has the kernel's address). */
  readonly macAddress: Uint8Array;
  /** `none` only for memory links. */
  readonly checksum: 'full' | 'none';
  /** The NIC was told to check received checksums: its verdict is believed. */
  readonly isNicTrusted?: boolean;
  /** Fills frames up to 60 bytes, as Ethernet wants it. */
  readonly isPadded?: boolean;
  /** Queue pair, default 0. */
  readonly queue?: number;
  /** For logs; default is the port's name. */
  readonly name?: string;
}

/** What another thread needs to open a queue of the same port; can be posted to a Worker. */
export interface SharedDevice extends DpdkDeviceOptions {
  readonly port: number;
  readonly portName: string;
}

/**
 * A `Device` over one queue pair. Used by one thread; several queues of one port are several
 * devices.
 *
 * @example
 * ```ts
 * using device = openDevice('net_tap:iface=tap7', { pool });
 * const count = device.receive(rx, device.capabilities.burst, nowNs);
 * ```
 */
export class DpdkDevice implements Device {
  readonly name: string;
  readonly arena: FrameArena;
  readonly capabilities: DeviceCapabilities;
  readonly macAddress: Uint8Array;
  /** The port, for the control plane. */
  readonly port: EthDev;
  readonly #options: DpdkDeviceOptions;
  readonly #stats: DeviceStats = new DeviceStats();
  readonly #rx: RxQueue;
  readonly #tx: TxQueue;
  readonly #queue: number;
  readonly #onClose: () => void;
  #isOpen = true;

  /** `onClose` closes what the device was opened with: its port, its pool, or nothing. */
  constructor(port: EthDev, pool: MemPool, options: DpdkDeviceOptions, onClose: () => void) {
    const isFull = options.checksum === 'full';
    const sum = options.isNicTrusted === true ? SumMode.UnlessNic : SumMode.All;
    const pad = options.isPadded === true ? TxMode.Pad : 0;
    this.port = port;
    this.#options = options;
    this.#queue = options.queue ?? 0;
    this.name = options.name ?? port.name;
    this.arena = pool.arena;
    this.macAddress = new Uint8Array(options.macAddress);
    this.capabilities = {
      medium: 'ethernet',
      mtu: options.mtu,
      burst: BURST_FRAMES,
      checksum: options.checksum,
    };
    this.#rx = new RxQueue(port.port, this.#queue, pool, isFull ? sum : SumMode.None);
    this.#tx = new TxQueue(port.port, this.#queue, pool, isFull ? TxMode.Checksum | pad : pad);
    this.#onClose = (): void => {
      pool.leave();
      onClose();
    };
    pool.enter();
  }

  /**
   * Opens, in another thread, a queue of a port that is running. The owner closes the port after
   * all of them are closed. @cold
   */
  static attach(shared: SharedDevice, pool: MemPool, queue: number): DpdkDevice {
    const port = new EthDev(shared.port, shared.portName, false);
    return new DpdkDevice(port, pool, { ...shared, queue }, () => undefined);
  }

  /** What {@link DpdkDevice.attach} needs. @cold */
  share(): SharedDevice {
    return { ...this.#options, port: this.port.port, portName: this.port.name };
  }

  receive(rx: RxBurst, max: number, _nowNs: number): number {
    return this.#isOpen ? this.#rx.rx(rx, max) : 0;
  }

  transmit(tx: TxBurst, count: number, _nowNs: number): number {
    return this.#isOpen ? this.#tx.tx(tx, count) : 0;
  }

  /** Counters as of now. Asks the driver: microseconds on a NIC, so not for the hot path. */
  get stats(): DeviceStats {
    const stats = this.#stats;
    stats.rxFrames = this.#rx.frames;
    stats.rxBytes = this.#rx.bytes;
    stats.txFrames = this.#tx.frames;
    stats.txBytes = this.#tx.bytes;
    if (this.#isOpen) {
      const port = this.port.stats;
      stats.rxMissed = port.rxMissed + port.rxNoMemory;
      stats.rxErrors = port.rxErrors + this.#rx.oversize + this.#rx.foreign;
      stats.txDropped = port.txErrors;
    }
    return stats;
  }

  reclaim(): void {
    if (this.#isOpen) native().tw_port_reclaim(this.port.port, this.#queue);
  }

  joinMulticast(macHigh: number, macLow: number): void {
    this.#requireOpen();
    this.port.joinMulticast(macHigh, macLow);
  }

  leaveMulticast(macHigh: number, macLow: number): void {
    if (this.#isOpen) this.port.leaveMulticast(macHigh, macLow);
  }

  close(): void {
    if (!this.#isOpen) return;
    // The counters outlive the port.
    void this.stats;
    this.reclaim();
    this.#isOpen = false;
    this.#drain();
    this.#onClose();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Frees what has arrived and nobody asked for: net_af_xdp loses it when it closes. */
  #drain(): void {
    const rx = new RxBurst();
    for (let burst = 0; burst < DRAIN_BURSTS_MAX; burst += 1) {
      const count = this.#rx.rx(rx, BURST_FRAMES);
      if (count === 0) return;
      for (let i = 0; i < count; i += 1) this.arena.free(rx.frame[i]!);
    }
  }

  /** @cold Control plane only. */
  #requireOpen(): void {
    if (this.#isOpen) return;
    throw new NetError('ERR_TW_CLOSED', 'The device is closed; open it again', {
      device: this.name,
    });
  }
}
