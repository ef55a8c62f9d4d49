/**
 * Bulk flows over a simulated link: each of them sends as much as its controller lets it.
 *
 * @module
 */

import { Congestion } from '../config.ts';
import type { Tcb } from '../tcb.ts';
import { Link, type LinkOptions } from './link.ts';

/** One flow from host `a` to host `b`. */
export interface Flow {
  readonly client: Tcb;
  readonly server: Tcb;
  /** Payload that has arrived. */
  received: number;
  /** Whether the application has data all the time; else it writes when the test says so. */
  greedy: boolean;
}

/** Sizes that do not limit a window of 100 Mbit/s times 100 ms. */
const BUFFER_BYTES = 4 << 20;
const FRAMES = 16_384;
const CHUNK_BYTES = 65_536;

/** A link and the flows on it. */
export class Flows {
  readonly link: Link;
  readonly #flows: Map<Tcb, Flow> = new Map();
  readonly #chunk: Uint8Array = new Uint8Array(CHUNK_BYTES);
  #port = 80;

  constructor(options: LinkOptions) {
    const config = {
      sendBufferBytes: BUFFER_BYTES,
      receiveBufferBytes: BUFFER_BYTES,
      sendFramesMax: FRAMES / 4,
      receiveFramesMax: FRAMES / 4,
    };
    const host = { record: false, frames: FRAMES };
    this.link = new Link({
      ...options,
      a: { ...host, ...options.a, config: { ...config, ...options.a?.config } },
      b: { ...host, ...options.b, config: { ...config, ...options.b?.config } },
    });
    this.link.a.onDrained = (tcb): void => {
      const flow = this.#flows.get(tcb);
      if (flow?.greedy === true) this.#fill(flow);
    };
    this.link.b.onData = (tcb, _frame, _at, length): void => {
      const flow = this.#flows.get(tcb);
      if (flow !== undefined) flow.received += length;
    };
  }

  /** Opens a flow; a greedy one begins to send at once. */
  open(congestion: Congestion = Congestion.Bbr, greedy = true): Flow {
    const { client, server } = this.link.connect(this.#port);
    this.#port += 1;
    this.link.a.tcp.setCongestion(client, congestion, this.link.nowNs);
    const flow: Flow = { client, server, received: 0, greedy };
    this.#flows.set(client, flow);
    this.#flows.set(server, flow);
    if (greedy) this.#fill(flow);
    return flow;
  }

  /** Writes `bytes`, for which there must be room, on a flow that is not greedy. */
  write(flow: Flow, bytes: number): void {
    for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
      const part = left < CHUNK_BYTES ? left : CHUNK_BYTES;
      this.link.a.tcp.write(flow.client, this.#chunk, 0, part);
    }
  }

  /** Bits per second of payload that each flow gets in the next `durationNs`. */
  measure(durationNs: number): Map<Flow, number> {
    const before = new Map<Flow, number>();
    for (const flow of this.#flows.values()) before.set(flow, flow.received);
    this.link.runFor(durationNs);
    const rates = new Map<Flow, number>();
    for (const [flow, bytes] of before) {
      rates.set(flow, ((flow.received - bytes) * 8e9) / durationNs);
    }
    return rates;
  }

  /** Calls `look` after each event of the next `durationNs`. */
  watch(durationNs: number, look: () => void): void {
    const { link } = this;
    const endNs = link.nowNs + durationNs;
    link.pump();
    look();
    while (link.step(endNs)) {
      link.pump();
      look();
    }
    link.nowNs = endNs;
  }

  #fill(flow: Flow): void {
    const { tcp } = this.link.a;
    while (tcp.write(flow.client, this.#chunk, 0, CHUNK_BYTES) === CHUNK_BYTES);
  }
}

/** Jain's index of fairness: 1 when all shares are equal, 1/n when one has all. */
export function jain(shares: readonly number[]): number {
  let sum = 0;
  let squares = 0;
  for (const share of shares) {
    sum += share;
    squares += share * share;
  }
  return (sum * sum) / (shares.length * squares);
}
