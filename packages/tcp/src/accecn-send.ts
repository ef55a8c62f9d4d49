// @hot
/**
 * Accurate ECN, the data sender: reads the peer's feedback (RFC 9768, 3.2.2 and 3.2.3).
 *
 * @module
 */

import { seqDiff, type TcpOptions } from '@tickwire/wire';
import { Acc, aceDelta, bytesDelta, likelyMarks, safestMarks } from './accecn.ts';
import type { Core, Segment } from './core.ts';
import { ACE_PACKETS_SURE } from './limits.ts';
import type { Tcb } from './tcb.ts';

/** Marked bytes are not known: there is no option, or an empty one. */
const UNKNOWN = -1;

/**
 * Reads the feedback of an ACK that newly delivers `packets` of ours with `bytes` of payload, and
 * returns how many packets it says were marked. Feedback that is older than what is known, or may
 * be, says nothing.
 */
export function takeFeedback(
  core: Core,
  tcb: Tcb,
  segment: Segment,
  packets: number,
  bytes: number,
): number {
  const options = core.options;
  const ace = segment.ace;
  if (ace < 0 || isSuperseded(tcb, segment, options, bytes)) return 0;
  if (options.hasTimestamps === 1) tcb.aceTs = options.tsVal;
  if ((tcb.accEcn & Acc.FirstAce) !== 0) {
    // A counter that begins with five and is zero has been cleared (3.2.2.4).
    tcb.accEcn &= ~Acc.FirstAce;
    if (ace === 0) tcb.accEcn |= Acc.AceIgnored | Acc.NoEct;
  }
  if ((tcb.accEcn & Acc.AceIgnored) !== 0) return 0;
  const isOption = options.accEcn >= 0 && (tcb.accEcn & Acc.OptionIgnored) === 0;
  const ceBytes = isOption ? takeOption(tcb, options) : UNKNOWN;
  const delta = aceDelta(ace, tcb.sndCep);
  const marks =
    ceBytes === UNKNOWN ? safestMarks(delta, packets) : likelyMarks(delta, packets, bytes, ceBytes);
  tcb.sndCep = (tcb.sndCep + marks) | 0;
  checkConsistency(tcb, options, isOption, marks, packets, ceBytes);
  if (marks > 0) core.counters.deliveredCe += marks;
  return marks;
}

/**
 * Whether other feedback may have come before that is newer (RFC 9768, 3.2.2.2, appendix A.1). New
 * is what acknowledges something, has a later timestamp, or brings the next data in order.
 */
function isSuperseded(tcb: Tcb, segment: Segment, options: TcpOptions, bytes: number): boolean {
  if (options.hasTimestamps === 1) {
    const later = seqDiff(options.tsVal, tcb.aceTs);
    if (later !== 0) return later < 0;
  }
  return bytes === 0 && (segment.length === 0 || segment.seq !== tcb.rcvNxt);
}

/**
 * Moves the byte counters (3.2.3.1). Returns the newly marked bytes, or {@link UNKNOWN}. A counter
 * that was left out has not moved since the option before (3.2.3).
 */
export function takeOption(tcb: Tcb, options: TcpOptions): number {
  tcb.accEcn |= Acc.OptionSeen;
  if (options.accEcn === 0) return UNKNOWN;
  if (options.accEcnE0 >= 0) {
    tcb.sndE0b = (tcb.sndE0b + bytesDelta(options.accEcnE0, tcb.sndE0b)) | 0;
  }
  if (options.accEcnE1 >= 0) {
    tcb.sndE1b = (tcb.sndE1b + bytesDelta(options.accEcnE1, tcb.sndE1b)) | 0;
  }
  if (options.accEcnCe < 0) return 0;
  const ceBytes = bytesDelta(options.accEcnCe, tcb.sndCeb);
  tcb.sndCeb = (tcb.sndCeb + ceBytes) | 0;
  return ceBytes;
}

/**
 * Marked bytes without marked packets are feedback that somebody has changed: nothing that we send
 * is ECN-capable any more (RFC 9768, 3.2.3.2.5). Marks that came in ACKs without the option explain
 * bytes that come later.
 */
function checkConsistency(
  tcb: Tcb,
  options: TcpOptions,
  isOption: boolean,
  marks: number,
  packets: number,
  ceBytes: number,
): void {
  if (!isOption || options.accEcnCe < 0) {
    if (marks > 0) tcb.accEcn |= Acc.CepAlone;
    return;
  }
  const isSure = packets <= ACE_PACKETS_SURE && (tcb.accEcn & Acc.CepAlone) === 0;
  if (ceBytes > 0 && marks === 0 && isSure) tcb.accEcn |= Acc.NoEct;
  tcb.accEcn &= ~Acc.CepAlone;
}
