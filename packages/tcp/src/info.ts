/**
 * A snapshot of one connection in the terms of Linux's TCP_INFO.
 *
 * @module
 */

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
  bytesAcked = 0;
  bytesReceived = 0;
  segsOut = 0;
  segsIn = 0;
  notsentBytes = 0;
  lastDataSentNs = 0;
  lastDataRecvNs = 0;
}
