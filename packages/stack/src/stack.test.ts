import { describe, expect, test } from 'bun:test';
import { NetError } from '@tickwire/base';
import { State } from '@tickwire/tcp';
import { IpAddress } from '@tickwire/wire';
import { Pair, pattern } from '../test/pair.ts';
import { Stack, startServices, type TcpSocket } from './index.ts';

/** A client that sends `bytes` to a port of b and collects what comes back until the close. */
class Collector {
  readonly parts: Uint8Array[] = [];
  opened = 0;
  ended = 0;
  closed = 0;
  error: NetError | undefined = undefined;
  sent = 0;
  readonly socket: TcpSocket<undefined>;

  constructor(pair: Pair, port: number, bytes: Uint8Array, hostname = '10.0.0.2') {
    const push = (socket: TcpSocket<undefined>): void => {
      if (this.sent >= bytes.length) return;
      this.sent += socket.write(bytes, this.sent);
      if (this.sent === bytes.length) socket.shutdown();
    };
    this.socket = pair.a.connect({
      hostname,
      port,
      data: undefined,
      socket: {
        open: (socket) => {
          this.opened += 1;
          push(socket);
        },
        drain: push,
        data: (_socket, memory, at, length) => {
          this.parts.push(memory.slice(at, at + length));
        },
        end: (socket) => {
          this.ended += 1;
          socket.end();
        },
        close: (_socket, error) => {
          this.closed += 1;
          this.error = error;
        },
      },
    });
  }

  get received(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.parts));
  }
}

