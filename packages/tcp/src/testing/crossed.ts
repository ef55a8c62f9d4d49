// @hot
/**
 * Two instances joined by crossed rings: no link, no delay, no object per packet. For tests that
 * count garbage and for benchmarks.
 *
 * @module
 */

import { createHeapArena, type FrameArena, Prng, Status } from '@tickwire/base';
import { ECN_CE, IpFlow, IpMeta, type IpOutput } from '@tickwire/wire';
import { type TcpConfig, tcpConfig } from '../config.ts';
import type { TcpEvents } from '../events.ts';
import type { Tcb } from '../tcb.ts';
import { Tcp } from '../tcp.ts';

/** Packets that one side may have under way. */
const RING = 1024;
const ADDRESS_A = 0x0a000001;
const ADDRESS_B = 0x0a000002;

/** One side: owner, IP and ring of what it has sent. */
export class CrossedHost implements TcpEvents, IpOutput {
  readonly arena: FrameArena;
  readonly tcp: Tcp;
  readonly frames: Int32Array = new Int32Array(RING);
  readonly ats: Int32Array = new Int32Array(RING);
  readonly lengths: Int32Array = new Int32Array(RING);
  readonly classes: Int32Array = new Int32Array(RING);
  /** Of so many packets that it sends, one gets a CE mark if it is ECN-capable; 0 for none. */
  markEvery = 0;
  readonly address: number;
  head = 0;
  tail = 0;
  received = 0;
  /** The last byte delivered, so that nothing is optimised away. */
  last = 0;
  tcb: Tcb | undefined;
  drainedCount = 0;
  /** Answer every delivery with as many bytes. */
  echo = false;

  constructor(arena: FrameArena, address: number, config: TcpConfig) {
    this.arena = arena;
    this.address = address;
    this.tcp = new Tcp(arena, this, this, config, new Prng(address), 0);
  }

  room(): number {
    return RING - (this.tail - this.head);
  }

  bindFlow(flow: IpFlow, _nowNs: number): number {
    flow.local2 = 0xffff;
    flow.local3 = this.address;
    flow.mtu = 1500;
    return Status.Ok;
  }

  output(
    flow: IpFlow,
    _protocol: number,
    frame: number,
    at: number,
    length: number,
    _checksumOffset: number,
    _nowNs: number,
  ): number {
    const i = this.tail & (RING - 1);
    this.frames[i] = frame;
    this.ats[i] = at;
    this.lengths[i] = length;
    const isMarked = this.markEvery > 0 && this.tail % this.markEvery === 0;
    this.classes[i] = isMarked && (flow.trafficClass & 3) !== 0 ? ECN_CE : flow.trafficClass;
    this.tail += 1;
    return Status.Ok;
  }

  opened(tcb: Tcb): void {
    this.tcb = tcb;
  }

  data(tcb: Tcb, _frame: number, at: number, length: number): void {
    this.received += length;
    this.last = this.arena.bytes[at + length - 1]!;
    if (!this.echo) return;
    const to = this.tcp.reserve(tcb, length);
    if (to < 0) return;
    this.arena.bytes.copyWithin(to, at, at + length);
    this.tcp.commit(tcb, length);
  }

  readable(_tcb: Tcb): void {
    // Nothing here pulls.
  }

  urgent(_tcb: Tcb): void {
    // Nothing here is urgent.
  }

  ended(tcb: Tcb): void {
    this.tcp.shutdown(tcb);
  }

  drained(_tcb: Tcb): void {
    this.drainedCount += 1;
  }

  closed(_tcb: Tcb, _reason: number): void {
    this.tcb = undefined;
  }
}

/** Both sides on one arena. */
export class Crossed {
  readonly a: CrossedHost;
  readonly b: CrossedHost;
  readonly #meta: IpMeta = new IpMeta();
  readonly #flow: IpFlow = new IpFlow();
  nowNs = 1_000_000;

  constructor(config: Partial<TcpConfig> = {}) {
    const arena = createHeapArena({ frames: 8192, dataRoom: 2048 });
    const full = tcpConfig({ connectionsMax: 1024, timeWaitNs: 0, ...config });
    this.a = new CrossedHost(arena, ADDRESS_A, full);
    this.b = new CrossedHost(arena, ADDRESS_B, full);
  }

  /** Opens one connection from `a` to `b`; both ends are then in `tcb`. */
  open(port: number = 80): void {
    this.b.tcp.listen(0, 0, 0, 0, port);
    const flow = new IpFlow();
    flow.remote2 = 0xffff;
    flow.remote3 = ADDRESS_B;
    this.a.tcp.connect(flow, port, 0, this.nowNs);
    for (let i = 0; i < 4; i += 1) this.round(1000);
  }

  /** Opens one more connection to a port that listens. @cold */
  openOne(port: number): Tcb {
    const flow = this.#flow;
    flow.local0 = 0;
    flow.local1 = 0;
    flow.local2 = 0;
    flow.local3 = 0;
    flow.remote2 = 0xffff;
    flow.remote3 = ADDRESS_B;
    const tcb = this.a.tcp.connect(flow, port, 0, this.nowNs);
    if (typeof tcb === 'number') throw new TypeError(`connect: ${tcb}`);
    for (let r = 0; r < 2; r += 1) this.round(1000);
    return tcb;
  }

  /** Opens `count` more connections; returns those of `a`. */
  openMany(count: number, port: number): Tcb[] {
    this.b.tcp.listen(0, 0, 0, 0, port, { backlog: count });
    const tcbs: Tcb[] = [];
    for (let i = 0; i < count; i += 1) {
      const flow = new IpFlow();
      flow.remote2 = 0xffff;
      flow.remote3 = ADDRESS_B;
      const tcb = this.a.tcp.connect(flow, port, 0, this.nowNs);
      if (typeof tcb === 'number') break;
      tcbs.push(tcb);
      if (i % 64 === 63) for (let r = 0; r < 4; r += 1) this.round(1000);
    }
    for (let r = 0; r < 4; r += 1) this.round(1000);
    return tcbs;
  }

  /** One round: each side takes what the other has sent, then sends. Returns packets moved. */
  round(stepNs: number): number {
    this.nowNs += stepNs;
    this.a.tcp.timers(this.nowNs);
    this.a.tcp.egress(this.nowNs);
    let moved = this.deliver(this.a, this.b);
    this.b.tcp.timers(this.nowNs);
    this.b.tcp.egress(this.nowNs);
    moved += this.deliver(this.b, this.a);
    return moved;
  }

  /** Hands what `from` has sent to `to`, at most `max` packets. Returns their number. */
  deliver(from: CrossedHost, to: CrossedHost, max: number = RING): number {
    const meta = this.#meta;
    meta.src2 = 0xffff;
    meta.src3 = from.address;
    meta.dst2 = 0xffff;
    meta.dst3 = to.address;
    meta.protocol = 6;
    let moved = 0;
    while (from.head !== from.tail && moved < max) {
      const i = from.head & (RING - 1);
      from.head += 1;
      meta.frame = from.frames[i]!;
      meta.at = from.ats[i]!;
      meta.length = from.lengths[i]!;
      meta.trafficClass = from.classes[i]!;
      to.tcp.segmentArrives(meta, this.nowNs);
      moved += 1;
    }
    return moved;
  }
}
