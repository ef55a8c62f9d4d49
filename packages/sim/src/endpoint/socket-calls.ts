/**
 * The socket calls of the endpoint: from the fields of a request to an attempt on the facade.
 *
 * @module
 */

import { IpAddress } from '@tickwire/wire';
import { Errno } from '../posix/errno.ts';
import { PollEvent, pollText } from '../posix/poll-events.ts';
import { MSG_OOB, MSG_PEEK, type Posix, type ShutdownHow } from '../posix/posix.ts';
import type { TcpInfoRecord } from '../posix/tcp-info.ts';
import { type Fields, RequestError } from './fields.ts';

/** What one attempt says: 0 or more, or a negated errno, and what was read. */
export interface SocketReply {
  readonly result: number;
  /** Bytes read. */
  readonly hex?: string;
  /** Readiness. */
  readonly events?: string | readonly { fd: number; events: string }[];
  /** TCP_INFO. */
  readonly info?: TcpInfoRecord;
  /** Name of the congestion controller. */
  readonly controller?: string;
}

/** Most bytes that one `read` returns: a reply is one line. */
const READ_BYTES_MAX = 1 << 20;

const CALLS: ReadonlySet<string> = new Set([
  'socket',
  'bind',
  'listen',
  'accept',
  'connect',
  'read',
  'recv',
  'write',
  'send',
  'sendto',
  'shutdown',
  'close',
  'setsockopt',
  'getsockopt',
  'poll',
  'epoll_create',
  'epoll_ctl',
  'epoll_wait',
  'set_nonblocking',
]);

/** Whether an `op` is a socket call. */
export function isSocketCall(op: string): boolean {
  return CALLS.has(op);
}

/** The attempt of a call. Throws {@link RequestError} when a field is missing or wrong. */
export function socketCall(sockets: Posix, op: string, fields: Fields): () => SocketReply {
  switch (op) {
    case 'socket': {
      const type = fields.text('type', 'stream');
      if (type !== 'stream' && type !== 'datagram') {
        throw new RequestError('EINVAL', 'type is stream or datagram');
      }
      return () => ({ result: sockets.socket(type) });
    }
    case 'epoll_create':
      return () => ({ result: sockets.epollCreate() });
    default:
      return descriptorCall(sockets, op, fields, fields.number('fd'));
  }
}

function descriptorCall(sockets: Posix, op: string, fields: Fields, fd: number): () => SocketReply {
  switch (op) {
    case 'bind': {
      const address = addressOf(fields, '0.0.0.0');
      const port = fields.number('port', 0);
      return () => ({ result: sockets.bind(fd, address, port) });
    }
    case 'listen': {
      const backlog = fields.number('backlog', 128);
      return () => ({ result: sockets.listen(fd, backlog) });
    }
    case 'accept':
      return () => ({ result: sockets.accept(fd) });
    case 'connect':
      return connectCall(sockets, fields, fd);
    case 'read':
    case 'recv': {
      const flags = fields.flag('peek') ? MSG_PEEK : 0;
      const into = new Uint8Array(Math.min(fields.number('bytes'), READ_BYTES_MAX));
      return () => {
        const result = sockets.recv(fd, into, 0, into.length, flags);
        if (result < 0) return { result };
        return { result, hex: Buffer.from(into.subarray(0, result)).toString('hex') };
      };
    }
    case 'write':
    case 'send':
      return writeCall(sockets, fd, fields.bytes('hex'), fields.flag('urgent') ? MSG_OOB : 0);
    case 'sendto': {
      const address = addressOf(fields);
      const port = fields.number('port');
      const bytes = fields.bytes('hex');
      return () => ({ result: sockets.sendTo(fd, bytes, address, port) });
    }
    case 'shutdown': {
      const how = fields.text('how', 'SHUT_WR');
      if (how !== 'SHUT_RD' && how !== 'SHUT_WR' && how !== 'SHUT_RDWR') {
        throw new RequestError('EINVAL', 'how is SHUT_RD, SHUT_WR or SHUT_RDWR');
      }
      return () => ({ result: sockets.shutdown(fd, how satisfies ShutdownHow) });
    }
    case 'close':
      return () => ({ result: sockets.close(fd) });
    default:
      return optionCall(sockets, op, fields, fd);
  }
}

