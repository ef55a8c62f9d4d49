/**
 * The border to C: the only file that imports `bun:ffi` for DPDK.
 *
 * Three facts of Bun 1.4 shape it:
 * - `ptr()` of a small typed array goes stale, because JSC may move its storage; whatever C gets a
 *   pointer to is built over an explicit `ArrayBuffer` ({@link nativeBytes}), is kept alive by its
 *   owner, and its pointer is taken once;
 * - a 64-bit integer return becomes a BigInt and costs 10 ns instead of 1.2: nothing returns one;
 * - `toArrayBuffer` costs 60 ns and garbage, so the packet memory is mapped once per thread.
 *
 * @module
 */

import { dlopen, ptr, toArrayBuffer } from 'bun:ffi';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NetError } from '@tickwire/base';
import { errnoCode } from './errno.ts';

/** Address of native memory. A plain number: addresses stay below 2^53. */
export type Address = number;

/** `TW_ABI_VERSION` that this file is written for. */
const ABI_VERSION = 1;

/** What `tw_layout` must report, in the order of `eal.c`. */
const LAYOUT = [64, 128, 128, 18, 104, 56, 72, 80, 48, 64, 32, 40, 48, 64] as const;

/** `struct tw_rx`: byte offsets of its fields; pointers first. */
export const RX_CONTEXT = {
  bytes: 104,
  pool: 0,
  frame: 8,
  at: 16,
  length: 24,
  flags: 32,
  hash: 40,
  sum: 48,
  port: 56,
  queue: 60,
  mode: 64,
  frames: 72,
  byteCount: 80,
  oversize: 88,
  foreign: 96,
} as const;

/** `struct tw_tx`: byte offsets of its fields. */
export const TX_CONTEXT = {
  bytes: 80,
  pool: 0,
  frame: 8,
  at: 16,
  length: 24,
  checksumStart: 32,
  checksumAt: 40,
  port: 48,
  queue: 52,
  mode: 56,
  frames: 64,
  byteCount: 72,
} as const;

/** Sizes in bytes of the structs of the control plane. */
export const STRUCT_BYTES = { geometry: 32, portConfig: 40, portInfo: 48, portStats: 64 } as const;

/** `TW_SUM_*`: what the shim does about the checksums of received frames. */
export const SumMode = { None: 0, All: 1, UnlessNic: 2 } as const;

/** `TW_TX_*` bits. */
export const TxMode = { Checksum: 1, Pad: 2 } as const;

/** `TW_PORT_*` bits. */
export const PortFlag = { Rss: 1, RxChecksum: 2 } as const;

/** The functions of `csrc/tickwire.h`, which documents them. */
export interface Native {
  tw_abi_version(): number;
  tw_layout(out: Address, count: number): number;
  tw_log_open(path: Address): number;
  tw_log_tail(out: Address, bytes: number): number;
  tw_eal_init(args: Address, count: number): number;
  tw_eal_cleanup(): number;
  tw_errno(): number;
  tw_error_text(code: number, out: Address, bytes: number): number;
  tw_version(out: Address, bytes: number): number;
  tw_thread_register(): number;
  tw_thread_unregister(): void;
  tw_pin(core: number): number;
  tw_tsc(): number;
  tw_tsc_hz(): number;
  tw_nop(value: number): number;
  tw_pool_create(
    name: Address,
    frames: number,
    dataRoom: number,
    cache: number,
    socket: number,
  ): Address | null;
  tw_pool_free(pool: Address): void;
  tw_pool_geometry(pool: Address, out: Address): void;
  tw_pool_tables(pool: Address, dataAt: Address, refAt: Address): void;
  tw_pool_alloc(pool: Address, frames: Address, count: number): number;
  tw_pool_put(pool: Address, frames: Address, count: number): void;
  tw_pool_release(pool: Address, frames: Address, count: number): void;
  tw_pool_available(pool: Address): number;
  tw_port_open(devargs: Address): number;
  tw_port_close(port: number): number;
  tw_port_info(port: number, out: Address): number;
  tw_port_driver(port: number, out: Address, bytes: number): number;
  tw_port_configure(port: number, pool: Address, config: Address): number;
  tw_port_start(port: number): number;
  tw_port_mac(port: number, out: Address): number;
  tw_port_set_mac(port: number, mac: Address): number;
  tw_port_set_mtu(port: number, mtu: number): number;
  tw_port_promiscuous(port: number, on: number): number;
  tw_port_multicast(port: number, macs: Address | null, count: number): number;
  tw_port_stats(port: number, out: Address): number;
  tw_port_link(port: number): number;
  tw_port_reclaim(port: number, queue: number): number;
  tw_ring_pair_open(name: Address, size: number, queues: number): Address | null;
  tw_ring_pair_port(pair: Address, side: number): number;
  tw_ring_pair_close(pair: Address): void;
  tw_rx_burst(this: void, context: Address, max: number): number;
  tw_tx_burst(this: void, context: Address, count: number): number;
  tw_sum(data: Address, bytes: number): number;
  tw_sum_reference(data: Address, bytes: number): number;
  tw_copy(to: Address, from: Address, bytes: number): void;
  tw_softrss(key: Address, tuple: Address, bytes: number): number;
}

