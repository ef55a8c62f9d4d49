// @hot
/**
 * A stack among very many peers: segments from any address and port, no object per packet. For
 * floods, churn and scale, in tests and benchmarks.
 *
 * @module
 */

import { createHeapArena, type FrameArena, NO_FRAME, Prng, Status } from '@tickwire/base';
import {
  emitTcp,
  emitTcpMss,
  emitTcpSackPermittedTimestamps,
  emitTcpTimestamps,
  emitTcpWindowScale,
  type IpFlow,
  IpMeta,
  type IpOutput,
  parseTcpOptions,
  TCP_ACK,
  TCP_FIN,
  TCP_HEADER_BYTES,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  tcpAck,
  tcpDstPort,
  tcpFlags,
  tcpHeaderLength,
  TcpOptions,
  tcpSeq,
} from '@tickwire/wire';
import { type TcpConfig, tcpConfig } from '../config.ts';
import type { TcpEvents } from '../events.ts';
import type { Tcb } from '../tcb.ts';
import { Tcp } from '../tcp.ts';

/** The address of every {@link RawHost}. */
export const RAW_ADDRESS = 0x0a000001;

/** The stack, its owner and its IP. What it sends to nobody in `clients` is counted and gone. */
export class RawHost implements TcpEvents, IpOutput {
  readonly arena: FrameArena;
  readonly tcp: Tcp;
  /** Clients by address. */
  readonly clients: Map<number, RawClient> = new Map();
  readonly #meta: IpMeta = new IpMeta();
  nowNs = 0;
  sent = 0;
  synAcks = 0;
  resets = 0;
  opened0 = 0;
  closed0 = 0;
  received = 0;
  /** The connection that opened last. */
  last: Tcb | undefined;
  /** Answer every delivery with as many bytes. */
  echo = true;
  /** Close when the peer has. */
  closeBack = true;

  constructor(config: Partial<TcpConfig> = {}, frames = 2048, seed = 1) {
    this.arena = createHeapArena({ frames, dataRoom: 2048 });
    this.tcp = new Tcp(this.arena, this, this, tcpConfig(config), new Prng(seed), 0);
    this.#meta.src2 = 0xffff;
    this.#meta.dst2 = 0xffff;
    this.#meta.dst3 = RAW_ADDRESS;
    this.#meta.protocol = 6;
  }

  /**
   * One segment from `address:port` to local port `to`. `tsVal` 0 sends no options; on a SYN it
   * brings the usual ones with it: MSS 1460, SACK permitted, timestamps, window scale 7.
   */
  inject(
    address: number,
    port: number,
    to: number,
    flags: number,
    seq: number,
    ack: number,
    tsVal: number,
    tsEcr: number,
    payload: number,
  ): number {
    const frame = this.arena.alloc();
    if (frame === NO_FRAME) return Status.Again;
    const view = this.arena.view;
    const at = this.arena.dataAt[frame]!;
    let end = at + TCP_HEADER_BYTES;
    if (tsVal !== 0) {
      if ((flags & TCP_SYN) !== 0) {
        end = emitTcpMss(view, end, 1460);
        end = emitTcpSackPermittedTimestamps(view, end, tsVal, tsEcr);
        end = emitTcpWindowScale(view, end, 7);
      } else end = emitTcpTimestamps(view, end, tsVal, tsEcr);
    }
    emitTcp(view, at, port, to, seq, ack, end - at, flags, 65_535, 0);
    const meta = this.#meta;
    meta.src3 = address;
    meta.at = at;
    meta.length = end - at + payload;
    meta.frame = frame;
    return this.tcp.segmentArrives(meta, this.nowNs);
  }

  /** Timers and egress, as a poll loop runs them. */
  round(): void {
    this.tcp.timers(this.nowNs);
    this.tcp.egress(this.nowNs);
  }

  // IpOutput

  room(): number {
    return 1_000_000;
  }

  bindFlow(flow: IpFlow, _nowNs: number): number {
    flow.local2 = 0xffff;
    flow.local3 = RAW_ADDRESS;
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
    const view = this.arena.view;
    const flags = tcpFlags(view, at);
    this.sent += 1;
    if ((flags & TCP_SYN) !== 0) this.synAcks += 1;
    if ((flags & TCP_RST) !== 0) this.resets += 1;
    const client = this.clients.get(flow.remote3);
    if (client !== undefined && client.port === tcpDstPort(view, at)) {
      client.receive(view, at, length);
    }
    this.arena.free(frame);
    return Status.Ok;
  }

  // TcpEvents

  opened(tcb: Tcb): void {
    this.opened0 += 1;
    this.last = tcb;
  }

