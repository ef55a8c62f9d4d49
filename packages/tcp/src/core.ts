// @hot
/**
 * What all files of this package work on: the pools, the per-frame columns, the lists, the wheel.
 *
 * The verbs of the protocol are free functions `(core, tcb, ...)` in files of their own; this class
 * has only what keeps the data structures consistent.
 *
 * @module
 */

import { type FrameArena, NO_FRAME, type Prng, TimerWheel } from '@tickwire/base';
import { IpFlow, type IpMeta, type IpOutput, TcpOptions } from '@tickwire/wire';
import type { TcpConfig } from './config.ts';
import { TcpCounters } from './counters.ts';
import { Demux } from './demux.ts';
import type { TcpEvents } from './events.ts';
import { FastOpenCache, FastOpenKeys } from './fast-open.ts';
import { IsnGenerator, KeySource } from './isn.ts';
import { FAST_OPEN_SERVERS_MAX, TCB_SLAB } from './limits.ts';
import { type Listener, ListenerTable } from './listener.ts';
import { RateLimit } from './rate-limit.ts';
import { State } from './state.ts';
import { SynCache, SynTerms, synTimeoutsNs } from './syn-cache.ts';
import { SynCookies } from './syn-cookie.ts';
import { synOrderCodes, windowShiftOf } from './syn-options.ts';
import { TcbPool } from './tcb-pool.ts';
import { Flag, loadFlow, NEVER, storeRoute, type Tcb } from './tcb.ts';

/** Bits of `Core.txFlags`. */
export const Tx = {
  /** The FIN follows the payload. */
  Fin: 1,
  /** The peer has it (RFC 2018). */
  Sacked: 2,
  /** Taken for lost. */
  Lost: 4,
  /** Sent again, and that copy is in flight. */
  Retransmitted: 8,
  /** Sent more than once in its life (Karn). */
  Ever: 16,
  /** Sent when the application had no more, so its delivery rate says nothing. */
  AppLimited: 32,
} as const;

/** Bits of `Core.rxFlags`. */
export const Rx = {
  /** The FIN follows the payload. */
  Fin: 1,
  /** The frame is in a list; the columns are in use. */
  Held: 2,
  /** First frame of a run that has grown since it was reported. */
  Fresh: 4,
} as const;

/** The segment that is being processed; one object per instance. */
export class Segment {
  frame: number = NO_FRAME;
  seq = 0;
  ack = 0;
  /** SEG.UP: sequence number behind the urgent data; for segments with URG. */
  up = 0;
  /** Window field, not scaled. */
  window = 0;
  flags = 0;
  /** Payload. */
  at = 0;
  length = 0;
  /** ECN bits of the IP header. */
  ecn = 0;
  /** The flags AE, CWR and ECE as a number; -1 when they were read already. */
  ace = 0;
}

/** All state of one `Tcp`: pools, columns, lists, tables, keys. */
export class Core {
  readonly arena: FrameArena;
  readonly output: IpOutput;
  readonly events: TcpEvents;
  readonly config: TcpConfig;
  readonly random: Prng;
  readonly wheel: TimerWheel;
  readonly demux: Demux;
  readonly isn: IsnGenerator;
  /** Keys for everything that is made here or later; see `KeySource`. */
  readonly keys: KeySource;
  /** Half-open connections. */
  readonly synCache: SynCache;
  readonly synTerms: SynTerms = new SynTerms();
  readonly synCookies: SynCookies;
  /** Timeouts of `synCache` there are. */
  readonly synTimeouts: number;
  readonly fastOpenKeys: FastOpenKeys;
  readonly fastOpenCache: FastOpenCache;
  readonly counters: TcpCounters = new TcpCounters();
  readonly options: TcpOptions = new TcpOptions();
  readonly segment: Segment = new Segment();
  /** Order of the options of a SYN, and the window scale that it offers (syn-options.ts). */
  readonly synOrder: Uint8Array;
  readonly windowShift: number;
  readonly challengeLimit: RateLimit;
  readonly resetLimit: RateLimit;
  /** For segments of no connection, and of one that is about to be. */
  readonly replyFlow: IpFlow = new IpFlow();
  readonly listeners: Listener[] = [];
  readonly listenerTable: ListenerTable = new ListenerTable();

  // Columns of the send queues, by frame.
  readonly txNext: Int32Array;
  readonly txSeq: Int32Array;
  readonly txAt: Uint32Array;
  readonly txLength: Uint16Array;
  readonly txFlags: Uint8Array;
  readonly txTimeNs: Float64Array;
  // What delivery rate estimation notes of a transmission (delivery-rate.ts).
  readonly txDelivered: Float64Array;
  /** -1 for a transmission that was not noted. */
  readonly txDeliveredNs: Float64Array;
  readonly txFirstSentNs: Float64Array;
  readonly txInFlight: Float64Array;
  readonly txLost: Float64Array;

