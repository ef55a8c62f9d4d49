// @hot
/**
 * Accurate ECN, the data receiver: counts what arrives, says so in the ACE field of every segment
 * and, when there is room and something new, in the option.
 *
 * @module
 */

import {
  ECN_CE,
  ECN_ECT0,
  ECN_ECT1,
  emitTcpAccEcn,
  seqDiff,
  TCP_ACCECN_FIELDS_MAX,
  TCP_OPTIONS_BYTES_MAX,
  tcpAccEcnBytes,
  tcpAccEcnFit,
} from '@tickwire/wire';
import {
  ACC_CHANGED_SHIFT,
  ACC_EVER_SHIFT,
  ACC_SYN_SHIFT,
  Acc,
  aceFlags,
  CEB_INITIAL,
  Counter,
  E0B_INITIAL,
  E1B_INITIAL,
  handshakeAce,
  optionFields,
  optionOrder,
} from './accecn.ts';
import { ackAtOnce, type Core, type Segment } from './core.ts';
import { ACCECN_OPTION_BYTES_MAX, ACE_MARKS_DATA, ACE_MARKS_PURE } from './limits.ts';
import type { Tcb } from './tcb.ts';

/** {@link chooseOption}: no option. */
export const NO_OPTION = -1;
/** Bit of a choice: the order is ECT(1) first; the low bits are the number of fields. */
const ORDER_1 = 4;

/**
 * An acceptable segment has arrived (RFC 9768, 3.2): counts it, and asks for an ACK when the marks
 * begin (3.2.2.5.1, change-triggered) or enough have come (increment-triggered).
 */
export function countArrival(core: Core, tcb: Tcb, segment: Segment): void {
  const { ecn, length } = segment;
  const wasMarked = (tcb.accEcn & Acc.LastCe) !== 0;
  if (ecn === ECN_CE) {
    tcb.accEcn |= Acc.LastCe;
    tcb.rcvCep = (tcb.rcvCep + 1) | 0;
    tcb.ceUnsent += 1;
    if (length > 0) {
      tcb.rcvCeb = (tcb.rcvCeb + length) | 0;
      noteCounter(tcb, Counter.Ce);
      if (!wasMarked) ackAtOnce(core, tcb);
    }
    if (marksDue(tcb, length > 0)) ackAtOnce(core, tcb);
    return;
  }
  if (wasMarked) tcb.accEcn &= ~Acc.LastCe;
  if (length === 0) return;
  if (ecn === ECN_ECT0) {
    tcb.rcvE0b = (tcb.rcvE0b + length) | 0;
    noteCounter(tcb, Counter.E0);
  } else if (ecn === ECN_ECT1) {
    tcb.rcvE1b = (tcb.rcvE1b + length) | 0;
    noteCounter(tcb, Counter.E1);
  }
}

function noteCounter(tcb: Tcb, counter: number): void {
  tcb.accEcn |= (counter << ACC_CHANGED_SHIFT) | (counter << ACC_EVER_SHIFT);
}

/**
 * Whether so many marks have come since the last ACK that one is due. Two with data to acknowledge;
 * three without, so that two hosts do not acknowledge each other's ACKs for ever.
 */
export function marksDue(tcb: Tcb, hasData: boolean): boolean {
  const data = hasData || tcb.rcvNxt !== tcb.rcvAcked;
  return tcb.ceUnsent >= (data ? ACE_MARKS_DATA : ACE_MARKS_PURE);
}

/** Whether a segment is the pure ACK that says how the SYN-ACK arrived (RFC 9768, 3.2.2.1). */
export function isHandshakeAck(tcb: Tcb, flags: number, length: number): boolean {
  return (tcb.accEcn & Acc.HandshakeAck) !== 0 && length === 0 && flags === 0;
}

/** The ACE field of a segment that is no SYN, as flags; what waits to be said is said by it. */
export function takeAceFlags(tcb: Tcb, isHandshake: boolean): number {
  const acc = tcb.accEcn;
  if (isHandshake) {
    tcb.accEcn = acc & ~Acc.HandshakeAck;
    return aceFlags(handshakeAce((acc & Acc.SynEcn) >>> ACC_SYN_SHIFT));
  }
  tcb.ceUnsent = 0;
  return aceFlags(tcb.rcvCep);
}

