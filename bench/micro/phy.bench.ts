/**
 * Devices in memory: nanoseconds per burst of 32 frames, one thread.
 *
 * ```text
 * bun run bench phy
 * ```
 *
 * @module
 */

import { createHeapArena } from '../../packages/base/src/index.ts';
import {
  createLoopbackPair,
  type Device,
  DeviceMiddleware,
  FaultInjector,
  RxBurst,
  TxBurst,
} from '../../packages/phy/src/index.ts';
import { do_not_optimize } from 'mitata';
import { suite } from '../micro-suite.ts';
import type { Benchmark } from '../contract.ts';

const BURST = 32;
const tx = new TxBurst();
const rx = new RxBurst();

/** Allocates, transmits, receives and frees one burst. */
function pass(from: Device, to: Device, length: number): number {
  const { arena } = from;
  for (let i = 0; i < BURST; i += 1) {
    const frame = arena.alloc();
    const at = arena.dataAt[frame]!;
    tx.frame[i] = frame;
    tx.at[i] = at;
    tx.length[i] = length;
    tx.checksumStart[i] = at + 34;
    tx.checksumAt[i] = at + 50;
  }
  from.transmit(tx, BURST, 0);
  const count = to.receive(rx, BURST, 0);
  for (let i = 0; i < count; i += 1) arena.free(rx.frame[i]!);
  return count;
}

/** Two ends over an arena of their own. */
function pair(checksum: 'full' | 'none'): { a: Device; b: Device } {
  return createLoopbackPair(createHeapArena({ frames: 1024, dataRoom: 2048 }), { checksum });
}

/** The benchmark. */
export const benchmark: Benchmark = suite(
  'phy',
  'Devices in memory: one burst of 32 frames there and freed, one thread',
  ({ bench }) => {
    for (const checksum of ['none', 'full'] as const) {
      for (const length of [64, 1514]) {
        const { a, b } = pair(checksum);
        bench(`loopback, checksum ${checksum}, ${BURST} x ${length} bytes`, () => {
          do_not_optimize(pass(a, b, length));
        });
      }
    }

    const plain = pair('none');
    const wrapped = new DeviceMiddleware(plain.a, 'outer');
    bench(`loopback through a middleware, ${BURST} x 64 bytes`, () => {
      do_not_optimize(pass(wrapped, plain.b, 64));
    });

    const disturbed = pair('none');
    const faulty = new FaultInjector(disturbed.a, { seed: 1 });
    bench(`loopback through an idle fault injector, ${BURST} x 64 bytes`, () => {
      do_not_optimize(pass(faulty, disturbed.b, 64));
    });
  },
);