const SYMBOLS = {
  tw_abi_version: { args: [], returns: 'u32' },
  tw_layout: { args: ['ptr', 'u32'], returns: 'u32' },
  tw_log_open: { args: ['ptr'], returns: 'i32' },
  tw_log_tail: { args: ['ptr', 'u32'], returns: 'i32' },
  tw_eal_init: { args: ['ptr', 'u32'], returns: 'i32' },
  tw_eal_cleanup: { args: [], returns: 'i32' },
  tw_errno: { args: [], returns: 'i32' },
  tw_error_text: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  tw_version: { args: ['ptr', 'u32'], returns: 'i32' },
  tw_thread_register: { args: [], returns: 'i32' },
  tw_thread_unregister: { args: [], returns: 'void' },
  tw_pin: { args: ['u32'], returns: 'i32' },
  tw_tsc: { args: [], returns: 'f64' },
  tw_tsc_hz: { args: [], returns: 'f64' },
  tw_nop: { args: ['u32'], returns: 'u32' },
  tw_pool_create: { args: ['ptr', 'u32', 'u32', 'u32', 'i32'], returns: 'ptr' },
  tw_pool_free: { args: ['ptr'], returns: 'void' },
  tw_pool_geometry: { args: ['ptr', 'ptr'], returns: 'void' },
  tw_pool_tables: { args: ['ptr', 'ptr', 'ptr'], returns: 'void' },
  tw_pool_alloc: { args: ['ptr', 'ptr', 'u32'], returns: 'u32' },
  tw_pool_put: { args: ['ptr', 'ptr', 'u32'], returns: 'void' },
  tw_pool_release: { args: ['ptr', 'ptr', 'u32'], returns: 'void' },
  tw_pool_available: { args: ['ptr'], returns: 'u32' },
  tw_port_open: { args: ['ptr'], returns: 'i32' },
  tw_port_close: { args: ['u32'], returns: 'i32' },
  tw_port_info: { args: ['u32', 'ptr'], returns: 'i32' },
  tw_port_driver: { args: ['u32', 'ptr', 'u32'], returns: 'i32' },
  tw_port_configure: { args: ['u32', 'ptr', 'ptr'], returns: 'i32' },
  tw_port_start: { args: ['u32'], returns: 'i32' },
  tw_port_mac: { args: ['u32', 'ptr'], returns: 'i32' },
  tw_port_set_mac: { args: ['u32', 'ptr'], returns: 'i32' },
  tw_port_set_mtu: { args: ['u32', 'u32'], returns: 'i32' },
  tw_port_promiscuous: { args: ['u32', 'u32'], returns: 'i32' },
  tw_port_multicast: { args: ['u32', 'ptr', 'u32'], returns: 'i32' },
  tw_port_stats: { args: ['u32', 'ptr'], returns: 'i32' },
  tw_port_link: { args: ['u32'], returns: 'i32' },
  tw_port_reclaim: { args: ['u32', 'u32'], returns: 'i32' },
  tw_ring_pair_open: { args: ['ptr', 'u32', 'u32'], returns: 'ptr' },
  tw_ring_pair_port: { args: ['ptr', 'u32'], returns: 'u32' },
  tw_ring_pair_close: { args: ['ptr'], returns: 'void' },
  tw_rx_burst: { args: ['ptr', 'u32'], returns: 'i32' },
  tw_tx_burst: { args: ['ptr', 'u32'], returns: 'i32' },
  tw_sum: { args: ['ptr', 'u32'], returns: 'u32' },
  tw_sum_reference: { args: ['ptr', 'u32'], returns: 'u32' },
  tw_copy: { args: ['ptr', 'ptr', 'u32'], returns: 'void' },
  tw_softrss: { args: ['ptr', 'ptr', 'u32'], returns: 'u32' },
} as const;

/** Bytes of the texts that C writes for us at most. */
const TEXT_BYTES_MAX = 4096;

let loaded: Native | undefined;

/** Where the library lies: `TICKWIRE_LIBRARY`, or `csrc/build` of the checkout. */
function libraryPath(): string {
  const override = process.env['TICKWIRE_LIBRARY'];
  if (override !== undefined && override !== '') return override;
  return fileURLToPath(new URL('../../../csrc/build/libtickwire.so', import.meta.url));
}

