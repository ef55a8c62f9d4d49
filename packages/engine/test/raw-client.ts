/**
 * A client that can misbehave.
 */

import {
  encodeCancelOrder,
  encodeLoginRequest,
  encodeSoupHeader,
  SOUP_HEADER_BYTES,
  SoupType,
} from '@tickwire/protocol';
import type { TcpSocket } from '@tickwire/stack';
import { PORT, type Venue } from './venue.ts';

/** A bare TCP connection to the exchange. */
export class RawClient {
  readonly view: DataView;
  closed = false;
  received = 0;
  readonly #memory: Uint8Array;
  readonly #socket: TcpSocket<undefined>;

  constructor(venue: Venue) {
    const buffer = new ArrayBuffer(4096);
    this.#memory = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.#socket = venue.client.connect({
      hostname: '10.0.0.1',
      port: PORT,
      data: undefined,
      socket: {
        data: (_socket, _bytes, _at, length) => {
          this.received += length;
        },
        close: () => {
          this.closed = true;
        },
      },
    });
  }

  /** Sends the first `length` bytes of the scratch memory from `at`. */
  send(length: number, at = 0): number {
    return this.#socket.write(this.#memory, at, length);
  }

  bytes(bytes: readonly number[]): void {
    this.#memory.set(bytes);
    this.send(bytes.length);
  }

  /** A packet of `type` with a payload of zeros. */
  packet(type: number, payloadBytes: number): void {
    this.#memory.fill(0, 0, payloadBytes + SOUP_HEADER_BYTES);
    this.send(encodeSoupHeader(this.view, 0, type, payloadBytes));
  }

  login(trader: number): void {
    const login = { user: String(trader), password: 'x', session: '', sequence: 0 };
    this.send(encodeLoginRequest(this.view, 0, login));
  }

  cancel(clientSequence: number, id: number): void {
    const length = encodeCancelOrder(this.view, SOUP_HEADER_BYTES, clientSequence, 0, id);
    this.send(encodeSoupHeader(this.view, 0, SoupType.UnsequencedData, length));
  }

  pause(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.end();
  }
}
