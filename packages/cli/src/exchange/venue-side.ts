// @hot
/**
 * The venue: a stack, the exchange on it, and the small services beside it.
 *
 * @module
 */

import type { Exchange } from '@tickwire/engine';
import type { Pollable, Stack } from '@tickwire/stack';

/** Polls stack and exchange. */
export class VenueSide implements Pollable {
  readonly stack: Stack;
  readonly exchange: Exchange;

  constructor(stack: Stack, exchange: Exchange) {
    this.stack = stack;
    this.exchange = exchange;
  }

  /**
   * One round. The stack comes twice when the exchange wrote something, so that a reply leaves in
   * the round that made it.
   */
  poll(nowNs: number): number {
    const received = this.stack.poll(nowNs);
    const made = this.exchange.poll(nowNs);
    return made === 0 ? received : received + made + this.stack.poll(nowNs);
  }

  pollAt(): number {
    return Math.min(this.stack.pollAt(), this.exchange.pollAt());
  }
}
