// @hot
/**
 * The transmission control block: all that is known about one connection.
 *
 * Most of it lies in typed memory (`record/fields.ts` says what, `tcb-record.ts` reads and writes
 * it). The object is a handle, made once with its slot: references to that memory, and the fields
 * that every segment touches several times. Names are of RFC 9293, 3.3.1. Sequence numbers are
 * int32, times are nanoseconds, `NEVER` is a timer that is not set.
 *
 * @module
 */

import type { IpFlow } from '@tickwire/wire';
import type { BbrState } from './congestion/bbr-state.ts';
import type { RareSlab } from './record/rare-pool.ts';
import type { Slab } from './record/slab.ts';
import type { TcbPool } from './tcb-pool.ts';
import { KEPT_WORDS, MAIN_BYTES, TcbRecord } from './tcb-record.ts';

/** A deadline that is not set. */
export const NEVER: number = Number.POSITIVE_INFINITY;

/** Bits of `Tcb.flags`. */
export const Flag = {
  /** `closed` is owed to the owner. */
  Owned: 0x00000001,
  /** The owner has said `shutdown` or `close`: a FIN follows the queued data. */
  FinQueued: 0x00000002,
  /** The FIN frame is in the send queue. */
  FinInQueue: 0x00000004,
  /** The peer's FIN has been received in order. */
  FinReceived: 0x00000008,
  /** `ended` has been told. */
  EndTold: 0x00000010,
  /** The owner has said `close`: data that still comes is answered by a reset. */
  ReceiveClosed: 0x00000020,
  /** Received data stays in the queue until `resume`. */
  Paused: 0x00000040,
  /** Received data is fetched by `read`. */
  Pull: 0x00000080,
  /** Timestamps are in use. */
  Timestamps: 0x00000100,
  /** SACK is in use. */
  Sack: 0x00000200,
  /** Window scaling is in use. */
  Scaling: 0x00000400,
  /** ECN is in use. */
  Ecn: 0x00000800,
  /** Nagle's algorithm is on. */
  Nagle: 0x00001000,
  /** Partial segments are held back until uncorked. */
  Cork: 0x00002000,
  /** An ACK is owed at the next egress. */
  AckNow: 0x00004000,
  /** The owner came up short and waits for `drained`. */
  WantsRoom: 0x00008000,
  /** In the needs-egress list. */
  InEgress: 0x00010000,
  /** Echo ECE until the peer says CWR (RFC 3168, 6.1.3). */
  EcnEcho: 0x00040000,
  /** Say CWR on the next new data segment (RFC 3168, 6.1.2). */
  EcnCwr: 0x00080000,
  /** A segment of the send queue is a tail loss probe that waits for its ACK (RFC 8985, 7.4). */
  TlpOutstanding: 0x00100000,
  /** The tail loss probe was a retransmission. */
  TlpRetransmit: 0x00200000,
  /** A tail loss probe is due at the next egress. */
  TlpDue: 0x00400000,
  /** RACK saw reordering (RFC 8985, 6.2). */
  ReorderingSeen: 0x01000000,
  /** F-RTO is undecided (RFC 5682). */
  Frto: 0x02000000,
  /** F-RTO: the next egress sends new data before what is thought lost. */
  FrtoNew: 0x00800000,
  /** The next egress sends one segment whatever the congestion window says. */
  ForceOne: 0x04000000,
  /** A zero-window or keepalive probe is due at the next egress. */
  ProbeDue: 0x08000000,
  /** ICMP has said that the peer cannot be reached; a timeout is told as Unreachable. */
  SoftError: 0x00020000,
  /** A SYN or SYN-ACK is due at the next egress. */
  SynDue: 0x20000000,
  /** `setReceiveBuffer` was called: no auto-tuning. */
  FixedReceiveBuffer: 0x40000000,
  /** A held-back partial segment may go (override timeout, RFC 9293, 3.8.6.2.1). */
  Override: 0x10000000,
} as const;