describe('Stack', () => {
  test('connect(), echo 300 kB, close: every byte once, everything goes back to its pool', () => {
    const pair = new Pair();
    using _services = startServices(pair.b);
    const bytes = pattern(300_000);
    const client = new Collector(pair, 7, bytes);
    pair.until(() => client.closed === 1);
    expect(client.opened).toBe(1);
    expect(client.ended).toBe(1);
    expect(client.error).toBeUndefined();
    expect(Bun.hash(client.received)).toBe(Bun.hash(bytes));
    pair.advance(5_000_000_000);
    expect(pair.a.core.tcp.connectionCount).toBe(0);
    expect(pair.b.core.tcp.connectionCount).toBe(0);
    expect(pair.arena.available()).toBe(pair.arena.capacity);
  });

  test('connect() to a closed port ends with ECONNREFUSED', () => {
    const pair = new Pair();
    const client = new Collector(pair, 4000, pattern(10));
    pair.until(() => client.closed === 1);
    expect(client.opened).toBe(0);
    expect(client.error?.code).toBe('ECONNREFUSED');
  });

  test('connect() to a silent neighbour ends with EHOSTUNREACH', () => {
    const pair = new Pair();
    const client = new Collector(pair, 4000, pattern(10), '10.0.0.77');
    // As soon as ARP has given up, not after all retries of the SYN.
    pair.until(() => client.closed === 1, 10_000_000_000);
    expect(client.error?.code).toBe('EHOSTUNREACH');
    pair.advance(60_000_000_000);
    expect(pair.arena.available()).toBe(pair.arena.capacity);
  });

  test('connect() without a route throws ENETUNREACH', () => {
    const pair = new Pair();
    expect(() => new Collector(pair, 4000, pattern(10), '192.0.2.1')).toThrow('No route');
  });

  test('listen() on a used port throws EADDRINUSE', () => {
    const pair = new Pair();
    pair.b.listen({ port: 9000, socket: {} });
    let error: unknown;
    try {
      pair.b.listen({ port: 9000, socket: {} });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(NetError);
    expect((error as NetError).code).toBe('EADDRINUSE');
  });

  test('a stack talks to itself without touching the device', () => {
    const pair = new Pair();
    using _services = startServices(pair.a);
    const bytes = pattern(50_000);
    const client = new Collector(pair, 7, bytes, '10.0.0.1');
    pair.until(() => client.closed === 1);
    expect(Bun.hash(client.received)).toBe(Bun.hash(bytes));
    expect(pair.a.core.device.stats.txFrames).toBeLessThan(5);
  });

  test('pause() holds bytes back and resume() delivers them in order', () => {
    const pair = new Pair();
    const parts: Uint8Array[] = [];
    let server: TcpSocket<undefined> | undefined;
    pair.b.listen({
      port: 5000,
      socket: {
        open: (socket) => {
          server = socket;
          socket.pause();
        },
        data: (_socket, memory, at, length) => {
          parts.push(memory.slice(at, at + length));
        },
      },
    });
    const bytes = pattern(1_000_000);
    const client = new Collector(pair, 5000, bytes);
    pair.advance(1_000_000_000);
    expect(parts.length).toBe(0);
    expect(client.sent).toBeLessThan(bytes.length);
    server!.resume();
    pair.until(() => client.closed === 1);
    expect(Bun.hash(new Uint8Array(Buffer.concat(parts)))).toBe(Bun.hash(bytes));
  });

  test('a handler that throws loses its connection, not the stack', () => {
    const pair = new Pair();
    const errors: unknown[] = [];
    pair.b.listen({
      port: 5000,
      socket: {
        data: () => {
          throw new Error('handler');
        },
        error: (_socket, error) => void errors.push(error),
      },
    });
    using _services = startServices(pair.b);
    const victim = new Collector(pair, 5000, pattern(10));
    const other = new Collector(pair, 7, pattern(1000));
    pair.until(() => victim.closed === 1 && other.closed === 1);
    expect(errors.length).toBe(1);
    expect(victim.error?.code).toBe('ECONNRESET');
    expect(other.received.length).toBe(1000);
  });

  test('a handler that throws without an error handler reaches the caller of poll()', () => {
    const pair = new Pair();
    pair.b.listen({
      port: 5000,
      socket: {
        open: () => {
          throw new Error('nobody catches this');
        },
      },
    });
    const client = new Collector(pair, 5000, pattern(10));
    expect(() => pair.settle()).toThrow('nobody catches this');
    pair.until(() => client.closed === 1);
    expect(client.error?.code).toBe('ECONNRESET');
  });

  test('udp() sends, receives and answers; an unknown port is refused by ICMP', () => {
    const pair = new Pair();
    using _services = startServices(pair.b);
    const answers: string[] = [];
    const errors: string[] = [];
    const socket = pair.a.udp({
      socket: {
        data: (_socket, memory, at, length, source) => {
          answers.push(`${source.port}:${memory.slice(at, at + length).join(',')}`);
        },
        error: (_socket, error) => void errors.push(error.code),
      },
    });
    const peer = IpAddress.parse('10.0.0.2');
    expect(socket.send(Uint8Array.of(1, 2, 3), 0, 3, peer, 7)).toBe(3);
    pair.settle();
    expect(answers).toEqual(['7:1,2,3']);
    expect(socket.send(Uint8Array.of(1), 0, 1, peer, 4242)).toBe(1);
    pair.settle();
    expect(pair.b.core.udp.counters()).toMatchObject({ rxNoSocket: 1 });
    socket.close();
    pair.advance(1_000_000_000);
    expect(pair.arena.available()).toBe(pair.arena.capacity);
  });

  test('udp() members of a group receive what is sent to it', () => {
    const pair = new Pair();
    const got: number[] = [];
    using _member = pair.b.udp({
      port: 6000,
      groups: ['239.1.2.3'],
      socket: { data: (_socket, _memory, _at, length) => void got.push(length) },
    });
    using publisher = pair.a.udp();
    pair.settle();
    publisher.send(pattern(100), 0, 100, IpAddress.parse('239.1.2.3'), 6000);
    publisher.send(pattern(100), 0, 50, IpAddress.parse('239.9.9.9'), 6000);
    pair.settle();
    expect(got).toEqual([100]);
  });

  test('sendEcho() is answered with the same bytes', () => {
    const pair = new Pair();
    const replies: string[] = [];
    pair.a.core.onEchoReply = (identifier, sequence, _0, _1, _2, src3, at, length): void => {
      const bytes = pair.arena.bytes.slice(at, at + length).join(',');
      replies.push(`${identifier}/${sequence} ${src3 >>> 0} ${bytes}`);
    };
    const { ip, nowNs } = pair.a.core;
    ip.sendEcho(IpAddress.parse('10.0.0.2'), 7, 1, Uint8Array.of(9, 8, 7), 0, 3, nowNs);
    pair.settle();
    expect(replies).toEqual(['7/1 167772162 9,8,7']);
  });

  test('half-close: the server may answer after the client has ended', () => {
    const pair = new Pair();
    let total = 0;
    pair.b.listen({
      port: 5000,
      socket: {
        data: (_socket, _memory, _at, length) => void (total += length),
        end: (socket) => {
          socket.write(pattern(5000));
          socket.end();
        },
      },
    });
    const client = new Collector(pair, 5000, pattern(2000));
    pair.until(() => client.closed === 1);
    expect(total).toBe(2000);
    expect(client.received.length).toBe(5000);
  });

  test('http answers pipelined requests, also those split anywhere', () => {
    const pair = new Pair();
    using _services = startServices(pair.b);
    const request = new TextEncoder().encode('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50));
    const client = new Collector(pair, 80, request);
    pair.until(() => client.closed === 1);
    const text = new TextDecoder().decode(client.received);
    expect(text.split('HTTP/1.1 200 OK').length - 1).toBe(50);
  });

  test('info() speaks in the terms of TCP_INFO', () => {
    const pair = new Pair();
    pair.b.listen({ port: 5000, socket: { data: () => {} } });
    const socket = pair.a.connect({
      hostname: '10.0.0.2',
      port: 5000,
      data: undefined,
      socket: {},
    });
    pair.settle();
    const info = socket.info()!;
    expect(info.state).toBe(State.Established);
    expect(info.sndMss).toBeGreaterThan(1400);
    expect(info.sndCwnd).toBeGreaterThanOrEqual(10);
    socket.terminate();
    expect(socket.info()).toBeUndefined();
    expect(socket.write(Uint8Array.of(1))).toBe(0);
  });
});

describe('Stack over IPv6', () => {
  test('connect(), echo and close between IPv6 addresses', () => {
    const pair = new Pair({
      a: { addresses: ['2001:db8::1/64'] },
      b: { addresses: ['2001:db8::2/64'] },
    });
    pair.advance(3_000_000_000);
    using _services = startServices(pair.b);
    const bytes = pattern(100_000);
    const client = new Collector(pair, 7, bytes, '2001:db8::2');
    pair.until(() => client.closed === 1);
    expect(Bun.hash(client.received)).toBe(Bun.hash(bytes));
    pair.advance(5_000_000_000);
    expect(pair.arena.available()).toBe(pair.arena.capacity);
  });

  test('udp() answers over IPv6 and an unknown port is refused by ICMPv6', () => {
    const pair = new Pair({
      a: { addresses: ['2001:db8::1/64'] },
      b: { addresses: ['2001:db8::2/64'] },
    });
    pair.advance(3_000_000_000);
    using _services = startServices(pair.b);
    const answers: number[] = [];
    const socket = pair.a.udp({
      socket: { data: (_socket, _memory, _at, length) => void answers.push(length) },
    });
    socket.send(pattern(500), 0, 500, IpAddress.parse('2001:db8::2'), 7);
    pair.settle();
    expect(answers).toEqual([500]);
  });
});

describe('Stack opening', () => {
  test('fastOpen: the second connection carries its request on the SYN (RFC 7413)', () => {
    const pair = new Pair();
    const times: number[] = [];
    pair.b.listen({
      port: 5000,
      fastOpen: 16,
      socket: { data: (socket, bytes, at, length) => void socket.write(bytes, at, length) },
    });
    const ask = (): void => {
      let isDone = false;
      const startNs = pair.clock.nowNs();
      const socket = pair.a.connect({
        hostname: '10.0.0.2',
        port: 5000,
        fastOpen: true,
        data: undefined,
        socket: {
          data: (answered) => {
            isDone = true;
            times.push(pair.clock.nowNs() - startNs);
            answered.end();
          },
        },
      });
      expect(socket.write(pattern(100))).toBe(100);
      while (!isDone) {
        pair.clock.advance(1000);
        pair.a.poll();
        pair.b.poll();
      }
    };
    ask();
    ask();
    expect(pair.b.core.tcp.counters).toMatchObject({ fastOpenPassive: 1 });
    expect(times[1]!).toBeLessThan(times[0]!);
  });

  test('reusePort: listeners share a port and every connection finds one', () => {
    const pair = new Pair();
    const counts = [0, 0];
    for (const which of [0, 1]) {
      pair.b.listen({
        port: 5000,
        reusePort: true,
        socket: { open: () => void (counts[which] = counts[which]! + 1) },
      });
    }
    for (let i = 0; i < 100; i += 1) {
      pair.a.connect({ hostname: '10.0.0.2', port: 5000, data: undefined, socket: {} });
      pair.settle();
    }
    expect(counts[0]! + counts[1]!).toBe(100);
    expect(Math.min(...counts)).toBeGreaterThan(20);
  });

  test('two stacks without a seed choose different sequence numbers', () => {
    const isns = new Set<number>();
    for (let i = 0; i < 8; i += 1) {
      const pair = new Pair();
      const { device } = pair.a.core;
      const stack = new Stack({ device, addresses: ['10.0.0.9/24'], clock: pair.clock });
      stack.connect({ hostname: '10.0.0.2', port: 1, data: undefined, socket: {} });
      isns.add(stack.core.tcp.connection(stack.core.tcp.firstConnection()).iss);
    }
    expect(isns.size).toBe(8);
  });
});
