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
import { runLoop } from '@tickwire/stack';
import type { BridgeOptions } from './bridge-process.ts';

/** Two rings of 4,096 frames in the packet socket, and what waits on the lines. */
const FRAMES = 16_383;
const MEMORY_MB = 96;

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
const { idle = 'sleep' } = options;
await runLoop([bridge], monotonicClock, { signal: controller.signal, idle });

const { forwardFaults, backwardFaults } = bridge;
bridge.close();
first.close();
second.close();
pool.arena.flush();
const report = { forward: forwardFaults, backward: backwardFaults, inUse: pool.inUse };
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
