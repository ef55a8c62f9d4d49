/**
 * The knobs of TCP, their defaults and their reasons.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { TCP_WINDOW_SCALE_MAX } from '@tickwire/wire';
import { congestionNamed } from './congestion/names.ts';
import { CONTROLLERS } from './congestion/registry.ts';
import { KEEPALIVE_PROBES_MAX } from './limits.ts';

const MS = 1_000_000;
const SECOND = 1_000_000_000;

/** Which congestion controller a connection uses. */
export const Congestion = {
  /** RFC 5681 with appropriate byte counting (RFC 3465). */
  NewReno: 0,
  /** RFC 9438 with HyStart++ (RFC 9406). */
  Cubic: 1,
  /** BBR version 3 (draft-ietf-ccwg-bbr); always paced. */
  Bbr: 2,
  /**
   * A fixed window: what the peer and the send buffer allow, with loss recovery. Only for links on
   * which no congestion can arise; never for a network that others share (RFC 2914, RFC 8085).
   */
  None: 3,
} as const;

/** Any value of {@link Congestion}. */
export type Congestion = (typeof Congestion)[keyof typeof Congestion];

/**
 * Explicit congestion notification, in the numbers of Linux's `tcp_ecn`. Who asks for Accurate ECN
 * (RFC 9768) gets classic ECN (RFC 3168) from a peer that knows no better.
 */
export const Ecn = {
  /** Neither asked for nor accepted. */
  Off: 0,
  /** Classic ECN is asked for and accepted. */
  Classic: 1,
  /** Classic ECN is accepted. */
  ClassicPassive: 2,
  /** Accurate ECN is asked for; either is accepted. */
  Accurate: 3,
  /** Classic ECN is asked for; either is accepted. */
  AccurateAskClassic: 4,
  /** Either is accepted. */
  AccuratePassive: 5,
} as const;

/** Any value of {@link Ecn}. */
export type Ecn = (typeof Ecn)[keyof typeof Ecn];

/** The options whose order on a SYN can be chosen, in Linux's order. */
export const SYN_OPTIONS = ['mss', 'sackPermitted', 'timestamps', 'windowScale'] as const;

/** One of {@link SYN_OPTIONS}. */
export type SynOption = (typeof SYN_OPTIONS)[number];

/** Everything that can be set. {@link tcpConfig} fills in the defaults. */
export interface TcpConfig {
  /** Connections, TIME-WAIT included. The oldest TIME-WAIT gives way when all are taken. */
  readonly connectionsMax: number;
  /** Listeners. */
  readonly listenersMax: number;
  /** Half-open connections of all listeners together, about 90 bytes each. */
  readonly synCacheMax: number;
  /**
   * SYN cookies (RFC 4987), in Linux's numbers: 0 never (the oldest half-open connection gives
   * way), 1 for SYNs for which there is no room, 2 for every SYN.
   */
  readonly synCookies: 0 | 1 | 2;
  /**
   * Four random words under which sequence numbers, ports, cookies and tables are hashed. Null
   * draws them from the generator, whose seed is then the secret: for tests.
   */
  readonly secret: ArrayLike<number> | null;

  /** Bytes that one connection may hold unacknowledged and unsent. */
  readonly sendBufferBytes: number;
  /** Frames that one connection may hold in its send queue. */
  readonly sendFramesMax: number;
  /** Receive buffer of a new connection: its first window. */
  readonly receiveBufferBytes: number;
  /** Up to this the receive buffer grows by itself; fixes the window scale at the handshake. */
  readonly receiveBufferBytesMax: number;
  /**
   * Frames that one connection may hold in its receive queue and in reassembly. The window promises
   * no more than so many full-sized segments: raise it with `receiveBufferBytesMax` for long paths.
   */
  readonly receiveFramesMax: number;
  /**
   * Frames that all send queues together may hold; 0 is half of the pool. A pool that writers can
   * empty has none left for the ACKs that would give frames back.
   */
  readonly sendFramesTotalMax: number;
  /** Frames that all receive queues and reassembly may hold; 0 is a quarter of the pool. */
  readonly receiveFramesTotalMax: number;

