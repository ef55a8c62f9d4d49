/**
 * The stack in the shape of smoltcp: an `Interface` that is polled with the time, and a
 * `SocketSet`.
 *
 * What differs from smoltcp, and why: the set belongs to its interface (a packet finds its socket
 * by hash, not by a scan of the set), `touched` lists the sockets whose state or queues changed in
 * the last poll, and cost does not depend on the number of sockets.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { Device } from '@tickwire/phy';
import type { Listener, Tcb, TcpEvents } from '@tickwire/tcp';
import type { UdpEvents, UdpSocket } from '@tickwire/udp';
import type { IpMeta } from '@tickwire/wire';
import { StackCore } from '../core.ts';
import { resolveOptions, type StackOptions } from '../options.ts';
import { TcpPullSocket, type TcpSocketContext } from './tcp-socket.ts';
import { UdpPullSocket } from './udp-socket.ts';

/** Whether a poll changed anything that a socket can see. */
export const PollResult = {
  None: 0,
  SocketStateChanged: 1,
} as const;

/** Any value of {@link PollResult}. */
export type PollResult = (typeof PollResult)[keyof typeof PollResult];

/** Index of a socket in a {@link SocketSet}. */
export type SocketHandle = number;

/** Configuration of an {@link Interface}: as a stack's, the device is given apart. */
export type InterfaceConfig = Omit<StackOptions, 'device' | 'clock'>;

/** One port's stack in the shape of smoltcp's `Interface`. */
export class Interface implements TcpEvents, UdpEvents, TcpSocketContext {
  /** The layers, for introspection. */
  readonly core: StackCore;
  /** Handles of the sockets that the last poll changed; valid until the next poll. */
  readonly touched: SocketHandle[] = [];
  readonly #bySlot: (TcpPullSocket | undefined)[] = [];
  readonly #byUdp: (UdpPullSocket | undefined)[] = [];
  readonly #waiting: Map<number, TcpPullSocket[]> = new Map();
  readonly #listeners: Map<number, Listener> = new Map();
  readonly #udp: Set<UdpPullSocket> = new Set();
  /** By handle: whether it is in `touched` already. */
  readonly #isTouched: boolean[] = [];

  constructor(config: InterfaceConfig, device: Device, nowNs: number) {
    const clock = { nowNs: (): number => nowNs };
    this.core = new StackCore(resolveOptions({ ...config, device, clock }), this, this);
  }

  /** Receives, runs timers and sends until nothing is left to do for the frames at hand. */
  poll(nowNs: number): PollResult {
    for (const handle of this.touched) this.#isTouched[handle] = false;
    this.touched.length = 0;
    for (let rounds = 0; rounds < POLL_ROUNDS_MAX; rounds += 1) {
      if (this.core.poll(nowNs) === 0) break;
    }
    return this.touched.length === 0 ? PollResult.None : PollResult.SocketStateChanged;
  }

  /** When to poll again although nothing arrives; undefined when never. */
  pollAt(): number | undefined {
    const atNs = this.core.pollAt();
    return atNs === Number.POSITIVE_INFINITY ? undefined : atNs;
  }

  /** Nanoseconds until {@link Interface.pollAt}, not below 0; undefined when never. */
  pollDelay(nowNs: number): number | undefined {
    const atNs = this.pollAt();
    return atNs === undefined ? undefined : Math.max(0, atNs - nowNs);
  }

  /** Joins a multicast group for every socket of the interface. */
  joinMulticastGroup(word0: number, word1: number, word2: number, word3: number): number {
    return this.core.ip.joinGroup(word0, word1, word2, word3, this.core.nowNs);
  }

  /** Leaves a multicast group. */
  leaveMulticastGroup(word0: number, word1: number, word2: number, word3: number): number {
    return this.core.ip.leaveGroup(word0, word1, word2, word3, this.core.nowNs);
  }

  // TcpSocketContext

  /** @internal */
  startListening(socket: TcpPullSocket, port: number): void {
    const waiting = this.#waiting.get(port);
    if (waiting === undefined) {
      this.#listeners.set(port, this.core.tcp.listen(0, 0, 0, 0, port, { backlog: 1 }));
      this.#waiting.set(port, [socket]);
      return;
    }
    waiting.push(socket);
    this.#listeners.get(port)!.backlog = waiting.length;
  }

  /** @internal */
  stopListening(socket: TcpPullSocket): void {
    const port = socket.listenPort;
    socket.listenPort = 0;
    const waiting = this.#waiting.get(port);
    if (waiting === undefined) return;
    const index = waiting.indexOf(socket);
    if (index >= 0) waiting.splice(index, 1);
    this.#shrink(port, waiting);
  }

  /** @internal */
  own(tcb: Tcb, socket: TcpPullSocket): void {
    this.#bySlot[tcb.slot] = socket;
  }

  // TcpEvents

  /** @internal */
  opened(tcb: Tcb): void {
    if (tcb.listener >= 0) {
      const waiting = this.#waiting.get(tcb.localPort);
      const socket = waiting?.shift();
      if (waiting === undefined || socket === undefined) {
        this.core.tcp.abort(tcb, this.core.nowNs);
        return;
      }
      this.own(tcb, socket);
      socket.adopt(tcb);
      this.#shrink(tcb.localPort, waiting);
    }
    this.#touch(tcb);
  }

