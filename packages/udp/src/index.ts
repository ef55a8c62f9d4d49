/**
 * Datagram sockets and multicast membership over IP.
 *
 * @packageDocumentation
 */

export { MULTICAST_HOP_LIMIT, SEND_FLOWS, UdpSocket, UdpState } from './socket.ts';
export { Udp, type UdpConfig, type UdpEvents, type UdpGroups, type UdpIcmpError } from './udp.ts';
