/**
 * The names that assertions may use: TCP_INFO as Linux spells it, states, and counters.
 *
 * @module
 */

import { State, stateName, type Tcb, TcpInfo } from '@tickwire/tcp';
import type { ScriptedStack } from '../port/scripted-stack.ts';
import { tcpInfoFields } from '../posix/tcp-info.ts';
import type { FlowKey } from './conversation.ts';

/** Values of `tcpi_ca_state`. */
const CA_STATES: Readonly<Record<string, number>> = {
  TCP_CA_Open: 0,
  TCP_CA_Disorder: 1,
  TCP_CA_CWR: 2,
  TCP_CA_Recovery: 3,
  TCP_CA_Loss: 4,
};

/** The connection between the ports of a conversation, whatever its state. */
export function findConnection(stack: ScriptedStack, key: FlowKey): Tcb | undefined {
  const { tcp } = stack.core;
  for (let slot = tcp.firstConnection(); slot >= 0; slot = tcp.nextConnection(slot)) {
    const tcb = tcp.connection(slot);
    if (tcb.localPort === key.localPort && tcb.remotePort === key.peerPort) return tcb;
  }
  return undefined;
}

/** Half-open connections have no Tcb; a script has one conversation at a time. */
function halfOpenState(stack: ScriptedStack): number {
  return stack.core.tcp.halfOpenCount > 0 ? State.SynReceived : State.Closed;
}

/** The value of a name in an assertion about the conversation `key`. */
export function lookupName(stack: ScriptedStack, key: FlowKey, name: string): number {
  const { core } = stack;
  const tcb = findConnection(stack, key);
  if (name === 'state') return tcb?.state ?? halfOpenState(stack);
  for (let state = 0; state <= State.TimeWait; state += 1) {
    if (stateName(state).replaceAll('-', '_') === name) return state;
  }
  if (name in CA_STATES) return CA_STATES[name]!;
  if (name === 'connections') return core.tcp.connectionCount + core.tcp.halfOpenCount;
  if (name === 'timers') return core.tcp.timersArmed;
  if (name === 'frames') return stack.framesInUse();
  const dot = name.indexOf('.');
  if (dot > 0) {
    const counters = countersOf(stack)[name.slice(0, dot)];
    const value = counters?.[name.slice(dot + 1)];
    if (value === undefined) throw new Error(`no counter ${name}`);
    return value;
  }
  if (tcb === undefined) throw new Error(`${name} needs a connection and there is none`);
  if (name === 'urgent_bytes') return core.tcp.urgentBytes(tcb);
  const info = new TcpInfo();
  core.tcp.info(tcb, info);
  const value = tcpInfoFields(info)[name];
  if (value === undefined) throw new Error(`unknown name ${name}`);
  return value;
}

/** All counters by layer and name. */
export function countersOf(stack: ScriptedStack): Record<string, Record<string, number>> {
  const { core } = stack;
  return {
    tcp: numbersOf(core.tcp.counters),
    ip: numbersOf(core.ip.counters()),
    udp: numbersOf(core.udp.counters()),
  };
}

function numbersOf(object: object): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(object)) {
    if (typeof value === 'number') numbers[name] = value;
  }
  return numbers;
}
