/**
 * A peer that says exactly what the test tells it to, and reads what comes back.
 *
 * Sequence numbers are relative: 0 is the SYN of the side that they belong to.
 *
 * @module
 */

import { NO_FRAME, Status } from '@tickwire/base';
import {
  emitTcp,
  emitTcpFastOpen,
  emitTcpMss,
  emitTcpPadding,
  emitTcpSackBlock,
  emitTcpSackHeader,
  emitTcpSackPermitted,
  emitTcpTimestamps,
  emitTcpWindowScale,
  IpFlow,
  IpMeta,
  parseTcpOptions,
  TCP_ACK,
  TCP_HEADER_BYTES,
  TCP_SYN,
  tcpAck,
  tcpFlags,
  tcpFlagsText,
  tcpHeaderLength,
  TcpOptions,
  tcpSeq,
  tcpWindow,
} from '@tickwire/wire';
import type { Listener } from '../listener.ts';
import type { Tcb } from '../tcb.ts';
import { Host, type HostOptions } from './host.ts';

/** A segment as tests see it. Sequence numbers relative to the initial ones. */
export interface Captured {
  readonly atNs: number;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly length: number;
  readonly payload: Uint8Array;
  readonly options: TcpOptions;
  readonly sack: readonly (readonly [number, number])[];
  readonly ect: boolean;
  /** Fast open cookie; empty when one is asked for. */
  readonly fastOpen: Uint8Array | undefined;
}

/** A segment to inject. */
export interface Inject {
  readonly flags?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  /** Urgent pointer; URG is a flag of its own. */
  readonly urgent?: number;
  readonly data?: Uint8Array | number;
  readonly mss?: number;
  readonly scale?: number;
  readonly sackPermitted?: boolean;
  readonly tsVal?: number;
  readonly tsEcr?: number;
  readonly sack?: readonly (readonly [number, number])[];
  readonly ce?: boolean;
  readonly fastOpen?: Uint8Array;
  /** Another port than the script's. */
  readonly port?: number;
  /** Another local port of the host than the script's. */
  readonly to?: number;
}

/** Options of {@link Script}. */
export interface ScriptOptions extends HostOptions {
  readonly peerIsn?: number;
  readonly peerPort?: number;
  readonly localPort?: number;
}

/** `length` bytes of a pattern that begins at stream offset `from`. */
export function pattern(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = patternByte(from + i);
  return bytes;
}

/** The byte at a stream offset of {@link pattern}. */
export function patternByte(offset: number): number {
  return (Math.imul(offset, 2_654_435_761) >>> 24) ^ (offset & 0xff);
}

/** A host, a peer address, and a clock that the test moves. */
export class Script {
  readonly host: Host;
  readonly peerPort: number;
  readonly localPort: number;
  readonly peerIsn: number;
  readonly peerAddress = 0x0a000002;
  nowNs: number;
  /** ISN of the host, learnt from its first SYN. */
  hostIsn = 0;
  listener: Listener | undefined;
  /** Flags that every injected segment gets besides its own: timestamps once negotiated. */
  timestamps = false;
  tsVal = 1000;
  lastTsEcr = 0;

  constructor(options: ScriptOptions = {}) {
    this.nowNs = options.startNs ?? 1_000_000_000;
    this.host = new Host({ startNs: this.nowNs, ...options });
    this.peerPort = options.peerPort ?? 5000;
    this.localPort = options.localPort ?? 80;
    this.peerIsn = (options.peerIsn ?? 1_000_000) | 0;
  }

  /** Hands one segment to the host, without egress. Returns the status. */
  inject(segment: Inject): number {
    const arena = this.host.arena;
    const frame = arena.alloc();
    if (frame === NO_FRAME) throw new Error('no frame for the peer');
    const at = arena.dataAt[frame]!;
    const view = arena.view;
    const start = at + TCP_HEADER_BYTES;
    let to = start;
    if (segment.mss !== undefined) to = emitTcpMss(view, to, segment.mss);
    if (segment.sackPermitted === true) to = emitTcpSackPermitted(view, to);
    const withTs = segment.tsVal !== undefined || this.timestamps;
    if (withTs) {
      const tsVal = segment.tsVal ?? this.tsVal;
      to = emitTcpTimestamps(view, to, tsVal, segment.tsEcr ?? this.lastTsEcr);
    }
    if (segment.scale !== undefined) to = emitTcpWindowScale(view, to, segment.scale);
    if (segment.sack !== undefined && segment.sack.length > 0) {
      to = emitTcpSackHeader(view, to, segment.sack.length);
      for (const [left, right] of segment.sack) {
        to = emitTcpSackBlock(view, to, (left + this.hostIsn) | 0, (right + this.hostIsn) | 0);
      }
    }
    if (segment.fastOpen !== undefined) {
      to = emitTcpFastOpen(view, to, segment.fastOpen.length);
      arena.bytes.set(segment.fastOpen, to);
      to += segment.fastOpen.length;
    }
    to = emitTcpPadding(view, start, to);
    const data =
      typeof segment.data === 'number'
        ? pattern((segment.seq ?? 1) - 1, segment.data)
        : (segment.data ?? new Uint8Array(0));
    arena.bytes.set(data, to);
    const flags = segment.flags ?? TCP_ACK;
    emitTcp(
      view,
      at,
      segment.port ?? this.peerPort,
      segment.to ?? this.localPort,
      ((segment.seq ?? 0) + this.peerIsn) | 0,
      (flags & TCP_ACK) !== 0 ? ((segment.ack ?? 1) + this.hostIsn) | 0 : 0,
      to - at,
      flags,
      segment.window ?? 65_535,
      segment.urgent ?? 0,
    );
    const meta = new IpMeta();
    meta.src2 = 0xffff;
    meta.src3 = this.peerAddress;
    meta.dst2 = 0xffff;
    meta.dst3 = this.host.address;
    meta.protocol = 6;
    meta.trafficClass = segment.ce === true ? 3 : 0;
    meta.at = at;
    meta.length = to - at + data.length;
    meta.frame = frame;
    return this.host.tcp.segmentArrives(meta, this.nowNs);
  }

