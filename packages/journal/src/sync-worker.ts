/**
 * The thread of `background-sync.ts`.
 *
 * @module
 */

import { fdatasyncSync } from 'node:fs';
import { DONE, ERRNO, FD, REQUEST, STOP } from './background-sync.ts';
import { EIO } from './storage.ts';

declare const self: Worker;

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
        fdatasyncSync(Atomics.load(words, FD));
      } catch (error) {
        const errno = (error as { errno?: unknown }).errno;
        Atomics.store(words, ERRNO, typeof errno === 'number' ? -Math.abs(errno) : -EIO);
      }
    }
    done = request;
    Atomics.store(words, DONE, done);
    Atomics.notify(words, DONE);
  }
};
