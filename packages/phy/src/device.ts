// @hot
/**
 * The Device contract: bursts of frames in columns.
 *
 * smoltcp's `Device` hands out one token per frame; here one call moves up to {@link BURST_MAX}
 * frames, because the call (FFI, virtual dispatch) costs more than the bookkeeping of a frame.
 * Ownership is by reference count: a received frame belongs to the caller, who must `arena.free`
 * it; a transmitted frame's reference belongs to the device, which drops it when the frame has
 * left. A caller that wants to keep the bytes (TCP, until they are acknowledged) calls
 * `arena.retain` first, and may write to them again when `refCount` is back at 1.
 *
 * Checksums are protocol-free on both sides of the contract, as in virtio and in Linux'
 * CHECKSUM_PARTIAL and CHECKSUM_COMPLETE:
 * - transmit: the sender puts the folded pseudo-header sum into the checksum field and names where
 *   summing starts and where the field is; the device sums `[checksumStart, at + length)`, writes
 *   the complement (0 as 0xffff), or lets the NIC do it;
 * - receive: the device either vouches (`RX_VERIFIED`) or gives the folded ones-complement sum of
 *   everything behind the link header (`RX_SUMMED`), from which the IP layer derives the transport
 *   sum without touching the payload.
 *
 * @module
 */

import type { FrameArena } from '@tickwire/base';

/**
 * Frames in one burst at most: the DPDK habit; 32 is the usual batch, 64 the capacity of the
 * columns.
 */
export const BURST_MAX = 64;

/** `RxBurst.flags`: the device (NIC or trusted memory link) vouches for the transport checksum. */
export const RX_VERIFIED = 1;
/** `RxBurst.flags`: the NIC says that a checksum is wrong. */
export const RX_BAD = 2;
/** `RxBurst.flags`: `sum` is valid. */
export const RX_SUMMED = 4;
/** `RxBurst.flags`: `hash` is the NIC's RSS hash. */
export const RX_HASHED = 8;

function column(): Uint32Array {
  // Explicit ArrayBuffers: C holds pointers to the columns, and JSC may move the storage of small
  // arrays that own theirs.
  return new Uint32Array(new ArrayBuffer(4 * BURST_MAX));
}

/** Columns of received frames; filled by {@link Device.receive}. */
export class RxBurst {
  /** Frame number in the arena. */
  readonly frame: Uint32Array = column();
  /** Offset in the arena of the first byte of the link header. */
  readonly at: Uint32Array = column();
  /** Bytes from the link header to the end of the frame, without FCS. */
  readonly length: Uint32Array = column();
  /** `RX_*` bits. */
  readonly flags: Uint32Array = column();
  /** RSS hash, when `RX_HASHED`. */
  readonly hash: Uint32Array = column();
  /**
   * Folded 16-bit ones-complement sum (big-endian words) of the bytes behind the Ethernet header,
   * when `RX_SUMMED`.
   */
  readonly sum: Uint32Array = column();
}

/** Columns of frames to send; filled by the stack, read by {@link Device.transmit}. */
export class TxBurst {
  /** Frame number in the arena. */
  readonly frame: Uint32Array = column();
  /** Offset in the arena of the first byte of the link header. */
  readonly at: Uint32Array = column();
  /** Bytes from the link header to the end of the frame, without FCS and padding. */
  readonly length: Uint32Array = column();
  /**
   * Offset in the arena at which the checksum starts (the transport header); 0: nothing to fill.
   */
  readonly checksumStart: Uint32Array = column();
  /** Offset in the arena of the 16-bit checksum field, which holds the folded pseudo-header sum. */
  readonly checksumAt: Uint32Array = column();
}

/** What a device can do. */
export interface DeviceCapabilities {
  /** `ethernet`: frames begin with an Ethernet II header. */
  readonly medium: 'ethernet';
  /** Largest IP packet in bytes (without the link header). */
  readonly mtu: number;
  /** Frames per burst the device likes best, at most {@link BURST_MAX}. */
  readonly burst: number;
  /**
   * `full`: the device fills transmit checksums and verifies or sums received ones.
   * `none`: a memory link that cannot corrupt (crossed rings, loopback) and neither fills nor
   * checks, by request of its owner.
   */
  readonly checksum: 'full' | 'none';
}

/** Counters of a device; plain numbers that only grow. */
export class DeviceStats {
  rxFrames = 0;
  rxBytes = 0;
  /** Frames lost for want of memory or room before the stack saw them. */
  rxMissed = 0;
  /** Frames the device refused: too long for a frame, in several segments, or bad at link level. */
  rxErrors = 0;
  txFrames = 0;
  txBytes = 0;
  /** Frames dropped by the device after it had accepted them. */
  txDropped = 0;
}

/** A port that moves Ethernet frames. */
export interface Device extends Disposable {
  /** For logs: `net_ring0`, `loopback-a`. */
  readonly name: string;
  /** The memory of its frames. Devices whose frames cross must share it. */
  readonly arena: FrameArena;
  readonly capabilities: DeviceCapabilities;
  /** Six bytes. */
  readonly macAddress: Uint8Array;
  readonly stats: DeviceStats;
  /**
   * Receives up to `max` (<= {@link BURST_MAX}) frames into `rx` and returns their number. `nowNs`
   * is the time of the poll; devices that simulate delay compare against it, others ignore it.
   */
  receive(rx: RxBurst, max: number, nowNs: number): number;
  /**
   * Sends the first `count` frames of `tx`, in order, and returns how many were taken; the rest
   * still belongs to the caller.
   */
  transmit(tx: TxBurst, count: number, nowNs: number): number;
  /** Makes the driver let go of frames that have been sent; for idle loops on a low pool. */
  reclaim(): void;
  /** Subscribes the port to a multicast MAC address (high 16 bits, low 32 bits). */
  joinMulticast(macHigh: number, macLow: number): void;
  /** Undoes {@link Device.joinMulticast}. */
  leaveMulticast(macHigh: number, macLow: number): void;
  /** Stops the port and gives back what it holds. */
  close(): void;
}
