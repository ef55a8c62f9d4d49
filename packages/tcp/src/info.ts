/**
 * A snapshot of one connection in the terms of Linux's TCP_INFO.
 *
 * @module
 */

import { seqDiff } from '@tickwire/wire';
import { Acc, CEB_INITIAL, CEP_INITIAL, E0B_INITIAL, E1B_INITIAL } from './accecn.ts';
import { Congestion } from './config.ts';
import type { Core } from './core.ts';
import { flightBytes, pipeBytes } from './retransmit.ts';
import { State } from './state.ts';
import { Flag, pathMtu, type Tcb } from './tcb.ts';
import { promisedWindow, receiveSpace } from './window.ts';

/** Filled by `Tcp.info`. Times in nanoseconds, sizes in bytes unless the name says otherwise. */
export class TcpInfo {
  state = 0;
  /** 0 open, 1 disorder, 3 recovery, 4 loss: the numbers of `tcpi_ca_state`. */
  caState = 0;
  /** Timeouts in a row. */
  retransmits = 0;
  probes = 0;
  backoff = 0;
  /** 1 timestamps, 2 SACK, 4 window scaling, 8 ECN: the bits of `tcpi_options`. */
  options = 0;
  sndWscale = 0;
  rcvWscale = 0;
  rtoNs = 0;
  sndMss = 0;
  rcvMss = 0;
  /** Segments in the send queue that were sent and not acknowledged. */
  unacked = 0;
  /** Of these: SACKed, lost, sent again, in segments of `sndMss` rounded up. */
  sacked = 0;
  lost = 0;
  retrans = 0;
  rttNs = 0;
  rttvarNs = 0;
  minRttNs = 0;
  sndSsthreshBytes = 0;
  sndCwndBytes = 0;
  /** Congestion window in segments, as Linux counts. */
  sndCwnd = 0;
  sndSsthresh = 0;
  totalRetrans = 0;
  sndWndBytes = 0;
  rcvWndBytes = 0;
  rcvSpaceBytes = 0;
  bytesInFlight = 0;
  /** Largest packet that is known to pass. */
  pmtu = 0;
  /** Bytes per second at which the controller paces; 0 when it does not. */
  pacingRate = 0;
  /** What BBR does: a number of `BbrMode`, 0 is STARTUP; -1 with another controller. */
  bbrMode = -1;
  bytesAcked = 0;
  bytesReceived = 0;
  segsOut = 0;
  segsIn = 0;
  notsentBytes = 0;
  lastDataSentNs = 0;
  lastDataRecvNs = 0;
  /** 0 no ECN, 1 classic, 2 accurate, 3 not known yet: the numbers of `tcpi_ecn_mode`. */
  ecnMode = 0;
  /** Packets that Accurate ECN says were marked, of those sent and of those received. */
  deliveredCe = 0;
  receivedCe = 0;
  /** Payload bytes by codepoint, modulo 2^32, as far as the peer has said. */
  deliveredE0Bytes = 0;
  deliveredCeBytes = 0;
  deliveredE1Bytes = 0;
  receivedE0Bytes = 0;
  receivedCeBytes = 0;
  receivedE1Bytes = 0;
  /** What Accurate ECN goes without: 2 ECT or ACE, 8 the peer's option; 0 nothing. */
  accEcnFailMode = 0;
  /** The peer's option: 0 not seen, 2 seen, 3 cleared on the way. */
  accEcnOptSeen = 0;
}

/** Bits of `TcpInfo.options`. */
const OPTION_TIMESTAMPS = 1;
const OPTION_SACK = 2;
const OPTION_WSCALE = 4;
const OPTION_ECN = 8;

/** What the numbers of {@link Recovery} are called in `tcpi_ca_state`. */
const CA_STATES: readonly number[] = [0, 3, 4, 2, 3];

