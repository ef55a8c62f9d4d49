// @hot
/**
 * Local ports of outgoing connections (RFC 6056, algorithm 3: simple hash-based selection).
 *
 * The search begins at a keyed hash of the destination plus a counter: neighbouring connections to
 * one peer get neighbouring ports (so TIME-WAIT is run into late), and nobody else can guess them.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import type { IpFlow } from '@tickwire/wire';
import type { Core } from './core.ts';
import { PORT_TRIES_MAX } from './limits.ts';

/** Counter of RFC 6056, 3.3.3, per instance. */
export class PortSelector {
  #next = 0;

  /** A port for which the 4-tuple is free, or `LimitReached`. */
  select(core: Core, flow: IpFlow, remotePort: number): number {
    const min = core.config.ephemeralPortMin;
    const count = core.config.ephemeralPortMax - min + 1;
    const offset = core.isn.portOffset(flow, remotePort);
    const tries = count < PORT_TRIES_MAX ? count : PORT_TRIES_MAX;
    for (let i = 0; i < tries; i += 1) {
      const port = min + ((offset + this.#next) % count);
      this.#next = (this.#next + 1) % count;
      if (core.lookupFlow(flow, (port << 16) | remotePort) === undefined) return port;
    }
    return Status.LimitReached;
  }
}
