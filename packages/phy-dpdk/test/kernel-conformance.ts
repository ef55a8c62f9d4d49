/**
 * The Device suite over a driver of the kernel, on a veth pair: run by kernel.netns.test.ts in a
 * network namespace of its own, with the driver in `TW_DRIVER`.
 *
 * @module
 */

import { assert } from '@tickwire/base';
import { deviceConformance } from '@tickwire/phy/conformance';
import { createMemPool, openDevice } from '../src/index.ts';
import { testEal } from './environment.ts';
import { addVeth, removeLink } from './namespace.ts';

const driver = process.env['TW_DRIVER'];
assert(driver !== undefined, 'TW_DRIVER names the driver');

let pairsMade = 0;

deviceConformance(`${driver} on veth`, () => {
  // A new pair each time: net_af_xdp of DPDK 22.11 never closes its socket, so that an interface
  // can be opened once per process.
  pairsMade += 1;
  const [first, second] = [`twa${pairsMade}`, `twb${pairsMade}`];
  addVeth(first, second);
  const pool = createMemPool(testEal(), { frames: 8191 });
  const a = openDevice(`${driver}:iface=${first}`, { pool });
  const b = openDevice(`${driver}:iface=${second}`, { pool });
  const dispose = (): void => {
    removeLink(first);
    pool.close();
  };
  return { a, b, dispose };
});
