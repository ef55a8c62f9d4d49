/**
 * Words of the command line to values. Each parser throws an error that says what would be right;
 * the command line puts the name of the flag before it.
 *
 * @module
 */

import { Cidr, IpAddress } from '@tickwire/wire';

const SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** Orders per second: beyond this a schedule in nanoseconds has no resolution left. */
const RATE_MAX = 100e6;
/** Orders of one run: client sequences are 32 bits wide. */
const ORDERS_MAX = 2 ** 31 - 1;
/** Seconds of one run: times are nanoseconds in 53 bits, a week is far below. */
const DURATION_MAX_S = 7 * 86_400;
/** Sessions of one run: a quarter of the traders that an exchange has by default. */
export const SESSIONS_MAX = 64;

function wrong(text: string, what: string): RangeError {
  return new RangeError(`"${text}" is not ${what}`);
}

function scaled(text: string, what: string): number {
  const match = /^(\d[\d_]*(?:\.\d+)?)([kmg]?)$/i.exec(text.trim());
  if (match === null) throw wrong(text, what);
  return Number(match[1]!.replaceAll('_', '')) * SUFFIXES[match[2]!.toLowerCase()]!;
}

/** Orders per second: `100000`, `100_000`, `100k`, `1.5m`. */
export function parseRate(text: string): number {
  const what = 'a rate; give orders per second above 0, as in 100000 or 100k';
  const rate = scaled(text, what);
  if (!(rate > 0) || rate > RATE_MAX) throw wrong(text, what);
  return rate;
}

/** A number of orders: `1000000`, `1m`. */
export function parseOrders(text: string): number {
  const what = 'a number of orders; give 1 to 2147483647, as in 500000 or 1m';
  const orders = scaled(text, what);
  if (!Number.isInteger(orders) || orders < 1 || orders > ORDERS_MAX) throw wrong(text, what);
  return orders;
}

const SECONDS: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1e-3,
  s: 1,
  m: 60,
  min: 60,
  h: 3600,
};

/** Seconds: `10`, `10s`, `500ms`, `2m`, `1h`. */
export function parseDuration(text: string): number {
  const what = 'a duration; give seconds, or 500ms, 10s, 2m, 1h';
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|min|h)?$/.exec(text.trim());
  if (match === null) throw wrong(text, what);
  const seconds = Number(match[1]) * SECONDS[match[2] ?? '']!;
  if (!(seconds > 0) || seconds > DURATION_MAX_S) throw wrong(text, what);
  return seconds;
}

function integer(text: string, min: number, max: number, what: string): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw wrong(text, `${what}; give ${min} to ${max}`);
  return value;
}

/** A seed of the random choices: any 32-bit number. */
export function parseSeed(text: string): number {
  return integer(text, 0, 0xffffffff, 'a seed');
}

/** A number of trader sessions. */
export function parseSessions(text: string): number {
  return integer(text, 1, SESSIONS_MAX, 'a number of sessions');
}

/** The number of the first trader. */
export function parseFirstTrader(text: string): number {
  return integer(text, 0, SESSIONS_MAX - 1, 'the number of a trader');
}

/** A TCP or UDP port. */
export function parsePort(text: string): number {
  return integer(text, 1, 65_535, 'a port');
}

/** The UDP port of a group: the one behind it must be a port as well. */
export function parseGroupPort(text: string): number {
  return integer(text, 1, 65_534, 'a port with another behind it');
}

/** An address with its prefix length: `10.77.0.1/24`. Returns the text. */
export function parseCidr(text: string): string {
  try {
    if (!text.includes('/')) throw wrong(text, 'complete');
    Cidr.parse(text);
    return text;
  } catch (cause) {
    throw new RangeError(
      `"${text}" is not an address with a prefix length; write for example 10.77.0.1/24`,
      { cause },
    );
  }
}

/** An address: `10.77.0.1`. Returns the text. */
export function parseAddress(text: string): string {
  try {
    IpAddress.parse(text);
    return text;
  } catch (cause) {
    throw new RangeError(`"${text}" is not an IP address; write for example 10.77.0.1`, { cause });
  }
}

/** A multicast group: `239.77.0.1`. Returns the text. */
export function parseGroup(text: string): string {
  if (!IpAddress.parse(parseAddress(text)).isMulticast) {
    throw wrong(text, 'a multicast group; choose one in 239.0.0.0/8');
  }
  return text;
}