  /** Upper bound of the MSS that is offered; the path MTU may ask for less. */
  readonly mssMax: number;
  /** Believe routers that say a packet is too large (RFC 1191, RFC 8201), after validation. */
  readonly pathMtuDiscovery: boolean;
  /**
   * Probing for the path MTU with data (RFC 4821), in the numbers of Linux's tcp_mtu_probing: 0
   * off; 1 when timeouts of large segments show a black hole, and to find that a path has grown;
   * 2 on each connection from the start, which begins with `mtuBaseMss`. Needs SACK.
   */
  readonly mtuProbing: 0 | 1 | 2;
  /** MSS, timestamps included, of a path of which nothing is known (RFC 4821, 7.2). */
  readonly mtuBaseMss: number;
  /** How long a path is taken for as small as it was found (RFC 1191, 6.3: ten minutes). */
  readonly mtuRaiseNs: number;
  /** Window scale option (RFC 7323). */
  readonly windowScaling: boolean;
  /**
   * The shift that it offers, 0 to 14; -1 is the smallest with which `receiveBufferBytesMax` fits
   * into the window field. A smaller one bounds the window to 65,535 << shift; a larger one makes
   * its unit coarse, and a buffer below one unit would never open it.
   */
  readonly windowShift: number;
  /**
   * Order of the options on SYN and SYN-ACK: each of {@link SYN_OPTIONS} once, in Linux's order by
   * default. What is off or was not offered is left out. Fast open and Accurate ECN go behind.
   */
  readonly synOptionOrder: readonly SynOption[];
  /** Timestamps option (RFC 7323): PAWS, spurious retransmission detection, TIME-WAIT reuse. */
  readonly timestamps: boolean;
  /**
   * Segments without timestamps, on a connection that agreed on them, are dropped unless they are
   * RST or SYN (RFC 7323, 3.2). Linux takes them, but always sends its own; off is for a middlebox
   * that strips options, and leaves those segments without PAWS.
   */
  readonly timestampsRequired: boolean;
  /** SACK (RFC 2018). Without it loss recovery is NewReno (RFC 6582). */
  readonly sack: boolean;
  /** Explicit congestion notification, classic (RFC 3168) or accurate (RFC 9768). */
  readonly ecn: Ecn;

  /** Nagle's algorithm. Off: a trading message waits for nothing, and bursts coalesce anyway. */
  readonly nagle: boolean;
  /**
   * Software GRO: the segments of a burst are one run, with one ACK, one window update and one
   * `readable` (RFC 9293, 3.8.6.3 names it as practice). Off, each segment goes the whole way by
   * itself, and every second full-sized one is acknowledged at once: for a sender that counts ACKs
   * instead of bytes, and for measuring.
   */
  readonly receiveRuns: boolean;
  /**
   * Software TSO: what the windows allow leaves in one go, and a full-sized segment behind another
   * costs a copy of its header. Off, connections take turns segment by segment, and each segment is
   * built from the start: for measuring.
   */
  readonly sendBursts: boolean;
  /**
   * How long an ACK may wait for data to ride on (RFC 9293, 3.8.6.3: below 500 ms); less where none
   * does, and not at all behind a hole.
   */
  readonly delayedAckNs: number;

  /** Retransmission timeout before the first sample (RFC 6298, 2.1). */
  readonly rtoInitialNs: number;
  /** Lower bound of the retransmission timeout. A LAN takes microseconds; see README. */
  readonly rtoMinNs: number;
  /** Upper bound of the retransmission timeout (RFC 6298, 2.5: at least 60 s). */
  readonly rtoMaxNs: number;
  /**
   * Retransmissions of a SYN before giving up. RFC 9293, 3.8.3 asks for three minutes at least:
   * with timeouts of 60 s at most, seven end after 183 s. Linux's six, of 120 s, end after 127 s.
   */
  readonly synRetriesMax: number;
  /**
   * Retransmissions of a SYN-ACK before giving up: five, as Linux, end after 63 s. Who answers
   * costs memory for somebody that may not exist, and the SYN of one who does comes again.
   */
  readonly synAckRetriesMax: number;
  /** Timeouts in a row without progress before an open connection is given up (R2). */
  readonly retriesMax: number;
  /** Without progress for this long the connection is given up (RFC 5482); 0 is off. */
  readonly userTimeoutNs: number;

