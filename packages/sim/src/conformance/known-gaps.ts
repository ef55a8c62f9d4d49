/**
 * What documents ask for and we do not do, or do otherwise, without a packet script that says so.
 *
 * The list is written and reviewed by hand. Each row names the file in which the choice is made, so
 * that who changes that file finds the row, and a test looks that the file is there.
 *
 * @module
 */

/** One thing that a document asks for and that we do otherwise, or not. */
export interface KnownGap {
  /** Number of an RFC, or the name of an Internet-Draft. */
  readonly document: number | string;
  /** Empty for the whole document. */
  readonly section: string;
  /** What is asked for, with the level of RFC 2119 where the document gives one. */
  readonly asked: string;
  readonly ours: string;
  readonly why: string;
  /** Path below the root: where the choice is made. */
  readonly file: string;
}

type Row = readonly [section: string, asked: string, ours: string, why: string, file: string];

function gaps(document: number | string, ...rows: readonly Row[]): readonly KnownGap[] {
  return rows.map(([section, asked, ours, why, file]) => ({
    document,
    section,
    asked,
    ours,
    why,
    file,
  }));
}

/** All of them: by number, drafts last. */
export const KNOWN_GAPS: readonly KnownGap[] = [
  ...gaps(
    1122,
    [
      '2.3.3',
      'SHOULD receive IP in IEEE 802.3 frames (RFC 1042)',
      'Ethernet II only',
      'No host of today sends it',
      'packages/ip/src/ip.ts',
    ],
    [
      '3.2.1.8',
      'MUST pass received IP options to the transport, and take source-routed packets',
      'Options are checked and skipped; source-routed packets are dropped and counted',
      'Nothing above uses options, and a source route passes by filters',
      'packages/ip/src/ipv4-input.ts',
    ],
    [
      '3.2.2.2',
      'MUST update the routing information on a redirect',
      'Redirects are ignored',
      'Anybody on the link can forge one; routes are configured',
      'packages/ip/src/icmp4.ts',
    ],
    [
      '3.3.1.2',
      'MUST go over to another default gateway when one is dead',
      'The first route that matches counts, reachable or not; packets wait or fail',
      'One gateway is configured; redundancy is that of its address (VRRP)',
      'packages/ip/src/routes.ts',
    ],
    [
      '4.1.3.3',
      'UDP MUST pass all ICMP errors to the application',
      'Those of connected sockets; the others are counted',
      'An unconnected socket cannot tell whose error it is without a queue of errors',
      'packages/udp/src/udp.ts',
    ],
  ),
  ...gaps(2385, [
    '',
    'TCP MD5 signature option',
    'Neither sent nor checked',
    'Obsolete since RFC 5925; made for BGP',
    'packages/wire/src/tcp-options.ts',
  ]),
  ...gaps(2675, [
    '3',
    'IPv6 packets of more than 65,535 bytes (jumbograms)',
    'Seen as empty',
    'Optional, and no link here takes one',
    'packages/wire/src/ipv6.ts',
  ]),
  ...gaps(3465, [
    '2.2',
    'MUST NOT let one ACK open the window in slow start by more than two segments (L)',
    'NewReno keeps to two; CUBIC takes eight, paced or not',
    'RFC 9406, 4.3, recommends eight for HyStart++, which bounds the overshoot',
    'packages/tcp/src/congestion/cubic.ts',
  ]),
  ...gaps(4443, [
    '4.2',
    'SHOULD answer echo requests to a multicast address',
    'Not answered',
    'One packet from a forged source would be answered by every host of the link',
    'packages/ip/src/icmp6.ts',
  ]),
  ...gaps(
    4821,
    [
      '5.2',
      'The size that was found is stored with the path, for all its connections',
      'A connection keeps it for itself; only what routers say is shared',
      'One connection on a bad line must not make the packets of all others small',
      'packages/tcp/src/path-mtu.ts',
    ],
    [
      '6.1',
      'Probes need a robust report of losses; SACK is recommended',
      'No probes without SACK; black holes are found',
      'Without SACK a lost probe cannot be told from a lost neighbour',
      'packages/tcp/src/path-mtu.ts',
    ],
  ),
  ...gaps(
    4861,
    [
      '6.3',
      'Hosts solicit routers and take prefixes, MTU and default routers from advertisements',
      'Router advertisements are counted and ignored',
      'Addresses and routes are configured; a stranger on the link changes neither',
      'packages/ip/src/ndp.ts',
    ],
    [
      '8.3',
      'SHOULD update the destination cache on a redirect',
      'Redirects are ignored',
      'As for IPv4',
      'packages/ip/src/ndp.ts',
    ],
  ),
  ...gaps(
    4862,
    [
      '5.4.2',
      'SHOULD delay the first message of an interface by a random time',
      'The probe leaves at once',
      'It keeps hosts that start together apart; there are few on our links',
      'packages/ip/src/ndp.ts',
    ],
    [
      '5.5',
      'Global addresses from advertised prefixes (SLAAC)',
      'Link-local from the MAC, all others are configured',
      'A host of an exchange has the addresses that it is given',
      'packages/ip/src/addresses6.ts',
    ],
  ),
  ...gaps(5227, [
    '2.1',
    'MUST probe an IPv4 address before it is used',
    'Announced and defended, not probed; IPv6 addresses are probed',
    'A probe takes seconds at each start, for addresses that are configured by hand',
    'packages/ip/src/arp.ts',
  ]),
  ...gaps(5482, [
    '3',
    'The User Timeout option tells the peer, and what the peer tells adapts the timeout',
    'Neither sent nor read; the timeout is local, by `userTimeoutNs` and per connection',
    'Optional, and Linux does not send it either',
    'packages/wire/src/tcp-options.ts',
  ]),
  ...gaps(5681, [
    '4.2',
    'SHOULD acknowledge every second full-sized segment at least',
    'One ACK for a burst (`ingressBatch`: 32 frames); `receiveRuns: false` does as asked',
    'RFC 9293, 3.8.6.3, names it as practice; an ACK costs more than to take a segment',
    'packages/tcp/src/receive.ts',
  ]),
  ...gaps(5925, [
    '',
    'TCP authentication option',
    'Neither sent nor checked',
    'Nobody has asked for it; what needs protection is protected below or above',
    'packages/wire/src/tcp-options.ts',
  ]),
  ...gaps(6298, [
    '2.4',
    'SHOULD round a timeout of less than a second up to one',
    '`rtoMinNs`, 200 ms by default',
    'As Linux; clocks are exact, and what proves spurious is taken back',
    'packages/tcp/src/rtt.ts',
  ]),
  ...gaps(
    6724,
    [
      '5',
      'Eight rules choose the source address',
      'Scope, then the longest common prefix; tentative addresses are not used',
      'There are no deprecated, temporary or mobile addresses, and one interface',
      'packages/ip/src/addresses6.ts',
    ],
    [
      '6',
      'Ten rules order the destinations that a name has',
      'Not done: `connect` takes one address',
      'The stack resolves no names',
      'packages/stack/src/stack.ts',
    ],
  ),
  ...gaps(
    7661,
    [
      '4.2',
      'pipeACK measures how much of the window is used, over several round trips',
      'Each ACK compares what was in flight with the window',
      'What is needed to keep an unused window from growing, and no more',
      'packages/tcp/src/ack.ts',
    ],
    [
      '4.3',
      'In the non-validated phase the window is kept, for five minutes at most',
      'After a timeout of silence it is an initial window (RFC 5681, 4.1)',
      'The older rule is the more careful one on a network that others share',
      'packages/tcp/src/transmit.ts',
    ],
  ),
  ...gaps(8200, [
    '4.5',
    'Nodes take datagrams in fragments, of 1,500 bytes at least (5), and may send them',
    'All but atomic ones (RFC 6946) are dropped and counted, and none are sent',
    'TCP needs none, and UDP of an exchange fits into a packet',
    'packages/ip/src/ipv6-input.ts',
  ]),
  ...gaps(8985, [
    '7.2',
    'A probe timeout is two round trips, or a second without a sample',
    'At least 1 ms, and none before the first sample: then the timeout repairs the tail',
    'On a path of 20 us a pause of the poll loop is longer than two round trips',
    'packages/tcp/src/retransmit.ts',
  ]),
  ...gaps(
    9293,
    [
      '3.4.2',
      'MSL is taken to be two minutes, so that TIME-WAIT lasts four (3.6.1)',
      '`timeWaitNs`, 60 s by default',
      'As Linux; an old duplicate meets PAWS and a keyed initial sequence number',
      'packages/tcp/src/config.ts',
    ],
    [
      '3.4.3',
      'A host that has lost its memory of connections keeps quiet for an MSL',
      'It speaks at once',
      'As everybody; the secret and with it the sequence numbers (RFC 6528) are new ones',
      'packages/tcp/src/isn.ts',
    ],
    [
      '3.6',
      "FIN-WAIT-2 lasts until the peer's FIN comes",
      '`finWait2Ns` after `close`, 60 s by default; without end after `shutdown`',
      'As Linux: nobody is left to read, and a peer that is gone would hold a connection',
      'packages/tcp/src/close.ts',
    ],
    [
      '3.8.1',
      'A SYN-ACK that nobody answers is sent again',
      'Not one that is a SYN cookie: nothing is kept that could send it',
      "The client's SYN comes again, which RFC 4987, 3.6, takes for enough",
      'packages/tcp/src/syn-ack.ts',
    ],
    [
      '3.8.2',
      'MUST implement congestion control',
      'Does, and `Congestion.None` switches it off for who asks for it by name',
      'For links on which no congestion can arise; never for a shared network',
      'packages/tcp/src/congestion/none.ts',
    ],
    [
      '3.8.3',
      'R2 of a SYN MUST be three minutes at least',
      '183 s for a SYN, 63 s for a SYN-ACK; `synAckRetriesMax` makes it longer',
      'As Linux: who answers pays for somebody that may not exist',
      'packages/tcp/src/config.ts',
    ],
    [
      '3.8.6.1',
      'A probe of a closed window has an octet of new data, if there is any',
      'It has none, but an old sequence number',
      'As Linux; a peer has to answer it (3.10.7.4)',
      'packages/tcp/src/transmit.ts',
    ],
    [
      '3.8.6.3',
      'SHOULD acknowledge every second full-sized segment at least',
      'One ACK for all segments of a burst; see RFC 5681, 4.2',
      'The same section names it as practice',
      'packages/tcp/src/receive.ts',
    ],
    [
      '3.9.1.8',
      'MUST be able to report soft errors to the application as they come',
      'They are the reason that is told with a later timeout',
      'An application can do nothing with them while the connection lives',
      'packages/tcp/src/icmp-error.ts',
    ],
    [
      '3.9.2.1',
      'MUST let the application set a source route, and return one that came',
      'No source routes at all',
      'Networks drop them, and they pass by filters',
      'packages/ip/src/ipv4-input.ts',
    ],
    [
      '3.10.7.4',
      'SHOULD hold segments that come out of order',
      'Held, but for those that IP has put together from fragments',
      'They lie in memory of IP; they come again, and what is next is taken',
      'packages/tcp/src/text-arrives.ts',
    ],
  ),
  ...gaps(
    9768,
    [
      '3.2.2.5.1',
      'SHOULD acknowledge at once when the codepoint changes',
      'With the rest of its burst; the first mark, and every second, at once',
      'The section allows it where segments are taken together',
      'packages/tcp/src/accecn-receive.ts',
    ],
    [
      '3.2.3.2',
      'A path that eats the option is found out',
      'In the handshake and where segments are repeated; not later on',
      'Without the option the marked packets still count, by three bits',
      'packages/tcp/src/accecn-send.ts',
    ],
  ),
  ...gaps(9776, [
    '2',
    'Source filters: a host asks for a group from some sources, or from all but some',
    'Joins are of any source, and the stack takes what comes',
    'A feed has a group of its own',
    'packages/ip/src/igmp.ts',
  ]),
  ...gaps(9777, [
    '3',
    'Source filters, as in IGMP version 3',
    'Joins are of any source',
    'As for IPv4',
    'packages/ip/src/mld.ts',
  ]),
  ...gaps(
    'draft-ietf-ccwg-bbr',
    [
      '4.3.4',
      'After PROBE_RTT a loss bounds the short-term model like any other',
      'Not in the two round trips after it',
      'The rate of a pipe that was emptied on purpose would count as that of the path',
      'packages/tcp/src/congestion/bbr-model.ts',
    ],
    [
      '4.6.3',
      'What leaves in one go is worth a millisecond of the rate',
      '20 us, two segments at least',
      'A millisecond is 50 round trips of a short path, which would stand in its queue',
      'packages/tcp/src/congestion/bbr-model.ts',
    ],
    [
      '',
      'Nothing about ECN',
      'A mark counts as a lossy round and ends a probe; the share of marks is not used',
      'RFC 3168, 5, asks for the reaction to a loss',
      'packages/tcp/src/congestion/bbr.ts',
    ],
  ),
];