  // Columns of the receive queues and of reassembly, by frame. A frame may be in a send queue and
  // in a receive queue at once: a peer in the same process reads the very same memory.
  readonly rxNext: Int32Array;
  readonly rxSeq: Int32Array;
  readonly rxAt: Uint32Array;
  readonly rxLength: Uint32Array;
  readonly rxFlags: Uint8Array;
  /** Last frame of the run that begins with this one (reassembly). */
  readonly rxRunTail: Int32Array;

  /** Where connections come from. */
  readonly pool: TcbPool;
  /** Connections by slot. */
  readonly tcbs: Tcb[] = [];
  /** Frames in all send queues, and how many there may be. */
  txFrames = 0;
  readonly txFramesMax: number;
  /** Frames in all receive queues and in reassembly, and how many there may be. */
  rxFrames = 0;
  readonly rxFramesMax: number;
  /** Connections in use, TIME-WAIT included. */
  inUse = 0;
  /** Hash of the 4-tuple of the last lookup that found nothing. */
  hash = 0;
  /** The connection of the last segment: bursts come in runs. */
  last: Tcb | undefined = undefined;
  /** The connection whose owner hears of new bytes when the run ends. */
  run: Tcb | undefined = undefined;
  /** TCP header of the segment that `sendSegment` has built last, in bytes. */
  headerBytes = 0;

  /** The conversation of the connection that sends, as IP wants it; and whose it is. */
  readonly #flow: IpFlow = new IpFlow();
  #flowSlot = -1;
  #flowGeneration = 0;
  #freeHead = -1;
  /** Connections in TIME-WAIT. */
  timeWaitCount = 0;
  #timeWaitHead = -1;
  #timeWaitTail = -1;
  egressHead = -1;
  egressTail = -1;
  egressCount = 0;

  constructor(
    arena: FrameArena,
    output: IpOutput,
    events: TcpEvents,
    config: TcpConfig,
    random: Prng,
    nowNs: number,
  ) {
    this.arena = arena;
    this.output = output;
    this.events = events;
    this.config = config;
    this.random = random;
    this.pool = new TcbPool(config);
    this.wheel = new TimerWheel(config.connectionsMax, nowNs);
    this.keys = new KeySource(config.secret ?? drawSecret(random));
    this.demux = new Demux(config.connectionsMax, this.keys);
    this.isn = new IsnGenerator(this.keys);
    const timeouts = synTimeoutsNs(config);
    this.synTimeouts = timeouts.length;
    this.synCache = new SynCache(config.synCacheMax, timeouts);
    this.synCookies = new SynCookies(this.keys);
    this.fastOpenKeys = new FastOpenKeys(this.keys);
    this.fastOpenCache = new FastOpenCache(FAST_OPEN_SERVERS_MAX, this.keys);
    this.synOrder = synOrderCodes(config.synOptionOrder);
    this.windowShift = windowShiftOf(config);
    this.challengeLimit = new RateLimit(config.challengeAcksPerSecond, random);
    this.resetLimit = new RateLimit(config.resetsPerSecond, random);
    const frames = arena.capacity;
    const { sendFramesTotalMax, receiveFramesTotalMax } = config;
    this.txFramesMax = sendFramesTotalMax === 0 ? frames >> 1 : sendFramesTotalMax;
    this.rxFramesMax = receiveFramesTotalMax === 0 ? frames >> 2 : receiveFramesTotalMax;
    this.txNext = new Int32Array(frames).fill(NO_FRAME);
    this.txSeq = new Int32Array(frames);
    this.txAt = new Uint32Array(frames);
    this.txLength = new Uint16Array(frames);
    this.txFlags = new Uint8Array(frames);
    this.txTimeNs = new Float64Array(frames);
    this.txDelivered = new Float64Array(frames);
    this.txDeliveredNs = new Float64Array(frames);
    this.txFirstSentNs = new Float64Array(frames);
    this.txInFlight = new Float64Array(frames);
    this.txLost = new Float64Array(frames);
    this.rxNext = new Int32Array(frames).fill(NO_FRAME);
    this.rxSeq = new Int32Array(frames);
    this.rxAt = new Uint32Array(frames);
    this.rxLength = new Uint32Array(frames);
    this.rxFlags = new Uint8Array(frames);
    this.rxRunTail = new Int32Array(frames);
  }

