// @hot
/**
 * Accurate ECN: how it is agreed on, and what both ends learn of the path by that.
 *
 * ```text
 *               AE CWR ECE                     (RFC 9768, table 2)
 *  SYN          1  1  1    asks for accurate   0 1 1 for classic, 0 0 0 for none
 *  SYN-ACK      0  1  0    agrees: the SYN arrived Not-ECT
 *               0  1  1    ... as ECT(1)
 *               1  0  0    ... as ECT(0)
 *               1  1  0    ... as CE
 *               0  0  1    classic             0 0 0 none, 1 1 1 broken: none
 *  ACK          as the SYN-ACK, about the SYN-ACK
 * ```
 *
 * A SYN and a SYN-ACK of ours are never ECN-capable.
 *
 * @module
 */

import {
  ECN_CE,
  ECN_NOT_ECT,
  TCP_ACK,
  TCP_AE,
  TCP_CWR,
  TCP_ECE,
  TCP_FIN,
  TCP_SYN,
  type TcpOptions,
} from '@tickwire/wire';
import {
  ACC_SYN_SHIFT,
  Acc,
  ACE_ASK,
  ACE_ASK_CLASSIC,
  ACE_CLASSIC,
  ACE_RESERVED,
  aceDelta,
  aceFlags,
  CEB_INITIAL,
  CEP_INITIAL,
  E0B_INITIAL,
  E1B_INITIAL,
  handshakeAce,
} from './accecn.ts';
import { takeOption } from './accecn-send.ts';
import { Ecn } from './config.ts';
import type { Core, Segment } from './core.ts';
import { ACCECN_SYNS, ACCECN_SYN_ACKS } from './limits.ts';
import { State } from './state.ts';
import { Flag, type Tcb } from './tcb.ts';

/** What a listener agrees on with a SYN. */
export const Agreed = { None: 0, Classic: 1, Accurate: 2 } as const;

/** Whether a mode takes an offer of Accurate ECN. */
export function takesAccurate(mode: number): boolean {
  return mode >= Ecn.Accurate;
}

/**
 * The answer to the flags of a SYN, as ACE field (RFC 9768, 3.1.1, and 3.1.3 for combinations that
 * nobody sends yet; RFC 3168, 6.1.1).
 */
export function agreeEcn(mode: number, ace: number): number {
  if (mode === Ecn.Off) return Agreed.None;
  if (takesAccurate(mode) && ace !== 0 && ace !== ACE_ASK_CLASSIC) return Agreed.Accurate;
  // The nonce sum of RFC 3540 was where AE is: it does not count.
  return (ace & ACE_ASK_CLASSIC) === ACE_ASK_CLASSIC ? Agreed.Classic : Agreed.None;
}

/** An active open asks for what its mode says. */
export function askEcn(tcb: Tcb, mode: number): void {
  if (mode === Ecn.Accurate) tcb.accEcn = Acc.Asked;
  else if (mode === Ecn.Classic || mode === Ecn.AccurateAskClassic) tcb.flags |= Flag.Ecn;
}

/** Accurate ECN begins; `synEcn` is the IP-ECN field of the peer's SYN or SYN-ACK (3.2.1). */
export function beginAccurate(tcb: Tcb, synEcn: number, bits: number): void {
  tcb.accEcn = Acc.On | Acc.FirstAce | (synEcn << ACC_SYN_SHIFT) | bits;
  tcb.rcvCep = CEP_INITIAL;
  tcb.rcvE0b = E0B_INITIAL;
  tcb.rcvCeb = CEB_INITIAL;
  tcb.rcvE1b = E1B_INITIAL;
  tcb.sndCep = CEP_INITIAL;
  tcb.sndE0b = E0B_INITIAL;
  tcb.sndCeb = CEB_INITIAL;
  tcb.sndE1b = E1B_INITIAL;
}

