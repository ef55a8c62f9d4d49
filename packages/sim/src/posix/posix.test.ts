/**
 * The facade where scripts do not reach: descriptors, options, readiness of what is no connection.
 */

import { describe, expect, test } from 'bun:test';
import { createScriptedStack } from '../port/scripted-stack.ts';
import { Errno, errnoName, errnoOfClose, errnoOfStatus } from './errno.ts';
import { PollEvent, pollText } from './poll-events.ts';
import { MSG_OOB } from './posix.ts';

describe('descriptors', () => {
  test('begin at 3 and are used again, lowest first', () => {
    using stack = createScriptedStack();
    const { sockets } = stack;
    expect([sockets.socket('stream'), sockets.socket('datagram'), sockets.epollCreate()]).toEqual([
      3, 4, 5,
    ]);
    expect(sockets.close(4)).toBe(0);
    expect(sockets.socket('stream')).toBe(4);
    expect(sockets.close(77)).toBe(-Errno.EBADF);
  });

  test('run out with EMFILE', () => {
    using stack = createScriptedStack();
    let last = 0;
    for (let i = 0; i < 2000 && last >= 0; i += 1) last = stack.sockets.socket('stream');
    expect(last).toBe(-Errno.EMFILE);
  });

  test('of datagrams run out with ENOBUFS when the stack has no more', () => {
    using stack = createScriptedStack();
    let last = 0;
    for (let i = 0; i < 2000 && last >= 0; i += 1) last = stack.sockets.socket('datagram');
    expect(last).toBe(-Errno.ENOBUFS);
  });
});

describe('options', () => {
  test.each([
    ['SO_REUSEADDR', 1, 1],
    ['SO_RCVBUF', 65_536, 65_536],
    ['SO_RCVBUF', 1, 2048],
    ['SO_SNDBUF', 4096, 4096],
    ['SO_KEEPALIVE', 1, 1],
    ['TCP_KEEPIDLE', 5, 5],
    ['TCP_KEEPINTVL', 6, 6],
    ['TCP_KEEPCNT', 7, 7],
    ['TCP_NODELAY', 0, 0],
    ['TCP_CORK', 1, 1],
    ['TCP_MAXSEG', 500, 500],
    ['TCP_USER_TIMEOUT', 900, 900],
    ['IP_TOS', 16, 16],
    ['IP_TTL', 9, 9],
    ['IPV6_UNICAST_HOPS', 9, 9],
    ['IPV6_UNICAST_HOPS', 0, 0],
    ['IPV6_UNICAST_HOPS', -1, 64],
    ['IP_MULTICAST_TTL', 0, 0],
    ['IP_MULTICAST_LOOP', 0, 0],
  ])('%s set to %d reads %d', (name, value, read) => {
    using stack = createScriptedStack();
    const fd = stack.sockets.socket('stream');
    expect(stack.sockets.setsockopt(fd, name, value)).toBe(0);
    expect(stack.sockets.getsockopt(fd, name)).toBe(read);
  });

  test.each([
    ['IP_TTL', 0],
    ['IP_TTL', 256],
    ['IPV6_UNICAST_HOPS', -2],
    ['IPV6_UNICAST_HOPS', 256],
    ['TCP_MAXSEG', 10],
    ['IP_MULTICAST_TTL', -1],
  ])('%s refuses %d', (name, value) => {
    using stack = createScriptedStack();
    const fd = stack.sockets.socket('stream');
    expect(stack.sockets.setsockopt(fd, name, value)).toBe(-Errno.EINVAL);
  });

  test('IPV6_UNICAST_HOPS leaves IP_TTL alone (RFC 3493, 5.1)', () => {
    using stack = createScriptedStack();
    const { sockets } = stack;
    const fd = sockets.socket('datagram');
    sockets.setsockopt(fd, 'IPV6_UNICAST_HOPS', 3);
    expect(sockets.getsockopt(fd, 'IP_TTL')).toBe(64);
    sockets.setsockopt(fd, 'IPV6_UNICAST_HOPS', -1);
    sockets.setsockopt(fd, 'IP_TTL', 7);
    expect(sockets.getsockopt(fd, 'IPV6_UNICAST_HOPS')).toBe(7);
  });

  test('TCP_INFO tells Linux state numbers, of listeners their queue, and cannot be set', () => {
    using stack = createScriptedStack({ neighbours: ['10.0.0.2'] });
    const { sockets } = stack;
    const fd = sockets.socket('stream');
    expect(sockets.getsockopt(fd, 'TCP_INFO')).toMatchObject({ tcpi_state: 7, tcpi_unacked: 0 });
    const server = sockets.socket('stream');
    sockets.bind(server, '0.0.0.0', 80);
    sockets.listen(server, 5);
    const listening = { tcpi_state: 10, tcpi_unacked: 0, tcpi_sacked: 5 };
    expect(sockets.getsockopt(server, 'TCP_INFO')).toMatchObject(listening);
    sockets.connect(fd, '10.0.0.2', 80);
    const asking = { tcpi_state: 2, tcpi_rto: 1_000_000, tcpi_rcv_wscale: 7 };
    expect(sockets.getsockopt(fd, 'TCP_INFO')).toMatchObject(asking);
    expect(sockets.setsockopt(fd, 'TCP_INFO', 1)).toBe(-Errno.ENOPROTOOPT);
    expect(sockets.getsockopt(99, 'TCP_INFO')).toBe(-Errno.EBADF);
    for (const other of [sockets.socket('datagram'), sockets.epollCreate()]) {
      expect(sockets.getsockopt(other, 'TCP_INFO')).toBe(-Errno.ENOPROTOOPT);
    }
  });

  test('that do not exist are refused with ENOPROTOOPT', () => {
    using stack = createScriptedStack();
    const fd = stack.sockets.socket('stream');
    expect(stack.sockets.setsockopt(fd, 'SO_NONSENSE', 1)).toBe(-Errno.ENOPROTOOPT);
    expect(stack.sockets.getsockopt(fd, 'SO_NONSENSE')).toBe(-Errno.ENOPROTOOPT);
    expect(stack.sockets.membership(fd, '239.1.1.1', true)).toBe(-Errno.ENOPROTOOPT);
  });

  test('TCP_CONGESTION reads and takes names; one that does not exist is ENOENT', () => {
    using stack = createScriptedStack({ tcp: { congestion: 'reno' } });
    const { sockets } = stack;
    const fd = sockets.socket('stream');
    expect(sockets.congestion(fd)).toBe('reno');
    expect(sockets.setCongestion(fd, 'bbr')).toBe(0);
    expect(sockets.congestion(fd)).toBe('bbr');
    expect(sockets.setCongestion(fd, 'vegas')).toBe(-Errno.ENOENT);
    expect(sockets.setCongestion(99, 'bbr')).toBe(-Errno.EBADF);
    const datagram = sockets.socket('datagram');
    expect(sockets.setCongestion(datagram, 'bbr')).toBe(-Errno.EOPNOTSUPP);
    expect(sockets.congestion(datagram)).toBe(-Errno.EOPNOTSUPP);
  });

  test('SO_OOBINLINE is always on, and MSG_OOB is for streams (RFC 6093, 4)', () => {
    using stack = createScriptedStack();
    const { sockets } = stack;
    const fd = sockets.socket('stream');
    expect(sockets.getsockopt(fd, 'SO_OOBINLINE')).toBe(1);
    expect(sockets.setsockopt(fd, 'SO_OOBINLINE', 1)).toBe(0);
    expect(sockets.setsockopt(fd, 'SO_OOBINLINE', 0)).toBe(-Errno.EINVAL);
    const datagram = sockets.socket('datagram');
    expect(sockets.send(datagram, new Uint8Array(1), 0, 1, MSG_OOB)).toBe(-Errno.EOPNOTSUPP);
  });

  test('SO_LINGER reads its seconds, and -1 when off', () => {
    using stack = createScriptedStack();
    const fd = stack.sockets.socket('stream');
    expect(stack.sockets.getsockopt(fd, 'SO_LINGER')).toBe(-1);
    stack.sockets.setsockopt(fd, 'SO_LINGER', 1, 12);
    expect(stack.sockets.getsockopt(fd, 'SO_LINGER')).toBe(12);
  });
});

