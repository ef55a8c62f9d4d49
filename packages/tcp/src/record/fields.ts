/**
 * The fields of a connection: where each lies, what it holds, how it begins.
 *
 * A connection is a record in typed memory, so that its size is known and a million of them are a
 * handful of arrays, and a handle that holds what is read all the time. This table is the one place
 * that says what there is; `main.ts` writes `../tcb-record.ts` from it, and a test checks that they
 * agree.
 *
 * Four groups. `own` are properties of the handle: what a segment of 64 bytes, its answer and the
 * acknowledgement touch three times or more (together 380 accesses; one to typed memory costs about
 * a nanosecond more). `kept` outlives a connection: lists, addresses. `main` is what
 * every connection needs. `rare` lies in a second record that is attached with the first write of a
 * value other than the initial one: loss, reordering, probing, knobs that an owner has turned. A
 * connection that knows none of these reads the initial values.
 *
 * Number types. `i32` for sequence numbers, frames, slots and bytes in queues (all below 2^31),
 * `u16` and `u8` where a field of a header or a named limit bounds the value, `u32` for counters
 * that wrap as those of TCP_INFO do, `f64` for nanoseconds (exact to 2^53, 104 days), rates, and
 * what a controller counts in fractions of a byte.
 *
 * @module
 */

/** How a field is stored. */
export type FieldType = 'own' | 'f64' | 'i32' | 'u32' | 'u16' | 'u8';

/** One field. */
export interface Field {
  readonly type: FieldType;
  readonly name: string;
  /** Its docstring. */
  readonly doc: string;
  /** Source text of the initial value. */
  readonly initial: string;
}

type Row = readonly [type: FieldType, name: string, doc: string, initial?: string];

function rows(...list: readonly Row[]): readonly Field[] {
  return list.map(([type, name, doc, initial = '0']) => ({ type, name, doc, initial }));
}

/** What nearly every segment reads or writes, several times: properties of the object itself. */
export const OWN: readonly Field[] = rows(
  ['own', 'flags', 'Bits of {@link Flag}.'],
  ['own', 'state', '{@link State}.'],
  ['own', 'rcvNxt', 'Next sequence number expected.'],
  ['own', 'sndNxt', 'Next sequence number to send.'],
  ['own', 'sndUna', 'Oldest sequence number that is not acknowledged.'],
  ['own', 'sndWnd', "The peer's window in bytes."],
  ['own', 'mss', 'Payload of a full-sized segment (Eff.snd.MSS of RFC 9293, 3.7.1).', '536'],
  ['own', 'rcvMss', 'Largest segment lately: "full-sized" for the delayed ACK.', '536'],
  ['own', 'rateOn', '1 when the controller works from delivery rates: it owns `cwnd` and paces.'],
  ['own', 'ports', '`localPort << 16 | remotePort`.'],
  ['own', 'rcvAdv', 'Right edge of the window advertised: RCV.NXT + RCV.WND. Never moves back.'],
  ['own', 'tsRecent', 'TS.Recent.'],
  ['own', 'sqUnsent', 'First frame that was never sent.', 'NO_FRAME'],
  ['own', 'sqHead', 'First frame of the send queue.', 'NO_FRAME'],
  ['own', 'sqTail', 'Last frame of the send queue.', 'NO_FRAME'],
  ['own', 'recovery', '`Recovery` of recovery.ts.'],
  ['own', 'generation', 'Counts uses of this slot: (slot, generation) detects reuse.'],
  ['own', 'sndEnd', 'Sequence number behind everything that is queued.'],
  ['own', 'sqFrames', 'Frames in the send queue.'],
  ['own', 'retransmitAtNs', 'RTO, persist, tail probe or RACK: see `retransmitKind`.', 'Infinity'],
  ['own', 'rtoAtNs', 'When the RTO would fire, whatever `retransmitKind` is.', 'Infinity'],
  ['own', 'rcvAcked', 'Right edge of what was acknowledged (Last.ACK.sent of RFC 7323).'],
  ['own', 'segmentsOut', 'Segments sent.'],
  ['own', 'reservedFrame', 'Frame handed out by `reserve`.', 'NO_FRAME'],
  ['own', 'srttNs', 'Smoothed round-trip time; 0 before the first sample.'],
  ['own', 'cwnd', 'Congestion window.'],
  ['own', 'sndWndMax', 'Largest window the peer ever offered (Fs of RFC 9293, 3.8.6.2.1).'],
  ['own', 'rqFrames', 'Frames of it.'],
  ['own', 'sndWl1', 'Sequence number of the last window update.'],
  ['own', 'segmentsIn', 'Segments received.'],
  ['own', 'accEcn', 'Accurate ECN: bits of `Acc`; 0 when it is not in use.'],
  ['own', 'rcvBufBytes', 'Bytes that may be received and kept.', 'config.receiveBufferBytes'],
  ['own', 'remote3', "Last word of the peer's address."],
  ['own', 'rqBytes', 'Bytes of it.'],
  ['own', 'rcvShift', 'Our window scale.'],
  ['own', 'sndUp', 'End of the latest urgent data (SND.UP).'],
  ['own', 'sackedBytes', 'Bytes of the queue that are SACKed, or implied by duplicate ACKs.'],
);

