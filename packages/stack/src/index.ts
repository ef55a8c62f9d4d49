/**
 * The composed TCP/IP stack.
 *
 * @packageDocumentation
 */

export {
  type ConnectionEnds,
  type ConnectionSummary,
  type HalfOpenSummary,
  listConnections,
  listHalfOpen,
} from './connections.ts';
export { StackCore } from './core.ts';
export { closeError } from './errors.ts';
export {
  type ConnectOptions,
  DatagramSource,
  type Endpoint,
  type ListenOptions,
  type TcpHandlers,
  type UdpHandlers,
  type UdpOptions,
} from './handlers.ts';
export { IDLE_ROUNDS, type IdleStrategy, type Pollable, runLoop, type RunOptions } from './loop.ts';
export {
  INGRESS_BATCH,
  type ResolvedOptions,
  resolveOptions,
  type StackOptions,
} from './options.ts';
export type { PollTime } from './poll-time.ts';
export { Stack, TcpListener } from './stack.ts';
export { TcpSocket } from './tcp-socket.ts';
export { TransmitQueue } from './transmit-queue.ts';
export { UdpSocket } from './udp-socket.ts';
export {
  Interface,
  type InterfaceConfig,
  PollResult,
  type SocketHandle,
  SocketSet,
  TcpPullSocket,
  type TcpSocketContext,
  UDP_QUEUE_DATAGRAMS,
  UdpPullSocket,
} from './interface/index.ts';
export { ServicePort, type ServiceOptions, type Services, startServices } from './services.ts';
