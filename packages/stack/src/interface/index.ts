/**
 * The stack in the shape of smoltcp.
 *
 * @packageDocumentation
 */

export {
  Interface,
  type InterfaceConfig,
  PollResult,
  type SocketHandle,
  SocketSet,
} from './interface.ts';
export { TcpPullSocket, type TcpSocketContext } from './tcp-socket.ts';
export { UDP_QUEUE_DATAGRAMS, UdpPullSocket } from './udp-socket.ts';