  /** A fresh connection in CLOSED, or undefined when all are taken and none is in TIME-WAIT. */
  allocTcb(): Tcb | undefined {
    if (this.#freeHead < 0 && this.tcbs.length < this.config.connectionsMax) this.#addSlab();
    if (this.#freeHead < 0) return undefined;
    const tcb = this.tcbs[this.#freeHead]!;
    this.#freeHead = tcb.listNext;
    tcb.listNext = -1;
    this.inUse += 1;
    return tcb;
  }

  /** Gives a connection back. Its queues are empty, it is in no list but perhaps egress. */
  freeTcb(tcb: Tcb): void {
    if (this.last === tcb) this.last = undefined;
    tcb.state = State.Closed;
    tcb.releaseRare();
    tcb.listNext = this.#freeHead;
    this.#freeHead = tcb.slot;
    this.inUse -= 1;
  }

  /** @cold */
  #addSlab(): void {
    const from = this.tcbs.length;
    let count = this.config.connectionsMax - from;
    if (count > TCB_SLAB) count = TCB_SLAB;
    for (const tcb of this.pool.make(from, count)) this.tcbs.push(tcb);
    for (let i = count - 1; i >= 0; i -= 1) {
      const tcb = this.tcbs[from + i]!;
      tcb.listNext = this.#freeHead;
      this.#freeHead = tcb.slot;
    }
  }

  /** The connection of a segment, or undefined. */
  lookup(meta: IpMeta, ports: number): Tcb | undefined {
    const last = this.last;
    if (last !== undefined && matches(last, meta, ports)) return last;
    const demux = this.demux;
    const hash =
      meta.family === 4
        ? demux.hash4(meta.dst3, meta.src3, ports)
        : demux.hash6(
            meta.dst0,
            meta.dst1,
            meta.dst2,
            meta.dst3,
            meta.src0,
            meta.src1,
            meta.src2,
            meta.src3,
            ports,
          );
    this.hash = hash;
    let position = demux.first(hash);
    for (;;) {
      const slot = demux.slotAt(position);
      if (slot < 0) return undefined;
      if (demux.hashAt(position) === hash) {
        const tcb = this.tcbs[slot]!;
        if (matches(tcb, meta, ports)) {
          this.last = tcb;
          return tcb;
        }
      }
      position = demux.after(position);
    }
  }

  /** Whether the 4-tuple of `flow` and `ports` (local port in the high half) is taken. */
  lookupFlow(flow: IpFlow, ports: number): Tcb | undefined {
    const demux = this.demux;
    const hash = this.hashFlow(flow, ports);
    this.hash = hash;
    let position = demux.first(hash);
    for (;;) {
      const slot = demux.slotAt(position);
      if (slot < 0) return undefined;
      const tcb = this.tcbs[slot]!;
      if (demux.hashAt(position) === hash && sameFlow(tcb, flow, ports)) return tcb;
      position = demux.after(position);
    }
  }

  hashFlow(flow: IpFlow, ports: number): number {
    if (flow.family === 4) return this.demux.hash4(flow.local3, flow.remote3, ports);
    return this.demux.hash6(
      flow.local0,
      flow.local1,
      flow.local2,
      flow.local3,
      flow.remote0,
      flow.remote1,
      flow.remote2,
      flow.remote3,
      ports,
    );
  }

  /** Puts a connection into the needs-egress list; nothing happens when it is there. */
  needsEgress(tcb: Tcb): void {
    if ((tcb.flags & Flag.InEgress) !== 0) return;
    tcb.flags |= Flag.InEgress;
    tcb.egressNext = -1;
    if (this.egressTail < 0) this.egressHead = tcb.slot;
    else this.tcbs[this.egressTail]!.egressNext = tcb.slot;
    this.egressTail = tcb.slot;
    this.egressCount += 1;
  }

  /** Takes the first connection of the needs-egress list; there must be one. */
  popEgress(): Tcb {
    const tcb = this.tcbs[this.egressHead]!;
    this.egressHead = tcb.egressNext;
    if (this.egressHead < 0) this.egressTail = -1;
    tcb.egressNext = -1;
    tcb.flags &= ~Flag.InEgress;
    this.egressCount -= 1;
    return tcb;
  }

  /** Makes sure that the wheel fires at `deadlineNs` at the latest. Later is left to the firing. */
  armAt(tcb: Tcb, deadlineNs: number): void {
    const wheel = this.wheel;
    if (deadlineNs < wheel.deadlineNs[tcb.slot]!) wheel.schedule(tcb.slot, deadlineNs);
  }

  /** Adds a connection at the end of the TIME-WAIT list. */
  linkTimeWait(tcb: Tcb): void {
    tcb.listNext = -1;
    tcb.listPrev = this.#timeWaitTail;
    if (this.#timeWaitTail < 0) this.#timeWaitHead = tcb.slot;
    else this.tcbs[this.#timeWaitTail]!.listNext = tcb.slot;
    this.#timeWaitTail = tcb.slot;
    this.timeWaitCount += 1;
  }

  /** Takes a connection out of the TIME-WAIT list. */
  unlinkTimeWait(tcb: Tcb): void {
    if (tcb.listPrev < 0) this.#timeWaitHead = tcb.listNext;
    else this.tcbs[tcb.listPrev]!.listNext = tcb.listNext;
    if (tcb.listNext < 0) this.#timeWaitTail = tcb.listPrev;
    else this.tcbs[tcb.listNext]!.listPrev = tcb.listPrev;
    tcb.listNext = -1;
    tcb.listPrev = -1;
    this.timeWaitCount -= 1;
  }

  /** The connection that has been in TIME-WAIT for the longest time, or undefined. */
  oldestTimeWait(): Tcb | undefined {
    return this.#timeWaitHead < 0 ? undefined : this.tcbs[this.#timeWaitHead];
  }

  /** The conversation of a connection, for as long as no other is asked for. */
  flowOf(tcb: Tcb): IpFlow {
    const flow = this.#flow;
    // Bursts come in runs: it is there.
    if (this.#flowSlot === tcb.slot && this.#flowGeneration === tcb.generation) return flow;
    this.#flowSlot = tcb.slot;
    this.#flowGeneration = tcb.generation;
    return loadFlow(tcb, flow);
  }

  /** Something of a conversation has changed in its connection. */
  flowChanged(): void {
    this.#flowSlot = -1;
  }

  /** Has IP look for the way to the peer again. */
  bind(tcb: Tcb, nowNs: number): number {
    const flow = this.flowOf(tcb);
    const status = this.output.bindFlow(flow, nowNs);
    storeRoute(tcb, flow);
    return status;
  }

  /** Takes a frame, or counts that there is none. */
  allocFrame(): number {
    const frame = this.arena.alloc();
    if (frame === NO_FRAME) this.counters.allocFailures += 1;
    return frame;
  }
}

/** An ACK leaves at the next egress, whatever else happens. */
export function ackAtOnce(core: Core, tcb: Tcb): void {
  tcb.flags |= Flag.AckNow;
  core.needsEgress(tcb);
}

/** The earliest deadline of a connection. */
export function earliestDeadlineNs(tcb: Tcb): number {
  let at = tcb.retransmitAtNs;
  if (tcb.ackAtNs < at) at = tcb.ackAtNs;
  if (tcb.keepaliveAtNs < at) at = tcb.keepaliveAtNs;
  if (tcb.lingerAtNs < at) at = tcb.lingerAtNs;
  if (tcb.userTimeoutAtNs < at) at = tcb.userTimeoutAtNs;
  if (tcb.paceAtNs < at) at = tcb.paceAtNs;
  return at;
}

/** Clears every deadline. */
export function clearDeadlines(core: Core, tcb: Tcb): void {
  tcb.retransmitAtNs = NEVER;
  tcb.ackAtNs = NEVER;
  tcb.keepaliveAtNs = NEVER;
  tcb.lingerAtNs = NEVER;
  tcb.userTimeoutAtNs = NEVER;
  tcb.paceAtNs = NEVER;
  core.wheel.cancel(tcb.slot);
}

/** A secret for tests and simulations, where the seed is the secret. @cold */
function drawSecret(random: Prng): number[] {
  return [random.nextUint32(), random.nextUint32(), random.nextUint32(), random.nextUint32()];
}

function matches(tcb: Tcb, meta: IpMeta, ports: number): boolean {
  if (tcb.ports !== ports || tcb.remote3 !== meta.src3 || tcb.local3 !== meta.dst3) return false;
  // The other words of an IPv4 address are always the same.
  if (tcb.family !== meta.family || tcb.state === State.Closed) return false;
  return meta.family === 4 || matchesWords(tcb, meta);
}

function matchesWords(tcb: Tcb, meta: IpMeta): boolean {
  return (
    tcb.remote2 === meta.src2 &&
    tcb.local2 === meta.dst2 &&
    tcb.remote1 === meta.src1 &&
    tcb.local1 === meta.dst1 &&
    tcb.remote0 === meta.src0 &&
    tcb.local0 === meta.dst0
  );
}

function sameFlow(tcb: Tcb, flow: IpFlow, ports: number): boolean {
  return (
    tcb.ports === ports &&
    tcb.remote3 === flow.remote3 &&
    tcb.local3 === flow.local3 &&
    tcb.remote2 === flow.remote2 &&
    tcb.local2 === flow.local2 &&
    tcb.remote1 === flow.remote1 &&
    tcb.local1 === flow.local1 &&
    tcb.remote0 === flow.remote0 &&
    tcb.local0 === flow.local0
  );
}
