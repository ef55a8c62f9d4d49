/**
 * A TCP socket in the shape of smoltcp's `tcp::Socket`: pull-style verbs, no callbacks.
 *
 * @module
 */

import { NetError, Status, statusName } from '@tickwire/base';
import { CloseReason, State, type Tcb, TcpInfo } from '@tickwire/tcp';
import { IpAddress, IpFlow } from '@tickwire/wire';
import type { StackCore } from '../core.ts';
import type { Endpoint } from '../handlers.ts';

/** What the interface offers to its sockets. */
export interface TcpSocketContext {
  readonly core: StackCore;
  /** Makes `socket` one of those that wait for a connection on `port`. */
  startListening(socket: TcpPullSocket, port: number): void;
  stopListening(socket: TcpPullSocket): void;
  /** Tells the interface whose connection `tcb` is. */
  own(tcb: Tcb, socket: TcpPullSocket): void;
}

/**
 * One socket, at most one connection at a time. `listen` or `connect` opens it; after the close it
 * can be opened again. A listening socket becomes the connection that it accepts, so the number of
 * sockets that listen on a port is its backlog, as in smoltcp.
 */
export class TcpPullSocket {
  /** Index in its `SocketSet`, -1 outside one. */
  handle = -1;
  /** Why the last connection ended (`CloseReason`), or -1. */
  closeReason = -1;
  /** Port on which it waits, 0 when it does not. */
  listenPort = 0;
  #context: TcpSocketContext | null = null;
  #tcb: Tcb | null = null;
  #ended = false;

  /** The set's own: puts the socket on an interface. */
  attach(context: TcpSocketContext, handle: number): void {
    this.#context = context;
    this.handle = handle;
  }

  /** The set's own: takes it off; an open connection is reset. */
  remove(): void {
    this.abort();
    this.#context = null;
    this.handle = -1;
  }

  /** The interface's own: `tcb` is this socket's connection now. */
  adopt(tcb: Tcb): void {
    this.#tcb = tcb;
    this.listenPort = 0;
    this.#ended = false;
    this.closeReason = -1;
    this.#attached().core.tcp.setPull(tcb);
  }

  /** The interface's own: the peer has finished and everything was read. */
  markEnded(): void {
    this.#ended = true;
  }

  /** The interface's own: the connection is gone. */
  release(reason: number): void {
    this.#tcb = null;
    this.closeReason = reason;
  }

  /** Waits for a connection on `port`. Throws `NetError` when the socket is open. */
  listen(port: number): void {
    this.#mustBeClosed();
    this.#attached().startListening(this, port);
    this.listenPort = port;
  }

  /** Begins a connection. Throws `NetError` `EISCONN`, `ENETUNREACH` or `ENOBUFS`. */
  connect(remote: Endpoint, localPort = 0): void {
    this.#mustBeClosed();
    const context = this.#attached();
    const flow = new IpFlow();
    flow.family = remote.address.family;
    flow.remote0 = remote.address.word0;
    flow.remote1 = remote.address.word1;
    flow.remote2 = remote.address.word2;
    flow.remote3 = remote.address.word3;
    const { tcp, nowNs } = context.core;
    const result = tcp.connect(flow, remote.port, localPort, nowNs);
    if (typeof result === 'number') {
      throw new NetError(
        result === Status.Unreachable ? 'ENETUNREACH' : 'ENOBUFS',
        `Cannot connect to ${remote.address.toString()}:${remote.port} (${statusName(result)})`,
        { status: result },
      );
    }
    this.adopt(result);
    context.own(result, this);
  }