  /** Injects, then lets the host answer. */
  send(segment: Inject): Captured[] {
    this.inject(segment);
    return this.egress();
  }

  /** One egress round; returns what left since the last look. */
  egress(): Captured[] {
    this.host.tcp.egress(this.nowNs);
    return this.take();
  }

  /** What left since the last look. Frames go back to the pool. */
  take(): Captured[] {
    const result = this.host.sent.map((sent) => {
      const view = this.host.arena.view;
      const headerBytes = tcpHeaderLength(view, sent.at);
      const flags = tcpFlags(view, sent.at);
      if ((flags & TCP_SYN) !== 0) this.hostIsn = tcpSeq(view, sent.at);
      const options = new TcpOptions();
      parseTcpOptions(view, sent.at + TCP_HEADER_BYTES, headerBytes - TCP_HEADER_BYTES, options);
      if (options.hasTimestamps === 1) this.lastTsEcr = options.tsVal;
      const sack: [number, number][] = [];
      for (let i = 0; i < options.sackCount; i += 1) {
        sack.push([
          (options.sackLeft[i]! - this.peerIsn) | 0,
          (options.sackRight[i]! - this.peerIsn) | 0,
        ]);
      }
      const captured: Captured = {
        atNs: sent.atNs,
        flags: tcpFlagsText(flags),
        seq: (tcpSeq(view, sent.at) - this.hostIsn) | 0,
        ack: (flags & TCP_ACK) === 0 ? 0 : (tcpAck(view, sent.at) - this.peerIsn) | 0,
        window: tcpWindow(view, sent.at),
        length: sent.length - headerBytes,
        payload: this.host.arena.bytes.slice(sent.at + headerBytes, sent.at + sent.length),
        options,
        sack,
        ect: (sent.trafficClass & 3) === 2,
        fastOpen:
          options.fastOpenAt < 0
            ? undefined
            : this.host.arena.bytes.slice(
                options.fastOpenAt,
                options.fastOpenAt + options.fastOpenLength,
              ),
      };
      this.host.arena.free(sent.frame);
      return captured;
    });
    this.host.sent.length = 0;
    return result;
  }

  /** Moves the clock to `nowNs`, each timer at its own instant; returns what left on the way. */
  advanceTo(nowNs: number): Captured[] {
    const result: Captured[] = this.egress();
    for (;;) {
      const dueNs = this.host.tcp.nextDeadlineNs();
      if (dueNs > nowNs) break;
      if (dueNs > this.nowNs) this.nowNs = dueNs;
      this.host.tcp.timers(this.nowNs);
      result.push(...this.egress());
    }
    this.nowNs = nowNs;
    result.push(...this.egress());
    return result;
  }

  /** Moves the clock by `deltaNs`. */
  advance(deltaNs: number): Captured[] {
    return this.advanceTo(this.nowNs + deltaNs);
  }

  /** The connection that the script talks to. */
  tcb(): Tcb {
    const slot = this.host.tcp.firstConnection();
    if (slot < 0) throw new Error('no connection');
    return this.host.tcp.connection(slot);
  }

  /** Passive open up to ESTABLISHED. */
  accept(syn: Inject = { mss: 1460 }): Tcb {
    this.listener ??= this.host.tcp.listen(0, 0, 0, 0, this.localPort);
    const answer = this.send({ flags: TCP_SYN, seq: 0, ...syn });
    if (answer.length !== 1) throw new Error(`expected one SYN-ACK, got ${answer.length}`);
    if (syn.tsVal !== undefined) {
      this.timestamps = true;
      this.tsVal = syn.tsVal;
    }
    const ack: Inject = { flags: TCP_ACK, seq: 1, ack: 1 };
    this.send(syn.window === undefined ? ack : { ...ack, window: syn.window });
    return this.tcb();
  }

  /** Active open up to SYN-SENT; the SYN is returned by `take`. */
  connect(localPort: number = this.localPort, fastOpen = false): Tcb {
    const flow = new IpFlow();
    flow.remote2 = 0xffff;
    flow.remote3 = this.peerAddress;
    const tcb = this.host.tcp.connect(flow, this.peerPort, localPort, this.nowNs, 0, fastOpen);
    if (typeof tcb === 'number') throw new TypeError(`connect: ${tcb}`);
    return tcb;
  }

  /** Active open up to ESTABLISHED. */
  open(synAck: Inject = { mss: 1460 }): Tcb {
    const tcb = this.connect();
    this.egress();
    if (synAck.tsVal !== undefined) {
      this.timestamps = true;
      this.tsVal = synAck.tsVal;
    }
    this.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, ...synAck });
    return tcb;
  }

  /** Queues a pattern that begins at stream offset `from`. */
  write(tcb: Tcb, from: number, length: number): number {
    return this.host.tcp.write(tcb, pattern(from, length), 0, length);
  }

  /** Fails when anything of a connection is left behind. */
  assertClean(): void {
    this.take();
    const { tcp } = this.host;
    if (tcp.connectionCount !== 0) throw new Error(`${tcp.connectionCount} connections left`);
    if (tcp.timersArmed !== 0) throw new Error(`${tcp.timersArmed} timers left`);
    const frames = this.host.framesInUse();
    if (frames !== 0) throw new Error(`${frames} frames left`);
  }
}

/** Whether a status says that the segment was taken. */
export function taken(status: number): boolean {
  return status >= Status.Ok;
}
