/**
 * Typed errors for what happened to a connection or a datagram.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { IcmpErrorKind } from '@tickwire/ip';
import { CloseReason } from '@tickwire/tcp';
import type { UdpIcmpError } from '@tickwire/udp';
import { IpAddress } from '@tickwire/wire';

/** The error of a `CloseReason`, or undefined for an orderly close and for our own abort. */
export function closeError(reason: number, address: string, port: number): NetError | undefined {
  const details = { address, port };
  const peer = `${address}:${port}`;
  switch (reason) {
    case CloseReason.Finished:
    case CloseReason.Aborted:
      return undefined;
    case CloseReason.Refused:
      return new NetError('ECONNREFUSED', `${peer} refused the connection`, details);
    case CloseReason.Timeout:
    case CloseReason.Keepalive:
      return new NetError('ETIMEDOUT', `${peer} did not answer`, details);
    case CloseReason.Unreachable:
      return new NetError('EHOSTUNREACH', `${peer} cannot be reached`, details);
    default:
      return new NetError('ECONNRESET', `${peer} reset the connection`, details);
  }
}

/** The error that an ICMP message about a datagram stands for. */
export function icmpErrorOf(error: UdpIcmpError): NetError {
  const address = new IpAddress(error.remote0, error.remote1, error.remote2, error.remote3);
  const peer = `${address.toString()}:${error.remotePort}`;
  const details = { address: address.toString(), port: error.remotePort, kind: error.kind };
  switch (error.kind) {
    case IcmpErrorKind.PortUnreachable:
      return new NetError('ECONNREFUSED', `Nobody listens on UDP ${peer}`, details);
    case IcmpErrorKind.PacketTooBig:
      return new NetError('EMSGSIZE', `The path to ${peer} takes ${error.mtu} bytes`, details);
    default:
      return new NetError('EHOSTUNREACH', `${peer} cannot be reached`, details);
  }
}
