// @hot
/**
 * Our own IPv4 addresses and what they make of a destination. A host has one or two, so a scan of a
 * column beats a hash.
 *
 * @module
 */

import { Status } from '@tickwire/base';

/** What a destination is to this host. */
export const Scope = {
  /** Somebody else. */
  Foreign: 0,
  /** One of our addresses. */
  Own: 1,
  /** 255.255.255.255 or the broadcast address of one of our subnets. */
  Broadcast: 2,
  /** 224.0.0.0/4. */
  Multicast: 3,
} as const;

/** Any value of {@link Scope}. */
export type Scope = (typeof Scope)[keyof typeof Scope];

/** 255.255.255.255 as an int32. */
export const IPV4_BROADCAST = -1;
/** 127.0.0.1 as an int32. */
export const IPV4_LOOPBACK = 0x7f000001;

/** Whether the address lies in 127.0.0.0/8. */
export function isLoopback4(address: number): boolean {
  return address >>> 24 === 127;
}

/** Whether the address lies in 224.0.0.0/4. */
export function isMulticast4(address: number): boolean {
  return address >>> 28 === 14;
}

/** The addresses of one link. */
export class Addresses {
  /** Addresses held now: rows 0 .. size - 1 of the columns. */
  size = 0;
  readonly address: Int32Array;
  readonly mask: Int32Array;
  /** Directed broadcast address, or 0 where there is none (/31 and /32; RFC 3021). */
  readonly broadcast: Int32Array;

  constructor(capacity: number) {
    this.address = new Int32Array(capacity);
    this.mask = new Int32Array(capacity);
    this.broadcast = new Int32Array(capacity);
  }

  /** Adds an address. `Exists` or `LimitReached`. */
  add(address: number, prefix: number): number {
    if (this.rowOf(address) >= 0) return Status.Exists;
    if (this.size === this.address.length) return Status.LimitReached;
    const mask = prefix === 0 ? 0 : -1 << (32 - prefix);
    this.address[this.size] = address;
    this.mask[this.size] = mask;
    this.broadcast[this.size] = prefix <= 30 ? address | ~mask : 0;
    this.size += 1;
    return Status.Ok;
  }

  /** Removes the address of a row; the rows behind it move up. */
  removeRow(row: number): void {
    this.address.copyWithin(row, row + 1, this.size);
    this.mask.copyWithin(row, row + 1, this.size);
    this.broadcast.copyWithin(row, row + 1, this.size);
    this.size -= 1;
  }

  /** The row of an own address, or -1. */
  rowOf(address: number): number {
    for (let row = 0; row < this.size; row += 1) {
      if (this.address[row] === address) return row;
    }
    return -1;
  }

  /** {@link Scope} of a destination. */
  scopeOf(address: number): number {
    for (let row = 0; row < this.size; row += 1) {
      if (this.address[row] === address) return Scope.Own;
    }
    if (isMulticast4(address)) return Scope.Multicast;
    return this.isBroadcast(address) ? Scope.Broadcast : Scope.Foreign;
  }

  /** Whether this is the limited or a directed broadcast address. */
  isBroadcast(address: number): boolean {
    if (address === IPV4_BROADCAST) return true;
    if (address === 0) return false;
    for (let row = 0; row < this.size; row += 1) {
      if (this.broadcast[row] === address) return true;
    }
    return false;
  }

  /**
   * The address to speak to `hop` from: the one of its subnet, else the first (RFC 1122,
   * 3.3.4.3); 0 when there is none.
   */
  sourceFor(hop: number): number {
    for (let row = 0; row < this.size; row += 1) {
      if (((this.address[row]! ^ hop) & this.mask[row]!) === 0) return this.address[row]!;
    }
    return this.size > 0 ? this.address[0]! : 0;
  }

  /**
   * Whether a packet from the network may come from `source` (RFC 1122, 3.2.1.3): not 0/8, not
   * 127/8, not multicast or class E, not a broadcast address, not ourselves.
   */
  isMartianSource(source: number): boolean {
    const top = source >>> 24;
    if (top === 0 || top === 127 || top >= 224) return true;
    for (let row = 0; row < this.size; row += 1) {
      if (this.address[row] === source || this.broadcast[row] === source) return true;
    }
    return false;
  }
}
