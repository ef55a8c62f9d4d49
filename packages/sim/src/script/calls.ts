/**
 * The system calls of scripts, on top of the facade. Data is always the stream that the runner
 * knows, so every byte that is read is checked.
 *
 * @module
 */

import { DEFAULT_LOCAL_PORT, DEFAULT_PEER, streamByte, streamBytes } from './conversation.ts';
import { addressOn, type Family } from './family.ts';
import type { Attempt } from '../posix/blocking-call.ts';
import { Errno } from '../posix/errno.ts';
import { PollEvent, pollText } from '../posix/poll-events.ts';
import { MSG_OOB, MSG_PEEK, type Posix, type ShutdownHow } from '../posix/posix.ts';
import { DEFAULT_LOCAL } from './conversation.ts';

/** Where a descriptor's streams stand. */
interface Streams {
  written: number;
  readAt: number;
}

/** Calls of one script. */
export class ScriptCalls {
  readonly #sockets: Posix;
  readonly #family: Family;
  readonly #streams: Map<number, Streams> = new Map();
  /** Says what was wrong with data that was read. */
  fault: string | undefined = undefined;

  constructor(sockets: Posix, family: Family = 4) {
    this.#sockets = sockets;
    this.#family = family;
  }

  /** Whether a call on this descriptor may wait. */
  blocks(name: string, args: readonly string[]): boolean {
    if (name === 'poll' || name === 'epoll_wait') return Number(args.at(-1)) !== 0;
    const end = this.#sockets.end(Number(args[0]));
    return end !== undefined && !end.nonBlocking && !args.includes('MSG_DONTWAIT');
  }

  /** One attempt of a call. Throws for a call that it does not know. */
  attempt(name: string, args: readonly string[]): Attempt {
    const fd = Number(args[0]);
    const sockets = this.#sockets;
    switch (name) {
      case 'socket': {
        const datagram = args.some((arg) => arg.includes('SOCK_DGRAM'));
        const nonBlocking = args.some((arg) => arg.includes('SOCK_NONBLOCK'));
        return () => {
          const made = sockets.socket(datagram ? 'datagram' : 'stream');
          if (made >= 0) {
            this.#streams.delete(made);
            sockets.setNonBlocking(made, nonBlocking);
          }
          return made;
        };
      }
      case 'fcntl':
        return () =>
          sockets.setNonBlocking(
            fd,
            args.some((arg) => arg.includes('O_NONBLOCK')),
          );
      case 'bind': {
        const { address, port } = parseAddress(args[1], '0.0.0.0', DEFAULT_LOCAL_PORT);
        const local = addressOn(this.#family, address);
        return () => sockets.bind(fd, local, port);
      }
      case 'listen':
        return () => sockets.listen(fd, Number(args[1] ?? 1));
      case 'accept':
        return () => {
          const made = sockets.accept(fd);
          if (made >= 0) this.#streams.delete(made);
          return made;
        };
      case 'connect': {
        const { address, port } = parseAddress(args[1], DEFAULT_PEER, DEFAULT_LOCAL_PORT);
        return this.#connect(fd, addressOn(this.#family, address), port);
      }
      case 'read':
        return () => this.#receive(fd, Number(args[1]), 0);
      case 'recv':
        return () => this.#receive(fd, Number(args[1]), args.includes('MSG_PEEK') ? MSG_PEEK : 0);
      case 'write':
      case 'send':
        return this.#write(fd, Number(args[1]), args.includes('MSG_OOB') ? MSG_OOB : 0);
      case 'sendto': {
        const { address, port } = parseAddress(args[2], DEFAULT_PEER, 5000);
        const bytes = streamBytes(0, Number(args[1]));
        const remote = addressOn(this.#family, address);
        return () => sockets.sendTo(fd, bytes, remote, port);
      }
      case 'shutdown':
        return () => sockets.shutdown(fd, (args[1] ?? 'SHUT_WR') as ShutdownHow);
      case 'close':
        return this.#close(fd);
      case 'setsockopt':
        return setOptionCall(sockets, fd, args);
      case 'getsockopt':
        if (args.at(-1) === 'TCP_CONGESTION') return () => sockets.congestion(fd);
        return getOptionCall(sockets, fd, args);
      default:
        return this.#readinessCall(name, fd, args);
    }
  }

  #readinessCall(name: string, fd: number, args: readonly string[]): Attempt {
    const sockets = this.#sockets;
    switch (name) {
      case 'poll':
        return () => {
          const ready = sockets.poll(fd, parseEvents(args[1]));
          return ready === 0 && Number(args[2] ?? 0) !== 0 ? -Errno.EAGAIN : pollText(ready);
        };
      case 'epoll_create':
        return () => sockets.epollCreate();
      case 'epoll_ctl': {
        const edge = args.some((arg) => arg.includes('EPOLLET'));
        const remove = args[1] === 'EPOLL_CTL_DEL';
        const events = remove ? 0 : parseEvents(args[3]);
        return () => sockets.epollCtl(fd, Number(args[2]), events, edge);
      }
      case 'epoll_wait':
        return () => {
          const ready = sockets.epollWait(fd);
          if (ready.length === 0) return Number(args[1] ?? 0) === 0 ? 0 : -Errno.EAGAIN;
          return `{${ready.map((each) => `${each.fd}:${pollText(each.events)}`).join(' ')}}`;
        };
      default:
        throw new Error(`unknown call ${name}`);
    }
  }

  /** The first attempt begins; a blocking caller then learns how it ended. */
  #connect(fd: number, address: string, port: number): Attempt {
    let started = false;
    return () => {
      const result = this.#sockets.connect(fd, address, port);
      const first = !started;
      started = true;
      return result === -Errno.EISCONN && !first ? 0 : result;
    };
  }

