/**
 * A cursor over comma-separated numbers in bytes. It reads integers and scaled decimals without
 * making strings, and it knows the line for the error message.
 *
 * @module
 */

import { formatError } from './format-error.ts';

const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const MINUS = 0x2d;
const POINT = 0x2e;

/** Reads one file from front to back. */
export class CsvCursor {
  readonly #bytes: Uint8Array;
  readonly #name: string;
  #at = 0;
  /** Line that the cursor is on. */
  #line = 1;
  /** Line of the last field read, which is the one that errors are about. */
  #fieldLine = 1;

  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#name = name;
  }

  /** Whether all lines are read. */
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Throws `ERR_TW_FORMAT` about the line of the last field read. */
  refuse(reason: string): never {
    throw formatError(this.#name, this.#fieldLine, reason);
  }

  /**
   * A decimal number times 10^`scale`, exactly, and the comma or line end after it.
   *
   * @param last - whether the field ends the line.
   * @param excess - what to do with more than `scale` decimals: refuse them, because the value is
   * not a whole number of units, or cut them off.
   */
  decimal(scale: number, last: boolean, excess: 'refuse' | 'cut' = 'refuse'): number {
    const bytes = this.#bytes;
    this.#fieldLine = this.#line;
    let at = this.#at;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    let value = 0;
    let digits = 0;
    let decimals = -1;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte >= 0x30 && byte <= 0x39) {
        digits++;
        if (decimals >= 0) decimals++;
        if (decimals <= scale) value = value * 10 + (byte - 0x30);
      } else if (byte === POINT && decimals < 0) {
        decimals = 0;
      } else {
        break;
      }
    }
    if (digits === 0) this.refuse('a number is missing');
    const given = decimals < 0 ? 0 : decimals;
    if (given > scale && excess === 'refuse') this.refuse(`more than ${scale} decimals`);
    for (let i = given; i < scale; i++) value *= 10;
    if (value > Number.MAX_SAFE_INTEGER) this.refuse('a number exceeds 2^53 - 1');
    this.#at = at;
    this.#end(last);
    return negative ? 0 - value : value;
  }

  /** An integer, see {@link CsvCursor.decimal}. */
  integer(last: boolean): number {
    return this.decimal(0, last);
  }

  /** A field of letters. */
  word(last: boolean): string {
    const start = this.#at;
    this.#fieldLine = this.#line;
    while (this.#at < this.#bytes.length && this.#bytes[this.#at]! > COMMA) this.#at++;
    const text = String.fromCharCode(...this.#bytes.subarray(start, this.#at));
    this.#end(last);
    return text;
  }

  /** Steps over the rest of the line. */
  skipLine(): void {
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] !== LINE_FEED) this.#at++;
    this.#at++;
    this.#line++;
  }

  #end(last: boolean): void {
    const bytes = this.#bytes;
    if (!last) {
      if (bytes[this.#at] !== COMMA) this.refuse('a field is missing or has an unknown character');
      this.#at++;
      return;
    }
    if (bytes[this.#at] === CARRIAGE_RETURN) this.#at++;
    if (this.#at < bytes.length && bytes[this.#at] !== LINE_FEED) {
      this.refuse('the line is longer than its format');
    }
    this.#at++;
    this.#line++;
  }
}

/** Lines of a file, whether or not the last one has its line feed. */
export function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
  return bytes.length > 0 && bytes[bytes.length - 1] !== LINE_FEED ? lines + 1 : lines;
}
