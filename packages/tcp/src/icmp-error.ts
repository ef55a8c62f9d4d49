// @hot
/**
 * ICMP errors about connections (RFC 5927; RFC 9293, 3.9.2.2).
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { seqDiff, seqGe } from '@tickwire/wire';
import { removeConnection } from './close.ts';
import type { Core } from './core.ts';
import { pathShrinks } from './path-mtu.ts';
import { CloseReason, State } from './state.ts';
import { Flag, type Tcb } from './tcb.ts';

/** What an ICMP error says, in terms that do not depend on the version of IP. */
export const IcmpKind = {
  /** Net or host unreachable, no route, time exceeded: a hint, the network may heal. */
  Soft: 0,
  /** Port or protocol unreachable, administratively prohibited. */
  Hard: 1,
  /** Fragmentation needed, packet too big. */
  TooBig: 2,
  /** This host itself could not deliver: the neighbour does not answer. */
  Local: 3,
} as const;

/**
 * `seq` is from the quoted header and must lie in flight, else the message is a blind attack
 * (RFC 5927, 4.1). A hard error ends only a connection that is being opened (RFC 5927, 5.2).
 */
export function icmpArrives(core: Core, tcb: Tcb, seq: number, kind: number, mtu: number): number {
  const inFlight = seqGe(seq, tcb.sndUna) && seqDiff(tcb.sndNxt, seq) > 0;
  if (!inFlight || tcb.state === State.TimeWait) {
    core.counters.icmpIgnored += 1;
    return Status.Malformed;
  }
  if (kind === IcmpKind.Hard && (tcb.state === State.SynSent || tcb.state === State.SynReceived)) {
    removeConnection(core, tcb, CloseReason.Refused);
    return Status.Ok;
  }
  if (kind === IcmpKind.Local && tcb.state === State.SynSent) {
    // Nobody can have forged that, and there is nothing yet to lose: like Linux, `connect` ends at
    // once and not after minutes of retries. An open connection waits for the neighbour.
    removeConnection(core, tcb, CloseReason.Unreachable);
    return Status.Ok;
  }
  if (kind === IcmpKind.TooBig) return pathShrinks(core, tcb, seq, mtu);
  // Everything else is a soft error: it only explains a later timeout.
  tcb.flags |= Flag.SoftError;
  return Status.Ok;
}