/** The ECN flags of our SYN or SYN-ACK, by the state and by how often it was sent. */
export function synEcnFlags(tcb: Tcb): number {
  const acc = tcb.accEcn;
  if (tcb.state === State.SynReceived) {
    if ((acc & Acc.On) === 0) return (tcb.flags & Flag.Ecn) !== 0 ? TCP_ECE : 0;
    return synAckFlags((acc & Acc.SynEcn) >>> ACC_SYN_SHIFT, acc & Acc.SynCleared, tcb.backoff);
  }
  // Some middlebox may eat it: the second SYN that gets no answer is the last that asks (3.1.4.1).
  if ((acc & Acc.Asked) !== 0) return tcb.backoff < ACCECN_SYNS ? aceFlags(ACE_ASK) : 0;
  // A retried SYN gives up classic ECN (RFC 3168, 6.1.1.1).
  return (tcb.flags & Flag.Ecn) !== 0 && tcb.backoff === 0 ? TCP_ECE | TCP_CWR : 0;
}

/**
 * The ECN flags of a SYN-ACK that agrees and was sent `retries` times before: in the end it does
 * not, though the connection stays what it is (RFC 9768, 3.2.3.2.2 and 3.1.5).
 */
export function synAckFlags(synEcn: number, cleared: number, retries: number): number {
  return cleared !== 0 || retries >= ACCECN_SYN_ACKS ? 0 : aceFlags(handshakeAce(synEcn));
}

/** The peer's SYN, or SYN-ACK, answers what ours has asked for. */
export function takeSynEcn(core: Core, tcb: Tcb, segment: Segment): void {
  const ace = segment.ace;
  segment.ace = -1;
  const acks = (segment.flags & TCP_ACK) !== 0;
  if ((tcb.accEcn & Acc.Asked) === 0) {
    // ECN is agreed by ECE|CWR on the SYN and ECE alone on the SYN-ACK (RFC 3168, 6.1.1).
    const wanted = acks ? ACE_CLASSIC : ACE_ASK_CLASSIC;
    if ((ace & ACE_ASK_CLASSIC) !== wanted) tcb.flags &= ~Flag.Ecn;
    return;
  }
  tcb.accEcn = 0;
  if (!acks) {
    // Simultaneous open: we answer as a server, and our SYN-ACK is answered in turn.
    const agreed = agreeEcn(Ecn.Accurate, ace);
    if (agreed === Agreed.Classic) tcb.flags |= Flag.Ecn;
    else if (agreed === Agreed.Accurate) beginAccurate(tcb, segment.ecn, 0);
    return;
  }
  if (ace === ACE_CLASSIC) tcb.flags |= Flag.Ecn;
  if (ace <= ACE_CLASSIC || ace === ACE_ASK) return;
  beginAccurate(tcb, segment.ecn, Acc.OptionDue | Acc.OptionData);
  takeSynAck(tcb, segment, ace);
  firstOption(tcb, core.options);
}

/** A SYN-ACK that agrees: it is acknowledged in the handshake encoding (RFC 9768, 3.2.2.1). */
function takeSynAck(tcb: Tcb, segment: Segment, ace: number): void {
  tcb.accEcn = (tcb.accEcn & ~Acc.SynEcn) | (segment.ecn << ACC_SYN_SHIFT) | Acc.HandshakeAck;
  // Counted once, because the peer can count it once (3.2.2.2).
  if (segment.ecn === ECN_CE && (tcb.accEcn & Acc.SynAckCe) === 0) {
    tcb.rcvCep = (tcb.rcvCep + 1) | 0;
    tcb.accEcn |= Acc.SynAckCe | Acc.LastCe;
  }
  noteEcho(tcb, ace);
}

/** The peer says how our SYN or SYN-ACK arrived, which had left Not-ECT (RFC 9768, 3.2.2.3). */
function noteEcho(tcb: Tcb, ace: number): void {
  if (ace === handshakeAce(ECN_CE)) tcb.accEcn |= Acc.SynMarked;
  if (ace !== handshakeAce(ECN_NOT_ECT) && isEcho(ace)) tcb.accEcn |= Acc.NoEct;
}

function isEcho(ace: number): boolean {
  return ace >= handshakeAce(ECN_NOT_ECT) && ace < ACE_ASK && ace !== ACE_RESERVED;
}

