/**
 * A connection in the middle of a transfer, for tests of loss recovery.
 *
 * @module
 */

import { TCP_ACK, TCP_CWR, TCP_ECE, TCP_SYN } from '@tickwire/wire';
import type { Tcb } from '../tcb.ts';
import { type Captured, Script, type ScriptOptions } from './scripted-peer.ts';

const MS = 1_000_000;

/** Options of {@link inFlight}. */
export interface InFlightOptions extends ScriptOptions {
  readonly sack?: boolean;
  /** ECN is agreed on. */
  readonly ecn?: boolean;
  /** Congestion window in segments; what is in flight by default. */
  readonly cwnd?: number;
}

/** A script, and its one connection. */
export interface InFlight {
  readonly s: Script;
  readonly tcb: Tcb;
}

/** A connection with `segments` of 1000 bytes in flight, after 20 ms round trips. */
export function inFlight(segments: number, options: InFlightOptions = {}): InFlight {
  const { sack, ecn, cwnd, config, ...rest } = options;
  const s = new Script({ ...rest, config: { rtoMinNs: 200 * MS, ...config } });
  s.host.tcp.listen(0, 0, 0, 0, 80);
  s.send({
    flags: ecn === true ? TCP_SYN | TCP_ECE | TCP_CWR : TCP_SYN,
    seq: 0,
    mss: 1000,
    ...(sack === false ? {} : { sackPermitted: true }),
  });
  s.nowNs += 20 * MS;
  s.send({ flags: TCP_ACK, seq: 1, ack: 1 });
  const tcb = s.tcb();
  tcb.cwnd = (cwnd ?? segments) * 1000;
  s.write(tcb, 0, segments * 1000);
  const sent = s.egress().length;
  if (sent !== segments) throw new Error(`${sent} of ${segments} segments left`);
  s.nowNs += 20 * MS;
  return { s, tcb };
}

/** Sequence numbers of what was sent. */
export function seqs(sent: readonly Captured[]): number[] {
  return sent.map((c) => c.seq);
}
