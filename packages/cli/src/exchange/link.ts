/**
 * The devices of a run: crossed rings or loopback for both sides in one process, or a real port.
 *
 * @module
 */

import { createHeapArena, NetError, wallClockMs } from '@tickwire/base';
import { createLoopbackPair, type Device, pcapFileSink, PcapWriter, Tracer } from '@tickwire/phy';
import {
  createMemPool,
  createRingPair,
  Eal,
  EalBuilder,
  hasNative,
  openDevice,
} from '@tickwire/phy-dpdk';
import type { StackOptions } from '@tickwire/stack';

/** Frames shared by the two sides of a wire in memory: both windows of every session fit. */
const FRAMES = 8191;
/** Bytes of a frame behind its headroom: an Ethernet frame of 1,514 bytes and room to spare. */
const DATA_ROOM = 2048;

/** Frames when they are large: the same memory. */
const JUMBO_FRAMES = 2047;
/**
 * Frames on their way in one direction: the windows of every session and the multicast of a round
 * beside them. A NIC's 1,024 fill up when both sides share a core and the rate is beyond it; then
 * TCP waits, but multicast is dropped.
 */
const WIRE_FRAMES = 4096;
const MTU = 1500;
const ETHERNET_BYTES = 14;

/** Size and number of the frames of a wire with this MTU. */
function frameLayout(mtu: number): { readonly frames: number; readonly dataRoom: number } {
  if (mtu <= MTU) return { frames: FRAMES, dataRoom: DATA_ROOM };
  // Cache lines: DPDK wants frames in multiples of 64 bytes.
  return { frames: JUMBO_FRAMES, dataRoom: Math.ceil((mtu + ETHERNET_BYTES) / 64) * 64 };
}

/** What is looked at while it passes. */
export interface LinkOptions {
  /** Capture file. */
  readonly pcap?: string;
  /** Takes a line per frame. */
  readonly trace?: (line: string) => void;
  /** Monotone time of the process now, so that captures show wall-clock times. */
  readonly nowNs: number;
  /** Largest IP packet on a wire in memory, default 1,500. */
  readonly mtu?: number;
}

/** A wire in memory. */
export interface Wire extends Disposable {
  /** `net_ring` or `loopback`. */
  readonly name: string;
  /** Version of DPDK, or null. */
  readonly dpdk: string | null;
  readonly venue: Device;
  readonly traders: Device;
  /** Options of both stacks. */
  readonly tcp: NonNullable<StackOptions['tcp']>;
  /** What the user should know about the choice, or undefined. */
  readonly notice: string | undefined;
}

/** A port of its own. */
export interface Port extends Disposable {
  readonly name: string;
  readonly dpdk: string | null;
  readonly device: Device;
}

/**
 * Both stacks take frames from one pool, each as if it had it alone. An eighth for what each sends
 * and an eighth for what each keeps leaves half of it to the wire and to multicast.
 */
function sharedPool(device: Device): NonNullable<StackOptions['tcp']> {
  const share = device.arena.capacity >> 3;
  return { sendFramesTotalMax: share, receiveFramesTotalMax: share };
}

/** Puts tracer and capture around a device; the tracer sees what the capture does. */
export function observe(device: Device, options: LinkOptions): Device {
  let observed = device;
  if (options.pcap !== undefined) {
    observed = new PcapWriter(observed, openCapture(options.pcap), {
      originUnixMs: wallClockMs() - options.nowNs / 1e6,
    });
  }
  return options.trace === undefined ? observed : new Tracer(observed, options.trace);
}

function openCapture(path: string): ReturnType<typeof pcapFileSink> {
  try {
    return pcapFileSink(path);
  } catch (cause) {
    throw new NetError(
      'ENOENT',
      `The capture ${path} cannot be written; name a file in a folder that exists`,
      { path },
      { cause },
    );
  }
}

/**
 * Joins two sides in memory: by DPDK's rings where DPDK is there, else by the loopback device.
 *
 * @param env - `TICKWIRE_NO_DPDK=1` asks for the loopback device.
 */
export function openWire(
  options: LinkOptions,
  env: Readonly<Record<string, string | undefined>>,
): Wire {
  const isUnwanted = (env['TICKWIRE_NO_DPDK'] ?? '') !== '';
  if (isUnwanted) return openLoopback(options, 'TICKWIRE_NO_DPDK is set');
  if (!hasNative()) return openLoopback(options, 'DPDK is not installed; "npm run setup" tries to');
  return openRings(options);
}

function openRings(options: LinkOptions): Wire {
  const eal = Eal.current ?? new EalBuilder().noHuge().noPci().init();
  const mtu = options.mtu ?? MTU;
  const pool = createMemPool(eal, frameLayout(mtu));
  // Memory does not corrupt frames, so nothing is summed; a capture is read by others, who check.
  const isWatched = options.pcap !== undefined;
  const [a, b] = createRingPair(pool, {
    mtu,
    size: WIRE_FRAMES,
    checksum: isWatched ? 'full' : 'none',
  });
  const venue = observe(a, options);
  return {
    name: 'net_ring',
    dpdk: eal.version,
    venue,
    traders: b,
    tcp: sharedPool(b),
    notice: undefined,
    [Symbol.dispose](): void {
      venue.close();
      b.close();
      pool.close();
    },
  };
}

function openLoopback(options: LinkOptions, why: string): Wire {
  const mtu = options.mtu ?? MTU;
  const arena = createHeapArena(frameLayout(mtu));
  const isWatched = options.pcap !== undefined;
  const { a, b } = createLoopbackPair(arena, {
    mtu,
    queueFrames: WIRE_FRAMES,
    checksum: isWatched ? 'full' : 'none',
  });
  const venue = observe(a, options);
  return {
    name: 'loopback',
    dpdk: null,
    venue,
    traders: b,
    tcp: sharedPool(b),
    notice: `Without DPDK, on the loopback device (${why}). The code above it is the same.`,
    [Symbol.dispose](): void {
      venue.close();
      b.close();
    },
  };
}

/** Opens the port that `--device` names. */
export function openPort(spec: string, options: LinkOptions): Port {
  const opened = openDevice(spec);
  let device: Device;
  try {
    device = observe(opened, options);
  } catch (error) {
    opened.close();
    throw error;
  }
  return {
    name: spec,
    dpdk: Eal.current?.version ?? null,
    device,
    [Symbol.dispose](): void {
      device.close();
    },
  };
}
