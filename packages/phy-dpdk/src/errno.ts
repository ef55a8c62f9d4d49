/**
 * Linux errno values to the codes of `NetError`.
 *
 * @module
 */

import type { NetErrorCode } from '@tickwire/base';

/** The errno values that DPDK returns from the calls we make; asm-generic/errno.h. */
const CODES: Readonly<Record<number, NetErrorCode>> = {
  1: 'EPERM',
  2: 'ENOENT',
  11: 'EAGAIN',
  12: 'ENOMEM',
  13: 'EACCES',
  19: 'ENODEV',
  22: 'EINVAL',
  28: 'ENOSPC',
  95: 'ENOTSUP',
  98: 'EADDRINUSE',
  105: 'ENOBUFS',
};

/** The code of an errno of either sign; `ERR_TW_CONFIG` for those without a name of their own. */
export function errnoCode(errno: number): NetErrorCode {
  return CODES[Math.abs(errno)] ?? 'ERR_TW_CONFIG';
}
