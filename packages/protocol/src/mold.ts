// @hot
/**
 * Multicast framing: the packets of MoldUDP64 1.00, to the byte. Big-endian, as published.
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------------------------------------------------------+
 * |                    session, 10 ASCII bytes                    |   0
 * |                               +-------------------------------+
 * |                               |                               |
 * +-------------------------------+                               +
 * |        sequence of the first message, uint64                  |  10
 * |                               +-------------------------------+
 * |                               |  message count, uint16        |  18
 * +-------------------------------+-------------------------------+
 * |       length, uint16          |  message ...                  |  20
 * +-------------------------------+-------------------------------+
 * ```
 *
 * A count of 0 is a heartbeat whose sequence is that of the next message; a count of 0xFFFF ends
 * the session. The same 20 bytes, sent to a re-request server, ask for `count` messages from
 * `sequence` on; the reply is an ordinary packet to the asking socket.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { setAsciiRight } from './ascii.ts';
import { getUint64Be, setUint64Be } from './int64.ts';

/** Bytes of the header, and of a whole request. */
export const MOLD_HEADER_BYTES = 20;
/** Characters of a session. */
export const MOLD_SESSION_BYTES = 10;
/** Bytes of the length before each message. */
export const MOLD_BLOCK_HEADER_BYTES = 2;
/** Count of a heartbeat. */
export const MOLD_HEARTBEAT = 0;
/** Count that ends the session. */
export const MOLD_END_OF_SESSION = 0xffff;
/** Most messages that one packet or one request can count. */
export const MOLD_COUNT_MAX = 0xfffe;
/** Largest packet: 1,500 bytes of Ethernet less 40 of IPv6 and 8 of UDP. Never fragmented. */
export const MOLD_PACKET_BYTES_MAX = 1452;

const SEQUENCE = 10;
const COUNT = 18;

/** Sequence of the first message, or of the next one in a heartbeat. */
export function moldSequence(view: DataView, at: number): number {
  return getUint64Be(view, at + SEQUENCE);
}

/** Message count, {@link MOLD_HEARTBEAT} or {@link MOLD_END_OF_SESSION}. */
export function moldCount(view: DataView, at: number): number {
  return view.getUint16(at + COUNT, false);
}

/** Whether the packet belongs to the session whose ten bytes lie at `sessionAt`. */
export function moldSessionEquals(
  view: DataView,
  at: number,
  session: DataView,
  sessionAt: number,
): boolean {
  for (let i = 0; i < MOLD_SESSION_BYTES; i++) {
    if (view.getUint8(at + i) !== session.getUint8(sessionAt + i)) return false;
  }
  return true;
}

/**
 * Checks a packet of `length` bytes: the header, and that its blocks fill it exactly.
 *
 * @returns Ok, Truncated (header or a block does not fit), TooLong (bytes after the last block),
 * or OutOfRange (a sequence of 0, or one beyond 2^53 - 1).
 */
export function checkMoldPacket(view: DataView, at: number, length: number): number {
  if (length < MOLD_HEADER_BYTES) return Status.Truncated;
  const sequence = moldSequence(view, at);
  if (sequence < 1 || sequence > Number.MAX_SAFE_INTEGER) return Status.OutOfRange;
  const count = moldCount(view, at);
  const end = at + length;
  let block = at + MOLD_HEADER_BYTES;
  if (count !== MOLD_END_OF_SESSION) {
    for (let i = 0; i < count; i++) {
      if (end - block < MOLD_BLOCK_HEADER_BYTES) return Status.Truncated;
      block += MOLD_BLOCK_HEADER_BYTES + view.getUint16(block, false);
      if (block > end) return Status.Truncated;
    }
  }
  return block === end ? Status.Ok : Status.TooLong;
}

/** Length of the message whose block begins at `block`; the message is at `block + 2`. */
export function moldBlockLength(view: DataView, block: number): number {
  return view.getUint16(block, false);
}

/** Where the next block begins. */
export function moldNextBlock(view: DataView, block: number): number {
  return block + MOLD_BLOCK_HEADER_BYTES + view.getUint16(block, false);
}

/**
 * Writes a header: of a packet, of a heartbeat or end of session, or a request.
 *
 * @returns {@link MOLD_HEADER_BYTES}.
 */
export function encodeMoldHeader(
  view: DataView,
  at: number,
  session: string,
  sequence: number,
  count: number,
): number {
  setAsciiRight(view, at, MOLD_SESSION_BYTES, session);
  setUint64Be(view, at + SEQUENCE, sequence);
  view.setUint16(at + COUNT, count, false);
  return MOLD_HEADER_BYTES;
}

/**
 * Checks a request of `length` bytes.
 *
 * @returns Ok, Truncated, TooLong, Malformed (a count that asks for nothing), or OutOfRange.
 */
export function checkMoldRequest(view: DataView, at: number, length: number): number {
  if (length < MOLD_HEADER_BYTES) return Status.Truncated;
  if (length > MOLD_HEADER_BYTES) return Status.TooLong;
  const sequence = moldSequence(view, at);
  if (sequence < 1 || sequence > Number.MAX_SAFE_INTEGER) return Status.OutOfRange;
  const count = moldCount(view, at);
  return count === MOLD_HEARTBEAT || count === MOLD_END_OF_SESSION ? Status.Malformed : Status.Ok;
}

/** Packs messages into one packet after another, in place. */
export class MoldWriter {
  readonly #session: string;
  readonly #packetMax: number;
  #view: DataView;
  #start = 0;
  #length = 0;
  #count = 0;

  /**
   * @param session - at most ten characters.
   * @param packetMax - largest packet in bytes; at most what the link carries unfragmented.
   */
  constructor(session: string, packetMax: number = MOLD_PACKET_BYTES_MAX) {
    this.#session = session;
    this.#packetMax = packetMax;
    this.#view = new DataView(new ArrayBuffer(0));
  }

  /** Messages in the packet. */
  get count(): number {
    return this.#count;
  }

  /** Begins a packet whose first message has `sequence`. */
  begin(view: DataView, at: number, sequence: number): void {
    this.#view = view;
    this.#start = at;
    this.#count = 0;
    this.#length = encodeMoldHeader(view, at, this.#session, sequence, 0);
  }

  /**
   * Reserves room for one message and writes its length.
   *
   * @returns the offset at which the message goes, or Again when the packet is full: finish it and
   * begin the next.
   */
  append(messageBytes: number): number {
    const needed = MOLD_BLOCK_HEADER_BYTES + messageBytes;
    if (this.#length + needed > this.#packetMax || this.#count === MOLD_COUNT_MAX) {
      return Status.Again;
    }
    const block = this.#start + this.#length;
    this.#view.setUint16(block, messageBytes, false);
    this.#length += needed;
    this.#count++;
    return block + MOLD_BLOCK_HEADER_BYTES;
  }

  /** Writes the count and returns the bytes of the packet; without messages it is a heartbeat. */
  finish(): number {
    this.#view.setUint16(this.#start + COUNT, this.#count, false);
    return this.#length;
  }
}