  /** Silence before the first keepalive probe; 0 is off (RFC 9293, 3.8.4: off by default). */
  readonly keepaliveIdleNs: number;
  /** Between keepalive probes. */
  readonly keepaliveIntervalNs: number;
  /** Unanswered keepalive probes before the connection is given up. */
  readonly keepaliveProbesMax: number;

  /** Length of TIME-WAIT: 2 MSL. 60 s as Linux; a new SYN with a newer timestamp may end it. */
  readonly timeWaitNs: number;
  /** How long FIN-WAIT-2 waits for the peer's FIN after `close` (not after `shutdown`). */
  readonly finWait2Ns: number;

  /** Challenge ACKs instead of trust (RFC 5961). */
  readonly rfc5961: boolean;
  /** Challenge ACKs per second over all connections (RFC 5961, 7). */
  readonly challengeAcksPerSecond: number;
  /** Resets per second sent to segments that belong to no connection. */
  readonly resetsPerSecond: number;

  /** Congestion controller of new connections. */
  readonly congestion: Congestion;
  /** Initial congestion window in segments (RFC 6928). */
  readonly initialWindowSegments: number;
  /**
   * Spread a window over its round trip instead of sending it in one burst. Slow start towards a
   * receiver whose ACKs cover long runs is paced in any case (RFC 9406, 4.2).
   */
  readonly pacing: boolean;

  /** First local port of outgoing connections (RFC 6335). */
  readonly ephemeralPortMin: number;
  /** Last local port of outgoing connections. */
  readonly ephemeralPortMax: number;
}

/** What {@link tcpConfig} takes: the values that differ from the defaults. */
export type TcpOptions = Partial<Omit<TcpConfig, 'congestion'>> & {
  /** Congestion controller of new connections, by number or by name: `bbr`, `cubic`, `reno`. */
  readonly congestion?: Congestion | string;
};

const DEFAULTS: TcpConfig = {
  connectionsMax: 16_384,
  listenersMax: 64,
  synCacheMax: 8192,
  synCookies: 1,
  secret: null,
  sendBufferBytes: 256 * 1024,
  sendFramesMax: 512,
  receiveBufferBytes: 256 * 1024,
  receiveBufferBytesMax: 4 * 1024 * 1024,
  receiveFramesMax: 1024,
  sendFramesTotalMax: 0,
  receiveFramesTotalMax: 0,
  mssMax: 1460,
  pathMtuDiscovery: true,
  mtuProbing: 1,
  mtuBaseMss: 1024,
  mtuRaiseNs: 600 * SECOND,
  windowScaling: true,
  windowShift: -1,
  synOptionOrder: SYN_OPTIONS,
  timestamps: true,
  timestampsRequired: true,
  sack: true,
  ecn: Ecn.ClassicPassive,
  nagle: false,
  receiveRuns: true,
  sendBursts: true,
  delayedAckNs: 20 * MS,
  rtoInitialNs: SECOND,
  rtoMinNs: 200 * MS,
  rtoMaxNs: 60 * SECOND,
  synRetriesMax: 7,
  synAckRetriesMax: 5,
  retriesMax: 15,
  userTimeoutNs: 0,
  keepaliveIdleNs: 0,
  keepaliveIntervalNs: 75 * SECOND,
  keepaliveProbesMax: 9,
  timeWaitNs: 60 * SECOND,
  finWait2Ns: 60 * SECOND,
  rfc5961: true,
  challengeAcksPerSecond: 1000,
  resetsPerSecond: 1000,
  congestion: Congestion.Cubic,
  initialWindowSegments: 10,
  pacing: false,
  ephemeralPortMin: 49_152,
  ephemeralPortMax: 65_535,
};

/**
 * A complete configuration from the values that differ from the defaults.
 *
 * @throws NetError `ERR_TW_CONFIG` when a value is out of its range or no controller has the name.
 *
 * @example
 * ```ts
 * const config = tcpConfig({ rtoMinNs: 5_000_000, timeWaitNs: 1_000_000_000 });
 * ```
 */
