/**
 * TCP: connections over frames, from the handshake to TIME-WAIT.
 *
 * @packageDocumentation
 */

export {
  Congestion,
  Ecn,
  SYN_OPTIONS,
  type SynOption,
  tcpConfig,
  type TcpConfig,
  type TcpOptions,
} from './config.ts';
export { congestionName, congestionNamed, congestionNames } from './congestion/names.ts';
export { TcpCounters } from './counters.ts';
export { type TcpEvents } from './events.ts';
export { HalfOpenInfo } from './half-open.ts';
export { IcmpKind } from './icmp-error.ts';
export { TcpInfo } from './info.ts';
export { Listener, type ListenOptions } from './listener.ts';
export { CloseReason, closeReasonName, State, stateName } from './state.ts';
export { Flag, NEVER, Tcb } from './tcb.ts';
export { Tcp } from './tcp.ts';
