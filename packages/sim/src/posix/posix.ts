/**
 * Sockets in the shape of POSIX on top of a stack, for tests: descriptors, system-call semantics,
 * Linux's error numbers and option names.
 *
 * Every call is an attempt: it returns a result of 0 or more, or a negated {@link Errno}. What a
 * blocking descriptor would wait for is `-EAGAIN` (`-EINPROGRESS` for `connect`) here;
 * `BlockingCall` repeats the attempt until it says something else.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { StackCore } from '@tickwire/stack';
import {
  type Congestion,
  congestionName,
  congestionNames,
  type Tcb,
  type TcpEvents,
  TcpInfo,
} from '@tickwire/tcp';
import type { UdpEvents, UdpIcmpError, UdpSocket } from '@tickwire/udp';
import { IpAddress, IpFlow, type IpMeta } from '@tickwire/wire';
import {
  bindDatagram,
  changeMembership,
  connectDatagram,
  errnoOfIcmp,
  keepDatagram,
  receiveDatagram,
  sendDatagram,
  writeDatagram,
} from './datagrams.ts';
import { DatagramEnd, EpollEnd, type SocketEnd, StreamEnd, takeError } from './socket-end.ts';
import { Errno, errnoOfClose } from './errno.ts';
import { PollEvent, readiness } from './poll-events.ts';
import { applyOptions, getOption, setOption } from './socket-options.ts';
import { listenStream, openStream, receiveStream } from './streams.ts';
import { socketInfo, type TcpInfoRecord } from './tcp-info.ts';

/** Flag of `send`: the bytes are urgent data. */
export const MSG_OOB = 1;
/** Flag of `recv`. */
export const MSG_PEEK = 2;
/** Descriptors that one facade hands out. */
const DESCRIPTORS_MAX = 1024;
/** The first descriptor: 0 to 2 are taken in every program. */
const FIRST_DESCRIPTOR = 3;

/** How {@link Posix.shutdown} shuts. */
export type ShutdownHow = 'SHUT_RD' | 'SHUT_WR' | 'SHUT_RDWR';

/** The facade. One per stack; it is the sink of the stack's events. */
export class Posix implements TcpEvents, UdpEvents {
  #core: StackCore | undefined;
  readonly #ends: (SocketEnd | undefined)[] = [];
  /** Stream ends by slot of their connection. */
  readonly #bySlot: (StreamEnd | undefined)[] = [];
  readonly #byListener: (StreamEnd | undefined)[] = [];
  readonly #byDatagram: (DatagramEnd | undefined)[] = [];
  readonly #flow: IpFlow = new IpFlow();

  /** Puts the facade on a stack. */
  attach(core: StackCore): void {
    this.#core = core;
  }

  /** The stack. */
  get core(): StackCore {
    if (this.#core === undefined) throw new NetError('EINVAL', 'attach() the facade to a stack');
    return this.#core;
  }

  /** What is behind a descriptor, or undefined. */
  end(fd: number): SocketEnd | undefined {
    return this.#ends[fd];
  }

  socket(type: 'stream' | 'datagram'): number {
    if (type === 'stream') return this.#install(new StreamEnd());
    const pooled = this.core.udp.open();
    if (pooled === null) return -Errno.ENOBUFS;
    const end = new DatagramEnd(pooled);
    this.#byDatagram[pooled.id] = end;
    return this.#install(end);
  }

  /** Makes calls on the descriptor return instead of wait (O_NONBLOCK). */
  setNonBlocking(fd: number, on: boolean): number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    end.nonBlocking = on;
    return 0;
  }