describe('readiness', () => {
  test('of a descriptor that is closed is POLLNVAL', () => {
    using stack = createScriptedStack();
    expect(stack.sockets.poll(9, PollEvent.POLLIN)).toBe(PollEvent.POLLNVAL);
  });

  test('of a socket that never was connected is POLLOUT and POLLHUP', () => {
    using stack = createScriptedStack();
    const fd = stack.sockets.socket('stream');
    expect(pollText(stack.sockets.poll(fd, PollEvent.POLLOUT))).toBe('POLLOUT|POLLHUP');
  });

  test('closing a descriptor takes it out of every epoll set', () => {
    using stack = createScriptedStack();
    const { sockets } = stack;
    const fd = sockets.socket('datagram');
    const epoll = sockets.epollCreate();
    sockets.epollCtl(epoll, fd, PollEvent.POLLOUT);
    expect(sockets.epollWait(epoll)).toEqual([{ fd, events: PollEvent.POLLOUT }]);
    sockets.close(fd);
    expect(sockets.epollWait(epoll)).toEqual([]);
  });
});

describe('errors', () => {
  test('have the names and numbers of Linux', () => {
    expect(Errno.EAGAIN).toBe(11);
    expect(errnoName(-104)).toBe('ECONNRESET');
    expect(errnoName(110)).toBe('ETIMEDOUT');
    expect(errnoName(4000)).toBe('E4000');
  });

  test('of closed connections and of statuses are all mapped', () => {
    expect([0, 1, 2, 3, 4, 5, 6].map((reason) => errnoOfClose(reason))).toEqual([
      0,
      Errno.ECONNRESET,
      Errno.ETIMEDOUT,
      Errno.ECONNREFUSED,
      Errno.ECONNABORTED,
      Errno.EHOSTUNREACH,
      Errno.ETIMEDOUT,
    ]);
    expect(errnoOfStatus(-6)).toBe(Errno.ENETUNREACH);
    expect(errnoOfStatus(-8)).toBe(Errno.EINVAL);
  });
});
