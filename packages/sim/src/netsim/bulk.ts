/**
 * Bulk transfers over bad links in virtual time: what the stack makes of loss, reordering, round
 * trip and buffer.
 *
 * @module
 */

import type { TcpConfig } from '@tickwire/tcp';
import { simulate } from '../net/sim-network.ts';

const NS = 1_000_000_000;
/** Bytes of one transfer: as smoltcp's netsim. */
export const TRANSFER_BYTES = 10_000_000;
/** A transfer that is not done by then is judged by what arrived. */
const LIMIT_NS: number = 600 * NS;
/** Link of the matrix: fast enough not to matter beside buffer and round trip. */
const LINK_BITS_PER_SECOND = 1_000_000_000;
/** Share of frames that a reordering link holds back. */
const REORDER_SHARE = 0.05;
const PORT = 5001;
/** Every byte is told by its place: 251 is prime, so a shift shows. */
const PATTERN: Uint8Array = Uint8Array.from({ length: 251 * 256 }, (_, i) => i % 251);

/** One cell of the matrix. */
export interface BulkCase {
  readonly lossPercent: number;
  /** Only what the sender sends is lost, no ACK; default both. */
  readonly lossOneWay?: boolean;
  readonly reorder: boolean;
  readonly bufferBytes: number;
  readonly rttMs: number;
}

/** What came of a cell. All numbers follow from the seed. */
export interface BulkResult {
  readonly goodputBytesPerSecond: number;
  readonly receivedBytes: number;
  readonly durationNs: number;
  readonly retransmits: number;
  readonly timeouts: number;
}

/** Runs one transfer. Throws, with the seed, when a byte is wrong or something is left behind. */
export function runBulk(cell: BulkCase, seed: number, tcp: Partial<TcpConfig> = {}): BulkResult {
  return simulate(seed, (net) => {
    const config: Partial<TcpConfig> = {
      sendBufferBytes: cell.bufferBytes,
      receiveBufferBytes: cell.bufferBytes,
      receiveBufferBytesMax: cell.bufferBytes,
      ...tcp,
    };
    const sender = net.addHost('10.0.0.1/24', { tcp: config });
    const receiver = net.addHost('10.0.0.2/24', { tcp: config });
    const rttNs = cell.rttMs * 1_000_000;
    const forward = {
      delayNs: rttNs / 2,
      rateBitsPerSecond: LINK_BITS_PER_SECOND,
      loss: cell.lossPercent / 100,
      reorder: cell.reorder ? REORDER_SHARE : 0,
      reorderNs: rttNs / 10,
    };
    const backward = cell.lossOneWay === true ? { ...forward, loss: 0 } : forward;
    net.connect(sender, receiver, forward, backward);
    net.introduceAll();
    const sink = new Sink();
    receiver.stack.listen({
      port: PORT,
      socket: { data: (_socket, bytes, at, length) => sink.take(bytes, at, length) },
    });
    const source = new Source(TRANSFER_BYTES);
    const startNs = net.time.nowNs;
    const socket = sender.stack.connect({
      hostname: receiver.address,
      port: PORT,
      data: undefined,
      socket: {},
    });
    // An application that writes as soon as there is room: what is measured is the stack alone.
    net.time.onRound = () => {
      if (socket.canWrite && socket.writableBytes > 0) source.fill(socket);
    };
    net.time.advanceTo(startNs + LIMIT_NS, () => sink.received >= TRANSFER_BYTES);
    const durationNs = net.time.nowNs - startNs;
    const { counters } = sender.stack.core.tcp;
    socket.terminate();
    return {
      goodputBytesPerSecond: Math.round((sink.received * NS) / durationNs),
      receivedBytes: sink.received,
      durationNs,
      retransmits: counters.retransSegs,
      timeouts: counters.timeouts,
    };
  });
}

/** Counts bytes and checks each of them. */
export class Sink {
  received = 0;

  take(bytes: Uint8Array, at: number, length: number): void {
    const from = this.received % 251;
    const wanted = Buffer.from(PATTERN.buffer, from, length);
    if (wanted.compare(bytes, at, at + length) !== 0) {
      throw new Error(`Byte ${this.received} to ${this.received + length} of the stream are wrong`);
    }
    this.received += length;
  }
}

/** What a {@link Source} writes to. */
interface Writable {
  write(bytes: Uint8Array, at: number, length: number): number;
}

/** Writes a pattern of so many bytes as fast as the socket takes it. */
export class Source {
  readonly #total: number;
  sent = 0;

  constructor(total: number) {
    this.#total = total;
  }

  fill(socket: Writable): void {
    while (this.sent < this.#total) {
      const from = this.sent % 251;
      const length = Math.min(this.#total - this.sent, PATTERN.length - from);
      const taken = socket.write(PATTERN, from, length);
      this.sent += taken;
      if (taken < length) return;
    }
  }
}
