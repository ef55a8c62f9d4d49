/**
 * The connections of a stack as a list, for people and monitoring; not for the hot path.
 *
 * @module
 */

import { HalfOpenInfo, stateName, State, type Tcp } from '@tickwire/tcp';
import { IpAddress, type IpFlow } from '@tickwire/wire';

/** Who talks to whom. */
export interface ConnectionEnds {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** One connection. */
export interface ConnectionSummary extends ConnectionEnds {
  /** Name of the state in RFC 9293: `ESTABLISHED`, `TIME-WAIT`. */
  readonly state: string;
}

/**
 * One half-open connection: a SYN was answered, the last ACK is awaited. SYN cookies leave nothing
 * that could be listed.
 */
export interface HalfOpenSummary extends ConnectionSummary {
  /** SYN-ACKs sent again. */
  readonly retries: number;
  /** When the SYN-ACK goes again, or the connection is given up. */
  readonly deadlineNs: number;
}

/** All connections that have left the handshake, or began it here; TIME-WAIT included. */
export function listConnections(tcp: Tcp): ConnectionSummary[] {
  const list: ConnectionSummary[] = [];
  for (let slot = tcp.firstConnection(); slot >= 0; slot = tcp.nextConnection(slot)) {
    const tcb = tcp.connection(slot);
    list.push({
      state: stateName(tcb.state),
      ...endsOf(tcb, tcb.localPort, tcb.remotePort),
    });
  }
  return list;
}

/** All half-open connections. */
export function listHalfOpen(tcp: Tcp): HalfOpenSummary[] {
  const list: HalfOpenSummary[] = [];
  const info = new HalfOpenInfo();
  for (let row = tcp.firstHalfOpen(); row >= 0; row = tcp.nextHalfOpen(row)) {
    tcp.halfOpen(row, info);
    list.push({
      state: stateName(State.SynReceived),
      ...endsOf(info.flow, info.localPort, info.remotePort),
      retries: info.retries,
      deadlineNs: info.deadlineNs,
    });
  }
  return list;
}

/** The addresses of a conversation: an `IpFlow` has them, and a `Tcb`. */
type Addresses = Pick<
  IpFlow,
  'local0' | 'local1' | 'local2' | 'local3' | 'remote0' | 'remote1' | 'remote2' | 'remote3'
>;

function endsOf(flow: Addresses, localPort: number, remotePort: number): ConnectionEnds {
  const local = new IpAddress(flow.local0, flow.local1, flow.local2, flow.local3);
  const remote = new IpAddress(flow.remote0, flow.remote1, flow.remote2, flow.remote3);
  return { localAddress: String(local), localPort, remoteAddress: String(remote), remotePort };
}