  #streamsOf(fd: number): Streams {
    let streams = this.#streams.get(fd);
    if (streams === undefined) {
      streams = { written: 0, readAt: 0 };
      this.#streams.set(fd, streams);
    }
    return streams;
  }

  #receive(fd: number, length: number, flags: number): number {
    const into = new Uint8Array(length);
    const count = this.#sockets.recv(fd, into, 0, length, flags);
    if (count <= 0) return count;
    const streams = this.#streamsOf(fd);
    const isDatagram = this.#sockets.end(fd)?.kind === 'datagram';
    const from = isDatagram ? 0 : streams.readAt;
    for (let i = 0; i < count; i += 1) {
      if (into[i] !== streamByte(from + i)) {
        this.fault = `byte ${from + i} of the stream was read as something else`;
        break;
      }
    }
    if ((flags & MSG_PEEK) === 0) streams.readAt += count;
    return count;
  }

  /** A blocking write waits until everything is taken. */
  #write(fd: number, length: number, flags: number): Attempt {
    let done = 0;
    return () => {
      const streams = this.#streamsOf(fd);
      const end = this.#sockets.end(fd);
      const isDatagram = end?.kind === 'datagram';
      const bytes = streamBytes(isDatagram ? 0 : streams.written, length - done);
      const taken = this.#sockets.send(fd, bytes, 0, bytes.length, flags);
      if (taken < 0) return done > 0 && taken !== -Errno.EAGAIN ? done : taken;
      streams.written += taken;
      done += taken;
      if (done < length && end?.nonBlocking === false) return -Errno.EAGAIN;
      return done;
    };
  }

  /** With SO_LINGER the call waits until everything is acknowledged. */
  #close(fd: number): Attempt {
    const end = this.#sockets.end(fd);
    let closed = false;
    let untilNs = 0;
    return () => {
      if (!closed) {
        closed = true;
        const result = this.#sockets.close(fd);
        if (result < 0 || end?.kind !== 'stream') return result;
        if (!end.options.linger || end.options.lingerSeconds === 0) return result;
        untilNs = this.#sockets.core.nowNs + end.options.lingerSeconds * 1e9;
      }
      if (end?.kind !== 'stream' || end.tcb === undefined) return 0;
      const acknowledged = this.#sockets.core.tcp.sendQueueBytes(end.tcb) === 0;
      return acknowledged || this.#sockets.core.nowNs >= untilNs ? 0 : -Errno.EAGAIN;
    };
  }
}

/** `10.0.0.2:80`, `80`, or undefined. */
function parseAddress(
  text: string | undefined,
  address: string,
  port: number,
): { address: string; port: number } {
  if (text === undefined || text === '') return { address, port };
  const [first = '', second] = text.split(':');
  if (second !== undefined) return { address: first, port: Number(second) };
  return first.includes('.') ? { address: first, port } : { address, port: Number(first) };
}

/** `POLLIN|EPOLLOUT`. */
function parseEvents(text: string | undefined): number {
  let events = 0;
  for (const word of (text ?? '').split('|')) {
    const name = word.startsWith('E') ? word.slice(1) : word;
    if (name === 'POLLET') continue;
    const bit = (PollEvent as Readonly<Record<string, number>>)[name];
    if (bit === undefined) throw new Error(`unknown event ${word}`);
    events |= bit;
  }
  return events;
}

/** `setsockopt(fd, [LEVEL,] NAME, VALUE [, VALUE2])`; memberships take an address. */
function setOptionCall(sockets: Posix, fd: number, args: readonly string[]): Attempt {
  const rest = args.slice(1).filter((arg) => !/^(SOL_|IPPROTO_)/.test(arg));
  const [name = '', value = '1', value2 = '0'] = rest;
  const clean = (text: string): number => Number(text.replaceAll(/[[\]{}]/g, ''));
  if (name === 'IP_ADD_MEMBERSHIP') return () => sockets.membership(fd, value, true);
  if (name === 'IP_DROP_MEMBERSHIP') return () => sockets.membership(fd, value, false);
  if (name === 'TCP_CONGESTION') return () => sockets.setCongestion(fd, value.replaceAll('"', ''));
  return () => sockets.setsockopt(fd, name, clean(value), clean(value2));
}

/** `getsockopt(fd, [LEVEL,] NAME)`; of `TCP_INFO, FIELD` the field, and 0 without one. */
function getOptionCall(sockets: Posix, fd: number, args: readonly string[]): Attempt {
  const infoAt = args.indexOf('TCP_INFO');
  const name = infoAt < 0 ? args.at(-1)! : 'TCP_INFO';
  const field = args[infoAt + 1];
  return () => {
    const value = sockets.getsockopt(fd, name);
    if (typeof value === 'number') return value;
    if (field === undefined) return 0;
    const number = value[field];
    if (number === undefined) throw new Error(`TCP_INFO has no field ${field}`);
    return number;
  };
}

/** Our own address, for calls that name it. */
export const LOCAL_ADDRESS: string = DEFAULT_LOCAL;