/** What outlives a connection. Its setters are part of making and removing one. */
export const KEPT: readonly Field[] = rows(
  ['i32', 'egressNext', 'Next in the needs-egress list.', '-1'],
  ['i32', 'listNext', 'Next in the free or TIME-WAIT list.', '-1'],
  ['i32', 'listPrev', 'Previous in the TIME-WAIT list.', '-1'],
  ['i32', 'hash', 'Demux hash, kept for removal.'],
  ['i32', 'local0', 'Our address, four words in network order; IPv4 is ::ffff:a.b.c.d.'],
  ['i32', 'local1', 'Second word of our address.'],
  ['i32', 'local2', 'Third word of our address.'],
  ['i32', 'local3', 'Last word of our address.'],
  ['i32', 'remote0', "The peer's address, likewise."],
  ['i32', 'remote1', "Second word of the peer's address."],
  ['i32', 'remote2', "Third word of the peer's address."],
  ['i32', 'neighbour', "IP's own: index of the next hop's neighbour entry, or -1.", '-1'],
  ['i32', 'neighbourVersion', "IP's own: version for which `neighbour` holds.", '-1'],
  ['u16', 'ipMtu', 'Largest packet that IP knows to pass to the peer.', '1500'],
  ['u16', 'addressSum', 'Folded sum of both addresses, for the pseudo header.'],
  ['u8', 'family', '4 or 6.', '4'],
  ['u8', 'trafficClass', 'DSCP of every packet sent; the ECN bits are 0 here.'],
  ['u8', 'hopLimit', 'Time to live or hop limit of every packet sent.', '64'],
);

