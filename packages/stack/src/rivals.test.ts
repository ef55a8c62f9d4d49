import { describe, expect, test } from 'bun:test';
import { createHeapArena, ManualClock } from '@tickwire/base';
import {
  BURST_MAX,
  createLoopbackPair,
  type Device,
  DeviceMiddleware,
  type TxBurst,
} from '@tickwire/phy';
import { IpAddress } from '@tickwire/wire';
import { Pair, pattern } from '../test/pair.ts';
import { type ConnectOptions, Stack, startServices, type TcpSocket } from './index.ts';
import { Interface, SocketSet } from './interface/index.ts';

const MS = 1_000_000;
const SECOND = 1_000_000_000;
const B = IpAddress.parse('10.0.0.2');

/** Connects from a to a port of b. */
function connect<Data>(
  pair: Pair,
  port: number,
  data: Data,
  socket: ConnectOptions<Data>['socket'] = {},
): TcpSocket<Data> {
  return pair.a.connect({ hostname: '10.0.0.2', port, data, socket });
}

/** Writes all of `bytes` as there is room, then ends. */
function sendAll(pair: Pair, port: number, bytes: Uint8Array): TcpSocket<{ sent: number }> {
  const push = (socket: TcpSocket<{ sent: number }>): void => {
    if (socket.data.sent === bytes.length) return;
    socket.data.sent += socket.write(bytes, socket.data.sent);
    if (socket.data.sent === bytes.length) socket.shutdown();
  };
  return connect(pair, port, { sent: 0 }, { open: push, drain: push });
}

/** What a web stream over a socket needs: pause when the queue is full, resume when it is not. */
function readable(socket: TcpSocket<Glue>, queueBytes: number): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start(controller): void {
        socket.data.chunk = (bytes): void => {
          controller.enqueue(bytes);
          if ((controller.desiredSize ?? 0) <= 0) socket.pause();
        };
        socket.data.end = (): void => controller.close();
      },
      pull: (): void => socket.resume(),
    },
    { highWaterMark: queueBytes, size: (chunk) => chunk?.byteLength ?? 0 },
  );
}

/** Data of sockets with a stream on them. */
interface Glue {
  chunk: (bytes: Uint8Array) => void;
  end: () => void;
}

/** Listens on b; hands sockets out when they are asked for, one or more turns later. */
function acceptor(pair: Pair, port: number): { accept: () => TcpSocket<Glue> | undefined } {
  const waiting: TcpSocket<Glue>[] = [];
  pair.b.listen<Glue>({
    port,
    data: () => ({ chunk: () => {}, end: () => {} }),
    socket: {
      open: (socket) => {
        // Nobody has it yet: what comes stays in packet memory.
        socket.pause();
        waiting.push(socket);
      },
      data: (socket, bytes, at, length) => socket.data.chunk(bytes.slice(at, at + length)),
      end: (socket) => socket.data.end(),
    },
  });
  return { accept: () => waiting.shift() };
}

/** Reads a stream to its end while the stacks run: each turn one round, then the microtasks. */
async function drain(pair: Pair, stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let isDone = false;
  const reading = (async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
    }
    isDone = true;
  })();
  for (let turn = 0; turn < 20_000 && !isDone; turn += 1) {
    pair.settle();
    for (let i = 0; i < 8; i += 1) await Promise.resolve();
    pair.settle();
    const atNs = Math.min(pair.a.pollAt(), pair.b.pollAt());
    if (atNs < pair.clock.nowNs() + SECOND) pair.clock.set(Math.max(atNs, pair.clock.nowNs()));
  }
  expect(isDone).toBe(true);
  await reading;
  return new Uint8Array(Buffer.concat(parts));
}

