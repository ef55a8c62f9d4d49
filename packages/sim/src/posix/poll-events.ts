/**
 * Readiness in the terms of poll(2).
 *
 * @module
 */

import { State, type Tcp } from '@tickwire/tcp';
import type { SocketEnd, StreamEnd } from './socket-end.ts';

/** Bits of `events` and `revents`, in Linux's numbers. */
export const PollEvent = {
  POLLIN: 0x0001,
  POLLPRI: 0x0002,
  POLLOUT: 0x0004,
  POLLERR: 0x0008,
  POLLHUP: 0x0010,
  POLLNVAL: 0x0020,
  POLLRDHUP: 0x2000,
} as const;

/** `POLLIN|POLLOUT`, or `0`. */
export function pollText(events: number): string {
  const names: string[] = [];
  for (const name of Object.keys(PollEvent) as (keyof typeof PollEvent)[]) {
    if ((events & PollEvent[name]) !== 0) names.push(name);
  }
  return names.length === 0 ? '0' : names.join('|');
}

/** Everything that poll(2) could report about a socket now. */
export function readiness(tcp: Tcp, end: SocketEnd): number {
  if (end.kind === 'epoll') return 0;
  const bits = end.error === 0 ? 0 : PollEvent.POLLERR | PollEvent.POLLIN | PollEvent.POLLOUT;
  if (end.kind === 'stream') return bits | streamReadiness(tcp, end);
  return bits | PollEvent.POLLOUT | (end.queue.length > 0 ? PollEvent.POLLIN : 0);
}

function streamReadiness(tcp: Tcp, end: StreamEnd): number {
  const { tcb } = end;
  if (end.listener !== undefined) return end.queue.length > 0 ? PollEvent.POLLIN : 0;
  if (tcb === undefined && !end.over) return PollEvent.POLLOUT | PollEvent.POLLHUP;
  const received = end.ended || end.readShut;
  let bits = 0;
  if (tcb !== undefined && tcb.rqBytes > 0) bits |= PollEvent.POLLIN;
  if (tcb !== undefined && tcp.urgentBytes(tcb) > 0) bits |= PollEvent.POLLPRI;
  if (received || end.over) bits |= PollEvent.POLLIN | PollEvent.POLLRDHUP;
  if (received && end.writeShut) bits |= PollEvent.POLLHUP;
  if (end.over) bits |= PollEvent.POLLHUP | PollEvent.POLLOUT;
  const open = tcb !== undefined && tcb.state >= State.Established;
  if (open && (end.writeShut || tcp.sendRoom(tcb) > 0)) bits |= PollEvent.POLLOUT;
  return bits;
}
