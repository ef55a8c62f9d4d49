/**
 * A network card made of memory: frames are byte arrays that a test puts in and takes out.
 *
 * Frames are copied at the border, so stacks on memory devices share no packet memory and cannot
 * disturb one another, as if the machines were apart. Checksums are completed on the way out and
 * summed on the way in, so that a damaged byte is noticed as on a real wire.
 *
 * @module
 */

import { createHeapArena, type FrameArena, NO_FRAME } from '@tickwire/base';
import {
  BURST_MAX,
  completeChecksum,
  type Device,
  type DeviceCapabilities,
  DeviceStats,
  RX_SUMMED,
  type RxBurst,
  sumBehindLink,
  type TxBurst,
} from '@tickwire/phy';
import { ETHERNET_MTU } from '@tickwire/wire';

/** Frames of a device's own arena unless told otherwise: two large windows and some. */
const FRAMES_DEFAULT = 4096;
/** Bytes of a frame besides the MTU: link header, and room for a copied quote. */
const FRAME_SLACK_BYTES = 64;

/** Options of {@link MemoryDevice}. */
export interface MemoryDeviceOptions {
  readonly name?: string;
  /** Six bytes; default 02:00:00:00:00:01. */
  readonly macAddress?: Uint8Array;
  /** Largest IP packet; default 1500. */
  readonly mtu?: number;
  /** Frames of the arena; default 4096. */
  readonly frames?: number;
  /** Bytes of data per frame; default: what the MTU needs, at least 2048. */
  readonly dataRoom?: number;
}

/** Takes the Ethernet frames that a {@link MemoryDevice} sends, as copies. */
export type FrameSink = (frame: Uint8Array, nowNs: number) => void;

/** A {@link Device} whose wire is a queue of byte arrays. */
export class MemoryDevice implements Device {
  readonly name: string;
  readonly arena: FrameArena;
  readonly capabilities: DeviceCapabilities;
  readonly macAddress: Uint8Array;
  readonly stats: DeviceStats = new DeviceStats();
  /** Multicast groups the stack has subscribed to, as `high:low` of the MAC in hexadecimal. */
  readonly groups: Set<string> = new Set();
  readonly #sink: FrameSink;
  readonly #queue: Uint8Array[] = [];
  #closed = false;

  constructor(sink: FrameSink, options: MemoryDeviceOptions = {}) {
    const mtu = options.mtu ?? ETHERNET_MTU;
    this.name = options.name ?? 'memory';
    this.#sink = sink;
    const dataRoom = options.dataRoom ?? Math.max(2048, mtu + FRAME_SLACK_BYTES);
    this.arena = createHeapArena({ frames: options.frames ?? FRAMES_DEFAULT, dataRoom });
    this.macAddress = options.macAddress ?? Uint8Array.of(2, 0, 0, 0, 0, 1);
    this.capabilities = { medium: 'ethernet', mtu, burst: 32, checksum: 'full' };
  }

  /** Frames that wait for `receive`. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Puts a frame on the wire towards the stack; it is found by the next poll. */
  deliver(frame: Uint8Array): void {
    if (!this.#closed) this.#queue.push(frame);
  }

  receive(rx: RxBurst, max: number, _nowNs: number): number {
    const arena = this.arena;
    const wanted = Math.min(max, BURST_MAX, this.#queue.length);
    let count = 0;
    for (const bytes of this.#queue.splice(0, wanted)) {
      const frame = bytes.length > arena.dataRoom ? NO_FRAME : arena.alloc();
      if (frame === NO_FRAME) {
        this.stats.rxMissed += 1;
        continue;
      }
      const at = arena.dataAt[frame]!;
      arena.bytes.set(bytes, at);
      rx.frame[count] = frame;
      rx.at[count] = at;
      rx.length[count] = bytes.length;
      rx.flags[count] = RX_SUMMED;
      rx.hash[count] = 0;
      rx.sum[count] = sumBehindLink(arena.view, at, bytes.length);
      this.stats.rxFrames += 1;
      this.stats.rxBytes += bytes.length;
      count += 1;
    }
    return count;
  }

  transmit(tx: TxBurst, count: number, nowNs: number): number {
    const arena = this.arena;
    for (let i = 0; i < count; i += 1) {
      const at = tx.at[i]!;
      const length = tx.length[i]!;
      const start = tx.checksumStart[i]!;
      if (start !== 0) completeChecksum(arena.view, start, tx.checksumAt[i]!, at + length);
      const bytes = arena.bytes.slice(at, at + length);
      arena.free(tx.frame[i]!);
      this.stats.txFrames += 1;
      this.stats.txBytes += length;
      if (!this.#closed) this.#sink(bytes, nowNs);
    }
    return count;
  }

  /** Nothing to do: a frame is free as soon as it is sent. */
  reclaim(): void {}

  joinMulticast(macHigh: number, macLow: number): void {
    this.groups.add(groupKey(macHigh, macLow));
  }

  leaveMulticast(macHigh: number, macLow: number): void {
    this.groups.delete(groupKey(macHigh, macLow));
  }

  /** Whether the stack listens to a group address. */
  hears(macHigh: number, macLow: number): boolean {
    return this.groups.has(groupKey(macHigh, macLow));
  }

  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function groupKey(macHigh: number, macLow: number): string {
  return `${macHigh.toString(16)}:${(macLow >>> 0).toString(16)}`;
}
