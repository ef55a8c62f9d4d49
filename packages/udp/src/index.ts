/**
 * Datagram sockets and multicast membership over IP.
 *
 * @packageDocumentation
 */

export {
  MULTICAST_HOP_LIMIT,
  SEND_FLOWS,
  UdpSocket,
  UdpState,
  UNICAST_HOP_LIMIT,
} from './socket.ts';
export {
  DEFAULT_LOOPED_FRAMES,
  DEFAULT_MEMBERSHIPS,
  type UdpConfig,
  UdpCounters,
  type UdpEvents,
  type UdpGroups,
  type UdpIcmpError,
} from './types.ts';
export { Udp, UDP_PAYLOAD_BYTES_MAX } from './udp.ts';
