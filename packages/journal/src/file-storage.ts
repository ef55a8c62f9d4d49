/**
 * A directory of a real file system.
 *
 * @module
 */

import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { BackgroundSyncThread } from './background-sync.ts';
import { tryLock } from './libc.ts';
import { type BackgroundSync, EIO, type Storage, storageError } from './storage.ts';

/** File that is locked; it stays empty. */
const LOCK_NAME = 'lock';

function errnoOf(error: unknown): number {
  const errno = (error as { errno?: unknown }).errno;
  return typeof errno === 'number' && errno !== 0 ? -Math.abs(errno) : -EIO;
}

/** {@link Storage} over `node:fs`. */
export class FileStorage implements Storage {
  readonly path: string;
  #lockFd = -1;

  /** Uses the directory `path` and makes it when it does not exist. */
  constructor(path: string) {
    this.path = path;
    this.#try('create the directory', path, () => mkdirSync(path, { recursive: true }));
  }

  list(): string[] {
    return this.#try('list', this.path, () => readdirSync(this.path)).filter(
      (name) => name !== LOCK_NAME,
    );
  }

  open(name: string): number {
    return this.#try('open', name, () => openSync(join(this.path, name), 'r+'));
  }

  create(name: string): number {
    return this.#try('create', name, () => openSync(join(this.path, name), 'w+'));
  }

  close(fd: number): void {
    closeSync(fd);
  }

  size(fd: number): number {
    return fstatSync(fd).size;
  }

  read(fd: number, bytes: Uint8Array, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const at = done;
      const count = this.#try('read', this.path, () =>
        readSync(fd, bytes, at, length - at, position + at),
      );
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(fd: number, bytes: Uint8Array, at: number, length: number, position: number): number {
    try {
      return writeSync(fd, bytes, at, length, position);
    } catch (error) {
      return errnoOf(error);
    }
  }

  sync(fd: number): number {
    try {
      fdatasyncSync(fd);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  truncate(fd: number, bytes: number): void {
    this.#try('truncate', this.path, () => ftruncateSync(fd, bytes));
  }

  rename(from: string, to: string): void {
    this.#try('rename', from, () => renameSync(join(this.path, from), join(this.path, to)));
  }

  remove(name: string): void {
    this.#try('remove', name, () => unlinkSync(join(this.path, name)));
  }

  syncDirectory(): void {
    this.#try('sync the directory', this.path, () => {
      const fd = openSync(this.path, 'r');
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    });
  }

  lock(): boolean {
    const fd = this.create(LOCK_NAME);
    if (!tryLock(fd)) {
      closeSync(fd);
      return false;
    }
    this.#lockFd = fd;
    return true;
  }

  unlock(): void {
    if (this.#lockFd >= 0) closeSync(this.#lockFd);
    this.#lockFd = -1;
  }

  filler(): BackgroundSync {
    return new BackgroundSyncThread();
  }

  background(): BackgroundSync {
    return new BackgroundSyncThread();
  }

  #try<T>(operation: string, file: string, run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw storageError(operation, file, errnoOf(error));
    }
  }
}
