// @hot
/**
 * Controllers by number.
 *
 * @module
 */

import type { Tcb } from '../tcb.ts';
import { bbr } from './bbr.ts';
import type { CongestionControl } from './congestion.ts';
import { cubic } from './cubic.ts';
import { newReno } from './new-reno.ts';
import { none } from './none.ts';

/** All controllers; the place is the number in `Congestion`, the name what users write. */
export const CONTROLLERS: readonly CongestionControl[] = [newReno, cubic, bbr, none];

/** The controller of a connection. */
export function controllerOf(tcb: Tcb): CongestionControl {
  return CONTROLLERS[tcb.congestion]!;
}
