/**
 * Reads the fields of a request, with words for what is wrong.
 *
 * @module
 */

import { parseHex } from '../script/packet-syntax.ts';

/** A request that cannot be answered; `code` is an errno name. */
export class RequestError extends Error {
  override readonly name: string = 'RequestError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The fields of one request. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** Whatever is there, or undefined. */
  optional(name: string): unknown {
    return this.#values[name];
  }

  /** A number; throws when it is absent and has no default. */
  number(name: string, fallback?: number): number {
    const value = this.#values[name] ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new RequestError('EINVAL', `${name} is a number`);
  }

  /** A text; throws when it is absent and has no default. */
  text(name: string, fallback?: string): string {
    const value = this.#values[name] ?? fallback;
    if (typeof value === 'string') return value;
    throw new RequestError('EINVAL', `${name} is a text`);
  }

  /** A flag; false when absent. */
  flag(name: string): boolean {
    const value = this.#values[name] ?? false;
    if (typeof value === 'boolean') return value;
    throw new RequestError('EINVAL', `${name} is true or false`);
  }

  /** Bytes as hexadecimal digits. */
  bytes(name: string): Uint8Array {
    try {
      return parseHex(this.text(name));
    } catch {
      throw new RequestError('EINVAL', `${name} is bytes as pairs of hexadecimal digits`);
    }
  }

  /** An object; empty when absent. */
  object(name: string): Readonly<Record<string, unknown>> {
    const value = this.#values[name] ?? {};
    if (typeof value === 'object' && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
    throw new RequestError('EINVAL', `${name} is an object`);
  }
}
