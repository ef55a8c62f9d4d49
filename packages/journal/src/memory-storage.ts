/**
 * A directory in memory that can lose power, tear writes, run full and break; for tests and
 * simulation.
 *
 * @module
 */

import { NetError, type Prng } from '@tickwire/base';
import { type BackgroundSync, ENOSPC, type Storage, storageError } from './storage.ts';

/** A disk writes whole sectors; within a write they may arrive in any order, or not at all. */
const SECTOR_BYTES = 512;

interface PendingWrite {
  readonly position: number;
  /** The bytes, or undefined for a truncation to `position`. */
  readonly bytes: Uint8Array | undefined;
}

/** Contents now, contents on the platter, and what lies between. */
class Inode {
  current: Uint8Array = new Uint8Array(0);
  durable: Uint8Array = new Uint8Array(0);
  pending: PendingWrite[] = [];
}

function applyWrite(data: Uint8Array, write: PendingWrite): Uint8Array {
  const { position, bytes } = write;
  if (bytes === undefined) return data.slice(0, position);
  const end = position + bytes.length;
  let result = data;
  if (end > data.length) {
    result = new Uint8Array(end);
    result.set(data);
  }
  result.set(bytes, position);
  return result;
}

/** Operations that {@link MemoryStorage.failAfter} can break. */
export type FaultyOperation = 'write' | 'sync' | 'create' | 'rename' | 'syncDirectory';

/** {@link Storage} in memory. */
export class MemoryStorage implements Storage {
  readonly path: string = 'memory';
  /**
   * Writes that would make the files larger than this together are cut short, then refused with
   * ENOSPC.
   */
  capacityBytes: number = Number.POSITIVE_INFINITY;
  /** When true, background syncs stay under way until {@link completeBackground}. */
  holdBackground = false;
  #names: Map<string, Inode> = new Map();
  #durableNames: Map<string, Inode> = new Map();
  #open: Map<number, Inode> = new Map();
  #nextFd = 100;
  #locked = false;
  #fault: { operation: FaultyOperation; countdown: number; errno: number } | undefined;
  #held: (() => void)[] = [];

  /**
   * Lets the next `successes` calls of `operation` pass and fails all after with `errno`, until
   * {@link repair}.
   */
  failAfter(operation: FaultyOperation, successes: number, errno: number): void {
    this.#fault = { operation, countdown: successes, errno };
  }

  /** Ends a fault. */
  repair(): void {
    this.#fault = undefined;
  }

