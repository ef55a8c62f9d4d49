/**
 * Every bound of this package that is not a knob, with its reason.
 *
 * @module
 */

/** Connections are created this many at a time, so that a small program stays small. */
export const TCB_SLAB = 256;

/** Doublings of a timeout that are counted: no timeout is short enough for more. */
export const BACKOFF_MAX = 64;

/** Keepalive probes without an answer, as in Linux. */
export const KEEPALIVE_PROBES_MAX = 127;

/** Records for what few connections need come this many at a time; the first is lent to none. */
export const RARE_SLAB = 64;

/** Duplicate ACKs that mean a loss without SACK (RFC 5681, 3.2). */
export const DUP_ACK_THRESHOLD = 3;

/** Smallest MSS that a peer or a path may impose: Linux's TCP_MIN_SND_MSS, against tiny ones. */
export const MSS_MIN = 48;

/** Largest payload that is copied into the tail of a queue instead of holding its frame. */
export const COALESCE_BYTES_MAX = 512;

/** Pause before a transmission that found no frame is tried again. */
export const ALLOC_RETRY_NS = 1_000_000;

/** Reports of duplicates this far behind are not waited for: a window and more (RFC 7323, 2.3). */
export const UNDO_REACH_BYTES: number = 2 ** 30;

/** A timestamp older than this is not trusted for PAWS (RFC 7323, 5.5: 24 days). */
export const PAWS_IDLE_NS: number = 24 * 86_400 * 1_000_000_000;

/** One tick of the timestamps that are sent (RFC 7323, 5.4: between 1 ms and 1 s). */
export const TIMESTAMP_TICK_NS = 1_000_000;

/** Granularity G of RFC 6298 in nanoseconds: arrival times are taken once per burst. */
export const CLOCK_GRANULARITY_NS = 1000;

/**
 * Ports tried in one `connect`: about 50 us. The next `connect` goes on behind them, so a free port
 * among 16,384 is found by the sixteenth call, and no call stops the poll loop.
 */
export const PORT_TRIES_MAX = 1024;

/** Counters of local port selection: RFC 6056, 3.3.4, suggests ten. Destinations share them. */
export const PORT_COUNTERS = 1024;

/** Connections that leave TIME-WAIT in one call of `timers`: about 50 us, the others stay due. */
export const TIME_WAIT_ENDS_PER_CALL = 256;

/**
 * Connections in TIME-WAIT that are looked at for one that may give way. Who has unread data may
 * not, and goes to the end of the list, so that the next attempt looks at others.
 */
export const TIME_WAIT_TRIES_MAX = 64;

/** SYN-ACKs sent again in one call of `timers`: two bursts of the device, the others stay due. */
export const SYN_TIMEOUTS_PER_CALL = 64;

/** Servers whose fast open cookies are kept (RFC 7413, 4.1.3: a bounded cache). */
export const FAST_OPEN_SERVERS_MAX = 1024;

/** Fast open cookies are good for one to two of these (RFC 7413, 4.1.2). */
export const FAST_OPEN_KEY_NS: number = 12 * 3600 * 1_000_000_000;

/** No data in a SYN to a server for this long after such a SYN was lost (RFC 7413, 4.1.3.1). */
export const FAST_OPEN_AVOID_NS: number = 3600 * 1_000_000_000;

/** A fast open connection that was reset counts as pending for so long (RFC 7413, 5.1). */
export const FAST_OPEN_RESET_HOLD_NS: number = 60 * 1_000_000_000;

/** Duplicate ACKs sent at once to a peer without SACK: a burst of the device. */
export const DUP_ACKS_OWED_MAX = 64;

/** Chains of listeners; a program has few of them. A power of two. */
export const LISTENER_BUCKETS = 256;

/** Not yet accepted connections of a listener by default. */
export const BACKLOG_DEFAULT = 128;

/** ACKs without delay after a hole or a duplicate, as Linux's TCP_MAX_QUICKACKS. */
export const QUICK_ACKS = 16;

/** An ACK on which no data rides waits for this part of the round trip, and so long at least. */
export const ACK_DELAY_PARTS = 8;
export const ACK_DELAY_MIN_NS = 1_000_000;

/** ACKs in answer to segments outside the window, per connection: one in this time. */
export const OUT_OF_WINDOW_ACK_NS = 10_000_000;

/** No path MTU below this is believed for IPv4: Linux's min_pmtu, against tiny segments. */
export const MTU_MIN_IPV4 = 552;

/** Largest IP packet: a path of which nothing is known. */
export const MTU_MAX = 65_535;

/** A search for the path MTU ends this close to the truth: Linux's tcp_probe_threshold. */
export const MTU_SEARCH_STOP = 8;

/** Full-sized segments behind a probe, so that SACK shows its loss (RFC 4821, 7.4). */
export const MTU_PROBE_FOLLOWERS = 3;

/** Timeouts in a row of a large segment that look like a black hole: Linux's tcp_retries1. */
export const MTU_BLACK_HOLE_TIMEOUTS = 3;

/** Timeouts of the next large one that prove it, when a small one has passed between. */
export const MTU_SUSPECT_TIMEOUTS = 2;

/** Every IPv6 link takes this much (RFC 8200, 5). */
export const MTU_MIN_IPV6 = 1280;

/** SYNs that ask for Accurate ECN before one that asks for nothing (RFC 9768, 3.1.4.1). */
export const ACCECN_SYNS = 2;

/** SYN-ACKs that agree on Accurate ECN, the second without option (RFC 9768, 3.2.3.2.2). */
export const ACCECN_SYN_ACKS = 2;

/** CE marks that make an ACK due, with data to acknowledge and without (RFC 9768, 3.2.2.5.1). */
export const ACE_MARKS_DATA = 2;
export const ACE_MARKS_PURE = 3;

/** Newly acknowledged packets with which a counter of three bits cannot have wrapped. */
export const ACE_PACKETS_SURE = 7;

/** Bytes after which a byte counter is told by an ACK of its own: 2^22 at most (3.2.3.3). */
export const ACCECN_OPTION_BYTES_MAX: number = 2 ** 20;

/** Room for two counters in each full-sized segment of a connection with Accurate ECN. */
export const ACCECN_RESERVED_BYTES = 8;

/** Shortest wait before a tail loss probe: the peer's poll loop and collector pauses take time. */
export const TAIL_PROBE_MIN_NS = 1_000_000;

/** How much faster than one window per round trip the pacer sends, as Linux: 200 % and 120 %. */
export const PACE_GAIN_SLOW_START = 2;
export const PACE_GAIN = 1.2;

/**
 * Segments by which an ACK opens the window without pacing: L of RFC 9406, 4.3. So many leave in
 * one go when slow start is paced for ACKs that cover more.
 */
export const SLOW_START_SEGMENTS = 8;

/** What the pacer sends in one go: less than a poll round is not worth a timer. */
export const PACE_SLACK_NS = 20_000;
