/**
 * Who may log in.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { LoginPolicy } from './options.ts';

/** Characters of the password field of a login. */
const TOKEN_CHARS_MAX = 10;
/** Numbers of the user field of a login: six digits. */
const TRADER_MAX = 999_999;

/** The login table. */
export class LoginTable {
  readonly #tokens: Map<number, string> | undefined;
  readonly #traders: number;

  /** @throws NetError `ERR_TW_CONFIG` when a trader or token cannot be presented by a client. */
  constructor(policy: LoginPolicy, traders: number) {
    this.#traders = traders;
    if (policy === 'accept-all') return;
    this.#tokens = new Map();
    for (const { trader, token } of policy) {
      if (!Number.isInteger(trader) || trader < 0 || trader >= traders) {
        throw new NetError(
          'ERR_TW_CONFIG',
          `Trader ${trader} is not from 0 to ${traders - 1}; raise limits.traders`,
          { trader },
        );
      }
      if (!/^[!-~]{1,10}$/.test(token)) {
        throw new NetError(
          'ERR_TW_CONFIG',
          `The token of trader ${trader} must be 1 to ${TOKEN_CHARS_MAX} printable characters`,
          { trader },
        );
      }
      this.#tokens.set(trader, token);
    }
  }

  /** The trader who presents `user` and `token`, or -1. */
  authorise(user: string, token: string): number {
    if (!/^[0-9]{1,6}$/.test(user)) return -1;
    const trader = Number(user);
    if (trader > TRADER_MAX || trader >= this.#traders) return -1;
    if (this.#tokens === undefined) return trader;
    const wanted = this.#tokens.get(trader);
    return wanted !== undefined && sameText(wanted, token) ? trader : -1;
  }
}

/** Compares in a time that does not tell where the texts differ. */
function sameText(wanted: string, given: string): boolean {
  let difference = wanted.length ^ given.length;
  for (let i = 0; i < TOKEN_CHARS_MAX; i += 1) {
    difference |= (wanted.charCodeAt(i) | 0) ^ (given.charCodeAt(i) | 0);
  }
  return difference === 0;
}
