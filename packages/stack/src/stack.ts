/**
 * The stack in the shape of Bun's sockets: `listen`, `connect`, `udp`, handlers shared per server.
 *
 * @module
 */

import { type Clock, NetError, Status, statusName } from '@tickwire/base';
import {
  congestionNamed,
  type Listener,
  type ListenOptions as TcpListenOptions,
  type Tcb,
  type TcpEvents,
} from '@tickwire/tcp';
import type { UdpEvents, UdpIcmpError, UdpSocket as PooledUdp } from '@tickwire/udp';
import { IpAddress, IpFlow, type IpMeta } from '@tickwire/wire';
import {
  type ConnectionSummary,
  type HalfOpenSummary,
  listConnections,
  listHalfOpen,
} from './connections.ts';
import { StackCore } from './core.ts';
import { closeError, icmpErrorOf } from './errors.ts';
import {
  type ConnectOptions,
  DatagramSource,
  type ListenOptions,
  type TcpHandlers,
  type UdpOptions,
} from './handlers.ts';
import { type RunOptions, runLoop } from './loop.ts';
import { resolveOptions, type StackOptions } from './options.ts';
import { TcpSocket } from './tcp-socket.ts';
import { UdpSocket } from './udp-socket.ts';

/** What a listener needs to make sockets. */
interface Server {
  readonly handlers: TcpHandlers<unknown>;
  readonly data: (() => unknown) | undefined;
}

/** A listening port; `stop` closes it, its connections live on. */
export class TcpListener implements Disposable {
  readonly #stack: Stack;
  readonly #listener: Listener;

  constructor(stack: Stack, listener: Listener) {
    this.#stack = stack;
    this.#listener = listener;
  }

  /** The local port. */
  get port(): number {
    return this.#listener.port;
  }

