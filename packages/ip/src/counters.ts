// @hot
/**
 * Counters of the IP layer: numbers that only grow. The field name is the counter's name.
 *
 * @module
 */

/** One object per {@link Ip}. */
export class IpCounters {
  /** Frames handed to `receive`. */
  rxFrames = 0;
  /** Frames below 14 bytes, or sent by a group address. */
  rxLinkMalformed = 0;
  /** Frames for another MAC address (a promiscuous or flooding link). */
  rxNotOurMac = 0;
  /** Frames with an EtherType that nobody handles (VLAN tags, LLDP, IPv6). */
  rxUnknownEtherType = 0;

  /** IPv4 packets looked at. */
  ipv4Rx = 0;
  /** Version, header length or total length is impossible. */
  ipv4Malformed = 0;
  /** Header checksum is wrong. */
  ipv4BadHeaderChecksum = 0;
  /** Source address that cannot be one (RFC 1122, 3.2.1.3), or loopback from the wire. */
  ipv4Martian = 0;
  /** Destination is not ours; hosts do not forward. */
  ipv4NotForUs = 0;
  /** Unicast destination in a broadcast or multicast frame (RFC 1122, 3.3.6). */
  ipv4LinkMismatch = 0;
  /** Options that do not parse. */
  ipv4BadOptions = 0;
  /** Source-routed packets (RFC 7126, 4.3). */
  ipv4SourceRoute = 0;
  /** Packets with a protocol that nobody handles. */
  ipv4UnknownProtocol = 0;
  /** TCP segments to broadcast or multicast (RFC 1122, 4.2.3.10), or shorter than a header. */
  tcpDropped = 0;
  /** Transport checksum is wrong. */
  tcpBadChecksum = 0;
  udpBadChecksum = 0;
  /** UDP length field below 8 or beyond the packet (RFC 768). */
  udpMalformed = 0;
  /** Transport checksums that the device vouched for. */
  checksumVerified = 0;
  /** Transport checksums derived from the device's sum. */
  checksumSummed = 0;
  /** Transport checksums computed here, over all bytes. */
  checksumComputed = 0;
  /** Checksums that the device called bad; they are computed again here. */
  checksumDeviceBad = 0;

  /** IPv4 packets sent, fragments counted one by one. */
  ipv4Tx = 0;
  /** Packets of both families sent to one of our own addresses. */
  looped = 0;
  /** Looped packets dropped because nobody took them (limit `loopedFrames`). */
  loopedDropped = 0;
  /** Packets without a route or with a foreign source address. */
  ipv4NoRoute = 0;
  /** Datagrams sent in fragments, and the fragments. */
  ipv4Fragmented = 0;
  ipv4FragmentsTx = 0;
  /** Datagrams beyond the path MTU with DF, or beyond 65,535 bytes. */
  ipv4TooLong = 0;
  /** Datagrams that were not fragmented for want of frames or room. */
  ipv4FragmentNoMemory = 0;
  /** Frames that the link refused. */
  linkRefused = 0;

  /** IPv6 packets looked at. */
  ipv6Rx = 0;
  /** Version or payload length is impossible. */
  ipv6Malformed = 0;
  /** Addresses that cannot be: multicast or own source, loopback, IPv4-mapped. */
  ipv6Martian = 0;
  /** Destination is not ours. */
  ipv6NotForUs = 0;
  /** Extension headers that do not parse or must not be passed over. */
  ipv6BadExtension = 0;
  /** Fragments: not put together. */
  ipv6Fragments = 0;
  /** Packets with a protocol that nobody handles. */
  ipv6UnknownProtocol = 0;
  /** IPv6 packets sent. */
  ipv6Tx = 0;
  /** Packets without a route or with a foreign source address. */
  ipv6NoRoute = 0;
  /** Packets beyond the path MTU. */
  ipv6TooLong = 0;
  /** ICMPv6 messages that break their own rules: hop limit, source, lengths. */
  icmpv6Malformed = 0;
  ndpSolicitationsTx = 0;
  ndpAdvertisementsTx = 0;
  mldReportsTx = 0;

  /** Fragments received. */
  fragmentsRx = 0;
  /** Fragments that lie about length or position. */
  fragmentsMalformed = 0;
  /** Fragments that came twice, byte for byte. */
  fragmentsDuplicate = 0;
  /** Datagrams put together. */
  reassembled = 0;
  /** Datagrams given up: overlap (RFC 5722), contradiction, or mixed ECN (RFC 3168, 5.3). */
  reassemblyOverlap = 0;
  reassemblyTimeout = 0;
  /** Datagrams beyond the data room of a frame. */
  reassemblyTooLong = 0;
  /** Oldest datagrams given up for new ones (limit `reassemblies`). */
  reassemblyEvicted = 0;
  /** Fragments dropped for want of a frame. */
  reassemblyNoMemory = 0;

  arpRx = 0;
  arpMalformed = 0;
  arpRequestsTx = 0;
  arpRepliesTx = 0;
  arpAnnouncementsTx = 0;
  /** ARP packets not sent for want of a frame or room. */
  arpNoMemory = 0;
  /** Another host claimed one of our addresses (RFC 5227, 2.4). */
  addressConflicts = 0;

  neighbourCreated = 0;
  /** Idle or unresolved neighbours that gave way to new ones. */
  neighbourEvicted = 0;
  /** Neighbours refused because every entry is active or pinned. */
  neighbourTableFull = 0;
  /** Resolutions that failed. */
  neighbourFailed = 0;
  /** Attempts to change a static neighbour. */
  neighbourStaticRefused = 0;
  /** Frames queued behind address resolution. */
  neighbourQueued = 0;
  /** Oldest frames dropped from a full queue (limit `neighbourQueueFrames`). */
  neighbourQueueOverflow = 0;
  /** Longest-waiting frames dropped for new ones: limit `neighbourQueueFramesTotal`. */
  neighbourQueueTotalOverflow = 0;
  /** Queued frames dropped because the neighbour failed or was evicted. */
  neighbourQueueDropped = 0;
  /** Packets refused at once because the neighbour failed a moment ago. */
  neighbourUnreachable = 0;

  icmpRx = 0;
  icmpMalformed = 0;
  icmpBadChecksum = 0;
  icmpEchoRequestsRx = 0;
  icmpEchoRepliesRx = 0;
  icmpEchoRepliesTx = 0;
  icmpEchoRequestsTx = 0;
  /** Echo requests not answered: broadcast, switched off, rate limit, or no frame. */
  icmpEchoIgnored = 0;
  /** Errors about packets of ours. */
  icmpErrorsRx = 0;
  /** Errors whose embedded packet is not ours. */
  icmpErrorsInvalid = 0;
  /** Redirects, source quench (RFC 6633), timestamps: ignored. */
  icmpIgnored = 0;
  icmpErrorsTx = 0;
  icmpErrorsRateLimited = 0;
  icmpNoMemory = 0;
  /** Path MTU estimates lowered. */
  pathMtuLowered = 0;

  igmpRx = 0;
  igmpMalformed = 0;
  igmpQueriesRx = 0;
  igmpReportsTx = 0;
  igmpLeavesTx = 0;
  igmpNoMemory = 0;
}
