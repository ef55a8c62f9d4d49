/**
 * Controllers by name. The names are the controllers' own, in the order of the registry: there is
 * no second table.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { Congestion } from '../config.ts';
import { CONTROLLERS } from './registry.ts';

/** Every name, in the order of the numbers: `reno`, `cubic`, `bbr`. */
export function congestionNames(): string[] {
  return CONTROLLERS.map((controller) => controller.name);
}

/** The name of a controller. */
export function congestionName(congestion: Congestion): string {
  return CONTROLLERS[congestion]!.name;
}

/**
 * The number of a controller by its name, as in Linux's TCP_CONGESTION.
 *
 * @throws NetError `ERR_TW_CONFIG` that lists the names there are.
 *
 * @example
 * ```ts
 * tcp.setCongestion(tcb, congestionNamed('bbr'), nowNs);
 * ```
 */
export function congestionNamed(name: string): Congestion {
  const names = congestionNames();
  const index = names.indexOf(name);
  if (index >= 0) return index as Congestion;
  throw new NetError(
    'ERR_TW_CONFIG',
    `There is no congestion controller '${name}'; choose one of ${names.join(', ')}`,
    { name },
  );
}
