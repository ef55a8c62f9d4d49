/**
 * The thread of `background-sync.ts`.
 *
 * @module
 */

import { fdatasyncSync, writeSync } from 'node:fs';
import { DONE, ERRNO, FD, REQUEST, STOP, URGENT, ZEROS } from './background-sync.ts';
import { EIO } from './storage.ts';

declare const self: Worker;

/**
 * Pause between two syncs. Back to back they hold up the writer: write(2) of 1 kB had a p99 of 49
 * us beside them, and 3 us with a pause of 10 ms (ext4 on a virtual disk, 100,000 writes). What a
 * crash of the machine can lose grows by the pause.
 */
const PAUSE_MS = 5;

/** What is written at once: large enough to be cheap, small enough to be given up in between. */
const CHUNK: Uint8Array = new Uint8Array(262_144);

/** Writes `bytes` zeros from the beginning of a file; throws what `writeSync` throws. */
function writeZeros(fd: number, bytes: number): void {
  for (let at = 0; at < bytes;) {
    at += writeSync(fd, CHUNK, 0, Math.min(CHUNK.length, bytes - at), at);
  }
}

self.onmessage = (event: MessageEvent): void => {
  const words = event.data as Int32Array;
  let done = 0;
  while (Atomics.load(words, STOP) === 0) {
    const request = Atomics.load(words, REQUEST);
    if (request === done) {
      Atomics.wait(words, REQUEST, request, 1000);
      continue;
    }
    // After one failure nothing is promised any more: Linux may report an error once and then
    // forget the pages.
    if (Atomics.load(words, ERRNO) === 0) {
      try {
        const fd = Atomics.load(words, FD);
        writeZeros(fd, Atomics.load(words, ZEROS));
        fdatasyncSync(fd);
      } catch (error) {
        const errno = (error as { errno?: unknown }).errno;
        Atomics.store(words, ERRNO, typeof errno === 'number' ? -Math.abs(errno) : -EIO);
      }
    }
    done = request;
    Atomics.store(words, DONE, done);
    Atomics.notify(words, DONE);
    Atomics.wait(words, URGENT, 0, PAUSE_MS);
  }
};
