/**
 * What every other package stands on: assertions, status codes, typed errors, clocks, random
 * numbers, keyed hashes, packet memory and timers.
 *
 * @packageDocumentation
 */

export { assert, AssertionError, fail } from './assert.ts';
export { type Clock, ManualClock, monotonicClock, wallClockMs } from './clock.ts';
export { copyBytes } from './copy-bytes.ts';
export { NetError, type NetErrorCode } from './errors.ts';
export { Prng } from './prng.ts';
export { Status, statusName } from './status.ts';
export {
  createHeapArena,
  FRAME_HEADROOM_BYTES,
  FrameArena,
  type FrameLayout,
  type FrameSource,
  type HeapArenaOptions,
  NO_FRAME,
} from './frame-arena.ts';
export { halfSipHash, SipHash } from './siphash.ts';
export { NO_TIMER, TimerWheel, WHEEL_TICK_NS } from './timer-wheel.ts';
