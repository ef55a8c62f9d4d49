// @hot
/**
 * Local ports of outgoing connections (RFC 6056, algorithm 4: double-hash port selection).
 *
 * ```text
 *  port = min + (F(local address, remote address, remote port) + table[G(the same)]) mod count
 * ```
 *
 * F and G are halves of one SipHash. The table holds a counter for each group of destinations: one
 * destination gets rising ports, so that it meets its own TIME-WAIT as late as possible, and learns
 * nothing of the ports that others get. Counters move on by one to eight, which hides how many
 * connections there are between two.
 *
 * A port is taken for a 4-tuple, not for the machine: the range bounds the connections to one
 * destination, not those to all. A 4-tuple in TIME-WAIT is used again only when no port is free,
 * its timestamps have moved on since (RFC 6191) and so the peer can tell old segments from new
 * ones.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import type { IpFlow } from '@tickwire/wire';
import { removeConnection } from './close.ts';
import type { Core } from './core.ts';
import { NO_FLOOR } from './isn.ts';
import { PORT_COUNTERS, PORT_TRIES_MAX } from './limits.ts';
import { CloseReason, State } from './state.ts';
import { Flag, type Tcb } from './tcb.ts';

/** After this our timestamps are surely newer than the last one sent (Linux: tcp_tw_reuse). */
const TIME_WAIT_REUSE_NS = 1_000_000_000;

/** The counters of RFC 6056, 3.3.4. */
export class PortSelector {
  /** For the ISS of a connection on the port that the last `select` returned. */
  floor: number = NO_FLOOR;
  readonly #table: Uint32Array = new Uint32Array(PORT_COUNTERS);

  /**
   * A port for which the 4-tuple is free, or `LimitReached` when {@link PORT_TRIES_MAX} in a row
   * are taken. The next call goes on behind them.
   */
  select(core: Core, flow: IpFlow, remotePort: number, nowNs: number): number {
    const { config, isn } = core;
    const min = config.ephemeralPortMin;
    const count = config.ephemeralPortMax - min + 1;
    isn.hashPort(flow, remotePort);
    const counter = isn.portIndex & (PORT_COUNTERS - 1);
    const next = this.#table[counter]!;
    const tries = count < PORT_TRIES_MAX ? count : PORT_TRIES_MAX;
    let reusable: Tcb | undefined;
    this.floor = NO_FLOOR;
    for (let i = 0; i < tries; i += 1) {
      const port = min + ((isn.portOffset + next + i) % count);
      const tcb = core.lookupFlow(flow, (port << 16) | remotePort);
      if (tcb === undefined) {
        this.#table[counter] = next + i + isn.portStep();
        return port;
      }
      if (reusable === undefined && mayReuse(tcb, nowNs)) reusable = tcb;
    }
    this.#table[counter] = next + tries;
    if (reusable === undefined) return Status.LimitReached;
    const port = reusable.localPort;
    this.#reuse(core, reusable);
    return port;
  }

  /** Whether a port that the caller has chosen is free for a 4-tuple, or becomes so. */
  take(core: Core, flow: IpFlow, ports: number, nowNs: number): boolean {
    this.floor = NO_FLOOR;
    const tcb = core.lookupFlow(flow, ports);
    if (tcb === undefined) return true;
    if (!mayReuse(tcb, nowNs)) return false;
    this.#reuse(core, tcb);
    return true;
  }

  #reuse(core: Core, tcb: Tcb): void {
    this.floor = tcb.sndNxt;
    core.counters.timeWaitReused += 1;
    removeConnection(core, tcb, CloseReason.Finished);
  }
}

/** Whether a new connection may take the place of one in TIME-WAIT. */
function mayReuse(tcb: Tcb, nowNs: number): boolean {
  return (
    tcb.state === State.TimeWait &&
    (tcb.flags & (Flag.Timestamps | Flag.Owned)) === Flag.Timestamps &&
    nowNs - tcb.lastSentNs > TIME_WAIT_REUSE_NS
  );
}
