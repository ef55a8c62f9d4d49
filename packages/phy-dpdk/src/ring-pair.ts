/**
 * Two ports joined in memory: what one sends, the other receives, without a copy.
 *
 * `net_ring0` alone loops back to itself; a wire takes two ports over crossed rings. The frames
 * themselves cross, so both ends share one pool, and neither may write to a frame that it has sent
 * before its reference count is back at 1.
 *
 * @module
 */

import { threadId } from 'node:worker_threads';
import { NetError } from '@tickwire/base';
import { DpdkDevice } from './dpdk-device.ts';
import { EthDev } from './eth-dev.ts';
import type { MemPool } from './mem-pool.ts';
import { type Address, addressOf, cStrings, failure, native } from './native.ts';

/** Slots of a ring: what a NIC's queue has. */
const RING_SLOTS = 1024;
const MTU = 1500;

/** Options of {@link createRingPair}. */
export interface RingPairOptions {
  /**
   * `full`: checksums are filled and summed, as on a NIC. `none`: nothing is, and received frames
   * are vouched for, because memory does not corrupt them. Default `full`.
   */
  readonly checksum?: 'full' | 'none';
  /** Frames that can be on their way in each direction, plus one: a power of two, default 1,024. */
  readonly size?: number;
  /** Largest IP packet; default 1,500. The frames of the pool must have room for 14 bytes more. */
  readonly mtu?: number;
  /** Queue pairs, default 1: queue n of one port is wired to queue n of the other. */
  readonly queues?: number;
}

let pairsMade = 0;

/** Locally administered addresses, different for every port of the process. */
function ringMac(pair: number, side: number): Uint8Array {
  return Uint8Array.of(0x02, 0x74, threadId & 0xff, (pair >> 8) & 0xff, pair & 0xff, side + 1);
}

/**
 * Makes two devices, crossed. The rings and what is still in them are freed when both are closed;
 * until then the open one can send, into a ring that nobody empties.
 *
 * @throws NetError `EINVAL` for a size that is no power of two, `ENOMEM`.
 *
 * @example
 * ```ts
 * const [client, server] = createRingPair(pool, { checksum: 'none' });
 * ```
 */
export function createRingPair(
  pool: MemPool,
  options: RingPairOptions = {},
): [DpdkDevice, DpdkDevice] {
  const size = options.size ?? RING_SLOTS;
  const queues = options.queues ?? 1;
  const mtu = options.mtu ?? MTU;
  if (!Number.isInteger(size) || size < 2 || (size & (size - 1)) !== 0) {
    throw new NetError('EINVAL', 'The size of a ring is a power of two, at least 2', { size });
  }
  pairsMade += 1;
  const serial = pairsMade;
  const name = `tw${threadId}r${serial}`;
  const text = cStrings(name);
  const pair: Address | null = native().tw_ring_pair_open(addressOf(text), size, queues);
  if (pair === null || pair === 0) {
    throw failure(native().tw_errno(), 'Cannot join two ports by rings', 'see details.log');
  }
  let open = 2;
  const onClose = (): void => {
    open -= 1;
    if (open === 0) native().tw_ring_pair_close(pair);
  };
  const side = (i: 0 | 1): DpdkDevice => {
    const port = new EthDev(native().tw_ring_pair_port(pair, i), `net_ring_${name}${'ab'[i]}`);
    port.start(pool, { queues });
    const checksum = options.checksum ?? 'full';
    return new DpdkDevice(port, pool, { mtu, macAddress: ringMac(serial, i), checksum }, onClose);
  };
  try {
    return [side(0), side(1)];
  } catch (error) {
    native().tw_ring_pair_close(pair);
    throw error;
  }
}