/** What every connection needs. */
export const MAIN: readonly Field[] = rows(
  ['i32', 'token', 'Free for the owner (int32); set to 0 when the connection is made.'],
  ['i32', 'listener', 'Id of the listener of a passive open, or -1.', '-1'],

  // Send sequence variables (RFC 9293, 3.3.1).
  ['i32', 'iss', 'Initial send sequence number.'],
  ['i32', 'sndWl2', 'Acknowledgment number of the last window update.'],
  ['i32', 'sndSmall', "End of the last segment below the MSS (Minshall's form of Nagle)."],
  ['u8', 'sndShift', "The peer's window scale."],
  ['u8', 'unanswered', 'Timeouts and probes in a row that nothing answered.'],
  ['u16', 'mssMax', 'Largest MSS that we offer or use.', 'config.mssMax'],
  ['u16', 'peerMss', "What the peer's MSS option said.", '536'],
  ['u16', 'pathMtu', 'Largest packet that this connection knows to pass.', 'MTU_MAX'],
  ['u16', 'mtuSeen', '`ipMtu` for which `mss` holds.'],

  // The rest of the send queue: frames in the order of their sequence numbers.
  ['i32', 'sqLost', 'No lost frame lies before this one.', 'NO_FRAME'],
  ['i32', 'sndBufBytes', 'Bytes that may be queued.', 'config.sendBufferBytes'],
  ['i32', 'reservedAt', 'Where the room in it begins.'],
  ['i32', 'reservedBytes', 'The room in it.'],

  // Receive sequence variables.
  ['i32', 'irs', 'Initial receive sequence number.'],
  ['i32', 'rqHead', 'First frame of in-order data that is not delivered.', 'NO_FRAME'],
  ['i32', 'rqTail', 'Last frame of it.', 'NO_FRAME'],
  ['u8', 'quickAcks', 'So many ACKs do not wait for data to ride on.'],
  ['u8', 'ackAlone', '1 after a delayed ACK for which no data came.'],
  ['u8', 'dupAcksOwed', 'Duplicate ACKs owed to a peer without SACK.'],
  ['u16', 'rcvMssNext', 'Largest segment of the current round trip: `rcvMss` of the next.'],
  ['i32', 'drsSeq', 'Start of the current measurement for window auto-tuning.'],
  ['f64', 'drsNs', 'When it started.'],

  // Timestamps (RFC 7323).
  ['i32', 'tsOffset', "The connection's own offset of the timestamp clock."],
  ['f64', 'tsRecentNs', 'When TS.Recent was updated.'],

  // Round-trip time (RFC 6298), in nanoseconds.
  ['f64', 'rttvarNs', 'Its variation.'],
  ['f64', 'rtoNs', 'Retransmission timeout without backoff.', 'config.rtoInitialNs'],
  ['f64', 'minRttNs', 'Smallest round trip in the last window.'],
  ['f64', 'minRttAtNs', 'When it was seen.'],
  ['u16', 'backoff', 'Timeouts in a row.'],

  // Congestion control and loss recovery, in bytes.
  ['u8', 'congestion', '{@link Congestion}.', 'config.congestion'],
  ['i32', 'dupAcks', 'Duplicate ACKs in a row.'],
  ['f64', 'ssthresh', 'Slow start threshold.'],
  ['f64', 'cwndAcked', 'Bytes acknowledged towards the next growth (RFC 3465).'],
  ['i32', 'recover', 'SND.NXT when recovery began.'],
  ['i32', 'sackHigh', 'Highest sequence number SACKed.'],
  ['i32', 'ecnRecover', 'SND.NXT when ECN last reduced the window.'],
  ['f64', 'delivered', 'Bytes delivered so far, selectively or not.'],
  ['f64', 'cwndLimitedUntil', 'The congestion window limits what is delivered by then.'],
  ['f64', 'growthMax', 'Window up to which the flight of this round trip allows growth.'],
  ['i32', 'growthEnd', 'SND.NXT when it was last found.'],
  ['u8', 'stretched', '1 when slow start is paced: one ACK has covered a long run.'],
  ['f64', 'hyLastMinNs', 'HyStart++: smallest round trip of the last round.'],
  ['f64', 'hyMinNs', 'HyStart++: smallest round trip of this round.'],
  ['f64', 'hyBaselineNs', 'HyStart++: round trip with which CSS began.'],
  ['i32', 'hyRoundEnd', 'HyStart++: end of this round.'],
  ['u8', 'hySamples', 'HyStart++: samples of this round, counted as far as they matter.'],
  ['u8', 'hyCssRounds', 'HyStart++: rounds of CSS.'],

  // RACK-TLP (RFC 8985).
  ['f64', 'rackSentNs', 'RACK.xmit_ts.'],
  ['f64', 'rackRttNs', 'RACK.rtt.'],
  ['i32', 'rackEnd', 'RACK.end_seq.'],

  // Deadlines in nanoseconds, NEVER when not set; the wheel holds the earliest.
  ['f64', 'ackAtNs', 'Delayed ACK.', 'Infinity'],
  ['f64', 'keepaliveAtNs', 'Keepalive.', 'Infinity'],
  ['f64', 'lingerAtNs', 'TIME-WAIT, FIN-WAIT-2.', 'Infinity'],
  ['f64', 'userTimeoutAtNs', 'User timeout.', 'Infinity'],
  ['f64', 'paceAtNs', 'The pacer, or another try for a frame.', 'Infinity'],
  ['u8', 'retransmitKind', '`Retransmit` of retransmit.ts.'],
  ['u16', 'keepaliveProbes', 'Keepalive probes in a row.'],

  // Times and totals for TCP_INFO.
  ['f64', 'lastReceivedNs', 'When the last segment came.'],
  ['f64', 'lastSentNs', 'When the last segment left.'],
  ['f64', 'lastDataNs', 'When the last data left.'],
  ['f64', 'bytesAcked', 'Bytes acknowledged.'],
  ['f64', 'bytesReceived', 'Bytes received in order.'],
  ['u32', 'retransmits', 'Segments sent again, mod 2^32.'],
);

