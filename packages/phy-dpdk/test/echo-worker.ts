/**
 * A thread with a queue of its own: sends back every frame that it receives, as a copy in a frame
 * that it allocates itself, until it has seen as many as it was told to.
 *
 * @module
 */

import { RxBurst, TxBurst } from '@tickwire/phy';
import {
  attachMemPool,
  DpdkDevice,
  registerThread,
  type SharedDevice,
  type SharedMemPool,
} from '../src/index.ts';

declare const self: Worker;

/** What the thread is told. */
export interface EchoTask {
  readonly pool: SharedMemPool;
  readonly device: SharedDevice;
  readonly queue: number;
  readonly frames: number;
}

/** Polls without a frame before the thread gives up. */
const IDLE_POLLS_MAX = 20_000_000;

function echo(task: EchoTask): number {
  using registration = registerThread();
  using pool = attachMemPool(task.pool);
  using device = DpdkDevice.attach(task.device, pool, task.queue);
  const { arena } = pool;
  const rx = new RxBurst();
  const tx = new TxBurst();
  let done = 0;
  for (let idle = 0; done < task.frames && idle < IDLE_POLLS_MAX; idle += 1) {
    const count = device.receive(rx, 32, 0);
    for (let i = 0; i < count; i += 1) {
      const copy = arena.alloc();
      if (copy < 0) throw new Error('the pool is empty');
      const to = arena.dataAt[copy]!;
      arena.bytes.copyWithin(to, rx.at[i]!, rx.at[i]! + rx.length[i]!);
      arena.free(rx.frame[i]!);
      tx.frame[i] = copy;
      tx.at[i] = to;
      tx.length[i] = rx.length[i]!;
    }
    for (let sent = 0; sent < count;) {
      const taken = device.transmit(tx, count - sent, 0);
      sent += taken;
      for (let i = 0; i + taken < count; i += 1) {
        tx.frame[i] = tx.frame[i + taken]!;
        tx.at[i] = tx.at[i + taken]!;
        tx.length[i] = tx.length[i + taken]!;
      }
    }
    done += count;
    if (count > 0) idle = 0;
  }
  void registration;
  return done;
}

self.onmessage = (event: MessageEvent<EchoTask>): void => {
  self.postMessage(echo(event.data));
};