  /** Stops accepting. */
  stop(): void {
    this.#stack.unlisten(this.#listener);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

/**
 * A TCP/IP stack on one device. Nothing happens between calls of {@link Stack.poll} (or inside
 * {@link Stack.run}, which polls); handlers run during a poll.
 *
 * @example
 * ```ts
 * using stack = new Stack({ device, addresses: ['10.0.0.1/24'] });
 * stack.listen({
 *   port: 7,
 *   socket: { data: (socket, bytes, at, length) => void socket.write(bytes, at, length) },
 * });
 * await stack.run();
 * ```
 */
export class Stack implements TcpEvents, UdpEvents, Disposable {
  /** The layers, for introspection: counters, neighbours, connections. */
  readonly core: StackCore;
  readonly #clock: Clock;
  /** Sockets by slot of their connection. */
  readonly #sockets: (TcpSocket | undefined)[] = [];
  readonly #servers: (Server | undefined)[] = [];
  readonly #datagramSockets: (UdpSocket | undefined)[] = [];
  readonly #source: DatagramSource = new DatagramSource();
  readonly #flow: IpFlow = new IpFlow();
  #thrown: unknown = undefined;
  #hasThrown = false;

  constructor(options: StackOptions) {
    const resolved = resolveOptions(options);
    this.#clock = resolved.clock;
    this.core = new StackCore(resolved, this, this);
  }

  /**
   * One round: receive, timers, send. Returns the frames moved; 0 means idle. Throws what a handler
   * threw when that has no `error` handler, after the round is complete.
   */
  poll(nowNs: number = this.#clock.nowNs()): number {
    const work = this.core.poll(nowNs);
    if (this.#hasThrown) this.#rethrow();
    return work;
  }

  /** When `poll` has something to do although nothing arrives; Infinity when never. */
  pollAt(): number {
    return this.core.pollAt();
  }

  /** Nanoseconds until {@link Stack.pollAt}, not below 0. */
  pollDelay(nowNs: number = this.#clock.nowNs()): number {
    return Math.max(0, this.pollAt() - nowNs);
  }

  /** Polls until `signal` aborts; see {@link RunOptions} for what happens when idle. */
  run(options: RunOptions = {}): Promise<void> {
    return runLoop([this], this.#clock, options);
  }

  /** Accepts connections. Throws `NetError` `EADDRINUSE`, `EINVAL` or `ERR_TW_CONFIG`. */
  listen<Data = undefined>(options: ListenOptions<Data>): TcpListener {
    const port = checkPort(options.port);
    const address = options.hostname === undefined ? ANY : IpAddress.parse(options.hostname);
    const { word0, word1, word2, word3 } = address.isUnspecified ? ANY : address;
    const listener = this.core.tcp.listen(word0, word1, word2, word3, port, listenOptions(options));
    // The handlers only ever see sockets of their own listener, whose data has their type.
    const handlers = options.socket as TcpHandlers<unknown>;
    this.#servers[listener.id] = { handlers, data: options.data };
    return new TcpListener(this, listener);
  }

  /** Used by {@link TcpListener}. */
  unlisten(listener: Listener): void {
    if (listener.open === 1) this.core.tcp.unlisten(listener, this.core.nowNs);
  }

  /**
   * Begins a connection; `open` or `close` follows during a later poll. Throws `NetError`
   * `ENETUNREACH`, `EADDRINUSE` (no free port) or `ENOBUFS` (no free connection).
   */
  connect<Data>(options: ConnectOptions<Data>): TcpSocket<Data> {
    const port = checkPort(options.port);
    const address = IpAddress.parse(options.hostname);
    const flow = this.#flow;
    flow.family = address.family;
    flow.local0 = 0;
    flow.local1 = 0;
    flow.local2 = 0;
    flow.local3 = 0;
    flow.remote0 = address.word0;
    flow.remote1 = address.word1;
    flow.remote2 = address.word2;
    flow.remote3 = address.word3;
    // A name that is none is found out before there is a connection.
    const { congestion, mssMax, receiveBufferBytes } = options;
    const controller = congestion === undefined ? undefined : congestionNamed(congestion);
    const result = this.core.tcp.connect(
      flow,
      port,
      options.localPort ?? 0,
      this.core.nowNs,
      0,
      options.fastOpen === true,
    );
    if (typeof result === 'number') throw connectError(result, options.hostname, port);
    const { tcp, nowNs } = this.core;
    if (controller !== undefined) tcp.setCongestion(result, controller, nowNs);
    if (mssMax !== undefined) tcp.setMssMax(result, mssMax);
    if (receiveBufferBytes !== undefined) tcp.setReceiveBuffer(result, receiveBufferBytes);
    const socket = new TcpSocket<Data>(
      this.core.tcp,
      this.core,
      result,
      options.socket,
      options.data,
    );
    this.#sockets[result.slot] = socket as TcpSocket;
    return socket;
  }

  /** Opens a UDP socket. Throws `NetError` `EADDRINUSE`, `EINVAL` or `ENOBUFS`. */
  udp(options: UdpOptions = {}): UdpSocket {
    const { udp, nowNs } = this.core;
    const pooled = udp.open();
    if (pooled === null) {
      throw new NetError('ENOBUFS', 'All UDP sockets are in use; close one first');
    }
    const address = options.hostname === undefined ? ANY : IpAddress.parse(options.hostname);
    const { word0, word1, word2, word3 } = address.isUnspecified ? ANY : address;
    pooled.reuse = options.reuse === true ? 1 : 0;
    pooled.multicastHopLimit = options.multicastTtl ?? 1;
    pooled.multicastLoop = options.multicastLoop === true ? 1 : 0;
    const status = udp.bind(pooled, word0, word1, word2, word3, options.port ?? 0);
    if (status < 0) {
      udp.close(pooled, nowNs);
      throw new NetError(
        'EADDRINUSE',
        `UDP port ${options.port ?? 0} cannot be bound (${statusName(status)}); choose another`,
        { port: options.port ?? 0 },
      );
    }
    const socket = new UdpSocket(udp, pooled, options.socket ?? {}, this.core);
    this.#datagramSockets[pooled.id] = socket;
    for (const group of options.groups ?? []) socket.joinGroup(group);
    return socket;
  }

  /** All connections but the half-open ones, TIME-WAIT included. */
  connections(): ConnectionSummary[] {
    return listConnections(this.core.tcp);
  }

  /** Half-open connections: their SYN was answered, and nothing came yet. */
  halfOpenConnections(): HalfOpenSummary[] {
    return listHalfOpen(this.core.tcp);
  }

  /** Closes the stack: connections are reset, the device is left to its owner. */
  close(): void {
    for (const socket of this.#sockets) socket?.terminate();
    for (const socket of this.#datagramSockets) socket?.close();
    this.core.transmitQueue.flush();
    this.core.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // TcpEvents

  /** @internal */
  opened(tcb: Tcb): void {
    let socket = this.#sockets[tcb.slot];
    if (tcb.listener >= 0) {
      const server = this.#servers[tcb.listener]!;
      const data = server.data?.();
      socket = new TcpSocket(this.core.tcp, this.core, tcb, server.handlers, data);
      this.#sockets[tcb.slot] = socket;
    }
    if (socket === undefined) return;
    socket.opened = true;
    const handler = socket.handlers.open;
    if (handler === undefined) return;
    try {
      handler(socket);
    } catch (error) {
      this.#handlerThrew(socket, error);
    }
  }

  /** @internal */
  data(tcb: Tcb, _frame: number, at: number, length: number): void {
    const socket = this.#sockets[tcb.slot];
    const handler = socket?.handlers.data;
    if (socket === undefined || handler === undefined) return;
    try {
      handler(socket, this.core.arena.bytes, at, length);
    } catch (error) {
      this.#handlerThrew(socket, error);
    }
  }

  /** @internal */
  readable(_tcb: Tcb): void {}

  /** @internal */
  urgent(tcb: Tcb): void {
    const socket = this.#sockets[tcb.slot];
    const handler = socket?.handlers.urgent;
    if (socket === undefined || handler === undefined) return;
    try {
      handler(socket);
    } catch (error) {
      this.#handlerThrew(socket, error);
    }
  }

  /** @internal */
  ended(tcb: Tcb): void {
    const socket = this.#sockets[tcb.slot];
    if (socket === undefined) return;
    const handler = socket.handlers.end;
    if (handler === undefined) {
      socket.end();
      return;
    }
    try {
      handler(socket);
    } catch (error) {
      this.#handlerThrew(socket, error);
    }
  }

  /** @internal */
  drained(tcb: Tcb): void {
    const socket = this.#sockets[tcb.slot];
    const handler = socket?.handlers.drain;
    if (socket === undefined || handler === undefined) return;
    try {
      handler(socket);
    } catch (error) {
      this.#handlerThrew(socket, error);
    }
  }

  /** @internal */
  closed(tcb: Tcb, reason: number): void {
    const socket = this.#sockets[tcb.slot];
    if (socket === undefined) return;
    this.#sockets[tcb.slot] = undefined;
    const error = closeError(reason, socket.remoteAddress, socket.remotePort);
    socket.detach();
    try {
      socket.handlers.close?.(socket, error);
    } catch (thrown) {
      this.#handlerThrew(socket, thrown);
    }
  }

  // UdpEvents

  /** @internal */
  datagram(
    pooled: PooledUdp,
    _frame: number,
    at: number,
    length: number,
    sourcePort: number,
    meta: IpMeta,
    nowNs: number,
  ): void {
    const socket = this.#datagramSockets[pooled.id];
    const handler = socket?.handlers.data;
    if (socket === undefined || handler === undefined) return;
    const source = this.#source;
    source.word0 = meta.src0;
    source.word1 = meta.src1;
    source.word2 = meta.src2;
    source.word3 = meta.src3;
    source.port = sourcePort;
    source.nowNs = nowNs;
    try {
      handler(socket, this.core.arena.bytes, at, length, source);
    } catch (error) {
      this.#keep(error);
    }
  }

  /** @internal */
  error(pooled: PooledUdp, error: UdpIcmpError, _nowNs: number): void {
    const socket = this.#datagramSockets[pooled.id];
    try {
      socket?.handlers.error?.(socket, icmpErrorOf(error));
    } catch (thrown) {
      this.#keep(thrown);
    }
  }

  /** A handler's exception ends its connection, never the stack. */
  #handlerThrew(socket: TcpSocket, error: unknown): void {
    const handler = socket.handlers.error;
    if (handler === undefined) this.#keep(error);
    else {
      try {
        handler(socket, error);
      } catch (again) {
        this.#keep(again);
      }
    }
    socket.terminate();
  }

  #keep(error: unknown): void {
    if (this.#hasThrown) return;
    this.#hasThrown = true;
    this.#thrown = error;
  }

  #rethrow(): void {
    const error = this.#thrown;
    this.#hasThrown = false;
    this.#thrown = undefined;
    throw error;
  }
}

/** All words 0: any local address of any family. */
const ANY: IpAddress = new IpAddress(0, 0, 0, 0);

/** What of the options TCP wants to know; it fills in what is absent. */
function listenOptions(options: Omit<ListenOptions<unknown>, 'socket'>): TcpListenOptions {
  const { backlog, halfOpenMax, reusePort, fastOpen, congestion } = options;
  const { mssMax, receiveBufferBytes } = options;
  return {
    ...(backlog === undefined ? {} : { backlog }),
    ...(halfOpenMax === undefined ? {} : { halfOpenMax }),
    ...(reusePort === undefined ? {} : { reusePort }),
    ...(fastOpen === undefined ? {} : { fastOpen }),
    ...(mssMax === undefined ? {} : { mssMax }),
    ...(receiveBufferBytes === undefined ? {} : { receiveBufferBytes }),
    ...(congestion === undefined ? {} : { congestion: congestionNamed(congestion) }),
  };
}

function checkPort(port: number): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new NetError('EINVAL', `Port ${port} is not a port; choose one from 1 to 65535`, { port });
}

function connectError(status: number, hostname: string, port: number): NetError {
  const details = { hostname, port, status };
  if (status === Status.Unreachable) {
    return new NetError(
      'ENETUNREACH',
      `No route to ${hostname}; give the stack an address in its subnet or a gateway`,
      details,
    );
  }
  if (status === Status.Exists) {
    return new NetError('EADDRINUSE', `The connection to ${hostname}:${port} exists`, details);
  }
  return new NetError(
    'ENOBUFS',
    `No connection or local port is free (${statusName(status)}); raise tcp.connectionsMax`,
    details,
  );
}
