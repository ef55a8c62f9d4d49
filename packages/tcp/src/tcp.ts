import { type FrameArena, type Prng } from '@tickwire/base';
import { type IpFlow, type IpMeta, type IpOutput } from '@tickwire/wire';
import { type TcpConfig } from './config.ts';
import { type TcpEvents } from './events.ts';
import { type TcpInfo } from './info.ts';
import { type Listener, type ListenOptions } from './listener.ts';
import { type Tcb } from './tcb.ts';

/**
 * The public surface of this package (bodies follow in the next commits).
 */
export declare class Tcp {
  constructor(
    arena: FrameArena,
    output: IpOutput,
    events: TcpEvents,
    config: TcpConfig,
    random: Prng,
    nowNs: number,
  );

  /** Counters by name (plain number fields). */
  readonly counters: Readonly<Record<string, number>>;
  /** Connections in use, TIME-WAIT included. */
  readonly connectionCount: number;

  /**
   * Takes one TCP packet and its frame's reference, whatever it returns. Checksums were verified by
   * the caller. Returns `Status.Ok`, or the reason for which it was dropped.
   */
  segmentArrives(meta: IpMeta, nowNs: number): number;
  /**
   * An ICMP error about a packet that we sent: `src` is ours, `dst` the peer. `seq` is the sequence
   * number in the quoted header (RFC 5927 validation). `kind` is an `IcmpKind`; `mtu` for TooBig.
   */
  icmpError(
    meta: IpMeta,
    localPort: number,
    remotePort: number,
    seq: number,
    kind: number,
    mtu: number,
    nowNs: number,
  ): number;
  /** Runs every timer that is due, each once, in order. */
  timers(nowNs: number): void;
  /** Earliest deadline, or Infinity. `nowNs` or earlier when egress is waiting. */
  nextDeadlineNs(): number;
  /** Whether some connection has something to send. */
  wantsEgress(): boolean;
  /** Sends what windows allow and `output.room()` takes; returns the frames sent. */
  egress(nowNs: number): number;

  /** All-zero address words accept any address. Throws NetError EADDRINUSE / ENOBUFS. */
  listen(
    local0: number,
    local1: number,
    local2: number,
    local3: number,
    port: number,
    options?: ListenOptions,
  ): Listener;
  unlisten(listener: Listener): void;
  /**
   * `remote` supplies family and remote words, and local words or zeros (IP chooses), trafficClass
   * and hopLimit; it is copied. Negative: Unreachable, LimitReached (no Tcb, no port), Exists.
   */
  connect(
    remote: IpFlow,
    remotePort: number,
    localPort: number,
    nowNs: number,
    token?: number,
  ): Tcb | number;
  /** Bytes taken, 0..length; negative status when the connection cannot send. */
  write(tcb: Tcb, bytes: Uint8Array, at: number, length: number): number;
  /** Arena offset of at least `minBytes` of room (see `tcb.reservedBytes`), or negative status. */
  reserve(tcb: Tcb, minBytes?: number): number;
  /** Queues the first `bytes` of what was reserved. */
  commit(tcb: Tcb, bytes: number): number;
  /** FIN after the queued data; receiving goes on. */
  shutdown(tcb: Tcb): number;
  /** FIN after the queued data; data that still comes is answered by RST. */
  close(tcb: Tcb, nowNs: number): number;
  /** RST now; `closed(Aborted)` comes during the call. */
  abort(tcb: Tcb, nowNs: number): number;
  pause(tcb: Tcb): void;
  resume(tcb: Tcb): void;
  /** Pull mode: data waits for `read`, announced by `readable`. */
  setPull(tcb: Tcb): void;
  read(tcb: Tcb, into: Uint8Array, at: number, length: number): number;
  peek(tcb: Tcb, into: Uint8Array, at: number, length: number): number;
  receiveQueueBytes(tcb: Tcb): number;
  sendQueueBytes(tcb: Tcb): number;
  sendRoom(tcb: Tcb): number;
  setNagle(tcb: Tcb, on: boolean): void;
  setCork(tcb: Tcb, on: boolean): void;
  setHopLimit(tcb: Tcb, hopLimit: number): void;
  setTrafficClass(tcb: Tcb, trafficClass: number): void;
  setKeepalive(tcb: Tcb, idleNs: number, intervalNs: number, probes: number, nowNs: number): void;
  setUserTimeout(tcb: Tcb, timeoutNs: number, nowNs: number): void;
  setSendBuffer(tcb: Tcb, bytes: number): void;
  setReceiveBuffer(tcb: Tcb, bytes: number): void;
  info(tcb: Tcb, out: TcpInfo): void;
  /** Slots in use: `for (i = first(); i >= 0; i = next(i)) connection(i)`. */
  firstConnection(): number;
  nextConnection(slot: number): number;
  connection(slot: number): Tcb;
}
