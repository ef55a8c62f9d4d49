/**
 * What happened, by name. Names follow SNMP's TCP-MIB and Linux's TcpExt where they have one.
 *
 * @module
 */

/** Counts since the start of one `Tcp` instance. */
export class TcpCounters {
  /** Connections that left CLOSED by `connect`. */
  activeOpens = 0;
  /** Connections that a listener brought to SYN-RECEIVED. */
  passiveOpens = 0;
  /** Handshakes that failed. */
  attemptFails = 0;
  /** Open connections that were reset by the peer. */
  estabResets = 0;
  inSegs = 0;
  outSegs = 0;
  /** Of `inSegs`, those that were nothing but the next data and took the short way. */
  inExpected = 0;
  /** Of `outSegs`, those that left with a copy of the header before them. */
  outFollowers = 0;
  retransSegs = 0;
  /** Segments with an impossible header. */
  inErrs = 0;
  outRsts = 0;
  /** Segments without connection and listener. */
  noPort = 0;
  /** SYNs dropped because the backlog was full. */
  listenOverflows = 0;
  /** Last ACKs of handshakes put off because the backlog was full. */
  acceptOverflows = 0;
  /** SYNs that found no room among the half-open connections. */
  synCacheOverflows = 0;
  /** Half-open connections that gave way to newer ones (cookies off). */
  synCacheEvictions = 0;
  /** SYN-ACKs that are cookies, and ACKs that were good or bad answers to one. */
  synCookiesSent = 0;
  synCookiesReceived = 0;
  synCookiesFailed = 0;
  /** Fast open (RFC 7413), named as in Linux: SYNs with data sent; of these, data not taken. */
  fastOpenActive = 0;
  fastOpenActiveFails = 0;
  /** SYNs whose cookie was good; bad; asked for; good, but too many were pending. */
  fastOpenPassive = 0;
  fastOpenPassiveFails = 0;
  fastOpenCookieRequests = 0;
  fastOpenListenOverflows = 0;
  /** SYNs and `connect`s that found no free connection. */
  connectionsExhausted = 0;
  /** TIME-WAIT connections that gave way to new ones. */
  timeWaitRecycled = 0;
  /** Of outgoing connections, those that took the 4-tuple of one in TIME-WAIT (RFC 6191). */
  timeWaitReused = 0;
  /** Frames that could not be allocated; the work was put off. */
  allocFailures = 0;
  /** Challenge ACKs sent (RFC 5961). */
  challengeAcks = 0;
  /** Challenge ACKs withheld by the limit. */
  challengeAcksLimited = 0;
  /** Resets withheld by the limit. */
  resetsLimited = 0;
  /** Segments dropped by PAWS. */
  pawsRejected = 0;
  /** Segments without the timestamps that were agreed on (RFC 7323, 3.2). */
  timestampsMissing = 0;
  /** Segments outside the window. */
  outOfWindow = 0;
  /** ACKs of data that was never sent, or too old. */
  badAcks = 0;
  /** Segments without ACK on a synchronised connection. */
  missingAcks = 0;
  /** Segments put aside because something before them is missing. */
  outOfOrder = 0;
  /** Out-of-order segments for which there was no room. */
  outOfOrderDropped = 0;
  /** Segments that held nothing new. */
  duplicates = 0;
  /** Urgent pointers that an owner was told of. */
  urgentMarks = 0;
  /** Data that arrived after `close`. */
  dataAfterClose = 0;
  delayedAcks = 0;
  /** Pure window updates. */
  windowUpdates = 0;
  fastRetransmits = 0;
  timeouts = 0;
  synTimeouts = 0;
  windowProbes = 0;
  keepaliveProbes = 0;
  /** Retransmissions that had to be copied because the driver or peer still held the frame. */
  retransmitCopies = 0;
  tailLossProbes = 0;
  /** Reductions undone because they proved spurious. */
  spuriousUndone = 0;
  /** Duplicate reports received and sent (RFC 2883). */
  dsackReceived = 0;
  dsackSent = 0;
  sackReneged = 0;
  ecnReductions = 0;
  /** Packets of ours that Accurate ECN says were marked, as Linux's TCPDeliveredCE. */
  deliveredCe = 0;
  /** Path MTUs lowered by ICMP, raised again, probes sent (RFC 4821), and black holes found. */
  mtuReductions = 0;
  mtuRaises = 0;
  mtuProbes = 0;
  mtuBlackHoles = 0;
  icmpIgnored = 0;
  /** Connections that `egress` and `timers` have looked at: the work of polling. */
  connectionsVisited = 0;
}
