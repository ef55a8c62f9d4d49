/**
 * The Device over DPDK: environment, memory pools, ports and bursts through a small C shim.
 *
 * @packageDocumentation
 */

export { type DeviceSpec, parseDeviceSpec, toDevargs } from './device-spec.ts';
export { DpdkDevice, type DpdkDeviceOptions, type SharedDevice } from './dpdk-device.ts';
export { Eal, EalBuilder, type LogLevel, registerThread } from './eal.ts';
export { EthDev, type EthDevInfo, type EthDevOptions, type EthDevStats } from './eth-dev.ts';
export { symmetricRssKey } from './eth-dev.ts';
export { attachMemPool, createMemPool, MemPool } from './mem-pool.ts';
export type { MemPoolOptions, SharedMemPool } from './mem-pool.ts';
export { hasNative } from './native.ts';
export { openDevice, type OpenDeviceOptions } from './open-device.ts';
export { hasHugePages } from './preflight.ts';
export { RxQueue, TxQueue } from './queues.ts';
export { createRingPair, type RingPairOptions } from './ring-pair.ts';
