/**
 * Fixed-width ASCII fields of session and multicast headers.
 *
 * @module
 */

import { fail } from '@tickwire/base';

const SPACE = 0x20;
const TILDE = 0x7e;

/** Writes `text` to the left of a field and pads it with spaces. */
export function setAsciiLeft(view: DataView, at: number, width: number, text: string): void {
  if (text.length > width) fail('text does not fit its field');
  for (let i = 0; i < width; i++) {
    view.setUint8(at + i, i < text.length ? text.charCodeAt(i) : SPACE);
  }
}

/** Writes `text` to the right of a field and pads it with spaces. */
export function setAsciiRight(view: DataView, at: number, width: number, text: string): void {
  if (text.length > width) fail('text does not fit its field');
  const pad = width - text.length;
  for (let i = 0; i < width; i++) {
    view.setUint8(at + i, i < pad ? SPACE : text.charCodeAt(i - pad));
  }
}

/** Reads a field without the spaces around it; undefined when it is not all printable ASCII. */
export function getAscii(view: DataView, at: number, width: number): string | undefined {
  let text = '';
  for (let i = 0; i < width; i++) {
    const byte = view.getUint8(at + i);
    if (byte < SPACE || byte > TILDE) return undefined;
    text += String.fromCharCode(byte);
  }
  return text.trim();
}

/** Reads a decimal field padded with spaces; -1 when it is anything else or exceeds 2^53 - 1. */
export function getAsciiNumber(view: DataView, at: number, width: number): number {
  let value = 0;
  let digits = 0;
  let ended = false;
  for (let i = 0; i < width; i++) {
    const byte = view.getUint8(at + i);
    if (byte === SPACE) {
      ended = digits > 0;
    } else if (byte >= 0x30 && byte <= 0x39 && !ended) {
      value = value * 10 + (byte - 0x30);
      digits++;
    } else {
      return -1;
    }
  }
  return digits === 0 || value > Number.MAX_SAFE_INTEGER ? -1 : value;
}
