/**
 * A sender without end on our stack, and what its connection says of itself meanwhile.
 *
 * @module
 */

import type { Pollable, Stack, TcpHandlers, TcpSocket } from '@tickwire/stack';
import type { Sample } from './cwnd-figures.ts';
import type { BulkAnswer, BulkRequest } from './host-protocol.ts';
import { Punctuality } from './punctuality.ts';

const MS = 1_000_000;
const CHUNK_BYTES = 65_536;

/** What nobody set is larger than any window. */
const SSTHRESH_UNSET = 2 ** 30;

/** One transfer. */
class Bulk {
  readonly request: BulkRequest;
  readonly samples: Sample[] = [];
  readonly done: PromiseWithResolvers<BulkAnswer> = Promise.withResolvers();
  socket: TcpSocket<Bulk> | undefined;
  startNs = -1;
  nextNs = Infinity;

  constructor(request: BulkRequest) {
    this.request = request;
  }
}

const CHUNK = new Uint8Array(CHUNK_BYTES);

function fill(socket: TcpSocket<Bulk>): void {
  while (socket.write(CHUNK) === CHUNK_BYTES);
}

const HANDLERS: TcpHandlers<Bulk> = {
  open(socket) {
    socket.data.socket = socket;
    fill(socket);
  },
  drain: fill,
  data() {},
  close: (socket, error) => socket.data.done.reject(new Error(`bulk ended: ${error?.code}`)),
};

/** Part of the poll loop: it looks at its instants, whatever the event loop does. */
export class BulkSender implements Pollable {
  readonly #stack: Stack;
  readonly #punctuality: Punctuality = new Punctuality();
  #bulk: Bulk | undefined;

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** Sends for a time and resolves with what was seen. */
  run(request: BulkRequest): Promise<BulkAnswer> {
    const bulk = new Bulk(request);
    this.#bulk = bulk;
    this.#stack.connect({
      hostname: request.host,
      port: request.port,
      socket: HANDLERS,
      data: bulk,
    });
    return bulk.done.promise;
  }

  poll(nowNs: number): number {
    const bulk = this.#bulk;
    if (bulk?.socket === undefined) return 0;
    if (bulk.startNs < 0) {
      bulk.startNs = nowNs;
      bulk.nextNs = nowNs;
      this.#punctuality.restart();
    }
    this.#punctuality.poll(nowNs);
    if (nowNs < bulk.nextNs) return 0;
    const { seconds, everyMs } = bulk.request;
    const sample = look(bulk.socket, (nowNs - bulk.startNs) / 1e9);
    if (sample !== undefined) bulk.samples.push(sample);
    bulk.nextNs += everyMs * MS;
    if (nowNs - bulk.startNs >= seconds * 1e9) {
      this.#bulk = undefined;
      bulk.done.resolve({ samples: bulk.samples, absences: this.#punctuality.absences });
      bulk.socket.terminate();
    }
    return 1;
  }

  pollAt(): number {
    return this.#bulk?.nextNs ?? Infinity;
  }
}

function look(socket: TcpSocket<Bulk>, seconds: number): Sample | undefined {
  const info = socket.info();
  if (info === undefined) return undefined;
  const ssthresh = info.sndSsthreshBytes;
  return {
    seconds,
    cwndBytes: info.sndCwndBytes,
    ssthreshBytes: ssthresh >= SSTHRESH_UNSET ? Infinity : ssthresh,
    srttMs: info.rttNs / MS,
    flightBytes: info.bytesInFlight,
    ackedBytes: info.bytesAcked,
    retransmits: info.totalRetrans,
    caState: info.caState,
    inStartup: info.bbrMode === 0,
  };
}
