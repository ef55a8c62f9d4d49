import { describe } from 'bun:test';
import { type DeviceLink, deviceConformance } from '@tickwire/phy/conformance';
import { testEal, whyNoDpdk } from '../test/environment.ts';
import { createMemPool, createRingPair, type RingPairOptions } from './index.ts';

/** A factory of crossed rings over a pool of their own. */
function ringLink(options: RingPairOptions): () => DeviceLink {
  return () => {
    const pool = createMemPool(testEal(), { frames: 4095 });
    const [a, b] = createRingPair(pool, options);
    return { a, b, dispose: () => pool.close() };
  };
}

describe.skipIf(whyNoDpdk() !== undefined)('createRingPair()', () => {
  deviceConformance('net_ring', ringLink({}));
  deviceConformance('net_ring without checksums', ringLink({ checksum: 'none' }));
  deviceConformance('net_ring of 128 slots, two queues', ringLink({ size: 128, queues: 2 }));
});
