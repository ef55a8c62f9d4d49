/**
 * TCP as its owner sees it.
 *
 * @module
 */

import { assert, type FrameArena, NO_TIMER, type Prng, Status } from '@tickwire/base';
import type { IpFlow, IpMeta, IpOutput } from '@tickwire/wire';
import {
  abortConnection,
  closeConnection,
  finishOwner,
  shutdownSend,
  timeWaitTimers,
} from './close.ts';
import type { Congestion, TcpConfig } from './config.ts';
import { setController } from './congestion/choose.ts';
import { Core } from './core.ts';
import type { TcpCounters } from './counters.ts';
import type { TcpEvents } from './events.ts';
import { openActive } from './handshake.ts';
import {
  closeRows,
  fillRowInfo,
  findFlowRow,
  type HalfOpenInfo,
  rowIcmp,
  rowTimers,
} from './half-open.ts';
import { icmpArrives } from './icmp-error.ts';
import { fillInfo, type TcpInfo } from './info.ts';
import { KEEPALIVE_PROBES_MAX } from './limits.ts';
import type { Listener, ListenOptions } from './listener.ts';
import { openListener } from './listeners.ts';
import { PortSelector } from './ports.ts';
import { readBytes, resumeDelivery } from './receive.ts';
import { endRun } from './run.ts';
import { segmentArrives } from './segment-arrives.ts';
import {
  boundedMss,
  commitBytes,
  reserveBytes,
  sendQueueBytes,
  sendRoom,
  updateMss,
  writeBytes,
  writeUrgent,
} from './send.ts';
import { CloseReason, State } from './state.ts';
import { NO_ROW } from './syn-cache.ts';
import { Flag, NEVER, type Tcb } from './tcb.ts';
import { timerFires } from './timers.ts';
import { transmit } from './transmit.ts';
import { urgentBytes } from './urgent.ts';

/**
 * All connections of one stack on one thread. A connection that is over is changed no more: what
 * would set something of it returns `Status.BadState`, because its place may be another's soon.
 *
 * Not reentrant from below: `IpOutput.output` must queue, not deliver. Everything that the owner
 * does in an event is fine.
 *
 * @example
 * ```ts
 * const tcp = new Tcp(arena, ip, events, tcpConfig(), new Prng(seed), clock.nowNs());
 * tcp.listen(0, 0, 0, 0, 9000);
 * // in the poll loop, for each TCP packet and then once per round:
 * tcp.segmentArrives(meta, nowNs);
 * tcp.timers(nowNs);
 * tcp.egress(nowNs);
 * ```
 */
export class Tcp {
  /** The configuration it was made with. */
  readonly config: TcpConfig;
  /** What happened, by name. */
  readonly counters: TcpCounters;
  readonly #core: Core;
  readonly #ports: PortSelector = new PortSelector();

  constructor(
    arena: FrameArena,
    output: IpOutput,
    events: TcpEvents,
    config: TcpConfig,
    random: Prng,
    nowNs: number,
  ) {
    this.config = config;
    this.#core = new Core(arena, output, events, config, random, nowNs);
    this.counters = this.#core.counters;
  }

