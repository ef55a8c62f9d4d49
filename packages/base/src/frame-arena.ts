// @hot
/**
 * Packet memory: frames as integers.
 *
 * One ArrayBuffer holds every frame of a pool (a DPDK mempool mapped once, or plain heap memory). A
 * frame is a dense index; its bytes are read and written through one shared `view`/`bytes` at an
 * offset. No object, no `subarray` and no closure per packet: a `subarray` costs 27 ns and garbage,
 * an offset 3 ns (measured on Bun 1.4.5).
 *
 * Reference counts follow DPDK: a frame in the pool has count 1, `alloc` hands it out as it is,
 * `retain` adds one, `free` drops one and gives the frame back when it was the last. The count lies
 * in the packet memory itself (`rte_mbuf.refcnt`), because the driver and, with crossed rings,
 * another stack drop references too.
 *
 * ```text
 *  dataAt[f] - headroom        dataAt[f]                          dataAt[f] + dataRoom
 *      | headroom (headers go here) | payload or received bytes ...   |
 * ```
 *
 * @module
 */

import { assert } from './assert.ts';

/**
 * Headroom before the data of a frame, in bytes: DPDK's default, enough for Ethernet + IPv6 + TCP
 * with all options (114).
 */
export const FRAME_HEADROOM_BYTES = 128;

/** No frame: what {@link FrameArena.alloc} returns when the pool is empty. */
export const NO_FRAME = -1;

/**
 * Frames that one arena keeps at hand before it asks its source (and above twice of which it gives
 * back).
 */
const CACHE_FRAMES = 256;

/**
 * Where frames come from when the local cache is empty and go to when it is full. Called for whole
 * bursts only.
 */
export interface FrameSource {
  /** Puts up to `count` frames into `out[0..]` and returns how many; 0 when the pool is empty. */
  refill(out: Uint32Array, count: number): number;
  /** Takes back `count` frames from `frames[0..]`. */
  spill(frames: Uint32Array, count: number): void;
  /** Frames that lie in the source now. */
  available(): number;
}

/** The geometry of a pool. */
export interface FrameLayout {
  /** The memory of all frames. */
  readonly buffer: ArrayBuffer;
  /**
   * Offset of the first data byte (behind the headroom) of each frame; its length is the number of
   * frames.
   */
  readonly dataAt: Uint32Array;
  /** Index of each frame's reference count in a Uint16Array over `buffer`. */
  readonly refAt: Uint32Array;
  /** Bytes before `dataAt[frame]` that belong to the frame. */
  readonly headroom: number;
  /** Bytes from `dataAt[frame]` to the end of the frame. */
  readonly dataRoom: number;
}

/**
 * The frames of one pool, as one thread sees them.
 *
 * @example
 * ```ts
 * const arena = createHeapArena({ frames: 1024, dataRoom: 2048 });
 * const frame = arena.alloc();
 * if (frame !== NO_FRAME) {
 *   arena.bytes[arena.dataAt[frame]!] = 0x45;
 *   arena.free(frame);
 * }
 * ```
 */
export class FrameArena {
  /** The memory as bytes. */
  readonly bytes: Uint8Array;
  /** The memory as a DataView, for header fields. */
  readonly view: DataView;
  /** Frame -> offset of its first data byte behind the headroom. */
  readonly dataAt: Uint32Array;
  /** Number of frames. */
  readonly capacity: number;
  /** Bytes before `dataAt`. */
  readonly headroom: number;
  /** Bytes from `dataAt` to the end of the frame. */
  readonly dataRoom: number;
  /** The geometry, to open the same memory in another thread. */
  readonly layout: FrameLayout;
  /** How often `alloc` found the pool empty: an ordinary event that callers count and retry. */
  allocFailures = 0;

  readonly #refs: Uint16Array;
  readonly #refAt: Uint32Array;
  readonly #source: FrameSource;
  readonly #cache: Uint32Array;
  readonly #spill: Uint32Array;
  #cached = 0;

  constructor(layout: FrameLayout, source: FrameSource) {
    assert(layout.dataAt.length === layout.refAt.length, 'frame tables differ in length');
    this.layout = layout;
    this.bytes = new Uint8Array(layout.buffer);
    this.view = new DataView(layout.buffer);
    this.#refs = new Uint16Array(layout.buffer, 0, layout.buffer.byteLength >> 1);
    this.dataAt = layout.dataAt;
    this.#refAt = layout.refAt;
    this.capacity = layout.dataAt.length;
    this.headroom = layout.headroom;
    this.dataRoom = layout.dataRoom;
    this.#source = source;
    // Explicit ArrayBuffers: C receives pointers to these arrays, and JSC may move the storage of
    // small arrays that own theirs.
    this.#cache = new Uint32Array(new ArrayBuffer(4 * 2 * CACHE_FRAMES));
    this.#spill = new Uint32Array(new ArrayBuffer(4 * CACHE_FRAMES));
  }

