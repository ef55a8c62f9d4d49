/**
 * A UDP socket in the shape of smoltcp's `udp::Socket`: datagrams wait until they are fetched.
 *
 * @module
 */

import { NetError, NO_FRAME, Status, statusName } from '@tickwire/base';
import type { UdpSocket } from '@tickwire/udp';
import { IpAddress } from '@tickwire/wire';
import type { StackCore } from '../core.ts';
import type { Endpoint } from '../handlers.ts';

/** Datagrams that wait in one socket by default. */
export const UDP_QUEUE_DATAGRAMS = 64;

/** Ring of received datagrams; each holds a reference to its frame. Counts what it cannot hold. */
export class UdpPullSocket {
  /** Index in its `SocketSet`, -1 outside one. */
  handle = -1;
  /** Datagrams dropped because the queue was full. */
  dropped = 0;
  /** Where the datagram that {@link UdpPullSocket.recv} gave last came from. */
  source: Endpoint = { address: IpAddress.any4, port: 0 };
  readonly #capacity: number;
  readonly #frame: Int32Array;
  readonly #at: Uint32Array;
  readonly #length: Uint32Array;
  /** Five words for each datagram: source address and port. */
  readonly #from: Int32Array;
  #head = 0;
  #count = 0;
  #core: StackCore | null = null;
  #socket: UdpSocket | null = null;

  constructor(capacity: number = UDP_QUEUE_DATAGRAMS) {
    this.#capacity = capacity;
    this.#frame = new Int32Array(capacity).fill(NO_FRAME);
    this.#at = new Uint32Array(capacity);
    this.#length = new Uint32Array(capacity);
    this.#from = new Int32Array(5 * capacity);
  }

  /** The set's own. */
  attach(core: StackCore, handle: number): void {
    this.#core = core;
    this.handle = handle;
  }

  /** The set's own. */
  remove(): void {
    this.close();
    this.#core = null;
    this.handle = -1;
  }

  /** The pooled socket below, or null. */
  get pooled(): UdpSocket | null {
    return this.#socket;
  }

  /** Takes a local port (0: an ephemeral one). Throws `NetError` `EADDRINUSE` or `ENOBUFS`. */
  bind(port: number, address: IpAddress = new IpAddress(0, 0, 0, 0)): void {
    if (this.#core === null) throw new NetError('EBADF', 'The socket is in no SocketSet');
    const { udp, nowNs } = this.#core;
    const socket = this.#socket ?? udp.open();
    if (socket === null) throw new NetError('ENOBUFS', 'All UDP sockets are in use; close one');
    const { word0, word1, word2, word3 } = address;
    const status = udp.bind(socket, word0, word1, word2, word3, port);
    if (status < 0) {
      udp.close(socket, nowNs);
      throw new NetError('EADDRINUSE', `UDP port ${port} cannot be bound (${statusName(status)})`);
    }
    this.#socket = socket;
  }

  /** Whether it has a port. */
  get isOpen(): boolean {
    return this.#socket !== null;
  }

  /** The local port, 0 when closed. */
  get localPort(): number {
    return this.#socket?.localPort ?? 0;
  }

  /** Whether a datagram waits. */
  get canRecv(): boolean {
    return this.#count > 0;
  }

  /** Datagrams that wait. */
  get recvQueue(): number {
    return this.#count;
  }

  /** Sends a datagram; returns its length or a negative status. */
  send(bytes: Uint8Array, remote: Endpoint): number {
    if (this.#core === null || this.#socket === null) return Status.BadState;
    const { word0, word1, word2, word3 } = remote.address;
    const { udp, nowNs } = this.#core;
    return udp.send(
      this.#socket,
      word0,
      word1,
      word2,
      word3,
      remote.port,
      bytes,
      0,
      bytes.length,
      nowNs,
    );
  }

  /**
   * Takes the next datagram out of the queue and copies up to `into.length` bytes of it. Returns
   * the length of the datagram (more than was copied means that it was truncated), or
   * `Status.Again`.
   */
  recv(into: Uint8Array): number {
    if (this.#core === null || this.#count === 0) return Status.Again;
    const slot = this.#head;
    const at = this.#at[slot]!;
    const length = this.#length[slot]!;
    const { arena } = this.#core;
    into.set(arena.bytes.subarray(at, at + Math.min(length, into.length)));
    const from = 5 * slot;
    this.source = {
      address: new IpAddress(
        this.#from[from]!,
        this.#from[from + 1]!,
        this.#from[from + 2]!,
        this.#from[from + 3]!,
      ),
      port: this.#from[from + 4]!,
    };
    arena.free(this.#frame[slot]!);
    this.#head = (slot + 1) % this.#capacity;
    this.#count -= 1;
    return length;
  }

  /** The interface's own: keeps a datagram. */
  push(
    frame: number,
    at: number,
    length: number,
    src0: number,
    src1: number,
    src2: number,
    src3: number,
    port: number,
  ): void {
    if (this.#count === this.#capacity || this.#core === null || frame < 0) {
      this.dropped += 1;
      return;
    }
    this.#core.arena.retain(frame);
    const slot = (this.#head + this.#count) % this.#capacity;
    this.#frame[slot] = frame;
    this.#at[slot] = at;
    this.#length[slot] = length;
    const from = 5 * slot;
    this.#from[from] = src0;
    this.#from[from + 1] = src1;
    this.#from[from + 2] = src2;
    this.#from[from + 3] = src3;
    this.#from[from + 4] = port;
    this.#count += 1;
  }

  /** Frees the port and what waits. */
  close(): void {
    if (this.#core === null) return;
    while (this.#count > 0) {
      this.#core.arena.free(this.#frame[this.#head]!);
      this.#head = (this.#head + 1) % this.#capacity;
      this.#count -= 1;
    }
    if (this.#socket !== null) this.#core.udp.close(this.#socket, this.#core.nowNs);
    this.#socket = null;
  }
}
