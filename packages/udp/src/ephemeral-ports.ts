// @hot
/**
 * Ports for sockets that do not ask for one (RFC 6056).
 *
 * @module
 */

import { SipHash, Status } from '@tickwire/base';
import type { Demux } from './demux.ts';
import type { UdpSocket } from './socket.ts';

/** Ephemeral ports: 49152-65535 (RFC 6335, 6). */
export const EPHEMERAL_FIRST = 49_152;
/** How many there are: a power of two. */
export const EPHEMERAL_PORTS = 16_384;

/** Chooses ports that a peer cannot predict. */
export class EphemeralPorts {
  readonly #demux: Demux;
  readonly #hash: SipHash;
  #draws = 0;

  constructor(demux: Demux, key: readonly [number, number, number, number]) {
    this.#demux = demux;
    this.#hash = new SipHash(key[0], key[1], key[2], key[3]);
  }

  /**
   * A free port for the socket's local address, or `LimitReached`. The search begins at a keyed
   * hash of a counter, which tells nobody where the next one begins (RFC 6056, 3.3.1).
   */
  choose(socket: UdpSocket): number {
    this.#draws += 1;
    this.#hash.begin();
    this.#hash.finish(4, this.#draws);
    const start = this.#hash.low & (EPHEMERAL_PORTS - 1);
    const reuse = socket.reuse;
    // Nobody asked to share a port that nobody named.
    socket.reuse = 0;
    let found: number = Status.LimitReached;
    for (let i = 0; i < EPHEMERAL_PORTS; i += 1) {
      const port = EPHEMERAL_FIRST + ((start + i) & (EPHEMERAL_PORTS - 1));
      if (this.#demux.check(socket, port) === Status.Ok) {
        found = port;
        break;
      }
    }
    socket.reuse = reuse;
    return found;
  }
}
