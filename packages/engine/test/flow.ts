/**
 * A stream of orders of several traders from a seed, for tests.
 */

import {
  createOrderFlow,
  encodeFlowRow,
  FlowGenerator,
  ORDER_ENTRY_BYTES_MAX,
  type OrderFlow,
} from '@tickwire/protocol';
import { Status } from '@tickwire/base';
import type { Trader } from './venue.ts';

/** Sends generated orders, message by message, over a trader's session. */
export class FlowSender {
  readonly #generator: FlowGenerator;
  readonly #flow: OrderFlow = createOrderFlow(256);
  readonly #view: DataView = new DataView(new ArrayBuffer(ORDER_ENTRY_BYTES_MAX));
  #row = 256;

  constructor(seed: number, firstOrderId = 1) {
    this.#generator = new FlowGenerator({ seed, liveMax: 256, firstOrderId });
  }

  /** Sends up to `count` messages; returns how many the stack took. */
  send(trader: Trader, count: number): number {
    const { client } = trader;
    for (let i = 0; i < count; i += 1) {
      if (this.#row === 256) {
        this.#generator.next(this.#flow);
        this.#row = 0;
      }
      const sequence = client.clientSequence;
      const length = encodeFlowRow(this.#flow, this.#row, this.#view, 0, sequence, 0);
      const status = client.sendEncoded(this.#view, 0, length, sequence);
      if (status === Status.Again) return i;
      if (status < 0) throw new Error(`send returned ${status}`);
      this.#row += 1;
    }
    return count;
  }
}