  /**
   * Takes one TCP packet, and one reference to its frame whatever it returns. The checksum was
   * verified by the caller. Returns `Status.Ok`, or the reason for which it was dropped.
   */
  segmentArrives(meta: IpMeta, nowNs: number): number {
    const frame = meta.frame;
    const status = segmentArrives(this.#core, meta, nowNs);
    if (frame >= 0) this.#core.arena.free(frame);
    return status;
  }

  /**
   * An ICMP error about a packet that we sent. `flow` has our address as local and the peer's as
   * remote; `seq` is the sequence number of the quoted header, which must lie in flight (RFC 5927);
   * `kind` is an `IcmpKind`; `mtu` is for `IcmpKind.TooBig`.
   */
  icmpError(
    flow: IpFlow,
    localPort: number,
    remotePort: number,
    seq: number,
    kind: number,
    mtu: number,
  ): number {
    const ports = (localPort << 16) | remotePort;
    const tcb = this.#core.lookupFlow(flow, ports);
    if (tcb === undefined) {
      const row = findFlowRow(this.#core, flow, ports);
      if (row !== NO_ROW) return rowIcmp(this.#core, row, seq, kind);
      this.#core.counters.icmpIgnored += 1;
      return Status.NotFound;
    }
    return icmpArrives(this.#core, tcb, seq, kind, mtu);
  }

  /** Runs every timer that is due, in order; what they want to send leaves with `egress`. */
  timers(nowNs: number): void {
    const core = this.#core;
    endRun(core);
    for (let slot = core.wheel.expire(nowNs); slot !== NO_TIMER; slot = core.wheel.expire(nowNs)) {
      core.counters.connectionsVisited += 1;
      timerFires(core, core.tcbs[slot]!, nowNs);
    }
    rowTimers(core, nowNs);
    timeWaitTimers(core, nowNs);
  }

  /**
   * When `timers` is to be called next, or Infinity. It may turn out that nothing is due then: a
   * deadline that moved later is noticed when the old one passes.
   */
  nextDeadlineNs(): number {
    const core = this.#core;
    let atNs = core.wheel.nextDeadlineNs();
    const synNs = core.synCache.nextDeadlineNs();
    if (synNs < atNs) atNs = synNs;
    const waiting = core.oldestTimeWait();
    return waiting !== undefined && waiting.lingerAtNs < atNs ? waiting.lingerAtNs : atNs;
  }

  /** Whether some connection waits for `egress`. */
  wantsEgress(): boolean {
    return this.#core.egressHead >= 0 || this.#core.run !== undefined;
  }

  /**
   * Sends what the windows allow and `output.room()` takes, for the connections that have something
   * to send. Returns the number of frames sent.
   */
  egress(nowNs: number): number {
    const core = this.#core;
    endRun(core);
    let sent = 0;
    for (;;) {
      let turn = 0;
      // Who comes back into the list while this runs waits for the next round.
      for (let left = core.egressCount; left > 0 && core.output.room() > 0; left -= 1) {
        core.counters.connectionsVisited += 1;
        turn += transmit(core, core.popEgress(), nowNs);
      }
      sent += turn;
      // Without bursts a turn is one segment of each connection: what windows allow takes more.
      if (core.config.sendBursts || turn === 0) return sent;
    }
  }

  /**
   * Listens on a port of one local address, or of any when all words are 0.
   *
   * @throws NetError `EADDRINUSE`, `ENOBUFS` or `EINVAL`.
   */
  listen(
    local0: number,
    local1: number,
    local2: number,
    local3: number,
    port: number,
    options: ListenOptions = {},
  ): Listener {
    return openListener(this.#core, local0, local1, local2, local3, port, options);
  }

  /**
   * Stops listening. Half-open connections go to another listener on the same port, else they are
   * reset; open ones go on.
   */
  unlisten(listener: Listener, nowNs: number): void {
    if (listener.open === 0) return;
    listener.open = 0;
    const core = this.#core;
    core.listenerTable.unlink(core.listeners, listener);
    closeRows(core, listener, nowNs);
    for (let slot = 0; listener.embryonic > 0 && slot < core.tcbs.length; slot += 1) {
      const tcb = core.tcbs[slot]!;
      if (tcb.state === State.SynReceived && tcb.listener === listener.id) {
        abortConnection(core, tcb, CloseReason.Aborted, nowNs);
      }
    }
  }

  /**
   * Begins to open a connection. `remote` supplies family, remote address, traffic class and hop
   * limit, and the local address or zeros (IP chooses); it is copied, and bound by the way.
   * `localPort` 0 chooses one (RFC 6056). Returns the connection in SYN-SENT; or
   * `Status.Unreachable`, `Status.Exists` (the 4-tuple is taken), `Status.LimitReached` (no free
   * connection or port). `opened` or `closed` follows. What is written before that is queued; with
   * `fastOpen`, what is written before the next `egress` rides on the SYN when the server has given
   * us a cookie before (RFC 7413). The server may then see it twice when the network duplicates it.
   */
  connect(
    remote: IpFlow,
    remotePort: number,
    localPort: number,
    nowNs: number,
    token: number = 0,
    fastOpen: boolean = false,
  ): Tcb | number {
    const core = this.#core;
    const bound = core.output.bindFlow(remote, nowNs);
    if (bound < 0) return bound;
    const ports = this.#ports;
    let port = localPort;
    if (port === 0) {
      port = ports.select(core, remote, remotePort, nowNs);
      if (port < 0) return port;
    } else if (!ports.take(core, remote, (port << 16) | remotePort, nowNs)) return Status.Exists;
    return (
      openActive(core, remote, port, remotePort, token, fastOpen, ports.floor, nowNs) ??
      Status.LimitReached
    );
  }

  /**
   * Copies bytes into the send queue. Returns how many were taken; when fewer than `length`,
   * `drained` follows. `Status.BadState` when the connection cannot send any more.
   */
  write(tcb: Tcb, bytes: Uint8Array, at: number, length: number): number {
    return writeBytes(this.#core, tcb, bytes, at, length);
  }

  /**
   * As {@link Tcp.write}, and marks the end of what was taken as the end of urgent data (RFC 9293,
   * 3.8.5). A later mark takes the place of an earlier one. New applications should not use it
   * (RFC 6093, 6): receivers disagree about what is urgent, and about how much.
   */
  writeUrgent(tcb: Tcb, bytes: Uint8Array, at: number, length: number): number {
    return writeUrgent(this.#core, tcb, bytes, at, length);
  }

  /**
   * Room for at least `minBytes` in one piece, to write to without a copy. Returns its offset in
   * the arena; `tcb.reservedBytes` says how much there is. `Status.Again` when there is none now
   * (`drained` follows), `Status.TooLong` when `minBytes` exceeds a segment. To be committed before
   * the next `egress`; reserving again replaces it.
   */
  reserve(tcb: Tcb, minBytes: number = 1): number {
    return reserveBytes(this.#core, tcb, minBytes);
  }

  /** Queues the first `bytes` of what was reserved; returns `bytes` or a negative status. */
  commit(tcb: Tcb, bytes: number): number {
    return commitBytes(this.#core, tcb, bytes);
  }

  /** Sends FIN after the queued data; receiving goes on. */
  shutdown(tcb: Tcb): number {
    return shutdownSend(this.#core, tcb);
  }

  /**
   * Closes both directions: FIN after the queued data. Data that was not read, or still comes,
   * resets the connection instead (RFC 2525, 2.17).
   */
  close(tcb: Tcb, nowNs: number): number {
    return closeConnection(this.#core, tcb, nowNs);
  }

  /** Ends the connection at once with a reset. `closed` comes during the call. */
  abort(tcb: Tcb, nowNs: number): number {
    if (tcb.state === State.Closed) return Status.BadState;
    abortConnection(this.#core, tcb, CloseReason.Aborted, nowNs);
    return Status.Ok;
  }

  /** Keeps received data, and lets the window close, until `resume`. */
  pause(tcb: Tcb): number {
    if (tcb.state === State.Closed) return Status.BadState;
    tcb.flags |= Flag.Paused;
    return Status.Ok;
  }

  /** Delivers what was kept, during the call, and goes on. */
  resume(tcb: Tcb): number {
    if (tcb.state === State.Closed) return Status.BadState;
    const generation = tcb.generation;
    resumeDelivery(this.#core, tcb);
    if (tcb.generation === generation) finishOwner(this.#core, tcb);
    return Status.Ok;
  }

  /** Received data waits for `read` from now on; `readable` announces it. */
  setPull(tcb: Tcb): number {
    if (tcb.state === State.Closed) return Status.BadState;
    tcb.flags |= Flag.Pull;
    return Status.Ok;
  }

  /** Takes up to `length` bytes from the receive queue; returns how many. */
  read(tcb: Tcb, into: Uint8Array, at: number, length: number): number {
    const generation = tcb.generation;
    const count = readBytes(this.#core, tcb, into, at, length, true);
    if (tcb.generation === generation) finishOwner(this.#core, tcb);
    return count;
  }

  /** Like `read`, and leaves the bytes where they are. */
  peek(tcb: Tcb, into: Uint8Array, at: number, length: number): number {
    return readBytes(this.#core, tcb, into, at, length, false);
  }

  /** Bytes that wait for `read` or `resume`. */
  receiveQueueBytes(tcb: Tcb): number {
    return tcb.rqBytes;
  }

  /**
   * Bytes that are still to be delivered or read up to the end of urgent data, those included that
   * have not come yet; 0 when there is no urgent data (RFC 9293, 3.8.5, MUST-33). In `data` the
   * bytes of the call count as delivered.
   */
  urgentBytes(tcb: Tcb): number {
    return urgentBytes(tcb);
  }

  /** Whether the peer has sent its FIN and everything before it was delivered or read. */
  receiveEnded(tcb: Tcb): boolean {
    return (tcb.flags & Flag.FinReceived) !== 0 && tcb.rqBytes === 0;
  }

  /** Bytes queued: unsent and unacknowledged. */
  sendQueueBytes(tcb: Tcb): number {
    return sendQueueBytes(tcb);
  }

  /** Bytes that `write` would take now, as far as the buffer goes. */
  sendRoom(tcb: Tcb): number {
    return sendRoom(this.#core, tcb);
  }

  /** Nagle's algorithm (RFC 9293, 3.7.4). */
  setNagle(tcb: Tcb, on: boolean): number {
    return this.#setFlag(tcb, Flag.Nagle, on);
  }

  /** While corked, only full-sized segments leave. */
  setCork(tcb: Tcb, on: boolean): number {
    return this.#setFlag(tcb, Flag.Cork, on);
  }

  #setFlag(tcb: Tcb, flag: number, on: boolean): number {
    if (tcb.state === State.Closed) return Status.BadState;
    if (on) tcb.flags |= flag;
    else {
      tcb.flags &= ~flag;
      this.#core.needsEgress(tcb);
    }
    return Status.Ok;
  }

  /** TTL or hop limit of what is sent from now on. */
  setHopLimit(tcb: Tcb, hopLimit: number): number {
    if (tcb.state === State.Closed) return Status.BadState;
    tcb.hopLimit = hopLimit;
    this.#core.flowChanged();
    return Status.Ok;
  }

  /** DSCP of what is sent from now on; the ECN bits are TCP's own. */
  setTrafficClass(tcb: Tcb, trafficClass: number): number {
    if (tcb.state === State.Closed) return Status.BadState;
    tcb.trafficClass = trafficClass & 0xfc;
    this.#core.flowChanged();
    return Status.Ok;
  }

  /**
   * Keepalive probes (RFC 9293, 3.8.4); `idleNs` 0 turns them off, `probesMax` is cut to 127.
   */
  setKeepalive(
    tcb: Tcb,
    idleNs: number,
    intervalNs: number,
    probesMax: number,
    nowNs: number,
  ): number {
    if (tcb.state === State.Closed) return Status.BadState;
    tcb.keepaliveIdleNs = idleNs;
    tcb.keepaliveIntervalNs = intervalNs;
    tcb.keepaliveProbesMax = probesMax < KEEPALIVE_PROBES_MAX ? probesMax : KEEPALIVE_PROBES_MAX;
    tcb.keepaliveProbes = 0;
    tcb.keepaliveAtNs = idleNs === 0 || tcb.state < State.Established ? NEVER : nowNs + idleNs;
    if (tcb.keepaliveAtNs !== NEVER) this.#core.armAt(tcb, tcb.keepaliveAtNs);
    return Status.Ok;
  }

  /** Gives the connection up after this long without progress (RFC 5482); 0 is off. */
  setUserTimeout(tcb: Tcb, timeoutNs: number, nowNs: number): number {
    if (tcb.state === State.Closed) return Status.BadState;
    tcb.userTimeoutNs = timeoutNs;
    const waiting = timeoutNs > 0 && (sendQueueBytes(tcb) > 0 || tcb.state < State.Established);
    tcb.userTimeoutAtNs = waiting ? nowNs + timeoutNs : NEVER;
    if (waiting) this.#core.armAt(tcb, tcb.userTimeoutAtNs);
    return Status.Ok;
  }

  /**
   * Changes the congestion controller of a connection; the window stays. What is in flight gives no
   * sample of the delivery rate. See `congestionNamed` for controllers by name.
   */
  setCongestion(tcb: Tcb, congestion: Congestion, nowNs: number): number {
    if (tcb.state === State.Closed) return Status.BadState;
    setController(this.#core, tcb, congestion, nowNs);
    return Status.Ok;
  }

  /**
   * Upper bound of the MSS (TCP_MAXSEG): of what is sent from now on, and of what is offered when
   * the SYN has not left yet. `TcpConfig.mssMax` at most.
   */
  setMssMax(tcb: Tcb, bytes: number): number {
    if (tcb.state === State.Closed) return Status.BadState;
    tcb.mssMax = boundedMss(this.#core, bytes);
    if (tcb.state === State.SynSent && tcb.peerMss > tcb.mssMax) tcb.peerMss = tcb.mssMax;
    updateMss(this.#core, tcb);
    return Status.Ok;
  }

  /** Size of the send buffer. A smaller one takes effect as the queue drains. */
  setSendBuffer(tcb: Tcb, bytes: number): number {
    assert(bytes > 0, 'the send buffer must have room');
    if (tcb.state === State.Closed) return Status.BadState;
    tcb.sndBufBytes = bytes;
    return Status.Ok;
  }

  /** Fixes the size of the receive buffer. The window that was promised stays promised. */
  setReceiveBuffer(tcb: Tcb, bytes: number): number {
    assert(bytes > 0, 'the receive buffer must have room');
    if (tcb.state === State.Closed) return Status.BadState;
    const max = this.config.receiveBufferBytesMax;
    tcb.rcvBufBytes = bytes < max ? bytes : max;
    tcb.flags |= Flag.FixedReceiveBuffer;
    return Status.Ok;
  }

  /** Fills `out` in the terms of TCP_INFO. */
  info(tcb: Tcb, out: TcpInfo): void {
    fillInfo(this.#core, tcb, out);
  }

  /** Connections in use, TIME-WAIT included. */
  get connectionCount(): number {
    return this.#core.inUse;
  }

  /** Half-open connections: SYN-RECEIVED without a Tcb. */
  get halfOpenCount(): number {
    return this.#core.synCache.count;
  }

  /** First half-open connection, or -1; as {@link Tcp.firstConnection}. */
  firstHalfOpen(): number {
    return this.nextHalfOpen(-1);
  }

  /** Next half-open connection, or -1. */
  nextHalfOpen(row: number): number {
    const cache = this.#core.synCache;
    for (let next = row + 1; next < cache.capacity; next += 1) {
      if (cache.isUsed(next)) return next;
    }
    return -1;
  }

  /** Describes a half-open connection. */
  halfOpen(row: number, out: HalfOpenInfo): void {
    fillRowInfo(this.#core, row, out);
  }

  /** Connections that the longest lookup looks at; for tests and listings. */
  longestProbe(): number {
    return this.#core.demux.longestRun();
  }

  /** Timers armed now; 0 when no connection is left. */
  get timersArmed(): number {
    return this.#core.wheel.armed + this.#core.synCache.count + this.#core.timeWaitCount;
  }

  /**
   * First slot in use, or -1: `for (let s = t.firstConnection(); s >= 0; s = t.nextConnection(s))`
   */
  firstConnection(): number {
    return this.nextConnection(-1);
  }

  /** Next slot in use, or -1. */
  nextConnection(slot: number): number {
    const tcbs = this.#core.tcbs;
    for (let next = slot + 1; next < tcbs.length; next += 1) {
      if (tcbs[next]!.state !== State.Closed) return next;
    }
    return -1;
  }

  /** The connection in a slot, whatever its state. */
  connection(slot: number): Tcb {
    return this.#core.tcbs[slot]!;
  }
}
