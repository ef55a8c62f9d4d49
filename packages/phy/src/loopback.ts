// @hot
/**
 * Loopback devices: a wire inside one process, with the semantics of DPDK's crossed rings
 * (`rte_eth_from_rings`) and no native code.
 *
 * Frames are handed over, not copied. A frame that its sender still retains therefore arrives with
 * a reference count above 1; as on crossed rings, the receiver may write to it only when
 * `arena.refCount(frame)` is 1. A full queue refuses frames, which stay with the sender, or (by
 * option) drops them and counts `rxMissed`, as a NIC does whose receive ring is full.
 *
 * @module
 */

import { type FrameArena, NetError } from '@tickwire/base';
import { ETHERNET_HEADER_BYTES, ETHERNET_MTU } from '@tickwire/wire';
import {
  BURST_MAX,
  type Device,
  type DeviceCapabilities,
  DeviceStats,
  RX_SUMMED,
  RX_VERIFIED,
  type RxBurst,
  type TxBurst,
} from './device.ts';
import { FrameQueue } from './frame-queue.ts';
import { completeChecksum, sumBehindLink } from './software-checksum.ts';

/** Frames in flight per direction when the options do not say: the usual NIC ring. */
const QUEUE_FRAMES_DEFAULT = 512;

/** Options of {@link Loopback} and {@link createLoopbackPair}. */
export interface LoopbackOptions {
  /** For logs; a pair appends `-a` and `-b`. Default `loopback`. */
  readonly name?: string;
  /** Largest IP packet in bytes. Default 1500; must fit into a frame of the arena. */
  readonly mtu?: number;
  /** Frames that one direction holds; a power of two. Default 512. */
  readonly queueFrames?: number;
  /** What a full queue does. Default `refuse`, as DPDK's rings. */
  readonly overflow?: 'refuse' | 'drop';
  /**
   * `full` (default): checksums are completed on transmit and summed on receive, in TypeScript.
   * `none`: neither; every frame is `RX_VERIFIED`, and checksum fields stay partial.
   */
  readonly checksum?: 'full' | 'none';
  /** Six bytes. Default 02:00:00:00:00:0a, and :0b for the other end of a pair. */
  readonly macAddress?: Uint8Array;
}

/**
 * A device that hears itself, or, as half of a pair, its peer.
 *
 * @example
 * ```ts
 * const arena = createHeapArena({ frames: 1024, dataRoom: 2048 });
 * const { a, b } = createLoopbackPair(arena);
 * a.transmit(tx, 1, nowNs);
 * b.receive(rx, 32, nowNs); // 1
 * ```
 */
export class Loopback implements Device {
  readonly name: string;
  readonly arena: FrameArena;
  readonly capabilities: DeviceCapabilities;
  readonly macAddress: Uint8Array;
  readonly stats: DeviceStats = new DeviceStats();

  readonly #queue: FrameQueue;
  readonly #frameBytesMax: number;
  readonly #fills: boolean;
  readonly #drops: boolean;
  #peer: Loopback = this;
  #closed = false;

  /** Throws `NetError('EINVAL')` when a full frame does not fit into a frame of the arena. */
  constructor(arena: FrameArena, options: LoopbackOptions = {}) {
    const mtu = options.mtu ?? ETHERNET_MTU;
    this.#frameBytesMax = mtu + ETHERNET_HEADER_BYTES;
    if (this.#frameBytesMax > arena.dataRoom) {
      throw new NetError(
        'EINVAL',
        'MTU and Ethernet header exceed dataRoom; lower the MTU or make larger frames',
        { mtu, dataRoom: arena.dataRoom },
      );
    }
    this.name = options.name ?? 'loopback';
    this.arena = arena;
    this.macAddress = options.macAddress ?? Uint8Array.of(2, 0, 0, 0, 0, 0x0a);
    const checksum = options.checksum ?? 'full';
    this.capabilities = { medium: 'ethernet', mtu, burst: 32, checksum };
    this.#fills = checksum === 'full';
    this.#drops = options.overflow === 'drop';
    this.#queue = new FrameQueue(options.queueFrames ?? QUEUE_FRAMES_DEFAULT);
  }

  /** Crosses two devices, which must share an arena. */
  static cross(a: Loopback, b: Loopback): void {
    a.#peer = b;
    b.#peer = a;
  }

  receive(rx: RxBurst, max: number, _nowNs: number): number {
    const queue = this.#queue;
    const wanted = max < BURST_MAX ? max : BURST_MAX;
    const count = wanted < queue.size ? wanted : queue.size;
    let bytes = 0;
    for (let i = 0; i < count; i += 1) {
      const slot = queue.shift();
      const at = queue.at[slot]!;
      const length = queue.length[slot]!;
      rx.frame[i] = queue.frame[slot]!;
      rx.at[i] = at;
      rx.length[i] = length;
      rx.hash[i] = 0;
      if (this.#fills) {
        rx.flags[i] = RX_SUMMED;
        rx.sum[i] = sumBehindLink(this.arena.view, at, length);
      } else {
        rx.flags[i] = RX_VERIFIED;
        rx.sum[i] = 0;
      }
      bytes += length;
    }
    this.stats.rxFrames += count;
    this.stats.rxBytes += bytes;
    return count;
  }

  transmit(tx: TxBurst, count: number, _nowNs: number): number {
    if (this.#closed) return 0;
    const peer = this.#peer;
    for (let i = 0; i < count; i += 1) {
      const frame = tx.frame[i]!;
      const length = tx.length[i]!;
      if (
        length < ETHERNET_HEADER_BYTES ||
        length > this.#frameBytesMax ||
        length > peer.#frameBytesMax ||
        peer.#closed
      ) {
        this.arena.free(frame);
        this.stats.txDropped += 1;
        continue;
      }
      if (peer.#queue.room === 0) {
        if (!this.#drops) return i;
        this.arena.free(frame);
        peer.stats.rxMissed += 1;
      } else {
        const at = tx.at[i]!;
        const start = tx.checksumStart[i]!;
        if (this.#fills && start !== 0) {
          completeChecksum(this.arena.view, start, tx.checksumAt[i]!, at + length);
        }
        peer.#queue.push(frame, at, length);
      }
      this.stats.txFrames += 1;
      this.stats.txBytes += length;
    }
    return count;
  }

  /** Nothing to do: a frame changes hands in `transmit`. */
  reclaim(): void {}

  /** Nothing to do: like crossed rings, the device delivers every frame. */
  joinMulticast(_macHigh: number, _macLow: number): void {}

  /** Nothing to do, see {@link Loopback.joinMulticast}. */
  leaveMulticast(_macHigh: number, _macLow: number): void {}

  /** Frees what is queued for this end; frames sent to it later are dropped and counted. */
  close(): void {
    this.#closed = true;
    while (this.#queue.size > 0) this.arena.free(this.#queue.frame[this.#queue.shift()]!);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Two crossed devices over one arena. `options.macAddress` is that of `a`. @cold */
export function createLoopbackPair(
  arena: FrameArena,
  options: LoopbackOptions = {},
): { a: Loopback; b: Loopback } {
  const name = options.name ?? 'loopback';
  const a = new Loopback(arena, { ...options, name: name + '-a' });
  const macAddress = Uint8Array.of(2, 0, 0, 0, 0, 0x0b);
  const b = new Loopback(arena, { ...options, name: name + '-b', macAddress });
  Loopback.cross(a, b);
  return { a, b };
}
