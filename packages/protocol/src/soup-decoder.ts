// @hot
/**
 * Packets out of a byte stream that arrives in arbitrary pieces.
 *
 * A packet that lies whole in a chunk is handed out where it lies; one that is cut is put together
 * in a carry buffer. Nothing is allocated per packet or per chunk, only a DataView when chunks come
 * from another ArrayBuffer than before.
 *
 * @module
 */

import { assert, Status } from '@tickwire/base';
import { checkSoupPayload, SOUP_HEADER_BYTES } from './soup.ts';

/**
 * Largest packet by default: length field and all. Our messages are 48 bytes, and a small bound
 * stops a client that announces 64 KiB and trickles them.
 */
export const SOUP_PACKET_BYTES_MAX = 1024;

/**
 * An incremental decoder of one direction of one connection.
 *
 * @example
 * ```ts
 * decoder.push(bytes, at, length);
 * let type: number;
 * while ((type = decoder.next()) > 0) handle(type, decoder.view, decoder.at, decoder.length);
 * if (type !== Status.Again) hangUp();
 * ```
 */
export class SoupDecoder {
  /** Where the payload of the packet lies; valid until the next call. */
  view: DataView;
  /** Offset of the payload in {@link SoupDecoder.view}. */
  at = 0;
  /** Bytes of the payload. */
  length = 0;

  readonly #carry: Uint8Array;
  readonly #carryView: DataView;
  #carried = 0;
  #bytes: Uint8Array;
  #chunkView: DataView;
  #position = 0;
  #end = 0;
  #failure = 0;

  /** @param packetMax - largest packet in bytes, its length field included. */
  constructor(packetMax: number = SOUP_PACKET_BYTES_MAX) {
    assert(packetMax > SOUP_HEADER_BYTES && packetMax <= 65537, 'packetMax out of range');
    const buffer = new ArrayBuffer(packetMax);
    this.#carry = new Uint8Array(buffer);
    this.#carryView = new DataView(buffer);
    this.#bytes = this.#carry;
    this.#chunkView = this.#carryView;
    this.view = this.#carryView;
  }

  /** Bytes of a cut packet that wait for the rest. */
  get carried(): number {
    return this.#carried;
  }

  /**
   * Gives the next chunk of the stream. The one before must be used up: `next` has returned Again
   * or a failure. The bytes must stay until `next` returns Again.
   */
  push(bytes: Uint8Array, at: number, length: number): void {
    assert(this.#position === this.#end, 'push before the last chunk was used up');
    const known = this.#chunkView;
    const { buffer, byteOffset, byteLength } = bytes;
    if (
      known.buffer !== buffer ||
      known.byteOffset !== byteOffset ||
      known.byteLength !== byteLength
    ) {
      this.#chunkView = new DataView(buffer, byteOffset, byteLength);
    }
    this.#bytes = bytes;
    this.#position = at;
    this.#end = at + length;
  }

  /**
   * Steps to the next packet.
   *
   * @returns its type byte, Again when more bytes are needed, or Malformed (a length of 0, an
   * unknown type, a payload of a wrong size) or TooLong. A failure stays until `reset`: there is no
   * way to find the next packet of a stream that is out of step.
   */
  next(): number {
    if (this.#failure < 0) return this.#failure;
    if (this.#carried > 0) return this.#nextCarried();
    const available = this.#end - this.#position;
    if (available < 2) return this.#keep(available);
    const position = this.#position;
    const total = this.#chunkView.getUint16(position, false) + 2;
    if (total > available) {
      return total > this.#carry.length ? this.#fail(Status.TooLong) : this.#keep(available);
    }
    this.#position = position + total;
    return this.#emit(this.#chunkView, position, total);
  }

  /** Forgets everything, for the next connection. */
  reset(): void {
    this.#carried = 0;
    this.#position = 0;
    this.#end = 0;
    this.#failure = 0;
  }

  /** Completes the packet in the carry buffer from the chunk. */
  #nextCarried(): number {
    if (!this.#fill(2)) return Status.Again;
    const total = this.#carryView.getUint16(0, false) + 2;
    if (total > this.#carry.length) return this.#fail(Status.TooLong);
    if (!this.#fill(total)) return Status.Again;
    this.#carried = 0;
    return this.#emit(this.#carryView, 0, total);
  }

  /** Copies from the chunk until the carry buffer holds `wanted` bytes; false when it ran out. */
  #fill(wanted: number): boolean {
    while (this.#carried < wanted) {
      if (this.#position === this.#end) return false;
      this.#carry[this.#carried++] = this.#bytes[this.#position++]!;
    }
    return true;
  }

  #keep(available: number): number {
    this.#fill(this.#carried + available);
    return Status.Again;
  }

  #emit(view: DataView, at: number, total: number): number {
    if (total > this.#carry.length) return this.#fail(Status.TooLong);
    if (total < SOUP_HEADER_BYTES) return this.#fail(Status.Malformed);
    const type = view.getUint8(at + 2);
    const length = total - SOUP_HEADER_BYTES;
    if (checkSoupPayload(type, length) < 0) return this.#fail(Status.Malformed);
    this.view = view;
    this.at = at + SOUP_HEADER_BYTES;
    this.length = length;
    return type;
  }

  #fail(status: number): number {
    this.#failure = status;
    this.#position = this.#end;
    this.#carried = 0;
    return status;
  }
}
