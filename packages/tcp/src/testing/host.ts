/**
 * One end of a test: a `Tcp` with its owner and its IP layer played by recorders.
 *
 * @module
 */

import { createHeapArena, type FrameArena, Prng, Status } from '@tickwire/base';
import type { IpFlow, IpOutput } from '@tickwire/wire';
import { type TcpConfig, tcpConfig } from '../config.ts';
import type { TcpEvents } from '../events.ts';
import { closeReasonName } from '../state.ts';
import type { Tcb } from '../tcb.ts';
import { Tcp } from '../tcp.ts';

/** A packet that left: transport bytes in a frame whose reference the host holds. */
export interface Sent {
  readonly frame: number;
  readonly at: number;
  readonly length: number;
  readonly atNs: number;
  readonly trafficClass: number;
  readonly local3: number;
  readonly remote3: number;
}

/** What the recorder knows about one connection. */
export interface Seen {
  readonly tcb: Tcb;
  opened: number;
  ended: number;
  closed: string;
  drained: number;
  readable: number;
  /** Distance to the mark, at each `urgent`. */
  urgent: number[];
  bytes: number[];
}

/** Options of {@link Host}. */
export interface HostOptions {
  readonly address?: number;
  readonly seed?: number;
  readonly frames?: number;
  readonly dataRoom?: number;
  readonly mtu?: number;
  readonly arena?: FrameArena;
  readonly config?: Partial<TcpConfig>;
  readonly startNs?: number;
  /** Keep received bytes in `Seen.bytes`; off for bulk. */
  readonly record?: boolean;
}

/** Stack side of a test. Everything that TCP says is recorded, and can be overridden. */
export class Host implements TcpEvents, IpOutput {
  readonly arena: FrameArena;
  readonly tcp: Tcp;
  readonly address: number;
  readonly mtu: number;
  readonly record: boolean;
  readonly sent: Sent[] = [];
  readonly log: string[] = [];
  readonly seen: Map<Tcb, Seen> = new Map();
  /** Frames that `output` still takes; set it to 0 to close the device. */
  roomLeft = 1_000_000;
  routeStatus: number = Status.Ok;
  onData: ((tcb: Tcb, frame: number, at: number, length: number) => void) | undefined;
  onOpened: ((tcb: Tcb) => void) | undefined;
  onEnded: ((tcb: Tcb) => void) | undefined;
  onDrained: ((tcb: Tcb) => void) | undefined;
  onClosed: ((tcb: Tcb, reason: number) => void) | undefined;
  onReadable: ((tcb: Tcb) => void) | undefined;
  onUrgent: ((tcb: Tcb) => void) | undefined;

  constructor(options: HostOptions = {}) {
    this.arena =
      options.arena ??
      createHeapArena({ frames: options.frames ?? 4096, dataRoom: options.dataRoom ?? 2048 });
    this.address = options.address ?? 0x0a000001;
    this.mtu = options.mtu ?? 1500;
    this.record = options.record ?? true;
    const config = tcpConfig({ connectionsMax: 256, ...options.config });
    const random = new Prng(options.seed ?? 1);
    this.tcp = new Tcp(this.arena, this, this, config, random, options.startNs ?? 0);
  }

  // IpOutput

  room(): number {
    return this.roomLeft;
  }

  bindFlow(flow: IpFlow, _nowNs: number): number {
    if (this.routeStatus < 0) return this.routeStatus;
    if (flow.family === 4 && flow.local3 === 0 && flow.local2 === 0) {
      flow.local2 = 0xffff;
      flow.local3 = this.address;
    }
    flow.mtu = this.mtu;
    let sum = (flow.local3 >>> 16) + (flow.local3 & 0xffff);
    sum += (flow.remote3 >>> 16) + (flow.remote3 & 0xffff);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    flow.addressSum = sum;
    return Status.Ok;
  }

  output(
    flow: IpFlow,
    _protocol: number,
    frame: number,
    at: number,
    length: number,
    _checksumOffset: number,
    nowNs: number,
  ): number {
    if (this.roomLeft <= 0) {
      this.arena.free(frame);
      return Status.Again;
    }
    this.roomLeft -= 1;
    this.sent.push({
      frame,
      at,
      length,
      atNs: nowNs,
      trafficClass: flow.trafficClass,
      local3: flow.local3,
      remote3: flow.remote3,
    });
    return Status.Ok;
  }

  // TcpEvents

  #of(tcb: Tcb): Seen {
    let seen = this.seen.get(tcb);
    if (seen === undefined || seen.closed !== '') {
      seen = {
        tcb,
        opened: 0,
        ended: 0,
        closed: '',
        drained: 0,
        readable: 0,
        urgent: [],
        bytes: [],
      };
      this.seen.set(tcb, seen);
    }
    return seen;
  }

  /** The record of a connection; the last one when its slot was used again. */
  of(tcb: Tcb): Seen {
    return this.seen.get(tcb) ?? this.#of(tcb);
  }

  opened(tcb: Tcb): void {
    this.#of(tcb).opened += 1;
    this.log.push('opened');
    this.onOpened?.(tcb);
  }

  data(tcb: Tcb, frame: number, at: number, length: number): void {
    if (this.record) {
      const bytes = this.#of(tcb).bytes;
      for (let i = 0; i < length; i += 1) bytes.push(this.arena.bytes[at + i]!);
      this.log.push(`data ${length}`);
    }
    this.onData?.(tcb, frame, at, length);
  }

  readable(tcb: Tcb): void {
    this.#of(tcb).readable += 1;
    this.onReadable?.(tcb);
  }

  urgent(tcb: Tcb): void {
    const bytes = this.tcp.urgentBytes(tcb);
    this.#of(tcb).urgent.push(bytes);
    this.log.push(`urgent ${bytes}`);
    this.onUrgent?.(tcb);
  }

  ended(tcb: Tcb): void {
    this.#of(tcb).ended += 1;
    this.log.push('ended');
    this.onEnded?.(tcb);
  }

  drained(tcb: Tcb): void {
    this.#of(tcb).drained += 1;
    this.onDrained?.(tcb);
  }

  closed(tcb: Tcb, reason: number): void {
    this.#of(tcb).closed = closeReasonName(reason);
    this.log.push(`closed ${closeReasonName(reason)}`);
    this.onClosed?.(tcb, reason);
  }

  /** Frames of the arena that are not in the pool. */
  framesInUse(): number {
    return this.arena.capacity - this.arena.available();
  }
}
