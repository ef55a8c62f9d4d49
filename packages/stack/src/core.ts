// @hot
/**
 * One port's stack: a device below, IP in the middle, UDP and TCP above, and the poll round that
 * moves frames between them.
 *
 * A round is: bounded ingress, what we sent to ourselves, timers (once a backlog is read), egress,
 * one burst to the device.
 * It reads no clock; the caller passes the time. Its cost does not depend on the number of sockets.
 *
 * @module
 */

import { type FrameArena, Status } from '@tickwire/base';
import { type IcmpError, IcmpErrorKind, Ip, Verdict } from '@tickwire/ip';
import { BURST_MAX, type Device, RxBurst } from '@tickwire/phy';
import { IcmpKind, Tcp, type TcpEvents } from '@tickwire/tcp';
import { Udp, type UdpEvents } from '@tickwire/udp';
import { PROTOCOL_TCP, PROTOCOL_UDP, IpFlow } from '@tickwire/wire';
import { type ResolvedOptions, UDP_SOCKETS_MAX } from './options.ts';
import { TransmitQueue } from './transmit-queue.ts';

/**
 * A pause between two rounds after which what waits in the device is read before timers run: the
 * shortest timeouts that make sense are as long.
 */
const AWAY_NS = 1_000_000;

/** Rounds for which timers wait for that at most: with a full batch each, a ring of 1024 frames. */
const CATCH_UP_ROUNDS = 32;

/** The layers, composed. `Stack` and `Interface` put their APIs on top of it. */
export class StackCore {
  readonly device: Device;
  readonly arena: FrameArena;
  readonly ip: Ip;
  readonly udp: Udp;
  readonly tcp: Tcp;
  readonly transmitQueue: TransmitQueue;
  /** Time of the current (or last) poll round, in nanoseconds. */
  nowNs: number;
  /** Poll rounds so far. */
  polls = 0;
  readonly #rx: RxBurst = new RxBurst();
  readonly #ingressBatch: number;
  /** The loop was away, and what came meanwhile is not read yet. */
  #isBehind = false;
  /** Rounds for which timers have waited for that. */
  #roundsBehind = 0;
  /** The conversation that an ICMP error is about. */
  readonly #errorFlow: IpFlow = new IpFlow();

  constructor(options: ResolvedOptions, tcpEvents: TcpEvents, udpEvents: UdpEvents) {
    const { device, random } = options;
    this.nowNs = options.clock.nowNs();
    this.device = device;
    this.arena = device.arena;
    this.#ingressBatch = options.ingressBatch;
    this.transmitQueue = new TransmitQueue(device);
    this.transmitQueue.setNow(this.nowNs);
    this.ip = new Ip(this.arena, this.transmitQueue, options.ip, random, this.nowNs);
    this.tcp = new Tcp(this.arena, this.ip, tcpEvents, options.tcp, random, this.nowNs);
    const key = [0, 0, 0, 0].map(() => random.nextUint32() | 0) as [number, number, number, number];
    this.udp = new Udp(this.arena, this.ip, this.ip, udpEvents, { sockets: UDP_SOCKETS_MAX, key });
    this.ip.events = {
      icmpError: (error, nowNs) => this.#icmpError(error, nowNs),
      echoReply: (identifier, sequence, src0, src1, src2, src3, at, length, nowNs) => {
        this.onEchoReply?.(identifier, sequence, src0, src1, src2, src3, at, length, nowNs);
      },
      addressConflict: () => {},
    };
  }

  /** Receives echo replies; see `IpEvents.echoReply`. */
  onEchoReply:
    | ((
        identifier: number,
        sequence: number,
        src0: number,
        src1: number,
        src2: number,
        src3: number,
        at: number,
        length: number,
        nowNs: number,
      ) => void)
    | undefined = undefined;

  /** One round. Returns the number of frames received and sent: 0 means that nothing happened. */
  poll(nowNs: number): number {
    if (nowNs - this.nowNs > AWAY_NS) this.#isBehind = true;
    this.nowNs = nowNs;
    this.polls += 1;
    const queue = this.transmitQueue;
    queue.setNow(nowNs);
    const received = this.#ingress(nowNs);
    this.#looped(nowNs);
    if (!this.#mustCatchUp(received)) {
      this.ip.timers(nowNs);
      this.tcp.timers(nowNs);
    }
    this.tcp.egress(nowNs);
    const sent = queue.flush();
    if (received === 0 && this.arena.available() < BURST_MAX) {
      // Drivers give transmitted frames back at later bursts only: an idle loop on a low pool would
      // wait for ever (NVIDIA/daqiri#207).
      this.device.reclaim();
    }
    return received + sent;
  }