  /**
   * Loses power. What was synced stays. Of every other write each sector survives by the toss of
   * `prng`, or none does when it is undefined; the same for names. All open files and the lock are
   * gone.
   */
  crash(prng?: Prng): void {
    const keeps = (): boolean => prng !== undefined && prng.nextBelow(2) === 1;
    const names = new Map(this.#durableNames);
    for (const [name, inode] of this.#names)
      if (!names.has(name) && keeps()) names.set(name, inode);
    for (const inode of new Set(names.values())) {
      for (const write of inode.pending) {
        if (write.bytes === undefined) {
          if (keeps()) inode.durable = applyWrite(inode.durable, write);
          continue;
        }
        for (let at = 0; at < write.bytes.length;) {
          const position = write.position + at;
          const room = SECTOR_BYTES - (position % SECTOR_BYTES);
          const bytes = write.bytes.slice(at, at + room);
          if (keeps()) inode.durable = applyWrite(inode.durable, { position, bytes });
          at += bytes.length;
        }
      }
      inode.pending = [];
      inode.current = inode.durable.slice();
    }
    this.#names = names;
    this.#durableNames = new Map(names);
    this.#open.clear();
    this.#held = [];
    this.#locked = false;
  }

  /** Ends the process but not the machine: everything written stays. */
  kill(): void {
    this.#open.clear();
    this.#held = [];
    this.#locked = false;
  }

  /** A deep copy of what a reader would see now, all of it durable and closed. */
  clone(): MemoryStorage {
    const copy = new MemoryStorage();
    for (const [name, inode] of this.#names) copy.put(name, inode.current);
    return copy;
  }

  /** The contents of a file now. */
  get(name: string): Uint8Array {
    return this.#find(name, 'read').current;
  }

  /** Replaces a file, durably. */
  put(name: string, bytes: Uint8Array): void {
    const inode = new Inode();
    inode.current = bytes.slice();
    inode.durable = bytes.slice();
    this.#names.set(name, inode);
    this.#durableNames.set(name, inode);
  }

  /** Finishes the held background syncs. */
  completeBackground(): void {
    for (const finish of this.#held.splice(0)) finish();
  }

  list(): string[] {
    return [...this.#names.keys()];
  }

  open(name: string): number {
    return this.#openInode(this.#find(name, 'open'));
  }

  create(name: string): number {
    this.#control('create', name);
    const inode = new Inode();
    this.#names.set(name, inode);
    return this.#openInode(inode);
  }

  close(fd: number): void {
    this.#open.delete(fd);
  }

  size(fd: number): number {
    return this.#inode(fd).current.length;
  }

  read(fd: number, bytes: Uint8Array, length: number, position: number): number {
    const part = this.#inode(fd).current.slice(position, position + length);
    bytes.set(part);
    return part.length;
  }

  write(fd: number, bytes: Uint8Array, at: number, length: number, position: number): number {
    const errno = this.#fails('write');
    if (errno !== 0) return errno;
    const inode = this.#inode(fd);
    let used = 0;
    for (const other of this.#names.values()) used += other.current.length;
    const growth = Math.max(0, position + length - inode.current.length);
    const taken = length - Math.max(0, Math.min(length, used + growth - this.capacityBytes));
    if (taken <= 0) return -ENOSPC;
    const write = { position, bytes: bytes.slice(at, at + taken) };
    inode.current = applyWrite(inode.current, write);
    inode.pending.push(write);
    return taken;
  }

  sync(fd: number): number {
    const errno = this.#fails('sync');
    if (errno !== 0) return errno;
    const inode = this.#inode(fd);
    for (const write of inode.pending) inode.durable = applyWrite(inode.durable, write);
    inode.pending = [];
    return 0;
  }

  truncate(fd: number, bytes: number): void {
    const inode = this.#inode(fd);
    const write = { position: bytes, bytes: undefined };
    inode.current = applyWrite(inode.current, write);
    inode.pending.push(write);
  }

  rename(from: string, to: string): void {
    this.#control('rename', from);
    this.#names.set(to, this.#find(from, 'rename'));
    this.#names.delete(from);
  }

  remove(name: string): void {
    this.#names.delete(name);
  }

  syncDirectory(): void {
    this.#control('syncDirectory', this.path);
    this.#durableNames = new Map(this.#names);
  }

  lock(): boolean {
    if (this.#locked) return false;
    this.#locked = true;
    return true;
  }

  unlock(): void {
    this.#locked = false;
  }

  background(): BackgroundSync {
    let state = 0;
    const run = (fd: number): void => {
      state = 1;
      // What the request covers is what was written by then; a later write must not ride along.
      const inode = this.#inode(fd);
      const covered = inode.pending.length;
      const finish = (): void => {
        const errno = this.#fails('sync');
        state = errno;
        if (errno !== 0) return;
        for (const write of inode.pending.splice(0, covered)) {
          inode.durable = applyWrite(inode.durable, write);
        }
      };
      if (this.holdBackground) this.#held.push(finish);
      else finish();
    };
    return {
      request: run,
      state: () => state,
      wait: () => {
        this.completeBackground();
        return state;
      },
      close: () => this.completeBackground(),
    };
  }

  filler(): undefined {
    return undefined;
  }

  #openInode(inode: Inode): number {
    const fd = this.#nextFd++;
    this.#open.set(fd, inode);
    return fd;
  }

  #inode(fd: number): Inode {
    const inode = this.#open.get(fd);
    if (inode === undefined) throw new NetError('EBADF', 'File is not open', { fd });
    return inode;
  }

  #find(name: string, operation: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw storageError(operation, name, -2);
    return inode;
  }

  #fails(operation: FaultyOperation): number {
    if (this.#fault?.operation !== operation) return 0;
    return this.#fault.countdown-- > 0 ? 0 : -this.#fault.errno;
  }

  #control(operation: FaultyOperation, file: string): void {
    const errno = this.#fails(operation);
    if (errno !== 0) throw storageError(operation, file, errno);
  }
}
