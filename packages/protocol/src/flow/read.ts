/**
 * Reading recorded order flow of any known format.
 *
 * @module
 */

import { isBitstamp, readBitstamp } from './bitstamp.ts';
import { isColumnar, readColumnar } from './columnar.ts';
import { formatError } from './format-error.ts';
import { readLobster } from './lobster.ts';
import type { OrderFlow } from './order-flow.ts';

/** Whether the bytes are gzip (RFC 1952, 2.3.1). */
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Unpacks gzip; other bytes come back as they are. */
export function gunzipIfNeeded(bytes: Uint8Array, name: string): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    // The copy gives Bun the ArrayBuffer-backed array that its types ask for.
    return Bun.gunzipSync(new Uint8Array(bytes));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw formatError(name, 0, `the gzip data are damaged (${reason})`);
  }
}

/**
 * Reads a file of recorded flow: gzip or plain, columnar `MEBC`, Bitstamp events or LOBSTER
 * messages, told apart by their content and not by their name.
 *
 * @param name - appears in errors.
 * @throws NetError `ERR_TW_FORMAT` naming the file, the line and the reason.
 *
 * @example
 * ```ts
 * const flow = readOrderFlow(await Bun.file(path).bytes(), path);
 * ```
 */
export function readOrderFlow(bytes: Uint8Array, name: string): OrderFlow {
  const plain = gunzipIfNeeded(bytes, name);
  if (isColumnar(plain)) return readColumnar(plain, name);
  if (isBitstamp(plain)) return readBitstamp(plain, name);
  const first = plain[0];
  if (first !== undefined && first >= 0x30 && first <= 0x39) return readLobster(plain, name);
  throw formatError(name, 1, 'neither MEBC, Bitstamp events nor LOBSTER messages');
}