describe('tcpip.js#6, PR#26: a chunk larger than was asked for shuts the window for ever', () => {
  // A segment has up to 1448 bytes: larger than the queue, as large, and smaller.
  test.each([1, 1000, 1448, 4096, 65_536])('a stream whose queue holds %d bytes', async (queue) => {
    const small = { receiveBufferBytes: 8192, receiveBufferBytesMax: 8192 };
    const pair = new Pair({ b: { tcp: { timeWaitNs: SECOND, ...small } } });
    const { accept } = acceptor(pair, 5000);
    const bytes = pattern(200_000);
    sendAll(pair, 5000, bytes);
    pair.settle();
    const startNs = pair.clock.nowNs();
    const got = await drain(pair, readable(accept()!, queue));
    expect(Bun.hash(got)).toBe(Bun.hash(bytes));
    // No window was opened by a probe of the sender, which takes 200 ms.
    expect(pair.clock.nowNs() - startNs).toBeLessThan(200 * MS);
  });

  test.each([1, 100, 5000, 100_000])('recv() with room for %d bytes', (room) => {
    const arena = createHeapArena({ frames: 2048, dataRoom: 2048 });
    const wire = createLoopbackPair(arena);
    const tcp = { timeWaitNs: 0, receiveBufferBytes: 4096, receiveBufferBytesMax: 4096 };
    const a = new Interface({ addresses: ['10.0.0.1/24'], seed: 1, tcp }, wire.a, 0);
    const b = new Interface({ addresses: ['10.0.0.2/24'], seed: 2, tcp }, wire.b, 0);
    const sets = [new SocketSet(a), new SocketSet(b)] as const;
    const server = sets[1].tcp(sets[1].addTcp());
    const client = sets[0].tcp(sets[0].addTcp());
    server.listen(7);
    client.connect({ address: B, port: 7 });
    const bytes = pattern(30_000);
    const into = new Uint8Array(room);
    const parts: Uint8Array[] = [];
    let sent = 0;
    let total = 0;
    let nowNs = 0;
    for (let round = 0; round < 200_000 && total < bytes.length; round += 1) {
      // Round trips of 2 us: nothing here waits for a timer of 20 ms.
      nowNs += 1000;
      a.poll(nowNs);
      b.poll(nowNs);
      if (client.canSend) sent += client.send(bytes, sent);
      const count = server.recv(into);
      if (count <= 0) continue;
      parts.push(into.slice(0, count));
      total += count;
    }
    expect(Bun.hash(new Uint8Array(Buffer.concat(parts)))).toBe(Bun.hash(bytes));
    expect(nowNs).toBeLessThan(40_000 * 1000);
  });
});

describe('tcpip.js PR#40: what arrives before accept() yields is lost', () => {
  test('data and FIN of the same poll as the handshake wait for whoever accepts', async () => {
    const pair = new Pair();
    const { accept } = acceptor(pair, 5000);
    const bytes = pattern(3000);
    sendAll(pair, 5000, bytes);
    pair.settle();
    // Everything is there, the connection is known to nobody, and turns go by.
    for (let i = 0; i < 10; i += 1) await Promise.resolve();
    pair.advance(SECOND);
    const got = await drain(pair, readable(accept()!, 1000));
    expect(Bun.hash(got)).toBe(Bun.hash(bytes));
  });

  test('a socket that listened has the bytes when it is looked at for the first time', () => {
    const pair = new Pair();
    const seen: string[] = [];
    pair.b.listen({
      port: 5000,
      socket: {
        open: () => void seen.push('open'),
        data: (_socket, _bytes, _at, length) => void seen.push(`data ${length}`),
        end: () => void seen.push('end'),
      },
    });
    sendAll(pair, 5000, pattern(100));
    pair.settle();
    expect(seen).toEqual(['open', 'data 100', 'end']);
  });
});