/**
 * The first feedback there is. An option whose first counters are zero was cleared on the way (RFC
 * 9768, 3.2.3.2.4).
 */
function firstOption(tcb: Tcb, options: TcpOptions): void {
  if (options.hasTimestamps === 1) tcb.aceTs = options.tsVal;
  if (options.accEcn < 0) return;
  if (options.accEcnE0 === 0 || options.accEcnE1 === 0) tcb.accEcn |= Acc.OptionIgnored;
  else takeOption(tcb, options);
}

/**
 * The segment that ends the handshake in SYN-RECEIVED. A pure ACK has the handshake encoding (RFC
 * 9768, table 4), a SYN-ACK of a simultaneous open its own; anything else has the counter.
 */
export function handshakeFeedback(core: Core, tcb: Tcb, segment: Segment): void {
  const ace = segment.ace;
  const options = core.options;
  segment.ace = -1;
  if ((segment.flags & TCP_SYN) !== 0) {
    if (isEcho(ace) || ace === ACE_RESERVED) takeSynAck(tcb, segment, ace);
    else tcb.accEcn |= Acc.NoEct;
    // Both ends have said by their SYN-ACKs what they know: no ACK follows (RFC 9293, figure 7).
    tcb.accEcn &= ~Acc.HandshakeAck;
    firstOption(tcb, options);
    return;
  }
  firstOption(tcb, options);
  const isPure = segment.length === 0 && (segment.flags & TCP_FIN) === 0;
  if (!isPure || options.sackCount > 0) {
    const marks = aceDelta(ace, CEP_INITIAL);
    tcb.accEcn &= ~Acc.FirstAce;
    if (ace === 0) tcb.accEcn |= Acc.AceIgnored | Acc.NoEct;
    else if (marks > 0) {
      tcb.sndCep = CEP_INITIAL + marks;
      tcb.accEcn |= Acc.SynMarked | Acc.CepAlone;
    }
    return;
  }
  if (ace === 0) {
    // Cleared on the way, or a peer that has not agreed after all (note 1; 3.2.2.4).
    tcb.accEcn |= Acc.AceIgnored | Acc.NoEct;
    return;
  }
  noteEcho(tcb, ace);
  if ((tcb.accEcn & Acc.SynMarked) !== 0) tcb.sndCep = CEP_INITIAL + 1;
}

/**
 * The peer's SYN again, in SYN-RECEIVED. False when it asks for the other kind of ECN now: nobody
 * could know which answer the peer has, and the connection must be reset (RFC 9768, 3.1.5).
 */
export function repeatedSyn(tcb: Tcb, segment: Segment): boolean {
  if ((tcb.accEcn & Acc.On) === 0) return true;
  if (segment.ace === ACE_ASK_CLASSIC) return false;
  tcb.accEcn = (tcb.accEcn & ~Acc.SynEcn) | (segment.ecn << ACC_SYN_SHIFT);
  // Whoever does not ask any more may not understand the answer (3.1.5).
  if (segment.ace === 0) tcb.accEcn |= Acc.SynCleared | Acc.NoEct;
  return true;
}

/**
 * The peer's SYN-ACK again. False when it agrees on classic ECN now: the connection must be reset
 * (RFC 9768, 3.1.5).
 */
export function repeatedSynAck(tcb: Tcb, segment: Segment): boolean {
  const ace = segment.ace;
  if (ace === ACE_CLASSIC) return false;
  if (ace === 0) tcb.accEcn |= Acc.NoEct;
  else if (ace !== ACE_ASK) takeSynAck(tcb, segment, ace);
  return true;
}

/**
 * Whether the answer to a SYN cookie says that Accurate ECN was agreed on, of which we remember
 * nothing (RFC 9768, 5.1): the handshake encoding of a pure ACK has AE or CWR, a counter that
 * begins with five has AE.
 */
export function cookieAccurate(segment: Segment): boolean {
  if (segment.length > 0) return (segment.flags & TCP_AE) !== 0;
  return segment.ace > ACE_CLASSIC;
}