  /** @internal */
  data(_tcb: Tcb, _frame: number, _at: number, _length: number): void {}

  /** @internal */
  readable(tcb: Tcb): void {
    this.#touch(tcb);
  }

  /** @internal */
  urgent(tcb: Tcb): void {
    this.#touch(tcb);
  }

  /** @internal */
  ended(tcb: Tcb): void {
    this.#bySlot[tcb.slot]?.markEnded();
    this.#touch(tcb);
  }

  /** @internal */
  drained(tcb: Tcb): void {
    this.#touch(tcb);
  }

  /** @internal */
  closed(tcb: Tcb, reason: number): void {
    this.#touch(tcb);
    this.#bySlot[tcb.slot]?.release(reason);
    this.#bySlot[tcb.slot] = undefined;
  }

  // UdpEvents

  /** @internal */
  datagram(
    pooled: UdpSocket,
    frame: number,
    at: number,
    length: number,
    sourcePort: number,
    meta: IpMeta,
    _nowNs: number,
  ): void {
    let socket = this.#byUdp[pooled.id];
    if (socket?.pooled !== pooled) {
      socket = [...this.#udp].find((candidate) => candidate.pooled === pooled);
      this.#byUdp[pooled.id] = socket;
    }
    if (socket === undefined) return;
    socket.push(frame, at, length, meta.src0, meta.src1, meta.src2, meta.src3, sourcePort);
    this.#mark(socket.handle);
  }

  /** @internal */
  error(): void {}

  /** The set's own. */
  track(socket: UdpPullSocket): void {
    this.#udp.add(socket);
  }

  /** The set's own. */
  untrack(socket: UdpPullSocket): void {
    this.#udp.delete(socket);
  }

  #touch(tcb: Tcb): void {
    const socket = this.#bySlot[tcb.slot];
    if (socket !== undefined) this.#mark(socket.handle);
  }

  #mark(handle: number): void {
    if (this.#isTouched[handle] === true) return;
    this.#isTouched[handle] = true;
    this.touched.push(handle);
  }

  #shrink(port: number, waiting: readonly TcpPullSocket[]): void {
    const listener = this.#listeners.get(port)!;
    if (waiting.length > 0) {
      listener.backlog = waiting.length;
      return;
    }
    this.core.tcp.unlisten(listener, this.core.nowNs);
    this.#listeners.delete(port);
    this.#waiting.delete(port);
  }
}

/** Rounds of one `poll` at most, so that a flood cannot keep the caller for ever. */
const POLL_ROUNDS_MAX = 64;

/**
 * The sockets of one interface, by handle.
 *
 * @example
 * ```ts
 * const iface = new Interface({ addresses: ['10.0.0.1/24'] }, device, nowNs);
 * const sockets = new SocketSet(iface);
 * const echo = sockets.addTcp();
 * sockets.tcp(echo).listen(7);
 * ```
 */
export class SocketSet {
  readonly #iface: Interface;
  readonly #sockets: (TcpPullSocket | UdpPullSocket | undefined)[] = [];

  constructor(iface: Interface) {
    this.#iface = iface;
  }

  /** Adds a TCP socket. */
  addTcp(socket: TcpPullSocket = new TcpPullSocket()): SocketHandle {
    const handle = this.#put(socket);
    socket.attach(this.#iface, handle);
    return handle;
  }

  /** Adds a UDP socket. */
  addUdp(socket: UdpPullSocket = new UdpPullSocket()): SocketHandle {
    const handle = this.#put(socket);
    socket.attach(this.#iface.core, handle);
    this.#iface.track(socket);
    return handle;
  }

  /** The TCP socket of a handle. Throws `NetError('EBADF')` when it is not one. */
  tcp(handle: SocketHandle): TcpPullSocket {
    const socket = this.#sockets[handle];
    if (socket instanceof TcpPullSocket) return socket;
    throw new NetError('EBADF', `Handle ${handle} is not a TCP socket of this set`);
  }

  /** The UDP socket of a handle. Throws `NetError('EBADF')` when it is not one. */
  udp(handle: SocketHandle): UdpPullSocket {
    const socket = this.#sockets[handle];
    if (socket instanceof UdpPullSocket) return socket;
    throw new NetError('EBADF', `Handle ${handle} is not a UDP socket of this set`);
  }

  /** Takes a socket out; what is open is reset or closed. */
  remove(handle: SocketHandle): void {
    const socket = this.#sockets[handle];
    if (socket === undefined) return;
    if (socket instanceof UdpPullSocket) this.#iface.untrack(socket);
    socket.remove();
    this.#sockets[handle] = undefined;
  }

  #put(socket: TcpPullSocket | UdpPullSocket): SocketHandle {
    const free = this.#sockets.indexOf(undefined);
    const handle = free < 0 ? this.#sockets.length : free;
    this.#sockets[handle] = socket;
    return handle;
  }
}
