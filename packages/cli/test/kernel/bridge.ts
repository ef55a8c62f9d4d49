/**
 * The lossy bridge as a program: carries frames between two devices until stdin closes. Prints
 * "ready", and at the end what it did, as JSON.
 *
 * Usage: `bun bridge.ts <options as JSON>`, see {@link BridgeOptions}.
 *
 * @module
 */

import { assert, monotonicClock } from '@tickwire/base';
import { createMemPool, EalBuilder, openDevice } from '@tickwire/phy-dpdk';
import { LossyBridge } from '@tickwire/sim';
import { type Pollable, runLoop } from '@tickwire/stack';
import type { BridgeOptions, BridgeReport } from './bridge-process.ts';
import { Napping } from './nap.ts';
import { Punctuality } from './punctuality.ts';

/** Two rings of 4,096 frames in the packet socket, and what waits on the lines. */
const FRAMES = 16_383;
const MEMORY_MB = 96;
/** Address resolution and a handshake. */
const WARM_UP_FRAMES = 5;

const options = JSON.parse(process.argv[2] ?? 'null') as BridgeOptions | null;
assert(options !== null, 'usage: bridge.ts <options as JSON>');

const eal = new EalBuilder().noHuge().noPci().memoryMb(MEMORY_MB).init();
const pool = createMemPool(eal, { frames: FRAMES });
const first = openDevice(options.first, { pool });
const second = openDevice(options.second, { pool });
const bridge = new LossyBridge(first, second, options);

const controller = new AbortController();
process.stdin.on('end', () => controller.abort());
process.stdin.resume();
process.stdout.write('"ready"\n');
const punctuality = new Punctuality();
/** What the loop misses before the conversation begins troubles nobody. */
const watch: Pollable = {
  poll: (nowNs) => {
    if (bridge.forwardFaults.frames < WARM_UP_FRAMES) punctuality.restart();
    return punctuality.poll(nowNs);
  },
  pollAt: () => Infinity,
};
const { signal } = controller;
const { idle = 'sleep' } = options;
if (options.isRealtime === true) {
  await runLoop([new Napping([bridge, watch])], monotonicClock, { signal, idle: 'yield' });
} else await runLoop([bridge, watch], monotonicClock, { signal, idle });

const { forwardFaults, backwardFaults } = bridge;
bridge.close();
first.close();
second.close();
pool.arena.flush();
const report: BridgeReport = {
  forward: forwardFaults,
  backward: backwardFaults,
  inUse: pool.inUse,
  absences: punctuality.absences,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