describe('f-stack#753: deaf for minutes after a burst', () => {
  test('a burst that overruns ring and pool is over when it is over', () => {
    const pair = new Pair({ frames: 600, loopback: { queueFrames: 512, overflow: 'drop' } });
    using _services = startServices(pair.b);
    pair.settle();
    const answers: number[] = [];
    const socket = pair.a.udp({
      socket: { data: (_socket, _bytes, _at, length) => void answers.push(length) },
    });
    socket.send(pattern(1), 0, 1, B, 7);
    pair.settle();
    expect(answers).toEqual([1]);
    const bytes = pattern(1000);
    for (let i = 0; i < 5000; i += 1) {
      socket.send(bytes, 0, 1000, B, 9);
      // The other side does not look; the sender's loop goes on.
      if (i % 64 === 0) pair.a.poll();
    }
    const { rxMissed } = pair.b.core.device.stats;
    expect(rxMissed + pair.arena.allocFailures).toBeGreaterThan(1000);
    pair.settle();
    expect(pair.arena.available()).toBe(pair.arena.capacity);
    answers.length = 0;
    const startNs = pair.clock.nowNs();
    socket.send(pattern(2), 0, 2, B, 7);
    let opened = 0;
    connect(pair, 7, undefined, { open: () => void (opened += 1) });
    pair.settle();
    expect(answers).toEqual([2]);
    expect(opened).toBe(1);
    expect(pair.clock.nowNs()).toBe(startNs);
  });
});

describe('f-stack#479: delays by default', () => {
  test('what a handler writes leaves in the same poll, however small (RFC 9293, 3.7.4)', () => {
    const clock = new ManualClock(SECOND);
    const arena = createHeapArena({ frames: 1024, dataRoom: 2048 });
    const wire = createLoopbackPair(arena);
    const common = { clock, announce: false };
    using a = new Stack({ device: wire.a, addresses: ['10.0.0.1/24'], ...common });
    using b = new Stack({ device: wire.b, addresses: ['10.0.0.2/24'], ...common });
    const got: number[] = [];
    b.listen({
      port: 7,
      socket: { data: (socket, bytes, at, length) => void socket.write(bytes, at, length) },
    });
    const socket = a.connect({
      hostname: '10.0.0.2',
      port: 7,
      data: undefined,
      socket: { data: (_socket, _bytes, _at, length) => void got.push(length) },
    });
    for (let i = 0; i < 10; i += 1) for (const stack of [a, b]) stack.poll();
    expect(socket.canWrite).toBe(true);
    // Small messages, none of which waits for the ACK of another, and no clock moves.
    for (let i = 1; i <= 3; i += 1) {
      socket.write(pattern(i));
      expect(a.poll()).toBe(1);
    }
    b.poll();
    a.poll();
    expect(got.reduce((sum, length) => sum + length, 0)).toBe(6);
    expect(clock.nowNs()).toBe(SECOND);
  });
});

/** A driver that lets go of what it has sent at its next burst only, as many do. */
class LazyDriver extends DeviceMiddleware {
  reclaims = 0;
  readonly #held: number[] = [];

  constructor(inner: Device) {
    super(inner, `lazy-${inner.name}`);
  }

