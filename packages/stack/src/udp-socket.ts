/**
 * A UDP socket as the application sees it, in the shape of Bun's `udpSocket`.
 *
 * @module
 */

import { NetError, Status } from '@tickwire/base';
import type { Udp, UdpSocket as Pooled } from '@tickwire/udp';
import { IpAddress } from '@tickwire/wire';
import type { UdpHandlers } from './handlers.ts';
import type { PollTime } from './poll-time.ts';

/** A bound datagram socket. Calls on a closed socket return `Status.BadState`. */
export class UdpSocket implements Disposable {
  /** The application's own value. */
  data: unknown = undefined;
  readonly handlers: UdpHandlers;
  readonly #udp: Udp;
  readonly #time: PollTime;
  #pooled: Pooled | null;

  constructor(udp: Udp, pooled: Pooled, handlers: UdpHandlers, time: PollTime) {
    this.#udp = udp;
    this.#pooled = pooled;
    this.handlers = handlers;
    this.#time = time;
  }

  /** The local port, 0 when closed. */
  get localPort(): number {
    return this.#pooled?.localPort ?? 0;
  }

  /**
   * Sends `length` bytes of `bytes` from `at`, copied once. Returns `length` or a negative status:
   * `Again` (no frame or no room now), `Unreachable`, `TooLong`, `BadState`.
   */
  send(bytes: Uint8Array, at: number, length: number, address: IpAddress, port: number): number {
    if (this.#pooled === null) return Status.BadState;
    return this.#udp.send(
      this.#pooled,
      address.word0,
      address.word1,
      address.word2,
      address.word3,
      port,
      bytes,
      at,
      length,
      this.#time.nowNs,
    );
  }

  /**
   * As {@link UdpSocket.send} with the address as four words; for replies to a `DatagramSource`.
   */
  sendWords(
    bytes: Uint8Array,
    at: number,
    length: number,
    word0: number,
    word1: number,
    word2: number,
    word3: number,
    port: number,
  ): number {
    if (this.#pooled === null) return Status.BadState;
    return this.#udp.send(
      this.#pooled,
      word0,
      word1,
      word2,
      word3,
      port,
      bytes,
      at,
      length,
      this.#time.nowNs,
    );
  }

  /**
   * Zero-copy send, first half: a frame whose data begins at `arena.dataAt[frame]`, or `NO_FRAME`.
   */
  reserve(): number {
    return this.#udp.reserve();
  }

  /** Zero-copy send, second half. Takes the frame; returns as {@link UdpSocket.send}. */
  commit(frame: number, length: number, address: IpAddress, port: number): number {
    if (this.#pooled === null) return Status.BadState;
    return this.#udp.commit(
      this.#pooled,
      frame,
      length,
      address.word0,
      address.word1,
      address.word2,
      address.word3,
      port,
      this.#time.nowNs,
    );
  }

  /** Joins a multicast group. Throws `NetError('EINVAL')` when `group` is not one. */
  joinGroup(group: string): void {
    const address = multicastAddress(group);
    if (this.#pooled === null) throw new NetError('ERR_TW_CLOSED', 'The UDP socket is closed');
    const { word0, word1, word2, word3 } = address;
    const status = this.#udp.joinGroup(this.#pooled, word0, word1, word2, word3, this.#time.nowNs);
    if (status < 0) {
      throw new NetError('ENOBUFS', `Cannot join ${group}; leave another group first`, { status });
    }
  }

  /** Leaves a multicast group. */
  leaveGroup(group: string): void {
    const { word0, word1, word2, word3 } = multicastAddress(group);
    if (this.#pooled === null) throw new NetError('ERR_TW_CLOSED', 'The UDP socket is closed');
    const status = this.#udp.leaveGroup(this.#pooled, word0, word1, word2, word3, this.#time.nowNs);
    if (status < 0) throw new NetError('EINVAL', `Not a member of ${group}`, { status });
  }

  /** Leaves all groups and frees the port. */
  close(): void {
    if (this.#pooled === null) return;
    this.#udp.close(this.#pooled, this.#time.nowNs);
    this.#pooled = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function multicastAddress(group: string): IpAddress {
  const address = IpAddress.parse(group);
  if (!address.isMulticast) {
    throw new NetError(
      'EINVAL',
      `${group} is not a multicast address; use 224.0.0.0/4 or ff00::/8`,
      {
        group,
      },
    );
  }
  return address;
}