  data(tcb: Tcb, _frame: number, _at: number, length: number): void {
    this.received += length;
    if (!this.echo) return;
    const to = this.tcp.reserve(tcb, length);
    if (to >= 0) this.tcp.commit(tcb, length);
  }

  readable(): void {}

  urgent(): void {}

  ended(tcb: Tcb): void {
    if (this.closeBack) this.tcp.close(tcb, this.nowNs);
  }

  drained(): void {}

  closed(): void {
    this.closed0 += 1;
  }
}

/** A peer that keeps to the protocol as far as its script goes. */
export class RawClient {
  readonly host: RawHost;
  readonly address: number;
  /** May change between two connections. */
  port: number;
  readonly to: number;
  readonly options: TcpOptions = new TcpOptions();
  /** Flags of the last segment that came, 0 when none came since {@link RawClient.forget}. */
  flags = 0;
  seq = 0;
  ack = 0;
  sndNxt = 0;
  rcvNxt = 0;
  received = 0;
  /** Our timestamp clock; 0 does without options. */
  tsVal = 1000;
  tsEcr = 0;

  constructor(host: RawHost, address: number, port: number, to: number) {
    this.host = host;
    this.address = address;
    this.port = port;
    this.to = to;
    host.clients.set(address, this);
  }

  /** Takes note of a segment from the host. */
  receive(view: DataView, at: number, length: number): void {
    const headerBytes = tcpHeaderLength(view, at);
    this.flags = tcpFlags(view, at);
    this.seq = tcpSeq(view, at);
    this.ack = tcpAck(view, at);
    parseTcpOptions(view, at + TCP_HEADER_BYTES, headerBytes - TCP_HEADER_BYTES, this.options);
    if (this.options.hasTimestamps === 1) this.tsEcr = this.options.tsVal;
    let bytes = length - headerBytes;
    this.received += bytes;
    if ((this.flags & (TCP_SYN | TCP_FIN)) !== 0) bytes += 1;
    if ((this.flags & TCP_SYN) !== 0) this.rcvNxt = (this.seq + bytes) | 0;
    else if (this.seq === this.rcvNxt) this.rcvNxt = (this.rcvNxt + bytes) | 0;
  }

  /** Sends one segment. */
  send(flags: number, payload = 0): number {
    const { host } = this;
    if ((flags & TCP_SYN) === 0 && this.tsVal !== 0) this.tsVal += 1;
    const ack = (flags & TCP_ACK) === 0 ? 0 : this.rcvNxt;
    const { sndNxt, tsVal, tsEcr } = this;
    this.sndNxt = (sndNxt + payload + ((flags & (TCP_SYN | TCP_FIN)) !== 0 ? 1 : 0)) | 0;
    return host.inject(this.address, this.port, this.to, flags, sndNxt, ack, tsVal, tsEcr, payload);
  }

  /** Forgets what came. */
  forget(): void {
    this.flags = 0;
  }

  /** Opens, in one round. Whether it worked. */
  open(iss: number): boolean {
    this.sndNxt = iss;
    this.forget();
    this.send(TCP_SYN);
    this.host.round();
    if ((this.flags & (TCP_SYN | TCP_ACK)) !== (TCP_SYN | TCP_ACK)) return false;
    this.send(TCP_ACK);
    return true;
  }

  /** Sends bytes and acknowledges the answer. Whether as many came back in the same round. */
  ping(bytes: number): boolean {
    const before = this.received;
    this.send(TCP_ACK | TCP_PSH, bytes);
    this.host.round();
    if (this.received - before !== bytes) return false;
    this.send(TCP_ACK);
    return true;
  }

  /** Sends FIN, acknowledges the FIN of the other side. Whether that came in the same round. */
  close(): boolean {
    this.forget();
    this.send(TCP_FIN | TCP_ACK);
    this.host.round();
    if ((this.flags & TCP_FIN) === 0) return false;
    this.send(TCP_ACK);
    return true;
  }
}

/** SYNs from random addresses and ports to one port, as fast as they come. */
export class SynFlood {
  readonly #host: RawHost;
  readonly #random: Prng;
  readonly #to: number;

  constructor(host: RawHost, to: number, seed: number) {
    this.#host = host;
    this.#to = to;
    this.#random = new Prng(seed);
  }

  /** One burst; half of the SYNs have options. */
  burst(count: number): void {
    const random = this.#random;
    for (let i = 0; i < count; i += 1) {
      // 11.0.0.0/8 upwards: the flood meets no client of the test.
      const address = (0x0b000000 + (random.nextUint32() & 0x3fffffff)) | 0;
      const port = 1024 + (random.nextUint32() & 0x7fff);
      const seq = random.nextUint32() | 0;
      this.#host.inject(address, port, this.#to, TCP_SYN, seq, 0, (i & 1) * 77, 0, 0);
    }
  }
}
