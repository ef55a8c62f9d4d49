/**
 * Whether DPDK is there.
 *
 * @module
 */

import { hasNative } from '@tickwire/phy-dpdk';

/** Why nothing over DPDK can run, or undefined. */
export function whyNoNative(): string | undefined {
  return hasNative() ? undefined : 'needs csrc/build/libtickwire.so, made by make -C csrc';
}
