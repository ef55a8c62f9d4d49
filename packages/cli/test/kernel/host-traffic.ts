/**
 * The applications of the host process: streams in and out, compared by hash, and multicast.
 *
 * @module
 */

import type { Stack, TcpHandlers, TcpSocket, UdpSocket } from '@tickwire/stack';
import { IpAddress } from '@tickwire/wire';
import type { TransferResult } from './host-protocol.ts';
import { ByteStream } from './stream.ts';

/** What a `source` serves and a `connect` sends. */
interface StreamSpec {
  readonly seed: number;
  readonly bytes: number;
}

/** One connection that sends a stream and hashes what it gets. */
class Transfer {
  readonly stream: ByteStream;
  readonly hasher = new Bun.CryptoHasher('sha256');
  readonly resetAfter: number;
  /** What `next` made and the socket has not taken. */
  block: Uint8Array = new Uint8Array(0);
  sent = 0;
  received = 0;
  isShut = false;
  readonly marks: number[] = [];
  urgent: string | undefined;
  done: ((result: TransferResult) => void) | undefined;

  constructor(spec: StreamSpec, resetAfter = Infinity) {
    this.stream = new ByteStream(spec.seed, spec.bytes);
    this.resetAfter = resetAfter;
  }

  /** Writes while there is room; half-closes after the last byte. */
  fill(socket: TcpSocket<Transfer>): void {
    for (;;) {
      if (this.block.length === 0) {
        if (this.stream.position === this.stream.length) break;
        this.block = this.stream.next();
      }
      const taken = socket.write(this.block);
      this.sent += taken;
      this.block = this.block.subarray(taken);
      if (this.block.length > 0) return;
    }
    if (!this.isShut) {
      this.isShut = true;
      socket.shutdown();
    }
  }

  take(socket: TcpSocket<Transfer>, bytes: Uint8Array, at: number, length: number): void {
    this.hasher.update(bytes.subarray(at, at + length));
    this.received += length;
    if (this.received >= this.resetAfter) socket.terminate();
  }

  result(error: string | undefined): TransferResult {
    const { sent, received, marks } = this;
    return { sent, received, hash: this.hasher.copy().digest('hex'), marks, error };
  }
}

/** Of our echo requests. */
const PING_IDENTIFIER = 77;
const PING_BYTES = new TextEncoder().encode('from the stack');

const NOTHING: StreamSpec = { seed: 0, bytes: 0 };

const CLIENT: TcpHandlers<Transfer> = {
  open(socket) {
    const { urgent } = socket.data;
    if (urgent !== undefined) socket.writeUrgent(new TextEncoder().encode(urgent));
    socket.data.fill(socket);
  },
  drain: (socket) => socket.data.fill(socket),
  data: (socket, bytes, at, length) => socket.data.take(socket, bytes, at, length),
  close: (socket, error) => socket.data.done?.(socket.data.result(error?.code)),
};

/** A datagram that came, in full. */
interface Datagram {
  readonly text: string;
  readonly port: number;
}

/** All traffic of one host. */
export class HostTraffic {
  /** What the source port serves. */
  source: StreamSpec = NOTHING;
  /** Ended connections of the sink and source ports. */
  readonly results: TransferResult[] = [];
  readonly datagrams: Datagram[] = [];
  readonly #stack: Stack;
  readonly #listeners: Disposable[] = [];
  readonly #sockets: UdpSocket[] = [];
  /** The latest connection of the source port. */
  #latest: TcpSocket<Transfer> | undefined;

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  listen(sinkPort: number, sourcePort: number): void {
    const close = (socket: TcpSocket<Transfer>, error: { code: string } | undefined): void => {
      this.results.push(socket.data.result(error?.code));
    };
    const sink = this.#stack.listen<Transfer>({
      port: sinkPort,
      data: () => new Transfer(NOTHING),
      socket: {
        data: CLIENT.data!,
        urgent: (socket) => void socket.data.marks.push(socket.data.received + socket.urgentBytes),
        end(socket) {
          socket.write(new TextEncoder().encode(socket.data.result(undefined).hash));
          socket.end();
        },
        close,
      },
    });
    const source = this.#stack.listen<Transfer>({
      port: sourcePort,
      data: () => new Transfer(this.source),
      socket: {
        open: (socket) => {
          this.#latest = socket;
          socket.data.fill(socket);
        },
        drain: CLIENT.drain!,
        data: CLIENT.data!,
        close,
      },
    });
    this.#listeners.push(sink, source);
  }

  /** What the latest connection of the source port looks like; undefined when it is gone. */
  info(): ReturnType<TcpSocket['info']> {
    return this.#latest?.info();
  }

  /** Sends a stream, half-closes, and resolves when the peer has ended as well. */
  connect(request: {
    readonly host: string;
    readonly port: number;
    readonly seed: number;
    readonly bytes: number;
    readonly resetAfter?: number;
    readonly urgent?: string;
  }): Promise<TransferResult> {
    const { host, port } = request;
    const data = new Transfer(request, request.resetAfter);
    data.urgent = request.urgent;
    return new Promise((resolve) => {
      data.done = resolve;
      this.#stack.connect({ hostname: host, port, socket: CLIENT, data });
    });
  }

  /** Sends echo requests; returns the sum of what IP said, 0 when it took them all. */
  ping(host: string, count: number): number {
    const remote = IpAddress.parse(host);
    const { ip, nowNs } = this.#stack.core;
    const { length } = PING_BYTES;
    let sum = 0;
    for (let sequence = 1; sequence <= count; sequence += 1) {
      sum += ip.sendEcho(remote, PING_IDENTIFIER, sequence, PING_BYTES, 0, length, nowNs);
    }
    return sum;
  }

  /** Joins a group; what comes is kept in `datagrams`. */
  join(group: string, port: number): boolean {
    const { datagrams } = this;
    const socket = this.#stack.udp({
      port,
      groups: [group],
      socket: {
        data(_socket, bytes, at, length, source) {
          const text = new TextDecoder().decode(bytes.slice(at, at + length));
          datagrams.push({ text, port: source.port });
        },
      },
    });
    this.#sockets.push(socket);
    return true;
  }

  /** Sends `count` numbered datagrams; returns the sum of what `send` said. */
  multicast(group: string, port: number, count: number): number {
    const socket = this.#stack.udp();
    const address = IpAddress.parse(group);
    let sum = 0;
    for (let i = 0; i < count; i += 1) {
      const bytes = new TextEncoder().encode(`multicast ${i}`);
      sum += Math.sign(socket.send(bytes, 0, bytes.length, address, port));
    }
    this.#sockets.push(socket);
    return sum;
  }

  /** Closes the sockets of multicast, which leaves their groups. */
  leave(): void {
    for (const socket of this.#sockets) socket.close();
  }

  close(): void {
    this.leave();
    for (const listener of this.#listeners) listener[Symbol.dispose]();
  }
}