/** What few connections need, in a record of its own. */
export const RARE: readonly Field[] = rows(
  // Reassembly.
  ['i32', 'ooHead', 'First frame of out-of-order data.', 'NO_FRAME'],
  ['i32', 'ooLastRun', 'First frame of the last run.', 'NO_FRAME'],
  ['i32', 'ooBytes', 'Out-of-order bytes.'],
  ['i32', 'ooFrames', 'Out-of-order frames.'],
  ['i32', 'ooRecent', 'Where the last segment went: the first SACK block (RFC 2018, 4).'],
  ['i32', 'ooRecent1', 'Where the one before it went.'],
  ['i32', 'ooRecent2', 'And the one before that.'],
  ['i32', 'ooRecent3', 'And the one before that.'],
  ['i32', 'ooRecentEnd', 'End of the last.'],
  ['i32', 'ooFresh', 'Runs that no SACK block has reported as they are now.'],
  ['i32', 'dsackLeft', 'Duplicate to report with the next ACK (RFC 2883); empty when equal.'],
  ['i32', 'dsackRight', 'Its end.'],
  ['i32', 'dsackLeft1', 'The next duplicate to report.'],
  ['i32', 'dsackRight1', 'Its end.'],
  ['i32', 'dsackLeft2', 'The third duplicate to report.'],
  ['i32', 'dsackRight2', 'Its end.'],
  ['i32', 'dsackLeft3', 'The fourth duplicate to report.'],
  ['i32', 'dsackRight3', 'Its end.'],

  // Urgent data that comes (urgent.ts).
  ['f64', 'rcvUp', 'End of urgent data (RCV.UP), counted as `bytesReceived`; 0 for none.'],

  // Loss recovery.
  ['i32', 'lostBytes', 'Bytes of the queue that are lost.'],
  ['i32', 'retransBytes', 'Bytes of the queue that were lost and sent again.'],
  ['i32', 'prrDelivered', 'prr_delivered (RFC 6937).'],
  ['i32', 'prrOut', 'prr_out (RFC 6937).'],
  ['i32', 'recoverFlight', 'What was outstanding when recovery began, or a tail probe left.'],
  ['i32', 'undoSeq', 'SND.UNA when the reduction that may be spurious was made.'],
  ['i32', 'undoCount', 'Retransmissions not yet proved spurious; -1 for nothing to undo.', '-1'],
  ['i32', 'undoLeft', 'Where the retransmissions of this recovery begin.'],
  ['i32', 'undoRight', 'Where they end: only a report of these can be of one.'],
  ['i32', 'undoTs', 'TSval of the first retransmission (Eifel, RFC 3522).'],
  ['f64', 'undoCwnd', 'Congestion window before the reduction.'],
  ['f64', 'undoSsthresh', 'Slow start threshold before the reduction.'],
  ['i32', 'tlpEnd', 'TLP.end_seq.'],
  ['i32', 'rackRoundEnd', 'End of the round in which reordering was last seen.'],
  ['u16', 'rackReoMult', 'RACK.reo_wnd_mult.', '1'],
  ['u8', 'rackReoPersist', 'RACK.reo_wnd_persist.'],
  ['u8', 'rackRound', '1 while such a round goes on.'],
  ['f64', 'lostTotal', 'Bytes marked lost so far.'],
  ['f64', 'challengedNs', 'When a segment outside the window was last answered, or -1.', '-1'],

  // Accurate ECN (RFC 9768); counters mod 2^32.
  ['i32', 'rcvCep', 'r.cep: packets that came with a mark.'],
  ['i32', 'sndCep', 's.cep: packets of ours that the peer says it got with a mark.'],
  ['i32', 'rcvE0b', 'r.e0b: bytes that came as ECT(0).'],
  ['i32', 'rcvCeb', 'r.ceb: bytes that came with a mark.'],
  ['i32', 'rcvE1b', 'r.e1b: bytes that came as ECT(1).'],
  ['i32', 'sndE0b', 's.e0b: bytes of ours that the peer says it got as ECT(0).'],
  ['i32', 'sndCeb', 's.ceb: with a mark.'],
  ['i32', 'sndE1b', 's.e1b: as ECT(1).'],
  ['i32', 'accOptionSeq', 'Where the stream stood when the option was last sent.'],
  ['i32', 'aceTs', 'Timestamp of the newest feedback.'],
  ['i32', 'ceUnsent', 'Marked packets since a segment was last sent.'],

  // CUBIC after its first reduction (RFC 9438).
  ['f64', 'cubicWMax', 'Window before the last reduction.'],
  ['f64', 'cubicK', 'Time to reach it again, in seconds.'],
  ['f64', 'cubicEpochNs', 'Start of the epoch.'],
  ['f64', 'cubicWEst', 'What Reno would have.'],
  ['f64', 'cubicPrior', 'Congestion window before the last reduction (cwnd_prior).'],

  // Delivery rates and pacing.
  ['f64', 'deliveredNs', 'When the last bytes were delivered.'],
  ['f64', 'firstSentNs', 'When the latest segment known to be delivered was sent.'],
  ['f64', 'appLimitedUntil', 'Samples are application-limited until so much is delivered, or 0.'],
  ['f64', 'pacingRate', 'Bytes per second that the controller wants.'],
  ['f64', 'sendQuantum', 'Bytes that leave in one go.'],
  ['f64', 'paceNextNs', 'When the pacer lets the next segment go.'],

  // The search for a larger packet (path-mtu.ts).
  ['f64', 'mtuProbeAtNs', 'When the next probe may leave.', 'Infinity'],
  ['i32', 'mtuProbeFrame', 'Frame of the probe that is out, while it is whole.', 'NO_FRAME'],
  ['i32', 'mtuProbeEnd', 'Its end.'],
  ['u16', 'mtuProbe', 'Packet size of the probe that is out, or 0.'],
  ['u16', 'mtuHigh', 'Upper bound of the search.', 'MTU_MAX'],
  ['u16', 'mtuSuspect', 'Segments so large seem to vanish; MTU_MAX when none do.', 'MTU_MAX'],
  ['u8', 'mtuTop', 'Whether the upper bound is tried first.'],

  // Knobs that an owner may turn, and the start of a connection with fast open.
  ['f64', 'userTimeoutNs', 'User timeout (RFC 5482).', 'config.userTimeoutNs'],
  ['f64', 'keepaliveIdleNs', 'Silence before keepalive.', 'config.keepaliveIdleNs'],
  ['f64', 'keepaliveIntervalNs', 'Between its probes.', 'config.keepaliveIntervalNs'],
  ['i32', 'keepaliveProbesMax', 'Probes before giving up.', 'config.keepaliveProbesMax'],
  ['i32', 'fastOpenBytes', 'Payload of our SYN.'],
  ['u8', 'fastOpen', '`FastOpen` of fast-open.ts; 0 once the handshake is complete.'],
);
