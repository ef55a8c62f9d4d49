/**
 * The Device suite over a driver of the kernel, on a veth pair or a bridge: run by
 * kernel.netns.test.ts in a network namespace of its own, with the driver in `TW_DRIVER`.
 *
 * @module
 */

import { assert } from '@tickwire/base';
import { type DeviceLink, deviceConformance } from '@tickwire/phy/conformance';
import { createMemPool, openDevice } from '../src/index.ts';
import { testEal } from './environment.ts';
import { addBridge, addVeth, removeLink } from './namespace.ts';

const driver = process.env['TW_DRIVER'];
assert(driver !== undefined, 'TW_DRIVER names the driver');

let pairsMade = 0;

/**
 * A new pair each time: net_af_xdp of DPDK 22.11 never closes its socket, so that an interface can
 * be opened once per process.
 */
function onVeth(): DeviceLink {
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
}

/** Two TAPs are joined by a bridge of the kernel. */
function onBridge(): DeviceLink {
  const pool = createMemPool(testEal(), { frames: 8191 });
  const a = openDevice('net_tap:iface=twa', { pool });
  const b = openDevice('net_tap:iface=twb', { pool });
  addBridge('twbr', ['twa', 'twb']);
  const dispose = (): void => {
    removeLink('twbr');
    pool.close();
  };
  return { a, b, dispose };
}

deviceConformance(`${driver} through the kernel`, driver === 'net_tap' ? onBridge : onVeth);