export function tcpConfig(overrides: TcpOptions = {}): TcpConfig {
  const { congestion: wanted = DEFAULTS.congestion, ...others } = overrides;
  const congestion = typeof wanted === 'string' ? congestionNamed(wanted) : wanted;
  const config: TcpConfig = { ...DEFAULTS, ...others, congestion };
  range(config, 'connectionsMax', 1, 2 ** 22);
  range(config, 'listenersMax', 1, 65_536);
  range(config, 'synCacheMax', 16, 2 ** 20);
  range(config, 'synCookies', 0, 2);
  if (config.secret !== null && config.secret.length !== 4) {
    throw new NetError('ERR_TW_CONFIG', 'TCP option secret has to be four words of 32 bits', {
      knob: 'secret',
      words: config.secret.length,
    });
  }
  range(config, 'sendBufferBytes', 1024, 2 ** 30);
  range(config, 'sendFramesMax', 4, 2 ** 20);
  range(config, 'receiveBufferBytes', 1024, config.receiveBufferBytesMax);
  range(config, 'receiveBufferBytesMax', 1024, 2 ** 30);
  range(config, 'receiveFramesMax', 4, 2 ** 20);
  range(config, 'windowShift', -1, TCP_WINDOW_SCALE_MAX);
  if (!Number.isInteger(config.windowShift)) {
    throw new NetError('ERR_TW_CONFIG', 'TCP option windowShift has to be a whole number', {
      knob: 'windowShift',
      value: config.windowShift,
    });
  }
  if (config.windowShift >= 0) {
    range(config, 'receiveBufferBytes', 2 ** config.windowShift, config.receiveBufferBytesMax);
  }
  checkOrder(config.synOptionOrder);
  range(config, 'mssMax', 64, 65_495);
  range(config, 'mtuBaseMss', 512, 65_495);
  // RFC 1191, 6.3: an increase is tried five minutes after a decrease at the earliest.
  range(config, 'mtuRaiseNs', 300 * SECOND, 86_400 * SECOND);
  range(config, 'ecn', Ecn.Off, Ecn.AccuratePassive);
  range(config, 'delayedAckNs', 0, 500 * MS);
  range(config, 'rtoMinNs', 1000, config.rtoMaxNs);
  range(config, 'rtoInitialNs', config.rtoMinNs, config.rtoMaxNs);
  range(config, 'rtoMaxNs', 1000, 3600 * SECOND);
  range(config, 'synRetriesMax', 0, 127);
  range(config, 'synAckRetriesMax', 0, 127);
  range(config, 'retriesMax', 1, 127);
  range(config, 'keepaliveProbesMax', 1, KEEPALIVE_PROBES_MAX);
  range(config, 'congestion', 0, CONTROLLERS.length - 1);
  range(config, 'initialWindowSegments', 1, 1000);
  range(config, 'timeWaitNs', 0, 3600 * SECOND);
  range(config, 'ephemeralPortMin', 1, config.ephemeralPortMax);
  range(config, 'ephemeralPortMax', 1, 65_535);
  return config;
}

function checkOrder(order: readonly string[]): void {
  if (order.length === SYN_OPTIONS.length && SYN_OPTIONS.every((name) => order.includes(name))) {
    return;
  }
  throw new NetError(
    'ERR_TW_CONFIG',
    `TCP option synOptionOrder is ${order.join()}; name each of ${SYN_OPTIONS.join()} once`,
    { knob: 'synOptionOrder', order: order.join() },
  );
}

type NumericKnob = {
  [K in keyof TcpConfig]: TcpConfig[K] extends number ? K : never;
}[keyof TcpConfig];

function range(config: TcpConfig, knob: NumericKnob, min: number, max: number): void {
  const value = config[knob];
  if (value >= min && value <= max) return;
  throw new NetError(
    'ERR_TW_CONFIG',
    `TCP option ${knob} is ${value}; choose a value from ${min} to ${max}`,
    { knob, value, min, max },
  );
}
