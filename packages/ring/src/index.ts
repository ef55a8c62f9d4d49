/**
 * The disruptor on SharedArrayBuffer: sequences, a single-producer ring, dependency graphs of
 * consumers, wait strategies and a monitor that names whoever holds the ring up.
 *
 * @packageDocumentation
 */

export { SequenceBarrier, type WaitContext } from './barrier.ts';
export { Consumer } from './consumer.ts';
export { CONSUMERS_MAX, SLOT_BYTES_MAX, SLOTS_MAX, SLOTS_MIN, STRIDE_BYTES } from './layout.ts';
export { type ConsumerReport, describeRing, RingMonitor, type RingReport } from './monitor.ts';
export {
  type AttachOptions,
  type ConsumerSpec,
  RingBuffer,
  type RingDescriptor,
  type RingOptions,
} from './ring-buffer.ts';
export { Sequence } from './sequence.ts';
export { Sequencer } from './sequencer.ts';
export {
  blockWait,
  spinWait,
  type WaitStrategy,
  type WaitStrategyName,
  waitStrategy,
  yieldWait,
} from './wait-strategy.ts';