  /**
   * Takes a frame with reference count 1, or {@link NO_FRAME}. Its data lies at `dataAt[frame]`.
   */
  alloc(): number {
    if (this.#cached === 0) {
      this.#cached = this.#source.refill(this.#cache, CACHE_FRAMES);
      if (this.#cached === 0) {
        this.allocFailures += 1;
        return NO_FRAME;
      }
    }
    this.#cached -= 1;
    return this.#cache[this.#cached]!;
  }

  /** Drops one reference; the last one gives the frame back to the pool. */
  free(frame: number): void {
    const at = this.#refAt[frame]!;
    if (this.#refs[at] !== 1) {
      // Another holder may drop its reference at the same time from a driver or another thread:
      // only the atomic result decides.
      if (Atomics.sub(this.#refs, at, 1) !== 1) return;
      this.#refs[at] = 1;
    }
    if (this.#cached === 2 * CACHE_FRAMES) this.#giveBack();
    this.#cache[this.#cached] = frame;
    this.#cached += 1;
  }

  /** Adds one reference. */
  retain(frame: number): void {
    Atomics.add(this.#refs, this.#refAt[frame]!, 1);
  }

  /** References to `frame`; 1 means that the caller is the only holder and may write to it. */
  refCount(frame: number): number {
    return this.#refs[this.#refAt[frame]!]!;
  }

  /**
   * Frames that can be allocated now. Equal to `capacity` when nothing is in use and drivers hold
   * none.
   */
  available(): number {
    return this.#cached + this.#source.available();
  }

  /** Gives every cached frame back to the source, so that pool accounting is exact. */
  flush(): void {
    while (this.#cached > 0) this.#giveBack();
  }

  #giveBack(): void {
    const count = this.#cached < CACHE_FRAMES ? this.#cached : CACHE_FRAMES;
    this.#cached -= count;
    for (let i = 0; i < count; i += 1) this.#spill[i] = this.#cache[this.#cached + i]!;
    this.#source.spill(this.#spill, count);
  }
}

/** Options of {@link createHeapArena}. */
export interface HeapArenaOptions {
  /** Number of frames. */
  readonly frames: number;
  /** Bytes of data per frame behind the headroom; at least the MTU plus the Ethernet header. */
  readonly dataRoom: number;
}

/** Bytes before the headroom of a heap frame: the reference count, on a cache line of its own. */
const HEAP_PREFIX_BYTES = 64;

/** An arena in ordinary memory, for the loopback device and for tests. */
export function createHeapArena(options: HeapArenaOptions): FrameArena {
  const stride =
    (HEAP_PREFIX_BYTES + FRAME_HEADROOM_BYTES + options.dataRoom + (HEAP_PREFIX_BYTES - 1)) &
    ~(HEAP_PREFIX_BYTES - 1);
  const buffer = new ArrayBuffer(stride * options.frames);
  const dataAt = new Uint32Array(options.frames);
  const refAt = new Uint32Array(options.frames);
  const refs = new Uint16Array(buffer);
  const stack = new Uint32Array(options.frames);
  for (let frame = 0; frame < options.frames; frame += 1) {
    dataAt[frame] = frame * stride + HEAP_PREFIX_BYTES + FRAME_HEADROOM_BYTES;
    refAt[frame] = (frame * stride) >> 1;
    refs[refAt[frame]!] = 1;
    stack[frame] = options.frames - 1 - frame;
  }
  let count = options.frames;
  const source: FrameSource = {
    refill(out, wanted) {
      const taken = wanted < count ? wanted : count;
      for (let i = 0; i < taken; i += 1) {
        count -= 1;
        out[i] = stack[count]!;
      }
      return taken;
    },
    spill(frames, given) {
      for (let i = 0; i < given; i += 1) {
        stack[count] = frames[i]!;
        count += 1;
      }
    },
    available() {
      return count;
    },
  };
  return new FrameArena(
    { buffer, dataAt, refAt, headroom: FRAME_HEADROOM_BYTES, dataRoom: options.dataRoom },
    source,
  );
}
