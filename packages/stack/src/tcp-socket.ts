// @hot
/**
 * A TCP connection as the application sees it, in the shape of Bun's `Socket`.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import {
  type Congestion,
  congestionName,
  congestionNamed,
  State,
  type Tcb,
  type Tcp,
  TcpInfo,
} from '@tickwire/tcp';
import { IpAddress } from '@tickwire/wire';
import type { TcpHandlers } from './handlers.ts';
import type { PollTime } from './poll-time.ts';

/**
 * One connection. The object is made when the connection opens (control plane) and is valid until
 * its `close` handler returns; calls on a closed socket do nothing and return 0 or
 * `Status.BadState`.
 */
export class TcpSocket<Data = unknown> {
  /** The application's own value. */
  data: Data;
  /** The handlers it shares with the sockets of its server or client. */
  readonly handlers: TcpHandlers<Data>;
  /** Whether the handshake was completed: `close` then follows `open`. */
  opened = false;
  readonly #tcp: Tcp;
  readonly #time: PollTime;
  #tcb: Tcb | null;

  constructor(tcp: Tcp, time: PollTime, tcb: Tcb, handlers: TcpHandlers<Data>, data: Data) {
    this.#tcp = tcp;
    this.#time = time;
    this.#tcb = tcb;
    this.handlers = handlers;
    this.data = data;
  }

  /** Whether the handshake is done and this side has not ended: `write` makes sense. */
  get canWrite(): boolean {
    const state = this.#tcb?.state;
    return state === State.Established || state === State.CloseWait;
  }

  /** Whether the connection still exists. */
  get isOpen(): boolean {
    return this.#tcb !== null;
  }

  /** The peer's address. */
  get remoteAddress(): string {
    const tcb = this.#tcb;
    if (tcb === null) return '';
    return new IpAddress(tcb.remote0, tcb.remote1, tcb.remote2, tcb.remote3).toString();
  }

  /** The peer's port, 0 when closed. */
  get remotePort(): number {
    return this.#tcb?.remotePort ?? 0;
  }

  /** The local port, 0 when closed. */
  get localPort(): number {
    return this.#tcb?.localPort ?? 0;
  }

  /** Bytes that a `write` would take now. */
  get writableBytes(): number {
    return this.#tcb === null ? 0 : this.#tcp.sendRoom(this.#tcb);
  }

  /** Bytes written and not yet acknowledged by the peer. */
  get bufferedBytes(): number {
    return this.#tcb === null ? 0 : this.#tcp.sendQueueBytes(this.#tcb);
  }

  /**
   * Bytes up to the end of the peer's urgent data that `data` has not been given yet; 0 when there
   * is none. See RFC 6093 before you build on it.
   */
  get urgentBytes(): number {
    return this.#tcb === null ? 0 : this.#tcp.urgentBytes(this.#tcb);
  }

  /**
   * Queues up to `length` bytes of `bytes` from `at`; they leave with the egress of this poll
   * round. Returns the bytes taken, copied once, straight into frames. Fewer than `length` means
   * that the send queue is full: `drain` is called when there is room again. A socket that was
   * ended takes 0.
   */
  write(bytes: Uint8Array, at = 0, length: number = bytes.length - at): number {
    if (this.#tcb === null) return 0;
    const taken = this.#tcp.write(this.#tcb, bytes, at, length);
    return taken < 0 ? 0 : taken;
  }

  /**
   * As {@link TcpSocket.write}, and marks what was taken as urgent (`send` with MSG_OOB). For
   * protocols that need it only, such as telnet: see RFC 6093.
   */
  writeUrgent(bytes: Uint8Array, at = 0, length: number = bytes.length - at): number {
    if (this.#tcb === null) return 0;
    const taken = this.#tcp.writeUrgent(this.#tcb, bytes, at, length);
    return taken < 0 ? 0 : taken;
  }

  /**
   * Zero-copy write, first half: the arena offset of free packet memory for at least `minBytes` in
   * one piece, of which {@link TcpSocket.reservedBytes} may be written; `Status.Again` when there
   * is none now (`drain` tells when it is worth another try). What is committed from it is taken as
   * a whole: the way to send messages that must never go out in part.
   */
  reserve(minBytes = 1): number {
    return this.#tcb === null ? Status.BadState : this.#tcp.reserve(this.#tcb, minBytes);
  }

  /** Bytes that may be written at the last {@link TcpSocket.reserve}d offset. */
  get reservedBytes(): number {
    return this.#tcb?.reservedBytes ?? 0;
  }

  /**
   * Zero-copy write, second half, in the same poll round: queues the first `length` bytes of the
   * reservation. Returns `length`, or a negative status when nothing was queued.
   */
  commit(length: number): number {
    return this.#tcb === null ? Status.BadState : this.#tcp.commit(this.#tcb, length);
  }

  /** Closes in order: queued bytes and FIN are sent, the peer's bytes are no longer wanted. */
  end(): void {
    if (this.#tcb !== null) this.#tcp.close(this.#tcb, this.#time.nowNs);
  }

  /** Half-close: FIN after the queued bytes; the peer may go on sending. */
  shutdown(): void {
    if (this.#tcb !== null) this.#tcp.shutdown(this.#tcb);
  }

  /** Aborts with RST. */
  terminate(): void {
    if (this.#tcb !== null) this.#tcp.abort(this.#tcb, this.#time.nowNs);
  }

  /** Stops `data`; received bytes stay in packet memory and the peer's window closes. */
  pause(): void {
    if (this.#tcb !== null) this.#tcp.pause(this.#tcb);
  }

  /** Starts `data` again, beginning with what was kept. */
  resume(): void {
    if (this.#tcb !== null) this.#tcp.resume(this.#tcb);
  }

  /** On: small segments leave at once (TCP_NODELAY); off: Nagle's algorithm (RFC 1122, 4.2.3.4). */
  setNoDelay(on = true): void {
    if (this.#tcb !== null) this.#tcp.setNagle(this.#tcb, !on);
  }

  /** Probes a silent peer after `idleMs`, `probes` times every `intervalMs`; idle 0 is off. */
  setKeepAlive(idleMs: number, intervalMs = 75_000, probes = 9): void {
    if (this.#tcb === null) return;
    this.#tcp.setKeepalive(this.#tcb, idleMs * 1e6, intervalMs * 1e6, probes, this.#time.nowNs);
  }

  /** Gives the connection up when sent bytes stay unacknowledged this long (RFC 5482); 0 is off. */
  setUserTimeout(timeoutMs: number): void {
    if (this.#tcb !== null) {
      this.#tcp.setUserTimeout(this.#tcb, timeoutMs * 1e6, this.#time.nowNs);
    }
  }

  /** Name of the congestion controller; empty when the connection is gone. */
  get congestion(): string {
    return this.#tcb === null ? '' : congestionName(this.#tcb.congestion as Congestion);
  }

  /**
   * Changes the congestion controller (TCP_CONGESTION); the window stays.
   *
   * @throws NetError `ERR_TW_CONFIG` when there is none of that name.
   */
  setCongestion(name: string): void {
    const congestion = congestionNamed(name);
    if (this.#tcb !== null) this.#tcp.setCongestion(this.#tcb, congestion, this.#time.nowNs);
  }

  /**
   * The connection in the terms of TCP_INFO, or undefined when it is gone. Not for the hot path.
   */
  info(): TcpInfo | undefined {
    if (this.#tcb === null) return undefined;
    const info = new TcpInfo();
    this.#tcp.info(this.#tcb, info);
    return info;
  }

  /** The stack's own: the connection is gone. */
  detach(): void {
    this.#tcb = null;
  }
}
