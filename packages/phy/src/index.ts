/**
 * The Device contract and the devices that need no driver: loopback, and the middlewares that
 * record, print and disturb.
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
export { FaultInjector, type FaultInjectorOptions } from './fault-injector.ts';
export { FaultCounters, FaultLine, type Faults } from './fault-line.ts';
export { FrameQueue, QUEUE_FRAMES_MAX } from './frame-queue.ts';
export { createLoopbackPair, Loopback, type LoopbackOptions } from './loopback.ts';
export { DeviceMiddleware } from './middleware.ts';
export { PacketPrinter } from './packet-text.ts';
export { formatPcap, PCAP_LINK_ETHERNET } from './pcap-format.ts';
export { parsePcap, type PcapFile, type PcapPacket } from './pcap-reader.ts';
export { pcapFileSink, type PcapSink, PcapWriter, type PcapWriterOptions } from './pcap-writer.ts';
export { completeChecksum, sumBehindLink } from './software-checksum.ts';
export { Tracer } from './tracer.ts';