  bind(fd: number, address: string, port: number): number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    const local = IpAddress.parse(address);
    if (end.kind === 'datagram') return bindDatagram(this.core, end, local, port);
    if (end.kind !== 'stream') return -Errno.EINVAL;
    if (end.localPort !== 0 || end.tcb !== undefined) return -Errno.EINVAL;
    end.local = local;
    end.localPort = port;
    return 0;
  }

  listen(fd: number, backlog: number): number {
    const end = this.#stream(fd);
    if (typeof end === 'number') return end;
    if (end.tcb !== undefined || end.opened) return -Errno.EINVAL;
    if (end.listener !== undefined) {
      end.listener.backlog = Math.max(1, backlog);
      return 0;
    }
    const listener = listenStream(this.core, end, backlog);
    if (typeof listener === 'number') return listener;
    end.listener = listener;
    this.#byListener[end.listener.id] = end;
    return 0;
  }

  accept(fd: number): number {
    const end = this.#stream(fd);
    if (typeof end === 'number') return end;
    if (end.listener === undefined) return -Errno.EINVAL;
    const accepted = end.queue.shift();
    if (accepted === undefined) return -Errno.EAGAIN;
    end.listener.queued -= 1;
    return this.#install(accepted);
  }

  connect(fd: number, address: string, port: number): number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    const remote = IpAddress.parse(address);
    if (end.kind === 'datagram') return connectDatagram(this.core, end, remote, port);
    if (end.kind !== 'stream') return -Errno.EINVAL;
    if (end.listener !== undefined) return -Errno.EINVAL;
    if (end.error !== 0) return -takeError(end);
    if (end.opened) return end.over ? -Errno.ECONNABORTED : -Errno.EISCONN;
    if (end.over) return -Errno.ECONNABORTED;
    if (end.connecting) return -Errno.EALREADY;
    if (end.options.fastOpenConnect) {
      // The SYN waits for the first write, which rides on it.
      end.connecting = true;
      end.deferred = { remote, port };
      return 0;
    }
    return this.#open(end, remote, port);
  }

  #open(end: StreamEnd, remote: IpAddress, port: number): number {
    const tcb = openStream(this.core, this.#flow, end, remote, port);
    if (typeof tcb === 'number') return tcb;
    end.connecting = true;
    this.#adopt(end, tcb);
    return -Errno.EINPROGRESS;
  }

  read(fd: number, into: Uint8Array, at = 0, length: number = into.length - at): number {
    return this.recv(fd, into, at, length, 0);
  }

  /** `flags` may be {@link MSG_PEEK}. */
  recv(fd: number, into: Uint8Array, at: number, length: number, flags: number): number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    const peek = (flags & MSG_PEEK) !== 0;
    if (end.kind === 'datagram') return receiveDatagram(end, into, at, length, peek);
    if (end.kind !== 'stream') return -Errno.EINVAL;
    return receiveStream(this.core, end, into, at, length, peek);
  }

  write(fd: number, bytes: Uint8Array, at = 0, length: number = bytes.length - at): number {
    return this.send(fd, bytes, at, length, 0);
  }

  /** `flags` may be {@link MSG_OOB}. */
  send(fd: number, bytes: Uint8Array, at: number, length: number, flags: number): number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    const { tcp } = this.core;
    const isUrgent = (flags & MSG_OOB) !== 0;
    if (end.kind === 'datagram') {
      if (isUrgent) return -Errno.EOPNOTSUPP;
      return writeDatagram(this.core, end, bytes, at, length);
    }
    if (end.kind !== 'stream') return -Errno.EINVAL;
    if (end.error !== 0) return -takeError(end);
    if (end.writeShut || end.over) return -Errno.EPIPE;
    if (end.deferred !== undefined) {
      const { remote, port } = end.deferred;
      end.deferred = undefined;
      const started = this.#open(end, remote, port);
      if (started !== -Errno.EINPROGRESS) return started;
    } else if (!end.opened && end.tcb !== undefined) return -Errno.EAGAIN;
    if (end.tcb === undefined) return end.listener === undefined ? -Errno.ENOTCONN : -Errno.EPIPE;
    const taken = isUrgent
      ? tcp.writeUrgent(end.tcb, bytes, at, length)
      : tcp.write(end.tcb, bytes, at, length);
    if (taken < 0) return -Errno.EPIPE;
    return taken === 0 && length > 0 ? -Errno.EAGAIN : taken;
  }

  sendTo(fd: number, bytes: Uint8Array, address: string, port: number): number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    if (end.kind !== 'datagram') return -Errno.EISCONN;
    return sendDatagram(this.core, end, bytes, IpAddress.parse(address), port);
  }

  shutdown(fd: number, how: ShutdownHow): number {
    const end = this.#stream(fd);
    if (typeof end === 'number') return end;
    if (end.tcb === undefined || end.over) return -Errno.ENOTCONN;
    if (how !== 'SHUT_WR') end.readShut = true;
    if (how !== 'SHUT_RD' && !end.writeShut) {
      end.writeShut = true;
      this.core.tcp.shutdown(end.tcb);
    }
    return 0;
  }

  close(fd: number): number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    this.#ends[fd] = undefined;
    for (const other of this.#ends) if (other?.kind === 'epoll') other.interest.delete(fd);
    if (end.kind === 'stream') this.#closeStream(end);
    else if (end.kind === 'datagram') {
      this.#byDatagram[end.socket.id] = undefined;
      this.core.udp.close(end.socket, this.core.nowNs);
    }
    return 0;
  }

  /** Closes every descriptor; connections are reset. */
  closeAll(): void {
    for (let fd = 0; fd < this.#ends.length; fd += 1) {
      const end = this.#ends[fd];
      if (end === undefined) continue;
      if (end.kind === 'stream') {
        end.options.linger = true;
        end.options.lingerSeconds = 0;
      }
      this.close(fd);
    }
    const { tcp, nowNs } = this.core;
    for (let slot = tcp.firstConnection(); slot >= 0; slot = tcp.nextConnection(slot)) {
      tcp.abort(tcp.connection(slot), nowNs);
    }
  }

  setsockopt(fd: number, name: string, value: number, value2 = 0): number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    if (end.kind === 'epoll') return -Errno.ENOPROTOOPT;
    const result = setOption(end.options, name, value, value2);
    if (result < 0) return result;
    if (end.kind === 'stream' && end.tcb !== undefined) {
      applyOptions(this.core, end.tcb, end.options, name);
    }
    return 0;
  }

  /**
   * The value of an option (SO_LINGER: the seconds, -1 when off), or a negated error. TCP_INFO is a
   * record; a socket without connection has one as well, as in Linux.
   */
  getsockopt(fd: number, name: string): number | TcpInfoRecord {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    if (end.kind === 'epoll') return -Errno.ENOPROTOOPT;
    if (name === 'SO_ERROR') return takeError(end);
    if (name === 'TCP_INFO' && end.kind === 'stream') return socketInfo(this.core, end);
    const tcb = end.kind === 'stream' ? end.tcb : undefined;
    return getOption(this.core, tcb, end.options, name);
  }

  /** TCP_CONGESTION: the controller by name; `ENOENT` when there is none, as Linux says. */
  setCongestion(fd: number, name: string): number {
    const end = this.#stream(fd);
    if (typeof end === 'number') return end;
    const index = congestionNames().indexOf(name);
    if (index < 0) return -Errno.ENOENT;
    end.options.congestion = index as Congestion;
    if (end.tcb !== undefined) applyOptions(this.core, end.tcb, end.options, 'TCP_CONGESTION');
    return 0;
  }

  /** TCP_CONGESTION: the name of the controller, or a negated error. */
  congestion(fd: number): string | number {
    const end = this.#stream(fd);
    if (typeof end === 'number') return end;
    const { congestion } = this.core.tcp.config;
    return congestionName(
      (end.tcb?.congestion as Congestion | undefined) ?? end.options.congestion ?? congestion,
    );
  }

  /** Joins (IP_ADD_MEMBERSHIP) or leaves (IP_DROP_MEMBERSHIP) a group. */
  membership(fd: number, group: string, join: boolean): number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    if (end.kind !== 'datagram') return -Errno.ENOPROTOOPT;
    return changeMembership(this.core, end, IpAddress.parse(group), join);
  }

  /** TCP_INFO; undefined when the descriptor has no connection. */
  info(fd: number): TcpInfo | undefined {
    const end = this.#ends[fd];
    if (end?.kind !== 'stream' || end.tcb === undefined) return undefined;
    const info = new TcpInfo();
    this.core.tcp.info(end.tcb, info);
    return info;
  }

  /** What poll(2) would report now, of `events` and what is always reported. */
  poll(fd: number, events: number): number {
    const end = this.#ends[fd];
    if (end === undefined) return PollEvent.POLLNVAL;
    const always = PollEvent.POLLERR | PollEvent.POLLHUP;
    return readiness(this.core.tcp, end) & (events | always);
  }

  epollCreate(): number {
    return this.#install(new EpollEnd());
  }

  /** `events` 0 removes the descriptor from the set. */
  epollCtl(epfd: number, fd: number, events: number, edge = false): number {
    const end = this.#ends[epfd];
    if (end?.kind !== 'epoll') return -Errno.EBADF;
    if (this.#ends[fd] === undefined) return -Errno.EBADF;
    return end.control(fd, events, edge) ? 0 : -Errno.ENOENT;
  }

  /** Ready descriptors with their events; empty when there are none. */
  epollWait(epfd: number): { fd: number; events: number }[] {
    const end = this.#ends[epfd];
    return end?.kind === 'epoll' ? end.wait((fd, events) => this.poll(fd, events)) : [];
  }

  #install(end: SocketEnd): number {
    for (let fd = FIRST_DESCRIPTOR; fd < DESCRIPTORS_MAX; fd += 1) {
      if (this.#ends[fd] === undefined) {
        this.#ends[fd] = end;
        return fd;
      }
    }
    return -Errno.EMFILE;
  }

  #stream(fd: number): StreamEnd | number {
    const end = this.#ends[fd];
    if (end === undefined) return -Errno.EBADF;
    return end.kind === 'stream' ? end : -Errno.EOPNOTSUPP;
  }

  #adopt(end: StreamEnd, tcb: Tcb): void {
    end.tcb = tcb;
    end.localPort = tcb.localPort;
    end.remotePort = tcb.remotePort;
    this.#bySlot[tcb.slot] = end;
    this.core.tcp.setPull(tcb);
    applyOptions(this.core, tcb, end.options, undefined);
  }

  #closeStream(end: StreamEnd): void {
    const { tcp, nowNs } = this.core;
    end.closed = true;
    if (end.listener !== undefined) {
      this.#byListener[end.listener.id] = undefined;
      for (const waiting of end.queue.splice(0)) {
        waiting.closed = true;
        if (waiting.tcb !== undefined) tcp.abort(waiting.tcb, nowNs);
      }
      tcp.unlisten(end.listener, nowNs);
      return;
    }
    if (end.tcb === undefined) return;
    if (end.options.linger && end.options.lingerSeconds === 0) tcp.abort(end.tcb, nowNs);
    else tcp.close(end.tcb, nowNs);
  }

  // TcpEvents

  /** @internal */
  opened(tcb: Tcb): void {
    if (tcb.listener < 0) {
      const end = this.#bySlot[tcb.slot];
      if (end !== undefined) end.opened = true;
      return;
    }
    const server = this.#byListener[tcb.listener];
    if (server?.listener === undefined) {
      this.core.tcp.abort(tcb, this.core.nowNs);
      return;
    }
    const end = new StreamEnd();
    end.options = server.options.copy();
    end.opened = true;
    this.#adopt(end, tcb);
    server.queue.push(end);
    server.listener.queued += 1;
  }

  /** @internal */
  data(): void {
    throw new Error('A connection in pull mode was given data');
  }

  /** @internal */
  readable(): void {}

  /** @internal */
  urgent(): void {}

  /** @internal */
  ended(tcb: Tcb): void {
    const end = this.#bySlot[tcb.slot];
    if (end !== undefined) end.ended = true;
  }

  /** @internal */
  drained(): void {}

  /** @internal */
  closed(tcb: Tcb, reason: number): void {
    const end = this.#bySlot[tcb.slot];
    this.#bySlot[tcb.slot] = undefined;
    if (end === undefined) return;
    end.tcb = undefined;
    end.over = true;
    if (!end.closed) end.error = errnoOfClose(reason);
  }

  // UdpEvents

  /** @internal */
  datagram(
    socket: UdpSocket,
    _frame: number,
    at: number,
    length: number,
    sourcePort: number,
    meta: IpMeta,
  ): void {
    const end = this.#byDatagram[socket.id];
    if (end !== undefined) keepDatagram(this.core, end, at, length, sourcePort, meta);
  }

  /** @internal */
  error(socket: UdpSocket, error: UdpIcmpError): void {
    const end = this.#byDatagram[socket.id];
    if (end !== undefined) end.error = errnoOfIcmp(error.kind);
  }
}