/**
 * What the option of a segment holds, or {@link NO_OPTION}; the other options leave `room`. It goes
 * with every ACK of new data, though nothing may have moved since the last: that one may be lost,
 * and without bytes the sender must take an ACK of many packets for a wrap of the ACE field.
 */
export function chooseOption(tcb: Tcb, room: number, length: number): number {
  const acc = tcb.accEcn;
  const changed = (acc & Acc.Changed) >>> ACC_CHANGED_SHIFT;
  const isFirst = (acc & Acc.OptionDue) !== 0 || (length > 0 && (acc & Acc.OptionData) !== 0);
  const ever = (acc & Acc.Ever) >>> ACC_EVER_SHIFT;
  const isNews = changed !== 0 || (ever !== 0 && tcb.rcvNxt !== tcb.rcvAcked);
  if (!isNews && !isFirst) return NO_OPTION;
  // All that has ever moved if that fits, else what has moved since the last option, else nothing
  // (3.2.3.3).
  const fields = optionFields(ever);
  if (fields > 0 && tcpAccEcnBytes(fields) <= room) return choice(ever, fields);
  if (changed !== 0) {
    const least = optionFields(changed);
    return tcpAccEcnBytes(least) <= room ? choice(changed, least) : NO_OPTION;
  }
  const fit = tcpAccEcnFit(room);
  return fit < 0 ? NO_OPTION : fit;
}

function choice(counters: number, fields: number): number {
  return fields | (optionOrder(counters) * ORDER_1);
}

/** Bytes of a choice. */
export function optionBytes(chosen: number): number {
  return chosen < 0 ? 0 : tcpAccEcnBytes(chosen & (ORDER_1 - 1));
}

/** Writes the option, and notes what the peer knows by it. Returns the offset behind it. */
export function emitOption(
  tcb: Tcb,
  view: DataView,
  at: number,
  chosen: number,
  length: number,
): number {
  const order = chosen >= ORDER_1 ? 1 : 0;
  const fields = chosen & (ORDER_1 - 1);
  tcb.accEcn &= ~(Acc.OptionDue | (length > 0 ? Acc.OptionData : 0));
  if (fields > 0) {
    let told: number = order === 0 ? Counter.E0 : Counter.E1;
    if (fields > 1) told |= Counter.Ce;
    if (fields === TCP_ACCECN_FIELDS_MAX) told |= Counter.E0 | Counter.E1;
    tcb.accEcn &= ~(told << ACC_CHANGED_SHIFT);
  }
  tcb.accOptionSeq = tcb.rcvNxt;
  return emitTcpAccEcn(view, at, order, fields, tcb.rcvE0b, tcb.rcvCeb, tcb.rcvE1b);
}

/**
 * Writes the option of Accurate ECN behind the others of a SYN-ACK, which began at `start`, as far
 * as there is room (RFC 9768, 3.2.3.2.1). Returns the offset behind it.
 */
export function emitFirstOption(view: DataView, start: number, at: number): number {
  const fields = tcpAccEcnFit(start + TCP_OPTIONS_BYTES_MAX - at);
  if (fields < 0) return at;
  return emitTcpAccEcn(view, at, 0, fields, E0B_INITIAL, CEB_INITIAL, E1B_INITIAL);
}

/**
 * A segment with data had no room for the option: whether an ACK without any has to bring it, for
 * marked bytes at once, for the others before their counter can wrap (3.2.3.3).
 */
export function optionPressing(tcb: Tcb): boolean {
  const changed = (tcb.accEcn & Acc.Changed) >>> ACC_CHANGED_SHIFT;
  if (changed === 0) return false;
  if ((changed & Counter.Ce) !== 0) return true;
  return seqDiff(tcb.rcvNxt, tcb.accOptionSeq) >= ACCECN_OPTION_BYTES_MAX;
}
