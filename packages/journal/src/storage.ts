/**
 * The few file operations that the journal needs, as an interface, so that tests can lose power,
 * tear writes and fill disks.
 *
 * @module
 */

import { NetError, type NetErrorCode } from '@tickwire/base';

/** Syncs a file in another thread. One request at a time. */
export interface BackgroundSync {
  /**
   * Asks for a sync of `fd`, which must not be closed before it is done; `zeros` bytes of zeros are
   * written from its beginning first. Only when {@link state} is not 1.
   */
  request(fd: number, zeros?: number): void;
  /**
   * 0: nothing under way, and the last request succeeded; 1: under way; below 0: it failed with
   * this errno, for good.
   */
  state(): number;
  /** Waits until nothing is under way and returns {@link state}. */
  wait(): number;
  /** Ends the thread. */
  close(): void;
}

/**
 * A directory. `write` and `sync` return counts or negative errno, because they are on the hot
 * path; the others throw `NetError`.
 */
export interface Storage {
  /** For messages. */
  readonly path: string;
  /** Names of the files. */
  list(): string[];
  /** Opens a file for reading and writing. */
  open(name: string): number;
  /** Makes an empty file, replacing any. */
  create(name: string): number;
  close(fd: number): void;
  size(fd: number): number;
  /** Reads up to `length` bytes into `bytes` from 0; returns how many there were. */
  read(fd: number, bytes: Uint8Array, length: number, position: number): number;
  /**
   * Writes `length` bytes of `bytes` from `at`; returns how many were taken, or a negative errno.
   */
  write(fd: number, bytes: Uint8Array, at: number, length: number, position: number): number;
  /** Returns 0 when all data of the file is durable, or a negative errno. */
  sync(fd: number): number;
  truncate(fd: number, bytes: number): void;
  rename(from: string, to: string): void;
  remove(name: string): void;
  /** Makes creations, renames and removals durable. */
  syncDirectory(): void;
  /** Takes the directory for this writer alone; false when another has it. */
  lock(): boolean;
  unlock(): void;
  /** A thread for syncs, or what stands for it. */
  background(): BackgroundSync;
  /**
   * Another thread, for filling files in advance; undefined where the caller does it in idle
   * moments (a storage for tests, in which everything happens in one order).
   */
  filler(): BackgroundSync | undefined;
}

/** Linux errno of "Input/output error". */
export const EIO = 5;
/** Linux errno of "No space left on device". */
export const ENOSPC = 28;

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'EPERM'],
  [2, 'ENOENT'],
  [EIO, 'EIO'],
  [9, 'EBADF'],
  [12, 'ENOMEM'],
  [13, 'EACCES'],
  [22, 'EINVAL'],
  [27, 'EFBIG'],
  [ENOSPC, 'ENOSPC'],
  [30, 'EROFS'],
  [122, 'EDQUOT'],
]);

/** The codes that `NetError` knows and a file system returns. */
const CODES: readonly NetErrorCode[] = [
  'EPERM',
  'ENOENT',
  'EIO',
  'EBADF',
  'ENOMEM',
  'EACCES',
  'ENOSPC',
];

/**
 * The error for a negative errno. Its code is that of the errno where `NetError` has it, else
 * `ERR_TW_CLOSED`, because the journal closes itself; `details.errno` always has the name.
 */
export function storageError(operation: string, file: string, errno: number): NetError {
  const name = ERRNO_NAMES.get(Math.abs(errno)) ?? `errno ${Math.abs(errno)}`;
  const code = CODES.find((known) => known === name) ?? 'ERR_TW_CLOSED';
  const advice =
    name === 'ENOSPC' || name === 'EDQUOT'
      ? 'free space on the disk and restart'
      : 'check the disk, then restart from the journal';
  const message = `Journal cannot ${operation} ${file}: ${name}; ${advice}`;
  return new NetError(code, message, { operation, file, errno: name });
}

/** Writes all of `length` bytes, however many calls it takes. Returns 0 or a negative errno. */
export function writeFully(
  storage: Storage,
  fd: number,
  bytes: Uint8Array,
  length: number,
  position: number,
): number {
  let done = 0;
  while (done < length) {
    const taken = storage.write(fd, bytes, done, length - done, position + done);
    if (taken < 0) return taken;
    // A file system that takes nothing and gives no reason would keep us here for ever.
    if (taken === 0) return -EIO;
    done += taken;
  }
  return 0;
}