function optionCall(sockets: Posix, op: string, fields: Fields, fd: number): () => SocketReply {
  switch (op) {
    case 'setsockopt': {
      const name = fields.text('name');
      if (name === 'IP_ADD_MEMBERSHIP' || name === 'IP_DROP_MEMBERSHIP') {
        const group = fields.text('group');
        const join = name === 'IP_ADD_MEMBERSHIP';
        return () => ({ result: sockets.membership(fd, group, join) });
      }
      if (name === 'TCP_CONGESTION') {
        const controller = fields.text('controller');
        return () => ({ result: sockets.setCongestion(fd, controller) });
      }
      const value = fields.number('value');
      const value2 = fields.number('value2', 0);
      return () => ({ result: sockets.setsockopt(fd, name, value, value2) });
    }
    case 'getsockopt': {
      const name = fields.text('name');
      if (name === 'TCP_CONGESTION') {
        return () => {
          const controller = sockets.congestion(fd);
          return typeof controller === 'number'
            ? { result: controller }
            : { result: 0, controller };
        };
      }
      return () => {
        const value = sockets.getsockopt(fd, name);
        return typeof value === 'number' ? { result: value } : { result: 0, info: value };
      };
    }
    case 'set_nonblocking': {
      const on = fields.flag('on');
      return () => ({ result: sockets.setNonBlocking(fd, on) });
    }
    case 'poll': {
      const events = parseEvents(fields.text('events'));
      return () => {
        const ready = sockets.poll(fd, events);
        return ready === 0 ? { result: -Errno.EAGAIN } : { result: 1, events: pollText(ready) };
      };
    }
    case 'epoll_ctl': {
      const target = fields.number('target');
      const events = parseEvents(fields.text('events', '0'));
      const edge = fields.flag('edge');
      return () => ({ result: sockets.epollCtl(fd, target, events, edge) });
    }
    default:
      return () => {
        const ready = sockets.epollWait(fd);
        if (ready.length === 0) return { result: -Errno.EAGAIN };
        const events = ready.map((each) => ({ fd: each.fd, events: pollText(each.events) }));
        return { result: ready.length, events };
      };
  }
}

/** The first attempt begins; later ones learn how it ended. */
function connectCall(sockets: Posix, fields: Fields, fd: number): () => SocketReply {
  const address = addressOf(fields);
  const port = fields.number('port');
  let started = false;
  return () => {
    const result = sockets.connect(fd, address, port);
    const first = !started;
    started = true;
    return { result: result === -Errno.EISCONN && !first ? 0 : result };
  };
}

/** A blocking write waits until everything is taken; a single attempt takes what fits. */
function writeCall(
  sockets: Posix,
  fd: number,
  bytes: Uint8Array,
  flags: number,
): () => SocketReply {
  let done = 0;
  return () => {
    const taken = sockets.send(fd, bytes, done, bytes.length - done, flags);
    if (taken < 0) return { result: done > 0 && taken !== -Errno.EAGAIN ? done : taken };
    done += taken;
    const waits = done < bytes.length && sockets.end(fd)?.nonBlocking === false;
    return { result: waits ? -Errno.EAGAIN : done };
  };
}

/** An IP address as text, checked. */
function addressOf(fields: Fields, fallback?: string): string {
  return String(IpAddress.parse(fields.text('address', fallback)));
}

function parseEvents(text: string): number {
  let events = 0;
  for (const name of text.split('|')) {
    if (name === '0' || name === '') continue;
    const bit = (PollEvent as Readonly<Record<string, number>>)[name];
    if (bit === undefined) throw new RequestError('EINVAL', `unknown event ${name}`);
    events |= bit;
  }
  return events;
}