  /** When the next timer is due; Infinity when none is armed, now when work waits already. */
  pollAt(): number {
    if (this.transmitQueue.queued > 0 || this.tcp.wantsEgress()) return this.nowNs;
    // Packets to ourselves wait without a timer.
    if (this.ip.loopedPackets > 0 || this.udp.framesHeld > 0) return this.nowNs;
    return Math.min(this.ip.nextDeadlineNs(), this.tcp.nextDeadlineNs());
  }

  /**
   * Whether timers have to wait for a round. After a long callback, or a collector's pause, more
   * may lie in the device than one batch, and the ACK that stops a timer behind it: a timeout would
   * be ours, not the path's. Bounded, so that a flood on a slow loop cannot stop the timers.
   */
  #mustCatchUp(received: number): boolean {
    if (!this.#isBehind) return false;
    if (received === this.#ingressBatch && this.#roundsBehind < CATCH_UP_ROUNDS) {
      this.#roundsBehind += 1;
      return true;
    }
    this.#isBehind = false;
    this.#roundsBehind = 0;
    return false;
  }

  #ingress(nowNs: number): number {
    const rx = this.#rx;
    const count = this.device.receive(rx, this.#ingressBatch, nowNs);
    for (let i = 0; i < count; i += 1) {
      const verdict = this.ip.receive(
        rx.frame[i]!,
        rx.at[i]!,
        rx.length[i]!,
        rx.flags[i]!,
        rx.sum[i]!,
        nowNs,
      );
      if (verdict !== Verdict.Consumed) this.#deliver(verdict, nowNs);
    }
    return count;
  }

  /** Packets to our own addresses never see the device. */
  #looped(nowNs: number): void {
    for (let i = 0; i < this.#ingressBatch; i += 1) {
      const verdict = this.ip.receiveLooped(nowNs);
      if (verdict === Verdict.None) break;
      if (verdict !== Verdict.Consumed) this.#deliver(verdict, nowNs);
    }
    for (let i = 0; i < this.#ingressBatch; i += 1) if (!this.udp.receiveLooped(nowNs)) break;
  }

  #deliver(verdict: number, nowNs: number): void {
    const meta = this.ip.meta;
    if (verdict === Verdict.Tcp) {
      this.tcp.segmentArrives(meta, nowNs);
    } else if (verdict === Verdict.Udp) {
      if (this.udp.receive(meta, nowNs) === Status.NoHandler) {
        this.ip.portUnreachable(meta, nowNs);
        this.arena.free(meta.frame);
      }
    } else if (verdict === Verdict.IcmpError) {
      this.#icmpError(this.ip.icmpError, nowNs);
    }
  }

  /** Hands an ICMP error to the transport of the packet that caused it. */
  #icmpError(error: IcmpError, nowNs: number): void {
    if (error.protocol === PROTOCOL_UDP) {
      this.udp.icmpError(error, nowNs);
    } else if (error.protocol === PROTOCOL_TCP) {
      const flow = this.#errorFlow;
      flow.family = error.family;
      flow.local0 = error.local0;
      flow.local1 = error.local1;
      flow.local2 = error.local2;
      flow.local3 = error.local3;
      flow.remote0 = error.remote0;
      flow.remote1 = error.remote1;
      flow.remote2 = error.remote2;
      flow.remote3 = error.remote3;
      const status = this.tcp.icmpError(
        flow,
        error.localPort,
        error.remotePort,
        error.tcpSequence,
        error.isLocal === 1 ? IcmpKind.Local : icmpKind(error.kind),
        error.mtu,
      );
      // The segment was in flight: the router has seen it, so its news about the path is good.
      if (error.kind === IcmpErrorKind.PacketTooBig && status === Status.Ok) {
        this.ip.acceptTooBig(error, nowNs);
      }
    }
  }

  /** Drops everything without a word on the wire. */
  close(): void {
    this.transmitQueue.clear();
  }
}

/** What an error means to TCP (RFC 1122, 4.2.3.9; RFC 5927, 5.2). */
function icmpKind(kind: number): number {
  switch (kind) {
    case IcmpErrorKind.PacketTooBig:
      return IcmpKind.TooBig;
    case IcmpErrorKind.PortUnreachable:
    case IcmpErrorKind.ProtocolUnreachable:
    case IcmpErrorKind.Prohibited:
      return IcmpKind.Hard;
    default:
      return IcmpKind.Soft;
  }
}