/** True when the library has been built and is not switched off by `TICKWIRE_NO_DPDK=1`. */
export function hasNative(): boolean {
  return process.env['TICKWIRE_NO_DPDK'] !== '1' && existsSync(libraryPath());
}

function open(): Native {
  const path = libraryPath();
  if (process.env['TICKWIRE_NO_DPDK'] === '1') {
    throw new NetError(
      'ERR_TW_NO_DPDK',
      'DPDK is switched off by TICKWIRE_NO_DPDK=1; unset it, or use the loopback device',
    );
  }
  if (!existsSync(path)) {
    throw new NetError(
      'ERR_TW_NO_DPDK',
      'The shim over DPDK is not built; run "npm run setup" (or "make -C csrc" with gcc, ' +
        'pkg-config and libdpdk-dev), or use the loopback device',
      { path },
    );
  }
  let shim: Native;
  try {
    shim = dlopen(path, SYMBOLS).symbols as unknown as Native;
  } catch (cause) {
    throw new NetError(
      'ERR_TW_NO_DPDK',
      'The shim over DPDK does not load, probably because DPDK was removed or updated; ' +
        'run "make -C csrc clean all"',
      { path },
      { cause },
    );
  }
  checkLayout(shim, path);
  return shim;
}

/** The second half of the pair assertion; the first half is `_Static_assert` in C. */
function checkLayout(shim: Native, path: string): void {
  const table = new Uint32Array(new ArrayBuffer(4 * LAYOUT.length));
  const version = shim.tw_abi_version();
  const count = shim.tw_layout(addressOf(table), table.length);
  const isEqual = count === LAYOUT.length && LAYOUT.every((value, i) => table[i] === value);
  if (version !== ABI_VERSION || !isEqual) {
    throw new NetError(
      'ERR_TW_ABI',
      'The shim over DPDK has another layout than this version expects; run "make -C csrc"',
      { path, version, layout: table.join(' ') },
    );
  }
}

/**
 * The library, loaded at the first call.
 *
 * @throws NetError `ERR_TW_NO_DPDK` when it cannot be loaded, `ERR_TW_ABI` when it is another one.
 */
export function native(): Native {
  loaded ??= open();
  return loaded;
}

/** Memory that C may hold pointers to: zeroed, never moved. The caller keeps it alive. */
export function nativeBytes(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** The address of an array over an explicit `ArrayBuffer`. */
export function addressOf(array: NodeJS.TypedArray | DataView): Address {
  return ptr(array);
}

/** Maps native memory; nothing frees it when the buffer goes. */
export function mapMemory(address: Address, bytes: number): ArrayBuffer {
  return toArrayBuffer(address, 0, bytes);
}

/** Zero-terminated texts, back to back. */
export function cStrings(...texts: readonly string[]): Uint8Array<ArrayBuffer> {
  const encoded = new TextEncoder().encode(texts.map((text) => `${text}\0`).join(''));
  const bytes = nativeBytes(encoded.length);
  bytes.set(encoded);
  return bytes;
}

/** A text that C writes into `(out, bytes)`. */
export function textFrom(write: (out: Address, bytes: number) => number): string {
  const bytes = nativeBytes(TEXT_BYTES_MAX);
  const length = write(addressOf(bytes), TEXT_BYTES_MAX);
  return length > 0 ? new TextDecoder().decode(bytes.subarray(0, length)) : '';
}

/** Writes an address as a 64-bit little-endian pointer. */
export function putAddress(view: DataView, at: number, address: Address): void {
  view.setUint32(at, address >>> 0, true);
  view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
}

/**
 * Returns `status` when it is no failure.
 *
 * @throws NetError with the code of the negative errno, `what` and the advice in the message, and
 *   the last lines of DPDK's log in `details.log`.
 */
export function check(status: number, what: string, advice: string): number {
  if (status >= 0) return status;
  throw failure(status, what, advice);
}

/** The error that {@link check} throws. */
export function failure(status: number, what: string, advice: string): NetError {
  const text = textFrom((out, bytes) => native().tw_error_text(status, out, bytes));
  return new NetError(errnoCode(status), `${what}: ${text}; ${advice}`, {
    errno: -status,
    log: logTail(),
  });
}

/** Lines of DPDK's log that an error carries. */
const LOG_LINES = 5;

/** The last lines of DPDK's log. */
export function logTail(): string {
  const text = textFrom((out, bytes) => native().tw_log_tail(out, bytes));
  return text.trimEnd().split('\n').slice(-LOG_LINES).join('\n');
}