/** Fills `out` from a connection. */
export function fillInfo(core: Core, tcb: Tcb, out: TcpInfo): void {
  const mss = tcb.mss;
  const disorder = tcb.recovery === 0 && (tcb.dupAcks > 0 || tcb.sackedBytes > 0);
  out.state = tcb.state;
  out.caState = disorder ? 1 : CA_STATES[tcb.recovery]!;
  out.retransmits = tcb.unanswered;
  out.probes = tcb.keepaliveProbes;
  out.backoff = tcb.backoff;
  out.options =
    ((tcb.flags & Flag.Timestamps) !== 0 ? OPTION_TIMESTAMPS : 0) |
    ((tcb.flags & Flag.Sack) !== 0 ? OPTION_SACK : 0) |
    ((tcb.flags & Flag.Scaling) !== 0 ? OPTION_WSCALE : 0) |
    (ecnMode(tcb) === ECN_CLASSIC || ecnMode(tcb) === ECN_ACCURATE ? OPTION_ECN : 0);
  out.sndWscale = tcb.sndShift;
  out.rcvWscale = tcb.rcvShift;
  out.rtoNs = tcb.rtoNs;
  out.sndMss = mss;
  out.rcvMss = tcb.rcvMss;
  out.unacked = Math.ceil(flightBytes(tcb) / mss);
  out.sacked = Math.ceil(tcb.sackedBytes / mss);
  out.lost = Math.ceil(tcb.lostBytes / mss);
  out.retrans = Math.ceil(tcb.retransBytes / mss);
  out.rttNs = tcb.srttNs;
  out.rttvarNs = tcb.rttvarNs;
  out.minRttNs = tcb.minRttNs;
  out.sndSsthreshBytes = tcb.ssthresh;
  out.sndCwndBytes = tcb.cwnd;
  out.sndCwnd = Math.floor(tcb.cwnd / mss);
  out.sndSsthresh = Math.floor(tcb.ssthresh / mss);
  out.totalRetrans = tcb.retransmits;
  out.sndWndBytes = tcb.sndWnd;
  out.rcvWndBytes = promisedWindow(tcb);
  out.rcvSpaceBytes = receiveSpace(core, tcb);
  out.bytesInFlight = pipeBytes(tcb);
  out.pmtu = pathMtu(tcb);
  out.pacingRate = tcb.pacingRate;
  out.bbrMode = tcb.congestion === Congestion.Bbr ? (tcb.bbr?.mode ?? 0) : -1;
  out.bytesAcked = tcb.bytesAcked;
  out.bytesReceived = tcb.bytesReceived;
  out.segsOut = tcb.segmentsOut;
  out.segsIn = tcb.segmentsIn;
  out.notsentBytes = seqDiff(tcb.sndEnd, tcb.sndNxt);
  out.lastDataSentNs = tcb.lastSentNs;
  out.lastDataRecvNs = tcb.lastReceivedNs;
  fillEcn(tcb, out);
}

const ECN_CLASSIC = 1;
const ECN_ACCURATE = 2;
const ECN_PENDING = 3;

function ecnMode(tcb: Tcb): number {
  if ((tcb.accEcn & Acc.On) !== 0) return ECN_ACCURATE;
  if ((tcb.accEcn & Acc.Asked) !== 0) return ECN_PENDING;
  if ((tcb.flags & Flag.Ecn) === 0) return 0;
  return tcb.state === State.SynSent ? ECN_PENDING : ECN_CLASSIC;
}

/** Linux counts from zero what begins with something else on the wire. */
function fillEcn(tcb: Tcb, out: TcpInfo): void {
  const acc = tcb.accEcn;
  const isOn = (acc & Acc.On) !== 0;
  out.ecnMode = ecnMode(tcb);
  out.deliveredCe = isOn ? (tcb.sndCep - CEP_INITIAL) >>> 0 : 0;
  out.receivedCe = isOn ? (tcb.rcvCep - CEP_INITIAL) >>> 0 : 0;
  out.deliveredE0Bytes = isOn ? (tcb.sndE0b - E0B_INITIAL) >>> 0 : 0;
  out.deliveredCeBytes = isOn ? (tcb.sndCeb - CEB_INITIAL) >>> 0 : 0;
  out.deliveredE1Bytes = isOn ? (tcb.sndE1b - E1B_INITIAL) >>> 0 : 0;
  out.receivedE0Bytes = isOn ? (tcb.rcvE0b - E0B_INITIAL) >>> 0 : 0;
  out.receivedCeBytes = isOn ? (tcb.rcvCeb - CEB_INITIAL) >>> 0 : 0;
  out.receivedE1Bytes = isOn ? (tcb.rcvE1b - E1B_INITIAL) >>> 0 : 0;
  out.accEcnFailMode =
    ((acc & (Acc.NoEct | Acc.AceIgnored)) !== 0 ? 2 : 0) |
    ((acc & Acc.OptionIgnored) !== 0 ? 8 : 0);
  const seen = (acc & Acc.OptionSeen) !== 0 ? 2 : 0;
  out.accEcnOptSeen = (acc & Acc.OptionIgnored) !== 0 ? 3 : seen;
}
