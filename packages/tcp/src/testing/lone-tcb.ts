/**
 * Connections without a `Tcp`, and their conversations, for tests.
 *
 * @module
 */

import { IpFlow } from '@tickwire/wire';
import { type TcpConfig, tcpConfig } from '../config.ts';
import { loadFlow, type Tcb } from '../tcb.ts';
import { TcbPool } from '../tcb-pool.ts';

/** `count` fresh connections in CLOSED, for slots 0 to `count - 1`. */
export function loneTcbs(count: number, config: TcpConfig = tcpConfig()): Tcb[] {
  return new TcbPool(config).make(0, count);
}

/** The conversation of a connection, in an object of its own. */
export function flowOf(tcb: Tcb): IpFlow {
  return loadFlow(tcb, new IpFlow());
}