  /** Sends FIN behind the queued bytes. A listening socket stops listening. */
  close(): void {
    if (this.listenPort !== 0) this.#attached().stopListening(this);
    if (this.#tcb !== null) this.#attached().core.tcp.shutdown(this.#tcb);
  }

  /** Sends RST. A listening socket stops listening. */
  abort(): void {
    if (this.listenPort !== 0) this.#attached().stopListening(this);
    const core = this.#context?.core;
    if (this.#tcb !== null && core !== undefined) core.tcp.abort(this.#tcb, core.nowNs);
  }

  /** The connection's state (`State`); `Listen` while it waits. */
  get state(): number {
    if (this.#tcb !== null) return this.#tcb.state;
    return this.listenPort === 0 ? State.Closed : State.Listen;
  }

  /** Not closed. */
  get isOpen(): boolean {
    return this.state !== State.Closed;
  }

  /** Neither closed nor listening. */
  get isActive(): boolean {
    return this.#tcb !== null;
  }

  /** Whether this side may still send: `send` may take bytes now or later. */
  get maySend(): boolean {
    const state = this.state;
    return state === State.Established || state === State.CloseWait;
  }

  /** Whether the peer may still send, or sent bytes that are not read. */
  get mayRecv(): boolean {
    const state = this.state;
    if (state === State.Established || state === State.FinWait1) return true;
    return state === State.FinWait2 || this.recvQueue > 0;
  }

  /** Whether `send` takes at least one byte now. */
  get canSend(): boolean {
    return this.maySend && this.#attached().core.tcp.sendRoom(this.#tcb!) > 0;
  }

  /** Whether `recv` gives at least one byte now. */
  get canRecv(): boolean {
    return this.recvQueue > 0;
  }

  /** Whether the peer has finished and everything was read. */
  get isEnded(): boolean {
    return this.#ended;
  }

  /** Bytes queued and not acknowledged. */
  get sendQueue(): number {
    return this.#tcb === null ? 0 : this.#attached().core.tcp.sendQueueBytes(this.#tcb);
  }

  /** Bytes received and not read. */
  get recvQueue(): number {
    return this.#tcb === null ? 0 : this.#attached().core.tcp.receiveQueueBytes(this.#tcb);
  }

  /** Bytes to read up to the end of the peer's urgent data; 0 when there is none. */
  get urgentBytes(): number {
    return this.#tcb === null ? 0 : this.#attached().core.tcp.urgentBytes(this.#tcb);
  }

  /** Own address and port, or undefined when there is no connection. */
  get localEndpoint(): Endpoint | undefined {
    if (this.#tcb === null) return undefined;
    const { local0, local1, local2, local3, localPort } = this.#tcb;
    const address = new IpAddress(local0, local1, local2, local3);
    return { address, port: localPort };
  }

  /** The peer's address and port, or undefined when there is no connection. */
  get remoteEndpoint(): Endpoint | undefined {
    if (this.#tcb === null) return undefined;
    const { remote0, remote1, remote2, remote3, remotePort } = this.#tcb;
    const address = new IpAddress(remote0, remote1, remote2, remote3);
    return { address, port: remotePort };
  }

  /** Queues bytes; returns how many were taken, or a negative status. */
  send(bytes: Uint8Array, at = 0, length: number = bytes.length - at): number {
    if (this.#tcb === null) return Status.BadState;
    return this.#attached().core.tcp.write(this.#tcb, bytes, at, length);
  }

  /** Reads up to `length` bytes into `into`; returns how many, or a negative status. */
  recv(into: Uint8Array, at = 0, length: number = into.length - at): number {
    if (this.#tcb === null) return Status.BadState;
    return this.#attached().core.tcp.read(this.#tcb, into, at, length);
  }

  /** As {@link TcpPullSocket.recv}, without taking the bytes out of the queue. */
  peek(into: Uint8Array, at = 0, length: number = into.length - at): number {
    if (this.#tcb === null) return Status.BadState;
    return this.#attached().core.tcp.peek(this.#tcb, into, at, length);
  }

  /** Nagle's algorithm. */
  setNagleEnabled(on: boolean): void {
    if (this.#tcb !== null) this.#attached().core.tcp.setNagle(this.#tcb, on);
  }

  /** TTL of the connection's packets. */
  setHopLimit(hopLimit: number): void {
    if (this.#tcb !== null) this.#attached().core.tcp.setHopLimit(this.#tcb, hopLimit);
  }

  /** Gives up when sent bytes stay unacknowledged this long; 0 is off. */
  setTimeout(timeoutNs: number): void {
    if (this.#tcb === null) return;
    const { tcp, nowNs } = this.#attached().core;
    tcp.setUserTimeout(this.#tcb, timeoutNs, nowNs);
  }

  /** Probes a silent peer every `intervalNs`; 0 is off. */
  setKeepAlive(intervalNs: number): void {
    if (this.#tcb === null) return;
    const { tcp, nowNs } = this.#attached().core;
    tcp.setKeepalive(this.#tcb, intervalNs, intervalNs, 9, nowNs);
  }

  /** The connection in the terms of TCP_INFO, or undefined. */
  info(): TcpInfo | undefined {
    if (this.#tcb === null) return undefined;
    const info = new TcpInfo();
    this.#attached().core.tcp.info(this.#tcb, info);
    return info;
  }

  /** Whether the last connection ended because the peer refused or reset it, or was silent. */
  get hasFailed(): boolean {
    return this.closeReason > CloseReason.Finished;
  }

  #attached(): TcpSocketContext {
    if (this.#context !== null) return this.#context;
    throw new NetError('EBADF', 'The socket is in no SocketSet; add it first');
  }

  #mustBeClosed(): void {
    if (!this.isOpen) return;
    throw new NetError('EISCONN', 'The socket is open; close it and wait, or use another');
  }
}
