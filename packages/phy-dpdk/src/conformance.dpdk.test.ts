import { describe, test } from 'bun:test';
import { type DeviceLink, deviceConformance } from '@tickwire/phy/conformance';
import { testEal, whyNoDpdk } from '../test/environment.ts';
import { createMemPool, createRingPair, type RingPairOptions } from './index.ts';

if (whyNoDpdk() === undefined) {
  const ringLink = (options: RingPairOptions) => (): DeviceLink => {
    const pool = createMemPool(testEal(), { frames: 4095 });
    const [a, b] = createRingPair(pool, options);
    return { a, b, dispose: () => pool.close() };
  };
  deviceConformance('net_ring', ringLink({}));
  deviceConformance('net_ring without checksums', ringLink({ checksum: 'none' }));
  deviceConformance('net_ring of 128 slots, two queues', ringLink({ size: 128, queues: 2 }));
} else {
  describe('net_ring is a Device', () => {
    test.skip('needs DPDK', () => undefined);
  });
}
