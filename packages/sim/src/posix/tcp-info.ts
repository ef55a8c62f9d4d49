/**
 * TCP_INFO as `getsockopt` gives it: a record in Linux's names and units.
 *
 * @module
 */

import { State, TcpInfo } from '@tickwire/tcp';
import type { StackCore } from '@tickwire/stack';
import type { StreamEnd } from './socket-end.ts';

/** The fields of `struct tcp_info` by name, and `cwnd_bytes`, `ssthresh_bytes`, `in_flight`. */
export type TcpInfoRecord = Readonly<Record<string, number>>;

const NS_PER_US = 1000;

/** `TCP_CLOSE` of Linux. */
const TCP_CLOSE = 7;
/** Numbers of `tcpi_state` (`enum` of Linux's `tcp_states.h`) by `State`. */
const LINUX_STATES: readonly number[] = [TCP_CLOSE, 10, 2, 3, 1, 4, 5, 8, 11, 9, 6];

/** Infinite thresholds print like this (Linux's TCP_INFINITE_SSTHRESH). */
const SSTHRESH_INFINITE = 0x7fffffff;

/** TCP_INFO in Linux's names and units (microseconds, segments). */
export function tcpInfoFields(info: TcpInfo): TcpInfoRecord {
  const infinite = info.sndSsthreshBytes >= 2 ** 30;
  return {
    tcpi_state: LINUX_STATES[info.state] ?? TCP_CLOSE,
    tcpi_ca_state: info.caState,
    tcpi_retransmits: info.retransmits,
    tcpi_probes: info.probes,
    tcpi_backoff: info.backoff,
    tcpi_options: info.options,
    tcpi_snd_wscale: info.sndWscale,
    tcpi_rcv_wscale: info.rcvWscale,
    tcpi_rto: Math.round(info.rtoNs / NS_PER_US),
    tcpi_snd_mss: info.sndMss,
    tcpi_rcv_mss: info.rcvMss,
    tcpi_unacked: info.unacked,
    tcpi_sacked: info.sacked,
    tcpi_lost: info.lost,
    tcpi_retrans: info.retrans,
    tcpi_rtt: Math.round(info.rttNs / NS_PER_US),
    tcpi_rttvar: Math.round(info.rttvarNs / NS_PER_US),
    tcpi_min_rtt: Math.round(info.minRttNs / NS_PER_US),
    tcpi_snd_ssthresh: infinite ? SSTHRESH_INFINITE : info.sndSsthresh,
    tcpi_snd_cwnd: info.sndCwnd,
    tcpi_total_retrans: info.totalRetrans,
    tcpi_snd_wnd: info.sndWndBytes,
    tcpi_rcv_wnd: info.rcvWndBytes,
    tcpi_rcv_space: info.rcvSpaceBytes,
    tcpi_bytes_acked: info.bytesAcked,
    tcpi_bytes_received: info.bytesReceived,
    tcpi_segs_out: info.segsOut,
    tcpi_segs_in: info.segsIn,
    tcpi_notsent_bytes: info.notsentBytes,
    tcpi_ecn_mode: info.ecnMode,
    tcpi_delivered_ce: info.deliveredCe,
    tcpi_received_ce: info.receivedCe,
    tcpi_delivered_e0_bytes: info.deliveredE0Bytes,
    tcpi_delivered_ce_bytes: info.deliveredCeBytes,
    tcpi_delivered_e1_bytes: info.deliveredE1Bytes,
    tcpi_received_e0_bytes: info.receivedE0Bytes,
    tcpi_received_ce_bytes: info.receivedCeBytes,
    tcpi_received_e1_bytes: info.receivedE1Bytes,
    tcpi_accecn_fail_mode: info.accEcnFailMode,
    tcpi_accecn_opt_seen: info.accEcnOptSeen,
    cwnd_bytes: info.sndCwndBytes,
    ssthresh_bytes: info.sndSsthreshBytes,
    in_flight: info.bytesInFlight,
  };
}

/** What `getsockopt` gives for TCP_INFO, whether or not there is a connection. */
export function socketInfo(core: StackCore, end: StreamEnd): TcpInfoRecord {
  const info = new TcpInfo();
  if (end.tcb !== undefined) core.tcp.info(end.tcb, info);
  else if (end.listener !== undefined) {
    // Linux tells the length of the queue for `accept` and its limit in these two fields.
    info.state = State.Listen;
    info.unacked = end.listener.queued;
    info.sacked = end.listener.backlog;
  }
  return tcpInfoFields(info);
}
