/**
 * Two stacks on a wire in memory, driven by one thread: what the TCP benchmarks run on.
 *
 * @module
 */

import { openWire } from '../packages/cli/src/exchange/link.ts';
import { Stack, type StackOptions } from '../packages/stack/src/index.ts';

/** Rounds without any frame after which a benchmark hangs. */
const EMPTY_ROUNDS_MAX = 5_000_000;

/** 10.77.0.1 and 10.77.0.2 on crossed DPDK rings, or on the loopback device without DPDK. */
export class TwoStacks implements Disposable {
  /** `net_ring` or `loopback`. */
  readonly device: string;
  readonly client: Stack;
  readonly server: Stack;
  readonly #wire: ReturnType<typeof openWire>;

  constructor(mtu: number, options: Partial<StackOptions> = {}) {
    this.#wire = openWire({ nowNs: Bun.nanoseconds(), mtu }, process.env);
    this.device = this.#wire.name;
    this.server = new Stack({
      device: this.#wire.venue,
      addresses: ['10.77.0.1/24'],
      seed: 1,
      ...options,
    });
    this.client = new Stack({
      device: this.#wire.traders,
      addresses: ['10.77.0.2/24'],
      seed: 2,
      ...options,
    });
  }

  /** Polls both in turn until `isDone`. */
  until(isDone: () => boolean): void {
    for (let empty = 0; !isDone();) {
      const nowNs = Bun.nanoseconds();
      const work = this.client.poll(nowNs) + this.server.poll(nowNs);
      empty = work === 0 ? empty + 1 : 0;
      if (empty > EMPTY_ROUNDS_MAX) throw new Error('the stacks have nothing more to say');
    }
  }

  [Symbol.dispose](): void {
    this.client.close();
    this.server.close();
    this.#wire[Symbol.dispose]();
  }
}