  override transmit(tx: TxBurst, count: number, nowNs: number): number {
    this.#release();
    for (let i = 0; i < count; i += 1) {
      this.arena.retain(tx.frame[i]!);
      this.#held.push(tx.frame[i]!);
    }
    const taken = super.transmit(tx, count, nowNs);
    for (let i = taken; i < count; i += 1) this.arena.free(this.#held.pop()!);
    return taken;
  }

  override reclaim(): void {
    this.reclaims += 1;
    this.#release();
  }

  #release(): void {
    for (const frame of this.#held.splice(0)) this.arena.free(frame);
  }
}

describe('NVIDIA/daqiri#207: sent frames come back at the next burst only', () => {
  test('an idle loop on a low pool takes them back, and goes on', () => {
    const drivers: LazyDriver[] = [];
    const wrap = (device: Device): Device => {
      const driver = new LazyDriver(device);
      drivers.push(driver);
      return driver;
    };
    const pair = new Pair({ frames: 66, wrap });
    using _services = startServices(pair.b);
    const bytes = pattern(100_000);
    let received = 0;
    let sent = 0;
    const push = (socket: TcpSocket<undefined>): void => {
      sent += socket.write(bytes, sent);
    };
    connect(pair, 7, undefined, {
      open: push,
      drain: push,
      data: (_socket, _bytes, _at, length) => void (received += length),
    });
    pair.until(() => received === bytes.length, 20 * SECOND);
    for (let i = 0; i < 4; i += 1) {
      pair.advance(SECOND);
      pair.a.poll();
    }
    // Not low any more: at least one burst is free.
    expect(pair.arena.available()).toBeGreaterThanOrEqual(BURST_MAX);
    expect(drivers[0]!.reclaims + drivers[1]!.reclaims).toBeGreaterThan(0);
  });

  test('a pool that is not low is left alone: a reclaim costs a call', () => {
    const drivers: LazyDriver[] = [];
    const pair = new Pair({
      wrap: (device) => {
        drivers.push(new LazyDriver(device));
        return drivers.at(-1)!;
      },
    });
    pair.advance(10 * SECOND);
    expect(drivers.map((driver) => driver.reclaims)).toEqual([0, 0]);
  });
});

describe('mtcp#202, tailscale#9707, #20893: work of the application holds up the stack', () => {
  /** A connection from a to b over a path of 100 us. */
  function slow(): { pair: Pair; socket: TcpSocket<undefined>; trip: (bytes: number) => void } {
    const pair = new Pair({ a: { tcp: { rtoMinNs: 10 * MS } }, b: { tcp: { delayedAckNs: 0 } } });
    pair.b.listen({ port: 9, socket: { data: () => {} } });
    // Takes the noise, which would be answered by ICMP else.
    pair.a.udp({ port: 4000 });
    const socket = connect(pair, 9, undefined);
    const trip = (bytes: number): void => {
      socket.write(pattern(bytes));
      pair.a.poll();
      pair.clock.advance(50_000);
      pair.b.poll();
      pair.clock.advance(50_000);
      pair.a.poll();
    };
    for (let i = 0; i < 4; i += 1) trip(0);
    for (let i = 0; i < 40; i += 1) trip(100);
    return { pair, socket, trip };
  }

  test('the ACK is read before the timers run, however much lies before it', () => {
    const { pair, socket } = slow();
    const { counters } = pair.a.core.tcp;
    const { retransSegs, timeouts } = counters;
    // More than one batch of other frames lies in the device of a, and the ACK of b behind them.
    const noise = pair.b.udp();
    const target = IpAddress.parse('10.0.0.1');
    for (let i = 0; i < 200; i += 1) {
      noise.send(pattern(10), 0, 10, target, 4000);
      if (i % 32 === 31) pair.b.poll();
    }
    pair.b.poll();
    socket.write(pattern(100));
    pair.a.poll();
    pair.clock.advance(50_000);
    pair.b.poll();
    // Meanwhile the loop of a is in a callback of its application, for a second.
    pair.clock.advance(SECOND);
    for (let i = 0; i < 20; i += 1) pair.a.poll();
    expect(counters.timeouts - timeouts).toBe(0);
    expect(counters.retransSegs - retransSegs).toBe(0);
    expect(socket.bufferedBytes).toBe(0);
    // The delay was ours: the least round trip is still the path's.
    const info = socket.info()!;
    expect(info.minRttNs).toBe(100_000);
  });

  test('a user timeout counts the silence of the peer, not ours (RFC 5482, 3)', () => {
    const { pair, socket } = slow();
    socket.setUserTimeout(500);
    const noise = pair.b.udp();
    for (let i = 0; i < 100; i += 1) {
      noise.send(pattern(10), 0, 10, IpAddress.parse('10.0.0.1'), 4000);
      if (i % 32 === 31) pair.b.poll();
    }
    pair.b.poll();
    socket.write(pattern(100));
    pair.a.poll();
    pair.b.poll();
    pair.clock.advance(SECOND);
    for (let i = 0; i < 20; i += 1) pair.a.poll();
    expect(socket.isOpen).toBe(true);
    expect(socket.bufferedBytes).toBe(0);
  });

  test('a flood on a slow loop delays timers by a bounded number of rounds', () => {
    const { pair, socket } = slow();
    const { counters } = pair.a.core.tcp;
    const noise = pair.b.udp();
    const target = IpAddress.parse('10.0.0.1');
    socket.write(pattern(100));
    pair.a.poll();
    // b floods and never reads, so that the segment stays unanswered; each round of a takes 2 ms.
    let rounds = 0;
    while (counters.retransSegs === 0 && rounds < 200) {
      for (let i = 0; i < 64; i += 1) noise.send(pattern(10), 0, 10, target, 4000);
      pair.b.core.transmitQueue.flush();
      pair.clock.advance(2 * MS);
      pair.a.poll();
      rounds += 1;
    }
    expect(rounds).toBeGreaterThan(5);
    expect(rounds).toBeLessThanOrEqual(40);
  });

  test('after a second away timers fire late, once each, in order of their deadlines', () => {
    const pair = new Pair();
    const order: string[] = [];
    pair.b.listen({ port: 9, socket: {} });
    const sockets: TcpSocket<string>[] = [];
    for (const name of ['third', 'first', 'second']) {
      const socket = connect(pair, 9, name, { close: (closed) => void order.push(closed.data) });
      sockets.push(socket);
    }
    pair.settle();
    // Nobody answers any more, and no other timer of theirs is due before.
    const wanted = { first: 50, second: 100, third: 150 } as Record<string, number>;
    for (const socket of sockets) {
      socket.setUserTimeout(wanted[socket.data]!);
      socket.write(pattern(10));
    }
    pair.a.poll();
    expect(order).toEqual([]);
    pair.clock.advance(SECOND);
    pair.a.poll();
    expect(order).toEqual(['first', 'second', 'third']);
    for (let i = 0; i < 10; i += 1) pair.a.poll();
    expect(order).toHaveLength(3);
  });

  test('an ACK has the time of its burst, not of the callbacks before it (RFC 8985, 6.2)', () => {
    const pair = new Pair({ b: { tcp: { delayedAckNs: 0 } } });
    let work = 0;
    let server: TcpSocket<undefined> | undefined;
    pair.b.listen({ port: 9, socket: { open: (socket) => void (server = socket) } });
    const socket = connect(pair, 9, undefined, { data: () => pair.clock.advance(work) });
    for (let i = 0; i < 6; i += 1) for (const stack of [pair.a, pair.b]) stack.poll();
    for (let i = 0; i < 10; i += 1) {
      socket.write(pattern(100));
      pair.a.poll();
      pair.clock.advance(50_000);
      // The reply of the application goes before the ACK of what a has sent.
      server!.write(pattern(10));
      pair.b.core.tcp.egress(pair.clock.nowNs());
      pair.b.poll();
      pair.clock.advance(50_000);
      work = 30 * MS;
      pair.a.poll();
    }
    const info = socket.info()!;
    expect(info.rttNs).toBeLessThan(110_000);
    expect(info.rttvarNs).toBeLessThan(110_000);
  });
});

describe('M4: a clock read per connection', () => {
  test('a poll reads the clock once, whatever the number of connections', () => {
    let reads = 0;
    const pair = new Pair();
    const clock = {
      nowNs: (): number => {
        reads += 1;
        return pair.clock.nowNs();
      },
    };
    const { device } = pair.a.core;
    using a = new Stack({ device, addresses: ['10.0.0.1/24'], clock, seed: 3 });
    pair.b.listen({
      port: 9,
      socket: { data: (socket, bytes, at, n) => void socket.write(bytes, at, n) },
    });
    const sockets = Array.from({ length: 100 }, () =>
      a.connect({ hostname: '10.0.0.2', port: 9, data: undefined, socket: {} }),
    );
    for (let i = 0; i < 20; i += 1) for (const stack of [a, pair.b]) stack.poll();
    for (const socket of sockets) expect(socket.write(pattern(10))).toBe(10);
    reads = 0;
    for (let i = 0; i < 10; i += 1) {
      a.poll();
      pair.b.poll();
    }
    expect(reads).toBe(10);
    expect(a.core.tcp.counters.outSegs).toBeGreaterThanOrEqual(200);
  });
});
