/**
 * One DPDK per test process, and what a test does where there is none.
 *
 * @module
 */

import { Eal, EalBuilder, hasNative } from '../src/index.ts';

let warned = false;

/** Why tests over DPDK cannot run here, or undefined; says so loudly. */
export function whyNoDpdk(needsRoot = false): string | undefined {
  let reason: string | undefined;
  if (!hasNative()) reason = 'csrc/build/libtickwire.so is not built, or switched off';
  else if (needsRoot && process.getuid?.() !== 0) reason = 'network namespaces need root';
  if (reason !== undefined && !warned) {
    warned = true;
    console.warn(`SKIPPING ALL TESTS OVER DPDK: ${reason}`);
  }
  return reason;
}

/** The environment of this process: no huge pages, no PCI, virtual devices only. */
export function testEal(): Eal {
  return Eal.current ?? new EalBuilder().noHuge().noPci().memoryMb(96).init();
}
