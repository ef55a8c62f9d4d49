// @hot
/**
 * Accurate ECN (RFC 9768): the arithmetic of its counters, and its bits in a connection.
 *
 * Classic ECN says at most once per round trip that something was marked. Accurate ECN tells the
 * sender how many packets were (the three flags AE, CWR and ECE are the low bits of a counter, the
 * ACE field) and, by an option, how many bytes arrived under each codepoint. How it is agreed on is
 * in `accecn-handshake.ts`, the receiver's half in `accecn-receive.ts`, the sender's in
 * `accecn-send.ts`.
 *
 * @module
 */

/** Bits of `Tcb.accEcn`; 0 when Accurate ECN is not in use. */
export const Acc = {
  /** It is agreed on: ACE is a counter in both directions. */
  On: 0x00000001,
  /** SYN-SENT: our SYN has asked for it. */
  Asked: 0x00000002,
  /** IP-ECN field of the peer's SYN or SYN-ACK, two bits from {@link ACC_SYN_SHIFT} on. */
  SynEcn: 0x0000000c,
  /** The SYN-ACK is to be acknowledged by a pure ACK in the handshake encoding (3.2.2.1). */
  HandshakeAck: 0x00000010,
  /** The next ACK has the option whatever has arrived (3.2.3.2.1). */
  OptionDue: 0x00000020,
  /** No data segment of ours has carried the option (3.2.3.2.1). */
  OptionData: 0x00000040,
  /** Our packets are not ECN-capable any more: the path mangles the field (3.2.2.3, 3.1.5). */
  NoEct: 0x00000080,
  /** The peer's ACE field is cleared on the way: nothing is read from it (3.2.2.4). */
  AceIgnored: 0x00000100,
  /** No feedback has come since the handshake (3.2.2.4). */
  FirstAce: 0x00000200,
  /** The peer's option has come. */
  OptionSeen: 0x00000400,
  /** The peer's option is cleared on the way (3.2.3.2.4). */
  OptionIgnored: 0x00000800,
  /** The last packet was marked CE. */
  LastCe: 0x00002000,
  /** Counters that have moved since our last option, in the order of {@link Counter}. */
  Changed: 0x0001c000,
  /** Counters that have ever moved. */
  Ever: 0x000e0000,
  /** Marks were counted by ACE whose bytes no option has told of yet. */
  CepAlone: 0x00100000,
  /** A mark on the peer's SYN-ACK has been counted, which happens once (3.2.2.2). */
  SynAckCe: 0x00400000,
  /** Our SYN or SYN-ACK was marked: a sign of congestion when the connection opens (3.2.2.2). */
  SynMarked: 0x00800000,
  /** The peer has repeated its SYN without asking: so is the answer (3.1.5). */
  SynCleared: 0x01000000,
} as const;

/** Where {@link Acc.SynEcn} begins. */
export const ACC_SYN_SHIFT = 2;
/** Where {@link Acc.Changed} begins. */
export const ACC_CHANGED_SHIFT = 14;
/** Where {@link Acc.Ever} begins. */
export const ACC_EVER_SHIFT = 17;

/** Bits of byte counters in a set of them. */
export const Counter = { E0: 1, Ce: 2, E1: 4 } as const;

/** First values of the counters (RFC 9768, 3.2.1). */
export const CEP_INITIAL = 5;
export const E0B_INITIAL = 1;
export const CEB_INITIAL = 0;
export const E1B_INITIAL = 1;

/** AE, CWR and ECE of a SYN that asks for Accurate ECN (RFC 9768, table 2). */
export const ACE_ASK = 7;
/** ... for classic ECN. */
export const ACE_ASK_CLASSIC = 3;
/** The answer that agrees on classic ECN. */
export const ACE_CLASSIC = 1;
/** A SYN-ACK that no implementation sends yet: it agrees (RFC 9768, 3.1.3). */
export const ACE_RESERVED = 5;

const ACE_SHIFT = 6;
const ACE_MASK = 7;
const MASK_24 = 0xff_ffff;
/** The handshake encoding by IP-ECN field (RFC 9768, table 3): 2, 3, 4 and 6. */
const HANDSHAKE_ACES = 0x6432;

/** AE, CWR and ECE as a number: the ACE field. */
export function aceOf(flags: number): number {
  return (flags >>> ACE_SHIFT) & ACE_MASK;
}

/** The flags of an ACE field, of which the low three bits count. */
export function aceFlags(ace: number): number {
  return (ace & ACE_MASK) << ACE_SHIFT;
}

/** The ACE field that says how the peer's SYN or SYN-ACK arrived (RFC 9768, tables 2 and 3). */
export function handshakeAce(ecn: number): number {
  return (HANDSHAKE_ACES >>> (ecn * 4)) & ACE_MASK;
}

/** Marks that the ACE field tells of, if it has not wrapped (RFC 9768, 3.2.2.2). */
export function aceDelta(ace: number, cep: number): number {
  return (ace - cep) & ACE_MASK;
}

/** By how much a 24-bit field is ahead of a counter, if it has not wrapped (3.2.3.1). */
export function bytesDelta(field: number, counter: number): number {
  return (field - counter) & MASK_24;
}

/**
 * Without byte counters: the most marks among `packets` newly acknowledged ones that fit the field,
 * the safest likely case (RFC 9768, 3.2.2.5.2 and appendix A.2.1). With up to seven packets the
 * field cannot have wrapped, and is believed even when it says more than were acknowledged.
 */
export function safestMarks(delta: number, packets: number): number {
  return packets <= ACE_MASK ? delta : packets - ((packets - delta) & ACE_MASK);
}

/**
 * With byte counters: of the numbers that fit the field the one that is nearest to what `ceBytes`
 * of `bytes` newly acknowledged ones in `packets` make, the safest at most (appendix A.2.2).
 */
export function likelyMarks(
  delta: number,
  packets: number,
  bytes: number,
  ceBytes: number,
): number {
  if (packets <= ACE_MASK) return delta;
  const safest = safestMarks(delta, packets);
  if (ceBytes >= bytes) return safest;
  const estimate = Math.round((ceBytes * packets) / bytes);
  // Distance to the nearest number that fits, -4 to 3.
  const offset = ((delta - estimate + 4) & ACE_MASK) - 4;
  const marks = estimate + offset;
  if (marks < delta) return delta;
  return marks > safest ? safest : marks;
}

/** Whether the order of the option is ECT(1) first, for these counters: 1 or 0. */
export function optionOrder(counters: number): number {
  return (counters & (Counter.E0 | Counter.E1)) === Counter.E1 ? 1 : 0;
}

/** Fields that an option in {@link optionOrder} needs for these counters. */
export function optionFields(counters: number): number {
  if ((counters & (Counter.E0 | Counter.E1)) === (Counter.E0 | Counter.E1)) return 3;
  if ((counters & Counter.Ce) !== 0) return 2;
  return counters === 0 ? 0 : 1;
}
