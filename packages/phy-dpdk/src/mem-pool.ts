/**
 * Packet memory: a DPDK mempool that TypeScript sees as one `FrameArena`.
 *
 * ```text
 *  base                                                          one ArrayBuffer, mapped once
 *   | mbuf 128 | headroom 128 | data room 2,048 |..| mbuf 128 | headroom 128 | ...
 *         ^ refcnt at 18       ^ dataAt[0]
 * ```
 *
 * @module
 */

import { threadId } from 'node:worker_threads';
import { assert, FrameArena, type FrameSource, NetError } from '@tickwire/base';
import type { Eal } from './eal.ts';
import { type Address, addressOf, cStrings, failure, mapMemory } from './native.ts';
import { type Native, native, STRUCT_BYTES } from './native.ts';

/** dpdk-net's default, one less than a power of two as DPDK's ring wants it. */
const FRAMES = 8191;
/** Room for 1,500 bytes and all headers, and the size most NICs want to write to. */
const DATA_ROOM_BYTES = 2048;
/** Frames that each thread keeps out of the common ring. */
const CACHE_FRAMES = 256;
/** DPDK's name for "any NUMA node". */
const SOCKET_ANY = -1;

/** The address of a pool that is closed. */
const NO_POOL = 0;

/** Options of {@link createMemPool}. */
export interface MemPoolOptions {
  /** Number of frames, default 8,191. Each takes `dataRoom` + 320 bytes. */
  readonly frames?: number;
  /** Bytes behind the headroom, default 2,048; at least the MTU plus 14. */
  readonly dataRoom?: number;
  /** Frames per thread that are kept out of the common ring, default 256, at most 512. */
  readonly cache?: number;
  /** NUMA node, default any. */
  readonly socket?: number;
}

/** A pool as another thread can open it with {@link attachMemPool}; can be posted to a Worker. */
export interface SharedMemPool {
  readonly address: number;
}

/** The pool's frames as the source of one thread's arena. */
class PoolSource implements FrameSource {
  readonly #native: Native;
  #pool: Address;
  // The arena passes its own two arrays, always the same: their pointers are taken once.
  #out: Uint32Array | undefined;
  #outAt: Address = 0;
  #in: Uint32Array | undefined;
  #inAt: Address = 0;

  constructor(shim: Native, pool: Address) {
    this.#native = shim;
    this.#pool = pool;
  }

  /** From now on the pool is empty, whoever still holds the arena. */
  close(): void {
    this.#pool = NO_POOL;
  }

  refill(out: Uint32Array, count: number): number {
    if (this.#pool === NO_POOL) return 0;
    if (this.#out !== out) {
      this.#out = out;
      this.#outAt = addressOf(out);
    }
    return this.#native.tw_pool_alloc(this.#pool, this.#outAt, count);
  }

  spill(frames: Uint32Array, count: number): void {
    if (this.#pool === NO_POOL) return;
    if (this.#in !== frames) {
      this.#in = frames;
      this.#inAt = addressOf(frames);
    }
    this.#native.tw_pool_put(this.#pool, this.#inAt, count);
  }

  available(): number {
    return this.#pool === NO_POOL ? 0 : this.#native.tw_pool_available(this.#pool);
  }
}

/** A pool of frames. Made by {@link createMemPool} or {@link attachMemPool}. */
export class MemPool implements Disposable {
  /** The frames as this thread sees them. */
  readonly arena: FrameArena;
  /** Address of the pool in C. */
  readonly address: Address;
  readonly #native: Native;
  readonly #source: PoolSource;
  readonly #isOwner: boolean;
  #users = 0;
  #isOpen = true;

  /** @internal Use {@link createMemPool} or {@link attachMemPool}. */
  constructor(shim: Native, address: Address, isOwner: boolean) {
    this.#native = shim;
    this.address = address;
    this.#isOwner = isOwner;
    const out = new DataView(new ArrayBuffer(STRUCT_BYTES.geometry));
    shim.tw_pool_geometry(address, addressOf(out));
    const frames = out.getUint32(16, true);
    const dataAt = new Uint32Array(new ArrayBuffer(4 * frames));
    const refAt = new Uint32Array(new ArrayBuffer(4 * frames));
    shim.tw_pool_tables(address, addressOf(dataAt), addressOf(refAt));
    this.#source = new PoolSource(shim, address);
    this.arena = new FrameArena(
      {
        buffer: mapMemory(out.getFloat64(0, true), out.getFloat64(8, true)),
        dataAt,
        refAt,
        headroom: out.getUint32(20, true),
        dataRoom: out.getUint32(24, true),
      },
      this.#source,
    );
  }

  /** Number of frames. */
  get capacity(): number {
    return this.arena.capacity;
  }

  /** Frames that lie in the pool, without those in the cache of this or another thread's arena. */
  get availCount(): number {
    return this.#source.available();
  }

  /** Frames that this thread's application, the drivers and other threads hold. */
  get inUse(): number {
    return this.capacity - this.arena.available();
  }

  /** What another thread needs to open the same pool. */
  share(): SharedMemPool {
    return { address: this.address };
  }

  /** @internal A device uses the memory from now on. */
  enter(): void {
    this.#users += 1;
  }

  /** @internal Undoes {@link MemPool.enter}. */
  leave(): void {
    this.#users -= 1;
  }

  /**
   * Gives cached frames back and, in the thread that made the pool, the memory. The arena is empty
   * and its bytes are gone afterwards; other threads must have closed theirs before.
   *
   * @throws AssertionError when a device of this thread still uses the pool.
   */
  close(): void {
    if (!this.#isOpen) return;
    assert(this.#users === 0, 'the pool is closed before its devices');
    this.#isOpen = false;
    this.arena.flush();
    this.#source.close();
    // Detached, every view has length 0: late readers find nothing instead of another's memory.
    this.arena.layout.buffer.transfer(0);
    if (this.#isOwner) this.#native.tw_pool_free(this.address);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

let poolsMade = 0;

/**
 * Makes a pool.
 *
 * @throws NetError `ENOMEM` when DPDK has too little memory, `EINVAL` for impossible options.
 *
 * @example
 * ```ts
 * using pool = createMemPool(eal, { frames: 8191 });
 * const frame = pool.arena.alloc();
 * ```
 */
export function createMemPool(_eal: Eal, options: MemPoolOptions = {}): MemPool {
  const frames = options.frames ?? FRAMES;
  const dataRoom = options.dataRoom ?? DATA_ROOM_BYTES;
  // A cache above two thirds of the pool is refused by DPDK, and one thread must not hide it all.
  const cache = options.cache ?? Math.min(CACHE_FRAMES, Math.floor(frames / 8));
  if (!Number.isInteger(frames) || frames < 2 || dataRoom % 64 !== 0) {
    throw new NetError('EINVAL', 'A pool has at least 2 frames of a multiple of 64 bytes', {
      frames,
      dataRoom,
    });
  }
  const shim = native();
  poolsMade += 1;
  const name = cStrings(`tw${threadId}p${poolsMade}`);
  const address = shim.tw_pool_create(
    addressOf(name),
    frames,
    dataRoom,
    cache,
    options.socket ?? SOCKET_ANY,
  );
  if (address === null || address === 0) {
    throw failure(
      shim.tw_errno(),
      `Cannot make a pool of ${frames} frames of ${dataRoom} bytes`,
      'give DPDK more memory with memoryMb(), or reserve more huge pages',
    );
  }
  return new MemPool(shim, address, true);
}

/** Opens in this thread a pool that another thread of the process made. */
export function attachMemPool(shared: SharedMemPool): MemPool {
  return new MemPool(native(), shared.address, false);
}
