// @hot
/**
 * Which sockets a datagram is for. Connected sockets lie in a keyed hash table over the 4-tuple,
 * unconnected ones in a chain per port, most recent first: the chains hold one socket but for
 * shared multicast ports.
 *
 * @module
 */

import { halfSipHash, Status } from '@tickwire/base';
import type { IpMeta } from '@tickwire/wire';
import { isAnyAddress, type UdpSocket, UdpState } from './socket.ts';

const NIL = -1;
const PORTS = 65_536;

/** The sockets of one stack by address and port. */
export class Demux {
  /** First unconnected socket of each port, or -1. */
  readonly bound: Int32Array = new Int32Array(PORTS).fill(NIL);
  /** First connected socket of each port, or -1. */
  readonly connected: Int32Array = new Int32Array(PORTS).fill(NIL);

  readonly #sockets: readonly UdpSocket[];
  /** Slot -> socket id + 1, 0 when empty. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #k0: number;
  readonly #k1: number;
  readonly #words: Int32Array = new Int32Array(9);
  #connectedCount = 0;

  constructor(sockets: readonly UdpSocket[], k0: number, k1: number) {
    let slots = 4;
    while (slots < sockets.length * 2) slots *= 2;
    this.#sockets = sockets;
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
    this.#k0 = k0;
    this.#k1 = k1;
  }

  /**
   * Whether a socket may take the address and port: `Ok`, or `Exists` when another overlaps and one
   * of them does not want to share.
   */
  check(socket: UdpSocket, port: number): number {
    const clashes =
      this.#clashes(socket, this.bound[port]!) || this.#clashes(socket, this.connected[port]!);
    return clashes ? Status.Exists : Status.Ok;
  }

  /** Adds a socket to the chain of its port, and to the table when it is connected. */
  add(socket: UdpSocket): void {
    const heads = socket.state === UdpState.Connected ? this.connected : this.bound;
    socket.next = heads[socket.localPort]!;
    heads[socket.localPort] = socket.id;
    if (socket.state !== UdpState.Connected) return;
    let slot = this.#home(socket);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = socket.id + 1;
    this.#connectedCount += 1;
  }

  /** Takes a socket out again; call it before its addresses or state change. */
  remove(socket: UdpSocket): void {
    const isConnected = socket.state === UdpState.Connected;
    const heads = isConnected ? this.connected : this.bound;
    let id = heads[socket.localPort]!;
    if (id === socket.id) heads[socket.localPort] = socket.next;
    else {
      while (this.#sockets[id]!.next !== socket.id) id = this.#sockets[id]!.next;
      this.#sockets[id]!.next = socket.next;
    }
    socket.next = NIL;
    if (isConnected) this.#unhash(socket);
  }

  /** The socket that a unicast datagram is for, or null. */
  find(meta: IpMeta, sourcePort: number, port: number): UdpSocket | null {
    if (this.#connectedCount > 0) {
      const found = this.findConnected(
        meta.dst0,
        meta.dst1,
        meta.dst2,
        meta.dst3,
        port,
        meta.src0,
        meta.src1,
        meta.src2,
        meta.src3,
        sourcePort,
      );
      if (found !== null) return found;
    }
    let any: UdpSocket | null = null;
    for (let id = this.bound[port]!; id !== NIL;) {
      const socket = this.#sockets[id]!;
      if (
        socket.local3 === meta.dst3 &&
        socket.local2 === meta.dst2 &&
        socket.local1 === meta.dst1 &&
        socket.local0 === meta.dst0
      ) {
        return socket;
      }
      if (
        any === null &&
        isAnyAddress(socket.local0, socket.local1, socket.local2, socket.local3)
      ) {
        any = socket;
      }
      id = socket.next;
    }
    return any;
  }

  /** The connected socket of a 4-tuple, or null. */
  findConnected(
    local0: number,
    local1: number,
    local2: number,
    local3: number,
    localPort: number,
    remote0: number,
    remote1: number,
    remote2: number,
    remote3: number,
    remotePort: number,
  ): UdpSocket | null {
    if (this.#connectedCount === 0) return null;
    let slot = this.#hash(
      local0,
      local1,
      local2,
      local3,
      localPort,
      remote0,
      remote1,
      remote2,
      remote3,
      remotePort,
    );
    for (;;) {
      const id = this.#slots[slot]! - 1;
      if (id < 0) return null;
      const socket = this.#sockets[id]!;
      if (
        socket.localPort === localPort &&
        socket.remotePort === remotePort &&
        socket.remote3 === remote3 &&
        socket.local3 === local3 &&
        socket.remote2 === remote2 &&
        socket.local2 === local2 &&
        socket.remote1 === remote1 &&
        socket.local1 === local1 &&
        socket.remote0 === remote0 &&
        socket.local0 === local0
      ) {
        return socket;
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  #clashes(socket: UdpSocket, head: number): boolean {
    const isAny = isAnyAddress(socket.local0, socket.local1, socket.local2, socket.local3);
    for (let id = head; id !== NIL; id = this.#sockets[id]!.next) {
      const other = this.#sockets[id]!;
      if (other === socket || (other.reuse === 1 && socket.reuse === 1)) continue;
      const isSame =
        other.local3 === socket.local3 &&
        other.local2 === socket.local2 &&
        other.local1 === socket.local1 &&
        other.local0 === socket.local0;
      if (isAny || isSame) return true;
      if (isAnyAddress(other.local0, other.local1, other.local2, other.local3)) return true;
    }
    return false;
  }

  #unhash(socket: UdpSocket): void {
    let hole = this.#home(socket);
    while (this.#slots[hole] !== socket.id + 1) hole = (hole + 1) & this.#mask;
    // Backward shift: what follows in the run moves up unless it would go before its home.
    let slot = (hole + 1) & this.#mask;
    for (;;) {
      const other = this.#slots[slot]! - 1;
      if (other < 0) break;
      const distance = (slot - this.#home(this.#sockets[other]!)) & this.#mask;
      if (distance >= ((slot - hole) & this.#mask)) {
        this.#slots[hole] = other + 1;
        hole = slot;
      }
      slot = (slot + 1) & this.#mask;
    }
    this.#slots[hole] = 0;
    this.#connectedCount -= 1;
  }

  #home(socket: UdpSocket): number {
    return this.#hash(
      socket.local0,
      socket.local1,
      socket.local2,
      socket.local3,
      socket.localPort,
      socket.remote0,
      socket.remote1,
      socket.remote2,
      socket.remote3,
      socket.remotePort,
    );
  }

  #hash(
    local0: number,
    local1: number,
    local2: number,
    local3: number,
    localPort: number,
    remote0: number,
    remote1: number,
    remote2: number,
    remote3: number,
    remotePort: number,
  ): number {
    const words = this.#words;
    words[0] = remote3;
    words[1] = (remotePort << 16) | localPort;
    words[2] = local3;
    words[3] = remote0;
    words[4] = remote1;
    words[5] = remote2;
    words[6] = local0;
    words[7] = local1;
    words[8] = local2;
    // The upper words of IPv4 addresses are constant: hashing them buys nothing.
    const isV4 = remote0 === 0 && remote1 === 0 && remote2 === 0xffff;
    return halfSipHash(this.#k0, this.#k1, words, 0, isV4 ? 3 : 9) & this.#mask;
  }
}
