/**
 * The kernel at both ends of the lossy bridge: what the same line does to Linux's own TCP.
 *
 * @module
 */

import { BridgeProcess } from './bridge-process.ts';
import { BRIDGE_IFACE, joinKernel, type LossyLine, secondEnd, STACK, STACK_IFACE } from './lab.ts';
import { Namespace } from './namespace.ts';

/** Two namespaces with a bridge between them. Made by {@link KernelPair.start}. */
export class KernelPair implements AsyncDisposable {
  /** Has the address that the stack has in a `Lab`. */
  readonly first: Namespace;
  /** Has the address of the kernel. */
  readonly second: Namespace;
  readonly #made: AsyncDisposableStack;

  private constructor(first: Namespace, second: Namespace, made: AsyncDisposableStack) {
    this.first = first;
    this.second = second;
    this.#made = made;
  }

  /** Makes both ends, whose driver is that of a `Lab`, and the bridge. */
  static async start(line: LossyLine): Promise<KernelPair> {
    const { link = 'tap', seed, faults, idle = 'sleep' } = line;
    await using made = new AsyncDisposableStack();
    const own = made.use(new Namespace());
    const first = made.use(new Namespace());
    const second = made.use(new Namespace());
    own.veth(BRIDGE_IFACE, first, STACK_IFACE);
    const ends = {
      first: `net_af_packet:iface=${BRIDGE_IFACE}`,
      second: secondEnd(link, own, second),
    };
    const both = { seed, forward: faults, backward: faults, idle };
    made.use(await BridgeProcess.start(own, { ...ends, ...both }));
    first.ip(`addr add ${STACK}/24 dev ${STACK_IFACE}`);
    joinKernel(link, own, second);
    return new KernelPair(first, second, made.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#made.disposeAsync();
  }
}
