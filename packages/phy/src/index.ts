/**
 * The Device contract and the devices that need no driver.
 *
 * @packageDocumentation
 */

export {
  BURST_MAX,
  type Device,
  type DeviceCapabilities,
  DeviceStats,
  RX_BAD,
  RX_HASHED,
  RX_SUMMED,
  RX_VERIFIED,
  RxBurst,
  TxBurst,
} from './device.ts';
export { FrameQueue, QUEUE_FRAMES_MAX } from './frame-queue.ts';
export { createLoopbackPair, Loopback, type LoopbackOptions } from './loopback.ts';
export { DeviceMiddleware } from './middleware.ts';
export { completeChecksum, sumBehindLink } from './software-checksum.ts';
