/**
 * UDP under test over an IP layer that records what it is given.
 *
 * @module
 */

import { createHeapArena, type FrameArena, NO_FRAME, Status } from '@tickwire/base';
import {
  checksumFold,
  checksumWord,
  emitUdp,
  IpAddress,
  type IpFlow,
  IpMeta,
  type IpOutput,
  LINK_BROADCAST,
  LINK_MULTICAST,
  LINK_UNICAST,
} from '@tickwire/wire';
import {
  Udp,
  type UdpConfig,
  type UdpEvents,
  type UdpGroups,
  type UdpIcmpError,
  type UdpSocket,
} from '../src/index.ts';

/** The int32 of a dotted quad. */
export function ip4(text: string): number {
  return IpAddress.parse(text).v4;
}

export const OUR_IP: number = ip4('10.0.0.1');
export const PEER_IP: number = ip4('10.0.0.2');
export const GROUP: number = ip4('239.1.1.1');
/** Third word of IPv4 addresses. */
export const V4 = 0xffff;

/** A packet that was sent. */
export interface Sent {
  bytes: Uint8Array;
  local: number;
  remote: number;
  hopLimit: number;
  trafficClass: number;
  dontFragment: number;
}

/** An IP layer that reaches everybody but 192.0.2.0/24. */
export class RecordingIp implements IpOutput, UdpGroups {
  readonly sent: Sent[] = [];
  readonly joins: Map<number, number> = new Map();
  left: number = Number.POSITIVE_INFINITY;
  result = 0;
  binds = 0;
  isRecording = true;
  readonly #arena: FrameArena;

  constructor(arena: FrameArena) {
    this.#arena = arena;
  }

  room(): number {
    return this.left;
  }

  bindFlow(flow: IpFlow): number {
    this.binds += 1;
    if (flow.remote3 >>> 8 === ip4('192.0.2.0') >>> 8) return Status.Unreachable;
    if (flow.local3 === 0) flow.local3 = OUR_IP;
    flow.addressSum = checksumFold(checksumWord(flow.local3) + checksumWord(flow.remote3));
    flow.neighbourVersion = 1;
    return Status.Ok;
  }

  output(
    flow: IpFlow,
    _protocol: number,
    frame: number,
    at: number,
    length: number,
    _checksumOffset: number,
  ): number {
    if (this.result < 0) {
      this.#arena.free(frame);
      return this.result;
    }
    if (this.isRecording) {
      this.sent.push({
        bytes: this.#arena.bytes.slice(at, at + length),
        local: flow.local3,
        remote: flow.remote3,
        hopLimit: flow.hopLimit,
        trafficClass: flow.trafficClass,
        dontFragment: flow.dontFragment,
      });
    }
    this.#arena.free(frame);
    return Status.Ok;
  }

  joinGroup(_a: number, _b: number, _c: number, group: number): number {
    if (group >>> 28 !== 14) return Status.OutOfRange;
    this.joins.set(group, (this.joins.get(group) ?? 0) + 1);
    return Status.Ok;
  }

  leaveGroup(_a: number, _b: number, _c: number, group: number): number {
    const left = this.joins.get(group)! - 1;
    if (left === 0) this.joins.delete(group);
    else this.joins.set(group, left);
    return Status.Ok;
  }
}

/** A datagram that reached a socket. */
export interface Delivered {
  socket: UdpSocket;
  data: string;
  sourcePort: number;
  source: number;
}

/** UDP with everything around it. */
export class Bench implements UdpEvents {
  readonly arena: FrameArena = createHeapArena({ frames: 128, dataRoom: 2048 });
  readonly ip: RecordingIp = new RecordingIp(this.arena);
  readonly udp: Udp;
  readonly meta: IpMeta = new IpMeta();
  readonly delivered: Delivered[] = [];
  readonly errors: [UdpSocket, number][] = [];
  /** Called for every datagram before it is recorded. */
  onDatagram: ((socket: UdpSocket) => void) | undefined;
  isRecording = true;
  count = 0;

  constructor(config: Partial<UdpConfig> = {}) {
    this.udp = new Udp(this.arena, this.ip, this.ip, this, {
      sockets: 16,
      key: [1, 2, 3, 4],
      ...config,
    });
  }

  datagram(
    socket: UdpSocket,
    _frame: number,
    at: number,
    length: number,
    sourcePort: number,
    meta: IpMeta,
  ): void {
    this.count += 1;
    if (!this.isRecording) return;
    this.onDatagram?.(socket);
    const data = new TextDecoder().decode(this.arena.bytes.slice(at, at + length));
    this.delivered.push({ socket, data, sourcePort, source: meta.src3 });
  }

  error(socket: UdpSocket, error: UdpIcmpError): void {
    this.errors.push([socket, error.kind]);
  }

  /** Opens a socket bound to an IPv4 address (0: any) and port. */
  bound(port: number, local = 0, reuse = 0): UdpSocket {
    const socket = this.udp.open();
    if (socket === null) throw new Error('The test took all sockets');
    socket.reuse = reuse;
    const status = this.udp.bind(socket, 0, 0, V4, local, port);
    if (status !== Status.Ok) throw new Error('bind failed: ' + String(status));
    return socket;
  }

  /** Sends text from a socket; the result of `send`. */
  send(socket: UdpSocket, remote: number, port: number, text: string): number {
    const bytes = new TextEncoder().encode(text);
    return this.udp.send(socket, 0, 0, V4, remote, port, bytes, 0, bytes.length, 0);
  }

  /** Lets a datagram arrive. Returns the status; the frame is freed when it was not taken. */
  receive(
    text: string,
    dstPort: number,
    options: { src?: number; dst?: number; srcPort?: number } = {},
  ): number {
    const frame = this.arena.alloc();
    if (frame === NO_FRAME) throw new Error('The test took all frames');
    const at = this.arena.dataAt[frame]!;
    const data = new TextEncoder().encode(text);
    const dst = options.dst ?? OUR_IP;
    emitUdp(this.arena.view, at, options.srcPort ?? 5000, dstPort, 8 + data.length, 0);
    this.arena.bytes.set(data, at + 8);
    const meta = this.meta;
    meta.src2 = V4;
    meta.src3 = options.src ?? PEER_IP;
    meta.dst2 = V4;
    meta.dst3 = dst;
    meta.at = at;
    meta.length = 8 + data.length;
    meta.frame = frame;
    meta.linkDst = dst >>> 28 === 14 ? LINK_MULTICAST : dst === -1 ? LINK_BROADCAST : LINK_UNICAST;
    const status = this.udp.receive(meta, 0);
    if (status === Status.NoHandler) this.arena.free(frame);
    return status;
  }

  /** Frames that are not in the pool. */
  get framesInUse(): number {
    return this.arena.capacity - this.arena.available();
  }
}