/** One connection. Read what you like; change it through `Tcp` only, `token` excepted. */
export class Tcb extends TcbRecord {
  /** Index in the pool. */
  readonly slot: number;
  /** BBR's model; made with the first connection of this slot that uses BBR, and kept. */
  bbr: BbrState | undefined = undefined;

  constructor(slot: number, slab: Slab, at: number, rare: RareSlab) {
    super(slab, at, rare);
    this.slot = slot;
  }

  /** Our port. */
  get localPort(): number {
    return this.ports >>> 16;
  }

  /** The peer's port. */
  get remotePort(): number {
    return this.ports & 0xffff;
  }

  /** Brings everything but what is kept to the initial values. */
  reset(pool: TcbPool, nowNs: number): void {
    this.releaseRare();
    // It may still be linked in the needs-egress list from its last life.
    const linked = this.flags & Flag.InEgress;
    this.resetOwn(pool.config);
    const words = this.i32;
    const initial = pool.initial;
    const from = this.at << 1;
    for (let i = KEPT_WORDS; i < MAIN_BYTES >> 2; i += 1) words[from + i] = initial[i]!;
    this.flags = linked;
    this.drsNs = nowNs;
    this.minRttAtNs = nowNs;
    this.lastReceivedNs = nowNs;
    this.lastSentNs = nowNs;
    this.lastDataNs = nowNs;
  }

  /** Gives the record for the rare back: its fields have their initial values again. */
  releaseRare(): void {
    if (this.rareAt === 0) return;
    const slab = this.rare;
    this.rare = slab.pool.initial;
    slab.pool.give(slab.first + slab.pool.indexAt(this.rareAt));
    this.rareAt = 0;
  }

  protected override needsRare(differs: boolean): boolean {
    if (!differs) return false;
    const pool = this.rare.pool;
    const number = pool.take();
    this.rare = pool.slabOf(number);
    this.rareAt = pool.placeOf(number);
    return true;
  }
}

/** Fills `flow` with the conversation of a connection, for IP. Returns `flow`. */
export function loadFlow(tcb: Tcb, flow: IpFlow): IpFlow {
  flow.family = tcb.family;
  flow.local0 = tcb.local0;
  flow.local1 = tcb.local1;
  flow.local2 = tcb.local2;
  flow.local3 = tcb.local3;
  flow.remote0 = tcb.remote0;
  flow.remote1 = tcb.remote1;
  flow.remote2 = tcb.remote2;
  flow.remote3 = tcb.remote3;
  flow.addressSum = tcb.addressSum;
  flow.dontFragment = 1;
  flow.trafficClass = tcb.trafficClass;
  flow.hopLimit = tcb.hopLimit;
  flow.mtu = tcb.ipMtu;
  flow.neighbour = tcb.neighbour;
  flow.neighbourVersion = tcb.neighbourVersion;
  return flow;
}

/** Makes `flow`, which IP has bound, the conversation of a connection. */
export function storeFlow(tcb: Tcb, flow: IpFlow): void {
  tcb.family = flow.family;
  tcb.local0 = flow.local0;
  tcb.local1 = flow.local1;
  tcb.local2 = flow.local2;
  tcb.local3 = flow.local3;
  tcb.remote0 = flow.remote0;
  tcb.remote1 = flow.remote1;
  tcb.remote2 = flow.remote2;
  tcb.remote3 = flow.remote3;
  tcb.trafficClass = flow.trafficClass & 0xfc;
  tcb.hopLimit = flow.hopLimit;
  storeRoute(tcb, flow);
}

/** Keeps what IP has found out while it bound `flow` or sent on it. */
export function storeRoute(tcb: Tcb, flow: IpFlow): void {
  tcb.ipMtu = flow.mtu;
  tcb.addressSum = flow.addressSum;
  tcb.neighbour = flow.neighbour;
  tcb.neighbourVersion = flow.neighbourVersion;
}

/** The largest packet to the peer: what IP knows of the path, and what this connection knows. */
export function pathMtu(tcb: Tcb): number {
  return tcb.pathMtu < tcb.ipMtu ? tcb.pathMtu : tcb.ipMtu;
}
