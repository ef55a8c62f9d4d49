/**
 * The one way in which a reader refuses a file.
 *
 * @module
 */

import { NetError } from '@tickwire/base';

/** `ERR_TW_FORMAT` that names the file, the line (from 1; 0 is the header) and the reason. */
export function formatError(file: string, line: number, reason: string): NetError {
  return new NetError(
    'ERR_TW_FORMAT',
    `${file}:${line}: ${reason}; check that the file is whole and of a known format`,
    { file, line, reason },
  );
}
